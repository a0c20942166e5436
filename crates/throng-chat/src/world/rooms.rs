//! Who is where: joining, leaving, putting out, modes. Who comes first into a room is its operator.
//!
//! Joining tells those inside first; then for each own session `Entered` and right behind it `Joined`, with nothing
//! between, since what is told to the room after `Entered` is live. Leaving answers the one who leaves, departs, and
//! then tells those who stay.

use super::state::Change;
use super::{Asker, World};
use crate::event::{Event, Joined, Refusal};
use crate::output::Rooms;
use crate::room::Room;
use crate::{
    Audience, ModeChange, Name, Output, PersonId, Rights, RoomId, RoomModes, RoomName, SessionId, Text,
};

impl World {
    pub(super) fn join(&mut self, asker: Asker, name: RoomName) -> Result<Vec<Output>, Refusal> {
        let person = asker.person;
        let found = self.state.room_named(&name);
        if found.is_some_and(|room| self.state.room(room).rights(person).is_some()) {
            return Ok(Vec::new());
        }
        let max = self.limits.rooms_per_person_max;
        if self.state.person(person).rooms.len() >= max {
            return Err(Refusal::TooManyRooms { room: name, max });
        }
        if found.is_none() && self.state.rooms_count() >= self.limits.rooms_max {
            return Err(Refusal::RoomsFull { room: name, max: self.limits.rooms_max });
        }
        let room = found.unwrap_or_else(|| self.add_room(Room::new(name, None, false)));
        let operator =
            self.state.room(room).members.is_empty() && !Room::is_commons(&self.state.room(room).name);
        let place = self.state.person(person).rooms.len();
        self.change(Change::AddMember(room, person, Rights { operator, voice: false }, place));
        Ok(self.tell_joined(room, person))
    }

    fn tell_joined(&self, room: RoomId, person: PersonId) -> Vec<Output> {
        let (inside, newcomer) = (self.state.room(room), self.state.person(person));
        let mut outputs = Vec::new();
        if inside.members.len() > 1 {
            let (who, account) = (newcomer.name.clone(), newcomer.account.clone());
            let arrived = Event::Arrived { room: inside.name.clone(), who, account };
            outputs.push(Output::Told(all_but(room, person), arrived));
        }
        self.sessions(person).into_iter().for_each(|session| self.let_in(room, session, &mut outputs));
        outputs
    }

    /// From here on the session hears the room.
    pub(super) fn let_in(&self, room: RoomId, session: SessionId, outputs: &mut Vec<Output>) {
        let inside = self.state.room(room);
        let (members, topic) = (inside.listed(), inside.topic.clone());
        let person = self.state.person_of(session).expect("who is let in is somebody");
        let account = self.state.person(person).account.clone();
        let joined = Joined { room: inside.name.clone(), members, topic, account, seq: 0 };
        outputs.push(Output::Entered(session, room));
        outputs.push(Output::Reply(session, Event::Joined(Box::new(joined))));
    }

    pub(super) fn part(
        &mut self,
        asker: Asker,
        name: &RoomName,
        reason: Option<Text>,
    ) -> Result<Vec<Output>, Refusal> {
        let room = self.inside(asker, name)?;
        let (who, account) = self.author(asker);
        let event = Event::Left { room: self.room_name(room), who, account, reason };
        let mut outputs = Vec::new();
        self.reply_all(asker.person, &event, &mut outputs);
        self.depart(room, asker.person, &mut outputs);
        self.tell_those_who_stay(room, asker.person, event, &mut outputs);
        self.leave_room(room, asker.person);
        Ok(outputs)
    }

    pub(super) fn kick(
        &mut self,
        asker: Asker,
        name: &RoomName,
        whom: &Name,
        reason: Option<Text>,
    ) -> Result<Vec<Output>, Refusal> {
        let room = self.commanding(asker, name)?;
        let person = self.member(room, whom)?;
        let who = self.state.person(person).name.clone();
        let (by, account) = self.author(asker);
        let event = Event::Kicked { room: self.room_name(room), who, by: Some(by), account, reason };
        let mut outputs = Vec::new();
        self.reply_all(person, &event, &mut outputs);
        self.depart(room, person, &mut outputs);
        self.tell_those_who_stay(room, person, event, &mut outputs);
        self.leave_room(room, person);
        Ok(outputs)
    }

