//! What all threads of one server see.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

use tokio::sync::watch;

use crate::conn::ConnId;
use crate::event::{Event, Sink};
use crate::limits::{Limits, Seats};
use crate::registry::Registry;
use crate::stats::Counters;
use crate::timeouts::Timeouts;

/// What all threads of one server see.
pub(crate) struct Shared {
    pub limits: Limits,
    pub timeouts: Timeouts,
    pub seats: Arc<Seats>,
    pub counters: Counters,
    pub registry: Registry,
    /// True from the beginning of a drain, for those who wait for it.
    draining: watch::Sender<bool>,
    /// The same, for those who only look: every read does.
    is_draining: AtomicBool,
    sink: Sink,
    last_id: AtomicU64,
}

impl Shared {
    pub(crate) fn new(limits: Limits, timeouts: Timeouts, sink: Sink, workers: usize) -> Shared {
        Shared {
            seats: Arc::new(Seats::new(&limits)),
            counters: Counters::default(),
            registry: Registry::new(workers),
            draining: watch::Sender::new(false),
            is_draining: AtomicBool::new(false),
            last_id: AtomicU64::new(0),
            limits,
            timeouts,
            sink,
        }
    }

    pub(crate) fn next_id(&self) -> ConnId {
        ConnId(self.last_id.fetch_add(1, Relaxed) + 1)
    }

    /// Tells an event. A sink that panics has said so already; it ends neither a listener nor a worker.
    pub(crate) fn tell(&self, event: &Event) {
        let _ = catch_unwind(AssertUnwindSafe(|| (self.sink.0)(event)));
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

    /// Comes true when a drain begins.
    pub(crate) fn watch_drain(&self) -> watch::Receiver<bool> {
        self.draining.subscribe()
    }
}
