//! One connection for plain blocking code: [`std::io::Read`] and [`std::io::Write`].
//!
//! Reads and writes are the kernel's own; nothing stands between. Who has to interrupt a blocked one, for a cut or for a
//! drain, shuts the socket for it: that wakes a blocked call (shutdown(2)).

use std::io::{self, ErrorKind, Read, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};

use socket2::SockRef;
use tokio::runtime::Handle;

use crate::clock;
use crate::conn::NO_SIGNAL;
use crate::lines::Lines;
use crate::linger;
use crate::peer::{ConnId, Peer};
use crate::ticket::{BUSY, CUT, DRAINED, ESTABLISHED, Open, PEER_ENDED, PROTECTED, SET_UP, Ticket};

/// What a line is read by at once.
const CHUNK_BYTES: usize = 4 << 10;

/// One connection, as a [`crate::BlockingHandler`] has it. It closes when it is dropped, so that nothing that was written
/// is lost.
pub struct BlockingConn {
    /// Only until the drop.
    stream: Option<Arc<TcpStream>>,
    open: Arc<Open>,
    interrupt: Waker,
    /// The event loop that closes it politely.
    closing: Handle,
}

/// Wakes who is blocked on the socket.
struct Interrupt {
    stream: Weak<TcpStream>,
    ticket: Weak<Ticket>,
}

impl Wake for Interrupt {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let (Some(stream), Some(ticket)) = (self.stream.upgrade(), self.ticket.upgrade()) else { return };
        // An error means that the connection is over already.
        if ticket.has(CUT) {
            let _ = stream.shutdown(Shutdown::Both);
        } else if is_at_its_end(&ticket) {
            let _ = stream.shutdown(Shutdown::Read);
        }
    }
}

/// Does a drain end this connection where it is?
fn is_at_its_end(ticket: &Ticket) -> bool {
    ticket.shared.is_draining() && !ticket.has(PROTECTED | BUSY)
}

impl BlockingConn {
    /// Takes over a socket. `closing` closes it in the end.
    pub(crate) fn new(stream: TcpStream, open: Arc<Open>, closing: Handle) -> io::Result<BlockingConn> {
        stream.set_nonblocking(false)?;
        let stream = Arc::new(stream);
        let interrupt = Interrupt { stream: Arc::downgrade(&stream), ticket: Arc::downgrade(&open.ticket) };
        Ok(BlockingConn { stream: Some(stream), open, interrupt: Arc::new(interrupt).into(), closing })
    }

    /// Its number.
    pub fn id(&self) -> ConnId {
        self.ticket().id
    }

    /// Both its ends.
    pub fn peer(&self) -> &Peer {
        &self.ticket().peer
    }

    /// Has a drain begun?
    pub fn is_draining(&self) -> bool {
        self.ticket().shared.is_draining()
    }

    /// A drain gives this connection no end-of-file: the handler looks at [`BlockingConn::is_draining`].
    pub fn protect(&self) {
        self.ticket().set(PROTECTED);
    }

    /// The peer is known: the handshake's deadline no longer holds.
    pub fn established(&self) {
        self.ticket().set(ESTABLISHED);
    }

    /// As [`crate::Conn::lines`].
    pub fn lines(&self, max: usize) -> Lines {
        Lines::new(max)
    }

    /// As [`crate::Conn::read_line`].
    ///
    /// # Errors
    /// [`ErrorKind::InvalidData`] when a line is longer than the limit, and whatever a read says.
    pub fn read_line<'l>(&mut self, lines: &'l mut Lines) -> io::Result<Option<&'l [u8]>> {
        loop {
            if let Some(line) = lines.find()? {
                return Ok(Some(lines.at(line)));
            }
            if lines.has_ended() {
                return Ok(None);
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

    fn stream(&self) -> &TcpStream {
        self.stream.as_ref().expect("a connection has its stream until it is dropped")
    }

    /// What a failed call means.
    fn failed(&self, error: io::Error) -> io::Error {
        let ticket = self.ticket();
        if ticket.has(CUT) { ticket.cut_error() } else { ticket.torn(error) }
    }

    /// Is anything there to be read now, the peer's end included?
    fn has_input(&self) -> bool {
        let socket = SockRef::from(self.stream());
        let peeked = socket.recv_with_flags(&mut [MaybeUninit::uninit()], PEEK | DONT_WAIT);
        !peeked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }
}

/// MSG_PEEK is the same everywhere, MSG_DONTWAIT is not (recv(2)).
const PEEK: i32 = 0x2;
#[cfg(target_os = "linux")]
const DONT_WAIT: i32 = 0x40;
#[cfg(not(target_os = "linux"))]
const DONT_WAIT: i32 = 0x80;

impl Read for BlockingConn {
    /// Waits for bytes. 0 is the end, as of [`crate::Conn::read_into`].
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let ticket = self.ticket();
        loop {
            // First the waker, then the look at the flags: who sets one in between wakes the read.
            ticket.reader.register(&self.interrupt);
            if ticket.has(CUT) {
                return Err(ticket.cut_error());
            }
            if is_at_its_end(ticket) && !self.has_input() {
                ticket.set(DRAINED);
                return Ok(0);
            }
            match self.stream().read(into) {
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
                Err(error) => return Err(self.failed(error)),
            }
        }
    }
}

impl Write for BlockingConn {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let ticket = self.ticket();
        loop {
            ticket.writer.register(&self.interrupt);
            if ticket.has(CUT) {
                return Err(ticket.cut_error());
            }
            match SockRef::from(self.stream()).send_with_flags(bytes, NO_SIGNAL) {
                Ok(written) => {
                    ticket.bytes_out.fetch_add(written as u64, std::sync::atomic::Ordering::Relaxed);
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
        let Some(stream) = self.stream.take() else { return };
        // Nobody interrupts it any more; who holds the socket for that at this very moment lets go of it at once.
        let (reader, writer) = (self.ticket().reader.take(), self.ticket().writer.take());
        drop((reader, writer));
        let mut shared = stream;
        let whole = loop {
            match Arc::try_unwrap(shared) {
                Ok(whole) => break whole,
                Err(still) => shared = still,
            }
            std::thread::yield_now();
        };
        let _inside = self.closing.enter();
        if whole.set_nonblocking(true).is_ok()
            && let Ok(whole) = tokio::net::TcpStream::from_std(whole)
        {
            linger::close(whole, Arc::clone(&self.open));
        }
    }
}
