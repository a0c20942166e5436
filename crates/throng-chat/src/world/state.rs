//! What is, and the few ways in which it can change. Each change gives back the change that undoes it.
//!
//! Only [`super::World`] changes a state, so that every change is on its journal.

use std::collections::{BTreeMap, HashMap};

use crate::ban::{self, Ban, Bans};
use crate::event::Topic;
use crate::person::Person;
use crate::room::Room;
use crate::{Accounts, Guests, Name, PersonId, Rights, RoomId, RoomModes, RoomName, SeatKey, SessionId};

/// Everything that is true at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    people: HashMap<PersonId, Person>,
    by_name: BTreeMap<Name, PersonId>,
    by_look: HashMap<Box<str>, PersonId>,
    by_session: HashMap<SessionId, PersonId>,
    /// By which a client can take over the seat of a session that it had.
    seats: HashMap<SessionId, SeatKey>,
    /// The accounts of sessions that have no name yet. Where there is a person, the account is the person's.
    signed_in: BTreeMap<SessionId, Name>,
    accounts: Accounts,
    guests: Guests,
    bans: Bans,
    rooms: HashMap<RoomId, Room>,
    by_room_name: BTreeMap<RoomName, RoomId>,
}

/// One change, or the way back from one.
#[derive(Clone, Debug)]
pub(super) enum Change {
    AddPerson(PersonId, Name),
    RemovePerson(PersonId),
    /// At this place among the person's sessions.
    AddSession(PersonId, SessionId, usize),
    RemoveSession(PersonId, SessionId),
    Rename(PersonId, Name),
    SetAccount(PersonId, Option<Name>),
    SetSeat(SessionId, Option<SeatKey>),
    /// Of a session without a name.
    SetSignedIn(SessionId, Option<Name>),
    Register(Name),
    Unregister(Name),
    SetGuests(Guests),
    SetBan(ban::Target, Option<Box<Ban>>),
    AddRoom(RoomId, Box<Room>),
    RemoveRoom(RoomId),
    /// Into the room, at this place among the person's rooms.
    AddMember(RoomId, PersonId, Rights, usize),
    RemoveMember(RoomId, PersonId),
    SetRights(RoomId, PersonId, Rights),
    SetModes(RoomId, RoomModes),
    SetTopic(RoomId, Option<Topic>),
    SetKept(RoomId, bool),
}

impl State {
    pub(super) fn person(&self, id: PersonId) -> &Person {
        self.people.get(&id).expect("whoever is in a table is here")
    }

    pub(super) fn is_here(&self, id: PersonId) -> bool {
        self.people.contains_key(&id)
    }

    pub(super) fn room(&self, id: RoomId) -> &Room {
        self.rooms.get(&id).expect("a room that is in a table exists")
    }

    pub(super) fn person_of(&self, session: SessionId) -> Option<PersonId> {
        self.by_session.get(&session).copied()
    }

    pub(super) fn seat_of(&self, session: SessionId) -> Option<SeatKey> {
        self.seats.get(&session).copied()
    }

    /// The account of a session that has no name yet.
    pub(super) fn signed_in(&self, session: SessionId) -> Option<&Name> {
        self.signed_in.get(&session)
    }

    pub(super) fn all_signed_in(&self) -> impl Iterator<Item = (SessionId, &Name)> {
        self.signed_in.iter().map(|(session, account)| (*session, account))
    }

    pub(super) fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Who may come in without an account.
    pub(super) fn guests(&self) -> Guests {
        self.guests
    }

    pub(super) fn bans(&self) -> &Bans {
        &self.bans
    }

    pub(super) fn named(&self, name: &Name) -> Option<PersonId> {
        self.by_name.get(name).copied()
    }

    pub(super) fn looking_like(&self, name: &Name) -> Option<PersonId> {
        self.by_look.get(name.skeleton()).copied()
    }

    pub(super) fn room_named(&self, name: &RoomName) -> Option<RoomId> {
        self.by_room_name.get(name).copied()
    }

