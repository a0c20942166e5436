//! How much of everything is allowed, and what a client is told who is one too many.

use crate::rate::Rate;

/// How many of what. Limits are hard: they are taken before a connection is served, never noticed after. All may be changed
/// while the server runs ([`crate::Running::set_limits`]); nobody is cut by that, and nobody is added above them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections in all, those that are still closing included.
    pub total: usize,
    /// What becomes of clients when `total` is reached.
    pub full: Full,
    /// Connections from one address; of IPv6, from one /64, which is what one customer gets (RFC 6177). Who is over it
    /// is told [`crate::LocalHandler::rejected`]'s words.
    pub per_address: usize,
    /// How often clients of one address may come, counted as for `per_address`; who comes more often is told
    /// [`Rejected::TooOften`]. None unless set.
    pub rate_per_address: Option<Rate>,
    /// Do the limits of an address hold for loopback addresses too? There a whole crowd may come through one proxy.
    pub per_address_loopback: bool,
    /// Bytes that may wait in one [`crate::Outbox`]; above it the peer is too slow.
    pub queue: usize,
    /// Clients that may wait in the kernel to be accepted; the kernel takes no more than `net.core.somaxconn`.
    pub backlog: i32,
}

/// What becomes of a client for whom there is no place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Full {
    /// It waits in the kernel's queue of `backlog`, and is served when one leaves.
    #[default]
    Queue,
    /// It is told [`Rejected::Full`] and closed. Where a model serves few at the same time, as [`crate::Sequential`] and
    /// [`crate::Threads`] do, who waits only for his turn waits in the queue all the same.
    Refuse,
}

/// Why a connection is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
}

/// How many reasons there are.
pub(crate) const REASONS: usize = 5;

impl Rejected {
    /// All of them, in the order of their counters.
    pub(crate) const ALL: [Rejected; REASONS] = [
        Rejected::AddressFull,
        Rejected::TooOften,
        Rejected::Full,
        Rejected::NoDescriptor,
        Rejected::NoProxyHeader,
    ];

    /// Its name in counters and logs, such as `address_full`.
    pub fn name(self) -> &'static str {
        match self {
            Rejected::AddressFull => "address_full",
            Rejected::TooOften => "too_often",
            Rejected::Full => "full",
            Rejected::NoDescriptor => "no_descriptor",
            Rejected::NoProxyHeader => "no_proxy_header",
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

/// Raises the soft limit of descriptors to the hard one, and says what it is now (getrlimit(2), RLIMIT_NOFILE).
pub fn raise_descriptors() -> u64 {
    let raised = rlimit::increase_nofile_limit(u64::MAX);
    raised.unwrap_or_else(|_| soft_descriptors())
}

fn soft_descriptors() -> u64 {
    rlimit::Resource::NOFILE.get_soft().unwrap_or(1024)
}
