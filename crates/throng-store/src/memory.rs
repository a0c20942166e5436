//! The store without a disk (`--durability memory`): the last messages of each room, gone with the process.
//!
//! It has no thread: `done` is called before `append` or `history` returns, and never under the lock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use throng_chat::Record;

use crate::shelf::Shelf;
use crate::store::{Appended, Clock, History, Opened, Read, Store, Told, system_clock};
use crate::{Fault, ids};

/// How many messages of a room are kept. A thousand are what a person scrolls back at most; at 400 bytes each
/// that is half a megabyte for a room that is full.
pub const MEMORY_KEEPS: usize = 1000;

/// A new, empty memory store.
pub fn memory() -> Opened {
    memory_at(system_clock())
}

/// The same with a clock of one's own.
pub fn memory_at(clock: Clock) -> Opened {
    let shelf = Mutex::new(Some(Shelf::new(MEMORY_KEEPS, ids::random)));
    Opened { store: Arc::new(Memory { shelf, clock }), rooms: Vec::new(), messages: 0, created: true }
}

struct Memory {
    /// Written by `append`, read by `history`, each for one batch or answer; `None` when closed.
    shelf: Mutex<Option<Shelf>>,
    clock: Clock,
}

impl Memory {
    fn shelf(&self) -> MutexGuard<'_, Option<Shelf>> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Memory {
    fn append(&self, batch: Vec<Record>, done: Appended) {
        let now = (self.clock)();
        let stamps = self.shelf().as_mut().map(|shelf| shelf.put(batch, now));
        done(stamps.ok_or(Fault::Closed));
    }

    fn history(&self, query: History, done: Read) {
        let entries = self.shelf().as_ref().map(|shelf| shelf.history(&query));
        done(entries.ok_or(Fault::Closed));
    }

    fn on_health(&self, _told: Told) {
        // Memory is always writable.
    }

    fn close(&self) {
        *self.shelf() = None;
    }
}
