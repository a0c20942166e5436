//! What all threads of one server see.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::event::{Event, Sink};
use crate::limits::Limits;
use crate::peer::{ConnId, ConnIds};
use crate::registry::Registry;
use crate::seats::Seats;
use crate::stats::Counters;
use crate::subscriber::Subscribers;
use crate::timeouts::Timeouts;
use crate::watchdog::Watchdog;

/// What everybody needs to know of a model.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Its name, as told to people.
    pub(crate) name: &'static str,
    /// Tables of connections: one for each worker, or one for all.
    pub(crate) tables: usize,
    /// How many are served at the same time, where the model itself limits that.
    pub(crate) turns: Option<usize>,
}

/// What a server may be given besides.
#[derive(Default)]
pub(crate) struct Given {
    /// From where its connections get their numbers.
    pub conn_ids: ConnIds,
    /// What its worker processes are told.
    pub told_to_workers: Option<String>,
}

/// What all threads of one server see.
pub(crate) struct Shared {
    pub model: &'static str,
    timeouts: Mutex<Timeouts>,
    /// The limit of bytes that may wait in one outbox, for the workers that look at it all the time.
    queue_max: AtomicUsize,
    pub seats: Arc<Seats>,
    pub counters: Counters,
    pub registry: Registry,
    /// Told whenever limits or timeouts change; who hears it reads them anew.
    changes: watch::Sender<()>,
    /// True from the beginning of a drain, for those who wait for it.
    draining: watch::Sender<bool>,
    /// The same, for those who only look: every read does.
    is_draining: AtomicBool,
    sink: Sink,
    pub subscribers: Subscribers,
    pub watchdog: Watchdog,
    conn_ids: ConnIds,
    /// What worker processes are told that are begun from here on.
    told_to_workers: Mutex<Option<String>>,
    /// Connections that are closing politely.
    pub lingerers: AtomicUsize,
    /// The process of each worker that has one of its own and serves. Written by its keeper, when that begins and ends.
    processes: Mutex<BTreeMap<usize, u32>>,
}

impl Shared {
    pub(crate) fn new(limits: Limits, timeouts: Timeouts, sink: Sink, shape: &Shape) -> Shared {
        Shared::of(limits, timeouts, sink, shape, Given::default())
    }

    /// With what a server may be given besides.
    pub(crate) fn of(
        limits: Limits,
        timeouts: Timeouts,
        sink: Sink,
        shape: &Shape,
        Given { conn_ids, told_to_workers }: Given,
    ) -> Shared {
        Shared {
            model: shape.name,
            timeouts: Mutex::new(timeouts),
            queue_max: AtomicUsize::new(limits.queue),
            seats: Arc::new(Seats::new(limits, shape.turns)),
            counters: Counters::new(shape.tables),
            registry: Registry::new(shape.tables),
            changes: watch::Sender::new(()),
            draining: watch::Sender::new(false),
            is_draining: AtomicBool::new(false),
            lingerers: AtomicUsize::new(0),
            conn_ids,
            told_to_workers: Mutex::new(told_to_workers),
            processes: Mutex::default(),
            sink,
            subscribers: Subscribers::default(),
            watchdog: Watchdog::default(),
        }
    }

    pub(crate) fn next_id(&self) -> ConnId {
        self.conn_ids.next()
    }

    /// What the next worker process is told.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "there are no worker processes"))]
    pub(crate) fn told_to_workers(&self) -> Option<String> {
        self.told_to_workers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells those that are begun from here on.
    pub(crate) fn tell_workers(&self, words: String) {
        *self.told_to_workers.lock().unwrap_or_else(PoisonError::into_inner) = Some(words);
    }

    pub(crate) fn limits(&self) -> Limits {
        self.seats.limits()
    }

    /// Allows so much from here on.
    pub(crate) fn set_limits(&self, limits: Limits) {
        self.queue_max.store(limits.queue, Relaxed);
        self.seats.set_limits(limits);
        self.changes.send_replace(());
    }

    /// Bytes that may wait in one outbox.
    pub(crate) fn queue_max(&self) -> usize {
        self.queue_max.load(Relaxed)
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        self.timeouts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits so long from here on.
    pub(crate) fn set_timeouts(&self, timeouts: Timeouts) {
        *self.timeouts.lock().unwrap_or_else(PoisonError::into_inner) = timeouts;
        self.changes.send_replace(());
    }

    /// Tells an event. A sink that panics has said so already; it ends neither a listener nor a worker.
    pub(crate) fn tell(&self, event: &Event) {
        let _ = catch_unwind(AssertUnwindSafe(|| (self.sink.0)(event)));
        self.subscribers.tell(event);
    }

    /// Tells who holds a worker, and who did.
    pub(crate) fn look_at_workers(&self, now_ms: u64) {
        for event in self.watchdog.look(now_ms) {
            if let Event::Blocked { worker, over: false, .. } = &event {
                self.counters.block(*worker);
            }
            self.tell(&event);
        }
    }

    /// The processes of the workers, in the order of their numbers.
    pub(crate) fn processes(&self) -> Vec<u32> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner).values().copied().collect()
    }

    /// The process of one worker.
    pub(crate) fn process_of(&self, worker: usize) -> Option<u32> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner).get(&worker).copied()
    }

    /// A worker's process serves from here on, or has ended.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "there are no worker processes"))]
    pub(crate) fn note_process(&self, worker: usize, process: Option<u32>) {
        let mut processes = self.processes.lock().unwrap_or_else(PoisonError::into_inner);
        match process {
            Some(process) => processes.insert(worker, process),
            None => processes.remove(&worker),
        };
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Acquire)
    }

    /// Begins the drain: all who read look at it once more.
    pub(crate) fn drain(&self) {
        self.is_draining.store(true, Release);
        self.draining.send_replace(true);
        self.registry.all().iter().for_each(|ticket| ticket.reader.wake());
    }

    /// Whoever waits for a drain looks whether his own connection has to end.
    pub(crate) fn look_again(&self) {
        self.draining.send_modify(|_| ());
    }

    /// Changes when limits or timeouts do.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "there are no worker processes"))]
    pub(crate) fn watch_changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Comes true when a drain begins.
    pub(crate) fn watch_drain(&self) -> watch::Receiver<bool> {
        self.draining.subscribe()
    }
}
