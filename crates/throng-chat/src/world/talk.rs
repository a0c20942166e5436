//! What is said: to a room, which stores it, or to one person, which nobody stores; and topics.

use super::state::Change;
use super::{Asker, World};
use crate::event::{Event, Refusal, Topic};
use crate::output::Rooms;
use crate::{Audience, Kind, Name, Output, Record, RoomId, RoomName, Text, Time};

impl World {
    pub(super) fn say(
        &mut self,
        asker: Asker,
        name: &RoomName,
        kind: Kind,
        text: Text,
    ) -> Result<Vec<Output>, Refusal> {
        debug_assert!(kind != Kind::Topic, "a topic is set, not said");
        let room = self.existing(name)?;
        let is_member = self.state.room(room).rights(asker.person).is_some();
        if !is_member && self.state.room(room).modes.no_external {
            return Err(Refusal::MembersOnly(self.room_name(room)));
        }
        Ok(vec![self.store(asker, room, kind, Some(text))])
    }

    pub(super) fn set_topic(
        &mut self,
        now: Time,
        asker: Asker,
        name: &RoomName,
        text: Option<Text>,
    ) -> Result<Vec<Output>, Refusal> {
        let room = self.inside(asker, name)?;
        if self.state.room(room).modes.topic_locked {
            self.commanding(asker, name)?;
        }
        let (by, _) = self.author(asker);
        let topic = text.clone().map(|text| Topic { text, by, at: now });
        self.change(Change::SetTopic(room, topic));
        Ok(vec![self.store(asker, room, Kind::Topic, text)])
    }

    /// What it forgets is forgotten where it is kept, so there is nothing to store; and to tell those who see it would be to say it
    /// once more.
    pub(super) fn forget_topics(&mut self, by: &Name) {
        let is_theirs =
            |room: &RoomId| self.state.room(*room).topic.as_ref().is_some_and(|topic| topic.by == *by);
        let theirs: Vec<_> = self.state.rooms_by_name().filter(is_theirs).collect();
        theirs.into_iter().for_each(|room| self.change(Change::SetTopic(room, None)));
    }

    pub(super) fn ask_topic(&self, asker: Asker, name: &RoomName) -> Result<Vec<Output>, Refusal> {
        let room = self.existing(name)?;
        let event = Event::TopicIs { room: self.room_name(room), topic: self.state.room(room).topic.clone() };
        Ok(vec![Output::Reply(asker.session, event)])
    }

    /// Both ends hear it: each session of the other person, and each of one's own.
    pub(super) fn whisper(
        &self,
        now: Time,
        asker: Asker,
        whom: &Name,
        kind: Kind,
        text: Text,
    ) -> Result<Vec<Output>, Refusal> {
        let other = self.state.named(whom).ok_or_else(|| Refusal::NoSuchPerson(whom.clone()))?;
        let (from, account) = self.author(asker);
        let to = self.state.person(other).name.clone();
        let event = Event::Whispered { from, account, to, kind, text, at: now };
        let mut outputs = Vec::new();
        self.reply_all(other, &event, &mut outputs);
        if other != asker.person {
            self.reply_all(asker.person, &event, &mut outputs);
        }
        Ok(outputs)
    }

    fn store(&mut self, asker: Asker, room: RoomId, kind: Kind, text: Option<Text>) -> Output {
        if !self.state.room(room).kept {
            self.change(Change::SetKept(room, true));
        }
        let (author, account) = self.author(asker);
        let record = Record { room: self.room_name(room), author, kind, text };
        let to = Audience { rooms: Rooms::One(room), except: None };
        Output::Stored { to, by: asker.session, account, record }
    }
}

/// Words of the operator, to everybody.
pub(super) fn announce(now: Time, text: Text) -> Vec<Output> {
    let to = Audience { rooms: Rooms::Everybody, except: None };
    vec![Output::Told(to, Event::Announced { text, at: now })]
}
