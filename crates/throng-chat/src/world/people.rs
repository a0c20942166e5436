//! Who is here: entering, renaming, leaving. Names are unique by their look, over all doors.
//!
//! Entering answers `Became`, then `Welcomed`; who takes a seat over, or enters beside another session of the same account,
//! is also let into each of the person's rooms. A stranger who has the name of an owner is renamed before that.
//! Renaming answers each own session first, then everybody who shares a room. Leaving tells those who shared a room
//! once, then departs each room, then closes.

use super::state::Change;
use super::{Asker, World};
use crate::event::{Event, Refusal};
use crate::output::Rooms;
use crate::{Audience, Guests, Name, Output, PersonId, RoomId, SeatKey, SessionId, Text};

impl World {
    pub(super) fn enter(
        &mut self,
        session: SessionId,
        name: Name,
        key: Option<SeatKey>,
    ) -> Result<Vec<Output>, Refusal> {
        let account = self.state.signed_in(session).cloned();
        let ban = account.as_ref().and_then(|account| self.account_ban(account));
        if let Some(ban) = ban.or_else(|| self.name_ban(&name)).cloned() {
            return Ok(self.turn_away(session, &ban));
        }
        if account.is_none() && self.state.guests() == Guests::No {
            return Err(Refusal::AccountNeeded);
        }
        if let Some(key) = key
            && let Some(old) = self.seat_with(&name, key, account.as_ref())
        {
            return Ok(self.take_over(session, old, key, account));
        }
        if let Some(person) = self.own_person(&name, account.as_ref()) {
            return self.enter_beside(session, person, key);
        }
        let stranger = self.may_take(&name, None, account.as_ref())?;
        if self.people() >= self.limits.people_max {
            return Err(Refusal::PeopleFull { max: self.limits.people_max });
        }
        let mut outputs = Vec::new();
        if let Some(stranger) = stranger {
            self.withdraw_name(stranger, &mut outputs);
        }
        let person = self.add_person(name.clone());
        self.seat(session, person, 0, key);
        if account.is_some() {
            self.change(Change::SetAccount(person, account));
        }
        outputs.push(Output::Became(session, person));
        outputs.push(Output::Reply(session, Event::Welcomed { you: name }));
        Ok(outputs)
    }

    /// A session with this key of whoever is called so. A key stands for a seat and for no account: it never lets somebody
    /// into a person of an account that they have not signed in to.
    fn seat_with(&self, name: &Name, key: SeatKey, account: Option<&Name>) -> Option<Asker> {
        let person = self.state.named(name)?;
        let held = self.state.person(person);
        if held.account.is_some() && held.account.as_ref() != account {
            return None;
        }
        let session = held.sessions.iter().find(|session| self.state.seat_of(**session) == Some(key))?;
        Some(Asker { session: *session, person })
    }

    /// Whoever is called so, if they are of the same account.
    fn own_person(&self, name: &Name, account: Option<&Name>) -> Option<PersonId> {
        let person = self.state.named(name)?;
        (account.is_some() && self.state.person(person).account.as_ref() == account).then_some(person)
    }

    /// The session takes the place of another one of this person. Nobody else hears of it: the person never left.
    fn take_over(
        &mut self,
        session: SessionId,
        old: Asker,
        key: SeatKey,
        account: Option<Name>,
    ) -> Vec<Output> {
        let person = old.person;
        let reason = Text::new("taken over by a newer connection").expect("plain words are good text");
        let mut outputs = Vec::new();
        let place = self.state.person(person).sessions.len();
        self.seat(session, person, place, Some(key));
        self.end_one(old, &reason, &mut outputs);
        // The rooms are shown as the session's account sees them; the others hear of it behind that.
        let is_new = account.is_some() && self.state.person(person).account.is_none();
        if is_new {
            self.change(Change::SetAccount(person, account));
        }
        self.let_in_everywhere(session, person, &mut outputs);
        if is_new {
            self.tell_account(person, &mut outputs);
        }
        outputs
    }

    /// One more session of a person who is here. Nobody else hears of it.
    fn enter_beside(
        &mut self,
        session: SessionId,
        person: PersonId,
        key: Option<SeatKey>,
    ) -> Result<Vec<Output>, Refusal> {
        let (name, sessions) =
            (self.state.person(person).name.clone(), self.state.person(person).sessions.len());
        let max = self.limits.sessions_per_person_max;
        if sessions >= max {
            return Err(Refusal::TooManySessions { name, max });
        }
        self.seat(session, person, sessions, key);
        let mut outputs = Vec::new();
        self.let_in_everywhere(session, person, &mut outputs);
        Ok(outputs)
    }

