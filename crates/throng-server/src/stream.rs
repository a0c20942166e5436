//! What a connection is read from and written to: a socket, or what is layered upon one (TLS), or a pipe in this process.
//!
//! All calls take `&self`, since the one who reads and the worker that writes are two. A layer has a lock for that, which
//! nobody else wants: both are on the same thread, or the same task.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::BufMut;
use tokio::io::{AsyncReadExt, AsyncWrite, DuplexStream};
use tokio_rustls::server::TlsStream;

use crate::wire::Wire;

/// How much is read to find out whether there is anything.
const GLANCE_BYTES: usize = 1 << 10;

/// What a connection is read from and written to.
pub(crate) enum Stream {
    Plain(Wire),
    Layered(Box<Mutex<Layered>>),
}

/// What is not the kernel's socket itself.
pub(crate) struct Layered {
    layer: Layer,
    /// Was read to find out whether there is anything, and comes first.
    ahead: Vec<u8>,
    /// What was taken for writing is not all with the kernel yet.
    unflushed: bool,
}

#[expect(clippy::large_enum_variant, reason = "the small one is for tests")]
enum Layer {
    Tls(TlsStream<Wire>),
    Memory(DuplexStream),
}

impl From<TlsStream<Wire>> for Stream {
    fn from(stream: TlsStream<Wire>) -> Stream {
        Stream::layered(Layer::Tls(stream))
    }
}

impl From<DuplexStream> for Stream {
    fn from(stream: DuplexStream) -> Stream {
        Stream::layered(Layer::Memory(stream))
    }
}

impl Stream {
    fn layered(layer: Layer) -> Stream {
        Stream::Layered(Box::new(Mutex::new(Layered { layer, ahead: Vec::new(), unflushed: false })))
    }

    /// Reads once into what room there is. 0 is the peer's end.
    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, into: &mut impl BufMut) -> Poll<io::Result<usize>> {
        match self {
            Stream::Plain(wire) => loop {
                ready!(wire.poll_read_ready(cx))?;
                match wire.read_once(into) {
                    Err(error) if is_nothing(&error) => {}
                    read => return Poll::Ready(read),
                }
            },
            Stream::Layered(layered) => lock(layered).poll_read(cx, into),
        }
    }

    /// Does anything lie here to be read, the end included? The kernel is asked, since the event loop may not have heard of
    /// it yet: a question that came before a drain is answered.
    pub(crate) fn has_input(&self) -> bool {
        match self {
            Stream::Plain(wire) => {
                !wire.peek(&mut [MaybeUninit::uninit()]).is_err_and(|error| is_nothing(&error))
            }
            Stream::Layered(layered) => lock(layered).has_input(),
        }
    }

    /// Writes once, without waiting. What was taken may still be here: [`Stream::try_flush`].
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(wire) => wire.try_write(bytes),
            Stream::Layered(layered) => {
                now(lock(layered).poll_write(&mut Context::from_waker(Waker::noop()), bytes))
            }
        }
    }

    /// Writes once; the waker is called when more can be written.
    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Stream::Plain(wire) => loop {
                match wire.try_write(bytes) {
                    Err(error) if is_nothing(&error) => ready!(wire.poll_write_ready(cx))?,
                    written => return Poll::Ready(written),
                }
            },
            Stream::Layered(layered) => lock(layered).poll_write(cx, bytes),
        }
    }

    /// Hands everything that was taken for writing to the kernel, or to the pipe.
    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Plain(_) => Poll::Ready(Ok(())),
            Stream::Layered(layered) => lock(layered).poll_flush(cx),
        }
    }

    /// The same without waiting: `WouldBlock` when something is left.
    pub(crate) fn try_flush(&self) -> io::Result<()> {
        now(self.poll_flush(&mut Context::from_waker(Waker::noop())))
    }

    /// Ready when a write may succeed.
    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<()> {
        let ready = match self {
            Stream::Plain(wire) => wire.poll_write_ready(cx),
            Stream::Layered(layered) => match &lock(layered).layer {
                Layer::Tls(stream) => stream.get_ref().0.poll_write_ready(cx),
                // Only a worker's outbox asks, and it never has one.
                Layer::Memory(_) => Poll::Ready(Ok(())),
            },
        };
        // An error is found again by the write.
        ready.map(|_| ())
    }

    /// Tells the peer the end of what it is told, behind all of it.
    pub(crate) fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Plain(wire) => Poll::Ready(wire.shut_write()),
            Stream::Layered(layered) => lock(layered).poll_shutdown(cx),
        }
    }

    /// The same without waiting, as far as that goes.
    pub(crate) fn try_shutdown(&self) {
        // An error means that the connection is over already.
        let _ = now(self.poll_shutdown(&mut Context::from_waker(Waker::noop())));
    }

    /// A layer says that it ends, as far as that goes without waiting. Is it said, or can it not be? A socket that is closed
    /// says so itself.
    pub(crate) fn bid_farewell(&self) -> bool {
        match self {
            Stream::Plain(_) => true,
            Stream::Layered(_) => self.poll_shutdown(&mut Context::from_waker(Waker::noop())).is_ready(),
        }
    }

    /// The socket beneath, when nothing is layered upon it any more. A pipe has none.
    pub(crate) fn into_wire(self) -> Option<Wire> {
        match self {
            Stream::Plain(wire) => Some(wire),
            Stream::Layered(layered) => {
                let layered = layered.into_inner().unwrap_or_else(PoisonError::into_inner);
                match layered.layer {
                    Layer::Tls(stream) => Some(stream.into_inner().0),
                    Layer::Memory(_) => None,
                }
            }
        }
    }
}

