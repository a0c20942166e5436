//! The line between the first process and a worker: a pair of sockets that keeps letters whole, each with at most one
//! descriptor in it (unix(7): SOCK_SEQPACKET, SCM_RIGHTS).
//!
//! The kernel is the queue, and whoever writes waits while it is full. It is kept short, since what lies in it when a worker
//! dies is to be passed on again.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::cmsg_space;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::UnixStream;

use super::letter::LETTER_BYTES_MAX;

/// How many bytes may lie in the line; each letter costs the kernel some hundred more than it has (socket(7), SO_SNDBUF). The
/// longest letter still fits.
const LINE_BYTES_MAX: usize = 2 * LETTER_BYTES_MAX;

/// One end of the line, in the event loop of this thread's runtime.
pub(super) struct Line {
    /// The event loop asks no more of it than to be a socket; letters are sent and received by calls of their own.
    socket: UnixStream,
}

impl Line {
    /// Both ends: ours, and the one that a worker is started with.
    pub(super) fn pair() -> io::Result<(Line, OwnedFd)> {
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Line::watch(ours)?, theirs))
    }

    /// Takes one end over.
    pub(super) fn watch(socket: OwnedFd) -> io::Result<Line> {
        SockRef::from(&socket).set_nonblocking(true)?;
        SockRef::from(&socket).set_send_buffer_size(LINE_BYTES_MAX)?;
        Ok(Line { socket: UnixStream::from_std(socket.into())? })
    }

    /// The next letter: its length, and the descriptor in it. Of length 0 is the end. Cancel-safe.
    pub(super) async fn hear(&self, into: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
        self.socket.async_io(Interest::READABLE, || receive(self.socket.as_fd(), into)).await
    }

    /// Sends a letter whole, without waiting, or not at all.
    pub(super) fn try_say(&self, letter: &[u8], enclosed: Option<BorrowedFd<'_>>) -> io::Result<()> {
        self.socket.try_io(Interest::WRITABLE, || send(self.socket.as_fd(), letter, enclosed))
    }

    /// Sends a letter whole, and waits while the line is full. Cancel-safe: it was sent, or not at all.
    pub(super) async fn say(&self, letter: &[u8]) -> io::Result<()> {
        self.socket.async_io(Interest::WRITABLE, || send(self.socket.as_fd(), letter, None)).await
    }

    /// Waits until a letter may be sent, or will tell that it cannot.
    pub(super) async fn writable(&self) {
        // An error is found again by the letter.
        let _ = self.socket.writable().await;
    }

    /// Nothing more is said; what the other end says is still heard.
    pub(super) fn end(&self) {
        // An error means that the other end is gone already.
        let _ = SockRef::from(&self.socket).shutdown(Shutdown::Write);
    }
}

/// Sends a letter whole, waiting or not as the socket is set.
pub(super) fn send(
    socket: BorrowedFd<'_>,
    letter: &[u8],
    enclosed: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if let Some(enclosed) = &enclosed {
        control.push(SendAncillaryMessage::ScmRights(std::slice::from_ref(enclosed)));
    }
    sendmsg(socket, &[IoSlice::new(letter)], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

fn receive(socket: BorrowedFd<'_>, into: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(socket, &mut [IoSliceMut::new(into)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut enclosed = None;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            enclosed = rights.last();
        }
    }
    Ok((received.bytes, enclosed))
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read, Seek, Write};

    use super::*;

    /// More letters than the kernel holds for anybody who does not read.
    const LETTERS: usize = 10_000;

    #[tokio::test]
    async fn letters_stay_whole_and_bring_what_is_in_them() {
        let (ours, theirs) = Line::pair().unwrap();
        let theirs = Line::watch(theirs).unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"enclosed").unwrap();
        ours.say(b"first").await.unwrap();
        ours.try_say(b"second", Some(file.as_fd())).unwrap();
        ours.end();
        let mut letter = [0; 64];
        let (length, enclosed) = theirs.hear(&mut letter).await.unwrap();
        assert_eq!((&letter[..length], enclosed.is_none()), (&b"first"[..], true));
        let (length, enclosed) = theirs.hear(&mut letter).await.unwrap();
        assert_eq!(&letter[..length], b"second");
        let mut file = std::fs::File::from(enclosed.unwrap());
        file.rewind().unwrap();
        let mut words = String::new();
        file.read_to_string(&mut words).unwrap();
        assert_eq!(words, "enclosed");
        assert_eq!(theirs.hear(&mut letter).await.unwrap().0, 0);
        let longest = [7; LETTER_BYTES_MAX];
        theirs.say(&longest).await.unwrap();
        let mut letter = [0; LETTER_BYTES_MAX];
        assert_eq!(ours.hear(&mut letter).await.unwrap().0, longest.len());
        assert!(letter == longest);
    }

    #[tokio::test]
    async fn a_full_line_waits_for_its_reader_and_loses_nothing() {
        let (ours, theirs) = Line::pair().unwrap();
        let theirs = Line::watch(theirs).unwrap();
        let mut sent: usize = 0;
        let full = loop {
            match ours.try_say(&sent.to_be_bytes(), None) {
                Ok(()) => sent += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(full.kind(), ErrorKind::WouldBlock);
        assert!(sent < LETTERS / 10, "{sent}");
        let writes = async {
            for number in sent..LETTERS {
                ours.say(&number.to_be_bytes()).await.unwrap();
            }
        };
        let reads = async {
            let mut letter = [0; 8];
            for number in 0..LETTERS {
                theirs.hear(&mut letter).await.unwrap();
                assert_eq!(letter, number.to_be_bytes());
            }
        };
        tokio::join!(writes, reads);
    }
}
