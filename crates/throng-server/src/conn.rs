//! One connection, as its handler has it.
//!
//! A [`Conn`] is owned by its handler and closes when it is dropped. [`Conn::split`] makes of it a [`Reader`], which stays
//! in the handler, and an [`Outbox`], through which anything on the same worker can send.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::buffer::Buffer;
use crate::lines::{Found, Lines};
use crate::outbox::{Link, Outbox};
use crate::peer::{ConnId, Peer};
use crate::reader::Reader;
use crate::socket::Socket;
use crate::ticket::{BUSY, ESTABLISHED, PROTECTED, SET_UP, Ticket};

/// One connection, whole: what a handler is given. It is owned, reads and writes, and closes when it is dropped, so that
/// nothing that was written is lost (the server reads what still comes for 2 s and 256 KiB at most, so that no reset overtakes
/// it: RFC 1122 §4.2.2.13).
///
/// Bytes are read by [`Conn::read_into`], lines by [`Conn::read_line`]. It is also tokio's `AsyncRead` and `AsyncWrite`, for
/// whatever reads from and writes to these:
///
/// ```
/// use throng_server::testing::drive;
/// use throng_server::Conn;
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// async fn four(mut conn: Conn) -> throng_server::Result {
///     let number = AsyncReadExt::read_u32(&mut conn).await?; // big-endian; fewer bytes are an error
///     conn.write_all(&number.wrapping_add(1).to_be_bytes()).await?;
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> throng_server::Result {
/// let (mut client, _) = drive(four);
/// client.write_u32(41).await?;
/// assert_eq!(client.read_u32().await?, 42);
/// # Ok(())
/// # }
/// ```
///
/// A read or write that was cut, by a timeout or by [`crate::Running::kill`], fails with an error that `?` may just pass on:
/// the server knows by it how the connection ended ([`crate::End::of`]).
pub struct Conn {
    /// Apart, since a future has room for each place through which a connection passes on its way into the handler.
    socket: Box<Socket>,
}

impl Conn {
    pub(crate) fn new(socket: Socket) -> Conn {
        Conn { socket: Box::new(socket) }
    }

    /// Its number, as in [`crate::Event`]s and in [`crate::Running::conns`]; never given twice by one server.
    ///
    /// ```
    /// # use throng_server::{Conn, testing::drive};
    /// # use tokio::io::AsyncReadExt;
    /// async fn number(mut conn: Conn) -> throng_server::Result {
    ///     let words = format!("You are number {}, from {}.\r\n", conn.id(), conn.peer().address);
    ///     conn.write_all(words.as_bytes()).await?;
    ///     Ok(())
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> throng_server::Result {
    /// # let mut heard = String::new();
    /// # drive(number).0.read_to_string(&mut heard).await?;
    /// # assert_eq!(heard, "You are number 1, from memory.\r\n");
    /// # Ok(())
    /// # }
    /// ```
    pub fn id(&self) -> ConnId {
        self.ticket().id
    }

    /// Both its ends, and how it is secured. Example: [`Conn::id`].
    pub fn peer(&self) -> &Peer {
        &self.ticket().peer
    }

    /// A buffer to read into, empty. Its storage is the worker's and is held only while it holds bytes, so a silent connection
    /// holds none. Example: [`Buffer`].
    pub fn buffer(&self) -> Buffer {
        Buffer::default()
    }

    /// Reads once, behind what the buffer holds, and says how many bytes came: as many as the kernel has, some 64 KiB at most.
    /// 0 means that nothing more comes, now or later: the peer ended its side, or a drain reached a point where nothing is
    /// under way. Cancel-safe: given up in a `select!`, it has taken nothing.
    ///
    /// Nothing is under way when all that was read was followed by a completed write. A handler that reads and never answers is
    /// always busy, and a drain cuts it at its deadline: it says [`Conn::answered`].
    ///
    /// Whoever does not [`Buffer::clear`] adds to what is there, without limit: a handler that keeps bytes must bound them.
    ///
    /// # Errors
    /// What the network says, or why the connection was cut ([`crate::End::of`]).
    ///
    /// ```
    /// # use throng_server::testing::drive;
    /// use throng_server::Conn;
    /// use tokio::io::AsyncWriteExt;
    ///
    /// /// Takes 1 KiB at most, and says how much it was.
    /// async fn count(mut conn: Conn) -> throng_server::Result {
    ///     let mut buffer = conn.buffer();
    ///     while buffer.len() <= 1024 && conn.read_into(&mut buffer).await? > 0 {}
    ///     if buffer.len() > 1024 {
    ///         return Err("more than 1 KiB".into()); // its End is Failed("more than 1 KiB")
    ///     }
    ///     conn.write_all(format!("{} bytes\r\n", buffer.len()).as_bytes()).await?;
    ///     Ok(())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> throng_server::Result {
    /// # use tokio::io::AsyncReadExt;
    /// let (mut client, _) = drive(count);
    /// client.write_all(b"hello").await?;
    /// client.shutdown().await?;
    /// # let mut heard = String::new();
    /// # client.read_to_string(&mut heard).await?;
    /// # assert_eq!(heard, "5 bytes\r\n");
    /// # let (mut client, driven) = drive(count);
    /// # client.write_all(&[0; 1025]).await?;
    /// # assert_eq!(driven.end().await, throng_server::End::Failed("more than 1 KiB".to_owned()));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn read_into(&mut self, buffer: &mut Buffer) -> io::Result<usize> {
        self.socket.read_into(buffer).await
    }

    /// Writes all of it, and waits while the peer takes nothing: that is all the backpressure there is to know, and no memory
    /// is used by it. Who takes nothing for [`crate::Timeouts::write_stall`] is cut, and the write fails. TCP_NODELAY is set
    /// (tcp(7)), so what is written is sent at once: put together what belongs together. Given up in a `select!`, some of it
    /// may be written.
    ///
    /// # Errors
    /// What the network says, or why the connection was cut ([`crate::End::of`]).
    ///
    /// ```
    /// # use throng_server::{Conn, End, Timeouts, testing::drive_with};
    /// # use std::time::Duration;
    /// async fn flood(mut conn: Conn) -> throng_server::Result {
    ///     loop {
    ///         conn.write_all(&[0; 4096]).await?; // fails when nobody has read for a minute
    ///     }
    /// }
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> throng_server::Result {
    /// let (client, driven) = drive_with(flood, Timeouts::default()); // `client` never reads
    /// assert_eq!(driven.end().await, End::Stalled);
    /// # drop(client);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let _given_up = Waiting(self.ticket());
        while !bytes.is_empty() {
            let written = poll_fn(|cx| self.socket.poll_write(cx, bytes)).await?;
            bytes = &bytes[written..];
        }
        poll_fn(|cx| self.socket.poll_flush(cx)).await
    }

    /// Has a drain begun, or has this connection reached its age ([`crate::Timeouts::age`])? Asked behind a read that gave 0 or
    /// `None`, it tells whose end that was: after the server's own there is somebody to say goodbye to.
    ///
    /// ```
    /// # use throng_server::{Conn, testing::drive};
    /// # use tokio::io::AsyncReadExt;
    /// async fn wait(mut conn: Conn) -> throng_server::Result {
    ///     let mut lines = conn.lines(80);
    ///     while let Some(_line) = conn.read_line(&mut lines).await? {
    ///         conn.write_all(b"ok\r\n").await?;
    ///     }
    ///     if conn.is_draining() {
    ///         conn.write_all(b"Goodbye.\r\n").await?;
    ///     }
    ///     Ok(())
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> throng_server::Result {
    /// let (mut client, driven) = drive(wait);
    /// driven.drain();
    /// # let mut heard = String::new();
    /// # client.read_to_string(&mut heard).await?;
    /// # assert_eq!(heard, "Goodbye.\r\n");
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_draining(&self) -> bool {
        self.ticket().is_ending()
    }

    /// Waits until [`Conn::is_draining`]. Cancel-safe, and independent of the connection, so that both can be waited for at
    /// once. Example: [`Conn::protect`].
    pub fn draining(&self) -> impl Future<Output = ()> + Send + 'static {
        self.socket.ticket().draining()
    }

    /// A drain gives this connection no end-of-file from here on: the handler watches [`Conn::draining`], or whatever else
    /// tells it to end. For one that is busy with something else than answers. It cannot be taken back; who does not end by
    /// the drain's deadline is cut.
    ///
    /// ```
    /// # use throng_server::{Conn, testing::drive};
    /// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
    /// /// Takes whatever comes, and says at the end how much it was.
    /// async fn sink(mut conn: Conn) -> throng_server::Result {
    ///     conn.protect();
    ///     let (mut buffer, mut taken) = (conn.buffer(), 0);
    ///     let mut draining = std::pin::pin!(conn.draining());
    ///     loop {
    ///         tokio::select! {
    ///             read = conn.read_into(&mut buffer) => match read? {
    ///                 0 => break,
    ///                 read => taken += read,
    ///             },
    ///             () = &mut draining => break,
    ///         }
    ///         buffer.clear();
    ///     }
    ///     conn.write_all(format!("{taken} bytes\r\n").as_bytes()).await?;
    ///     Ok(())
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> throng_server::Result {
    /// let (mut client, driven) = drive(sink);
    /// client.write_all(b"four").await?;
    /// # for _ in 0..100 {
    /// #     tokio::task::yield_now().await;
    /// # }
    /// driven.drain();
    /// # let mut heard = String::new();
    /// # client.read_to_string(&mut heard).await?;
    /// # assert_eq!(heard, "4 bytes\r\n");
    /// # Ok(())
    /// # }
    /// ```
    pub fn protect(&self) {
        self.ticket().set(PROTECTED);
    }

    /// The peer is known: the deadline of [`crate::Timeouts::handshake`] no longer holds. Does nothing where none is set.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use throng_server::{Conn, End, Timeouts, testing::drive_with};
    /// # use tokio::io::AsyncWriteExt;
    /// async fn guarded(mut conn: Conn) -> throng_server::Result {
    ///     let mut lines = conn.lines(80);
    ///     if conn.read_line(&mut lines).await? != Some(b"open sesame") {
    ///         return Ok(());
    ///     }
    ///     conn.established(); // from here on it may be silent
    ///     conn.read_line(&mut lines).await?;
    ///     Ok(())
    /// }
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> throng_server::Result {
    /// let timeouts = Timeouts { handshake: Some(Duration::from_secs(5)), ..Timeouts::default() };
    /// let (_silent, driven) = drive_with(guarded, timeouts.clone());
    /// assert_eq!(driven.end().await, End::TimedOut);
    /// # let (mut client, driven) = drive_with(guarded, timeouts);
    /// # client.write_all(b"open sesame\n").await?;
    /// # tokio::time::advance(Duration::from_secs(60)).await;
    /// # client.shutdown().await?;
    /// # assert_eq!(driven.end().await, End::PeerClosed);
    /// # Ok(())
    /// # }
    /// ```
    pub fn established(&self) {
        self.ticket().set(ESTABLISHED);
    }

    /// Lines of at most `max` bytes each, their LF or CR LF not counted, to be read by [`Conn::read_line`]. Nothing is read
    /// yet. Keep one for the whole connection: what came behind a line is in it. Example: [`Conn::read_line`].
    pub fn lines(&self, max: usize) -> Lines {
        Lines::new(max)
    }

    /// The next line, without its LF or CR LF; what the peer ends its side behind is a line as well. `None` when nothing more
    /// comes, as of [`Conn::read_into`]. It is bytes: `String::from_utf8_lossy` makes text of it. Cancel-safe: half a line
    /// stays in `lines`.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] as soon as a line is longer than the limit, before it ends, and again at every call:
    /// there is no way back into the stream. And whatever [`Conn::read_into`] says.
    ///
    /// ```
    /// # use throng_server::testing::drive;
    /// # use throng_server::End;
    /// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
    /// async fn reverse(mut conn: throng_server::Conn) -> throng_server::Result {
    ///     let mut lines = conn.lines(10);
    ///     while let Some(line) = conn.read_line(&mut lines).await? {
    ///         let reversed: Vec<u8> = line.iter().rev().copied().chain(*b"\r\n").collect();
    ///         conn.write_all(&reversed).await?;
    ///     }
    ///     Ok(())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> throng_server::Result {
    /// let (mut client, driven) = drive(reverse);
    /// client.write_all(b"one\r\ntwo\n, and longer").await?;
    /// # client.shutdown().await?;
    /// let mut heard = String::new();
    /// client.read_to_string(&mut heard).await?;
    /// assert_eq!(heard, "eno\r\nowt\r\n");
    /// assert_eq!(driven.end().await, End::Failed("a line of more than 10 bytes".to_owned()));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn read_line<'l>(&mut self, lines: &'l mut Lines) -> io::Result<Option<&'l [u8]>> {
        loop {
            match lines.find()? {
                Found::Line(line) => {
                    self.ticket().take_up();
                    return Ok(Some(lines.at(line)));
                }
                Found::End => return Ok(None),
                Found::Half if self.read_into(lines.buffer()).await? == 0 => lines.end(),
                Found::Half => {}
            }
        }
    }

    /// What was read needs no answer: nothing is under way any more, so that a drain may end the connection here. A completed
    /// write says the same; this is for what is taken without a word. Half a question is then no reason to wait either.
    ///
    /// ```
    /// # use throng_server::{Conn, End, testing::drive};
    /// # use tokio::io::AsyncWriteExt;
    /// /// Takes lines, and never says anything.
    /// async fn note(mut conn: Conn) -> throng_server::Result {
    ///     let mut lines = conn.lines(1024);
    ///     while let Some(_line) = conn.read_line(&mut lines).await? {
    ///         conn.answered(); // without it a drain would wait for an answer, and cut at its deadline
    ///     }
    ///     Ok(())
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> throng_server::Result {
    /// let (mut client, driven) = drive(note);
    /// client.write_all(b"remember me\n").await?;
    /// # for _ in 0..100 {
    /// #     tokio::task::yield_now().await;
    /// # }
    /// driven.drain();
    /// assert_eq!(driven.end().await, End::Drained);
    /// # Ok(())
    /// # }
    /// ```
    pub fn answered(&self) {
        self.ticket().note_written(BUSY);
    }

    /// Runs a task beside the handler, for as long as that runs and no longer: when the handler ends, however it ends, the
    /// task is dropped where it waits. One that panics is only gone.
    ///
    /// # Errors
    /// When 64 of them run already; those that have ended do not count.
    ///
    /// # Panics
    /// Outside of a tokio runtime; a handler is always inside one.
    ///
    /// ```
    /// # use throng_server::{Conn, testing::drive};
    /// # use tokio::io::AsyncReadExt;
    /// use tokio::sync::mpsc;
    ///
    /// async fn told(mut conn: Conn) -> throng_server::Result {
    ///     let (tell, mut hear) = mpsc::channel(8);
    ///     conn.spawn(async move {
    ///         for number in 1..=3 {
    ///             let _ = tell.send(format!("{number}\r\n")).await; // the handler may be gone
    ///         }
    ///     })?;
    ///     while let Some(word) = hear.recv().await {
    ///         conn.write_all(word.as_bytes()).await?;
    ///     }
    ///     Ok(())
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> throng_server::Result {
    /// # let mut heard = String::new();
    /// # drive(told).0.read_to_string(&mut heard).await?;
    /// # assert_eq!(heard, "1\r\n2\r\n3\r\n");
    /// # Ok(())
    /// # }
    /// ```
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        self.socket.begin_task(|tasks| drop(tasks.spawn(task)))
    }

    /// Parts the two directions, so that others on the same worker can send to this connection. An [`Outbox`] stays on its
    /// worker, so this is for a [`crate::LocalHandler`]; a [`crate::Handler`] that keeps one while it waits does not compile.
    /// Example: [`Outbox`].
    ///
    /// # Panics
    /// On another thread than a worker's: under [`crate::Threads`] and [`crate::Pool`], and in [`crate::testing`].
    pub fn split(self) -> (Reader, Outbox) {
        let link = Rc::new(Link::new(*self.socket));
        (Reader::new(Rc::clone(&link)), Outbox::new(link))
    }

    /// Its handler's setup succeeded.
    pub(crate) fn set_up(&self) {
        self.ticket().set(SET_UP);
    }

    fn ticket(&self) -> &Ticket {
        self.socket.ticket()
    }
}

impl AsyncRead for Conn {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if into.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        self.socket.poll_read(cx, into).map_ok(|_| ())
    }
}

impl AsyncWrite for Conn {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.socket.poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // An error means that the connection is over already.
        let _ = ready!(self.socket.poll_shutdown(cx));
        Poll::Ready(Ok(()))
    }
}

/// A write that may wait for the peer. One that is given up, as by a `select!`, waits no more.
struct Waiting<'a>(&'a Ticket);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.end_stall();
    }
}
