//! One connection for plain blocking code: [`std::io::Read`] and [`std::io::Write`].
//!
//! Reads and writes are the kernel's own; nothing stands between. Who has to interrupt a blocked one, for a cut or for a
//! drain, shuts the socket for it: that wakes a blocked call (shutdown(2)).

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use rustls::ServerConnection;
use socket2::Socket;
use tokio::runtime::Handle;

use crate::address::Address;
use crate::arrival::Visitor;
use crate::clock;
use crate::credentials::{self, Credentials};
use crate::lines::{Found, Lines};
use crate::linger;
use crate::peer::{ConnId, Peer};
use crate::ticket::{BUSY, CUT, DRAINED, ESTABLISHED, Open, PEER_ENDED, PROTECTED, SET_UP, Ticket};
use crate::wire::{NO_SIGNAL, Wire};

/// A write that would have to wait is an error: MSG_DONTWAIT (send(2)).
const DO_NOT_WAIT: i32 = SendFlags::DONTWAIT.bits().cast_signed();

/// What a line is read by at once.
const CHUNK_BYTES: usize = 4 << 10;

/// One connection, as a [`crate::BlockingHandler`] has it: [`Read`], [`Write`], and lines. It closes when it is dropped, so
/// that nothing that was written is lost. Whatever reads and writes the traits of [`std::io`] can have it:
///
/// ```
/// use std::io::{Read, Write};
/// use throng_server::{BlockingConn, Server};
///
/// fn total(mut conn: BlockingConn) -> throng_server::Result {
///     let mut sent = Vec::new();
///     Read::by_ref(&mut conn).take(1 << 20).read_to_end(&mut sent)?; // never without a bound
///     let words = format!("{} bytes, client {} from {}", sent.len(), conn.id(), conn.peer().address);
///     conn.write_all(words.as_bytes())?;
///     Ok(())
/// }
///
/// # fn main() -> throng_server::Result {
/// let running = Server::blocking(total).listen("127.0.0.1:0").start()?;
/// # let mut client = std::net::TcpStream::connect(&running.addresses()[0])?;
/// # client.write_all(b"hello")?;
/// # client.shutdown(std::net::Shutdown::Write)?;
/// # assert!(std::io::read_to_string(client)?.starts_with("5 bytes, client 1 from 127.0.0.1:"));
/// # Ok(())
/// # }
/// ```
///
/// A read waits for bytes without a limit of its own: [`crate::Timeouts::idle`] and a drain end it, and then it fails, or
/// gives 0 as [`crate::Conn::read_into`] does. A write waits for the peer, for [`crate::Timeouts::write_stall`] at most.
/// Nothing is buffered: each `write!` of several parts is several system calls, so format first.
pub struct BlockingConn {
    /// Only until the drop.
    socket: Option<Arc<Socket>>,
    tls: Option<Box<ServerConnection>>,
    open: Arc<Open>,
    interrupt: Waker,
    /// The event loop that closes it politely.
    closing: Handle,
}

/// Wakes who is blocked on the socket.
struct Interrupt {
    socket: Weak<Socket>,
    ticket: Weak<Ticket>,
}

impl Wake for Interrupt {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let (Some(socket), Some(ticket)) = (self.socket.upgrade(), self.ticket.upgrade()) else { return };
        // An error means that the connection is over already.
        if ticket.has(CUT) {
            let _ = socket.shutdown(Shutdown::Both);
        } else if is_at_its_end(&ticket) {
            let _ = socket.shutdown(Shutdown::Read);
        }
    }
}

/// Does a drain, or its age, end this connection where it is?
fn is_at_its_end(ticket: &Ticket) -> bool {
    ticket.is_ending() && !ticket.has(PROTECTED | BUSY)
}

