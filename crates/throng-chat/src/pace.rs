//! How fast one client may ask: a burst, then a rate. A token bucket that never refuses; it says how long to wait.

/// The setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaceSettings {
    /// How many asks may come at once.
    pub burst: u32,
    /// How many a second after that; 0 is no limit at all.
    pub per_second: u32,
}

impl PaceSettings {
    /// As fast as it can.
    pub fn off() -> PaceSettings {
        PaceSettings { burst: 0, per_second: 0 }
    }
}

impl Default for PaceSettings {
    /// Generous to people and to clients that join many rooms at their start.
    fn default() -> PaceSettings {
        PaceSettings { burst: 20, per_second: 5 }
    }
}

/// One client's pace. Remembers one point in time: until when what it asked is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    settings: PaceSettings,
    paid_until_ms: u64,
}

impl Pace {
    /// A client that has asked nothing yet.
    pub fn new(settings: PaceSettings) -> Pace {
        Pace { settings, paid_until_ms: 0 }
    }

    /// From here on by this setting. What was asked before is paid for as it was.
    pub fn set(&mut self, settings: PaceSettings) {
        self.settings = settings;
    }

    /// The client asked so much; so many milliseconds must pass before it is heard again.
    pub fn take(&mut self, now_ms: u64, asks: u32) -> u64 {
        let PaceSettings { burst, per_second } = self.settings;
        if per_second == 0 {
            return 0;
        }
        let cost_ms = u64::from(asks) * 1000 / u64::from(per_second);
        let allowed_ms = u64::from(burst) * 1000 / u64::from(per_second);
        self.paid_until_ms = self.paid_until_ms.max(now_ms) + cost_ms;
        self.paid_until_ms.saturating_sub(now_ms + allowed_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_then_the_rate_holds() {
        let mut pace = Pace::new(PaceSettings { burst: 3, per_second: 2 });
        let waits: Vec<u64> = (0..6).map(|_| pace.take(1_000, 1)).collect();
        assert_eq!(waits, [0, 0, 0, 500, 1_000, 1_500]);
        assert_eq!(pace.take(10_000, 1), 0, "silence earns the burst again");
    }

    #[test]
    fn another_pace_holds_from_the_next_ask() {
        let mut pace = Pace::new(PaceSettings { burst: 1, per_second: 1 });
        assert_eq!((pace.take(0, 1), pace.take(0, 1)), (0, 1_000));
        pace.set(PaceSettings::off());
        assert_eq!(pace.take(0, 100), 0);
        pace.set(PaceSettings { burst: 1, per_second: 1 });
        assert_eq!(pace.take(10_000, 3), 2_000);
    }

    #[test]
    fn without_a_pace_nobody_waits() {
        let mut pace = Pace::new(PaceSettings::off());
        assert_eq!((0..10_000).map(|_| pace.take(0, 100)).max(), Some(0));
    }
}
