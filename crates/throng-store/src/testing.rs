//! A store whose test decides what happens: it withholds answers, fails and recovers when it is told to. No
//! thread, no disk, no clock of its own; ids and times are the same each time.
//!
//! For the simulation of whoever calls a store. Callbacks run on the thread that lets them: in `append` while
//! nothing is held, in [`Scripted::release`] otherwise.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use throng_chat::{Entry, Kind, Name, Names, Record, RoomName, Text, Time};

use crate::fault::Fault;
use crate::health::HealthBoard;
use crate::ids;
use crate::shelf::Shelf;
use crate::store::{Appended, Health, History, Opened, Read, Store, Told};

/// What the clock says for the first batch (2026-01-01 UTC); it is one second later for each batch.
pub const STARTED: Time = Time(1_767_225_600_000);

const BATCH_MILLIS: i64 = 1000;

/// The store.
pub struct Scripted {
    /// Held only to look or to note; never while a callback runs.
    state: Mutex<State>,
    health: HealthBoard,
}

struct State {
    shelf: Shelf,
    now: Time,
    holding: bool,
    holding_reads: bool,
    held: VecDeque<(Vec<Record>, Appended)>,
    held_reads: VecDeque<(History, Read)>,
    failing: VecDeque<Fault>,
    stopped: Option<Fault>,
    closed: bool,
}

impl Scripted {
    /// A new one: it stores and answers at once until it is told otherwise.
    pub fn new() -> Arc<Scripted> {
        let state = State {
            shelf: Shelf::new(usize::MAX, ids::plain),
            now: STARTED,
            holding: false,
            holding_reads: false,
            held: VecDeque::new(),
            held_reads: VecDeque::new(),
            failing: VecDeque::new(),
            stopped: None,
            closed: false,
        };
        Arc::new(Scripted { state: Mutex::new(state), health: HealthBoard::default() })
    }

    /// As a new, empty store is opened.
    pub fn opened(self: &Arc<Self>) -> Opened {
        let store: Arc<dyn Store> = Arc::<Scripted>::clone(self);
        Opened { store, rooms: Vec::new(), messages: 0, created: true }
    }

    /// From now on batches wait: they are neither stored nor refused until they are released.
    pub fn hold(&self) {
        self.state().holding = true;
    }

    /// Stores or refuses the `n` oldest batches that wait, in order; says how many there were. Go on holding.
    pub fn release(&self, n: usize) -> usize {
        (0..n).take_while(|_| self.release_one()).count()
    }

    /// Releases all that waits, also what the callbacks add, and holds no longer.
    pub fn flow(&self) {
        self.state().holding = false;
        while self.release_one() {}
    }

    /// How many batches wait.
    pub fn waiting(&self) -> usize {
        self.state().held.len()
    }

    /// From now on questions about history wait.
    pub fn hold_reads(&self) {
        self.state().holding_reads = true;
    }

    /// Answers the `n` oldest questions that wait, from what is stored now; says how many there were.
    pub fn release_reads(&self, n: usize) -> usize {
        (0..n).take_while(|_| self.release_one_read()).count()
    }

    /// How many questions wait.
    pub fn waiting_reads(&self) -> usize {
        self.state().held_reads.len()
    }

    /// The next batch that is about to be stored fails instead. Called twice, the next two do. All but `Busy` and
    /// `Closed` make the store read-only until [`Scripted::recover`].
    pub fn fail_next(&self, fault: Fault) {
        self.state().failing.push_back(fault);
    }

    /// Writable again, and tells so.
    pub fn recover(&self) {
        let mut state = self.state();
        state.failing.clear();
        let was = state.stopped.take();
        drop(state);
        if was.is_some() {
            self.health.tell(Health::Writable);
        }
    }

    /// All that is stored of a room, oldest first.
    pub fn entries(&self, room: &RoomName) -> Vec<Entry> {
        self.state().shelf.all(room)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn release_one(&self) -> bool {
        let next = self.state().held.pop_front();
        next.map(|(batch, done)| self.decide(batch, done)).is_some()
    }

    fn release_one_read(&self) -> bool {
        let mut state = self.state();
        let next = state.held_reads.pop_front().map(|(query, done)| (state.shelf.history(&query), done));
        drop(state);
        next.map(|(entries, done)| done(Ok(entries))).is_some()
    }

    fn decide(&self, batch: Vec<Record>, done: Appended) {
        let mut state = self.state();
        let was_stopped = state.stopped.is_some();
        let decided = state.put(batch);
        let news = state.stopped.clone().filter(|_| !was_stopped);
        drop(state);
        done(decided);
        if let Some(fault) = news {
            self.health.tell(Health::ReadOnly { why: Arc::from(fault.to_string()) });
        }
    }
}

impl State {
    fn put(&mut self, batch: Vec<Record>) -> Result<Vec<throng_chat::Stamp>, Fault> {
        if let Some(fault) = &self.stopped {
            return Err(fault.clone());
        }
        if let Some(fault) = self.failing.pop_front() {
            self.stopped = fault.stops_writing().then(|| fault.clone());
            return Err(fault);
        }
        let stamps = self.shelf.put(batch, self.now);
        self.now.0 += BATCH_MILLIS;
        Ok(stamps)
    }
}

impl Store for Scripted {
    fn append(&self, batch: Vec<Record>, done: Appended) {
        let mut state = self.state();
        if state.closed {
            drop(state);
            return done(Err(Fault::Closed));
        }
        // Batches that wait are never overtaken.
        if state.holding || !state.held.is_empty() {
            state.held.push_back((batch, done));
            return;
        }
        drop(state);
        self.decide(batch, done);
    }

    fn history(&self, query: History, done: Read) {
        let mut state = self.state();
        if state.closed {
            drop(state);
            return done(Err(Fault::Closed));
        }
        if state.holding_reads {
            state.held_reads.push_back((query, done));
            return;
        }
        let entries = state.shelf.history(&query);
        drop(state);
        done(Ok(entries));
    }

    fn on_health(&self, told: Told) {
        self.health.listen(told);
    }

    fn close(&self) {
        self.state().closed = true;
        self.flow();
        self.release_reads(usize::MAX);
    }
}

/// Words of `ana` in a room, for tests.
pub fn said(room: &str, words: &str) -> Record {
    record(room, Kind::Message, Some(words))
}

/// A change of topic by `ana`, for tests.
pub fn topic_set(room: &str, words: Option<&str>) -> Record {
    record(room, Kind::Topic, words)
}

fn record(room: &str, kind: Kind, words: Option<&str>) -> Record {
    let valid = "a test gives valid names and words";
    Record {
        room: RoomName::new(room, Names::Unicode).expect(valid),
        author: Name::new("ana", Names::Unicode).expect(valid),
        kind,
        text: words.map(|words| Text::new(words).expect(valid)),
    }
}
