//! The world: the only place where anything of the chat changes. A plain value, owned by one thread.
//!
//! [`World::apply`] answers one ask with outputs in the order in which they must reach people. Every change also
//! pushes its way back on a journal, so that the shell can take back what it could not store: it remembers a
//! [`Mark`], and either settles it or rolls back to it.
//!
//! The rules are in the rooms beside this file: `people` (who is here), `naming` (who may be called what), `accounts`
//! (whose a session is), `bans` (who is not wanted), `rooms` (who is where), `talk` (what is said), `lists` (what is asked). The order of outputs is part of each rule and is written there.

mod accounts;
mod bans;
mod lists;
mod naming;
mod people;
mod rooms;
mod state;
mod talk;

use std::collections::VecDeque;

use self::state::{Change, State};
use crate::event::{Event, Refusal, RoomLine, Topic};
use crate::room::Room;
use crate::{
    Accounts, Command, Guests, Limits, Name, Names, OperatorCommand, Output, PersonId, RoomId, RoomName,
    SessionId, Target, Time,
};

/// A moment of a world, to go back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(u64);

/// Who is here, which rooms there are, and who may do what.
#[derive(Clone, Debug)]
pub struct World {
    limits: Limits,
    names: Names,
    state: State,
    /// Were guests let in at some time? Who is here stays when they are not any more.
    had_guests: bool,
    /// When the ask came that is being answered. Bans end by it.
    now: Time,
    /// The way back, the newest last.
    journal: VecDeque<Change>,
    /// How many ways back were forgotten at the front.
    settled: u64,
    /// Numbers are never given again, not even after a rollback.
    next_person: u64,
    next_room: u64,
}

/// Two worlds are equal when they look equal from outside; numbers given, ways back, the time and what was do not count.
impl PartialEq for World {
    fn eq(&self, other: &World) -> bool {
        self.state == other.state && self.limits == other.limits && self.names == other.names
    }
}

impl World {
    /// A world with nobody in it.
    pub fn new(limits: Limits, names: Names, guests: Guests) -> World {
        let mut state = State::default();
        state.change(Change::SetGuests(guests));
        World {
            limits,
            names,
            state,
            had_guests: guests != Guests::No,
            now: Time::default(),
            journal: VecDeque::new(),
            settled: 0,
            next_person: 1,
            next_room: 1,
        }
    }

    /// A room that the store knows: it keeps its topic while nobody is in it.
    pub fn keep_room(&mut self, name: RoomName, topic: Option<Topic>) {
        if self.state.room_named(&name).is_none() {
            self.add_room(Room::new(name, topic, true));
        }
    }

    /// An account that there is already, before anybody comes. One that looks like an earlier one is left out.
    pub fn keep_account(&mut self, account: Name) {
        if self.state.accounts().owner(&account).is_none() {
            self.change(Change::Register(account));
        }
    }

    /// Answers one ask of one session. A session without a name can only enter, and sign in or out before it does;
    /// anything else gets no answer.
    pub fn apply(&mut self, now: Time, who: SessionId, command: Command) -> Vec<Output> {
        self.now = now;
        let outcome = match self.state.person_of(who) {
            Some(person) => self.hear_person(now, Asker { session: who, person }, command),
            None => self.hear_unnamed(who, command),
        };
        outcome.unwrap_or_else(|refusal| vec![Output::Reply(who, Event::Refused(refusal))])
    }

    fn hear_unnamed(&mut self, who: SessionId, command: Command) -> Result<Vec<Output>, Refusal> {
        match command {
            Command::Enter(name) => self.enter(who, name, None),
            Command::EnterAs(name, key) => self.enter(who, name, Some(key)),
            Command::SignIn(account) => self.sign_in_unnamed(who, &account),
            Command::SignUp(account) => self.sign_up(who, &account),
            Command::SignOut => self.sign_out_unnamed(who),
            Command::Quit(_) | Command::Gone(_) => {
                self.forget(who);
                Ok(Vec::new())
            }
            _ => Ok(Vec::new()),
        }
    }

