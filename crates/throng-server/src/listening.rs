//! A socket that listens: clients are taken from it, it can refuse them and keep its address, and listen again.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use socket2::{Socket, TcpKeepalive};

use crate::address::Address;
use crate::unix_path::UnixPath;

/// The kernel asks a silent peer after so long whether it is there, then so often, so many times: within three minutes a
/// peer that vanished is found out (tcp(7), TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT).
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(120), Duration::from_secs(15), 4);

/// How long what we sent may stay unacknowledged (tcp(7), TCP_USER_TIMEOUT).
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(180);

/// A socket that listens, or refuses.
#[derive(Debug)]
pub(crate) struct Listening {
    socket: Socket,
    address: Address,
    kept: Kept,
}

/// How the address stays ours while nobody listens there.
#[derive(Clone, Debug)]
pub(crate) enum Kept {
    /// A port belongs to the socket that is bound to it.
    Port,
    /// A path belongs to whoever bound to it last.
    Path(UnixPath),
    /// It is another process's as well, which would refuse with us; that one knows it by this name.
    Inherited(String),
}

/// Where new clients of a Unix socket go while those who knocked before are taken.
#[derive(Debug)]
pub(crate) struct Successor(Option<(Socket, UnixPath)>);

impl Listening {
    /// Lets a bound socket listen.
    pub(crate) fn begin(socket: Socket, address: Address, kept: Kept, backlog: i32) -> io::Result<Listening> {
        if address.tcp().is_some() {
            dress(&socket)?;
        }
        let listening = Listening { socket, address, kept };
        listening.listen(backlog)?;
        Ok(listening)
    }

    /// Where.
    #[cfg(test)]
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// Takes the next client, without waiting: its socket, which does not block, and both its ends.
    pub(crate) fn take_next(&self) -> io::Result<(OwnedFd, Address, Address)> {
        let (socket, theirs) = self.accept_one()?;
        let Address::Tcp(ours) = self.address else {
            return Ok((socket, Address::Unix(None), self.address.clone()));
        };
        // Only one who listens everywhere does not know where this client came in.
        let local = if ours.ip().is_unspecified() { local_of(&socket).unwrap_or(ours) } else { ours };
        let theirs = theirs.ok_or(io::ErrorKind::ConnectionAborted)?;
        Ok((socket, theirs.into(), local.into()))
    }

    /// The flags come with the accept, in one call (accept4(2)).
    #[cfg(target_os = "linux")]
    fn accept_one(&self) -> io::Result<(OwnedFd, Option<std::net::SocketAddr>)> {
        use rustix::net::{SocketFlags, acceptfrom_with};
        let (socket, address) = acceptfrom_with(&self.socket, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)?;
        Ok((socket, address.and_then(|address| address.try_into().ok())))
    }

    #[cfg(not(target_os = "linux"))]
    fn accept_one(&self) -> io::Result<(OwnedFd, Option<std::net::SocketAddr>)> {
        let (socket, address) = self.socket.accept()?;
        socket.set_nonblocking(true)?;
        if address.as_socket().is_some() {
            dress(&socket)?;
        }
        Ok((socket.into(), address.as_socket()))
    }

    /// May it refuse?
    pub(crate) fn may_refuse(&self) -> io::Result<()> {
        match self.kept {
            Kept::Inherited(_) => Err(io::Error::other(
                "a socket that was inherited belongs to others too: it can only be held, not refuse",
            )),
            _ => Ok(()),
        }
    }

    /// New clients of a Unix socket are refused from here on; those of a port still knock.
    pub(crate) fn begin_refusing(&self) -> io::Result<Successor> {
        Ok(Successor(match &self.kept {
            Kept::Path(path) => Some(path.replace()?),
            _ => None,
        }))
    }

    /// Ends the listening and keeps the address: new clients are refused, and no other program can have it. Who still
    /// knocks is reset.
    pub(crate) fn refuse(&mut self, successor: Successor) -> io::Result<()> {
        if let Some((socket, path)) = successor.0 {
            self.socket = socket;
            if let Kept::Path(before) = std::mem::replace(&mut self.kept, Kept::Path(path)) {
                before.forget();
            }
            return Ok(());
        }
        self.socket.set_reuse_address(false)?;
        self.socket.shutdown(std::net::Shutdown::Read)
    }

    /// The same socket once more, for another process or another server: it listens for as long as one of them is open.
    pub(crate) fn share(&self) -> io::Result<(Socket, Address, Kept)> {
        Ok((self.socket.try_clone()?, self.address.clone(), self.kept.clone()))
    }

    /// Listens, again if need be.
    pub(crate) fn listen(&self, backlog: i32) -> io::Result<()> {
        self.socket.set_nonblocking(true)?;
        if self.address.tcp().is_some() {
            self.socket.set_reuse_address(true)?;
        }
        self.socket.listen(backlog)
    }
}

impl AsFd for Listening {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for Listening {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

fn local_of(socket: &OwnedFd) -> Option<std::net::SocketAddr> {
    socket2::SockRef::from(socket).local_addr().ok()?.as_socket()
}

/// What accepted sockets inherit from their listener on Linux, and are given one by one elsewhere.
fn dress(socket: &Socket) -> io::Result<()> {
    let (time, interval, retries) = KEEPALIVE;
    let keepalive = TcpKeepalive::new().with_time(time).with_interval(interval).with_retries(retries);
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;
    use crate::claim::Claim;

    #[test]
    #[cfg(target_os = "linux")]
    fn accepted_sockets_inherit_what_the_listener_has() {
        let claim = Claim::bind(Address::resolve("127.0.0.1:0").unwrap()).unwrap();
        let listening = claim.listen(16).unwrap();
        let client = TcpStream::connect(listening.address()).unwrap();
        let (accepted, theirs, ours) = listening.take_next().unwrap();
        let (theirs, ours) = (theirs.tcp().unwrap(), ours.tcp().unwrap());
        assert_eq!((theirs, ours), (client.local_addr().unwrap(), client.peer_addr().unwrap()));
        let socket = Socket::from(accepted);
        assert!(socket.nonblocking().unwrap());
        assert!(socket.tcp_nodelay().unwrap());
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), KEEPALIVE.0);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(UNACKNOWLEDGED_MAX));
    }
}
