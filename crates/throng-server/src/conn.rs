//! One connection, as its handler has it.
//!
//! A [`Conn`] is owned by its handler and closes when it is dropped. [`Conn::split`] makes of it a [`Reader`], which stays
//! in the handler, and an [`Outbox`], through which anything on the same worker can send.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::buffer::Buffer;
use crate::lines::Lines;
use crate::outbox::{Link, Outbox};
use crate::peer::{ConnId, Peer};
use crate::socket::Socket;
use crate::ticket::{BUSY, ESTABLISHED, PROTECTED, SET_UP, Ticket};
use crate::worker;

/// One connection, whole.
pub struct Conn {
    /// Apart, since a future has room for each place through which a connection passes on its way into the handler.
    socket: Box<Socket>,
}

impl Conn {
    pub(crate) fn new(socket: Socket) -> Conn {
        Conn { socket: Box::new(socket) }
    }

    /// Its number.
    pub fn id(&self) -> ConnId {
        self.ticket().id
    }

    /// Both its ends, and how it is secured.
    pub fn peer(&self) -> &Peer {
        &self.ticket().peer
    }

    /// A buffer to read into. Its storage is the worker's: it is held only while it holds bytes.
    pub fn buffer(&self) -> Buffer {
        Buffer::default()
    }

    /// Reads once, behind what the buffer holds. 0 means that nothing more comes: the peer ended its side, or a drain
    /// reached a point where nothing is under way. Cancel-safe.
    ///
    /// # Errors
    /// What the network says, or why the connection was cut ([`crate::End::of`]).
    pub async fn read_into(&mut self, buffer: &mut Buffer) -> io::Result<usize> {
        read_into(&self.socket, buffer).await
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// What the network says, or why the connection was cut ([`crate::End::of`]).
    pub async fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let _given_up = Waiting(self.ticket());
        while !bytes.is_empty() {
            let written = poll_fn(|cx| self.socket.poll_write(cx, bytes)).await?;
            bytes = &bytes[written..];
        }
        poll_fn(|cx| self.socket.poll_flush(cx)).await
    }

    /// Has a drain begun, or has this connection reached its age ([`crate::Timeouts::age`])?
    pub fn is_draining(&self) -> bool {
        self.ticket().is_ending()
    }

