//! The store without a disk (`--durability memory`): the last messages of each room, all accounts and all bans, gone with the process.
//!
//! It has no thread: `done` is called before what was asked returns, and never under the lock.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use throng_chat::{Ban, Name, Record, Time};

use crate::accounts::register::Register;
use crate::accounts::{Account, Accounts, Census, Change, Changed, Found, Token};
use crate::backup::{BackedUp, BackupFault, Backups, Restored};
use crate::bans::drawer::Drawer;
use crate::bans::{self, Bans, Made};
use crate::past::{Holding, Keep, Past, SWEEP_EVERY, Sweeping, Swept, Tally, Trimmed, Which, cutoff};
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
    let (register, drawer) = (Register::default(), Drawer::default());
    let (keep, swept, told) = (Keep::All, Time(i64::MIN), None);
    let shelf = Shelf::new(MEMORY_KEEPS, ids::random);
    let kept = Kept { shelf, register, drawer, keep, swept, told };
    let store = Arc::new(Memory { kept: Mutex::new(Some(kept)), clock });
    let (accounts, backups) = (Arc::<Memory>::clone(&store), Arc::<Memory>::clone(&store));
    let (bans, past) = (Arc::<Memory>::clone(&store), Arc::<Memory>::clone(&store));
    Opened { store, accounts, bans, backups, past, rooms: Vec::new(), messages: 0, created: true }
}

struct Memory {
    /// Written by `append` and `change`, read by the questions, each for one batch or answer; `None` when closed.
    kept: Mutex<Option<Kept>>,
    clock: Clock,
}

struct Kept {
    shelf: Shelf,
    register: Register,
    drawer: Drawer,
    keep: Keep,
    /// When it was last looked whether anything is beyond what is kept.
    swept: Time,
    told: Option<Arc<Trimmed>>,
}

impl Kept {
    /// What is beyond what is kept goes; how much, and who is told of it.
    fn trim(&mut self, now: Time) -> Option<(Tally, Arc<Trimmed>)> {
        self.swept = now;
        let tally = self.shelf.sweep(&Which::Beyond(self.keep), now);
        self.told.clone().filter(|_| !tally.is_nothing()).map(|told| (tally, told))
    }

    fn is_due(&self, now: Time) -> bool {
        self.keep != Keep::All && self.swept <= cutoff(now, SWEEP_EVERY)
    }
}

impl Memory {
    fn kept(&self) -> MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look<T>(&self, read: impl FnOnce(&Register) -> T, done: Found<T>) {
        let found = self.kept().as_ref().map(|kept| read(&kept.register));
        done(found.ok_or(Fault::Closed));
    }
}

impl Store for Memory {
    fn append(&self, batch: Vec<Record>, done: Appended) {
        let now = (self.clock)();
        let mut kept = self.kept();
        let stamps = kept.as_mut().map(|kept| kept.shelf.put(batch, now));
        let trimmed = kept.as_mut().filter(|kept| kept.is_due(now)).and_then(|kept| kept.trim(now));
        drop(kept);
        done(stamps.ok_or(Fault::Closed));
        if let Some((tally, told)) = trimmed {
            told(Ok(&tally));
        }
    }

    fn history(&self, query: History, done: Read) {
        let entries = self.kept().as_ref().map(|kept| kept.shelf.history(&query));
        done(entries.ok_or(Fault::Closed));
    }

    fn on_health(&self, _told: Told) {
        // Memory is always writable.
    }

    fn close(&self) {
        *self.kept() = None;
    }
}

impl Accounts for Memory {
    fn change(&self, change: Change, done: Changed) {
        let made = self.kept().as_mut().map(|kept| kept.register.make(&change));
        done(made.ok_or(Fault::Closed));
    }

    fn account(&self, name: Name, done: Found<Option<Account>>) {
        self.look(|register| register.account(&name), done);
    }

    fn by_certificate(&self, fingerprint: [u8; 32], done: Found<Option<Account>>) {
        self.look(|register| register.by_certificate(&fingerprint), done);
    }

    fn by_token(&self, hash: [u8; 32], done: Found<Option<(Account, Token)>>) {
        self.look(|register| register.by_token(&hash), done);
    }

    fn tokens(&self, name: Name, done: Found<Vec<Token>>) {
        self.look(|register| register.tokens(&name), done);
    }

    fn page(&self, after: Option<Name>, done: Found<Vec<Account>>) {
        self.look(|register| register.page(after.as_ref()), done);
    }

    fn by_address(&self, address: Arc<str>, done: Found<Option<Name>>) {
        self.look(|register| register.by_address(&address), done);
    }

    fn census(&self, done: Found<Census>) {
        self.look(Register::census, done);
    }
}

impl Bans for Memory {
    fn change_ban(&self, change: bans::Change, done: Found<Made>) {
        let made = self.kept().as_mut().map(|kept| kept.drawer.make(&change));
        done(made.ok_or(Fault::Closed));
    }

    fn bans(&self, done: Found<Vec<Ban>>) {
        let all = self.kept().as_ref().map(|kept| kept.drawer.all());
        done(all.ok_or(Fault::Closed));
    }
}

impl Past for Memory {
    fn holding(&self, done: Found<Holding>) {
        let holding = self.kept().as_ref().map(|kept| kept.shelf.holding());
        done(holding.ok_or(Fault::Closed));
    }

    fn count(&self, which: Which, done: Found<Tally>) {
        let now = (self.clock)();
        let tally = self.kept().as_ref().map(|kept| kept.shelf.count(&which, now));
        done(tally.ok_or(Fault::Closed));
    }

    fn sweep(&self, which: Which, done: Sweeping) {
        let now = (self.clock)();
        let tally = self.kept().as_mut().map(|kept| kept.shelf.sweep(&which, now));
        done(Swept::at_once(tally));
    }

    fn keep(&self, keep: Keep) {
        let now = (self.clock)();
        let mut kept = self.kept();
        let trimmed = kept.as_mut().and_then(|kept| {
            kept.keep = keep;
            kept.trim(now)
        });
        drop(kept);
        if let Some((tally, told)) = trimmed {
            told(Ok(&tally));
        }
    }

    fn on_trimmed(&self, told: Trimmed) {
        if let Some(kept) = self.kept().as_mut() {
            kept.told = Some(Arc::new(told));
        }
    }
}

impl Backups for Memory {
    fn backup(&self, done: BackedUp) {
        done(Err(BackupFault::NoFile));
    }

    fn restore_accounts(&self, _from: PathBuf, done: Restored) {
        done(Err(BackupFault::NoFile));
    }
}
