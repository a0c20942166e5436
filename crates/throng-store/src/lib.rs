//! What outlives the process: messages, rooms and accounts, in SQLite.
//!
//! Read the rooms in this order: [`store`] (what a store is asked and what it answers), [`accounts`] (the same of who may
//! call themselves what), [`bans`] (of who is not wanted), [`past`] (how much of the past is kept, and what goes), [`fault`] (why something
//! was not stored), [`folder`] (the data folder, which one process holds at a time), [`open_fault`] (why a store
//! could not be opened), `ids` and `ledger` (which id and which sequence a record gets, pure), [`sqlite`] (opening,
//! and the handle), `header` and `schema` (what the file looks like), `migration` (what a file of an earlier version
//! becomes), [`backup`] (copies of it), `row` (a record as a row and back), `health` (who hears whether it can write),
//! `queue`, `transaction` and `writer` (the one thread that writes), `reader` (the threads that read), `shelf`,
//! [`mod@memory`] and [`testing`] (stores without a disk). Of accounts there are `accounts/rows`, `accounts/amend` and
//! `accounts/looks` for the disk, and `accounts/register` without one; of bans `bans/rows` and `bans/drawer`; of the past
//! `past/tally`, `past/walk` (what goes), `past/rows` and `past/broom`, which the writer has.
//!
//! The path of one batch: the hub calls [`Store::append`]; the writer's thread drafts a stamp for each record,
//! writes rows and commits once, which waits for the disk; then `done` is called with the stamps. So a stamp is a
//! proof: in strict durability the record survives kill -9 and a power cut, if the disk honours a flush.

pub mod accounts;
pub mod backup;
pub mod bans;
pub mod fault;
pub mod folder;
pub mod memory;
pub mod open_fault;
pub mod past;
pub mod sqlite;
pub mod store;
pub mod testing;

mod header;
mod health;
mod ids;
mod ledger;
mod migration;
mod queue;
mod reader;
mod row;
mod schema;
mod shelf;
mod transaction;
mod writer;

pub use accounts::Accounts;
pub use backup::{BackupFault, Backups};
pub use bans::Bans;
pub use fault::Fault;
pub use folder::{DataFolder, RunningInfo};
pub use memory::{MEMORY_KEEPS, memory};
pub use open_fault::OpenFault;
pub use past::Past;
pub use sqlite::{OpenOptions, check, is_in, open};
pub use store::{
    Appended, Clock, Durability, HISTORY_MAX, Health, History, KeptRoom, Opened, Read, Store, Told,
    system_clock,
};
// What a caller needs to name a room and to look at what comes back.
pub use throng_chat::{Entry, Kind, MsgId, Record, RoomName, Stamp, Time};

/// Which SQLite is built in.
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}
