//! A store of messages, accounts and bans whose test decides what happens: it withholds answers, fails and recovers when it is told to. No
//! thread, no disk, no clock of its own; ids and times are the same each time.
//!
//! For the simulation of whoever calls a store. Callbacks run on the thread that lets them: in `append` and `change`
//! while nothing is held, in [`Scripted::release`] otherwise. Batches and changes are in one order, as on the disk.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use throng_chat::{Ban, Entry, Kind, Name, Names, Record, RoomName, Text, Time};

use crate::accounts::register::Register;
use crate::accounts::{Account, Accounts, Census, Change, Changed, Found, Token};
use crate::backup::{BackedUp, BackupFault, Backups, Restored};
use crate::bans::drawer::Drawer;
use crate::bans::{self, Bans, Made};
use crate::fault::Fault;
use crate::health::HealthBoard;
use crate::ids;
use crate::past::{Holding, Keep, Past, Sweeping, Swept, Tally, Trimmed, Which};
use crate::shelf::Shelf;
use crate::store::{Appended, Health, History, Opened, Read, Store, Told};

/// What the clock says for the first batch (2026-01-01 UTC); it is one second later for each batch.
pub const STARTED: Time = Time(1_767_225_600_000);

const BATCH_MILLIS: i64 = 1000;

/// A word in two alphabets that looks the same in both, another one for each number below 2401.
pub fn look_alikes(number: usize) -> (String, String) {
    const PAIRS: [(char, char); 7] =
        [('a', 'а'), ('c', 'с'), ('e', 'е'), ('o', 'о'), ('p', 'р'), ('x', 'х'), ('y', 'у')];
    let (mut latin, mut cyrillic, mut left) = (String::new(), String::new(), number);
    for _ in 0..4 {
        let (one, other) = PAIRS[left % PAIRS.len()];
        latin.push(one);
        cyrillic.push(other);
        left /= PAIRS.len();
    }
    (latin, cyrillic)
}

/// The store.
pub struct Scripted {
    /// Held only to look or to note; never while a callback runs.
    state: Mutex<State>,
    health: HealthBoard,
}

struct State {
    shelf: Shelf,
    register: Register,
    drawer: Drawer,
    now: Time,
    holding: bool,
    holding_reads: bool,
    held: VecDeque<Held>,
    held_reads: VecDeque<HeldRead>,
    failing: VecDeque<Fault>,
    failing_reads: VecDeque<Fault>,
    stopped: Option<Fault>,
    closed: bool,
}

/// What waits until it is released.
enum Held {
    Batch(Vec<Record>, Appended),
    Change(Change, Changed),
    Ban(bans::Change, Found<Made>),
}

/// A question that waits: what is found now, or why not, is told by what it gives, when the state is let go.
type HeldRead = Box<dyn FnOnce(Result<&State, Fault>) -> Answer + Send>;
type Answer = Box<dyn FnOnce() + Send>;

impl Scripted {
    /// A new one: it stores and answers at once until it is told otherwise.
    pub fn new() -> Arc<Scripted> {
        let state = State {
            shelf: Shelf::new(usize::MAX, ids::plain),
            register: Register::default(),
            drawer: Drawer::default(),
            now: STARTED,
            holding: false,
            holding_reads: false,
            held: VecDeque::new(),
            held_reads: VecDeque::new(),
            failing: VecDeque::new(),
            failing_reads: VecDeque::new(),
            stopped: None,
            closed: false,
        };
        Arc::new(Scripted { state: Mutex::new(state), health: HealthBoard::default() })
    }

    /// As a new, empty store is opened.
    pub fn opened(self: &Arc<Self>) -> Opened {
        let store: Arc<dyn Store> = Arc::<Scripted>::clone(self);
        let (accounts, backups) = (Arc::<Scripted>::clone(self), Arc::<Scripted>::clone(self));
        let (bans, past) = (Arc::<Scripted>::clone(self), Arc::<Scripted>::clone(self));
        Opened { store, accounts, bans, backups, past, rooms: Vec::new(), messages: 0, created: true }
    }

    /// From now on batches and changes wait: they are neither stored nor refused until they are released.
    pub fn hold(&self) {
        self.state().holding = true;
    }

    /// Stores or refuses the `n` oldest batches and changes that wait, in order; says how many there were. Go on holding.
    pub fn release(&self, n: usize) -> usize {
        (0..n).take_while(|_| self.release_one()).count()
    }

    /// Releases all that waits, also what the callbacks add, and holds no longer.
    pub fn flow(&self) {
        self.state().holding = false;
        while self.release_one() {}
    }

    /// How many batches and changes wait.
    pub fn waiting(&self) -> usize {
        self.state().held.len()
    }

    /// From now on questions about history and accounts wait.
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

    /// The next batch or change that is about to be stored fails instead. Called twice, the next two do. All but `Busy` and
    /// `Closed` make the store read-only until [`Scripted::recover`].
    pub fn fail_next(&self, fault: Fault) {
        self.state().failing.push_back(fault);
    }

    /// The next question that is about to be answered fails instead. Called twice, the next two do.
    pub fn fail_next_read(&self, fault: Fault) {
        self.state().failing_reads.push_back(fault);
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
        next.map(|held| self.decide(held)).is_some()
    }

    fn release_one_read(&self) -> bool {
        let mut state = self.state();
        let answer = state.held_reads.pop_front().map(|read| state.answer(read));
        drop(state);
        answer.map(|answer| answer()).is_some()
    }

