//! How much lately: totals are looked at once a second, and what they grew by is kept, second by second for a minute and
//! minute by minute for an hour. Bounded, and written by one thread.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;
use throng_services::latency::Times;

/// Seconds, and minutes, that are kept.
pub const KEPT: usize = 60;

/// What only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Clients that were served.
    pub accepted: u64,
    /// Bytes that came.
    pub bytes_in: u64,
    /// Bytes that went.
    pub bytes_out: u64,
    /// Things that were said.
    pub said: u64,
    /// Events that were told.
    pub told: u64,
}

/// How much of it each second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct PerSecond {
    /// Clients that were served.
    pub accepted: f64,
    /// Bytes that came.
    pub bytes_in: f64,
    /// Bytes that went.
    pub bytes_out: f64,
    /// Things that were said.
    pub said: f64,
    /// Events that were told.
    pub told: f64,
}

impl Totals {
    /// How fast they grew since then. One who looks late spreads it over the time that it was.
    fn since(self, before: Totals, time: Duration) -> PerSecond {
        let secs = time.as_secs_f64();
        let per_second =
            |now: u64, then: u64| if secs > 0.0 { now.saturating_sub(then) as f64 / secs } else { 0.0 };
        PerSecond {
            accepted: per_second(self.accepted, before.accepted),
            bytes_in: per_second(self.bytes_in, before.bytes_in),
            bytes_out: per_second(self.bytes_out, before.bytes_out),
            said: per_second(self.said, before.said),
            told: per_second(self.told, before.told),
        }
    }
}

/// What is kept.
#[derive(Debug, Default)]
pub struct Rates {
    /// Totals and when they were looked at, oldest first: one more than there are seconds.
    seconds: VecDeque<(Duration, Totals)>,
    /// The same each minute.
    minutes: VecDeque<(Duration, Totals)>,
}

impl Rates {
    /// Looks at the totals, at this time since the start.
    pub fn look(&mut self, at: Duration, totals: Totals) {
        keep(&mut self.seconds, (at, totals));
        let is_due = self.minutes.back().is_none_or(|(last, _)| at.saturating_sub(*last).as_secs() >= 60);
        if is_due {
            keep(&mut self.minutes, (at, totals));
        }
    }

    /// Over the last second, as it was looked at.
    pub fn second(&self) -> PerSecond {
        over(self.seconds.iter().rev().take(2).rev())
    }

    /// Over the last minute, or what there is of it.
    pub fn minute(&self) -> PerSecond {
        over(self.seconds.iter())
    }

    /// Each second of the last minute, oldest first.
    pub fn last_minute(&self) -> Vec<PerSecond> {
        steps(&self.seconds)
    }

    /// Each minute of the last hour, oldest first; the one that goes on is not in it.
    pub fn last_hour(&self) -> Vec<PerSecond> {
        steps(&self.minutes)
    }
}

fn keep<T>(kept: &mut VecDeque<T>, next: T) {
    if kept.len() > KEPT {
        kept.pop_front();
    }
    kept.push_back(next);
}

/// From the first to the last of these.
fn over<'a>(mut looks: impl Iterator<Item = &'a (Duration, Totals)>) -> PerSecond {
    let first = looks.next();
    match (first, looks.last()) {
        (Some((from, before)), Some((to, totals))) => totals.since(*before, to.saturating_sub(*from)),
        _ => PerSecond::default(),
    }
}

fn steps(looks: &VecDeque<(Duration, Totals)>) -> Vec<PerSecond> {
    let pairs = looks.iter().zip(looks.iter().skip(1));
    pairs.map(|((from, before), (to, now))| now.since(*before, to.saturating_sub(*from))).collect()
}

/// Seconds between two readings of times.
const READ_EVERY_SECS: u64 = 5;

/// Readings that are kept: the oldest is a minute old.
const READINGS: usize = 12;

/// Times of about the last minute: now, without those that were counted a minute ago.
#[derive(Debug, Default)]
pub struct Lately {
    readings: VecDeque<(Duration, Times)>,
}

impl Lately {
    /// Is a reading due?
    pub fn is_due(&self, at: Duration) -> bool {
        self.readings.back().is_none_or(|(last, _)| at.saturating_sub(*last).as_secs() >= READ_EVERY_SECS)
    }

    /// Keeps a reading.
    pub fn look(&mut self, at: Duration, times: Times) {
        if self.readings.len() > READINGS {
            self.readings.pop_front();
        }
        self.readings.push_back((at, times));
    }

    /// Of all these, what came in the last minute, to five seconds.
    pub fn of(&self, now: &Times) -> Times {
        self.readings.front().map_or_else(|| now.clone(), |(_, before)| now.since(before))
    }
}

#[cfg(test)]
mod tests {
    use throng_services::latency::Latency;

    use super::*;

    fn totals(said: u64) -> Totals {
        Totals { said, ..Totals::default() }
    }

    #[test]
    fn a_minute_and_an_hour_are_kept_and_no_more() {
        let mut rates = Rates::default();
        assert_eq!((rates.second(), rates.last_minute()), (PerSecond::default(), Vec::new()));
        // Two a second for two hours, then nothing for a second.
        for second in 0..=7200 {
            rates.look(Duration::from_secs(second), totals(2 * second));
        }
        assert_eq!((rates.second().said, rates.minute().said), (2.0, 2.0));
        rates.look(Duration::from_secs(7201), totals(14_400));
        assert_eq!(rates.second().said, 0.0);
        assert_eq!((rates.last_minute().len(), rates.last_hour().len()), (KEPT, KEPT));
        assert!(rates.last_hour().iter().all(|rate| rate.said == 2.0), "{:?}", rates.last_hour());
        assert_eq!(rates.minute().said, 118.0 / 60.0);
    }

    #[test]
    fn who_looks_late_sees_the_same_rate() {
        let mut rates = Rates::default();
        rates.look(Duration::from_secs(1), totals(0));
        rates.look(Duration::from_secs(5), totals(40));
        assert_eq!(rates.second().said, 10.0);
        // Two looks at one moment divide by nothing.
        rates.look(Duration::from_secs(5), totals(50));
        assert_eq!(rates.second().said, 0.0);
    }

    #[test]
    fn what_is_older_than_a_minute_is_not_lately() {
        let (latency, mut lately) = (Latency::default(), Lately::default());
        latency.record(Duration::from_secs(9));
        assert_eq!(lately.of(&latency.read()).count(), 1, "before the first reading all is new");
        for second in 0..100 {
            let at = Duration::from_secs(second);
            if second == 20 {
                latency.record(Duration::from_millis(1));
            }
            if lately.is_due(at) {
                lately.look(at, latency.read());
            }
            let count = lately.of(&latency.read()).count();
            assert_eq!(count, u64::from((20..80).contains(&second)), "at {second} s");
        }
        assert_eq!(latency.read().count(), 2);
    }
}
