//! Which sequence, id and time each record gets. Pure: the clock's answer comes in, nothing is written here.
//!
//! A batch is first drafted, which changes nothing; only when it is stored the draft is accepted. So a batch that
//! fails leaves no gap: the next one is drafted from where the last accepted one ended.

use std::collections::HashMap;

use throng_chat::event::Topic;
use throng_chat::{Kind, MsgId, Record, RoomName, Stamp, Time};

use crate::ids::{self, Fresh};
use crate::past;

/// Where a room's order has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// The number of the room in the file.
    pub(crate) id: i64,
    /// The last sequence given.
    pub(crate) last_seq: u64,
    /// The last time given.
    pub(crate) last_at: Time,
}

/// The heads of all rooms, by folded name, and the last id given.
#[derive(Debug)]
pub(crate) struct Ledger {
    heads: HashMap<String, Head>,
    last_msgid: MsgId,
    next_room: i64,
    fresh: Fresh,
}

/// A batch with its stamps, not yet stored.
#[derive(Debug)]
pub(crate) struct Draft {
    /// One for each record, in order.
    pub(crate) stamps: Vec<Stamp>,
    /// For each record, its place in `touched`.
    pub(crate) room_of: Vec<usize>,
    /// The rooms that the batch changes, in the order of their first record.
    pub(crate) touched: Vec<Touched>,
}

/// A room that a draft changes.
#[derive(Debug)]
pub(crate) struct Touched {
    /// Its name, as the first record of the batch spells it.
    pub(crate) name: RoomName,
    /// Where its order will be.
    pub(crate) head: Head,
    /// Whether the room is new.
    pub(crate) made: bool,
    /// The last change of its topic: the topic, or `Some(None)` when it was cleared.
    pub(crate) topic: Option<Option<Topic>>,
    /// How many of its records are its own, and what they come to.
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

impl Ledger {
    /// An empty one, whose ids begin after `last_msgid`.
    pub(crate) fn new(last_msgid: MsgId, fresh: Fresh) -> Self {
        Ledger { heads: HashMap::new(), last_msgid, next_room: 1, fresh }
    }

    /// The last id that was given.
    pub(crate) fn last_msgid(&self) -> MsgId {
        self.last_msgid
    }

    /// Takes over a room that was kept.
    pub(crate) fn keep(&mut self, folded: String, head: Head) {
        self.next_room = self.next_room.max(head.id + 1);
        self.heads.insert(folded, head);
    }

    /// What each record of the batch will get.
    pub(crate) fn draft(&self, batch: &[Record], now: Time) -> Draft {
        let mut draft = Draft { stamps: Vec::new(), room_of: Vec::new(), touched: Vec::new() };
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut msgid = self.last_msgid;
        for record in batch {
            let place = *places.entry(record.room.folded()).or_insert_with(|| {
                draft.touched.push(self.touch(&record.room, &draft.touched));
                draft.touched.len() - 1
            });
            msgid = ids::next(msgid, now, self.fresh);
            draft.stamps.push(draft.touched[place].stamp(record, now, msgid));
            draft.room_of.push(place);
        }
        draft
    }

    /// The draft is stored: the next one goes on from it.
    pub(crate) fn accept(&mut self, draft: &Draft) {
        if let Some(last) = draft.stamps.last() {
            self.last_msgid = last.msgid;
        }
        for touched in &draft.touched {
            self.keep(touched.name.folded().to_owned(), touched.head);
        }
    }

    fn touch(&self, room: &RoomName, touched: &[Touched]) -> Touched {
        let kept = self.heads.get(room.folded()).copied();
        let made_before = touched.iter().filter(|t| t.made).count() as i64;
        let head =
            kept.unwrap_or(Head { id: self.next_room + made_before, last_seq: 0, last_at: Time(i64::MIN) });
        Touched { name: room.clone(), head, made: kept.is_none(), topic: None, messages: 0, bytes: 0 }
    }
}

impl Touched {
    fn stamp(&mut self, record: &Record, now: Time, msgid: MsgId) -> Stamp {
        self.head.last_seq += 1;
        self.messages += 1;
        self.bytes += past::size_of(record);
        // A clock that was set back must not make a room's times go back.
        self.head.last_at = self.head.last_at.max(now);
        if record.kind == Kind::Topic {
            let topic = |text| Topic { text, by: record.author.clone(), at: self.head.last_at };
            self.topic = Some(record.text.clone().map(topic));
        }
        Stamp { seq: self.head.last_seq, msgid, at: self.head.last_at }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::{said, topic_set};

    fn seqs(draft: &Draft) -> Vec<u64> {
        draft.stamps.iter().map(|s| s.seq).collect()
    }

    #[test]
    fn each_room_counts_for_itself_whatever_its_spelling() {
        let mut ledger = Ledger::new(MsgId(0), ids::plain);
        let draft = ledger.draft(&[said("#a", "1"), said("#b", "1"), said("#A", "2")], Time(5));
        assert_eq!(seqs(&draft), [1, 1, 2]);
        assert_eq!(draft.room_of, [0, 1, 0]);
        assert_eq!(draft.touched.iter().map(|t| t.head.id).collect::<Vec<_>>(), [1, 2]);
        ledger.accept(&draft);
        let next = ledger.draft(&[said("#b", "2"), said("#c", "1")], Time(5));
        assert_eq!(seqs(&next), [2, 1]);
        assert_eq!(next.touched[1].head.id, 3);
        assert!(next.stamps[0].msgid > draft.stamps[2].msgid);
    }

    #[test]
    fn a_draft_that_is_not_accepted_leaves_no_gap() {
        let mut ledger = Ledger::new(MsgId(0), ids::plain);
        let first = ledger.draft(&[said("#a", "1")], Time(5));
        ledger.accept(&first);
        assert_eq!(seqs(&ledger.draft(&[said("#a", "lost"), said("#a", "lost")], Time(6))), [2, 3]);
        assert_eq!(seqs(&ledger.draft(&[said("#a", "2")], Time(6))), [2]);
    }

    #[test]
    fn times_of_a_room_never_go_back() {
        let mut ledger = Ledger::new(MsgId(0), ids::plain);
        let times = [10, 7, 11].map(|now| {
            let draft = ledger.draft(&[said("#a", "x")], Time(now));
            ledger.accept(&draft);
            draft.stamps[0].at.0
        });
        assert_eq!(times, [10, 10, 11]);
    }

    #[test]
    fn the_last_topic_of_a_batch_is_the_rooms() {
        let ledger = Ledger::new(MsgId(0), ids::plain);
        let set = ledger.draft(&[topic_set("#a", Some("one")), topic_set("#a", Some("two"))], Time(5));
        let topic = set.touched[0].topic.clone().unwrap().unwrap();
        assert_eq!((topic.text.as_str(), topic.at), ("two", Time(5)));
        let cleared = ledger.draft(&[topic_set("#a", Some("one")), topic_set("#a", None)], Time(5));
        assert_eq!(cleared.touched[0].topic, Some(None));
        assert_eq!(ledger.draft(&[said("#a", "x")], Time(5)).touched[0].topic, None);
    }
}
