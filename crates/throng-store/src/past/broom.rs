//! The broom: what of the past goes, a few hundred messages in each turn of the writer, so that nobody who talks waits for more.
//! One sweep is under way at a time: one that somebody asked for, or one of what is beyond what is kept, which gives way.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use throng_chat::{MsgId, Time};

use super::tally::Counting;
use super::walk::Walk;
use super::{Halted, Keep, Sweeping, Swept, Trimmed, Which, rows};
use crate::backup::BackupFault;
use crate::fault::{Fault, Step};
use crate::transaction::{empty_log, rebuild, transact_to_disk};

/// How soon the log is to be emptied again, where somebody reads in it.
const EMPTY_AGAIN: Duration = Duration::from_secs(1);

/// Called after each turn, for a test that ends the process there.
pub(crate) type Watch = Box<dyn FnMut(u64) + Send>;

/// How much is kept, and who is told what went by it.
#[derive(Default)]
pub(crate) struct Kept {
    /// Written by whoever sets it, read by the writer when it begins to sweep.
    keep: Mutex<Keep>,
    told: Mutex<Option<Arc<Trimmed>>>,
}

impl Kept {
    pub(crate) fn set(&self, keep: Keep) {
        *self.keep.lock().unwrap_or_else(PoisonError::into_inner) = keep;
    }

    fn now(&self) -> Keep {
        *self.keep.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn listen(&self, told: Trimmed) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(told));
    }

    fn tell(&self, ended: &Result<Swept, Halted>) {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(told) = told else { return };
        match ended {
            Ok(swept) if swept.tally.is_nothing() => {}
            Ok(swept) => told(Ok(&swept.tally)),
            Err(halted) => told(Err(halted)),
        }
    }
}

/// The writer's own.
pub(crate) struct Broom {
    pub(crate) kept: Arc<Kept>,
    pub(crate) every: Duration,
    pub(crate) watch: Option<Watch>,
    under_way: Option<Sweep>,
    /// What went of what is beyond what is kept, in a sweep that gave way: it is told with what the next one takes.
    carried: Option<Counting<i64>>,
    /// When it is looked whether anything is beyond what is kept.
    trim: Option<Instant>,
    /// When the file is to be written anew, since words were forgotten that may still be in corners of it.
    rebuild: Option<Instant>,
    /// When the log is to be emptied, since there is something in it that went.
    empty: Option<Instant>,
}

/// One that is under way.
struct Sweep {
    which: Which,
    walk: Walk,
    counting: Counting<i64>,
    backup: Option<PathBuf>,
    /// Were the topics looked at?
    is_begun: bool,
    /// Who asked for it. Nobody asked for what is beyond what is kept.
    done: Option<Sweeping>,
}

impl Broom {
    pub(crate) fn new(kept: Arc<Kept>, every: Duration, watch: Option<Watch>) -> Broom {
        Broom { kept, every, watch, under_way: None, carried: None, trim: None, rebuild: None, empty: None }
    }

    /// What an earlier process did not come to.
    pub(crate) fn remember(&mut self, db: &Connection) -> Result<(), Fault> {
        let is_unclean = rows::is_unclean(db).map_err(|error| Fault::of(&error, Step::Before))?;
        self.rebuild = is_unclean.then(now);
        Ok(())
    }

    /// Is there something to be done in the next turn?
    pub(crate) fn is_busy(&self) -> bool {
        self.under_way.is_some()
    }

    /// Did somebody ask for what is under way?
    pub(crate) fn is_asked(&self) -> bool {
        self.under_way.as_ref().is_some_and(|sweep| sweep.done.is_some())
    }

    /// When it is to be looked at again.
    pub(crate) fn due(&self) -> Option<Instant> {
        [self.trim, self.rebuild, self.empty].into_iter().flatten().min()
    }

    /// How much is kept was set: it is looked for what is beyond it as soon as nothing else is under way.
    pub(crate) fn trim_at(&mut self, now: Instant) {
        self.trim = Some(now);
        if !self.is_asked() {
            self.give_way();
        }
    }

    /// Begins what somebody asked for; everything was copied before.
    pub(crate) fn begin(&mut self, walk: Walk, which: Which, backup: Option<PathBuf>, done: Sweeping) {
        if self.is_busy() {
            // It is begun anew behind this one.
            self.trim = Some(now());
            self.give_way();
        }
        self.under_way = Some(Sweep { backup, done: Some(done), ..Sweep::new(which, walk) });
    }

