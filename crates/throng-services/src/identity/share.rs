//! How much of the queue for hashing one network may have, so that nobody fills it from one address and keeps all others out.
//!
//! The lock is held for a look at the counts. Who has a share has a place in the queue, so there are no more counts than places.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::throttle::Network;

/// How many passwords of one network may wait or be hashed at once. This machine itself has no such limit: everybody who comes
/// through a proxy on it may have its address.
pub const QUEUE_PER_ADDRESS: usize = 4;

/// How many are under way of each network that has any.
#[derive(Debug, Default)]
pub struct Shares(Mutex<BTreeMap<Network, usize>>);

/// One that is under way.
#[derive(Debug)]
pub struct Share {
    shares: Arc<Shares>,
    network: Network,
}

impl Shares {
    /// One more of this network; `None` when it has as many as it may have.
    pub fn take(self: &Arc<Self>, network: Network) -> Option<Share> {
        let mut counts = self.counts();
        let taken = counts.get(&network).copied().unwrap_or(0);
        if taken >= QUEUE_PER_ADDRESS && network != Network::Local {
            return None;
        }
        counts.insert(network, taken + 1);
        Some(Share { shares: Arc::clone(self), network })
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<Network, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut counts = self.shares.counts();
        match counts.get_mut(&self.network) {
            Some(taken) if *taken > 1 => *taken -= 1,
            _ => drop(counts.remove(&self.network)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str) -> Network {
        Network::of(Some(address.parse().unwrap()))
    }

    #[test]
    fn a_network_has_its_share_and_others_have_theirs() {
        let shares = Arc::new(Shares::default());
        let mut taken: Vec<_> =
            (0..QUEUE_PER_ADDRESS).map(|_| shares.take(of("192.0.2.1")).unwrap()).collect();
        assert!(shares.take(of("192.0.2.1")).is_none());
        assert!(shares.take(of("192.0.2.2")).is_some());
        taken.pop();
        let again = shares.take(of("::ffff:192.0.2.1")).expect("who goes makes room");
        assert!(shares.take(of("192.0.2.1")).is_none());
        drop((taken, again));
        assert!(shares.counts().is_empty(), "nothing is kept of who has gone");
    }

    #[test]
    fn half_an_address_of_ipv6_is_one_network() {
        let shares = Arc::new(Shares::default());
        let taken: Vec<_> =
            (1..=4).map(|host| shares.take(of(&format!("2001:db8:0:1::{host}"))).unwrap()).collect();
        assert!(shares.take(of("2001:db8:0:1:ffff::9")).is_none());
        assert!(shares.take(of("2001:db8:0:2::1")).is_some());
        drop(taken);
    }

    #[test]
    fn this_machine_has_no_such_limit() {
        let shares = Arc::new(Shares::default());
        let here = [Network::Local, of("127.0.0.1"), of("::1")];
        let taken: Vec<_> = here.iter().cycle().take(60).map(|network| shares.take(*network)).collect();
        assert!(taken.iter().all(Option::is_some));
    }
}