    fn hand(&self, held: Held) {
        let mut state = self.state();
        if state.closed {
            drop(state);
            return match held {
                Held::Batch(_, done) => done(Err(Fault::Closed)),
                Held::Change(_, done) => done(Err(Fault::Closed)),
                Held::Ban(_, done) => done(Err(Fault::Closed)),
            };
        }
        // What waits is never overtaken.
        if state.holding || !state.held.is_empty() {
            state.held.push_back(held);
            return;
        }
        drop(state);
        self.decide(held);
    }

    fn decide(&self, held: Held) {
        let mut state = self.state();
        let was_stopped = state.stopped.is_some();
        let answer: Answer = match held {
            Held::Batch(batch, done) => {
                let stored = state.may_write().map(|()| state.put(batch));
                Box::new(move || done(stored))
            }
            Held::Change(change, done) => {
                let made = state.may_write().map(|()| state.register.make(&change));
                Box::new(move || done(made))
            }
            Held::Ban(change, done) => {
                let made = state.may_write().map(|()| state.drawer.make(&change));
                Box::new(move || done(made))
            }
        };
        let news = state.stopped.clone().filter(|_| !was_stopped);
        drop(state);
        answer();
        if let Some(fault) = news {
            self.health.tell(Health::ReadOnly { why: Arc::from(fault.to_string()) });
        }
    }

    fn ask<T: Send + 'static>(
        &self,
        read: impl FnOnce(&State) -> T + Send + 'static,
        done: Box<dyn FnOnce(Result<T, Fault>) + Send>,
    ) {
        let read: HeldRead = Box::new(move |state| {
            let found = state.map(read);
            Box::new(move || done(found))
        });
        let mut state = self.state();
        if state.holding_reads && !state.closed {
            state.held_reads.push_back(read);
            return;
        }
        let answer = if state.closed { read(Err(Fault::Closed)) } else { state.answer(read) };
        drop(state);
        answer();
    }
}

impl State {
    fn may_write(&mut self) -> Result<(), Fault> {
        if let Some(fault) = &self.stopped {
            return Err(fault.clone());
        }
        if let Some(fault) = self.failing.pop_front() {
            self.stopped = fault.stops_writing().then(|| fault.clone());
            return Err(fault);
        }
        Ok(())
    }

    fn put(&mut self, batch: Vec<Record>) -> Vec<throng_chat::Stamp> {
        let stamps = self.shelf.put(batch, self.now);
        self.now.0 += BATCH_MILLIS;
        stamps
    }

    fn answer(&mut self, read: HeldRead) -> Answer {
        match self.failing_reads.pop_front() {
            Some(fault) => read(Err(fault)),
            None => read(Ok(self)),
        }
    }
}

impl Store for Scripted {
    fn append(&self, batch: Vec<Record>, done: Appended) {
        self.hand(Held::Batch(batch, done));
    }

    fn history(&self, query: History, done: Read) {
        self.ask(move |state| state.shelf.history(&query), done);
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

impl Accounts for Scripted {
    fn change(&self, change: Change, done: Changed) {
        self.hand(Held::Change(change, done));
    }

    fn account(&self, name: Name, done: Found<Option<Account>>) {
        self.ask(move |state| state.register.account(&name), done);
    }

    fn by_certificate(&self, fingerprint: [u8; 32], done: Found<Option<Account>>) {
        self.ask(move |state| state.register.by_certificate(&fingerprint), done);
    }

    fn by_token(&self, hash: [u8; 32], done: Found<Option<(Account, Token)>>) {
        self.ask(move |state| state.register.by_token(&hash), done);
    }

    fn tokens(&self, name: Name, done: Found<Vec<Token>>) {
        self.ask(move |state| state.register.tokens(&name), done);
    }

    fn page(&self, after: Option<Name>, done: Found<Vec<Account>>) {
        self.ask(move |state| state.register.page(after.as_ref()), done);
    }

    fn by_address(&self, address: Arc<str>, done: Found<Option<Name>>) {
        self.ask(move |state| state.register.by_address(&address), done);
    }

    fn census(&self, done: Found<Census>) {
        self.ask(|state| state.register.census(), done);
    }
}

impl Bans for Scripted {
    fn change_ban(&self, change: bans::Change, done: Found<Made>) {
        self.hand(Held::Ban(change, done));
    }

    fn bans(&self, done: Found<Vec<Ban>>) {
        self.ask(|state| state.drawer.all(), done);
    }
}

/// Never held, and nothing is swept out but when it is asked for.
impl Past for Scripted {
    fn holding(&self, done: Found<Holding>) {
        let holding = self.state().shelf.holding();
        done(Ok(holding));
    }

    fn count(&self, which: Which, done: Found<Tally>) {
        let state = self.state();
        let tally = state.shelf.count(&which, state.now);
        drop(state);
        done(Ok(tally));
    }

    fn sweep(&self, which: Which, done: Sweeping) {
        let mut state = self.state();
        let now = state.now;
        let tally = (!state.closed).then(|| state.shelf.sweep(&which, now));
        drop(state);
        done(Swept::at_once(tally));
    }

    fn keep(&self, keep: Keep) {
        let mut state = self.state();
        let now = state.now;
        state.shelf.sweep(&Which::Beyond(keep), now);
    }

    fn on_trimmed(&self, _told: Trimmed) {}
}

impl Backups for Scripted {
    fn backup(&self, done: BackedUp) {
        done(Err(BackupFault::NoFile));
    }

    fn restore_accounts(&self, _from: PathBuf, done: Restored) {
        done(Err(BackupFault::NoFile));
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
