//! The watchdog: notices a handler that holds its worker, so that nobody else there is served meanwhile.
//!
//! No clock is read for that while handlers run. Each serving thread has a beat, which says what it polls and counts; a task
//! on the acceptor's thread looks at all beats, and one that stands still between two looks is held.

use std::cell::OnceCell;
use std::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::clock::{self, millis};
use crate::event::Event;
use crate::peer::ConnId;

/// A worker that is held for so long is told of.
const BLOCKED_MIN: Duration = Duration::from_millis(100);

/// How often it is looked. Who holds a worker for this and [`BLOCKED_MIN`] is always noticed.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// No connection has this number.
const NOBODY: u64 = 0;

/// What one thread is doing, written by it alone; its line of memory is nobody else's.
#[derive(Debug)]
#[repr(align(128))]
struct Beat {
    /// Grows with each poll; odd while one is under way.
    polls: AtomicU64,
    conn: AtomicU64,
    worker: usize,
    thread: String,
}

thread_local! {
    static BEAT: OnceCell<Arc<Beat>> = const { OnceCell::new() };
}

/// The beats of all serving threads: as many as there are workers. A thread adds its own at its first poll, and one that
/// has ended is forgotten.
#[derive(Debug, Default)]
pub(crate) struct Watchdog {
    watched: Mutex<Vec<(Weak<Beat>, Sight)>>,
}

/// What was seen of one beat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sight {
    polls: u64,
    since_ms: u64,
    is_told: bool,
    conn: u64,
}

/// What a look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Found {
    conn: u64,
    lasted_ms: u64,
    over: bool,
}

/// Runs one poll of a connection's handler, or of something else on a worker, under the eye of the watchdog.
pub(crate) fn watched<T>(
    watchdog: &Watchdog,
    worker: usize,
    conn: Option<ConnId>,
    poll: impl FnOnce() -> T,
) -> T {
    BEAT.with(|beat| {
        let beat = beat.get_or_init(|| watchdog.join(worker));
        beat.conn.store(conn.map_or(NOBODY, |id| id.0), Relaxed);
        let begun = (beat.polls.load(Relaxed) + 1) | 1;
        beat.polls.store(begun, Release);
        let _over = Over { beat, begun };
        poll()
    })
}

/// The poll is over, also when it panicked.
struct Over<'a> {
    beat: &'a Beat,
    begun: u64,
}

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.beat.polls.store(self.begun + 1, Release);
    }
}

impl Watchdog {
    fn join(&self, worker: usize) -> Arc<Beat> {
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        let beat = Beat { polls: AtomicU64::new(0), conn: AtomicU64::new(NOBODY), worker, thread };
        let beat = Arc::new(beat);
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.push((Arc::downgrade(&beat), Sight::default()));
        beat
    }

    /// Looks at all beats once.
    pub(crate) fn look(&self, now_ms: u64) -> Vec<Event> {
        let mut events = Vec::new();
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.retain_mut(|(beat, sight)| {
            let Some(beat) = beat.upgrade() else { return false };
            let polls = beat.polls.load(Acquire);
            let found = sight.look(polls, beat.conn.load(Relaxed), now_ms);
            events.extend(found.map(|found| beat.event(found)));
            true
        });
        events
    }
}

impl Beat {
    fn event(&self, found: Found) -> Event {
        let id = (found.conn != NOBODY).then_some(ConnId(found.conn));
        let (worker, thread) = (self.worker, self.thread.clone());
        Event::Blocked {
            worker,
            thread,
            id,
            lasted: Duration::from_millis(found.lasted_ms),
            over: found.over,
        }
    }
}

impl Sight {
    /// `conn` is the one that is polled, if that is the poll which was seen before.
    fn look(&mut self, polls: u64, conn: u64, now_ms: u64) -> Option<Found> {
        let lasted_ms = now_ms.saturating_sub(self.since_ms);
        if polls != self.polls {
            let over = self.is_told.then_some(Found { conn: self.conn, lasted_ms, over: true });
            *self = Sight { polls, since_ms: now_ms, is_told: false, conn };
            return over;
        }
        let is_held = polls % 2 == 1 && lasted_ms >= millis(BLOCKED_MIN) && !self.is_told;
        if !is_held {
            return None;
        }
        (self.is_told, self.conn) = (true, conn);
        Some(Found { conn, lasted_ms, over: false })
    }
}

/// Looks for as long as the acceptor's runtime lives.
pub(crate) async fn run(look: impl Fn(u64)) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        look(clock::now_ms());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_that_stands_still_is_told_of_once_and_once_when_it_is_over() {
        let mut sight = Sight::default();
        let mut look = |polls: u64, now_ms: u64| {
            let found = sight.look(polls, polls, now_ms);
            assert!(found.is_none_or(|found| found.conn == 9), "it is told who held it");
            found.map(|found| (found.lasted_ms, found.over))
        };
        let rows = [
            // Polls that are short, however many, and a thread that does nothing.
            (1, 1000, None),
            (7, 1050, None),
            (8, 1100, None),
            (8, 9000, None),
            // One that is held.
            (9, 9050, None),
            (9, 9100, None),
            (9, 9150, Some((100, false))),
            (9, 9900, None),
            (11, 9950, Some((900, true))),
            (11, 10_000, None),
            (12, 10_050, None),
        ];
        for (polls, now_ms, expected) in rows {
            assert_eq!(look(polls, now_ms), expected, "{polls} at {now_ms}");
        }
    }
}
