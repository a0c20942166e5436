//! Somebody who is told events as they happen. The writer puts them into a short queue and never waits: who takes them too
//! slowly loses some, and hears how many at the place where they are missing.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::event::Event;
use super::query::{Looked, Query, Sieve};

/// Events that may wait for one follower.
pub const WAITING_MAX: usize = 1024;

/// How many may follow at the same time.
pub const FOLLOWERS_MAX: usize = 32;

/// What a follower is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Followed {
    /// This happened.
    Event(Arc<Event>),
    /// So many that it asked for happened here, and were lost.
    Skipped(u64),
    /// Nothing happened for as long as it would wait.
    Nothing,
    /// The log has ended; nothing more will be told.
    Closed,
}

/// There are as many followers as may be.
#[derive(Debug, PartialEq, Eq)]
pub struct TooMany;

impl std::fmt::Display for TooMany {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "{FOLLOWERS_MAX} follow the log already: end one of them, or look at: logs show")
    }
}

/// Where a follower takes what it is told.
pub struct Follower {
    /// What happened before it began to follow, as far as it asked for that.
    past: VecDeque<Arc<Event>>,
    line: Arc<Line>,
}

/// The queue between the writer and one follower.
pub struct Line {
    sieve: Sieve,
    /// Filled by the writer, emptied by the follower. When full: the last of it counts what is lost.
    waiting: Mutex<Waiting>,
    /// Told when there is something to take.
    filled: Condvar,
}

#[derive(Default)]
struct Waiting {
    told: VecDeque<Told>,
    closed: bool,
}

enum Told {
    Event(Arc<Event>),
    Skipped(u64),
}

impl Follower {
    /// Who is told these events first, and then what comes along this line.
    pub fn new(past: Vec<Arc<Event>>, line: Arc<Line>) -> Follower {
        Follower { past: past.into(), line }
    }

    /// The next thing, waited for at most so long.
    pub fn next(&mut self, patience: Duration) -> Followed {
        if let Some(event) = self.past.pop_front() {
            return Followed::Event(event);
        }
        let is_idle = |waiting: &mut Waiting| waiting.told.is_empty() && !waiting.closed;
        let found = self.line.filled.wait_timeout_while(self.line.lock(), patience, is_idle);
        let mut waiting = found.unwrap_or_else(PoisonError::into_inner).0;
        match waiting.told.pop_front() {
            Some(Told::Event(event)) => Followed::Event(event),
            Some(Told::Skipped(count)) => Followed::Skipped(count),
            None if waiting.closed => Followed::Closed,
            None => Followed::Nothing,
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.line.close();
    }
}

impl Line {
    /// For somebody who wants these.
    pub fn new(query: &Query) -> Line {
        Line { sieve: Sieve::new(query), waiting: Mutex::default(), filled: Condvar::new() }
    }

    /// Puts an event in, if it is asked for.
    pub fn offer(&self, event: &Arc<Event>, looked: &Looked) {
        if !self.sieve.lets_through(looked) {
            return;
        }
        let mut waiting = self.lock();
        if waiting.told.len() < WAITING_MAX {
            waiting.told.push_back(Told::Event(Arc::clone(event)));
            if waiting.told.len() == 1 {
                self.filled.notify_one();
            }
        } else if let Some(Told::Skipped(count)) = waiting.told.back_mut() {
            *count += 1;
        } else {
            waiting.told.push_back(Told::Skipped(1));
        }
    }

    /// Nothing more comes, or nobody takes it any more.
    pub fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Whoever panicked with it had put something in or not; both are whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