    /// All of the changes or none; only those that change something are told.
    pub(super) fn set_modes(
        &mut self,
        asker: Asker,
        name: &RoomName,
        changes: Vec<ModeChange>,
    ) -> Result<Vec<Output>, Refusal> {
        let room = self.commanding(asker, name)?;
        for whom in changes.iter().filter_map(ModeChange::member) {
            self.member(room, whom)?;
        }
        let changes: Vec<ModeChange> =
            changes.into_iter().filter_map(|change| self.set_mode(room, change)).collect();
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let (by, account) = self.author(asker);
        let event = Event::Moded { room: self.room_name(room), by: Some(by), account, changes };
        Ok(vec![Output::Told(Audience { rooms: Rooms::One(room), except: None }, event)])
    }

    /// The change as it was made, if it changed something; a member is named as the member writes the name.
    fn set_mode(&mut self, room: RoomId, change: ModeChange) -> Option<ModeChange> {
        let modes = self.state.room(room).modes;
        let (on, _) = change.letter();
        let changed = match &change {
            ModeChange::NoExternal(_) => RoomModes { no_external: on, ..modes },
            ModeChange::TopicLocked(_) => RoomModes { topic_locked: on, ..modes },
            ModeChange::Operator(whom, _) | ModeChange::Voice(whom, _) => {
                let person = self.state.named(whom)?;
                let rights = self.state.room(room).rights(person)?;
                let is_operator = matches!(change, ModeChange::Operator(..));
                let wanted = match is_operator {
                    true => Rights { operator: on, ..rights },
                    false => Rights { voice: on, ..rights },
                };
                if wanted == rights {
                    return None;
                }
                self.change(Change::SetRights(room, person, wanted));
                let name = self.state.person(person).name.clone();
                return Some(if is_operator {
                    ModeChange::Operator(name, on)
                } else {
                    ModeChange::Voice(name, on)
                });
            }
        };
        (changed != modes).then(|| {
            self.change(Change::SetModes(room, changed));
            change
        })
    }

    /// The person is no longer in the room, which goes with the last one unless something of it is stored.
    pub(super) fn leave_room(&mut self, room: RoomId, person: PersonId) {
        self.change(Change::RemoveMember(room, person));
        let left = self.state.room(room);
        if !left.members.is_empty() {
            return;
        }
        if !left.kept {
            return self.change(Change::RemoveRoom(room));
        }
        let first = Room::first_modes(&left.name);
        if left.modes != first {
            self.change(Change::SetModes(room, first));
        }
    }

    /// The room, if the asker is in it.
    pub(super) fn inside(&self, asker: Asker, name: &RoomName) -> Result<RoomId, Refusal> {
        let room = self.existing(name)?;
        match self.state.room(room).rights(asker.person) {
            Some(_) => Ok(room),
            None => Err(Refusal::NotInRoom(self.room_name(room))),
        }
    }

    /// The room, if it exists for others: a kept room with nobody in it does not.
    pub(super) fn existing(&self, name: &RoomName) -> Result<RoomId, Refusal> {
        let room = self.state.room_named(name).filter(|room| !self.state.room(*room).members.is_empty());
        room.ok_or_else(|| Refusal::NoSuchRoom(name.clone()))
    }

    /// The room, if the asker is its operator.
    pub(super) fn commanding(&self, asker: Asker, name: &RoomName) -> Result<RoomId, Refusal> {
        let room = self.inside(asker, name)?;
        match self.state.room(room).rights(asker.person) {
            Some(rights) if rights.operator => Ok(room),
            _ => Err(Refusal::NeedsOperator(self.room_name(room))),
        }
    }

    fn member(&self, room: RoomId, whom: &Name) -> Result<PersonId, Refusal> {
        let person = self.state.named(whom).ok_or_else(|| Refusal::NoSuchPerson(whom.clone()))?;
        match self.state.room(room).rights(person) {
            Some(_) => Ok(person),
            None => {
                let who = self.state.person(person).name.clone();
                Err(Refusal::PersonNotInRoom(who, self.room_name(room)))
            }
        }
    }

    fn depart(&self, room: RoomId, person: PersonId, outputs: &mut Vec<Output>) {
        outputs.extend(self.sessions(person).into_iter().map(|session| Output::Departed(session, room)));
    }

    fn tell_those_who_stay(&self, room: RoomId, person: PersonId, event: Event, outputs: &mut Vec<Output>) {
        if self.state.room(room).members.len() > 1 {
            outputs.push(Output::Told(all_but(room, person), event));
        }
    }
}

fn all_but(room: RoomId, person: PersonId) -> Audience {
    Audience { rooms: Rooms::One(room), except: Some(person) }
}