    fn hear_person(&mut self, now: Time, asker: Asker, command: Command) -> Result<Vec<Output>, Refusal> {
        match command {
            Command::Enter(_) | Command::EnterAs(..) => Err(Refusal::AlreadyHere),
            Command::SignIn(account) => self.sign_in(asker, &account),
            Command::SignUp(account) => self.sign_up(asker.session, &account),
            Command::SignOut => self.sign_out(asker),
            Command::Regain(name) => self.regain(asker, name),
            Command::Ghost(name) => self.ghost(asker, name),
            Command::Rename(name) => self.rename(asker, name),
            Command::Quit(words) => Ok(self.end_session(asker, people::words_or_quit(words))),
            Command::Gone(words) => Ok(self.end_session(asker, words)),
            Command::Join(room) => self.join(asker, room),
            Command::Part(room, reason) => self.part(asker, &room, reason),
            Command::Kick(room, whom, reason) => self.kick(asker, &room, &whom, reason),
            Command::SetModes(room, changes) => self.set_modes(asker, &room, changes),
            Command::Say(Target::Room(room), kind, text) => self.say(asker, &room, kind, text),
            Command::Say(Target::Person(whom), kind, text) => self.whisper(now, asker, &whom, kind, text),
            Command::SetTopic(room, text) => self.set_topic(now, asker, &room, text),
            Command::AskTopic(room) => self.ask_topic(asker, &room),
            Command::AskModes(room) => self.ask_modes(asker, &room),
            Command::Names(room) => self.list_members(asker, &room, false),
            Command::WhoRoom(room) => self.list_members(asker, &room, true),
            Command::WhoIs(name) => self.who_is(asker, &name),
            Command::Rooms => Ok(self.list_rooms(asker)),
            Command::People => Ok(self.list_people(asker)),
        }
    }

    /// Does what the server's operator asks.
    pub fn operate(&mut self, now: Time, command: OperatorCommand) -> Result<Vec<Output>, Refusal> {
        self.now = now;
        match command {
            OperatorCommand::Announce(text) => Ok(talk::announce(now, text)),
            OperatorCommand::Kick(name, reason) => self.remove_person(&name, reason),
            OperatorCommand::Reserve(account, by) => self.reserve(&account, by),
            OperatorCommand::Release(account) => self.release(&account),
            OperatorCommand::SignOutAll(account) => self.sign_out_account(&account),
            OperatorCommand::ReleaseAll => Ok(self.release_all()),
            OperatorCommand::Ban(ban) => Ok(self.ban(&ban)),
            OperatorCommand::Unban(target) => {
                self.unban(target);
                Ok(Vec::new())
            }
            OperatorCommand::SetGuests(guests) => Ok(self.set_guests(guests)),
            OperatorCommand::Forget(name) => {
                self.forget_topics(&name);
                Ok(Vec::new())
            }
        }
    }

    /// This moment.
    pub fn mark(&self) -> Mark {
        Mark(self.settled + self.journal.len() as u64)
    }

    /// Goes back: the world is as it was at the mark.
    ///
    /// # Panics
    /// When the mark was settled already; there is no way back from there.
    pub fn rollback(&mut self, to: Mark) {
        assert!(to.0 >= self.settled, "there is a way back to marks that are not settled");
        while self.mark() > to {
            let back = self.journal.pop_back().expect("the journal reaches back to the mark");
            self.state.change(back);
        }
    }

    /// Forgets the way back beyond this mark.
    pub fn settle(&mut self, to: Mark) {
        let forgotten = to.0.saturating_sub(self.settled).min(self.journal.len() as u64);
        self.journal.drain(..usize::try_from(forgotten).expect("no longer than the journal"));
        self.settled += forgotten;
    }