impl BlockingConn {
    /// Takes over a socket, and sees its handshake through if there is one. `closing` closes it in the end.
    pub(crate) fn new(visitor: Visitor, open: Arc<Open>, closing: Handle) -> io::Result<BlockingConn> {
        let socket = Arc::new(Socket::from(visitor.socket));
        let interrupt = Interrupt { socket: Arc::downgrade(&socket), ticket: Arc::downgrade(&open.ticket) };
        let interrupt = Arc::new(interrupt).into();
        let mut conn = BlockingConn { socket: Some(socket), tls: None, open, interrupt, closing };
        conn.socket().set_nonblocking(false)?;
        // A cut wakes both; a drain wakes the reader, which must not use up the only one.
        conn.ticket().reader.register(&conn.interrupt);
        conn.ticket().writer.register(&conn.interrupt);
        if conn.ticket().has(CUT) {
            return Err(conn.ticket().cut_error());
        }
        // A drain waits for a handshake, as it does for half a question.
        conn.ticket().set(BUSY);
        conn.tls = visitor.speaks.begin(conn.socket(), conn.ticket())?;
        conn.ticket().clear(BUSY);
        Ok(conn)
    }

    /// Its number, as [`crate::Conn::id`]. Example: [`BlockingConn`].
    pub fn id(&self) -> ConnId {
        self.ticket().id
    }

    /// Both its ends, and how it is secured. Example: [`BlockingConn`].
    pub fn peer(&self) -> &Peer {
        &self.ticket().peer
    }

    /// Who is at the other end of a Unix socket, as the kernel vouches for it (unix(7), `SO_PEERCRED`; Linux).
    ///
    /// ```
    /// # #[cfg(target_os = "linux")]
    /// # fn main() -> throng_server::Result {
    /// use std::io::Write;
    /// use throng_server::{BlockingConn, Server};
    ///
    /// fn greet(mut conn: BlockingConn) -> throng_server::Result {
    ///     let words = format!("Hello, user {}.", conn.credentials()?.uid);
    ///     conn.write_all(words.as_bytes())?;
    ///     Ok(())
    /// }
    ///
    /// # let folder = std::env::temp_dir().join(format!("throng-greet-{}", std::process::id()));
    /// # std::fs::create_dir(&folder)?;
    /// let path = folder.join("greet.sock");
    /// let running = Server::blocking(greet).listen(&format!("unix:{}", path.display())).start()?;
    /// let client = std::os::unix::net::UnixStream::connect(&path)?;
    /// assert!(std::io::read_to_string(client)?.starts_with("Hello, user "));
    /// # drop(running);
    /// # std::fs::remove_dir_all(folder)?;
    /// # Ok(())
    /// # }
    /// # #[cfg(not(target_os = "linux"))]
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where the other end is no process of this machine that the system tells of: over TCP, and
    /// elsewhere than on Linux.
    pub fn credentials(&self) -> io::Result<Credentials> {
        match self.peer().local {
            Address::Unix(_) => credentials::of(self.socket()),
            _ => Err(ErrorKind::Unsupported.into()),
        }
    }

    /// As [`crate::Conn::is_draining`].
    ///
    /// ```
    /// # use std::io::{BufRead, BufReader, Write};
    /// # use throng_server::{BlockingConn, Server};
    /// fn talk(mut conn: BlockingConn) -> throng_server::Result {
    ///     conn.write_all(b"Hello.\r\n")?;
    ///     let mut lines = conn.lines(80);
    ///     while conn.read_line(&mut lines)?.is_some() {
    ///         conn.write_all(b"I see.\r\n")?;
    ///     }
    ///     if conn.is_draining() {
    ///         conn.write_all(b"Goodbye.\r\n")?;
    ///     }
    ///     Ok(())
    /// }
    /// # fn main() -> throng_server::Result {
    /// # let running = Server::blocking(talk).listen("127.0.0.1:0").start()?;
    /// # let client = std::net::TcpStream::connect(&running.addresses()[0])?;
    /// # let mut heard = BufReader::new(client).lines();
    /// # assert_eq!(heard.next().unwrap()?, "Hello.");
    /// # running.shutdown().wait();
    /// # assert_eq!(heard.next().unwrap()?, "Goodbye.");
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_draining(&self) -> bool {
        self.ticket().is_ending()
    }

