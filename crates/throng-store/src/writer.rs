//! The one thread that writes: a batch or a change of accounts or bans, a commit, an answer; then the next, and between them a turn of
//! what is swept out. It also checkpoints, syncs (relaxed)
//! and, when there was no space, probes whether there is some again. Nobody else ever writes to the file.
//!
//! A checkpoint, which moves what was committed from the log into the database, runs after the answers and never
//! decides about one: a batch is safe in the log. But its errors count: a disk that failed there is not trusted.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use throng_chat::Record;

use crate::Fault;
use crate::accounts::{Change, Denied, amend};
use crate::backup::{self, BackupFault};
use crate::bans;
use crate::fault::Step;
use crate::folder::Taken;
use crate::health::HealthBoard;
use crate::ledger::{Draft, Ledger};
use crate::past::broom::Broom;
use crate::past::walk::Walk;
use crate::past::{Halted, Sweeping, Which};
use crate::queue::{Waiting, Waits, Work};
use crate::schema::keep_log;
use crate::store::{Clock, Health};
use crate::transaction::{checkpoint, log_pages, transact, transact_to_disk, write};

/// The log is written into the database when it has this many pages (4 MiB): small enough to be quick at the next
/// start and at each checkpoint, large enough that a page changed often is written once.
const CHECKPOINT_PAGES: i64 = 1000;

/// Beyond this (64 MiB) readers are waited for, because they keep the log from beginning anew.
const CHECKPOINT_PAGES_HARD: i64 = 16_384;

/// When nothing was asked for so long, what is in the log is written into the database.
const IDLE: Duration = Duration::from_secs(2);

/// How often relaxed durability syncs, so how much a power cut may take.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// What a probe writes: as much as a large batch, so that the first batch after it does not fail again.
const PROBE_BYTES: i64 = 64 * 1024;

/// How many pages the file may have, asked at the start and before each probe. For tests: a disk that is full.
pub(crate) type PagesMax = Box<dyn FnMut() -> u32 + Send>;

/// The writer's own state; it lives on its thread.
pub(crate) struct Writer {
    pub(crate) db: Connection,
    /// Where the file is: copies of it are beside it.
    pub(crate) path: PathBuf,
    /// The folder is ours until the connection above is closed: fields are dropped in this order.
    pub(crate) _taken: Taken,
    pub(crate) ledger: Ledger,
    pub(crate) clock: Clock,
    pub(crate) health: Arc<HealthBoard>,
    /// The log file, in relaxed durability.
    pub(crate) log: Option<File>,
    pub(crate) probe_every: Duration,
    pub(crate) pages_max: Option<PagesMax>,
    /// Why nothing is written now.
    pub(crate) stopped: Option<Fault>,
    pub(crate) due: Due,
    pub(crate) broom: Broom,
}

/// What is to be done when nothing is asked, and when.
#[derive(Debug, Default)]
pub(crate) struct Due {
    probe: Option<Instant>,
    sync: Option<Instant>,
    checkpoint: Option<Instant>,
}

impl Due {
    fn next(&self) -> Option<Instant> {
        [self.probe, self.sync, self.checkpoint].into_iter().flatten().min()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the writer's thread has no clock but its own; tests decide its moments"
)]
fn now() -> Instant {
    Instant::now()
}

/// Takes the moment out if it has come.
fn come(due: &mut Option<Instant>) -> bool {
    let come = due.is_some_and(|at| at <= now());
    if come {
        *due = None;
    }
    come
}

/// Answers; gives the fault, if it is one.
fn answer<T>(result: Result<T, Fault>, done: Box<dyn FnOnce(Result<T, Fault>) + Send>) -> Option<Fault> {
    let failed = result.as_ref().err().cloned();
    done(result);
    failed
}

/// The same of a backup; what is wrong with its file is no fault of the store.
fn answer_asker<T>(
    result: Result<T, BackupFault>,
    done: Box<dyn FnOnce(Result<T, BackupFault>) + Send>,
) -> Option<Fault> {
    let failed = match &result {
        Err(BackupFault::Store(fault)) => Some(fault.clone()),
        _ => None,
    };
    done(result);
    failed
}

impl Writer {
    /// Serves until the queue is dropped and what waits in it is answered; then tidies up.
    pub(crate) fn run(mut self, waits: &Waits) {
        self.limit_pages();
        if let Err(fault) = self.broom.remember(&self.db) {
            self.stop_for(fault);
        }
        loop {
            match self.next(waits) {
                Ok(waiting) => self.serve(waiting.take()),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.end(),
            }
            self.do_what_is_due();
            self.sweep();
        }
    }

