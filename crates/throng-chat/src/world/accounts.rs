//! Whose a session is, and which names are registered. Who proves what is known elsewhere; here it is only kept.
//!
//! Signing in and out answers the session first (`SignedIn`, `SignedOut`), then all who see the person
//! (`AccountChanged`). A person's sessions are all of one account, and who has none has one session. So of several
//! sessions, the one that signs out goes its own way: it leaves the person's rooms and goes on as a guest under another
//! name, and where guests are not let in it ends. The only session of a person stays where it is, and is renamed if its
//! name belongs to an account.

use super::naming::no_name_left;
use super::state::Change;
use super::{Asker, World};
use crate::event::{Event, Refusal};
use crate::{Guests, Name, Output, PersonId, SessionId, Text};

impl World {
    /// The session has no name yet; it brings its account along when it enters.
    pub(super) fn sign_in_unnamed(
        &mut self,
        session: SessionId,
        account: &Name,
    ) -> Result<Vec<Output>, Refusal> {
        let account = self.account(account)?;
        if let Some(ban) = self.account_ban(&account).cloned() {
            return Ok(self.turn_away(session, &ban));
        }
        if self.is_signed_in(self.state.signed_in(session), &account)? {
            self.change(Change::SetSignedIn(session, Some(account.clone())));
        }
        Ok(vec![Output::Reply(session, Event::SignedIn { account })])
    }

    pub(super) fn sign_in(&mut self, asker: Asker, account: &Name) -> Result<Vec<Output>, Refusal> {
        let account = self.account(account)?;
        if let Some(ban) = self.account_ban(&account).cloned() {
            return Ok(self.put_out(asker, &ban));
        }
        let is_new = self.is_signed_in(self.state.person(asker.person).account.as_ref(), &account)?;
        let mut outputs = vec![Output::Reply(asker.session, Event::SignedIn { account: account.clone() })];
        if is_new {
            self.set_account(asker.person, Some(account), &mut outputs);
        }
        Ok(outputs)
    }

    /// The account as it is written, if there is one.
    fn account(&self, account: &Name) -> Result<Name, Refusal> {
        match self.state.accounts().owner(account) {
            Some(known) if known == account => Ok(known.clone()),
            _ => Err(Refusal::NoSuchAccount(account.clone())),
        }
    }

    /// Is this account new to whoever has `now`? Another one has to be signed out of first.
    fn is_signed_in(&self, now: Option<&Name>, account: &Name) -> Result<bool, Refusal> {
        match now {
            Some(other) if other != account => Err(Refusal::AlreadySignedIn { account: other.clone() }),
            now => Ok(now.is_none()),
        }
    }

    /// The name is registered and its maker signed in to it.
    pub(super) fn sign_up(&mut self, session: SessionId, account: &Name) -> Result<Vec<Output>, Refusal> {
        let person = self.state.person_of(session);
        let now = match person {
            Some(person) => self.state.person(person).account.as_ref(),
            None => self.state.signed_in(session),
        };
        self.is_signed_in(now, account)?;
        let is_new = self.register(account)?;
        let mut outputs = match person {
            Some(person) => self.sign_in(Asker { session, person }, account)?,
            None => self.sign_in_unnamed(session, account)?,
        };
        if is_new {
            self.rename_strangers(account, &mut outputs);
        }
        Ok(outputs)
    }

    pub(super) fn sign_out_unnamed(&mut self, session: SessionId) -> Result<Vec<Output>, Refusal> {
        if self.state.signed_in(session).is_none() {
            return Err(Refusal::NotSignedIn);
        }
        self.forget(session);
        Ok(vec![Output::Reply(session, Event::SignedOut)])
    }

    /// A session without a name is over, or is of no account any more.
    pub(super) fn forget(&mut self, session: SessionId) {
        if self.state.signed_in(session).is_some() {
            self.change(Change::SetSignedIn(session, None));
        }
    }

