//! Who is connected: one table per worker, each behind a lock that is taken when a connection comes or goes and when
//! somebody looks. Whoever drains waits here for the last one to leave.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock;
use crate::peer::ConnId;
use crate::report::Queued;
use crate::ticket::Ticket;

/// The tables of all workers.
pub(crate) struct Registry {
    workers: Vec<Table>,
    open: Mutex<usize>,
    none_open: Condvar,
}

#[derive(Default)]
struct Table {
    /// Connections that were given to this worker, those on their way included.
    load: AtomicUsize,
    /// Those of them whose peer takes nothing of what waits for it.
    stalled: AtomicUsize,
    tickets: Mutex<BTreeMap<ConnId, Arc<Ticket>>>,
}

impl Registry {
    pub(crate) fn new(workers: usize) -> Registry {
        let workers = (0..workers).map(|_| Table::default()).collect();
        Registry { workers, open: Mutex::new(0), none_open: Condvar::new() }
    }

    /// The table of a worker. Where a model makes workers as they come, all have one table.
    fn table(&self, worker: usize) -> &Table {
        &self.workers[worker % self.workers.len()]
    }

    pub(crate) fn enter(&self, ticket: &Arc<Ticket>) {
        let table = self.table(ticket.worker);
        table.load.fetch_add(1, Relaxed);
        lock(&table.tickets).insert(ticket.id, Arc::clone(ticket));
        *lock(&self.open) += 1;
    }

    pub(crate) fn leave(&self, ticket: &Arc<Ticket>) {
        let table = self.table(ticket.worker);
        lock(&table.tickets).remove(&ticket.id);
        table.load.fetch_sub(1, Relaxed);
        let mut open = lock(&self.open);
        *open -= 1;
        if *open == 0 {
            self.none_open.notify_all();
        }
    }

    /// One more of this worker's connections has something that its peer does not take.
    pub(crate) fn begin_stall(&self, worker: usize) {
        self.table(worker).stalled.fetch_add(1, Relaxed);
    }

    /// One less.
    pub(crate) fn end_stall(&self, worker: usize) {
        self.table(worker).stalled.fetch_sub(1, Relaxed);
    }

    pub(crate) fn has_stalled(&self, worker: usize) -> bool {
        self.table(worker).stalled.load(Relaxed) > 0
    }

    /// What waits for peers that do not read. Only workers that have such are looked through.
    pub(crate) fn queued(&self) -> Queued {
        let mut queued = Queued::default();
        for table in self.workers.iter().filter(|table| table.stalled.load(Relaxed) > 0) {
            for bytes in
                lock(&table.tickets).values().map(|ticket| ticket.queued()).filter(|bytes| *bytes > 0)
            {
                queued.conns += 1;
                queued.bytes += bytes;
                queued.largest = queued.largest.max(bytes);
            }
        }
        queued
    }

    /// How many connections one worker has.
    pub(crate) fn load(&self, worker: usize) -> usize {
        self.table(worker).load.load(Relaxed)
    }

    /// How many are open.
    pub(crate) fn open(&self) -> usize {
        *lock(&self.open)
    }

    /// The worker with the fewest connections, of those that are up if any is.
    pub(crate) fn least_loaded(&self, is_up: impl Fn(usize) -> bool) -> usize {
        let loads = self.workers.iter().enumerate();
        let loads = loads.map(|(index, table)| (!is_up(index), table.load.load(Relaxed), index));
        loads.min().map_or(0, |(_, _, index)| index)
    }

    /// The ticket of a connection, while it is open.
    pub(crate) fn find(&self, id: ConnId) -> Option<Arc<Ticket>> {
        self.workers.iter().find_map(|table| lock(&table.tickets).get(&id).cloned())
    }

    /// All tickets, a worker after the other.
    pub(crate) fn all(&self) -> Vec<Arc<Ticket>> {
        self.workers
            .iter()
            .flat_map(|table| lock(&table.tickets).values().cloned().collect::<Vec<_>>())
            .collect()
    }

    /// Looks at each ticket of one worker.
    pub(crate) fn each_of(&self, worker: usize, mut look: impl FnMut(&Ticket)) {
        lock(&self.table(worker).tickets).values().for_each(|ticket| look(ticket));
    }

    /// Waits until none is open, or the deadline has come. `true` when none is open.
    pub(crate) fn wait_for_none(&self, deadline_ms: u64) -> bool {
        let mut open = lock(&self.open);
        while *open > 0 {
            let left = deadline_ms.saturating_sub(clock::now_ms());
            if left == 0 {
                return false;
            }
            let waited = self.none_open.wait_timeout(open, Duration::from_millis(left));
            open = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

/// None of these locks guards anything that a panic could leave half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
