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
        let by = self.state.person(asker.person).name.clone();
        let topic = text.clone().map(|text| Topic { text, by, at: now });
        self.change(Change::SetTopic(room, topic));
        Ok(vec![self.store(asker, room, Kind::Topic, text)])
    }

    pub(super) fn ask_topic(&self, asker: Asker, name: &RoomName) -> Result<Vec<Output>, Refusal> {
        let room = self.existing(name)?;
        let event = Event::TopicIs { room: self.room_name(room), topic: self.state.room(room).topic.clone() };
        Ok(vec![Output::Reply(asker.session, event)])
    }

    /// Both ends hear it: each session of the other person, and the one that said it.
    pub(super) fn whisper(
        &self,
        now: Time,
        asker: Asker,
        whom: &Name,
        kind: Kind,
        text: Text,
    ) -> Result<Vec<Output>, Refusal> {
        let other = self.state.named(whom).ok_or_else(|| Refusal::NoSuchPerson(whom.clone()))?;
        let from = self.state.person(asker.person).name.clone();
        let to = self.state.person(other).name.clone();
        let event = Event::Whispered { from, to, kind, text, at: now };
        let mut outputs = Vec::new();
        self.reply_all(other, &event, &mut outputs);
        if other != asker.person {
            outputs.push(Output::Reply(asker.session, event));
        }
        Ok(outputs)
    }

    fn store(&mut self, asker: Asker, room: RoomId, kind: Kind, text: Option<Text>) -> Output {
        if !self.state.room(room).kept {
            self.change(Change::SetKept(room, true));
        }
        let author = self.state.person(asker.person).name.clone();
        let record = Record { room: self.room_name(room), author, kind, text };
        Output::Stored { to: Audience { rooms: Rooms::One(room), except: None }, by: asker.session, record }
    }
}

/// Words of the operator, to everybody.
pub(super) fn announce(now: Time, text: Text) -> Vec<Output> {
    let to = Audience { rooms: Rooms::Everybody, except: None };
    vec![Output::Told(to, Event::Announced { text, at: now })]
}
