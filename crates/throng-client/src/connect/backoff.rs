//! When to call again: soon at first, then less and less often, and not for ever.

use std::time::Duration;

/// The first wait; each one after it is twice as long.
const FIRST: Duration = Duration::from_millis(500);

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(30);

/// After so many failures in a row it is given up: some four minutes.
pub const TRIES_MAX: u32 = 12;

/// A connection that held for so long was a success, and the next loss begins with the first wait again. Otherwise a server
/// that hangs up at once would be called twice a second for ever.
pub const HELD_MIN: Duration = Duration::from_secs(10);

/// Counts failures in a row.
#[derive(Debug, Default)]
pub struct Backoff {
    tries: u32,
}

impl Backoff {
    /// How long to wait now; nothing, when it is time to give up.
    pub fn wait(&mut self) -> Option<Duration> {
        if self.tries >= TRIES_MAX {
            return None;
        }
        let wait = FIRST.saturating_mul(2_u32.saturating_pow(self.tries)).min(LONGEST);
        self.tries += 1;
        Some(wait)
    }

    /// A connection ended that had held for this long.
    pub fn held(&mut self, lasted: Duration) {
        if lasted >= HELD_MIN {
            self.tries = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit_and_end() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = std::iter::from_fn(|| backoff.wait()).map(|wait| wait.as_millis()).collect();
        assert_eq!(waits[..7], [500, 1000, 2000, 4000, 8000, 16_000, 30_000]);
        assert_eq!(waits.len(), TRIES_MAX as usize);
        backoff.held(HELD_MIN / 2);
        assert_eq!(backoff.wait(), None);
        backoff.held(HELD_MIN);
        assert_eq!(backoff.wait(), Some(FIRST));
    }
}
