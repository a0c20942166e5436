//! Who is here: entering, renaming, leaving. Names are unique by their look, over all doors.
//!
//! Entering answers `Became`, then `Welcomed`; who takes a seat over is also let into each of its rooms again.
//! Renaming answers each own session first, then everybody who shares a room. Leaving tells those who shared a room
//! once, then departs each room, then closes.

use super::state::Change;
use super::{Asker, World};
use crate::event::{Event, Refusal};
use crate::output::Rooms;
use crate::{Audience, Name, Output, PersonId, RoomId, SeatKey, SessionId, Text};

/// How many free names are proposed for a taken one.
const ALTERNATIVES: usize = 2;

impl World {
    pub(super) fn enter(&mut self, session: SessionId, name: Name, key: Option<SeatKey>) -> Vec<Output> {
        if let Some(person) = key.and_then(|key| self.seat_of(&name, key)) {
            return self.take_over(session, person);
        }
        if let Err(refusal) = self.may_take(&name, None) {
            return vec![Output::Reply(session, Event::Refused(refusal))];
        }
        if self.people() >= self.limits.people_max {
            let refusal = Refusal::PeopleFull { max: self.limits.people_max };
            return vec![Output::Reply(session, Event::Refused(refusal))];
        }
        let person = PersonId(self.next_person);
        self.next_person += 1;
        self.change(Change::AddPerson(person, name.clone()));
        self.change(Change::AddSession(person, session, 0));
        if key.is_some() {
            self.change(Change::SetSeat(person, key));
        }
        vec![Output::Became(session, person), Output::Reply(session, Event::Welcomed { you: name })]
    }

    /// Whoever is called so and has this key.
    fn seat_of(&self, name: &Name, key: SeatKey) -> Option<PersonId> {
        self.state.named(name).filter(|person| self.state.person(*person).seat == Some(key))
    }

    /// The session takes the place of all others of this person. Nobody else hears of it: the person never left.
    fn take_over(&mut self, session: SessionId, person: PersonId) -> Vec<Output> {
        let old = self.sessions(person);
        let (name, rooms) = (self.state.person(person).name.clone(), self.state.person(person).rooms.clone());
        let reason = Text::new("taken over by a newer connection").expect("plain words are good text");
        let mut outputs = Vec::new();
        self.change(Change::AddSession(person, session, old.len()));
        for gone in old {
            outputs.extend(rooms.iter().map(|room| Output::Departed(gone, *room)));
            outputs.push(Output::Reply(gone, Event::Closing { reason: reason.clone() }));
            outputs.push(Output::Closed(gone, reason.clone()));
            self.change(Change::RemoveSession(person, gone));
        }
        outputs.push(Output::Became(session, person));
        outputs.push(Output::Reply(session, Event::Welcomed { you: name }));
        rooms.iter().for_each(|room| self.let_in(*room, session, &mut outputs));
        outputs
    }

    pub(super) fn rename(&mut self, asker: Asker, to: Name) -> Result<Vec<Output>, Refusal> {
        let from = self.state.person(asker.person).name.clone();
        if from.as_str() == to.as_str() {
            return Ok(Vec::new());
        }
        self.may_take(&to, Some(asker.person))?;
        self.change(Change::Rename(asker.person, to.clone()));
        let event = Event::Renamed { from, to };
        let mut outputs = Vec::new();
        self.reply_all(asker.person, &event, &mut outputs);
        self.tell_neighbours(asker.person, event, &mut outputs);
        Ok(outputs)
    }

    /// The session goes; the person goes with the last one.
    pub(super) fn end_session(&mut self, asker: Asker, reason: Text) -> Vec<Output> {
        let Asker { session, person } = asker;
        let mut outputs = Vec::new();
        let rooms = self.state.person(person).rooms.clone();
        if self.state.person(person).sessions.len() > 1 {
            outputs.extend(rooms.into_iter().map(|room| Output::Departed(session, room)));
            self.change(Change::RemoveSession(person, session));
        } else {
            let who = self.state.person(person).name.clone();
            self.tell_neighbours(person, Event::Quit { who, reason: reason.clone() }, &mut outputs);
            outputs.extend(rooms.iter().map(|room| Output::Departed(session, *room)));
            self.remove(person, &rooms);
        }
        outputs.push(Output::Closed(session, reason));
        outputs
    }

    /// The operator ends all sessions of a person.
    pub(super) fn remove_person(
        &mut self,
        name: &Name,
        reason: Option<Text>,
    ) -> Result<Vec<Output>, Refusal> {
        let person = self.state.named(name).ok_or_else(|| Refusal::NoSuchPerson(name.clone()))?;
        let words = reason.map_or("kicked by the operator".to_owned(), |reason| format!("kicked: {reason}"));
        let reason = Text::fitted(&words, crate::text::TEXT_BYTES_MAX).expect("there are words in it");
        let mut outputs = Vec::new();
        let (who, rooms) = (self.state.person(person).name.clone(), self.state.person(person).rooms.clone());
        self.tell_neighbours(person, Event::Quit { who, reason: reason.clone() }, &mut outputs);
        for session in self.sessions(person) {
            outputs.extend(rooms.iter().map(|room| Output::Departed(session, *room)));
            outputs.push(Output::Reply(session, Event::Closing { reason: reason.clone() }));
            outputs.push(Output::Closed(session, reason.clone()));
        }
        self.remove(person, &rooms);
        Ok(outputs)
    }

    /// Everybody who shares a room with the person hears it once; the person does not.
    pub(super) fn tell_neighbours(&self, person: PersonId, event: Event, outputs: &mut Vec<Output>) {
        let rooms: Vec<RoomId> = self.state.person(person).rooms.clone();
        let rooms = match rooms.as_slice() {
            [] => return,
            [one] => Rooms::One(*one),
            several => Rooms::Several(several.into()),
        };
        outputs.push(Output::Told(Audience { rooms, except: Some(person) }, event));
    }

    fn remove(&mut self, person: PersonId, rooms: &[RoomId]) {
        for room in rooms {
            self.leave_room(*room, person);
        }
        for session in self.sessions(person) {
            self.change(Change::RemoveSession(person, session));
        }
        if self.state.person(person).seat.is_some() {
            self.change(Change::SetSeat(person, None));
        }
        self.change(Change::RemovePerson(person));
    }

    /// May this name be taken, by somebody new or by somebody who is here?
    fn may_take(&self, name: &Name, by: Option<PersonId>) -> Result<(), Refusal> {
        match self.state.looking_like(name) {
            None => Ok(()),
            Some(holder) if Some(holder) == by => Ok(()),
            Some(holder) => {
                let other = self.state.person(holder).name.clone();
                let free = |name: &Name| self.state.looking_like(name).is_none();
                let alternatives = name.alternatives(self.names).filter(free).take(ALTERNATIVES).collect();
                let name = name.clone();
                Err(match other == name {
                    true => Refusal::NameTaken { name, alternatives },
                    false => Refusal::NameLooksTaken { name, other, alternatives },
                })
            }
        }
    }
}

/// A goodbye without words.
pub(super) fn words_or_quit(words: Option<Text>) -> Text {
    words.unwrap_or_else(|| Text::new("quit").expect("a plain word is good text"))
}
