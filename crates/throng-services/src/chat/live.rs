//! What of the chat's settings may change while it runs. Written by the operator, read by each worker as it needs it: numbers and
//! words that have nothing to do with each other, so none waits for another.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use throng_chat::pace::PaceSettings;

use super::house::{Changeable, Settings};

/// What may change, as it is now.
#[derive(Debug)]
pub struct Live {
    /// The burst in the upper half, the rate in the lower one, so that nobody reads one of each.
    pace: AtomicU64,
    nameless_max_ms: AtomicU64,
    probe_after_ms: AtomicU64,
    history_on_entry: Changeable<usize>,
    motd: Changeable<Vec<String>>,
    hosts: Changeable<Vec<String>>,
}

impl Live {
    /// As the settings have it at the start.
    pub fn new(settings: &Settings) -> Live {
        let live = Live {
            pace: AtomicU64::new(packed(settings.pace)),
            nameless_max_ms: AtomicU64::default(),
            probe_after_ms: AtomicU64::default(),
            history_on_entry: settings.history_on_entry.clone(),
            motd: settings.motd.clone(),
            hosts: settings.hosts.clone(),
        };
        live.set_patience(settings.nameless_max, settings.probe_after);
        live
    }

    /// How fast one client may ask from here on.
    pub fn set_pace(&self, pace: PaceSettings) {
        self.pace.store(packed(pace), Ordering::Relaxed);
    }

    /// How long one may be without a name, and silent, from here on.
    pub fn set_patience(&self, nameless_max: Duration, probe_after: Duration) {
        self.nameless_max_ms.store(millis(nameless_max), Ordering::Relaxed);
        self.probe_after_ms.store(millis(probe_after), Ordering::Relaxed);
    }

    /// How much history who enters a room is shown from here on.
    pub fn set_history_on_entry(&self, messages: usize) {
        self.history_on_entry.set(messages);
    }

    /// What who comes is told from here on.
    pub fn set_motd(&self, lines: Vec<String>) {
        self.motd.set(lines);
    }

    /// Under which host names the web door answers from here on.
    pub fn set_hosts(&self, names: Vec<String>) {
        self.hosts.set(names);
    }

    /// How fast one client may ask.
    pub fn pace(&self) -> PaceSettings {
        let packed = self.pace.load(Ordering::Relaxed);
        PaceSettings { burst: (packed >> 32) as u32, per_second: packed as u32 }
    }

    /// A connection without a name ends when it is this old.
    pub fn nameless_max_ms(&self) -> u64 {
        self.nameless_max_ms.load(Ordering::Relaxed)
    }

    /// Silence after which a client is probed.
    pub fn probe_after_ms(&self) -> u64 {
        self.probe_after_ms.load(Ordering::Relaxed)
    }
}

fn packed(pace: PaceSettings) -> u64 {
    u64::from(pace.burst) << 32 | u64::from(pace.per_second)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_what_is_read() {
        let live = Live::new(&Settings::default());
        assert_eq!(live.pace(), PaceSettings::default());
        assert_eq!((live.nameless_max_ms(), live.probe_after_ms()), (60_000, 120_000));
        for pace in [PaceSettings::off(), PaceSettings { burst: u32::MAX, per_second: 1 }] {
            live.set_pace(pace);
            assert_eq!(live.pace(), pace);
        }
        live.set_patience(Duration::from_secs(5), Duration::MAX);
        assert_eq!((live.nameless_max_ms(), live.probe_after_ms()), (5_000, u64::MAX));
        let settings = Settings::default();
        let live = Live::new(&settings);
        live.set_motd(vec!["Be kind.".to_owned()]);
        live.set_hosts(vec!["chat.example.org".to_owned()]);
        live.set_history_on_entry(3);
        assert_eq!(*settings.motd.now(), ["Be kind."], "the doors have the same one");
        assert_eq!((settings.hosts.now().len(), *settings.history_on_entry.now()), (1, 3));
    }
}
