//! What you write to serve a connection. Of the three steps only `serve` is required.
//!
//! | step | runs | for |
//! |---|---|---|
//! | `setup` | first, with the connection | a greeting, a look at who comes; when it fails, nothing else runs |
//! | `serve` | next, and owns the connection | the conversation |
//! | `finish` | after every `setup` that succeeded, whatever ended the connection | to take back what `setup` did |

use std::future::{Future, ready};
use std::sync::Arc;

use crate::blocking::BlockingConn;
use crate::conn::Conn;
use crate::end::End;
use crate::limits::Rejected;
use crate::peer::Peer;
use crate::report::ConnInfo;

/// Serves connections, by any model. A closure or an `async fn` that takes a [`Conn`] is one.
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
    /// Comes before [`Handler::serve`], on the same connection.
    fn setup(&self, _conn: &mut Conn) -> impl Future<Output = crate::Result> + Send {
        ready(Ok(()))
    }

    /// Serves one connection to its end.
    fn serve(&self, conn: Conn) -> impl Future<Output = crate::Result> + Send;

    /// Comes once after each `setup` that succeeded: when `serve` returned, failed or panicked, and when it was dropped
    /// since its connection was cut or the server ended. Must return at once.
    fn finish(&self, _conn: &ConnInfo, _end: &End) {}

    /// The word for a connection that is not served.
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
/// The same counter as a `LocalHandler` compiles, since each worker has one of its own: `examples/per_core.rs`.
pub trait LocalHandler: 'static {
    /// As [`Handler::setup`].
    fn setup(&self, _conn: &mut Conn) -> impl Future<Output = crate::Result> {
        ready(Ok(()))
    }

    /// Serves one connection to its end.
    fn serve(&self, conn: Conn) -> impl Future<Output = crate::Result>;

    /// As [`Handler::finish`].
    fn finish(&self, _conn: &ConnInfo, _end: &End) {}

    /// Called ten times a second with the worker's clock: the place for timeouts, instead of a timer for each.
    fn sweep(&self, _now_ms: u64) {}

    /// The word for a connection that is not served.
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

/// Serves connections with plain blocking code over [`std::io::Read`] and [`std::io::Write`], one client at a time or on a
/// thread for each, here or in worker processes ([`crate::Server::blocking_local`]). A closure or a `fn` that takes a [`BlockingConn`] is one.
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
    /// Whatever makes it useless to serve this connection.
    fn setup(&self, _conn: &mut BlockingConn) -> crate::Result {
        Ok(())
    }

    /// Serves one connection to its end.
    ///
    /// # Errors
    /// Whatever ended it; [`End`] tells which errors have a meaning of their own.
    fn serve(&self, conn: BlockingConn) -> crate::Result;

    /// As [`Handler::finish`].
    fn finish(&self, _conn: &ConnInfo, _end: &End) {}

    /// The word for a connection that is not served.
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
