//! What all doors of one chat share: its name, its settings, and how it shows the time.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::tz::TimeZone;
use throng_chat::pace::PaceSettings;
use throng_chat::{Guests, Limits, Names, Time};

use crate::clock;

/// How the chat behaves. Each field is a setting of the same name.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the server calls itself (`--name`): a host name of letters, digits, dots and hyphens, at most
    /// [`SERVER_NAME_MAX`] bytes.
    pub name: String,
    /// Which names people may have.
    pub names: Names,
    /// What people may be called who have no account.
    pub guests: Changeable<Guests>,
    /// Is there a way to sign in? Until there is, IRC clients are not offered what is about accounts.
    pub accounts: bool,
    /// What may be how many.
    pub limits: Limits,
    /// How fast one client may ask.
    pub pace: PaceSettings,
    /// Silence that triggers the greeting of the line door.
    pub greet_after: Duration,
    /// A connection without a name ends when it is this old.
    pub nameless_max: Duration,
    /// Silence after which a client is probed; half of it later an unanswered probe ends the session.
    pub probe_after: Duration,
    /// How much history is shown on entering a room.
    pub history_on_entry: Changeable<usize>,
    /// Lines of the message of the day.
    pub motd: Changeable<Vec<String>>,
    /// Host names, besides `localhost` and the listening addresses, under which the web door answers.
    pub hosts: Changeable<Vec<String>>,
    /// In which zone the line door shows times.
    pub zone: TimeZone,
}

/// What always fits into an IRC frame beside a name and a text (RFC 1035 allows labels of 63 bytes).
pub const SERVER_NAME_MAX: usize = 63;

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            name: "throng.localhost".to_owned(),
            names: Names::Unicode,
            guests: Changeable::default(),
            accounts: false,
            limits: Limits::default(),
            pace: PaceSettings::default(),
            greet_after: Duration::from_millis(300),
            nameless_max: Duration::from_secs(60),
            probe_after: Duration::from_secs(120),
            history_on_entry: Changeable::of(20),
            motd: Changeable::default(),
            hosts: Changeable::default(),
            zone: TimeZone::system(),
        }
    }
}

/// A value that may change while the chat runs. All clones are the same one. Written by the operator, read by each door when
/// somebody asks for what it is about; locked only to look or to put another one in its place.
#[derive(Clone, Debug, Default)]
pub struct Changeable<T>(Arc<RwLock<Arc<T>>>);

impl<T> Changeable<T> {
    /// This one, for now.
    pub fn of(value: T) -> Changeable<T> {
        Changeable(Arc::new(RwLock::new(Arc::new(value))))
    }

    /// As it is at this moment.
    pub fn now(&self) -> Arc<T> {
        // Whoever panicked with it had put another one there, or not.
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Another one from here on.
    pub fn set(&self, value: T) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
    }
}

/// The settings with what was made from them once.
#[derive(Debug)]
pub struct House {
    /// How the chat behaves.
    pub settings: Settings,
    /// When the chat began.
    pub since: Time,
    /// What time it is.
    pub now: fn() -> Time,
    /// Where it is noted what happens.
    pub notes: super::notes::Notes,
}

impl House {
    /// `19:02`, or with its date when that is not today's: `2026-11-20 19:02`.
    pub fn clock(&self, at: Time) -> String {
        clock::shown(at, (self.now)(), &self.settings.zone)
    }

    /// `2026-11-21T19:02:07.123Z`: IRCv3's server-time.
    pub fn stamp(&self, at: Time) -> String {
        let at = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
        at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
    }
}

/// The wall clock, for the roof to hand in.
#[expect(clippy::disallowed_methods, reason = "the one place where the chat's time comes from")]
pub fn wall_clock() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
