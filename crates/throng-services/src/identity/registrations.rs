//! How many accounts strangers may make: so many of one network and so many in all, within a while that slides. Operators make
//! as many as they like, and do not pass here.
//!
//! A registration counts from when it begins, unless it is known to have made nothing. What is kept is bounded by the limit
//! itself. The lock is held for a look.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::refusal::Refusal;
use super::throttle::Network;

/// How many accounts strangers make in all …
pub const REGISTRATIONS_MAX: usize = 30;
/// … and how many those of one network. This machine itself has only the limit for all: everybody who comes through a proxy
/// on it may have its address.
pub const REGISTRATIONS_PER_ADDRESS: usize = 5;
/// Within so long.
pub const REGISTRATIONS_WITHIN: Duration = Duration::from_secs(10 * 60);

/// Who made accounts of late.
#[derive(Debug)]
pub struct Registrations {
    /// When and from where, the oldest first; at most [`REGISTRATIONS_MAX`].
    made: Mutex<VecDeque<(Instant, Network)>>,
}

/// One that has begun, and counts.
#[derive(Debug)]
pub struct Registration {
    registrations: Arc<Registrations>,
    entry: (Instant, Network),
}

impl Registrations {
    /// None so far.
    pub fn new() -> Arc<Registrations> {
        Arc::new(Registrations { made: Mutex::default() })
    }

    /// Begins one from there; or says when one may.
    pub fn begin(self: &Arc<Self>, network: Network) -> Result<Registration, Refusal> {
        let now = Instant::now();
        let mut made = self.made();
        made.retain(|(at, _)| now.duration_since(*at) < REGISTRATIONS_WITHIN);
        let of_all = full(made.iter(), REGISTRATIONS_MAX);
        let theirs = made.iter().filter(|(_, from)| *from == network && network != Network::Local);
        let of_theirs = full(theirs, REGISTRATIONS_PER_ADDRESS);
        // The later one of both, when both are full.
        if let Some(oldest) = of_all.max(of_theirs) {
            let again_in = REGISTRATIONS_WITHIN.saturating_sub(now.duration_since(oldest));
            return Err(Refusal::Throttled { again_in });
        }
        made.push_back((now, network));
        drop(made);
        Ok(Registration { registrations: Arc::clone(self), entry: (now, network) })
    }

    fn made(&self) -> MutexGuard<'_, VecDeque<(Instant, Network)>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where there are as many as may be, when the oldest of them was: behind its end there is room for one.
fn full<'a>(made: impl Iterator<Item = &'a (Instant, Network)> + Clone, max: usize) -> Option<Instant> {
    let is_full = made.clone().count() >= max;
    made.map(|(at, _)| *at).next().filter(|_| is_full)
}

impl Registration {
    /// No account was made: it does not count.
    pub fn forgive(self) {
        let mut made = self.registrations.made();
        if let Some(at) = made.iter().position(|entry| *entry == self.entry) {
            made.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(number: u16) -> Network {
        Network::V6([0x2001, 0xdb8, 0, number])
    }

    fn again_in(registrations: &Arc<Registrations>, network: Network) -> Option<u64> {
        match registrations.begin(network) {
            Ok(begun) => {
                begun.forgive();
                None
            }
            Err(Refusal::Throttled { again_in }) => Some(again_in.as_secs()),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_makes_five_in_ten_minutes_and_the_window_slides() {
        let registrations = Registrations::new();
        for minute in 0..5 {
            assert_eq!(again_in(&registrations, network(1)), None, "minute {minute}");
            registrations.begin(network(1)).unwrap();
            tokio::time::advance(Duration::from_secs(60)).await;
        }
        assert_eq!(again_in(&registrations, network(1)), Some(300));
        assert_eq!(again_in(&registrations, network(2)), None, "another one");
        tokio::time::advance(Duration::from_secs(300)).await;
        registrations.begin(network(1)).unwrap();
        assert_eq!(again_in(&registrations, network(1)), Some(60));
    }

    #[tokio::test(start_paused = true)]
    async fn all_together_make_thirty() {
        let registrations = Registrations::new();
        for number in 0..30 {
            registrations.begin(network(number)).unwrap();
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(again_in(&registrations, network(99)), Some(570));
        assert_eq!(again_in(&registrations, Network::Local), Some(570));
        assert_eq!(registrations.made().len(), REGISTRATIONS_MAX, "who is refused is not kept");
        tokio::time::advance(Duration::from_secs(570)).await;
        registrations.begin(network(99)).unwrap();
        assert_eq!(again_in(&registrations, network(98)), Some(1));
    }

    #[tokio::test(start_paused = true)]
    async fn when_both_are_full_the_later_end_counts() {
        let registrations = Registrations::new();
        for number in 0..25 {
            registrations.begin(network(number)).unwrap();
        }
        tokio::time::advance(Duration::from_secs(60)).await;
        for _ in 0..5 {
            registrations.begin(network(99)).unwrap();
        }
        assert_eq!(again_in(&registrations, network(99)), Some(600));
        assert_eq!(again_in(&registrations, network(98)), Some(540));
    }

    #[tokio::test(start_paused = true)]
    async fn this_machine_makes_as_many_as_all() {
        let registrations = Registrations::new();
        for _ in 0..30 {
            registrations.begin(Network::of(Some([127, 0, 0, 1].into()))).unwrap();
        }
        assert_eq!(again_in(&registrations, Network::Local), Some(600));
    }

    #[tokio::test(start_paused = true)]
    async fn what_made_nothing_does_not_count() {
        let registrations = Registrations::new();
        for _ in 0..100 {
            registrations.begin(network(1)).unwrap().forgive();
        }
        assert_eq!(again_in(&registrations, network(1)), None);
        assert!(registrations.made().is_empty());
    }
}
