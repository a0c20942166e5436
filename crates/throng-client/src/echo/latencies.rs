//! How long round trips took: counts in buckets, each within a hundredth of its times, so that nothing is kept per message.

use std::time::Duration;

/// Buckets of each doubling, as a power of two.
const STEPS_BITS: u32 = 6;

const STEPS: usize = 1 << STEPS_BITS;

/// Buckets for every number of nanoseconds that 64 bits hold.
const BUCKETS: usize = (64 - STEPS_BITS as usize + 1) * STEPS;

/// The counts.
pub struct Latencies {
    counts: Vec<u64>,
    count: u64,
    longest: Duration,
}

impl Default for Latencies {
    fn default() -> Latencies {
        Latencies { counts: vec![0; BUCKETS], count: 0, longest: Duration::ZERO }
    }
}

impl Latencies {
    /// Counts one.
    pub fn add(&mut self, took: Duration) {
        self.counts[bucket(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX))] += 1;
        self.count += 1;
        self.longest = self.longest.max(took);
    }

    /// The longest.
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// The time that this share of all (0 to 1) did not take longer than; zero when nothing was counted.
    pub fn quantile(&self, share: f64) -> Duration {
        let wanted = ((self.count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        found.map_or(Duration::ZERO, |bucket| Duration::from_nanos(middle(bucket)))
    }
}

fn bucket(nanos: u64) -> usize {
    let Some(shift) = nanos.checked_ilog2().and_then(|bits| bits.checked_sub(STEPS_BITS)) else {
        return nanos as usize;
    };
    shift as usize * STEPS + (nanos >> shift) as usize
}

fn middle(bucket: usize) -> u64 {
    let Some(shift) = (bucket / STEPS).checked_sub(1) else { return bucket as u64 };
    let steps = (STEPS + bucket % STEPS) as u64;
    (steps << shift) + (1 << shift) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_within_a_hundredth() {
        for nanos in
            (0..200).chain((0..58).flat_map(|bits| [(1 << bits) + 1, (97 << bits) / 64, 127 << bits]))
        {
            let told = middle(bucket(nanos));
            assert!(told.abs_diff(nanos) <= nanos / 100, "{nanos} is told as {told}");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn the_middle_and_the_tail_are_where_they_belong() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantile(0.5), Duration::ZERO);
        for micros in 1..=100 {
            latencies.add(Duration::from_micros(micros));
        }
        for (share, micros) in [(0.0, 1.0), (0.5, 50.0), (0.99, 99.0), (1.0, 100.0)] {
            let told = latencies.quantile(share).as_secs_f64() * 1e6;
            assert!((told - micros).abs() <= micros / 100.0, "{share}: {told} instead of {micros}");
        }
        assert_eq!(latencies.longest(), Duration::from_micros(100));
    }
}
