//! A seat's two halves put together again, as the HTTP library wants them, for as long as it has the connection.
//!
//! What it writes goes into the outbox like everything else. Who is told faster than it reads makes the library wait.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use throng_server::{Outbox, Reader};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Above so many bytes that wait for the peer, nothing more is taken until they are written. Two pages fit, and it is
/// far below the limit of any queue.
const WAITING_MAX: usize = 64 << 10;

/// One connection, lent to the HTTP library.
pub struct Stream<'a> {
    reader: &'a mut Reader,
    outbox: Outbox,
    flushing: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

impl<'a> Stream<'a> {
    /// Puts the halves together.
    pub fn new(reader: &'a mut Reader, outbox: Outbox) -> Stream<'a> {
        Stream { reader, outbox, flushing: None }
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.flushing.is_none() && self.outbox.queued() > WAITING_MAX {
            let outbox = self.outbox.clone();
            self.flushing = Some(Box::pin(async move { outbox.flushed().await }));
        }
        if let Some(flushing) = &mut self.flushing {
            ready!(flushing.as_mut().poll(cx));
            self.flushing = None;
        }
        Poll::Ready(())
    }
}

impl AsyncRead for Stream<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.reader).poll_read(cx, into)
    }
}

impl AsyncWrite for Stream<'_> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_room(cx));
        if self.outbox.is_over() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        self.outbox.push(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    /// What is in the outbox is on its way.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// The seat ends the connection, behind what waits.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
