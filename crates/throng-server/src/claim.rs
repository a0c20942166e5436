//! A port that is ours: bound before anything else starts, so that a taken one is found out at once.
//!
//! The bind is a plain one. SO_REUSEPORT would let two servers share a port unnoticed (socket(7)). SO_REUSEADDR is set
//! only while the socket listens, so that the connections made from it do not keep the port after the server's end; while
//! the socket is bound and not listening, as in a pause, nobody else can take the port, not even with SO_REUSEADDR.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, TcpKeepalive, Type};

/// How often a port chosen by the kernel is asked for anew, when somebody took it before we could name it.
const CHOICES_MAX: usize = 16;

/// The kernel asks a silent peer after so long whether it is there, then so often, so many times: within three minutes a
/// peer that vanished is found out (tcp(7), TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT).
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(120), Duration::from_secs(15), 4);

/// How long what we sent may stay unacknowledged (tcp(7), TCP_USER_TIMEOUT).
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(180);

/// A claimed port, not listening yet.
#[derive(Debug)]
pub struct Claim {
    socket: Socket,
    address: SocketAddr,
}

/// A port could not be claimed.
#[derive(Debug)]
pub struct BindError {
    /// Which.
    pub address: SocketAddr,
    /// What the system said.
    pub source: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen on {}: {}", self.address, self.source)
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl Claim {
    /// Claims an address. Port 0 is a free one of the kernel's choice; it stays ours like any other.
    ///
    /// # Errors
    /// When something else has the port, or the address is not this machine's.
    pub fn bind(address: SocketAddr) -> Result<Claim, BindError> {
        let bound = if address.port() == 0 { bind_chosen(address) } else { bind_named(address) };
        let claim = bound.and_then(|socket| {
            let address = address_of(&socket)?;
            Ok(Claim { socket, address })
        });
        claim.map_err(|source| BindError { address, source })
    }

    /// What was claimed, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens from here on.
    pub(crate) fn listen(self, backlog: i32) -> io::Result<TcpListener> {
        dress(&self.socket)?;
        self.socket.set_nonblocking(true)?;
        let listener = TcpListener::from(self.socket);
        listen_again(&listener, backlog)?;
        Ok(listener)
    }
}

/// Lets a bound socket listen.
pub(crate) fn listen_again(listener: &TcpListener, backlog: i32) -> io::Result<()> {
    let socket = SockRef::from(listener);
    socket.set_reuse_address(true)?;
    socket.listen(backlog)
}

/// Ends the listening and keeps the port: new clients are refused, and no other program can have it.
pub(crate) fn stop_listening(listener: &TcpListener) -> io::Result<()> {
    let socket = SockRef::from(listener);
    socket.set_reuse_address(false)?;
    socket.shutdown(std::net::Shutdown::Read)
}

/// What accepted sockets inherit from their listener on Linux, and are given one by one elsewhere.
pub(crate) fn dress(socket: &Socket) -> io::Result<()> {
    let (time, interval, retries) = KEEPALIVE;
    let keepalive = TcpKeepalive::new().with_time(time).with_interval(interval).with_retries(retries);
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX))?;
    Ok(())
}

/// A port of the kernel's choice belongs to the socket only while it listens; bound by its number it stays ours.
fn bind_chosen(address: SocketAddr) -> io::Result<Socket> {
    let mut last = io::Error::from(ErrorKind::AddrInUse);
    for _ in 0..CHOICES_MAX {
        let chosen = address_of(&bind_plain(address, false)?)?;
        match bind_plain(chosen, false) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => last = error,
            bound => return bound,
        }
    }
    Err(last)
}

/// The second try is for a port that only connections of an earlier server still hold (TIME-WAIT, RFC 9293 §3.3.2).
fn bind_named(address: SocketAddr) -> io::Result<Socket> {
    match bind_plain(address, false) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => bind_plain(address, true),
        bound => bound,
    }
}

fn bind_plain(address: SocketAddr, reuse: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(reuse)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn address_of(socket: &Socket) -> io::Result<SocketAddr> {
    socket.local_addr()?.as_socket().ok_or_else(|| io::Error::from(ErrorKind::AddrNotAvailable))
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    fn claim() -> Claim {
        Claim::bind("127.0.0.1:0".parse().unwrap()).unwrap()
    }

    #[test]
    fn a_claimed_port_is_nobody_elses_before_while_and_after_listening() {
        let claim = claim();
        let address = claim.address();
        let is_ours = || bind_plain(address, true).is_err() && bind_plain(address, false).is_err();
        assert!(is_ours(), "claimed");
        let listener = claim.listen(16).unwrap();
        assert!(is_ours(), "listening");
        stop_listening(&listener).unwrap();
        assert!(is_ours(), "paused");
        assert!(TcpStream::connect(address).is_err());
        listen_again(&listener, 16).unwrap();
        assert!(is_ours(), "listening again");
        TcpStream::connect(address).unwrap();
    }

    #[test]
    fn a_port_is_free_for_the_next_server_while_its_old_connections_linger() {
        let claim = claim();
        let address = claim.address();
        let listener = claim.listen(16).unwrap();
        listener.set_nonblocking(false).unwrap();
        let client = TcpStream::connect(address).unwrap();
        // Whoever closes first keeps the connection in TIME-WAIT.
        drop(listener.accept().unwrap());
        drop(client);
        drop(listener);
        let next = Claim::bind(address).unwrap().listen(16).unwrap();
        drop(next);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn accepted_sockets_inherit_what_the_listener_has() {
        let claim = claim();
        let address = claim.address();
        let listener = claim.listen(16).unwrap();
        listener.set_nonblocking(false).unwrap();
        let _client = TcpStream::connect(address).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let socket = SockRef::from(&accepted);
        assert!(socket.tcp_nodelay().unwrap());
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), KEEPALIVE.0);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(UNACKNOWLEDGED_MAX));
    }
}
