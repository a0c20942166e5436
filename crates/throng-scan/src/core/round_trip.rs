//! How long a host takes to answer, and how long to wait for it: the estimator of RFC 6298 with bounds of its own.

use std::time::Duration;

/// How long to wait before anything is known (RFC 6298 has 1 s; whom we call first is asked again anyway).
pub const TIMEOUT_START: Duration = Duration::from_millis(500);
/// The kernel sends a `SYN` again after 1 s: a little longer, and a slow answer is still heard.
const TIMEOUT_MAX: Duration = Duration::from_millis(1250);
/// Under this a timer measures how busy the machine is.
const TIMEOUT_MIN: Duration = Duration::from_millis(100);
const TIMEOUT_MIN_LOCAL: Duration = Duration::from_millis(30);
/// The kernel may have asked twice by then, and the answer is to who knows which (Karn's rule).
const SAMPLE_MAX: Duration = Duration::from_millis(950);

/// So much more is no sign of anything.
const INFLATION_LEAST: Duration = Duration::from_millis(5);

/// What is known of the way to one host and back.
#[derive(Clone, Copy, Debug, Default)]
pub struct RoundTrip {
    smoothed: Option<Duration>,
    /// Of late: half of it is the last sample. What was slow once, a neighbour that had to be found, is soon forgotten.
    recent: Duration,
    variance: Duration,
    min: Duration,
    local: bool,
}

impl RoundTrip {
    /// To this machine, or to another.
    pub fn new(local: bool) -> Self {
        Self { local, ..Self::default() }
    }

    /// An answer took so long.
    pub fn measured(&mut self, sample: Duration) {
        let Some(smoothed) = self.smoothed else {
            // A first answer later than the kernel's second question is all that there is.
            (self.smoothed, self.variance, self.min) = (Some(sample), sample / 2, sample);
            self.recent = sample;
            return;
        };
        if sample >= SAMPLE_MAX {
            return;
        }
        self.variance = (self.variance * 3 + smoothed.abs_diff(sample)) / 4;
        self.smoothed = Some((smoothed * 7 + sample) / 8);
        self.recent = (self.recent + sample) / 2;
        self.min = self.min.min(sample);
    }

    /// Smoothed, once anything was heard.
    pub fn smoothed(&self) -> Option<Duration> {
        self.smoothed
    }

    /// How long a question may be without an answer before it counts as lost.
    pub fn timeout(&self) -> Duration {
        let Some(smoothed) = self.smoothed else { return TIMEOUT_START };
        let margin = (self.variance * 4).max(smoothed / 4).max(Duration::from_millis(10));
        let least = if self.local { TIMEOUT_MIN_LOCAL } else { TIMEOUT_MIN };
        (smoothed + margin).clamp(least, TIMEOUT_MAX)
    }

    /// By how much answers take longer than the way alone would, 1 for not at all. A few milliseconds are no sign.
    pub fn inflation(&self) -> f64 {
        if self.recent <= self.min + INFLATION_LEAST {
            return 1.0;
        }
        self.recent.as_secs_f64() / self.min.as_secs_f64().max(1e-6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(local: bool, samples: &[u64]) -> RoundTrip {
        let mut round_trip = RoundTrip::new(local);
        for &sample in samples {
            round_trip.measured(Duration::from_millis(sample));
        }
        round_trip
    }

    #[test]
    fn the_wait_follows_what_was_measured_within_bounds() {
        for (local, samples, least, most) in [
            (false, &[][..], 500, 500),
            (false, &[50], 150, 150),
            (false, &[50; 30], 100, 101),
            (true, &[0; 30], 30, 30),
            (false, &[1; 30], 100, 100),
            (false, &[400; 30], 500, 501),
            (false, &[50, 900, 50, 900, 50, 900], 1250, 1250),
            // Answers to who knows which question are not measured, but for the first.
            (false, &[50, 50, 50, 1000, 1000], 100, 130),
            (false, &[1100], 1250, 1250),
        ] {
            let timeout = after(local, samples).timeout();
            let bounds = Duration::from_millis(least)..=Duration::from_millis(most);
            assert!(bounds.contains(&timeout), "{local} {samples:?}: {timeout:?}");
        }
    }

    #[test]
    fn a_way_that_fills_up_takes_longer() {
        assert!((after(false, &[50; 9]).inflation() - 1.0).abs() < 0.01);
        assert!(
            (after(false, &[1, 4, 4, 4]).inflation() - 1.0).abs() < 0.01,
            "a few milliseconds are no sign"
        );
        assert!(
            (after(false, &[400, 50, 50, 50, 50, 50, 50]).inflation() - 1.0).abs() < 0.2,
            "what was slow once is forgotten"
        );
        assert!(after(false, &[50, 90, 90, 90, 90, 90, 90, 90]).inflation() > 1.25);
    }
}