    /// A drain gives this connection no end-of-file from here on: the handler looks at [`BlockingConn::is_draining`] between
    /// two reads, or is cut at the drain's deadline.
    ///
    /// ```
    /// # use std::io::{Read, Write};
    /// # use throng_server::{BlockingConn, Server};
    /// fn count(mut conn: BlockingConn) -> throng_server::Result {
    ///     conn.protect();
    ///     let mut number = 0_u64;
    ///     while !conn.is_draining() {
    ///         number += 1;
    ///         conn.write_all(format!("{number}\n").as_bytes())?;
    ///     }
    ///     conn.write_all(b"end\n")?;
    ///     Ok(())
    /// }
    /// # fn main() -> throng_server::Result {
    /// # let running = Server::blocking(count).listen("127.0.0.1:0").start()?;
    /// # let mut client = std::net::TcpStream::connect(&running.addresses()[0])?;
    /// # client.read_exact(&mut [0; 4])?;
    /// running.shutdown();
    /// assert!(std::io::read_to_string(client)?.ends_with("\nend\n"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn protect(&self) {
        self.ticket().set(PROTECTED);
    }

    /// As [`crate::Conn::established`], where the example is.
    pub fn established(&self) {
        self.ticket().set(ESTABLISHED);
    }

    /// As [`crate::Conn::answered`], where the example is.
    pub fn answered(&self) {
        self.ticket().note_written(BUSY);
    }

    /// As [`crate::Conn::lines`]. Example: [`BlockingConn::is_draining`].
    pub fn lines(&self, max: usize) -> Lines {
        Lines::new(max)
    }

    /// The next line, as [`crate::Conn::read_line`]. Example: [`BlockingConn::is_draining`].
    ///
    /// # Errors
    /// [`ErrorKind::InvalidData`] when a line is longer than the limit, and whatever a read says.
    pub fn read_line<'l>(&mut self, lines: &'l mut Lines) -> io::Result<Option<&'l [u8]>> {
        loop {
            match lines.find()? {
                Found::Line(line) => {
                    self.ticket().take_up();
                    return Ok(Some(lines.at(line)));
                }
                Found::End => return Ok(None),
                Found::Half => {}
            }
            // On the stack, so that a thread that waits for a line holds no storage for it.
            let mut chunk = [0; CHUNK_BYTES];
            match self.read(&mut chunk)? {
                0 => lines.end(),
                read => lines.buffer().append(&chunk[..read]),
            }
        }
    }

    pub(crate) fn set_up(&self) {
        self.ticket().set(SET_UP);
    }

    fn ticket(&self) -> &Ticket {
        &self.open.ticket
    }

    fn socket(&self) -> &Socket {
        self.socket.as_ref().expect("a connection has its socket until it is dropped")
    }

    /// Reads from the socket, or out of its TLS.
    fn receive(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let socket = self.socket.as_deref().expect("a connection has its socket until it is dropped");
        let mut line = Line { socket, ticket: &self.open.ticket };
        match &mut self.tls {
            Some(tls) => rustls::Stream::new(&mut **tls, &mut line).read(into),
            None => line.read(into),
        }
    }

    /// Writes to the socket, or into its TLS.
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let socket = self.socket.as_deref().expect("a connection has its socket until it is dropped");
        let mut line = Line { socket, ticket: &self.open.ticket };
        let sent = match &mut self.tls {
            Some(tls) => rustls::Stream::new(&mut **tls, &mut line).write(bytes),
            None => line.write(bytes),
        };
        self.open.ticket.end_stall();
        sent
    }

    /// What a failed call means.
    fn failed(&self, error: io::Error) -> io::Error {
        let ticket = self.ticket();
        if ticket.has(CUT) { ticket.cut_error() } else { ticket.torn(error) }
    }

    /// Is anything there to be read now, the peer's end included?
    fn has_input(&self) -> bool {
        // TLS that wants nothing to read has some for us.
        if self.tls.as_ref().is_some_and(|tls| !tls.wants_read()) {
            return true;
        }
        let peeked = rustix::net::recv(self.socket(), &mut [0], RecvFlags::PEEK | RecvFlags::DONTWAIT);
        peeked != Err(Errno::WOULDBLOCK)
    }
}

