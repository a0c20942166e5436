//! What becomes of the past: how much of it is kept, and whose words are forgotten. Sequences, ids and times go on from where
//! they were, whatever goes: so a reader finds gaps, and never the same number twice.

use std::path::PathBuf;
use std::time::Duration;

use throng_chat::{Name, Record, Time};

use crate::BackupFault;
use crate::accounts::Found;

pub(crate) mod broom;
pub(crate) mod rows;
pub(crate) mod tally;
pub(crate) mod walk;

pub use tally::Tally;

/// What a message takes besides its words and the name it was said under: id, time, place, and its share of an index. Between 72
/// and 122 in files of one to 500 rooms; 80 where people write a line at a time.
pub(crate) const MESSAGE_BYTES: u64 = 80;

/// How often it is looked whether anything is beyond what is kept.
pub(crate) const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// How much of the past is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// All of it.
    #[default]
    All,
    /// What is no older than this.
    Age(Duration),
    /// The newest of all rooms together, as much as comes to so many bytes: those of the words and of the names, and 80 for each
    /// message, which is about what it takes in the file.
    Size(u64),
}

impl Keep {
    /// Is all kept by this that is kept by the other?
    pub fn is_no_less_than(self, other: Keep) -> bool {
        match (self, other) {
            (Keep::All, _) => true,
            (Keep::Age(this), Keep::Age(other)) => this >= other,
            (Keep::Size(this), Keep::Size(other)) => this >= other,
            _ => false,
        }
    }
}

/// Which messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that are not kept so.
    Beyond(Keep),
    /// Those said under this name, however its letters are written; and the topics that this name set.
    By(Name),
}

/// What there is of the past.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// How many messages.
    pub messages: u64,
    /// What they come to, as [`Keep::Size`] counts it.
    pub bytes: u64,
    /// In how many rooms.
    pub rooms: u64,
    /// The time of the oldest one.
    pub oldest: Option<Time>,
}

/// What went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// How much of what.
    pub tally: Tally,
    /// The copy of everything that was made before; none of a store without a disk.
    pub backup: Option<PathBuf>,
    /// Is nothing of it left in the file and its log? Else somebody reads in the log, or there is no space to write the file anew,
    /// and it is tried again until it is so.
    pub is_overwritten: bool,
}

impl Swept {
    /// Of a store without a disk: there is nothing to copy, and nothing is left. Without a tally it is closed.
    pub(crate) fn at_once(tally: Option<Tally>) -> Result<Swept, Halted> {
        let swept = tally.map(|tally| Swept { tally, backup: None, is_overwritten: true });
        swept.ok_or(Halted { gone: 0, why: BackupFault::Store(crate::Fault::Closed) })
    }
}

/// Why it ended before all were gone. Whoever asks for the same again goes on from there.
#[derive(Debug)]
pub struct Halted {
    /// How many messages are gone, for good.
    pub gone: u64,
    /// Why no more are.
    pub why: BackupFault,
}

/// Called once.
pub type Sweeping = Box<dyn FnOnce(Result<Swept, Halted>) + Send>;

/// Called when something went because it was beyond what is kept, or when that failed.
pub type Trimmed = Box<dyn Fn(Result<&Tally, &Halted>) + Send + Sync>;

/// What keeps the past within bounds. The callbacks run on the store's own threads: they must be short and must not panic.
pub trait Past: Send + Sync {
    /// How much there is; known without a look at each message.
    fn holding(&self, done: Found<Holding>);

    /// How much [`Past::sweep`] would take away now. Reads all messages, while others go on.
    fn count(&self, which: Which, done: Found<Tally>);

    /// Copies the whole store, where it has a file, and only when that is on the disk, these messages go, for good: those that
    /// were there when it began. The file is written over where they were, and where words of somebody are forgotten it is written
    /// anew. Talk waits for the copy and for that, and otherwise only for a few hundred messages at a time. One at a time: a
    /// second one is [`crate::Fault::Busy`].
    fn sweep(&self, which: Which, done: Sweeping);

    /// From now on so much is kept; what is beyond it goes at once, and is looked for from time to time. Nothing is copied.
    fn keep(&self, keep: Keep);

    /// Who is told what went by [`Past::keep`]. A second one replaces the first.
    fn on_trimmed(&self, told: Trimmed);
}

/// What a message comes to.
pub(crate) fn size_of(record: &Record) -> u64 {
    let words = record.text.as_ref().map_or(0, |text| text.as_str().len());
    MESSAGE_BYTES + (record.author.as_str().len() + words) as u64
}

/// What is said at or after this is kept.
pub(crate) fn cutoff(now: Time, age: Duration) -> Time {
    Time(now.0.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_no_less_takes_nothing_more_away() {
        let (day, week) = (Duration::from_secs(86_400), Duration::from_secs(7 * 86_400));
        for (this, other, expected) in [
            (Keep::All, Keep::Age(day), true),
            (Keep::All, Keep::All, true),
            (Keep::Age(day), Keep::All, false),
            (Keep::Age(week), Keep::Age(day), true),
            (Keep::Age(day), Keep::Age(week), false),
            (Keep::Size(2), Keep::Size(1), true),
            (Keep::Size(1), Keep::Size(2), false),
            (Keep::Size(u64::MAX), Keep::Age(day), false),
            (Keep::Age(week), Keep::Size(1), false),
        ] {
            assert_eq!(this.is_no_less_than(other), expected, "{this:?} {other:?}");
        }
    }
}
