//! Which silent connections are a browser's, opened ahead, so that these are not greeted too soon.
//!
//! A browser opens connections before it needs them. What it finds in one that was greeted meanwhile it takes for a broken
//! answer: a page without its script, or an error, and then it tries its next spare one, which was greeted as well, and so
//! on without end. Two things give such a connection away: a request from the same address at the time when it was opened,
//! and a request that came late a while ago. Shared by all workers; which door a connection has is not decided here.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Silence that triggers the greeting of what seems to be a browser's. Chromium keeps an unused connection for ten seconds
/// (`kUnusedIdleSocketTimeout`).
pub const GREET_AFTER: Duration = Duration::from_secs(15);

/// How long before a connection a request may have come that tells whose it is. People are slower with two programs.
const TOGETHER_MS: u64 = 1_000;

/// How long a late request is remembered: while its browser tries again, with growing pauses.
const REMEMBERED_MS: u64 = 60_000;

/// How many addresses are remembered. When there are more, the one that asked longest ago is forgotten, and its browser may
/// fail once more.
const ADDRESSES_MAX: usize = 256;

/// The browsers of late, who asked last at the back. Written by the workers that serve them, read where a silent client is
/// to be greeted; held for a look through the list only.
#[derive(Debug, Default)]
pub struct Browsers {
    seen: Mutex<VecDeque<Seen>>,
}

#[derive(Debug)]
struct Seen {
    address: IpAddr,
    asked_ms: u64,
    late_ms: Option<u64>,
}

impl Browsers {
    /// A request came from this address.
    pub fn asked(&self, address: IpAddr, now_ms: u64) {
        let mut seen = self.seen();
        let known = seen.iter().position(|other| other.address == address);
        let late_ms = known.and_then(|place| seen.remove(place)?.late_ms);
        if seen.len() == ADDRESSES_MAX {
            seen.pop_front();
        }
        seen.push_back(Seen { address, asked_ms: now_ms, late_ms });
    }

    /// A request from this address found that it had been greeted.
    pub fn came_late(&self, address: IpAddr, now_ms: u64) {
        self.asked(address, now_ms);
        if let Some(newest) = self.seen().back_mut() {
            newest.late_ms = Some(now_ms);
        }
    }

    /// Is a silent connection from this address, open since then, a browser's?
    pub fn opened(&self, address: IpAddr, since_ms: u64, now_ms: u64) -> bool {
        let seen = self.seen();
        let Some(browser) = seen.iter().find(|other| other.address == address) else { return false };
        let late = browser.late_ms.is_some_and(|late_ms| now_ms.saturating_sub(late_ms) < REMEMBERED_MS);
        late || browser.asked_ms + TOGETHER_MS >= since_ms
    }

    fn seen(&self) -> MutexGuard<'_, VecDeque<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: usize) -> IpAddr {
        IpAddr::from([10, 0, (number / 256) as u8, (number % 256) as u8])
    }

    #[test]
    fn what_is_opened_beside_a_request_is_the_browsers() {
        let browsers = Browsers::default();
        assert!(!browsers.opened(address(1), 5_000, 5_300), "nobody asked");
        browsers.asked(address(1), 5_000);
        assert!(browsers.opened(address(1), 4_900, 5_200), "opened before");
        assert!(browsers.opened(address(1), 6_000, 6_300), "opened behind");
        assert!(!browsers.opened(address(1), 6_001, 6_301), "opened later");
        assert!(!browsers.opened(address(2), 5_000, 5_300), "somebody else");
    }

    #[test]
    fn a_late_request_is_remembered_for_a_while() {
        let browsers = Browsers::default();
        browsers.came_late(address(1), 1_000);
        browsers.asked(address(1), 2_000);
        assert!(browsers.opened(address(1), 60_000, 60_999));
        assert!(!browsers.opened(address(1), 60_000, 61_000));
    }

    #[test]
    fn only_so_many_addresses_are_remembered() {
        let browsers = Browsers::default();
        (0..=ADDRESSES_MAX).for_each(|number| browsers.came_late(address(number), 0));
        assert!(!browsers.opened(address(0), 0, 0));
        assert!((1..=ADDRESSES_MAX).all(|number| browsers.opened(address(number), 0, 0)));
    }
}
