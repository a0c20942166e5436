//! What a store is asked, and what it answers. The hub is the only caller; it never waits for a disk.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use throng_chat::event::Topic;
use throng_chat::{Entry, Record, RoomName, Stamp, Time};

use crate::Fault;
use crate::accounts::Accounts;
use crate::backup::Backups;
use crate::bans::Bans;
use crate::past::Past;

/// The most entries that one question about history is answered with. More is asked page by page.
pub const HISTORY_MAX: usize = 500;

/// Called once with a stamp for each record, in order, or with why nothing was stored.
pub type Appended = Box<dyn FnOnce(Result<Vec<Stamp>, Fault>) + Send>;

/// Called once with what was read, oldest first.
pub type Read = Box<dyn FnOnce(Result<Vec<Entry>, Fault>) + Send>;

/// Called at each change of health.
pub type Told = Box<dyn Fn(Health) + Send + Sync>;

/// Says what time it is. Passed in, so that a test has its own.
pub type Clock = Arc<dyn Fn() -> Time + Send + Sync>;

/// What keeps messages and rooms.
///
/// The callbacks run on the store's own threads (or right here, for a store without threads): they must be short,
/// must not panic, and may call the store again.
pub trait Store: Send + Sync {
    /// Hands a batch over and returns at once. `done` is called once, in the order of the calls: with a stamp for
    /// each record, or with the fault, and then nothing of the batch is stored ([`Fault::Unsure`] is the one
    /// exception, and says so). The caller has at most one batch under way; some more wait in a short queue, and
    /// when that is full `done` is called right here with [`Fault::Busy`].
    fn append(&self, batch: Vec<Record>, done: Appended);

    /// Reads on another thread what a room's history is. A batch whose `done` was called is in it.
    fn history(&self, query: History, done: Read);

    /// Who is told when the store becomes read-only, or writable again. A second one replaces the first; a store
    /// that is read-only by now tells so at once.
    fn on_health(&self, told: Told);

    /// Waits for what is queued, tidies up and ends the threads. Later calls are answered [`Fault::Closed`].
    fn close(&self);
}

/// A question about a room's past: the last `limit` entries with `seq <= upto`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// Which room.
    pub room: RoomName,
    /// The last sequence wanted.
    pub upto: u64,
    /// How many; more than [`HISTORY_MAX`] is taken as that.
    pub limit: usize,
}

/// Whether the store can write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It can.
    Writable,
    /// It cannot, and refuses at once what it is given. Reading goes on.
    ReadOnly {
        /// Why, fit to be shown.
        why: Arc<str>,
    },
}

/// A room as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRoom {
    /// Its name, spelled as its maker spelled it.
    pub name: RoomName,
    /// The sequence of its last entry.
    pub last_seq: u64,
    /// Its topic.
    pub topic: Option<Topic>,
}

/// An open store and what it held at that moment.
pub struct Opened {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The accounts in it: closed with the store.
    pub accounts: Arc<dyn Accounts>,
    /// The bans in it: closed with the store.
    pub bans: Arc<dyn Bans>,
    /// What makes copies of it, and puts accounts back.
    pub backups: Arc<dyn Backups>,
    /// What keeps its past within bounds: closed with the store.
    pub past: Arc<dyn Past>,
    /// The rooms it holds, in the order of their making.
    pub rooms: Vec<KeptRoom>,
    /// How many messages it holds, as its rooms have it: nothing was counted.
    pub messages: u64,
    /// Whether it was made just now.
    pub created: bool,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("rooms", &self.rooms.len())
            .field("messages", &self.messages)
            .field("created", &self.created)
            .finish_non_exhaustive()
    }
}

/// What a stamp promises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// It is on the disk: each batch waits for a flush.
    #[default]
    Strict,
    /// It survives the end of the process at once, and a power cut about a second later.
    Relaxed,
    /// It is gone with the process.
    Memory,
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Durability::Strict => "strict",
            Durability::Relaxed => "relaxed",
            Durability::Memory => "memory",
        })
    }
}

impl FromStr for Durability {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "strict" => Ok(Durability::Strict),
            "relaxed" => Ok(Durability::Relaxed),
            "memory" => Ok(Durability::Memory),
            other => Err(format!("durability is strict, relaxed or memory, not {other:?}")),
        }
    }
}

/// The clock of the machine. It may go back: the ledger never lets a room's times do so.
#[expect(
    clippy::disallowed_methods,
    reason = "records get their time where they are stored, and tests pass a clock"
)]
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    })
}

#[cfg(test)]
mod tests {
    use super::Durability;

    #[test]
    fn each_durability_is_read_as_it_is_written() {
        for each in [Durability::Strict, Durability::Relaxed, Durability::Memory] {
            assert_eq!(each.to_string().parse(), Ok(each));
        }
        assert!("Strict".parse::<Durability>().is_err(), "one spelling only");
    }
}