    /// Waits until [`Conn::is_draining`]. Cancel-safe, and independent of the connection.
    pub fn draining(&self) -> impl Future<Output = ()> + Send + 'static {
        draining(self.socket.ticket())
    }

    /// A drain gives this connection no end-of-file: the handler watches [`Conn::draining`], or whatever else tells it
    /// to end.
    pub fn protect(&self) {
        self.ticket().set(PROTECTED);
    }

    /// The peer is known: the handshake's deadline no longer holds.
    pub fn established(&self) {
        self.ticket().set(ESTABLISHED);
    }

    /// Lines of at most `max` bytes each, to be read by [`Conn::read_line`]. Nothing is read yet.
    pub fn lines(&self, max: usize) -> Lines {
        Lines::new(max)
    }

    /// The next line, without its LF or CR LF; what the peer ends its side behind is a line as well. `None` when nothing
    /// more comes, as of [`Conn::read_into`]. Cancel-safe.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] when a line is longer than the limit, and whatever [`Conn::read_into`] says.
    ///
    /// ```
    /// async fn reverse(mut conn: throng_server::Conn) -> throng_server::Result {
    ///     let mut lines = conn.lines(1024);
    ///     while let Some(line) = conn.read_line(&mut lines).await? {
    ///         let reversed: Vec<u8> = line.iter().rev().copied().chain(*b"\r\n").collect();
    ///         conn.write_all(&reversed).await?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub async fn read_line<'l>(&mut self, lines: &'l mut Lines) -> io::Result<Option<&'l [u8]>> {
        loop {
            if let Some(line) = lines.find()? {
                return Ok(Some(lines.at(line)));
            }
            if lines.has_ended() {
                return Ok(None);
            }
            if read_into(&self.socket, lines.buffer()).await? == 0 {
                lines.end();
            }
        }
    }

    /// What was read needs no answer: nothing is under way any more, so that a drain may end the connection here. A completed write
    /// says the same; this is for what is taken without a word. Half a question is then no reason to wait either.
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
    /// # while driven.info().is_none_or(|conn| conn.bytes_in == 0) {
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

    /// Runs a task beside the handler, for as long as that runs and no longer.
    ///
    /// # Errors
    /// When 64 of them run already.
    ///
    /// # Panics
    /// Outside of the server's threads.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        self.socket.begin_task(|tasks| drop(tasks.spawn(task)))
    }

    /// Parts the two directions. Only on the worker that serves the connection, where the handler runs.
    ///
    /// # Panics
    /// When called on another thread than a worker's.
    pub fn split(self) -> (Reader, Outbox) {
        let link = Rc::new(Link::new(*self.socket));
        (Reader { link: Rc::clone(&link), ahead: Vec::new() }, Outbox::new(link))
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

/// The reading half of a connection. The connection closes when this and all its outboxes are dropped.
pub struct Reader {
    link: Rc<Link>,
    ahead: Vec<u8>,
}

impl Reader {
    /// A buffer to read into, as [`Conn::buffer`].
    pub fn buffer(&self) -> Buffer {
        Buffer::default()
    }

    /// Reads once, as [`Conn::read_into`].
    ///
    /// # Errors
    /// What the network says, or why the connection was cut ([`crate::End::of`]).
    pub async fn read_into(&mut self, buffer: &mut Buffer) -> io::Result<usize> {
        if !self.ahead.is_empty() {
            let ahead = std::mem::take(&mut self.ahead);
            buffer.ready().extend_from_slice(&ahead);
            return Ok(ahead.len());
        }
        read_into(&self.link.socket, buffer).await
    }

    /// As [`Conn::lines`], to be read by [`Reader::read_line`].
    pub fn lines(&self, max: usize) -> Lines {
        Lines::new(max)
    }

    /// The next line, as [`Conn::read_line`]. Lines that were begun before the [`Conn::split`] are read on.
    ///
    /// # Errors
    /// As [`Conn::read_line`].
    ///
    /// ```
    /// # use std::io::Write;
    /// use throng_server::{Conn, LocalHandler, Server};
    ///
    /// struct Shout;
    ///
    /// impl LocalHandler for Shout {
    ///     async fn serve(&self, conn: Conn) -> throng_server::Result {
    ///         let (mut reader, outbox) = conn.split();
    ///         reader.unread(b"welcome, "); // as if the client had said it
    ///         let mut lines = reader.lines(1024);
    ///         while let Some(line) = reader.read_line(&mut lines).await? {
    ///             outbox.push(&[&line.to_ascii_uppercase(), &b"\r\n"[..]].concat());
    ///         }
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # fn main() -> throng_server::Result {
    /// let running = Server::local(|_| Shout).listen("127.0.0.1:0").start()?;
    /// let mut client = std::net::TcpStream::connect(&running.addresses()[0])?;
    /// client.write_all(b"ana\nbye")?;
    /// client.shutdown(std::net::Shutdown::Write)?;
    /// assert_eq!(std::io::read_to_string(client)?, "WELCOME, ANA\r\nBYE\r\n");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn read_line<'l>(&mut self, lines: &'l mut Lines) -> io::Result<Option<&'l [u8]>> {
        loop {
            if let Some(line) = lines.find()? {
                return Ok(Some(lines.at(line)));
            }
            if lines.has_ended() {
                return Ok(None);
            }
            if self.read_into(lines.buffer()).await? == 0 {
                lines.end();
            }
        }
    }

    /// Puts bytes back, before what is still to be read: for one who read too far, such as an HTTP library before an
    /// upgrade.
    pub fn unread(&mut self, bytes: &[u8]) {
        self.ahead.splice(0..0, bytes.iter().copied());
    }

    /// As [`Conn::spawn`], for a task that stays on this worker, such as one that has an [`Outbox`].
    ///
    /// # Errors
    /// When 64 of them run already.
    pub fn spawn_local(&self, task: impl Future<Output = ()> + 'static) -> io::Result<()> {
        self.link.socket.begin_task(|tasks| drop(tasks.spawn_local(task)))
    }

    /// As [`Conn::answered`].
    pub fn answered(&self) {
        self.link.socket.ticket().note_written(BUSY);
    }

    /// The worker's clock: milliseconds, not more exact than the sweep.
    pub fn now_ms(&self) -> u64 {
        worker::now_ms()
    }

    /// As [`Conn::is_draining`].
    pub fn is_draining(&self) -> bool {
        self.link.socket.ticket().is_ending()
    }

    /// As [`Conn::draining`].
    pub fn draining(&self) -> impl Future<Output = ()> + Send + 'static {
        draining(self.link.socket.ticket())
    }
}

impl AsyncRead for Reader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if into.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        if !self.ahead.is_empty() {
            let taken = self.ahead.len().min(into.remaining());
            into.put_slice(&self.ahead[..taken]);
            self.ahead.drain(..taken);
            return Poll::Ready(Ok(()));
        }
        self.link.socket.poll_read(cx, into).map_ok(|_| ())
    }
}

async fn read_into(socket: &Socket, buffer: &mut Buffer) -> io::Result<usize> {
    poll_fn(|cx| {
        let outcome = socket.poll_read(cx, buffer.ready());
        if !matches!(outcome, Poll::Ready(Ok(1..))) {
            buffer.rest();
        }
        outcome
    })
    .await
}

fn draining(ticket: &Arc<Ticket>) -> impl Future<Output = ()> + Send + 'static {
    let mut watched = ticket.shared.watch_drain();
    let ticket = Arc::clone(ticket);
    async move {
        // An error means that the server is gone, which is as good a reason to end.
        let _ = watched.wait_for(|draining| *draining || ticket.is_ending()).await;
    }
}

/// A write that may wait for the peer. One that is given up, as by a `select!`, waits no more.
struct Waiting<'a>(&'a Ticket);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.end_stall();
    }
}