    /// What is asked next. Where something is being swept out, what waits goes first, and nothing is waited for.
    fn next(&self, waits: &Waits) -> Result<Waiting, RecvTimeoutError> {
        if self.broom.is_busy() {
            return waits.try_recv().map_err(|none| match none {
                TryRecvError::Empty => RecvTimeoutError::Timeout,
                TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
            });
        }
        let sweeps = self.broom.due().filter(|_| self.stopped.is_none());
        match [self.due.next(), sweeps].into_iter().flatten().min() {
            Some(at) => waits.recv_timeout(at.saturating_duration_since(now())),
            None => waits.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    fn serve(&mut self, work: Work) {
        if matches!(work, Work::Trim) {
            return self.broom.trim_at(now());
        }
        if let Some(fault) = &self.stopped {
            return work.refuse(fault.clone());
        }
        let failed = match work {
            Work::Batch(batch, done) => {
                let stored = self.store(&batch).map(|draft| {
                    self.ledger.accept(&draft);
                    draft.stamps
                });
                answer(stored, done)
            }
            Work::Change(change, done) => answer(self.amend(&change), done),
            Work::Ban(change, done) => {
                answer(transact_to_disk(&self.db, |db| bans::rows::make(db, &change)), done)
            }
            Work::Restore(from, done) => answer_asker(backup::restore(&self.db, &from), done),
            Work::Clear(done) => answer_asker(backup::clear(&self.db, &self.path, (self.clock)()), done),
            Work::Sweep(which, done) => return self.begin_sweep(which, done),
            Work::Trim => return,
        };
        match failed {
            None => self.note_written(),
            Some(fault) => self.stop_for(fault),
        }
    }

    /// One transaction for each change, on the disk before the answer.
    fn amend(&mut self, change: &Change) -> Result<Result<(), Denied>, Fault> {
        transact_to_disk(&self.db, |db| amend::make(db, change))
    }

    /// Everything is copied first; who asks while another sweep that was asked for is under way asks again later.
    fn begin_sweep(&mut self, which: Which, done: Sweeping) {
        let refuse = |done: Sweeping, why| done(Err(Halted { gone: 0, why }));
        if self.broom.is_asked() {
            return refuse(done, BackupFault::Store(Fault::Busy));
        }
        let time = (self.clock)();
        match backup::copy(&self.db, &self.path, backup::BEGINS, time, || ()) {
            Ok(copy) => {
                let walk = Walk::begin(which.clone(), time, self.ledger.last_msgid());
                self.broom.begin(walk, which, Some(copy), done);
            }
            Err(fault) => refuse(done, BackupFault::File(fault)),
        }
    }

    /// One turn of what is under way, if anything is.
    fn sweep(&mut self) {
        if self.stopped.is_some() {
            return;
        }
        match self.broom.turn(&self.db, self.ledger.last_msgid(), || (self.clock)()) {
            Ok(true) => self.note_written(),
            Ok(false) => {}
            Err(fault) => self.stop_for(fault),
        }
    }

    /// One transaction. When it fails, nothing of it is left.
    fn store(&mut self, batch: &[Record]) -> Result<Draft, Fault> {
        let draft = self.ledger.draft(batch, (self.clock)());
        if !batch.is_empty() {
            transact(&self.db, |db| write(db, batch, &draft))?;
        }
        Ok(draft)
    }

    fn note_written(&mut self) {
        if self.log.is_some() {
            self.due.sync.get_or_insert_with(|| now() + SYNC_EVERY);
        }
        match log_pages(&self.db) {
            Ok(pages) if pages >= CHECKPOINT_PAGES => self.checkpoint(pages),
            Ok(_) => self.due.checkpoint = Some(now() + IDLE),
            Err(error) => self.stop_for(Fault::of(&error, Step::Before)),
        }
    }

    fn do_what_is_due(&mut self) {
        if come(&mut self.due.probe) {
            self.probe();
        }
        if come(&mut self.due.sync) {
            self.sync();
        }
        if come(&mut self.due.checkpoint) {
            self.checkpoint(0);
        }
    }

    /// Becomes read-only, unless the fault passes by itself. A lasting one is never left.
    fn stop_for(&mut self, fault: Fault) {
        if !fault.stops_writing() {
            return;
        }
        self.broom.stop(&fault);
        let full = fault == Fault::Full;
        // What was answered in relaxed durability is still synced when only the space is gone.
        let sync = self.due.sync.filter(|_| full);
        self.due = Due { probe: full.then(|| now() + self.probe_every), sync, checkpoint: None };
        let why = Arc::from(fault.to_string());
        let news = self.stopped.as_ref() != Some(&fault);
        self.stopped = Some(fault);
        if news {
            self.health.tell(Health::ReadOnly { why });
        }
    }

    /// Tries to get space, then really writes, and takes it back. What it wrote stays as free pages in the file.
    fn probe(&mut self) {
        self.limit_pages();
        // The log is emptied first: on a full disk that is the only space we can give back ourselves.
        let written = checkpoint(&self.db, "TRUNCATE").and_then(|()| {
            transact(&self.db, |db| {
                db.execute("INSERT OR REPLACE INTO meta VALUES ('probe', zeroblob(?1))", [PROBE_BYTES])
            })?;
            transact(&self.db, |db| db.execute("DELETE FROM meta WHERE key = 'probe'", []))
        });
        match written {
            Ok(_) => {
                self.stopped = None;
                self.health.tell(Health::Writable);
                self.note_written();
            }
            Err(Fault::Busy) => self.due.probe = Some(now() + self.probe_every),
            Err(fault) => self.stop_for(fault),
        }
    }

    fn sync(&mut self) {
        if !matches!(self.stopped, None | Some(Fault::Full)) {
            return;
        }
        let synced = self.log.as_ref().map_or(Ok(()), File::sync_data);
        if let Err(error) = synced {
            self.stop_for(Fault::Io(error.to_string()));
        }
    }

    fn checkpoint(&mut self, pages: i64) {
        self.due.checkpoint = None;
        let kind = if pages >= CHECKPOINT_PAGES_HARD { "TRUNCATE" } else { "PASSIVE" };
        if let Err(fault) = checkpoint(&self.db, kind) {
            self.stop_for(fault);
        }
    }

    /// Ends in peace: everything is in the database, and the log is gone. Behind a lasting fault nothing is written.
    fn end(mut self) {
        self.broom.stop(&Fault::Closed);
        self.sync();
        if matches!(self.stopped, None | Some(Fault::Full)) && checkpoint(&self.db, "TRUNCATE").is_ok() {
            // Only lets SQLite remove the empty log; if it cannot, the next start does not mind.
            let _ = keep_log(&self.db, false);
        }
    }

    fn limit_pages(&mut self) {
        if let Some(pages_max) = &mut self.pages_max {
            let pages = pages_max();
            let limited = self.db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()));
            limited.expect("a limit of pages can always be set");
        }
    }
}
