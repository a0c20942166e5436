//! How much of everything is allowed, and what a client is told who is one too many.

use crate::rate::Rate;

/// How many of what. Limits are hard: they are taken before a connection is served, never noticed after. All may be changed
/// while the server runs ([`crate::Running::set_limits`]); nobody is cut by that, and nobody is added above them.
///
/// ```
/// use std::time::Duration;
/// use throng_server::{Full, Limits, Rate};
///
/// let limits = Limits {
///     total: 10_000,
///     full: Full::Refuse,
///     per_address: 16,
///     rate_per_address: Some(Rate { count: 30, per: Duration::from_secs(60) }),
///     ..Limits::default()
/// };
/// assert_eq!((limits.queue, limits.backlog), (1 << 20, 4096));
/// ```
///
/// Where a limit is reached, and what the client notices: [`Full`] for `total`; [`crate::Handler::rejected`]'s word for an
/// address that has enough; a cut for a full queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections in all, those that are still closing included. Unless set: the soft limit of descriptors (getrlimit(2))
    /// less 128 for everything else, so call [`raise_descriptors`] before. 0 serves nobody.
    pub total: usize,
    /// What becomes of clients when `total` is reached.
    pub full: Full,
    /// Connections from one address, 128 unless set; of IPv6, from one /64, which is what one customer gets (RFC 6177). Who is
    /// over it is told [`crate::Handler::rejected`]'s words. Those on this machine are not counted, unless
    /// `per_address_loopback`.
    pub per_address: usize,
    /// How often clients of one address may come, counted as for `per_address`; who comes more often is told
    /// [`Rejected::TooOften`]. None unless set.
    pub rate_per_address: Option<Rate>,
    /// Do the limits of an address hold for loopback addresses and Unix sockets too? There a whole crowd may come through one
    /// proxy, so they do not unless set.
    pub per_address_loopback: bool,
    /// Bytes that may wait in one [`crate::Outbox`], 1 MiB unless set; above it the peer is too slow. Nothing is reserved: a
    /// connection for which nothing waits holds none of it.
    pub queue: usize,
    /// Clients that may wait in the kernel to be accepted (listen(2)), 4096 unless set; the kernel takes no more than
    /// `net.core.somaxconn`, without a word.
    pub backlog: i32,
}

/// What becomes of a client for whom there is no place.
///
/// ```
/// # use std::io::Read;
/// use throng_server::{Conn, Full, Limits, Server};
///
/// # async fn wait(mut conn: Conn) -> throng_server::Result {
/// #     conn.write_all(b"!").await?;
/// #     conn.read_into(&mut conn.buffer()).await?;
/// #     Ok(())
/// # }
/// # fn main() -> throng_server::Result {
/// let limits = Limits { total: 1, full: Full::Refuse, ..Limits::default() };
/// let running = Server::new(wait).limits(limits).listen("127.0.0.1:0").start()?;
/// let mut first = std::net::TcpStream::connect(&running.addresses()[0])?;
/// first.read_exact(&mut [0])?; // it is served
/// let second = std::net::TcpStream::connect(&running.addresses()[0])?;
/// # second.set_read_timeout(Some(std::time::Duration::from_secs(20)))?;
/// assert_eq!(std::io::read_to_string(second)?, "", "closed at once");
/// assert_eq!(running.stats().rejected_for.get("full"), Some(&1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Full {
    /// It waits in the kernel's queue of `backlog`, and is served when one leaves.
    #[default]
    Queue,
    /// It is told [`Rejected::Full`] and closed. Where a model serves few at the same time, as [`crate::Sequential`] and
    /// [`crate::Threads`] do, who waits only for his turn waits in the queue all the same.
    Refuse,
}

/// Why a connection is not served. Told to [`crate::Handler::rejected`], where the example is, and in
/// [`crate::Event::Rejected`]. More reasons may come, so a `match` has a last arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejected {
    /// Its address has as many as it may ([`Limits::per_address`]).
    AddressFull,
    /// Its address comes more often than it may ([`Limits::rate_per_address`]).
    TooOften,
    /// The server has as many as it may ([`Limits::total`], [`Full::Refuse`]).
    Full,
    /// The process has no descriptor left. No word reaches the client then.
    NoDescriptor,
    /// It is one of the proxies that must say whom they pass on ([`crate::Server::proxies`]), and did not. No word is sent
    /// then.
    NoProxyHeader,
    /// Its address is denied ([`crate::Denied`]). It hears the denial's own word, where that has one.
    Banned,
}

/// How many reasons there are.
pub(crate) const REASONS: usize = 6;

impl Rejected {
    /// All of them, in the order of their counters.
    pub(crate) const ALL: [Rejected; REASONS] = [
        Rejected::AddressFull,
        Rejected::TooOften,
        Rejected::Full,
        Rejected::NoDescriptor,
        Rejected::NoProxyHeader,
        Rejected::Banned,
    ];

    /// Its name in counters and logs, such as `address_full`; the key of [`crate::Stats::rejected_for`].
    ///
    /// ```
    /// assert_eq!(throng_server::Rejected::TooOften.name(), "too_often");
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Rejected::AddressFull => "address_full",
            Rejected::TooOften => "too_often",
            Rejected::Full => "full",
            Rejected::NoDescriptor => "no_descriptor",
            Rejected::NoProxyHeader => "no_proxy_header",
            Rejected::Banned => "banned",
        }
    }
}

/// Descriptors that are not for clients: the store, the log, the spare one, and those who
/// are told why they are not served.
const DESCRIPTORS_KEPT: u64 = 128;

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            total: usize::try_from(soft_descriptors().saturating_sub(DESCRIPTORS_KEPT).max(1))
                .unwrap_or(usize::MAX),
            full: Full::Queue,
            per_address: 128,
            rate_per_address: None,
            per_address_loopback: false,
            queue: 1 << 20,
            backlog: 4096,
        }
    }
}

/// Raises the soft limit of descriptors to the hard one, and says what it is now (getrlimit(2), RLIMIT_NOFILE): each connection
/// needs one. It is a first line of `main`; where the system does not allow it, the limit stays what it was.
///
/// ```
/// let descriptors = throng_server::raise_descriptors();
/// assert_eq!(throng_server::Limits::default().total as u64, descriptors - 128);
/// ```
pub fn raise_descriptors() -> u64 {
    let raised = rlimit::increase_nofile_limit(u64::MAX);
    raised.unwrap_or_else(|_| soft_descriptors())
}

fn soft_descriptors() -> u64 {
    rlimit::Resource::NOFILE.get_soft().unwrap_or(1024)
}
