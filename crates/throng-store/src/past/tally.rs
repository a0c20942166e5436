//! A count of messages, room by room. Pure.

use std::collections::BTreeMap;

use throng_chat::Time;

/// So many messages, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many in all.
    pub messages: u64,
    /// How many in which room, as it is spelled; those with the most first.
    pub rooms: Vec<(String, u64)>,
    /// When the oldest was said, and the newest.
    pub between: Option<(Time, Time)>,
    /// Of how many rooms it takes the topic away.
    pub topics: u64,
}

impl Tally {
    /// Is there nothing?
    pub fn is_nothing(&self) -> bool {
        self.messages == 0 && self.topics == 0
    }
}

/// A tally that is not complete; rooms are known by something short.
#[derive(Debug)]
pub(crate) struct Counting<Room> {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    pub(crate) topics: u64,
    rooms: BTreeMap<Room, u64>,
    between: Option<(Time, Time)>,
}

impl<Room: Ord> Counting<Room> {
    pub(crate) fn new() -> Self {
        Counting { messages: 0, bytes: 0, topics: 0, rooms: BTreeMap::new(), between: None }
    }

    /// One more.
    pub(crate) fn add(&mut self, room: Room, at: Time, bytes: u64) {
        self.messages += 1;
        self.bytes += bytes;
        *self.rooms.entry(room).or_default() += 1;
        let (oldest, newest) = self.between.unwrap_or((at, at));
        self.between = Some((oldest.min(at), newest.max(at)));
    }

    /// That is all. A room that has no name is not named.
    pub(crate) fn told<E>(
        self,
        mut name: impl FnMut(&Room) -> Result<Option<String>, E>,
    ) -> Result<Tally, E> {
        let mut rooms = Vec::new();
        for (room, messages) in self.rooms {
            rooms.extend(name(&room)?.map(|name| (name, messages)));
        }
        rooms.sort_by(|(a, most), (b, more)| more.cmp(most).then_with(|| a.cmp(b)));
        Ok(Tally { messages: self.messages, rooms, between: self.between, topics: self.topics })
    }
}
