//! Entries kept in memory: what the memory store and the scripted store stand on. No lock, no thread.

use std::collections::{HashMap, VecDeque};

use throng_chat::{Entry, MsgId, Record, RoomName, Stamp, Time};

use crate::ids::Fresh;
use crate::ledger::Ledger;
use crate::store::{HISTORY_MAX, History};

/// The last entries of each room.
#[derive(Debug)]
pub(crate) struct Shelf {
    ledger: Ledger,
    rooms: HashMap<String, VecDeque<Entry>>,
    keeps: usize,
}

impl Shelf {
    /// An empty one that keeps the last `keeps` entries of each room.
    pub(crate) fn new(keeps: usize, fresh: Fresh) -> Self {
        Shelf { ledger: Ledger::new(MsgId(0), fresh), rooms: HashMap::new(), keeps }
    }

    /// Stores a batch; it cannot fail.
    pub(crate) fn put(&mut self, batch: Vec<Record>, now: Time) -> Vec<Stamp> {
        let draft = self.ledger.draft(&batch, now);
        self.ledger.accept(&draft);
        for (record, stamp) in batch.into_iter().zip(&draft.stamps) {
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

    /// All that is kept of a room.
    pub(crate) fn all(&self, room: &RoomName) -> Vec<Entry> {
        self.rooms.get(room.folded()).into_iter().flatten().cloned().collect()
    }
}
