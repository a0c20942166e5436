//! Where one end of a connection is, as people write it: `127.0.0.1:50007`, `[::1]:50007`, `unix:/run/echo.sock`.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

/// What an address of a Unix socket begins with.
const UNIX: &str = "unix:";

/// Where one end of a connection is. It reads as it was written.
///
/// ```
/// use throng_server::Address;
///
/// # fn main() -> std::io::Result<()> {
/// let port = Address::resolve("127.0.0.1:50007")?;
/// assert_eq!(port.tcp().map(|tcp| tcp.port()), Some(50007));
/// assert!(port.ip().is_some_and(|ip| ip.is_loopback()) && port.is_local());
///
/// let socket = Address::resolve("unix:/run/echo.sock")?;
/// assert_eq!(socket.path(), Some("/run/echo.sock".as_ref()));
/// assert_eq!(socket.to_string(), "unix:/run/echo.sock");
///
/// let far = Address::from(std::net::SocketAddr::from(([192, 0, 2, 1], 80)));
/// assert!(!far.is_local());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Address {
    /// An address and a port of TCP.
    Tcp(SocketAddr),
    /// A Unix socket at this path (unix(7)); a client's has none.
    Unix(Option<PathBuf>),
    /// In this process: a test's.
    Memory,
}

impl Address {
    /// Finds out what an address means: `host:port`, of IPv6 `[host]:port`, or `unix:path`. A name is looked up, which may ask
    /// the network and waits as long as the system does (getaddrinfo(3)); the first address of it is taken. Nothing is bound
    /// yet.
    ///
    /// # Errors
    /// When it is none of these, or the name has no address. A port alone is none: `0.0.0.0:80` says where.
    ///
    /// ```
    /// use throng_server::Address;
    ///
    /// assert!(Address::resolve("[::1]:0").is_ok());
    /// for wrong in ["80", "127.0.0.1", "127.0.0.1:99999", "unix:"] {
    ///     assert!(Address::resolve(wrong).is_err(), "{wrong}");
    /// }
    /// ```
    pub fn resolve(given: &str) -> io::Result<Address> {
        if let Some(path) = given.strip_prefix(UNIX) {
            return match path {
                "" => Err(io::Error::other("a Unix socket needs a path, such as unix:/run/echo.sock")),
                path => Ok(Address::Unix(Some(PathBuf::from(path)))),
            };
        }
        let found = given.to_socket_addrs()?.next();
        found.map(Address::Tcp).ok_or_else(|| io::Error::other("that name has no address"))
    }

    /// Its address and port, of TCP; `None` of anything else. Example: [`Address`].
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Address::Tcp(address) => Some(*address),
            _ => None,
        }
    }

    /// Its address without the port, of TCP; `None` of anything else. Example: [`Address`].
    pub fn ip(&self) -> Option<IpAddr> {
        self.tcp().map(|address| address.ip())
    }

    /// The path of a Unix socket that has one; a client's has none. Example: [`Address`].
    pub fn path(&self) -> Option<&Path> {
        match self {
            Address::Unix(path) => path.as_deref(),
            _ => None,
        }
    }

    /// Is it on this machine for certain? Loopback addresses are (RFC 6890), Unix sockets, and [`Address::Memory`]; any other
    /// address of this machine counts as far. Example: [`Address`].
    pub fn is_local(&self) -> bool {
        self.ip().is_none_or(|ip| ip.to_canonical().is_loopback())
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Address {
        Address::Tcp(address)
    }
}

/// So that a client can connect to what [`crate::Running::addresses`] gives; only addresses of TCP have one.
impl ToSocketAddrs for Address {
    type Iter = std::option::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        Ok(self.tcp().into_iter())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => address.fmt(f),
            Address::Unix(Some(path)) => write!(f, "{UNIX}{}", path.display()),
            Address::Unix(None) => f.write_str("unix"),
            Address::Memory => f.write_str("memory"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &str, expected: Option<&str>) {
        let found = Address::resolve(given).ok().map(|address| address.to_string());
        assert_eq!(found.as_deref(), expected, "{given}");
    }

    #[test]
    fn an_address_reads_as_it_was_written() {
        check("127.0.0.1:80", Some("127.0.0.1:80"));
        check("[::1]:80", Some("[::1]:80"));
        check("unix:/run/echo.sock", Some("unix:/run/echo.sock"));
        for wrong in ["unix:", "127.0.0.1", "127.0.0.1:99999", ""] {
            check(wrong, None);
        }
    }

    #[test]
    fn who_is_on_this_machine_is_local() {
        let local = |given: &str| Address::resolve(given).unwrap().is_local();
        assert!(local("127.9.9.9:1") && local("[::1]:1") && local("[::ffff:127.0.0.1]:1") && local("unix:x"));
        assert!(!local("192.0.2.1:1"));
    }
}
