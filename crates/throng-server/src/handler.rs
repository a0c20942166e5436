//! What you write to serve a connection. Of the three steps only `serve` is required.
//!
//! | step | runs | for |
//! |---|---|---|
//! | `setup` | first, with the connection | a greeting, a look at who comes; when it fails, nothing else runs |
//! | `serve` | next, and owns the connection | the conversation |
//! | `finish` | after every `setup` that succeeded, whatever ended the connection | to take back what `setup` did |
//!
//! A fourth, `rejected`, is the word for a client who finds no place: [`crate::Limits`].
//!
//! What is taken back by `finish` is found there by [`ConnInfo::id`]; what `serve` holds in a variable is dropped with it, also
//! when it panics or is dropped where it waits, so a value whose `Drop` gives something back needs no `finish`.
//!
//! All run inside a tokio runtime, with its timers and its I/O; one that waits must `.await`, or it holds its worker
//! ([`crate::Event::Blocked`]). Who cannot do without blocking calls writes a [`BlockingHandler`].

use std::future::{Future, ready};
use std::sync::Arc;

use crate::blocking::BlockingConn;
use crate::conn::Conn;
use crate::end::End;
use crate::limits::Rejected;
use crate::peer::Peer;
use crate::report::ConnInfo;

/// Serves connections, by any model. A closure or an `async fn` that takes a [`Conn`] is one. Of a closure's argument write the
/// type, `|conn: Conn|`: without it the compiler does not know the methods that are called on it.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use throng_server::{Conn, ConnInfo, End, Handler, Server};
///
/// /// Echoes lines, and knows how many are here.
/// struct Lobby {
///     here: AtomicUsize,
/// }
///
/// impl Handler for Lobby {
///     async fn setup(&self, conn: &mut Conn) -> throng_server::Result {
///         let here = self.here.fetch_add(1, Ordering::Relaxed) + 1;
///         conn.write_all(format!("{here} here\r\n").as_bytes()).await?;
///         Ok(())
///     }
///
///     async fn serve(&self, mut conn: Conn) -> throng_server::Result {
///         let mut lines = conn.lines(1024);
///         while let Some(line) = conn.read_line(&mut lines).await? {
///             conn.write_all(&[line, b"\r\n"].concat()).await?;
///         }
///         Ok(())
///     }
///
///     fn finish(&self, _conn: &ConnInfo, _end: &End) {
///         self.here.fetch_sub(1, Ordering::Relaxed);
///     }
/// }
///
/// # fn main() -> Result<(), throng_server::StartError> {
/// let running = Server::new(Lobby { here: AtomicUsize::new(0) }).listen("127.0.0.1:0").start()?;
/// # use std::io::{BufRead, BufReader, Write};
/// # let mut client = std::net::TcpStream::connect(&running.addresses()[0]).unwrap();
/// # client.write_all(b"hello\n").unwrap();
/// # let mut lines = BufReader::new(client).lines();
/// # assert_eq!(lines.next().unwrap().unwrap(), "1 here");
/// # assert_eq!(lines.next().unwrap().unwrap(), "hello");
/// # Ok(())
/// # }
/// ```
pub trait Handler: Send + Sync + 'static {
    /// Comes before [`Handler::serve`], on the same connection. Under TLS the handshake is over then. Does nothing unless
    /// written.
    ///
    /// # Errors
    /// When it fails, neither `serve` nor `finish` is called, and the connection ends as [`End::of`] its error says, or as
    /// [`End::Failed`]. The example turns clients away at the door:
    ///
    /// ```
    /// # use throng_server::{Conn, End, Handler, testing::drive};
    /// struct Local;
    ///
    /// impl Handler for Local {
    ///     async fn setup(&self, conn: &mut Conn) -> throng_server::Result {
    ///         match conn.peer().address.path() {
    ///             Some(_) => Ok(()),
    ///             None => Err("not by our socket".into()),
    ///         }
    ///     }
    ///
    ///     async fn serve(&self, _conn: Conn) -> throng_server::Result {
    ///         unreachable!("the client of this example has no path")
    ///     }
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (_client, driven) = drive(Local);
    /// assert_eq!(driven.end().await, End::Failed("not by our socket".to_owned()));
    /// # }
    /// ```
    fn setup(&self, _conn: &mut Conn) -> impl Future<Output = crate::Result> + Send {
        ready(Ok(()))
    }

    /// Serves one connection to its end. It owns the connection; nothing limits how long it takes but [`crate::Timeouts`] and
    /// a drain. What it returns is the connection's [`End`]: `Ok` is [`End::Done`], or whoever ended it behind a read of 0; a
    /// panic is [`End::Panicked`], and nobody else's.
    ///
    /// # Errors
    /// Any: one of the connection itself is told as what it means ([`End::of`]), another as [`End::Failed`] with its text.
    /// Examples: [`Handler`], [`crate::Result`].
    fn serve(&self, conn: Conn) -> impl Future<Output = crate::Result> + Send;

    /// Comes once after each `setup` that succeeded: when `serve` returned, failed or panicked, and when it was dropped since
    /// the server ended. Called on the thread that served, so it must return at once; the connection itself is gone already. A
    /// panic here is caught, and changes nothing. Example: [`Handler`].
    fn finish(&self, _conn: &ConnInfo, _end: &End) {}

    /// The word for a connection that is not served, unless its denial has its own ([`crate::Denial::word`]); none unless
    /// written. It gets half a second to be taken. 64 clients are
    /// told at a time, and who comes meanwhile is closed without a word; so is one who may speak TLS, and could not read it.
    ///
    /// ```
    /// # use throng_server::{Conn, Handler, Limits, Peer, Rejected, Server};
    /// # use std::io::{Read, Write};
    /// struct Small;
    ///
    /// impl Handler for Small {
    ///     async fn serve(&self, mut conn: Conn) -> throng_server::Result {
    ///         conn.write_all(b"Hello.\r\n").await?;
    ///         conn.read_into(&mut conn.buffer()).await?;
    ///         Ok(())
    ///     }
    ///
    ///     fn rejected(&self, _peer: &Peer, why: Rejected) -> &[u8] {
    ///         match why {
    ///             Rejected::AddressFull => b"There are enough of you.\r\n",
    ///             _ => b"Come again later.\r\n",
    ///         }
    ///     }
    /// }
    /// # fn main() -> throng_server::Result {
    /// let limits = Limits { per_address: 1, per_address_loopback: true, ..Limits::default() };
    /// let running = Server::new(Small).limits(limits).listen("127.0.0.1:0").start()?;
    /// # let mut first = std::net::TcpStream::connect(&running.addresses()[0])?;
    /// # first.read_exact(&mut [0; 8])?;
    /// # let second = std::net::TcpStream::connect(&running.addresses()[0])?;
    /// # second.set_read_timeout(Some(std::time::Duration::from_secs(20)))?;
    /// # assert_eq!(std::io::read_to_string(second)?, "There are enough of you.\r\n");
    /// # Ok(())
    /// # }
    /// ```
    fn rejected(&self, _peer: &Peer, _why: Rejected) -> &[u8] {
        b""
    }
}

