//! What is kept of who is not wanted. Always strict: an answer means that it is on the disk, whatever is promised of messages.

use throng_chat::ban::Target;
use throng_chat::{Ban, Time};

use crate::accounts::Found;

pub(crate) mod drawer;
pub(crate) mod rows;

pub use throng_chat::ban::BANS_MAX;

/// A change. Each is made whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is kept, in the place of the one that its target has.
    Put(Box<Ban>),
    /// That of this target goes.
    Remove(Target),
    /// All go that are over at this time.
    RemoveOver(Time),
}

/// What came of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// It is made, and there was no such ban before.
    Unknown,
    /// It is made, and the ban that there was is gone, or all that there were.
    Known,
    /// There are [`BANS_MAX`] already, those included that are over; nothing has changed.
    Full,
}

/// What keeps bans. Neither clearing accounts nor putting them back from a backup changes any. The callbacks run on the store's
/// own threads: they must be short and must not panic.
pub trait Bans: Send + Sync {
    /// Hands a change over and returns at once. Changes are made in the order of the calls, among those of accounts. The queue
    /// is short, and when it is full `done` is called right here with [`crate::Fault::Busy`].
    fn change_ban(&self, change: Change, done: Found<Made>);

    /// All of them, those included that are over, as they are after all changes whose `done` was called; in the order of their
    /// keys.
    fn bans(&self, done: Found<Vec<Ban>>);
}
