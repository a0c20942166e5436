//! An address that is ours: bound before anything else starts, so that a taken one is found out at once.
//!
//! The bind of a port is a plain one. SO_REUSEPORT would let two servers share a port unnoticed (socket(7)). SO_REUSEADDR is
//! set only while the socket listens, so that the connections made from it do not keep the port after the server's end; while
//! the socket is bound and not listening, as in a pause, nobody else can take the port, not even with SO_REUSEADDR.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use socket2::{Domain, Socket, Type};

use crate::address::Address;
use crate::listening::{Kept, Listening};
use crate::passed_name;
use crate::role;
use crate::unix_path::UnixPath;

/// How often a port chosen by the kernel is asked for anew, when somebody took it before we could name it.
const CHOICES_MAX: usize = 16;

/// A claimed address, not listening yet: whoever connects is refused, and nobody else can have it. Dropped, it is free again.
///
/// For a program that wants to know first of all whether it has its address, before a database is opened or privileges are
/// given up; else [`crate::Server::listen`] does it on the way.
///
/// ```
/// use std::net::SocketAddr;
/// use throng_server::{Claim, Conn, Server};
///
/// # fn main() -> throng_server::Result {
/// let claim = Claim::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
/// let port = claim.address().tcp().unwrap().port();
/// assert_ne!(port, 0, "the real one");
/// let taken = Claim::bind(SocketAddr::from(([127, 0, 0, 1], port))).unwrap_err();
/// assert!(taken.to_string().starts_with(&format!("cannot listen on 127.0.0.1:{port}: ")));
///
/// let running = Server::new(|_: Conn| async { Ok(()) }).listen_on(claim).start()?;
/// assert_eq!(running.addresses()[0].tcp().unwrap().port(), port);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Claim {
    held: Held,
    address: Address,
}

/// Who has the socket.
#[derive(Debug)]
enum Held {
    /// This process.
    Here(Socket, Kept),
    /// The first process, and this one is its worker.
    ByFirst {
        /// The service manager's name for it, if it passed it to the first process.
        name: Option<String>,
    },
}

/// An address could not be claimed. Its text names both, as in `cannot listen on 127.0.0.1:80: Permission denied (os error
/// 13)`. Example: [`Claim`].
#[derive(Debug)]
pub struct BindError {
    /// Which.
    pub address: Address,
    /// What the system said (bind(2)): most often `AddrInUse`, `PermissionDenied` (a port below 1024, ip(7)) or
    /// `AddrNotAvailable` (not this machine's).
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
    /// Claims an address. Port 0 is a free one of the kernel's choice; it stays ours like any other. The file of a Unix
    /// socket that nobody listens at any more is replaced, and ours is removed in the end. In a worker's process nothing is
    /// claimed, since the first process has done so ([`crate::worker_or_continue`]).
    ///
    /// # Errors
    /// When something else has the address, it is not this machine's, or this process may not have it; of a Unix socket when
    /// its folder is not there or the file is no socket. Example: [`Claim`].
    pub fn bind(address: impl Into<Address>) -> Result<Claim, BindError> {
        let address = address.into();
        if role::worker().is_some() {
            return Ok(Claim::by_first(None, address));
        }
        let bound = match &address {
            Address::Tcp(tcp) => bind_port(*tcp),
            Address::Unix(Some(path)) => UnixPath::bind(path).map(|(socket, path)| Claim {
                held: Held::Here(socket, Kept::Path(path)),
                address: address.clone(),
            }),
            Address::Unix(None) | Address::Memory => Err(ErrorKind::AddrNotAvailable.into()),
        };
        bound.map_err(|source| BindError { address, source })
    }

    /// What was claimed, with the real port. Example: [`Claim`].
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The name under which the service manager passed it, when it was passed by one (systemd.socket(5),
    /// FileDescriptorName).
    ///
    /// ```
    /// use throng_server::{Claim, Inherited};
    ///
    /// # fn main() -> throng_server::Result {
    /// let inherited = Inherited::take()?;
    /// let admin = inherited.claims.iter().find(|claim| claim.name() == Some("admin.socket"));
    /// assert!(admin.is_none(), "no service manager started this example");
    /// let own = Claim::bind(std::net::SocketAddr::from(([127, 0, 0, 1], 0)))?;
    /// assert_eq!(own.name(), None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn name(&self) -> Option<&str> {
        match &self.held {
            Held::Here(_, Kept::Inherited(name)) => Some(name),
            Held::ByFirst { name } => name.as_deref(),
            Held::Here(..) => None,
        }
    }

    /// A socket that is ours already.
    pub(crate) fn of(socket: Socket, address: Address, kept: Kept) -> Claim {
        Claim { held: Held::Here(socket, kept), address }
    }

    /// In a worker's process, one that the first process has.
    pub(crate) fn by_first(name: Option<String>, address: Address) -> Claim {
        Claim { held: Held::ByFirst { name }, address }
    }

    /// Its socket, for another process, and the name by which that one finds out whose it is.
    pub(crate) fn passed(&self) -> io::Result<(OwnedFd, String)> {
        let name = self.name().map_or_else(|| passed_name::name_of_ours(&self.address), str::to_owned);
        let Held::Here(socket, _) = &self.held else { return Err(ErrorKind::AddrNotAvailable.into()) };
        Ok((socket.try_clone()?.into(), name))
    }

    /// It is another process's now, and with it the file of a Unix socket.
    pub(crate) fn forget(self) {
        if let Held::Here(_, Kept::Path(path)) = &self.held {
            path.forget();
        }
    }

    /// Listens from here on.
    pub(crate) fn listen(self, backlog: i32) -> io::Result<Listening> {
        let Held::Here(socket, kept) = self.held else { return Err(ErrorKind::AddrNotAvailable.into()) };
        Listening::begin(socket, self.address, kept, backlog)
    }
}

fn bind_port(address: SocketAddr) -> io::Result<Claim> {
    let socket = if address.port() == 0 { bind_chosen(address)? } else { bind_named(address)? };
    let address = Address::Tcp(address_of(&socket)?);
    Ok(Claim { held: Held::Here(socket, Kept::Port), address })
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
        Claim::bind("127.0.0.1:0".parse::<SocketAddr>().unwrap()).unwrap()
    }

    #[test]
    fn a_claimed_port_is_nobody_elses_before_while_and_after_listening() {
        let claim = claim();
        let address = claim.address().tcp().unwrap();
        let is_ours = || bind_plain(address, true).is_err() && bind_plain(address, false).is_err();
        assert!(is_ours(), "claimed");
        let mut listening = claim.listen(16).unwrap();
        assert!(is_ours(), "listening");
        let successor = listening.begin_refusing().unwrap();
        listening.refuse(successor).unwrap();
        assert!(is_ours(), "paused");
        assert!(TcpStream::connect(address).is_err());
        listening.listen(16).unwrap();
        assert!(is_ours(), "listening again");
        TcpStream::connect(address).unwrap();
    }

    #[test]
    fn a_port_is_free_for_the_next_server_while_its_old_connections_linger() {
        let claim = claim();
        let address = claim.address().clone();
        let listening = claim.listen(16).unwrap();
        let client = TcpStream::connect(&address).unwrap();
        // Whoever closes first keeps the connection in TIME-WAIT.
        drop(listening.take_next().unwrap());
        drop(client);
        drop(listening);
        let next = Claim::bind(address).unwrap().listen(16).unwrap();
        drop(next);
    }
}
