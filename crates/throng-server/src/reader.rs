//! The reading half of a connection, for a handler whose answers go through outboxes.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

use crate::buffer::Buffer;
use crate::lines::{Found, Lines};
use crate::outbox::Link;
use crate::ticket::BUSY;
use crate::worker;

/// The reading half of a connection; [`crate::Conn::split`] makes it. The connection closes when this and all its outboxes are
/// dropped. What is written goes through an [`crate::Outbox`]: what was read is no longer under way, for a drain, when that was
/// written.
///
/// ```
/// # use std::io::Write;
/// use throng_server::{Conn, LocalHandler, Server};
///
/// struct Echo;
///
/// impl LocalHandler for Echo {
///     async fn serve(&self, conn: Conn) -> throng_server::Result {
///         let (mut reader, outbox) = conn.split();
///         let mut buffer = reader.buffer();
///         while reader.read_into(&mut buffer).await? > 0 {
///             outbox.push(&buffer);
///             buffer.clear();
///         }
///         Ok(())
///     }
/// }
///
/// # fn main() -> throng_server::Result {
/// let running = Server::local(|_| Echo).listen("127.0.0.1:0").start()?;
/// # let mut client = std::net::TcpStream::connect(&running.addresses()[0])?;
/// # client.write_all(b"hello")?;
/// # client.shutdown(std::net::Shutdown::Write)?;
/// # assert_eq!(std::io::read_to_string(client)?, "hello");
/// # Ok(())
/// # }
/// ```
pub struct Reader {
    link: Rc<Link>,
    ahead: Vec<u8>,
}

impl Reader {
    pub(crate) fn new(link: Rc<Link>) -> Reader {
        Reader { link, ahead: Vec::new() }
    }

    /// A buffer to read into, as [`crate::Conn::buffer`]. Example: [`Reader`].
    pub fn buffer(&self) -> Buffer {
        Buffer::default()
    }

    /// Reads once, as [`crate::Conn::read_into`]. After [`crate::Outbox::finish`] it gives 0. Example: [`Reader`].
    ///
    /// # Errors
    /// What the network says, or why the connection was cut ([`crate::End::of`]).
    pub async fn read_into(&mut self, buffer: &mut Buffer) -> io::Result<usize> {
        if !self.ahead.is_empty() {
            let ahead = std::mem::take(&mut self.ahead);
            buffer.ready().extend_from_slice(&ahead);
            return Ok(ahead.len());
        }
        self.link.socket.read_into(buffer).await
    }

    /// As [`crate::Conn::lines`], to be read by [`Reader::read_line`].
    pub fn lines(&self, max: usize) -> Lines {
        Lines::new(max)
    }

    /// The next line, as [`crate::Conn::read_line`]. Lines that were begun before the [`crate::Conn::split`] are read on.
    ///
    /// # Errors
    /// As [`crate::Conn::read_line`].
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
            match lines.find()? {
                Found::Line(line) => {
                    self.link.socket.ticket().take_up();
                    return Ok(Some(lines.at(line)));
                }
                Found::End => return Ok(None),
                Found::Half if self.read_into(lines.buffer()).await? == 0 => lines.end(),
                Found::Half => {}
            }
        }
    }

    /// Puts bytes back, before what is still to be read: for one who read too far, such as an HTTP library before an upgrade.
    /// They are kept as they are, without a limit. Example: [`Reader::read_line`].
    pub fn unread(&mut self, bytes: &[u8]) {
        self.ahead.splice(0..0, bytes.iter().copied());
    }

    /// As [`crate::Conn::spawn`], for a task that stays on this worker, such as one that has an [`crate::Outbox`].
    ///
    /// # Errors
    /// When 64 of them run already.
    ///
    /// ```
    /// # use throng_server::{Conn, LocalHandler, Server};
    /// struct Clock;
    ///
    /// impl LocalHandler for Clock {
    ///     async fn serve(&self, conn: Conn) -> throng_server::Result {
    ///         let (mut reader, outbox) = conn.split();
    ///         reader.spawn_local(async move {
    ///             outbox.push(b"tick\r\n");
    ///             outbox.flushed().await;
    ///             outbox.finish(throng_server::End::Done);
    ///         })?;
    ///         let mut buffer = reader.buffer();
    ///         while reader.read_into(&mut buffer).await? > 0 {
    ///             buffer.clear();
    ///         }
    ///         Ok(())
    ///     }
    /// }
    /// # fn main() -> throng_server::Result {
    /// # let running = Server::local(|_| Clock).listen("127.0.0.1:0").start()?;
    /// # let client = std::net::TcpStream::connect(&running.addresses()[0])?;
    /// # assert_eq!(std::io::read_to_string(client)?, "tick\r\n");
    /// # Ok(())
    /// # }
    /// ```
    pub fn spawn_local(&self, task: impl Future<Output = ()> + 'static) -> io::Result<()> {
        self.link.socket.begin_task(|tasks| drop(tasks.spawn_local(task)))
    }

    /// As [`crate::Conn::answered`], where the example is.
    pub fn answered(&self) {
        self.link.socket.ticket().note_written(BUSY);
    }

    /// The worker's clock in milliseconds, from an unnamed beginning: only differences mean something. Not more exact than the
    /// sweep ([`crate::timeouts::SWEEP_EVERY`]). Example: [`crate::LocalHandler::sweep`].
    pub fn now_ms(&self) -> u64 {
        worker::now_ms()
    }

    /// As [`crate::Conn::is_draining`], where the example is.
    pub fn is_draining(&self) -> bool {
        self.link.socket.ticket().is_ending()
    }

    /// As [`crate::Conn::draining`]; example: [`crate::Conn::protect`].
    pub fn draining(&self) -> impl Future<Output = ()> + Send + 'static {
        self.link.socket.ticket().draining()
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
