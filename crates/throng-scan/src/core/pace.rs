//! No more than so many questions a second: a bucket of tokens.

use std::time::Duration;

use super::moment::Moment;

/// What may go at once after a pause: as much as this time would have let through.
const BURST: Duration = Duration::from_millis(10);

/// Lets through at a rate, or everything.
#[derive(Debug)]
pub struct Pace {
    per_second: Option<f64>,
    tokens: f64,
    filled: Moment,
}

impl Pace {
    /// So many a second, or as many as come.
    pub fn new(per_second: Option<f64>) -> Self {
        Self { per_second, tokens: 1.0, filled: Moment::default() }
    }

    /// May one go now? Takes it, if so.
    pub fn take(&mut self, now: Moment) -> bool {
        let Some(rate) = self.per_second else { return true };
        let most = (rate * BURST.as_secs_f64()).max(1.0);
        self.tokens = (self.tokens + rate * now.since(self.filled).as_secs_f64()).min(most);
        self.filled = now;
        let allowed = self.tokens >= 1.0;
        if allowed {
            self.tokens -= 1.0;
        }
        allowed
    }

    /// What was taken for nothing.
    pub fn give_back(&mut self) {
        if self.per_second.is_some() {
            self.tokens += 1.0;
        }
    }

    /// When the next one may go, if not now.
    pub fn next(&self) -> Option<Moment> {
        let rate = self.per_second?;
        let missing = 1.0 - self.tokens;
        (missing > 0.0).then(|| self.filled + Duration::from_secs_f64((missing / rate).min(3600.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn let_through(rate: Option<f64>, every: Duration, steps: u32) -> u32 {
        let mut pace = Pace::new(rate);
        let mut now = Moment::default();
        let mut through = 0;
        for _ in 0..steps {
            now = now + every;
            while through < 1_000_000 && pace.take(now) {
                through += 1;
            }
        }
        through
    }

    #[test]
    fn a_rate_is_kept_over_any_time_and_no_debt_is_saved_up() {
        for (rate, every, steps, least, most) in [
            (1000.0, 1, 1000, 999, 1001),
            (1000.0, 10, 100, 990, 1001),
            (0.5, 1000, 10, 5, 6),
            // After a second of silence only a burst goes.
            (1000.0, 1000, 3, 30, 30),
        ] {
            let through = let_through(Some(rate), Duration::from_millis(every), steps);
            assert!((least..=most).contains(&through), "{rate} every {every} ms: {through}");
        }
        assert_eq!(let_through(None, Duration::from_millis(1), 1), 1_000_000);
    }
}
