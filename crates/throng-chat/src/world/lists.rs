//! What is asked and changes nothing: rooms, members, people, modes.

use super::{Asker, World};
use crate::event::{Event, PersonLine, Refusal, RoomLine};
use crate::{Name, Output, RoomName};

impl World {
    pub(super) fn ask_modes(&self, asker: Asker, name: &RoomName) -> Result<Vec<Output>, Refusal> {
        let room = self.existing(name)?;
        let event = Event::ModesAre { room: self.room_name(room), modes: self.state.room(room).modes };
        Ok(vec![Output::Reply(asker.session, event)])
    }

    pub(super) fn list_members(
        &self,
        asker: Asker,
        name: &RoomName,
        who: bool,
    ) -> Result<Vec<Output>, Refusal> {
        let room = self.state.room(self.existing(name)?);
        let (room, members) = (room.name.clone(), room.listed());
        let event = if who { Event::WhoIn { room, members } } else { Event::NamesAre { room, members } };
        Ok(vec![Output::Reply(asker.session, event)])
    }

    pub(super) fn who_is(&self, asker: Asker, name: &Name) -> Result<Vec<Output>, Refusal> {
        let person = self.state.named(name).ok_or_else(|| Refusal::NoSuchPerson(name.clone()))?;
        let person = self.state.person(person);
        let (who, account, rooms) =
            (person.name.clone(), person.account.clone(), self.room_names(&person.rooms));
        let event = Event::PersonIs { who, account, rooms };
        Ok(vec![Output::Reply(asker.session, event)])
    }

    pub(super) fn list_rooms(&self, asker: Asker) -> Vec<Output> {
        let mut rooms = self.room_lines();
        let hidden = rooms.len().saturating_sub(self.limits.list_rooms_max);
        rooms.truncate(self.limits.list_rooms_max);
        vec![Output::Reply(asker.session, Event::RoomsAre { rooms, hidden })]
    }

    pub(super) fn list_people(&self, asker: Asker) -> Vec<Output> {
        let max = self.limits.list_people_max;
        let people: Vec<PersonLine> = self
            .state
            .people_by_name()
            .take(max)
            .map(|id| {
                let person = self.state.person(id);
                PersonLine { name: person.name.clone(), rooms: self.room_names(&person.rooms) }
            })
            .collect();
        let hidden = self.people() - people.len();
        vec![Output::Reply(asker.session, Event::PeopleAre { people, hidden })]
    }

    /// The fullest first, and then by name.
    pub(super) fn room_lines(&self) -> Vec<RoomLine> {
        let rooms = self.state.rooms_by_name().map(|id| self.state.room(id));
        let mut lines: Vec<RoomLine> = rooms
            .filter(|room| !room.members.is_empty())
            .map(|room| RoomLine {
                room: room.name.clone(),
                members: room.members.len(),
                topic: room.topic.as_ref().map(|topic| topic.text.clone()),
            })
            .collect();
        lines.sort_by_key(|line| std::cmp::Reverse(line.members));
        lines
    }
}