impl<F, Served> Handler for F
where
    F: Fn(Conn) -> Served + Send + Sync + 'static,
    Served: Future<Output = crate::Result> + Send,
{
    fn serve(&self, conn: Conn) -> impl Future<Output = crate::Result> + Send {
        self(conn)
    }
}

/// Serves the connections of one worker, on its thread: what it keeps need not be `Send`. Made by the factory of
/// [`crate::Server::local`].
///
/// A [`Handler`] is shared by threads, and Rust refuses one that cannot be:
///
/// ```compile_fail
/// use std::cell::Cell;
/// use throng_server::{Conn, Handler};
///
/// struct Counter {
///     visitors: Cell<u64>, // two threads could read it, add one, and write back the same number
/// }
///
/// impl Handler for Counter {
///     async fn serve(&self, _conn: Conn) -> throng_server::Result {
///         self.visitors.set(self.visitors.get() + 1);
///         Ok(())
///     }
/// }
/// ```
///
/// The same counter as a `LocalHandler` compiles, since each worker has one of its own. A closure is no `LocalHandler` unless
/// it is a [`Handler`] too.
///
/// ```
/// use std::cell::Cell;
/// use throng_server::{Conn, LocalHandler, Server};
///
/// struct Counter {
///     visitors: Cell<u64>,
/// }
///
/// impl LocalHandler for Counter {
///     async fn serve(&self, mut conn: Conn) -> throng_server::Result {
///         self.visitors.set(self.visitors.get() + 1);
///         conn.write_all(format!("visitor {}\r\n", self.visitors.get()).as_bytes()).await?;
///         Ok(())
///     }
/// }
///
/// # fn main() -> throng_server::Result {
/// let running = Server::local(|_| Counter { visitors: Cell::new(0) }).listen("127.0.0.1:0").start()?;
/// # let client = std::net::TcpStream::connect(&running.addresses()[0])?;
/// # assert_eq!(std::io::read_to_string(client)?, "visitor 1\r\n");
/// # Ok(())
/// # }
/// ```
pub trait LocalHandler: 'static {
    /// As [`Handler::setup`].
    fn setup(&self, _conn: &mut Conn) -> impl Future<Output = crate::Result> {
        ready(Ok(()))
    }

    /// As [`Handler::serve`], always on the thread of its worker.
    fn serve(&self, conn: Conn) -> impl Future<Output = crate::Result>;

    /// As [`Handler::finish`].
    fn finish(&self, _conn: &ConnInfo, _end: &End) {}

    /// Called ten times a second ([`crate::timeouts::SWEEP_EVERY`]) with the worker's clock in milliseconds: the place for
    /// timeouts, instead of a timer for each. It must return at once, since everybody on this worker waits meanwhile. A panic
    /// here is caught, and the next sweep comes all the same.
    ///
    /// ```
    /// # use std::cell::RefCell;
    /// # use throng_server::{Conn, End, LocalHandler, Outbox, Server};
    /// /// Everybody has a second.
    /// #[derive(Default)]
    /// struct Brief {
    ///     here: RefCell<Vec<(u64, Outbox)>>, // since when, and whom to tell
    /// }
    ///
    /// impl LocalHandler for Brief {
    ///     async fn serve(&self, conn: Conn) -> throng_server::Result {
    ///         let (mut reader, outbox) = conn.split();
    ///         self.here.borrow_mut().push((reader.now_ms(), outbox));
    ///         reader.read_into(&mut reader.buffer()).await?;
    ///         Ok(())
    ///     }
    ///
    ///     fn sweep(&self, now_ms: u64) {
    ///         self.here.borrow_mut().retain(|(since_ms, outbox)| {
    ///             let is_due = now_ms - since_ms >= 1000;
    ///             if is_due {
    ///                 outbox.push(b"Time is up.\r\n");
    ///                 outbox.finish(End::TimedOut);
    ///             }
    ///             !is_due
    ///         });
    ///     }
    /// }
    /// # fn main() -> throng_server::Result {
    /// # let running = Server::local(|_| Brief::default()).listen("127.0.0.1:0").start()?;
    /// # let client = std::net::TcpStream::connect(&running.addresses()[0])?;
    /// # assert_eq!(std::io::read_to_string(client)?, "Time is up.\r\n");
    /// # Ok(())
    /// # }
    /// ```
    fn sweep(&self, _now_ms: u64) {}

    /// As [`Handler::rejected`].
    fn rejected(&self, _peer: &Peer, _why: Rejected) -> &[u8] {
        b""
    }
}

