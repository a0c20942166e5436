//! The addresses of browsers that keep connections ahead, so that these are not greeted too soon.
//!
//! A browser opens connections before it needs them. What it finds in one that was greeted meanwhile it takes for a broken
//! answer; then it tries its next spare one, which was greeted as well, and so on without end. So when a request came late,
//! silence from the same address is taken for that of a browser for a while. Shared by all workers.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Silence that triggers the greeting where a browser's request came late. Chromium keeps an unused connection for ten
/// seconds (`kUnusedIdleSocketTimeout`).
pub const GREET_AFTER: Duration = Duration::from_secs(15);

/// How long a late request is remembered: while its browser tries again, with growing pauses.
const REMEMBERED_MS: u64 = 60_000;

/// How many addresses are remembered. When there are more, the oldest is forgotten, and its browser fails once more.
const ADDRESSES_MAX: usize = 64;

/// Late requests, the oldest first. Written by a worker that saw one, read where a silent client is to be greeted; held
/// for a look through the list only.
#[derive(Debug, Default)]
pub struct Browsers {
    late: Mutex<VecDeque<(IpAddr, u64)>>,
}

impl Browsers {
    /// A request from this address found that it had been greeted.
    pub fn came_late(&self, address: IpAddr, now_ms: u64) {
        let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        late.retain(|(other, _)| *other != address);
        if late.len() == ADDRESSES_MAX {
            late.pop_front();
        }
        late.push_back((address, now_ms));
    }

    /// Does silence from this address mean a browser?
    pub fn are_at(&self, address: IpAddr, now_ms: u64) -> bool {
        let late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        late.iter().any(|(other, at_ms)| *other == address && now_ms.saturating_sub(*at_ms) < REMEMBERED_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_request_is_remembered_for_a_while_and_for_its_address_only() {
        let (browsers, here, there) =
            (Browsers::default(), IpAddr::from([127, 0, 0, 1]), IpAddr::from([192, 0, 2, 1]));
        assert!(!browsers.are_at(here, 0));
        browsers.came_late(here, 1_000);
        assert!(browsers.are_at(here, 1_000) && browsers.are_at(here, 60_999));
        assert!(!browsers.are_at(here, 61_000) && !browsers.are_at(there, 1_000));
        browsers.came_late(here, 61_000);
        assert!(browsers.are_at(here, 61_000));
    }

    #[test]
    fn only_so_many_addresses_are_remembered() {
        let browsers = Browsers::default();
        let address = |number: usize| IpAddr::from([10, 0, 0, u8::try_from(number).unwrap_or(u8::MAX)]);
        (0..=ADDRESSES_MAX).for_each(|number| browsers.came_late(address(number), 0));
        assert!(!browsers.are_at(address(0), 0));
        assert!((1..=ADDRESSES_MAX).all(|number| browsers.are_at(address(number), 0)));
    }
}