    /// Whose session this is.
    pub fn person_of(&self, session: SessionId) -> Option<(PersonId, Name)> {
        let id = self.state.person_of(session)?;
        Some((id, self.state.person(id).name.clone()))
    }

    /// The account of a session, whether it has a name yet or not.
    pub fn account_of(&self, session: SessionId) -> Option<Name> {
        match self.state.person_of(session) {
            Some(person) => self.state.person(person).account.clone(),
            None => self.state.signed_in(session).cloned(),
        }
    }

    /// Which names are registered.
    pub fn accounts(&self) -> &Accounts {
        self.state.accounts()
    }

    /// How many people are here.
    pub fn people(&self) -> usize {
        self.state.people_count()
    }

    /// The rooms with somebody in them, the fullest first.
    pub fn rooms(&self) -> Vec<RoomLine> {
        self.room_lines()
    }

    /// Everybody with their sessions and rooms, by name; at most `Limits::list_people_max`.
    pub fn present(&self) -> Vec<(Name, Vec<SessionId>, Vec<RoomName>)> {
        let people = self.state.people_by_name().take(self.limits.list_people_max);
        people
            .map(|id| {
                let person = self.state.person(id);
                (person.name.clone(), person.sessions.clone(), self.room_names(&person.rooms))
            })
            .collect()
    }

    /// Up to three people whose names are near to this word.
    pub fn nearest_names(&self, word: &str) -> Vec<Name> {
        let word = word.to_lowercase();
        let near = self.state.people_by_name().map(|id| &self.state.person(id).name);
        let mut near: Vec<(usize, &Name)> = near
            .map(|name| (crate::name::distance(name.folded(), &word), name))
            .filter(|(distance, name)| *distance <= 2 || (word.len() > 1 && name.folded().starts_with(&word)))
            .collect();
        near.sort();
        near.into_iter().take(3).map(|(_, name)| name.clone()).collect()
    }

    /// The name of a room.
    pub fn room_name(&self, room: RoomId) -> RoomName {
        self.state.room(room).name.clone()
    }

    /// How many ways back are kept.
    pub fn journal_len(&self) -> usize {
        self.journal.len()
    }

    /// Panics when the world's tables do not tell the same. For tests.
    pub fn check(&self) {
        self.state.check();
        for person in self.state.people_by_name() {
            let held = self.state.person(person);
            assert!(self.may_keep(person), "{} has a name of another account", held.name);
            assert!(self.had_guests || held.account.is_some(), "{} is a guest", held.name);
            assert!(self.ban_of(person).is_none(), "{} is banned", held.name);
        }
        for (session, account) in self.state.all_signed_in() {
            assert!(self.account_ban(account).is_none(), "{session:?} is of {account}, which is banned");
        }
    }

    fn change(&mut self, change: Change) {
        let back = self.state.change(change);
        self.journal.push_back(back);
    }

    fn add_room(&mut self, room: Room) -> RoomId {
        let id = RoomId(self.next_room);
        self.next_room += 1;
        self.change(Change::AddRoom(id, Box::new(room)));
        id
    }

    fn room_names(&self, rooms: &[RoomId]) -> Vec<RoomName> {
        rooms.iter().map(|room| self.state.room(*room).name.clone()).collect()
    }

    fn sessions(&self, person: PersonId) -> Vec<SessionId> {
        self.state.person(person).sessions.clone()
    }

    /// Who does this, and whose they are.
    fn author(&self, asker: Asker) -> (Name, Option<Name>) {
        let person = self.state.person(asker.person);
        (person.name.clone(), person.account.clone())
    }

    /// The same event to each session of a person.
    fn reply_all(&self, person: PersonId, event: &Event, outputs: &mut Vec<Output>) {
        let sessions = &self.state.person(person).sessions;
        outputs.extend(sessions.iter().map(|session| Output::Reply(*session, event.clone())));
    }
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
struct Asker {
    session: SessionId,
    person: PersonId,
}