impl Layered {
    fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut impl BufMut) -> Poll<io::Result<usize>> {
        if self.unflushed {
            // Whoever waits for an answer sees to it that his question is sent.
            let _ = self.poll_flush(cx)?;
        }
        if !self.ahead.is_empty() {
            let taken = self.ahead.len().min(into.remaining_mut());
            into.put_slice(&self.ahead[..taken]);
            self.ahead.drain(..taken);
            return Poll::Ready(Ok(taken));
        }
        self.layer.poll_read(cx, into)
    }

    fn has_input(&mut self) -> bool {
        if self.ahead.is_empty() {
            let mut glance = Vec::with_capacity(GLANCE_BYTES);
            let read = self.layer.poll_read(&mut Context::from_waker(Waker::noop()), &mut glance);
            self.ahead = glance;
            return read.is_ready();
        }
        true
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_flush(cx))?;
        let written = ready!(self.layer.writer().poll_write(cx, bytes))?;
        self.unflushed = true;
        // What is left is sent by the next call, whatever that is.
        let _ = self.poll_flush(cx)?;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.unflushed {
            ready!(self.layer.writer().poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(cx))?;
        self.layer.writer().poll_shutdown(cx)
    }
}

impl Layer {
    fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut impl BufMut) -> Poll<io::Result<usize>> {
        // Nothing is lost when this is dropped before it is ready.
        match self {
            Layer::Tls(stream) => pin!(stream.read_buf(into)).poll(cx),
            Layer::Memory(stream) => pin!(stream.read_buf(into)).poll(cx),
        }
    }

    fn writer(&mut self) -> Pin<&mut (dyn AsyncWrite + Unpin)> {
        match self {
            Layer::Tls(stream) => Pin::new(stream),
            Layer::Memory(stream) => Pin::new(stream),
        }
    }
}

/// What could not be done without waiting.
fn now<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
    match polled {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(ErrorKind::WouldBlock.into()),
    }
}

fn is_nothing(error: &io::Error) -> bool {
    error.kind() == ErrorKind::WouldBlock
}

/// A read or a write that panicked has ended its connection.
fn lock(layered: &Mutex<Layered>) -> MutexGuard<'_, Layered> {
    layered.lock().unwrap_or_else(PoisonError::into_inner)
}
