//! One connection, as its handler has it.
//!
//! A [`Conn`] is owned by its handler and closes when it is dropped. [`Conn::split`] makes of it a [`Reader`], which stays
//! in the handler, and an [`Outbox`], through which anything on the same worker can send.

use std::future::{Future, poll_fn};
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};

use bytes::BufMut;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use crate::buffer::Buffer;
use crate::lines::Lines;
use crate::outbox::{Link, Outbox};
use crate::peer::{ConnId, Peer};
use crate::ticket::{
    BUSY, CUT, DRAINED, ESTABLISHED, FINISHING, Open, PEER_ENDED, PROTECTED, SET_UP, Ticket,
};
use crate::{linger, worker};

/// A write to a connection that is gone is an error and no signal: MSG_NOSIGNAL (send(2)). Elsewhere the standard library
/// sees to that when it accepts a socket.
#[cfg(target_os = "linux")]
pub(crate) const NO_SIGNAL: i32 = 0x4000;
#[cfg(not(target_os = "linux"))]
pub(crate) const NO_SIGNAL: i32 = 0;

/// The socket of a connection with its ticket; dropped, it closes as its end demands.
pub(crate) struct Socket {
    stream: Option<TcpStream>,
    ticket: Arc<Ticket>,
    open: Option<Arc<Open>>,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, open: Arc<Open>) -> Socket {
        Socket { stream: Some(stream), ticket: Arc::clone(&open.ticket), open: Some(open) }
    }

    pub(crate) fn ticket(&self) -> &Arc<Ticket> {
        &self.ticket
    }

    fn stream(&self) -> &TcpStream {
        self.stream.as_ref().expect("a socket has its stream until it is dropped")
    }

    /// Reads once into what room there is. 0 is the end: of the peer, or of this connection's time in a drain.
    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, into: &mut impl BufMut) -> Poll<io::Result<usize>> {
        let ticket = self.ticket();
        ticket.reader.register(cx.waker());
        loop {
            if ticket.has(CUT) {
                return Poll::Ready(Err(self.ticket().cut_error()));
            }
            if ticket.has(FINISHING) {
                return Poll::Ready(Ok(0));
            }
            if ticket.shared.is_draining() && !ticket.has(PROTECTED | BUSY) && !self.has_input() {
                ticket.set(DRAINED);
                return Poll::Ready(Ok(0));
            }
            ready!(self.stream().poll_read_ready(cx))?;
            match self.read_once(into) {
                Ok(0) => {
                    ticket.set(PEER_ENDED);
                    return Poll::Ready(Ok(0));
                }
                Ok(read) => {
                    ticket.note_read(read, worker::now_ms());
                    ticket.set(BUSY);
                    return Poll::Ready(Ok(read));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(self.ticket().torn(error))),
            }
        }
    }

    /// Reads without waiting. A read that leaves room has taken all there was (epoll(7), on edge-triggered sockets): the
    /// event loop hears that at once, and the next read asks the kernel when there is more, not before. The peer's end
    /// is no less known for that.
    fn read_once(&self, into: &mut impl BufMut) -> io::Result<usize> {
        let stream = self.stream();
        let mut taken = None;
        let read = stream.try_io(Interest::READABLE, || {
            let room = into.chunk_mut().len();
            let read = stream.try_read_buf(into)?;
            if (1..room).contains(&read) {
                taken = Some(read);
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Ok(read)
        });
        taken.map_or(read, Ok)
    }

    /// Does anything lie in the socket, its end included? The kernel is asked, since the event loop may not have heard of
    /// it yet: a question that came before the drain is answered.
    fn has_input(&self) -> bool {
        let peeked = SockRef::from(self.stream()).peek(&mut [MaybeUninit::uninit()]);
        !peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Writes once, without waiting. The kernel itself is asked: the event loop would say no while it has not heard of
    /// room, which it never has for a fresh socket, and not in the turn in which the peer made some.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let ticket = self.ticket();
        if ticket.has(CUT) {
            return Err(self.ticket().cut_error());
        }
        let stream = self.stream();
        let written = match SockRef::from(stream).send_with_flags(bytes, NO_SIGNAL) {
            // The event loop is asked as well, so that it knows that it has to tell when there is room.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => stream.try_write(bytes),
            written => written,
        };
        match written {
            Ok(written) => {
                ticket.bytes_out.fetch_add(written as u64, Relaxed);
                Ok(written)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(error),
            Err(error) => Err(self.ticket().torn(error)),
        }
    }

    /// Ready when a write may succeed, or will tell that it cannot.
    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.ticket().writer.register(cx.waker());
        match self.ticket().has(CUT) {
            true => Poll::Ready(()),
            false => self.stream().poll_write_ready(cx).map(|_| ()),
        }
    }

    fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            match self.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready!(self.poll_writable(cx)),
                written => {
                    if written.as_ref().is_ok_and(|written| *written == bytes.len()) {
                        self.ticket().note_written(BUSY);
                    }
                    return Poll::Ready(written);
                }
            }
        }
    }

    /// The peer hears the end of what it is told.
    pub(crate) fn shut_write(&self) {
        // An error means that the connection is over already.
        let _ = SockRef::from(self.stream()).shutdown(std::net::Shutdown::Write);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let (Some(stream), Some(open)) = (self.stream.take(), self.open.take()) {
            linger::close(stream, open);
        }
    }
}

/// One connection, whole.
pub struct Conn {
    socket: Socket,
}

impl Conn {
    pub(crate) fn new(socket: Socket) -> Conn {
        Conn { socket }
    }

    /// Its number.
    pub fn id(&self) -> ConnId {
        self.ticket().id
    }

    /// Both its ends.
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
        while !bytes.is_empty() {
            let written = poll_fn(|cx| self.socket.poll_write(cx, bytes)).await?;
            bytes = &bytes[written..];
        }
        Ok(())
    }

    /// Has a drain begun?
    pub fn is_draining(&self) -> bool {
        self.ticket().shared.is_draining()
    }

    /// Waits until a drain begins. Cancel-safe, and independent of the connection.
    pub fn draining(&self) -> impl Future<Output = ()> + Send + 'static {
        draining(self.ticket())
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

    /// Parts the two directions. Only on the worker that serves the connection, where the handler runs.
    ///
    /// # Panics
    /// When called on another thread than a worker's.
    pub fn split(self) -> (Reader, Outbox) {
        let link = Rc::new(Link::new(self.socket));
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

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.shut_write();
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

    /// Puts bytes back, before what is still to be read: for one who read too far, such as an HTTP library before an
    /// upgrade.
    pub fn unread(&mut self, bytes: &[u8]) {
        self.ahead.splice(0..0, bytes.iter().copied());
    }

    /// The worker's clock: milliseconds, not more exact than the sweep.
    pub fn now_ms(&self) -> u64 {
        worker::now_ms()
    }

    /// As [`Conn::is_draining`].
    pub fn is_draining(&self) -> bool {
        self.link.socket.ticket().shared.is_draining()
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

fn draining(ticket: &Ticket) -> impl Future<Output = ()> + Send + 'static {
    let mut watched = ticket.shared.watch_drain();
    async move {
        // An error means that the server is gone, which is as good a reason to end.
        let _ = watched.wait_for(|draining| *draining).await;
    }
}