    fn let_in_everywhere(&self, session: SessionId, person: PersonId, outputs: &mut Vec<Output>) {
        let person_here = self.state.person(person);
        outputs.push(Output::Became(session, person));
        outputs.push(Output::Reply(session, Event::Welcomed { you: person_here.name.clone() }));
        person_here.rooms.iter().for_each(|room| self.let_in(*room, session, outputs));
    }

    pub(super) fn add_person(&mut self, name: Name) -> PersonId {
        let person = PersonId(self.next_person);
        self.next_person += 1;
        self.change(Change::AddPerson(person, name));
        person
    }

    /// The session is the person's from here on; its account is too.
    pub(super) fn seat(&mut self, session: SessionId, person: PersonId, place: usize, key: Option<SeatKey>) {
        self.forget(session);
        self.change(Change::AddSession(person, session, place));
        if key.is_some() {
            self.change(Change::SetSeat(session, key));
        }
    }

    /// The session is nobody's.
    pub(super) fn unseat(&mut self, asker: Asker) {
        if self.state.seat_of(asker.session).is_some() {
            self.change(Change::SetSeat(asker.session, None));
        }
        self.change(Change::RemoveSession(asker.person, asker.session));
    }

    pub(super) fn rename(&mut self, asker: Asker, to: Name) -> Result<Vec<Output>, Refusal> {
        let from = self.state.person(asker.person).name.clone();
        if from.as_str() == to.as_str() {
            return Ok(Vec::new());
        }
        self.check_ban(&to)?;
        let account = self.state.person(asker.person).account.clone();
        let stranger = self.may_take(&to, Some(asker.person), account.as_ref())?;
        let mut outputs = Vec::new();
        if let Some(stranger) = stranger {
            self.withdraw_name(stranger, &mut outputs);
        }
        self.call(asker.person, to, &mut outputs);
        Ok(outputs)
    }

    /// The session goes; the person goes with the last one.
    pub(super) fn end_session(&mut self, asker: Asker, reason: Text) -> Vec<Output> {
        let Asker { session, person } = asker;
        let mut outputs = Vec::new();
        let rooms = self.state.person(person).rooms.clone();
        if self.state.person(person).sessions.len() > 1 {
            outputs.extend(rooms.into_iter().map(|room| Output::Departed(session, room)));
            self.unseat(asker);
        } else {
            self.tell_neighbours(person, self.quit(person, &reason), &mut outputs);
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
        self.end_person(person, &reason, &mut outputs);
        Ok(outputs)
    }

    /// The person is no longer here, and each session is told why.
    pub(super) fn end_person(&mut self, person: PersonId, reason: &Text, outputs: &mut Vec<Output>) {
        self.tell_neighbours(person, self.quit(person, reason), outputs);
        for session in self.sessions(person) {
            self.say_goodbye(Asker { session, person }, reason, outputs);
        }
        let rooms = self.state.person(person).rooms.clone();
        self.remove(person, &rooms);
    }

    /// One of several sessions of a person ends, and is told why. Nobody else hears of it.
    pub(super) fn end_one(&mut self, asker: Asker, reason: &Text, outputs: &mut Vec<Output>) {
        self.say_goodbye(asker, reason, outputs);
        self.unseat(asker);
    }

    fn say_goodbye(&self, asker: Asker, reason: &Text, outputs: &mut Vec<Output>) {
        let (session, rooms) = (asker.session, &self.state.person(asker.person).rooms);
        outputs.extend(rooms.iter().map(|room| Output::Departed(session, *room)));
        outputs.push(Output::Reply(session, Event::Closing { reason: reason.clone() }));
        outputs.push(Output::Closed(session, reason.clone()));
    }

    fn quit(&self, person: PersonId, reason: &Text) -> Event {
        let person = self.state.person(person);
        Event::Quit { who: person.name.clone(), account: person.account.clone(), reason: reason.clone() }
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
            self.unseat(Asker { session, person });
        }
        if self.state.person(person).account.is_some() {
            self.change(Change::SetAccount(person, None));
        }
        self.change(Change::RemovePerson(person));
    }
}

/// A goodbye without words.
pub(super) fn words_or_quit(words: Option<Text>) -> Text {
    words.unwrap_or_else(|| Text::new("quit").expect("a plain word is good text"))
}
