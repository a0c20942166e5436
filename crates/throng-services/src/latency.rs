//! How long something took, counted so cheaply that whoever serves may do it: a fixed array of counters that any thread
//! adds to and any thread reads, without a lock.
//!
//! A time is put into the bucket of its first five or six binary digits, in microseconds, as HdrHistogram does it: below
//! 64 µs each has a bucket of its own, above a bucket is at most a 32nd of what is in it. So a percentile is told at most
//! 3.2 % too long, and never too short.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Times below so many microseconds are counted exactly.
const EXACT: u64 = 64;

/// Buckets for each further doubling.
const PER_DOUBLING: usize = 32;

/// Doublings above [`EXACT`]: the last bucket begins before 67 s, and has all that is longer.
const DOUBLINGS: usize = 20;

/// How many buckets there are.
pub const BUCKETS: usize = EXACT as usize + PER_DOUBLING * DOUBLINGS;

/// Counts times.
#[derive(Debug)]
pub struct Latency {
    counts: Box<[AtomicU64]>,
    sum_us: AtomicU64,
    max_us: AtomicU64,
}

impl Default for Latency {
    fn default() -> Latency {
        let counts = (0..BUCKETS).map(|_| AtomicU64::new(0)).collect();
        Latency { counts, sum_us: AtomicU64::new(0), max_us: AtomicU64::new(0) }
    }
}

impl Latency {
    /// Counts one time.
    pub fn record(&self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.counts[bucket_of(us)].fetch_add(1, Relaxed);
        self.sum_us.fetch_add(us, Relaxed);
        // Nearly always it is none, and then the line of memory stays everybody's.
        if self.max_us.load(Relaxed) < us {
            self.max_us.fetch_max(us, Relaxed);
        }
    }

    /// What was counted so far. Each number is right, and they are read one after the other.
    pub fn read(&self) -> Times {
        let counts = self.counts.iter().map(|count| count.load(Relaxed)).collect();
        Times { counts, sum_us: self.sum_us.load(Relaxed), max_us: self.max_us.load(Relaxed) }
    }
}

/// Times as they were counted, to be added and subtracted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Times {
    counts: Box<[u64]>,
    sum_us: u64,
    max_us: u64,
}

impl Default for Times {
    fn default() -> Times {
        Times { counts: vec![0; BUCKETS].into(), sum_us: 0, max_us: 0 }
    }
}

impl Times {
    /// How many.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All of them together.
    pub fn sum(&self) -> Duration {
        Duration::from_micros(self.sum_us)
    }

    /// With others.
    pub fn plus(mut self, other: &Times) -> Times {
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, more)| *count += more);
        self.sum_us = self.sum_us.wrapping_add(other.sum_us);
        self.max_us = self.max_us.max(other.max_us);
        self
    }

    /// Those that were counted since `before`, which is an earlier reading of the same. The longest of them is known as
    /// exactly as its bucket is.
    pub fn since(&self, before: &Times) -> Times {
        let counts: Box<[u64]> =
            self.counts.iter().zip(&before.counts).map(|(now, then)| now.saturating_sub(*then)).collect();
        let longest = counts.iter().rposition(|count| *count > 0);
        let max_us = longest.map_or(0, |bucket| last_of(bucket).min(self.max_us));
        Times { counts, sum_us: self.sum_us.wrapping_sub(before.sum_us), max_us }
    }

    /// The longest; nothing when there was none.
    pub fn max(&self) -> Option<Duration> {
        (self.count() > 0).then(|| Duration::from_micros(self.max_us))
    }

    /// So much of them, as 0.99, were no longer than this; nothing when there was none.
    pub fn percentile(&self, share: f64) -> Option<Duration> {
        let count = self.count();
        // The nearest rank: the smallest of which so much are no longer.
        let rank = ((share * count as f64).ceil() as u64).clamp(1, count.max(1));
        let mut seen = 0;
        let bucket = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank
        })?;
        Some(Duration::from_micros(last_of(bucket).min(self.max_us)))
    }

    /// How many were shorter than 2^`power` µs: exact, since a bucket ends there, for powers from 6 on.
    pub fn below(&self, power: u32) -> u64 {
        let end = bucket_of(1 << power);
        self.counts[..end].iter().sum()
    }
}

fn bucket_of(us: u64) -> usize {
    if us < EXACT {
        return us as usize;
    }
    let doubling = (us.ilog2() - EXACT.ilog2()) as usize;
    if doubling >= DOUBLINGS {
        return BUCKETS - 1;
    }
    // Five digits behind the first.
    let behind = (us >> (doubling + 1)) as usize - PER_DOUBLING;
    EXACT as usize + doubling * PER_DOUBLING + behind
}

/// The longest time of a bucket, in microseconds.
fn last_of(bucket: usize) -> u64 {
    let Some(above) = bucket.checked_sub(EXACT as usize) else { return bucket as u64 };
    if bucket == BUCKETS - 1 {
        return u64::MAX;
    }
    let (doubling, behind) = (above / PER_DOUBLING, above % PER_DOUBLING);
    (((PER_DOUBLING + behind + 1) as u64) << (doubling + 1)) - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counted(times: &[u64]) -> Latency {
        let latency = Latency::default();
        times.iter().for_each(|us| latency.record(Duration::from_micros(*us)));
        latency
    }

    #[test]
    fn the_buckets_follow_each_other_without_a_gap() {
        for bucket in 0..BUCKETS - 1 {
            let last = last_of(bucket);
            assert_eq!((bucket_of(last), bucket_of(last + 1)), (bucket, bucket + 1), "{last} µs");
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn of_nothing_there_is_no_percentile() {
        let none = Latency::default().read();
        assert_eq!((none.count(), none.percentile(0.5), none.max()), (0, None, None));
    }

    #[test]
    fn what_was_counted_since_is_told_apart() {
        let latency = counted(&[10, 5_000_000]);
        let before = latency.read();
        latency.record(Duration::from_micros(300));
        let since = latency.read().since(&before);
        assert_eq!((since.count(), since.sum()), (1, Duration::from_micros(300)));
        assert_eq!(since.max(), since.percentile(1.0));
        assert_eq!(latency.read().max(), Some(Duration::from_secs(5)));
        assert_eq!(latency.read().plus(&before).count(), 5);
    }

    proptest! {
        #[test]
        fn a_percentile_is_that_of_the_sorted_list_or_a_32nd_more(
            mut times in prop::collection::vec(prop_oneof![0..2_000_u64, 0..1_u64 << 26], 1..300),
            share in 0.0..=1.0_f64,
        ) {
            let read = counted(&times).read();
            times.sort_unstable();
            let rank = ((share * times.len() as f64).ceil() as usize).max(1);
            let exact = times[rank - 1];
            let told = read.percentile(share).map_or(0, |time| time.as_micros() as u64);
            prop_assert!(exact <= told && told <= exact + exact / 32, "{exact} {told}");
            prop_assert_eq!(read.max().map(|time| time.as_micros() as u64), times.last().copied());
            prop_assert_eq!(read.sum().as_micros() as u64, times.iter().sum::<u64>());
            for power in 6..26 {
                let below = times.iter().filter(|time| **time < 1 << power).count() as u64;
                prop_assert_eq!(read.below(power), below);
            }
        }
    }
}
