//! How long things took: a histogram of constant size, to three digits, from a nanosecond to an hour.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;

/// What takes longer is counted as this.
const LONGEST: Duration = Duration::from_secs(3600);

/// The digits that are exact.
const DIGITS: u8 = 3;

/// The counts.
#[derive(Clone)]
pub struct Times(Histogram<u64>);

impl Default for Times {
    fn default() -> Times {
        let histogram = Histogram::new_with_max(LONGEST.as_nanos() as u64, DIGITS);
        Times(histogram.expect("these bounds make a histogram: 1 ns to an hour, three digits"))
    }
}

impl fmt::Debug for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p99) = (self.quantile(0.5), self.quantile(0.99));
        write!(f, "{} times, p50 {p50:?}, p99 {p99:?}, max {:?}", self.count(), self.longest())
    }
}

impl Times {
    /// Counts one.
    pub fn add(&mut self, took: Duration) {
        self.0.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Counts several that took as long.
    pub fn add_many(&mut self, took: Duration, count: u64) {
        self.0.saturating_record_n(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), count);
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The time that this share of all (0 to 1) did not take longer than; zero when nothing was counted.
    pub fn quantile(&self, share: f64) -> Duration {
        Duration::from_nanos(self.0.value_at_quantile(share).min(self.0.max()))
    }

    /// The longest.
    pub fn longest(&self) -> Duration {
        Duration::from_nanos(self.0.max())
    }

    /// The middle of all.
    pub fn mean(&self) -> Duration {
        Duration::from_nanos(self.0.mean() as u64)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_where_they_belong_to_three_digits() {
        let mut times = Times::default();
        assert_eq!((times.quantile(0.5), times.longest()), (Duration::ZERO, Duration::ZERO));
        for micros in 1..=1000 {
            times.add(Duration::from_micros(micros));
        }
        for (share, micros) in [(0.5, 500.0), (0.9, 900.0), (0.99, 990.0), (0.999, 999.0), (1.0, 1000.0)] {
            let told = times.quantile(share).as_secs_f64() * 1e6;
            assert!((told - micros).abs() <= micros / 500.0, "{share}: {told} instead of {micros}");
        }
        assert_eq!((times.count(), times.longest().as_micros()), (1000, 1000));
    }

    #[test]
    fn what_takes_too_long_is_counted_as_the_longest() {
        let mut times = Times::default();
        times.add_many(Duration::MAX, 3);
        assert_eq!(times.count(), 3);
        assert!(times.quantile(0.5) >= LONGEST);
        times.clear();
        assert_eq!(
            (times.count(), times.longest(), times.quantile(1.0)),
            (0, Duration::ZERO, Duration::ZERO)
        );
    }
}
