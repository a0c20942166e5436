//! When to call again: soon at first, then less and less often, and not for ever. Each wait is somewhere between half of
//! what it may be and all of it, so that a crowd whose server went away does not come back in one moment.

use std::time::Duration;

/// The first wait, at most; each one after it may be twice as long.
const FIRST: Duration = Duration::from_millis(500);

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(30);

/// After so many failures in a row it is given up: some two to four minutes.
pub const TRIES_MAX: u32 = 12;

/// A connection that held for so long was a success, and the next loss begins with the first wait again. Otherwise a server
/// that hangs up at once would be called several times a second for ever.
pub const HELD_MIN: Duration = Duration::from_secs(10);

/// Counts failures in a row.
#[derive(Debug)]
pub struct Backoff {
    tries: u32,
    random: u64,
}

impl Backoff {
    /// Waits that follow from this seed: each caller wants one of its own.
    pub fn new(seed: u64) -> Backoff {
        Backoff { tries: 0, random: seed }
    }

    /// How long to wait now, in whole milliseconds; nothing, when it is time to give up.
    pub fn wait(&mut self) -> Option<Duration> {
        if self.tries >= TRIES_MAX {
            return None;
        }
        let longest = FIRST.saturating_mul(2_u32.saturating_pow(self.tries)).min(LONGEST);
        self.tries += 1;
        // The half that is certain keeps us from calling at once, which a wait from zero on would do now and then.
        let half = u64::try_from(longest.as_millis() / 2).unwrap_or(u64::MAX);
        Some(Duration::from_millis(half + self.random() % (half + 1)))
    }

    /// A connection ended that had held for this long.
    pub fn held(&mut self, lasted: Duration) {
        if lasted >= HELD_MIN {
            self.tries = 0;
        }
    }

    /// The next number of splitmix64 (Steele, Lea and Flood, 2014), which takes any seed.
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each wait may be at most, in milliseconds.
    const LONGEST_OF_EACH: [u128; TRIES_MAX as usize] =
        [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 30_000, 30_000, 30_000];

    fn waits(seed: u64) -> Vec<u128> {
        let mut backoff = Backoff::new(seed);
        std::iter::from_fn(|| backoff.wait()).map(|wait| wait.as_millis()).collect()
    }

    #[test]
    fn waits_may_double_up_to_a_limit_and_end() {
        for seed in 0..1000 {
            let waits = waits(seed);
            assert_eq!(waits.len(), LONGEST_OF_EACH.len());
            for (wait, longest) in waits.iter().zip(LONGEST_OF_EACH) {
                assert!((longest / 2..=longest).contains(wait), "seed {seed}: {waits:?}");
            }
        }
    }

    #[test]
    fn callers_who_lost_one_server_come_back_spread_over_half_of_the_wait() {
        for (number, longest) in LONGEST_OF_EACH.into_iter().enumerate() {
            let mut quarters = [0; 4];
            for seed in 0..1000 {
                let beyond_half = waits(seed)[number] - longest / 2;
                quarters[usize::try_from((beyond_half * 8 / longest).min(3)).unwrap()] += 1;
            }
            // 250 each, were they wholly even.
            assert!(quarters.iter().all(|count| (180..320).contains(count)), "{number}: {quarters:?}");
        }
        assert_eq!(waits(7), waits(7));
    }

    #[test]
    fn only_a_connection_that_held_begins_anew() {
        let mut backoff = Backoff::new(1);
        while backoff.wait().is_some() {}
        backoff.held(HELD_MIN / 2);
        assert_eq!(backoff.wait(), None);
        backoff.held(HELD_MIN);
        assert!(backoff.wait().is_some_and(|wait| wait <= FIRST));
    }
}