/// The socket, as it blocks: where the peer takes nothing it is waited for the socket, not for all that is written, so that
/// it is seen when the peer takes a little.
struct Line<'a> {
    socket: &'a Socket,
    ticket: &'a Ticket,
}

impl Read for Line<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut socket = self.socket;
        socket.read(into)
    }
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.socket.send_with_flags(bytes, NO_SIGNAL | DO_NOT_WAIT) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.ticket.begin_stall(clock::now_ms);
                    // Who cuts the connection shuts the socket, which ends the wait (poll(2)).
                    rustix::event::poll(&mut [PollFd::new(self.socket, PollFlags::OUT)], None)?;
                }
                sent => {
                    self.ticket.go_on(clock::now_ms);
                    return sent;
                }
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for BlockingConn {
    /// Waits for bytes. 0 is the end, as of [`crate::Conn::read_into`].
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            // First the waker, then the look at the flags: who sets one in between wakes the read.
            self.ticket().reader.register(&self.interrupt);
            if self.ticket().has(CUT) {
                return Err(self.ticket().cut_error());
            }
            if is_at_its_end(self.ticket()) && !self.has_input() {
                self.ticket().set(DRAINED);
                return Ok(0);
            }
            let read = self.receive(into);
            let ticket = self.ticket();
            match read {
                Ok(_) if ticket.has(CUT) => return Err(ticket.cut_error()),
                Ok(0) if !into.is_empty() => {
                    ticket.set(if is_at_its_end(ticket) { DRAINED } else { PEER_ENDED });
                    return Ok(0);
                }
                Ok(read) => {
                    ticket.note_read(read, clock::now_ms());
                    ticket.set(BUSY);
                    return Ok(read);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // The drain shut the socket under its TLS.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof && is_at_its_end(ticket) => {
                    ticket.set(DRAINED);
                    return Ok(0);
                }
                Err(error) => return Err(self.failed(error)),
            }
        }
    }
}

impl Write for BlockingConn {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            self.ticket().writer.register(&self.interrupt);
            if self.ticket().has(CUT) {
                return Err(self.ticket().cut_error());
            }
            match self.send(bytes) {
                Ok(written) => {
                    let ticket = self.ticket();
                    ticket.note_sent(written);
                    if written == bytes.len() {
                        ticket.note_written(BUSY);
                    }
                    return Ok(written);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for BlockingConn {
    fn drop(&mut self) {
        let Some(socket) = self.socket.take() else { return };
        // Nobody interrupts it any more; who holds the socket for that at this very moment lets go of it at once.
        let (reader, writer) = (self.ticket().reader.take(), self.ticket().writer.take());
        drop((reader, writer));
        let mut shared = socket;
        let whole = loop {
            match Arc::try_unwrap(shared) {
                Ok(whole) => break whole,
                Err(still) => shared = still,
            }
            std::thread::yield_now();
        };
        let _inside = self.closing.enter();
        if whole.set_nonblocking(true).is_err() {
            return;
        }
        let mut last = Vec::new();
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            // Bounded by what the library itself holds back; a `Vec` takes all of it.
            while tls.wants_write() && tls.write_tls(&mut last).is_ok_and(|written| written > 0) {}
        }
        if let Ok(wire) = Wire::watch(whole.into(), &self.ticket().peer.local) {
            linger::close_behind(&last, wire, Arc::clone(&self.open));
        }
    }
}