    pub(super) fn sign_out(&mut self, asker: Asker) -> Result<Vec<Output>, Refusal> {
        if self.state.person(asker.person).account.is_none() {
            return Err(Refusal::NotSignedIn);
        }
        let mut outputs = Vec::new();
        self.leave_account(asker, &mut outputs);
        Ok(outputs)
    }

    fn leave_account(&mut self, asker: Asker, outputs: &mut Vec<Output>) {
        let Asker { session, person } = asker;
        outputs.push(Output::Reply(session, Event::SignedOut));
        let is_shared = self.state.person(person).sessions.len() > 1;
        let no_place = is_shared && self.people() >= self.limits.people_max;
        match (self.state.guests() == Guests::No || no_place, is_shared) {
            (true, true) => self.end_one(asker, &words("signed out"), outputs),
            (true, false) => self.end_person(person, &words("signed out"), outputs),
            (false, true) => self.go_own_way(asker, outputs),
            (false, false) => self.set_account(person, None, outputs),
        }
    }

    /// One of several sessions becomes a person of its own, in no room.
    fn go_own_way(&mut self, asker: Asker, outputs: &mut Vec<Output>) {
        let Asker { session, person } = asker;
        let (from, account) =
            (self.state.person(person).name.clone(), self.state.person(person).account.clone());
        let Some(to) = self.spare_name(&from, None) else {
            return self.end_one(asker, &no_name_left(), outputs);
        };
        for room in self.state.person(person).rooms.clone() {
            let (room_name, who) = (self.room_name(room), from.clone());
            let reason = Some(words("signed out"));
            let left = Event::Left { room: room_name, who, account: account.clone(), reason };
            outputs.push(Output::Reply(session, left));
            outputs.push(Output::Departed(session, room));
        }
        self.unseat(asker);
        let alone = self.add_person(to.clone());
        self.seat(session, alone, 0, None);
        outputs.push(Output::Became(session, alone));
        outputs.push(Output::Reply(session, Event::NameWithdrawn { name: from.clone() }));
        outputs.push(Output::Reply(session, Event::Renamed { from, to: to.clone(), account: None }));
        outputs.push(Output::Reply(session, Event::AccountChanged { who: to, account: None }));
    }

    /// The person is of this account, or of none; a name that is no longer theirs goes first.
    pub(super) fn set_account(&mut self, person: PersonId, account: Option<Name>, outputs: &mut Vec<Output>) {
        self.change(Change::SetAccount(person, account));
        if !self.may_keep(person) && !self.withdraw_name(person, outputs) {
            return;
        }
        self.tell_account(person, outputs);
    }

    pub(super) fn tell_account(&self, person: PersonId, outputs: &mut Vec<Output>) {
        let now = self.state.person(person);
        let event = Event::AccountChanged { who: now.name.clone(), account: now.account.clone() };
        self.reply_all(person, &event, outputs);
        self.tell_neighbours(person, event, outputs);
    }

    pub(super) fn reserve(&mut self, account: &Name, by: Option<SessionId>) -> Result<Vec<Output>, Refusal> {
        let mut outputs = Vec::new();
        if self.register(account)? {
            let maker = by.and_then(|session| self.state.person_of(session));
            if maker.is_none() || maker != self.state.looking_like(account) {
                self.rename_strangers(account, &mut outputs);
            }
        }
        Ok(outputs)
    }

    /// Is the account new? A name that looks like another account's is that one's.
    fn register(&mut self, account: &Name) -> Result<bool, Refusal> {
        match self.state.accounts().owner(account) {
            Some(known) if known == account => Ok(false),
            Some(_) => Err(Refusal::NameRegistered { name: account.clone(), alternatives: Vec::new() }),
            None => {
                self.change(Change::Register(account.clone()));
                Ok(true)
            }
        }
    }

    /// Whoever has the name, or one that looks like it, and may not.
    fn rename_strangers(&mut self, account: &Name, outputs: &mut Vec<Output>) {
        let holder = self.state.looking_like(account);
        if let Some(holder) = holder.filter(|holder| !self.may_keep(*holder)) {
            self.withdraw_name(holder, outputs);
        }
    }

