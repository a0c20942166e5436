//! What waits for the writer: batches of records, changes of accounts and of bans, accounts that are put back or all cleared, and
//! messages that shall go, in the order of the calls. Each kind has places of its own, so that a rush at the doors does not refuse the chat, nor the chat the doors.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use throng_chat::Record;

use crate::Fault;
use crate::accounts::{Change, Changed, Found};
use crate::backup::{BackedUp, BackupFault, Restored};
use crate::bans::{self, Made};
use crate::past::{Halted, Sweeping, Which};
use crate::store::Appended;

/// How many batches wait at most. The caller has one under way by design; the rest is for tests and tools.
pub(crate) const BATCHES_MAX: usize = 16;

/// How many changes of accounts wait at most. Each waits for a flush of its own, and so does the batch behind it.
pub(crate) const CHANGES_MAX: usize = 16;

/// How many changes of bans wait at most: people ask for them.
pub(crate) const BAN_CHANGES_MAX: usize = 16;

/// How many wait at most that put a backup back or make one before all is cleared: a person asks for it.
const RESTORES_MAX: usize = 1;

/// How many sweeps wait at most: a person asks for one.
const SWEEPS_MAX: usize = 1;

/// How often it waits to be told that how much is kept was set: who hears it once sees what was set last.
const TRIMS_MAX: usize = 1;

/// The places of each kind.
const PLACES: [usize; 6] = [BATCHES_MAX, CHANGES_MAX, RESTORES_MAX, BAN_CHANGES_MAX, SWEEPS_MAX, TRIMS_MAX];

/// Something for the writer, and who waits for it.
pub(crate) enum Work {
    /// Records to be stored.
    Batch(Vec<Record>, Appended),
    /// A change of accounts.
    Change(Box<Change>, Changed),
    /// A change of bans.
    Ban(bans::Change, Found<Made>),
    /// The accounts of a backup are put in the place of those that are there.
    Restore(PathBuf, Restored),
    /// All accounts go, when there is a backup.
    Clear(BackedUp),
    /// Messages go, when there is a backup.
    Sweep(Which, Sweeping),
    /// How much is kept was set.
    Trim,
}

impl Work {
    /// Answers that it is not done.
    pub(crate) fn refuse(self, fault: Fault) {
        match self {
            Work::Batch(_, done) => done(Err(fault)),
            Work::Change(_, done) => done(Err(fault)),
            Work::Ban(_, done) => done(Err(fault)),
            Work::Restore(_, done) => done(Err(BackupFault::Store(fault))),
            Work::Clear(done) => done(Err(BackupFault::Store(fault))),
            Work::Sweep(_, done) => done(Err(Halted { gone: 0, why: BackupFault::Store(fault) })),
            Work::Trim => {}
        }
    }

    fn kind(&self) -> usize {
        match self {
            Work::Batch(..) => 0,
            Work::Change(..) => 1,
            Work::Restore(..) | Work::Clear(..) => 2,
            Work::Ban(..) => 3,
            Work::Sweep(..) => 4,
            Work::Trim => 5,
        }
    }
}

/// The askers' end. When it is dropped, the writer does what waits, and ends.
pub(crate) struct Queue {
    /// As long as all places together, so that it is never full before they are.
    sender: SyncSender<Waiting>,
    taken: [Arc<AtomicUsize>; PLACES.len()],
}

/// The writer's end.
pub(crate) type Waits = Receiver<Waiting>;

/// Work in its place.
pub(crate) struct Waiting {
    work: Work,
    place: Place,
}

impl Waiting {
    /// Takes it out; its place is free from now on.
    pub(crate) fn take(self) -> Work {
        drop(self.place);
        self.work
    }
}

/// A place that is taken until this is dropped.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Queue {
    /// An empty one.
    pub(crate) fn new() -> (Queue, Waits) {
        let (sender, waits) = sync_channel(PLACES.iter().sum());
        (Queue { sender, taken: Default::default() }, waits)
    }

    /// Hands work over, which never waits; gives it back, and why, when it cannot.
    pub(crate) fn hand(&self, work: Work) -> Option<(Work, Fault)> {
        let kind = work.kind();
        let place = Place(Arc::clone(&self.taken[kind]));
        if place.0.fetch_add(1, Ordering::AcqRel) >= PLACES[kind] {
            return Some((work, Fault::Busy));
        }
        match self.sender.try_send(Waiting { work, place }) {
            Ok(()) => None,
            Err(TrySendError::Full(waiting)) => Some((waiting.take(), Fault::Busy)),
            Err(TrySendError::Disconnected(waiting)) => Some((waiting.take(), Fault::Closed)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn change() -> Work {
        Work::Change(Box::new(Change::Clear), Box::new(|_| ()))
    }

    fn batch() -> Work {
        Work::Batch(Vec::new(), Box::new(|_| ()))
    }

    #[test]
    fn a_kind_that_has_no_place_left_leaves_the_others_theirs() {
        let (queue, waits) = Queue::new();
        for _ in 0..CHANGES_MAX {
            assert!(queue.hand(change()).is_none());
        }
        assert!(matches!(queue.hand(change()), Some((Work::Change(..), Fault::Busy))));
        for _ in 0..BATCHES_MAX {
            assert!(queue.hand(batch()).is_none());
        }
        assert!(matches!(queue.hand(batch()), Some((Work::Batch(..), Fault::Busy))));
        waits.recv().unwrap().take();
        assert!(queue.hand(change()).is_none(), "a place is free again");
        drop(waits);
        assert!(matches!(
            queue.hand(Work::Restore(PathBuf::new(), Box::new(|_| ()))),
            Some((_, Fault::Closed))
        ));
    }
}
