//! What the hub holds back until it is stored: the answers to commands, in order, each with its way back.
//!
//! Called by the hub only. The queue is bounded in bytes by [`HELD_BYTES_MAX`]: at the limit the hub takes no
//! more commands, its mailbox fills, and seats stop reading.

use std::collections::VecDeque;
use std::time::Duration;

use throng_chat::world::Mark;
use throng_chat::{Command, Event, OperatorCommand, Output, Record, SessionId};

/// At most this many bytes of answers wait for the store.
pub const HELD_BYTES_MAX: usize = 8 << 20;

/// At most this many records go into one commit. What a disk needs for one sync is worth some hundreds of
/// records; more would only make the first of them wait longer.
pub const BATCH_RECORDS_MAX: usize = 512;

/// What was asked and holds whatever becomes of the store.
#[derive(Debug)]
pub enum Again {
    /// By the session that the answer is for.
    Ask(Command),
    /// By the server itself.
    Operate(OperatorCommand),
}

/// The answer to one command.
#[derive(Debug)]
pub struct Held {
    /// Who asked.
    pub asker: SessionId,
    /// The command again, if it is one that no failing store may take back.
    pub again: Option<Again>,
    /// The world just before the command.
    pub before: Mark,
    /// The answer.
    pub outputs: Vec<Output>,
    /// Does it answer somebody who is not in the world?
    pub of_nobody: bool,
    /// Since when what is said in it is on its way, where that is measured.
    pub at: Option<Duration>,
    records: usize,
    bytes: usize,
}

impl Held {
    /// Holds an answer.
    pub fn new(asker: SessionId, again: Option<Again>, before: Mark, outputs: Vec<Output>) -> Held {
        let records = outputs.iter().filter(|output| matches!(output, Output::Stored { .. })).count();
        let bytes = outputs.iter().map(bytes_of).sum::<usize>() + size_of::<Held>();
        Held { asker, again, before, outputs, of_nobody: false, at: None, records, bytes }
    }

    /// The same, on its way since then.
    pub fn since(self, at: Option<Duration>) -> Held {
        Held { at, ..self }
    }

    /// The same, for somebody who is not in the world.
    pub fn of_nobody(self) -> Held {
        Held { of_nobody: true, ..self }
    }
}

/// The answers on their way, oldest first.
#[derive(Debug, Default)]
pub struct Queue {
    held: VecDeque<Held>,
    bytes: usize,
    /// How many of the oldest are part of the commit that is under way; 0 when none is.
    under_way: usize,
}

impl Queue {
    /// Appends the newest.
    pub fn push(&mut self, held: Held) {
        self.bytes += held.bytes;
        self.held.push_back(held);
    }

    /// Is there room for one more command's answer?
    pub fn has_room(&self) -> bool {
        self.bytes < HELD_BYTES_MAX
    }

    /// Is nothing held?
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// How many are held.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Is a commit under way?
    pub fn is_storing(&self) -> bool {
        self.under_way > 0
    }

    /// The records of the next commit: those of the oldest answers. Empty when a commit is under way already.
    pub fn next_batch(&mut self) -> Vec<Record> {
        let mut batch = Vec::new();
        if self.is_storing() {
            return batch;
        }
        let mut taken = 0;
        for held in &self.held {
            if !batch.is_empty() && batch.len() + held.records > BATCH_RECORDS_MAX {
                break;
            }
            taken += 1;
            batch.extend(held.outputs.iter().filter_map(|output| match output {
                Output::Stored { record, .. } => Some(record.clone()),
                _ => None,
            }));
        }
        self.under_way = if batch.is_empty() { 0 } else { taken };
        batch
    }

    /// The commit succeeded: its answers may be told from here on, one by one through [`Queue::pop_told`].
    pub fn stored(&mut self) -> usize {
        std::mem::take(&mut self.under_way)
    }

    /// The oldest answer, if it needs no store (any more): `free` counts those whose commit succeeded.
    pub fn pop_told(&mut self, free: &mut usize) -> Option<Held> {
        let oldest = self.held.front()?;
        if *free == 0 && (oldest.records > 0 || self.is_storing()) {
            return None;
        }
        *free = free.saturating_sub(1);
        let held = self.held.pop_front()?;
        self.bytes -= held.bytes;
        Some(held)
    }

    /// Where the world was before the oldest answer.
    pub fn first_mark(&self) -> Option<Mark> {
        self.held.front().map(|held| held.before)
    }

    /// The commit failed: everything held, oldest first, and the queue is empty.
    pub fn take_all(&mut self) -> Vec<Held> {
        self.under_way = 0;
        self.bytes = 0;
        self.held.drain(..).collect()
    }
}

/// A fair guess at what an output keeps in memory; texts and lists of members are the large parts.
fn bytes_of(output: &Output) -> usize {
    let large = match output {
        Output::Stored { record, .. } => record.text.as_ref().map_or(0, |text| text.as_str().len()),
        Output::Reply(_, event) | Output::Told(_, event) => bytes_of_event(event),
        _ => 0,
    };
    size_of::<Output>() + large
}

fn bytes_of_event(event: &Event) -> usize {
    /// A name or a room is one pointer, its rights one word.
    const MEMBER: usize = 24;
    match event {
        Event::Joined(joined) => joined.members.len() * MEMBER,
        Event::NamesAre { members, .. } | Event::WhoIn { members, .. } => members.len() * MEMBER,
        Event::RoomsAre { rooms, .. } => rooms.len() * 2 * MEMBER,
        Event::PeopleAre { people, .. } => people.len() * 3 * MEMBER,
        Event::Whispered { text, .. } => text.as_str().len(),
        _ => 0,
    }
}
