//! The chat in figures: who is here by which door, what was said and told, what was refused and why, how long things took.
//!
//! Each worker counts for itself and the hub for itself, so that nobody waits for another's line of memory; whoever looks
//! sums them up ([`Figures::read`]). Every set of names is fixed, so no client can make it grow.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use throng_chat::{Command, Target};

use super::notes::{Note, Notes};
use super::rendering::Face;
use crate::latency::{Latency, Times};

/// The doors, in the order of their counters.
pub const DOORS: [(Face, &str); 3] = [(Face::Line, "line"), (Face::Irc, "irc"), (Face::Web, "web")];

/// Why the world refuses, in the words of [`Note::Refused`]; what is not here counts as the last.
pub const CAUSES: &[&str] = &[
    "name_taken",
    "name_looks_taken",
    "name_registered",
    "account_needed",
    "no_such_account",
    "already_signed_in",
    "not_signed_in",
    "not_your_name",
    "too_many_sessions",
    "already_here",
    "no_such_person",
    "no_such_room",
    "not_in_room",
    "person_not_in_room",
    "members_only",
    "needs_operator",
    "too_many_rooms",
    "rooms_full",
    "people_full",
    "not_stored",
    "read_only",
    "other",
];

/// What becomes of those who want to sign in.
pub const SIGN_INS: &[&str] = &["signed_in", "registered", "refused"];

/// A counter, or a number that goes up and down.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// So many more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    /// One less.
    pub fn take_one(&self) {
        self.0.fetch_sub(1, Relaxed);
    }

    /// This many now.
    pub fn set(&self, now: u64) {
        self.0.store(now, Relaxed);
    }

    /// How many.
    pub fn read(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// What one worker counts of one door.
#[derive(Debug, Default)]
pub struct Door {
    /// Clients who are here by it.
    pub open: Count,
    /// All who ever chose it.
    pub came: Count,
    /// Things said to a room.
    pub said: Count,
    /// Things said to one person.
    pub whispered: Count,
    /// Events that were appended to outboxes.
    pub told: Count,
}

/// What one worker counts. Two lines of memory are fetched together, so each worker's begin at a pair of their own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Desk {
    doors: [Door; DOORS.len()],
    /// Clients whose first bytes have not chosen a door yet.
    pub undecided: Count,
    /// Questions to the store about what was said before.
    pub histories: Count,
    /// How often somebody who asked faster than its pace was read later.
    pub paced: Count,
    /// From where a seat hands over what is said to where it is in the outboxes here.
    pub delivery: Latency,
}

impl Desk {
    /// The counters of a door.
    pub fn door(&self, face: Face) -> &Door {
        &self.doors[number_of(face)]
    }

    /// So many events were told, by the numbers of the doors.
    pub fn told(&self, told: [u64; DOORS.len()]) {
        let doors = self.doors.iter().zip(told).filter(|(_, told)| *told > 0);
        doors.for_each(|(door, told)| door.told.add(told));
    }

    /// Somebody asks: is it something that is said?
    pub fn heard(&self, face: Face, command: &Command) {
        match command {
            Command::Say(Target::Room(_), ..) => self.door(face).said.add(1),
            Command::Say(Target::Person(_), ..) => self.door(face).whispered.add(1),
            _ => {}
        }
    }
}

/// The number of a door's counters.
pub fn number_of(face: Face) -> usize {
    match face {
        Face::Line => 0,
        Face::Irc => 1,
        Face::Web => 2,
    }
}

/// What the hub counts.
#[derive(Debug, Default)]
pub struct Middle {
    /// People with a name.
    pub people: Count,
    /// Rooms with somebody in them.
    pub rooms: Count,
    /// Bytes of answers that wait for the store.
    pub held_bytes: Count,
    /// Answers that wait for the store.
    pub held: Count,
    /// Records that were stored.
    pub stored: Count,
    /// How long the last commit took, in microseconds.
    pub last_commit_us: Count,
    /// How long commits took.
    pub commit: Latency,
    /// Commits that failed.
    pub failed: Count,
    /// Why nothing can be stored. Written when that changes, read by who looks; held for a moment.
    pub read_only: Mutex<Option<Arc<str>>>,
}

/// All of them.
#[derive(Debug)]
pub struct Figures {
    clock: fn() -> Duration,
    workers: Box<[Desk]>,
    /// The hub's.
    pub hub: Middle,
    refused: Vec<Count>,
    sign_ins: [Count; SIGN_INS.len()],
}

impl Figures {
    /// Of so many workers; the clock never goes back, and may have begun at any time.
    pub fn new(workers: usize, clock: fn() -> Duration) -> Figures {
        Figures {
            clock,
            workers: (0..workers).map(|_| Desk::default()).collect(),
            hub: Middle::default(),
            refused: CAUSES.iter().map(|_| Count::default()).collect(),
            sign_ins: Default::default(),
        }
    }