    /// One turn, if there is anything to do; says whether anything was written. `last` is the last id that was given.
    pub(crate) fn turn(
        &mut self,
        db: &Connection,
        last: MsgId,
        time: impl FnOnce() -> Time,
    ) -> Result<bool, Fault> {
        if !self.is_busy() && self.trim.is_some_and(|at| at <= now()) {
            let keep = self.kept.now();
            self.trim = (keep != Keep::All).then(|| now() + self.every);
            let which = Which::Beyond(keep);
            let walk = Walk::begin(which.clone(), time(), last);
            let counting = self.carried.take().unwrap_or_else(Counting::new);
            self.under_way = Some(Sweep { counting, ..Sweep::new(which, walk) });
        }
        if let Some(sweep) = &mut self.under_way {
            let is_over = match sweep.turn(db, last) {
                Ok(is_over) => is_over,
                Err(fault) => {
                    self.stop(&fault);
                    return Err(fault);
                }
            };
            let gone = sweep.counting.messages;
            if let Some(watch) = &mut self.watch {
                watch(gone);
            }
            if !is_over {
                return Ok(true);
            }
            return self.finish(db).map(|()| true);
        }
        if self.rebuild.is_some_and(|at| at <= now()) {
            self.rebuild(db)?;
            self.empty(db)?;
        } else if self.empty.is_some_and(|at| at <= now()) {
            self.empty(db)?;
        }
        Ok(false)
    }

    /// All of it is gone. What is in the log of it goes too, before anybody is told.
    fn finish(&mut self, db: &Connection) -> Result<(), Fault> {
        let Some(sweep) = self.under_way.take() else { return Ok(()) };
        let is_nothing = sweep.counting.messages == 0 && sweep.counting.topics == 0;
        let rebuilt = match sweep.which {
            Which::By(_) if !is_nothing => self.rebuild(db),
            _ => Ok(()),
        };
        let emptied = if is_nothing { Ok(()) } else { rebuilt.and_then(|()| self.empty(db)) };
        let gone = sweep.counting.messages;
        let told = rows::told(db, sweep.counting).map_err(|error| Fault::of(&error, Step::Before));
        let is_overwritten = self.empty.is_none() && self.rebuild.is_none();
        let ended = emptied.and(told).map(|tally| Swept { tally, backup: sweep.backup, is_overwritten });
        let failed = ended.as_ref().map(|_| ()).map_err(Clone::clone);
        self.tell(sweep.done, ended.map_err(|why| Halted { gone, why: BackupFault::Store(why) }));
        failed
    }

    /// SQLite writes over rows that go, but where it moved rows from page to page it leaves copies of them in corners that nobody
    /// reads. A file that is written anew has none. Where there is no space for that now, it is tried again.
    fn rebuild(&mut self, db: &Connection) -> Result<(), Fault> {
        self.rebuild = if rebuild(db)? { None } else { Some(now() + self.every) };
        Ok(())
    }

    fn empty(&mut self, db: &Connection) -> Result<(), Fault> {
        self.empty = if empty_log(db)? { None } else { Some(now() + EMPTY_AGAIN) };
        Ok(())
    }

    /// What nobody asked for is begun anew later.
    fn give_way(&mut self) {
        self.carried = self.under_way.take().map(|sweep| sweep.counting).or_else(|| self.carried.take());
    }

    /// Nothing more is written: what is under way ends before all is gone.
    pub(crate) fn stop(&mut self, fault: &Fault) {
        let Some(Sweep { which, counting, done, .. }) = self.under_way.take() else { return };
        if counting.messages > 0 {
            self.empty.get_or_insert_with(now);
            if matches!(which, Which::By(_)) {
                self.rebuild.get_or_insert_with(now);
            }
        }
        self.tell(done, Err(Halted { gone: counting.messages, why: BackupFault::Store(fault.clone()) }));
    }

    fn tell(&self, done: Option<Sweeping>, ended: Result<Swept, Halted>) {
        match done {
            Some(done) => done(ended),
            None => self.kept.tell(&ended),
        }
    }
}

impl Sweep {
    fn new(which: Which, walk: Walk) -> Sweep {
        Sweep { which, walk, counting: Counting::new(), backup: None, is_begun: false, done: None }
    }

    /// A page of it; says whether that was the last one. What is told gone is on the disk.
    fn turn(&mut self, db: &Connection, last: MsgId) -> Result<bool, Fault> {
        let Sweep { which, walk, counting, is_begun, .. } = self;
        let is_of_name = matches!(which, Which::By(_));
        let of = match which {
            Which::By(name) if !*is_begun => Some(name),
            _ => None,
        };
        let (page, topics) = transact_to_disk(db, |db| {
            let topics = of.map_or(Ok(0), |name| rows::remove_topics(db, name))?;
            let page = walk.next(db, 0)?;
            rows::remove(db, page.as_deref().unwrap_or_default(), last)?;
            if is_of_name && (topics > 0 || page.as_ref().is_some_and(|page| !page.is_empty())) {
                rows::note_unclean(db)?;
            }
            Ok((page, topics))
        })?;
        *is_begun = true;
        counting.topics += topics;
        let Some(page) = page else { return Ok(true) };
        page.iter().for_each(|doomed| counting.add(doomed.room, doomed.at, doomed.bytes));
        Ok(false)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the writer's thread has no clock but its own; tests decide its moments"
)]
fn now() -> Instant {
    Instant::now()
}
