//! A socket of the kernel in the event loop of this thread's runtime, TCP or Unix: what both can do.

use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BufMut;
use rustix::net::RecvFlags;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use crate::address::Address;

/// A write to a connection that is gone is an error and no signal: MSG_NOSIGNAL (send(2)). Elsewhere the standard library
/// sees to that when it accepts a socket.
#[cfg(target_os = "linux")]
pub(crate) const NO_SIGNAL: i32 = 0x4000;
#[cfg(not(target_os = "linux"))]
pub(crate) const NO_SIGNAL: i32 = 0;

/// A socket in the event loop.
pub(crate) enum Wire {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// The same call for each.
macro_rules! each {
    ($wire:expr, $stream:ident => $call:expr) => {
        match $wire {
            Wire::Tcp($stream) => $call,
            Wire::Unix($stream) => $call,
        }
    };
}

impl Wire {
    /// Takes a socket over, which must not block; its own end tells of which kind it is.
    pub(crate) fn watch(socket: OwnedFd, local: &Address) -> io::Result<Wire> {
        Ok(match local.tcp() {
            Some(_) => Wire::Tcp(TcpStream::from_std(socket.into())?),
            None => Wire::Unix(UnixStream::from_std(socket.into())?),
        })
    }

    /// Gives the socket back, out of the event loop; it does not block.
    pub(crate) fn into_socket(self) -> io::Result<OwnedFd> {
        each!(self, stream => stream.into_std().map(OwnedFd::from))
    }

    /// The socket itself.
    pub(crate) fn socket(&self) -> SockRef<'_> {
        each!(self, stream => SockRef::from(stream))
    }

    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => stream.poll_read_ready(cx))
    }

    pub(crate) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => stream.poll_write_ready(cx))
    }

    pub(crate) async fn readable(&self) -> io::Result<()> {
        each!(self, stream => stream.readable().await)
    }

    /// Reads without waiting.
    pub(crate) fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        each!(self, stream => stream.try_read(into))
    }

    /// Reads without waiting. A read that leaves room has taken all there was (epoll(7), on edge-triggered sockets): the
    /// event loop hears that at once, and the next read asks the kernel when there is more, not before. The peer's end
    /// is no less known for that.
    pub(crate) fn read_once(&self, into: &mut impl BufMut) -> io::Result<usize> {
        each!(self, stream => {
            let mut taken = None;
            let read = stream.try_io(Interest::READABLE, || {
                let room = into.chunk_mut().len();
                let read = stream.try_read_buf(into)?;
                if (1..room).contains(&read) {
                    taken = Some(read);
                    return Err(ErrorKind::WouldBlock.into());
                }
                Ok(read)
            });
            taken.map_or(read, Ok)
        })
    }

    /// Looks at the first bytes that lie in the socket, without taking them or waiting. An error when there are none.
    pub(crate) fn peek(&self, into: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
        self.socket().peek(into)
    }

    /// Waits for the first byte, and leaves it there. `None` when the peer ended instead.
    pub(crate) async fn first(&self) -> Option<u8> {
        let looked = each!(self, stream => {
            let look = || {
                let mut first = [0];
                let (peeked, _) = rustix::net::recv(stream, &mut first, RecvFlags::PEEK)?;
                Ok((peeked > 0).then_some(first[0]))
            };
            stream.async_io(Interest::READABLE, look).await
        });
        looked.unwrap_or(None)
    }

    /// Writes once, without waiting. The kernel itself is asked: the event loop would say no while it has not heard of
    /// room, which it never has for a fresh socket, and not in the turn in which the peer made some.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self.socket().send_with_flags(bytes, NO_SIGNAL) {
            // The event loop is asked as well, so that it knows that it has to tell when there is room.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                each!(self, stream => stream.try_write(bytes))
            }
            written => written,
        }
    }

    /// The peer hears the end of what it is told.
    pub(crate) fn shut_write(&self) -> io::Result<()> {
        self.socket().shutdown(Shutdown::Write)
    }
}

/// For what is layered upon it.
impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), stream => Pin::new(stream).poll_read(cx, into))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        each!(self.get_mut(), stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.shut_write())
    }
}
