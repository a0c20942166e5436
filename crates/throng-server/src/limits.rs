//! How much of everything, and the counters that keep it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::address::Address;

/// How many of what. Limits are hard: they are taken before a connection is served, never noticed after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections in all. When it is reached, clients wait in the kernel's queue of `backlog`.
    pub total: usize,
    /// Connections from one address; of IPv6, from one /64, which is what one customer gets (RFC 6177). Who is over it
    /// is told [`crate::LocalHandler::rejected`]'s words.
    pub per_address: usize,
    /// Does `per_address` hold for loopback addresses too? There a whole crowd may come through one proxy.
    pub per_address_loopback: bool,
    /// Bytes that may wait in one [`crate::Outbox`]; above it the peer is too slow.
    pub queue: usize,
    /// Clients that may wait in the kernel to be accepted; the kernel takes no more than `net.core.somaxconn`.
    pub backlog: i32,
}

/// Why a connection is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// Its address has as many as it may.
    AddressFull,
    /// The process has no descriptor left. No word reaches the client then.
    NoDescriptor,
    /// It is one of the proxies that must say whom they pass on ([`crate::Server::proxies`]), and did not. No word is sent
    /// then.
    NoProxyHeader,
}

/// Descriptors that are not for clients: the store, the log, the spare one.
const DESCRIPTORS_KEPT: u64 = 128;

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            total: usize::try_from(soft_descriptors().saturating_sub(DESCRIPTORS_KEPT).max(1))
                .unwrap_or(usize::MAX),
            per_address: 128,
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

/// A client's turn to be served, held while its handler runs: where a model serves few at a time, the others wait in the
/// kernel's queue.
pub(crate) type Turn = Option<OwnedSemaphorePermit>;

/// What is taken before a client is taken from the kernel.
pub(crate) struct Place {
    pub total: OwnedSemaphorePermit,
    pub turn: Turn,
}

/// The seats that are left, in all and per address.
#[derive(Debug)]
pub(crate) struct Seats {
    /// What is left in all.
    total: Arc<Semaphore>,
    /// What is left of those who are served at the same time, where the model limits that.
    turns: Option<Arc<Semaphore>>,
    per_address: usize,
    with_loopback: bool,
    taken: Mutex<BTreeMap<IpAddr, usize>>,
}

impl Seats {
    pub(crate) fn new(limits: &Limits, turns: Option<usize>) -> Seats {
        let seats = |count: usize| Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
        Seats {
            total: seats(limits.total),
            turns: turns.map(seats),
            per_address: limits.per_address,
            with_loopback: limits.per_address_loopback,
            taken: Mutex::default(),
        }
    }

    /// Waits for a place. `None` never comes: the seats are not closed.
    pub(crate) async fn place(&self) -> Option<Place> {
        let total = Arc::clone(&self.total).acquire_owned().await.ok()?;
        let turn = match &self.turns {
            Some(turns) => Some(Arc::clone(turns).acquire_owned().await.ok()?),
            None => None,
        };
        Some(Place { total, turn })
    }

    /// A place, if there is one now.
    pub(crate) fn place_now(&self) -> Option<Place> {
        let total = Arc::clone(&self.total).try_acquire_owned().ok()?;
        let turn = match &self.turns {
            Some(turns) => Some(Arc::clone(turns).try_acquire_owned().ok()?),
            None => None,
        };
        Some(Place { total, turn })
    }

    /// Takes a seat for one address. `None` when it has as many as it may.
    pub(crate) fn take(self: &Arc<Self>, address: &Address) -> Option<AddressSeat> {
        // Who comes by a Unix socket or a pipe is on this machine.
        let ip = address.ip().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let network = network_of(ip);
        if address.is_local() && !self.with_loopback {
            return Some(AddressSeat { seats: None, network });
        }
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(network).or_default();
        if *count >= self.per_address {
            if *count == 0 {
                taken.remove(&network);
            }
            return None;
        }
        *count += 1;
        Some(AddressSeat { seats: Some(Arc::clone(self)), network })
    }
}

/// One seat of an address, given back when dropped.
#[derive(Debug)]
pub(crate) struct AddressSeat {
    seats: Option<Arc<Seats>>,
    network: IpAddr,
}

impl Drop for AddressSeat {
    fn drop(&mut self) {
        let Some(seats) = &self.seats else { return };
        let mut taken = seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.network);
            }
        }
    }
}

/// Whose limit an address counts against: IPv4 by itself, IPv6 by its /64.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(per_address: usize, per_address_loopback: bool) -> Arc<Seats> {
        Arc::new(Seats::new(
            &Limits { per_address, per_address_loopback, total: 10, ..Limits::default() },
            None,
        ))
    }

    fn ip(text: &str) -> Address {
        Address::Tcp((text.parse::<IpAddr>().unwrap(), 1).into())
    }

    #[test]
    fn an_address_has_so_many_seats_and_gets_them_back() {
        let seats = seats(2, false);
        let first = seats.take(&ip("192.0.2.1")).unwrap();
        let _second = seats.take(&ip("192.0.2.1")).unwrap();
        assert!(seats.take(&ip("192.0.2.1")).is_none());
        assert!(seats.take(&ip("192.0.2.2")).is_some());
        drop(first);
        assert!(seats.take(&ip("192.0.2.1")).is_some());
    }

    #[test]
    fn addresses_count_by_what_one_customer_gets() {
        let check = |one: &str, other: &str, same: bool| {
            let seats = seats(1, false);
            let _kept = seats.take(&ip(one)).unwrap();
            assert_eq!(seats.take(&ip(other)).is_none(), same, "{one} {other}");
        };
        check("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true);
        check("2001:db8:1:2::1", "2001:db8:1:3::1", false);
        check("192.0.2.1", "::ffff:192.0.2.1", true);
        check("192.0.2.1", "192.0.2.2", false);
    }

    #[test]
    fn loopback_is_exempt_unless_asked_for() {
        let kept: Vec<_> = (0..5).map(|_| seats(1, false).take(&ip("127.0.0.1"))).collect();
        assert!(kept.iter().all(Option::is_some));
        let strict = seats(1, true);
        let _kept = strict.take(&ip("::1")).unwrap();
        assert!(strict.take(&ip("::1")).is_none());
    }

    #[test]
    fn nothing_is_remembered_of_an_address_that_has_left() {
        let seats = seats(3, true);
        drop((seats.take(&ip("192.0.2.1")), seats.take(&ip("::1"))));
        let none = self::seats(0, true);
        assert!(none.take(&ip("192.0.2.1")).is_none());
        assert!(seats.taken.lock().unwrap().is_empty() && none.taken.lock().unwrap().is_empty());
    }
}
