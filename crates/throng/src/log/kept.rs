//! The newest events in memory, and those who follow them. The writer publishes here what it has written; whoever looks or
//! begins to follow sees all events up to one of them, and a follower all after it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::tz::TimeZone;

use super::event::Event;
use super::follower::{FOLLOWERS_MAX, Line, TooMany};
use super::query::{Looked, Query};

/// How many.
pub const KEPT_MAX: usize = 10_000;

/// What is kept.
#[derive(Default)]
pub struct Kept(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// Oldest first.
    ring: VecDeque<Arc<Event>>,
    /// There were older ones than these.
    has_older: bool,
    followers: Vec<Arc<Line>>,
}

/// What was kept at one moment.
pub struct Snapshot {
    /// Oldest first.
    pub events: Vec<Arc<Event>>,
    /// There may be older ones, in the files.
    pub has_older: bool,
}

impl Kept {
    /// Puts in what an earlier run left, oldest first.
    pub fn fill(&self, events: impl IntoIterator<Item = Arc<Event>>, has_older: bool) {
        let mut inner = self.lock();
        inner.ring.extend(events);
        inner.has_older = has_older;
    }

    /// Takes events that were written. People read their times in this zone.
    pub fn publish(&self, fresh: &mut Vec<Arc<Event>>, zone: &TimeZone) {
        let mut inner = self.lock();
        inner.followers.retain(|line| !line.is_closed());
        for event in fresh.drain(..) {
            let looked = Looked::new(&event, zone);
            inner.followers.iter().for_each(|line| line.offer(&event, &looked));
            if inner.ring.len() == KEPT_MAX {
                inner.ring.pop_front();
                inner.has_older = true;
            }
            inner.ring.push_back(event);
        }
    }

    /// What is kept now.
    pub fn look(&self) -> Snapshot {
        self.lock().look()
    }

    /// What is kept now, and a line for all that comes after it.
    pub fn follow(&self, query: &Query) -> Result<(Snapshot, Arc<Line>), TooMany> {
        let mut inner = self.lock();
        inner.followers.retain(|line| !line.is_closed());
        if inner.followers.len() >= FOLLOWERS_MAX {
            return Err(TooMany);
        }
        let line = Arc::new(Line::new(query));
        inner.followers.push(Arc::clone(&line));
        Ok((inner.look(), line))
    }

    /// The newest so many, oldest first.
    #[cfg(test)]
    pub fn last(&self, count: usize) -> Vec<Arc<Event>> {
        let inner = self.lock();
        inner.ring.iter().skip(inner.ring.len().saturating_sub(count)).cloned().collect()
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.lock().ring.len()
    }

    /// Forgets them all. Followers stay.
    pub fn clear(&self) {
        let mut inner = self.lock();
        inner.ring.clear();
        inner.has_older = false;
    }

    /// No more will come.
    pub fn close(&self) {
        self.lock().followers.drain(..).for_each(|line| line.close());
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Whoever panicked with it had put an event in or not; both are whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn look(&self) -> Snapshot {
        Snapshot { events: self.ring.iter().cloned().collect(), has_older: self.has_older }
    }
}
