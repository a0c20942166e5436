//! A point in time, counted from the start of the scan. Whoever drives the core has the clock.

use std::ops::{Add, Sub};
use std::time::Duration;

/// Nanoseconds since the start: five centuries of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

impl Moment {
    /// So long after the start.
    pub fn after(start: Duration) -> Self {
        Self(u64::try_from(start.as_nanos()).unwrap_or(u64::MAX))
    }

    /// How long after an earlier one; nothing if that is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, more: Duration) -> Self {
        Self(self.0.saturating_add(Self::after(more).0))
    }
}

impl Sub<Duration> for Moment {
    type Output = Self;

    fn sub(self, less: Duration) -> Self {
        Self(self.0.saturating_sub(Self::after(less).0))
    }
}