/// A handler that can be shared serves a worker as well.
impl<H: Handler> LocalHandler for H {
    fn setup(&self, conn: &mut Conn) -> impl Future<Output = crate::Result> {
        Handler::setup(self, conn)
    }

    fn serve(&self, conn: Conn) -> impl Future<Output = crate::Result> {
        Handler::serve(self, conn)
    }

    fn finish(&self, conn: &ConnInfo, end: &End) {
        Handler::finish(self, conn, end);
    }

    fn rejected(&self, peer: &Peer, why: Rejected) -> &[u8] {
        Handler::rejected(self, peer, why)
    }
}

/// Serves connections with plain blocking code over [`std::io::Read`] and [`std::io::Write`], one client at a time
/// ([`crate::Sequential`]) or on a thread for each ([`crate::Threads`]), here or in worker processes
/// ([`crate::Server::blocking_local`]). A closure `|conn: BlockingConn|` or a `fn` that takes a [`BlockingConn`] is one.
///
/// ```
/// use std::io::Write;
/// use throng_server::{BlockingConn, Server};
///
/// fn shout(mut conn: BlockingConn) -> throng_server::Result {
///     let mut lines = conn.lines(1024);
///     while let Some(line) = conn.read_line(&mut lines)? {
///         conn.write_all(&[&line.to_ascii_uppercase(), &b"\r\n"[..]].concat())?;
///     }
///     Ok(())
/// }
///
/// # fn main() -> Result<(), throng_server::StartError> {
/// let running = Server::blocking(shout).listen("127.0.0.1:0").start()?;
/// # use std::io::{BufRead, BufReader};
/// # let mut client = std::net::TcpStream::connect(&running.addresses()[0]).unwrap();
/// # client.write_all(b"hello\n").unwrap();
/// # assert_eq!(BufReader::new(client).lines().next().unwrap().unwrap(), "HELLO");
/// # Ok(())
/// # }
/// ```
pub trait BlockingHandler: Send + Sync + 'static {
    /// As [`Handler::setup`].
    ///
    /// # Errors
    /// Whatever makes it useless to serve this connection; neither `serve` nor `finish` is called then.
    fn setup(&self, _conn: &mut BlockingConn) -> crate::Result {
        Ok(())
    }

    /// Serves one connection to its end. Nobody can end a thread from outside: a cut or a drain wakes its reads and writes,
    /// and nothing else, so one that waits for something else outlives its server's end, and only the end of the process
    /// ends it.
    ///
    /// # Errors
    /// Whatever ended it; [`End::of`] tells which errors have a meaning of their own. Example: [`BlockingHandler`].
    fn serve(&self, conn: BlockingConn) -> crate::Result;

    /// As [`Handler::finish`].
    fn finish(&self, _conn: &ConnInfo, _end: &End) {}

    /// As [`Handler::rejected`].
    fn rejected(&self, _peer: &Peer, _why: Rejected) -> &[u8] {
        b""
    }
}

impl<F> BlockingHandler for F
where
    F: Fn(BlockingConn) -> crate::Result + Send + Sync + 'static,
{
    fn serve(&self, conn: BlockingConn) -> crate::Result {
        self(conn)
    }
}

/// A handler that all workers share.
pub(crate) struct Everywhere<H>(pub Arc<H>);

impl<H: Handler> LocalHandler for Everywhere<H> {
    async fn setup(&self, conn: &mut Conn) -> crate::Result {
        self.0.setup(conn).await
    }

    async fn serve(&self, conn: Conn) -> crate::Result {
        self.0.serve(conn).await
    }

    fn finish(&self, conn: &ConnInfo, end: &End) {
        self.0.finish(conn, end);
    }

    fn rejected(&self, peer: &Peer, why: Rejected) -> &[u8] {
        self.0.rejected(peer, why)
    }
}
