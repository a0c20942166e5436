//! Who is not wanted: nobody has a banned name, and nobody is of a banned account.
//!
//! Who is here when a ban comes hears why (`Refused`), and then all their sessions end as a person's do. Who comes with a
//! banned name, or signs in to a banned account, hears why and is closed; another name for who is here is only refused.
//! Bans are kept elsewhere before the world hears of them. One that is over has no effect, whether it is still here or not.

use super::state::Change;
use super::{Asker, World};
use crate::ban::{Ban, Bans, Target};
use crate::event::{Event, Refusal};
use crate::{Name, Output, PersonId, SessionId};

impl World {
    /// A ban that there is already, before anybody comes.
    pub fn keep_ban(&mut self, ban: Ban) {
        self.change(Change::SetBan(ban.target.clone(), Some(Box::new(ban))));
    }

    /// Which names and accounts are banned.
    pub fn bans(&self) -> &Bans {
        self.state.bans()
    }

    pub(super) fn ban(&mut self, ban: &Ban) -> Vec<Output> {
        let mut outputs = Vec::new();
        for over in self.state.bans().over(self.now) {
            self.unban(over);
        }
        self.keep_ban(ban.clone());
        if ban.is_over(self.now) {
            return outputs;
        }
        for session in self.unnamed_hit_by(&ban.target) {
            outputs.extend(self.turn_away(session, ban));
        }
        for person in self.people_hit_by(&ban.target) {
            self.reply_all(person, &refused(ban), &mut outputs);
            self.end_person(person, &ban.farewell(), &mut outputs);
        }
        outputs
    }

    /// Sessions without a name, whom only their account gives away.
    fn unnamed_hit_by(&self, target: &Target) -> Vec<SessionId> {
        let Target::Account(account) = target else { return Vec::new() };
        let unnamed = self.state.all_signed_in().filter(|(_, of)| *of == account);
        unnamed.map(|(session, _)| session).collect()
    }

    fn people_hit_by(&self, target: &Target) -> Vec<PersonId> {
        let people = self.state.people_by_name();
        match target {
            Target::Name(name) => self.state.looking_like(name).into_iter().collect(),
            Target::Mask(mask) => people.filter(|id| mask.fits(&self.state.person(*id).name)).collect(),
            Target::Account(account) => {
                people.filter(|id| self.state.person(*id).account.as_ref() == Some(account)).collect()
            }
            Target::Network(_) => Vec::new(),
        }
    }

    pub(super) fn unban(&mut self, target: Target) {
        self.change(Change::SetBan(target, None));
    }

    /// The ban that hits this name now.
    pub(super) fn name_ban(&self, name: &Name) -> Option<&Ban> {
        self.state.bans().of_name(name, self.now)
    }

    /// The ban that hits this account now.
    pub(super) fn account_ban(&self, account: &Name) -> Option<&Ban> {
        self.state.bans().of_account(account, self.now)
    }

    /// The ban that hits somebody who is here.
    pub(super) fn ban_of(&self, person: PersonId) -> Option<&Ban> {
        let person = self.state.person(person);
        let of_account = person.account.as_ref().and_then(|account| self.account_ban(account));
        of_account.or_else(|| self.name_ban(&person.name))
    }

    /// May somebody who is here be called so from now on?
    pub(super) fn check_ban(&self, name: &Name) -> Result<(), Refusal> {
        match self.name_ban(name) {
            None => Ok(()),
            Some(Ban { reason, until, .. }) => {
                Err(Refusal::Banned { name: Some(name.clone()), reason: reason.clone(), until: *until })
            }
        }
    }

    /// A session without a name hears why it is not let in, and is closed.
    pub(super) fn turn_away(&mut self, session: SessionId, ban: &Ban) -> Vec<Output> {
        self.forget(session);
        let reason = ban.farewell();
        vec![
            Output::Reply(session, refused(ban)),
            Output::Reply(session, Event::Closing { reason: reason.clone() }),
            Output::Closed(session, reason),
        ]
    }

    /// The same of a session that has a name; the person goes with the last one.
    pub(super) fn put_out(&mut self, asker: Asker, ban: &Ban) -> Vec<Output> {
        let mut outputs = vec![Output::Reply(asker.session, refused(ban))];
        if self.state.person(asker.person).sessions.len() > 1 {
            self.end_one(asker, &ban.farewell(), &mut outputs);
        } else {
            self.end_person(asker.person, &ban.farewell(), &mut outputs);
        }
        outputs
    }
}

fn refused(ban: &Ban) -> Event {
    let Ban { reason, until, .. } = ban;
    Event::Refused(Refusal::Banned { name: None, reason: reason.clone(), until: *until })
}
