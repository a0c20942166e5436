//! Since when the peer has taken nothing of what waits for it. Written by the one who writes to the socket, and only while
//! that is full; read by the inspection. While data flows it costs a look.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Milliseconds of the server's clock, of which the lower 32 bits are kept, so that it fits where a ticket has room: after 49
/// days they begin anew, and no stall lasts so long. 0 is none.
#[derive(Debug, Default)]
pub(crate) struct Stall(AtomicU32);

impl Stall {
    /// The socket is full. `true` when it was not before.
    pub(crate) fn begin(&self, now_ms: u64) -> bool {
        self.0.compare_exchange(0, stamp(now_ms), Relaxed, Relaxed).is_ok()
    }

    /// Is something waiting for the peer?
    pub(crate) fn is_on(&self) -> bool {
        self.0.load(Relaxed) != 0
    }

    /// The peer took something, and something is left.
    pub(crate) fn go_on(&self, now_ms: u64) {
        self.0.store(stamp(now_ms), Relaxed);
    }

    /// Nothing waits any more. `true` when something did.
    pub(crate) fn end(&self) -> bool {
        self.0.swap(0, Relaxed) != 0
    }

    /// How long the peer has taken nothing, if something waits.
    pub(crate) fn lasted_ms(&self, now_ms: u64) -> Option<u64> {
        match self.0.load(Relaxed) {
            0 => None,
            since => {
                let lasted = stamp(now_ms).wrapping_sub(since);
                // One that begins while it is looked at has not lasted at all.
                Some(if lasted > u32::MAX / 2 { 0 } else { lasted.into() })
            }
        }
    }
}

/// Odd, so that it is never 0.
fn stamp(now_ms: u64) -> u32 {
    let low = now_ms & u64::from(u32::MAX);
    u32::try_from(low).expect("32 bits are left") | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_lasts_since_the_peer_last_took_something() {
        let stall = Stall::default();
        assert_eq!(stall.lasted_ms(9), None);
        assert!(stall.begin(11) && !stall.begin(501), "it begins once");
        assert_eq!(stall.lasted_ms(1011), Some(1000));
        stall.go_on(2001);
        assert_eq!(stall.lasted_ms(2101), Some(100));
        assert!(stall.end() && !stall.end(), "it ends once");
        assert_eq!(stall.lasted_ms(9999), None);
    }

    #[test]
    fn a_stall_lasts_over_the_end_of_the_numbers_and_is_never_negative() {
        let stall = Stall::default();
        stall.begin(u64::from(u32::MAX));
        assert_eq!(stall.lasted_ms(u64::from(u32::MAX) + 10), Some(10));
        assert_eq!(stall.lasted_ms(u64::from(u32::MAX) - 10), Some(0));
        stall.go_on(0);
        assert_eq!(stall.lasted_ms(1), Some(0), "also at the clock's beginning");
    }
}