    pub(super) fn release(&mut self, account: &Name) -> Result<Vec<Output>, Refusal> {
        let account = self.account(account)?;
        let mut outputs = Vec::new();
        self.change(Change::Unregister(account.clone()));
        self.sign_out_all(|of| *of == account, &mut outputs);
        Ok(outputs)
    }

    /// The account stays: whoever had its name as its owner has it no more.
    pub(super) fn sign_out_account(&mut self, account: &Name) -> Result<Vec<Output>, Refusal> {
        let account = self.account(account)?;
        let mut outputs = Vec::new();
        self.sign_out_all(|of| *of == account, &mut outputs);
        Ok(outputs)
    }

    pub(super) fn release_all(&mut self) -> Vec<Output> {
        let all: Vec<Name> = self.state.accounts().all().cloned().collect();
        let mut outputs = Vec::new();
        // Names first: who is signed out while others' names are still registered would be renamed for nothing.
        all.into_iter().for_each(|account| self.change(Change::Unregister(account)));
        self.sign_out_all(|_| true, &mut outputs);
        outputs
    }

    fn sign_out_all(&mut self, is_over: impl Fn(&Name) -> bool, outputs: &mut Vec<Output>) {
        let unnamed = self.state.all_signed_in().filter(|(_, account)| is_over(account));
        for session in unnamed.map(|(session, _)| session).collect::<Vec<_>>() {
            self.forget(session);
            outputs.push(Output::Reply(session, Event::SignedOut));
        }
        let people = self.state.people_by_name();
        let people = people.filter(|id| self.state.person(*id).account.as_ref().is_some_and(&is_over));
        for person in people.collect::<Vec<_>>() {
            for session in self.sessions(person) {
                self.leave_account(Asker { session, person }, outputs);
            }
        }
    }

    /// The asker takes a name of its account.
    pub(super) fn regain(&mut self, asker: Asker, name: Name) -> Result<Vec<Output>, Refusal> {
        self.check_ban(&name)?;
        let mut outputs = self.take_from_holder(asker, &name)?;
        if self.state.person(asker.person).name.as_str() != name.as_str() {
            self.call(asker.person, name, &mut outputs);
        }
        Ok(outputs)
    }

    /// Whoever has a name of the asker's account loses it.
    pub(super) fn ghost(&mut self, asker: Asker, name: Name) -> Result<Vec<Output>, Refusal> {
        if self.state.looking_like(&name).is_none() {
            return Err(Refusal::NoSuchPerson(name));
        }
        self.take_from_holder(asker, &name)
    }

    fn take_from_holder(&mut self, asker: Asker, name: &Name) -> Result<Vec<Output>, Refusal> {
        let account = self.state.person(asker.person).account.clone().ok_or(Refusal::NotSignedIn)?;
        let holder = self.state.looking_like(name);
        let is_own = |holder: PersonId| self.state.person(holder).account.as_ref() == Some(&account);
        let is_held = self.state.named(name).is_some_and(is_own);
        let is_owned = self.state.accounts().owner(name) == Some(&account);
        if !is_held && !is_owned {
            return Err(Refusal::NotYourName(name.clone()));
        }
        let is_own = holder.is_some_and(is_own);
        let mut outputs = Vec::new();
        match holder {
            None => {}
            Some(holder) if holder == asker.person => {
                let others = self.sessions(holder).into_iter().filter(|other| *other != asker.session);
                for session in others.collect::<Vec<_>>() {
                    let ghost = Asker { session, person: holder };
                    self.end_one(ghost, &words("ended by another connection of yours"), &mut outputs);
                }
            }
            Some(holder) if is_own => {
                self.end_person(holder, &words("ended by another connection of yours"), &mut outputs);
            }
            Some(stranger) => {
                self.withdraw_name(stranger, &mut outputs);
            }
        }
        Ok(outputs)
    }
}

fn words(plain: &str) -> Text {
    Text::new(plain).expect("plain words are good text")
}
