//! Who is connected: the number of a connection, both its ends, and what is known of the way between them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use crate::address::Address;
use crate::proxied::Proxied;
use crate::secured::Secured;

/// The number of a connection, from 1, never given twice by one server, nor by several that share their [`ConnIds`]. It is
/// small and can be copied: keep it rather than anything of the connection.
///
/// ```
/// use throng_server::ConnId;
/// assert_eq!(ConnId(7).to_string(), "7");
/// assert!(ConnId(7) < ConnId(8)); // in the order in which they came
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

impl std::fmt::Display for ConnId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// From where connections get their numbers. Each server has its own, unless several are given one
/// ([`crate::Server::conn_ids`]): then a number means one connection among all of theirs.
///
/// ```
/// # use std::io::Read;
/// use throng_server::{Conn, ConnIds, Server};
///
/// # fn main() -> throng_server::Result {
/// # let hello = |mut conn: Conn| async move {
/// #     conn.write_all(b"hello").await?;
/// #     conn.read_into(&mut conn.buffer()).await?;
/// #     Ok(())
/// # };
/// let ids = ConnIds::default();
/// let one = Server::new(hello).conn_ids(&ids).listen("127.0.0.1:0").start()?;
/// let other = Server::new(hello).conn_ids(&ids).listen("127.0.0.1:0").start()?;
/// # let mut clients = Vec::new();
/// for server in [&one, &other] {
///     let mut client = std::net::TcpStream::connect(&server.addresses()[0])?;
///     client.read_exact(&mut [0; 5])?; // it is served
/// #     clients.push(client);
/// }
/// assert_ne!(one.conns()[0].id, other.conns()[0].id);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct ConnIds(Arc<AtomicU64>);

impl ConnIds {
    /// The next one.
    pub(crate) fn next(&self) -> ConnId {
        ConnId(self.0.fetch_add(1, Relaxed) + 1)
    }
}

/// Both ends of a connection, and the way between them.
///
/// ```
/// use std::net::SocketAddr;
/// use throng_server::Peer;
///
/// // As a test makes one, for a handler's `rejected`.
/// let client = SocketAddr::from(([192, 0, 2, 7], 50123));
/// let peer = Peer::new(client, SocketAddr::from(([127, 0, 0, 1], 7000)));
/// assert_eq!(peer.address.ip(), Some(client.ip()));
/// assert!(peer.local.is_local() && peer.proxy.is_none() && peer.tls().is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Peer {
    /// The other end: the client's, also when a proxy passed him on.
    pub address: Address,
    /// Our end; behind a proxy, the one that the client meant.
    pub local: Address,
    /// The proxy that passed the client on, and what it told of him ([`crate::Server::proxies`]).
    pub proxy: Option<Box<Proxied>>,
    secured: OnceLock<Box<Secured>>,
}

impl Peer {
    /// A peer without anything between, for tests. Example: [`Peer`].
    pub fn new(address: impl Into<Address>, local: impl Into<Address>) -> Peer {
        Peer { address: address.into(), local: local.into(), proxy: None, secured: OnceLock::new() }
    }

    /// How the connection is secured, if it is; known when the handshake is over, so in every handler. Where a proxy ends TLS,
    /// that is told by [`Peer::proxy`]. Example: [`Secured`].
    pub fn tls(&self) -> Option<&Secured> {
        self.secured.get().map(|secured| &**secured)
    }

    /// The connection is secured from here on.
    pub(crate) fn secure(&self, secured: Secured) {
        // There is one handshake, so there was none before.
        let _ = self.secured.set(Box::new(secured));
    }
}