    /// Now.
    pub fn now(&self) -> Duration {
        (self.clock)()
    }

    /// One worker's.
    pub fn of(&self, worker: usize) -> &Desk {
        &self.workers[worker]
    }

    /// The same notes, of which those about refusals and accounts are counted on their way.
    pub fn counting(self: &Arc<Self>, notes: Notes) -> Notes {
        let figures = Arc::clone(self);
        Notes::to(move |note| {
            figures.count(&note);
            notes.take(note);
        })
    }

    fn count(&self, note: &Note) {
        let sign_in = match note {
            Note::Refused(_, cause) => {
                let cause = CAUSES.iter().position(|known| known == cause);
                return self.refused[cause.unwrap_or(CAUSES.len() - 1)].add(1);
            }
            Note::SignedIn(..) => 0,
            Note::Registered(..) => 1,
            Note::NotSignedIn { .. } => 2,
            Note::Store(how) => {
                *lock(&self.hub.read_only) = how.as_ref().err().cloned();
                return;
            }
            _ => return,
        };
        self.sign_ins[sign_in].add(1);
    }

    /// How everything is now. Each number is right, and they are read one after the other.
    pub fn read(&self) -> Read {
        let sum = |count: &dyn Fn(&Desk) -> &Count| self.workers.iter().map(|desk| count(desk).read()).sum();
        let door = |(number, (_, name)): (usize, &(Face, &'static str))| {
            let sum = |count: fn(&Door) -> &Count| sum(&|desk| count(&desk.doors[number]));
            let told = DoorRead {
                open: sum(|door| &door.open),
                came: sum(|door| &door.came),
                said: sum(|door| &door.said),
                whispered: sum(|door| &door.whispered),
                told: sum(|door| &door.told),
            };
            (*name, told)
        };
        let named = |names: &[&'static str], counts: &[Count]| {
            names.iter().copied().zip(counts.iter().map(Count::read)).collect()
        };
        Read {
            doors: DOORS.iter().enumerate().map(door).collect(),
            undecided: sum(&|desk| &desk.undecided),
            histories: sum(&|desk| &desk.histories),
            paced: sum(&|desk| &desk.paced),
            refused: named(CAUSES, &self.refused),
            sign_ins: named(SIGN_INS, &self.sign_ins),
            people: self.hub.people.read(),
            rooms: self.hub.rooms.read(),
            held_bytes: self.hub.held_bytes.read(),
            held: self.hub.held.read(),
            stored: self.hub.stored.read(),
            failed_commits: self.hub.failed.read(),
            last_commit_us: self.hub.last_commit_us.read(),
            read_only: lock(&self.hub.read_only).as_ref().map(ToString::to_string),
        }
    }

    /// How long it took until what was said was in the outboxes: once for each message and worker.
    pub fn delivery(&self) -> Times {
        self.workers.iter().fold(Times::default(), |sum, desk| sum.plus(&desk.delivery.read()))
    }

    /// Why nothing can be stored, if nothing can.
    pub fn read_only(&self) -> Option<Arc<str>> {
        lock(&self.hub.read_only).clone()
    }

    /// How long commits took.
    pub fn commit(&self) -> Times {
        self.hub.commit.read()
    }
}

/// One door, as it was when it was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DoorRead {
    /// Clients who are here by it.
    pub open: u64,
    /// All who ever chose it.
    pub came: u64,
    /// Things said to a room.
    pub said: u64,
    /// Things said to one person.
    pub whispered: u64,
    /// Events that were appended to outboxes.
    pub told: u64,
}

/// All figures, as they were when they were looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Read {
    /// By the doors' names.
    pub doors: BTreeMap<&'static str, DoorRead>,
    /// Clients whose first bytes have not chosen a door yet.
    pub undecided: u64,
    /// Questions to the store about what was said before.
    pub histories: u64,
    /// How often somebody who asked faster than its pace was read later.
    pub paced: u64,
    /// What the world refused, by why.
    pub refused: BTreeMap<&'static str, u64>,
    /// What became of those who wanted to sign in.
    pub sign_ins: BTreeMap<&'static str, u64>,
    /// People with a name.
    pub people: u64,
    /// Rooms with somebody in them.
    pub rooms: u64,
    /// Bytes of answers that wait for the store.
    pub held_bytes: u64,
    /// Answers that wait for the store.
    pub held: u64,
    /// Records that were stored.
    pub stored: u64,
    /// Commits that failed.
    pub failed_commits: u64,
    /// How long the last commit took.
    pub last_commit_us: u64,
    /// Why nothing can be stored; nothing while it can.
    pub read_only: Option<String>,
}

/// Whoever panicked with it had written all of it or nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A clock that never goes back, for [`Figures::new`].
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the chat measures how long something takes"
)]
pub fn steady_clock() -> Duration {
    static BEGUN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    BEGUN.get_or_init(std::time::Instant::now).elapsed()
}
