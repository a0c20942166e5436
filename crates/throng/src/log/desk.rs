//! The place between those who tell and the one who writes. Held only to append and to take, so nobody waits for the disk here.

use std::sync::mpsc::SyncSender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Cleared;
use super::event::Event;

/// Events that may wait for the writer: a burst of everybody leaving at once fits. Some 8 MiB at most, as events usually are.
pub const WAITING_MAX: usize = 16 * 1024;

/// How long the writer lets events gather. A busy chat has thousands a second, and to wake a thread for each would cost
/// the server more than all else about the log.
const GATHER: Duration = Duration::from_millis(50);

/// What the writer is told, in order.
pub enum Told {
    /// Write this.
    Event(Event),
    /// Clear all that was told before.
    Clear(Clearing),
}

/// Somebody wants the log cleared.
pub struct Clearing {
    /// Who.
    pub by: String,
    /// Who waits for what came of it, and may have lost patience.
    pub answer: SyncSender<std::io::Result<Cleared>>,
}

/// What waits for the writer.
#[derive(Default)]
pub struct Waiting {
    /// Oldest first.
    pub told: Vec<Told>,
    /// Events that found no place.
    pub dropped: u64,
    /// Who wants to know when everything told so far is written.
    pub settling: Vec<SyncSender<()>>,
    /// Somebody waits, so nobody waits for more to gather.
    urgent: bool,
    /// Nobody tells anything any more.
    closed: bool,
}

/// Written by all, emptied by the writer. When full: events are dropped and counted; who clears or settles waits for the
/// writer anyway, so there are never more of them than threads.
#[derive(Default)]
pub struct Desk {
    waiting: Mutex<Waiting>,
    /// Told when the first event comes after a pause, when they are many, and when somebody waits.
    filled: Condvar,
}

impl Desk {
    /// Takes an event.
    pub fn tell(&self, event: Event) {
        let mut waiting = self.lock();
        if waiting.told.len() >= WAITING_MAX {
            waiting.dropped += 1;
            return;
        }
        waiting.told.push(Told::Event(event));
        if waiting.told.len() == 1 || waiting.told.len() == WAITING_MAX / 2 {
            self.filled.notify_one();
        }
    }

    /// Takes a wish to clear.
    pub fn clear(&self, clearing: Clearing) {
        let mut waiting = self.lock();
        waiting.told.push(Told::Clear(clearing));
        waiting.urgent = true;
        self.filled.notify_one();
    }

    /// Takes who wants to be told when all is written.
    pub fn settle(&self, settling: SyncSender<()>) {
        let mut waiting = self.lock();
        waiting.settling.push(settling);
        waiting.urgent = true;
        self.filled.notify_one();
    }

    /// Nothing more will be told.
    pub fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
    }

    /// All that waits, once there is something and it had time to gather. Nothing when nobody tells any more.
    pub fn take(&self) -> Option<Waiting> {
        let is_idle = |waiting: &mut Waiting| waiting.told.is_empty() && !waiting.urgent && !waiting.closed;
        let waiting = self.filled.wait_while(self.lock(), is_idle).unwrap_or_else(PoisonError::into_inner);
        let may_gather = |waiting: &mut Waiting| {
            !waiting.urgent && !waiting.closed && waiting.told.len() < WAITING_MAX / 2
        };
        let gathered = self.filled.wait_timeout_while(waiting, GATHER, may_gather);
        let mut waiting = gathered.unwrap_or_else(PoisonError::into_inner).0;
        let closed = waiting.closed;
        let taken = std::mem::replace(&mut *waiting, Waiting { closed, ..Waiting::default() });
        (!closed || taken.urgent || !taken.told.is_empty()).then_some(taken)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Whoever panicked with it had appended something or not; both are whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_finds_no_place_is_counted_and_whoever_clears_finds_one() {
        let desk = Desk::default();
        for _ in 0..WAITING_MAX + 5 {
            desk.tell(Event::info("client.said"));
        }
        let (answer, _) = std::sync::mpsc::sync_channel(1);
        desk.clear(Clearing { by: "console".to_owned(), answer });
        let taken = desk.take().unwrap();
        assert_eq!((taken.told.len(), taken.dropped), (WAITING_MAX + 1, 5));
        assert!(matches!(taken.told.last(), Some(Told::Clear(_))));
        desk.close();
        assert!(desk.take().is_none());
    }
}