    pub(super) fn people_by_name(&self) -> impl Iterator<Item = PersonId> + '_ {
        self.by_name.values().copied()
    }

    pub(super) fn rooms_by_name(&self) -> impl Iterator<Item = RoomId> + '_ {
        self.by_room_name.values().copied()
    }

    pub(super) fn people_count(&self) -> usize {
        self.people.len()
    }

    pub(super) fn rooms_count(&self) -> usize {
        self.rooms.len()
    }

    /// Changes something, and gives the change that undoes it.
    pub(super) fn change(&mut self, change: Change) -> Change {
        match change {
            Change::AddPerson(id, name) => {
                self.by_name.insert(name.clone(), id);
                self.by_look.insert(name.skeleton().into(), id);
                self.people
                    .insert(id, Person { name, account: None, sessions: Vec::new(), rooms: Vec::new() });
                Change::RemovePerson(id)
            }
            Change::RemovePerson(id) => {
                let person = self.people.remove(&id).expect("a person is removed once");
                debug_assert!(
                    person.sessions.is_empty() && person.rooms.is_empty() && person.account.is_none()
                );
                self.by_name.remove(&person.name);
                self.by_look.remove(person.name.skeleton());
                Change::AddPerson(id, person.name)
            }
            Change::AddSession(id, session, place) => {
                self.person_mut(id).sessions.insert(place, session);
                self.by_session.insert(session, id);
                Change::RemoveSession(id, session)
            }
            Change::RemoveSession(id, session) => {
                let sessions = &mut self.person_mut(id).sessions;
                let place =
                    sessions.iter().position(|other| *other == session).expect("a person knows the session");
                sessions.remove(place);
                self.by_session.remove(&session);
                debug_assert!(!self.seats.contains_key(&session), "the key goes before the session");
                Change::AddSession(id, session, place)
            }
            Change::Rename(id, name) => self.rename(id, name),
            Change::SetAccount(id, account) => {
                Change::SetAccount(id, std::mem::replace(&mut self.person_mut(id).account, account))
            }
            Change::SetSeat(session, seat) => Change::SetSeat(
                session,
                match seat {
                    Some(seat) => self.seats.insert(session, seat),
                    None => self.seats.remove(&session),
                },
            ),
            Change::SetSignedIn(session, account) => Change::SetSignedIn(
                session,
                match account {
                    Some(account) => self.signed_in.insert(session, account),
                    None => self.signed_in.remove(&session),
                },
            ),
            Change::Register(account) => {
                self.accounts.add(account.clone());
                Change::Unregister(account)
            }
            Change::Unregister(account) => Change::Register(self.accounts.remove(&account)),
            Change::SetBan(target, ban) => {
                let before = self.bans.set(&target, ban.map(|ban| *ban));
                Change::SetBan(target, before.map(Box::new))
            }
            Change::AddRoom(id, room) => {
                self.by_room_name.insert(room.name.clone(), id);
                self.rooms.insert(id, *room);
                Change::RemoveRoom(id)
            }
            Change::RemoveRoom(id) => {
                let room = self.rooms.remove(&id).expect("a room is removed once");
                self.by_room_name.remove(&room.name);
                Change::AddRoom(id, Box::new(room))
            }
            Change::AddMember(room, person, rights, place) => {
                let name = self.person(person).name.clone();
                self.person_mut(person).rooms.insert(place, room);
                self.room_mut(room).members.insert(person, (name, rights));
                Change::RemoveMember(room, person)
            }
            Change::RemoveMember(room, person) => {
                let rooms = &mut self.person_mut(person).rooms;
                let place = rooms.iter().position(|other| *other == room).expect("a member knows the room");
                rooms.remove(place);
                let (_, rights) =
                    self.room_mut(room).members.remove(&person).expect("the room knows its member");
                Change::AddMember(room, person, rights, place)
            }
            Change::SetRights(room, person, rights) => {
                let member = self.room_mut(room).members.get_mut(&person).expect("rights are a member's");
                Change::SetRights(room, person, std::mem::replace(&mut member.1, rights))
            }
            Change::SetModes(room, modes) => {
                Change::SetModes(room, std::mem::replace(&mut self.room_mut(room).modes, modes))
            }
            Change::SetTopic(room, topic) => {
                Change::SetTopic(room, std::mem::replace(&mut self.room_mut(room).topic, topic))
            }
            Change::SetGuests(guests) => Change::SetGuests(std::mem::replace(&mut self.guests, guests)),
            Change::SetKept(room, kept) => {
                Change::SetKept(room, std::mem::replace(&mut self.room_mut(room).kept, kept))
            }
        }
    }

    fn rename(&mut self, id: PersonId, name: Name) -> Change {
        let old = std::mem::replace(&mut self.person_mut(id).name, name.clone());
        self.by_name.remove(&old);
        self.by_look.remove(old.skeleton());
        self.by_look.insert(name.skeleton().into(), id);
        for room in self.person(id).rooms.clone() {
            let member = self.room_mut(room).members.get_mut(&id).expect("the room knows its member");
            member.0 = name.clone();
        }
        self.by_name.insert(name, id);
        Change::Rename(id, old)
    }

    fn person_mut(&mut self, id: PersonId) -> &mut Person {
        self.people.get_mut(&id).expect("whoever is in a table is here")
    }

    fn room_mut(&mut self, id: RoomId) -> &mut Room {
        self.rooms.get_mut(&id).expect("a room that is in a table exists")
    }

    /// Do all tables tell the same? For tests, and cheap enough only there.
    pub(super) fn check(&self) {
        assert_eq!(self.people.len(), self.by_name.len());
        assert_eq!(self.people.len(), self.by_look.len());
        assert_eq!(self.rooms.len(), self.by_room_name.len());
        let (mut sessions, mut seats) = (0, 0);
        for (name, id) in &self.by_name {
            let person = self.person(*id);
            assert_eq!(person.name.as_str(), name.as_str());
            assert_eq!(self.by_look.get(name.skeleton()), Some(id));
            assert!(!person.sessions.is_empty(), "{name} has no session");
            sessions += person.sessions.len();
            seats += person.sessions.iter().filter(|session| self.seats.contains_key(session)).count();
            assert!(
                person.sessions.len() == 1 || person.account.is_some(),
                "{name} is several without an account"
            );
            assert!(
                person.account.iter().all(|account| self.accounts.has(account)),
                "{name} has no such account"
            );
            assert!(person.sessions.iter().all(|session| self.by_session.get(session) == Some(id)));
            for room in &person.rooms {
                let member = self.room(*room).members.get(id).expect("membership is told on both sides");
                assert_eq!(member.0.as_str(), name.as_str());
            }
        }
        assert_eq!(sessions, self.by_session.len());
        for (session, account) in &self.signed_in {
            assert!(!self.by_session.contains_key(session), "a person's account is the person's");
            assert!(self.accounts.has(account), "{account} is no account");
        }
        assert_eq!(seats, self.seats.len(), "a seat is a session's");
        for (name, id) in &self.by_room_name {
            let room = self.room(*id);
            assert_eq!(room.name.as_str(), name.as_str());
            assert!(room.kept || !room.members.is_empty(), "{name} is empty and nothing of it is stored");
            assert!(room.members.keys().all(|person| self.person(*person).rooms.contains(id)));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Names;

    #[test]
    fn each_of_several_sessions_comes_back_to_its_place() {
        for gone in [1, 2, 3] {
            let mut state = State::default();
            let (person, name) = (PersonId(1), Name::new("ana", Names::Unicode).unwrap());
            state.change(Change::AddPerson(person, name));
            state.change(Change::Register(Name::new("ana", Names::Unicode).unwrap()));
            state.change(Change::SetAccount(person, Some(Name::new("ana", Names::Unicode).unwrap())));
            for place in 0..3 {
                state.change(Change::AddSession(person, SessionId(place as u64 + 1), place));
            }
            let before = state.clone();
            let back = state.change(Change::RemoveSession(person, SessionId(gone)));
            state.change(back);
            state.check();
            assert!(state == before, "session {gone}: {:?}", state.person(person).sessions);
        }
    }
}
