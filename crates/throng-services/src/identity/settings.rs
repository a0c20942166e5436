//! How accounts are kept. Each public field but the last two is a setting of the same name under `accounts`.

use std::num::NonZeroU32;
use std::time::Duration;

use throng_chat::Names;

use super::password::Cost;
use super::{pool, scram};

/// A connection that began to sign in and did not come to its end is closed when it is this old, whatever it sent meanwhile.
/// The seat keeps the clock.
pub const LOGIN_DEADLINE: Duration = Duration::from_secs(30);

/// How accounts are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Passwords may come in plain text over a network.
    pub allow_plaintext: bool,
    /// Keys for SCRAM-SHA-256 are kept of every password; else only where its owner asks for it.
    pub scram: bool,
    /// Which names people may have: the chat's own setting.
    pub names: Names,
    /// How many threads hash passwords.
    pub hashing_threads: usize,
    /// What one hash costs. No setting: it rises with versions.
    pub cost: Cost,
    /// How often SCRAM hashes. No setting either.
    pub scram_rounds: NonZeroU32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            allow_plaintext: false,
            scram: false,
            names: Names::default(),
            hashing_threads: pool::default_threads(),
            cost: Cost::default(),
            scram_rounds: scram::ROUNDS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_safe() {
        let settings = Settings::default();
        assert!(!settings.allow_plaintext && !settings.scram);
        assert_eq!(settings.cost, Cost { memory_kib: 19_456, rounds: 2, lanes: 1 });
        assert_eq!(settings.scram_rounds.get(), 600_000);
        let cores = std::thread::available_parallelism().unwrap().get();
        assert_eq!(settings.hashing_threads, (cores - 1).max(1));
        assert_eq!(LOGIN_DEADLINE, Duration::from_secs(30));
    }
}
