//! Entries kept in memory: what the memory store and the scripted store stand on. No lock, no thread.

use std::collections::{HashMap, HashSet, VecDeque};

use throng_chat::{Entry, Kind, MsgId, Name, Record, RoomName, Stamp, Time};

use crate::ids::Fresh;
use crate::ledger::Ledger;
use crate::past::tally::Counting;
use crate::past::{Holding, Keep, Tally, Which, cutoff, size_of};
use crate::store::{HISTORY_MAX, History};

/// The last entries of each room.
#[derive(Debug)]
pub(crate) struct Shelf {
    ledger: Ledger,
    rooms: HashMap<String, VecDeque<Entry>>,
    keeps: usize,
    /// Who set the topic of a room that has one.
    topics: HashMap<String, Name>,
}

impl Shelf {
    /// An empty one that keeps the last `keeps` entries of each room.
    pub(crate) fn new(keeps: usize, fresh: Fresh) -> Self {
        Shelf { ledger: Ledger::new(MsgId(0), fresh), rooms: HashMap::new(), keeps, topics: HashMap::new() }
    }

    /// Stores a batch; it cannot fail.
    pub(crate) fn put(&mut self, batch: Vec<Record>, now: Time) -> Vec<Stamp> {
        let draft = self.ledger.draft(&batch, now);
        self.ledger.accept(&draft);
        for (record, stamp) in batch.into_iter().zip(&draft.stamps) {
            if record.kind == Kind::Topic {
                self.topics.remove(record.room.folded());
                let by =
                    record.text.as_ref().map(|_| (record.room.folded().to_owned(), record.author.clone()));
                self.topics.extend(by);
            }
            let room = self.rooms.entry(record.room.folded().to_owned()).or_default();
            if room.len() >= self.keeps {
                room.pop_front();
            }
            room.push_back(Entry { record, stamp: *stamp, account: None });
        }
        draft.stamps
    }

    /// What a store answers to a question about history.
    pub(crate) fn history(&self, query: &History) -> Vec<Entry> {
        let Some(room) = self.rooms.get(query.room.folded()) else {
            return Vec::new();
        };
        let end = room.partition_point(|entry| entry.stamp.seq <= query.upto);
        let start = end.saturating_sub(query.limit.min(HISTORY_MAX));
        room.range(start..end).cloned().collect()
    }

    /// How much there is.
    pub(crate) fn holding(&self) -> Holding {
        let entries = || self.rooms.values().flatten();
        Holding {
            messages: entries().count() as u64,
            bytes: entries().map(|entry| size_of(&entry.record)).sum(),
            rooms: self.rooms.values().filter(|room| !room.is_empty()).count() as u64,
            oldest: self.rooms.values().filter_map(|room| Some(room.front()?.stamp.at)).min(),
        }
    }

    /// How much would go.
    pub(crate) fn count(&self, which: &Which, now: Time) -> Tally {
        self.tally(&self.doomed(which, now), which)
    }

    /// These go; how many. Sequences and ids go on from where they were.
    pub(crate) fn sweep(&mut self, which: &Which, now: Time) -> Tally {
        let doomed = self.doomed(which, now);
        let tally = self.tally(&doomed, which);
        let stays = |entry: &Entry| !doomed.contains(&entry.stamp.msgid);
        self.rooms.values_mut().for_each(|room| room.retain(stays));
        if let Which::By(name) = which {
            self.topics.retain(|_, by| by != name);
        }
        tally
    }

    fn doomed(&self, which: &Which, now: Time) -> HashSet<MsgId> {
        let entries = || self.rooms.values().flatten();
        let ids = |fits: &dyn Fn(&Entry) -> bool| {
            entries().filter(|entry| fits(entry)).map(|entry| entry.stamp.msgid).collect()
        };
        match which {
            Which::Beyond(Keep::All) => HashSet::new(),
            Which::Beyond(Keep::Age(age)) => ids(&|entry| entry.stamp.at < cutoff(now, *age)),
            Which::Beyond(Keep::Size(size)) => self.surplus(*size),
            Which::By(name) => ids(&|entry| entry.record.author == *name),
        }
    }

    /// The oldest, until the others are small enough.
    fn surplus(&self, size: u64) -> HashSet<MsgId> {
        let mut all: Vec<&Entry> = self.rooms.values().flatten().collect();
        all.sort_by_key(|entry| entry.stamp.msgid);
        let mut left: u64 = all.iter().map(|entry| size_of(&entry.record)).sum();
        let goes = |entry: &&&Entry| {
            let goes = left > size;
            left -= size_of(&entry.record);
            goes
        };
        all.iter().take_while(goes).map(|entry| entry.stamp.msgid).collect()
    }

    fn tally(&self, doomed: &HashSet<MsgId>, which: &Which) -> Tally {
        let mut counting = Counting::new();
        let entries = self.rooms.values().flatten();
        for entry in entries.filter(|entry| doomed.contains(&entry.stamp.msgid)) {
            counting.add(entry.record.room.folded(), entry.stamp.at, size_of(&entry.record));
        }
        if let Which::By(name) = which {
            counting.topics = self.topics.values().filter(|by| *by == name).count() as u64;
        }
        let told = counting.told(|room| Ok::<_, std::convert::Infallible>(Some((*room).to_owned())));
        told.unwrap_or_else(|never| match never {})
    }

    /// All that is kept of a room.
    pub(crate) fn all(&self, room: &RoomName) -> Vec<Entry> {
        self.rooms.get(room.folded()).into_iter().flatten().cloned().collect()
    }
}
