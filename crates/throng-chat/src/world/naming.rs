//! Who may be called what: one look is one person's, and a registered name is its account's.
//!
//! Who has a name that is not theirs is renamed, not put out: each own session hears why and then the new name, and then
//! everybody who shares a room hears it, once and before anything else is told of the old name.

use super::World;
use super::state::Change;
use crate::event::{Event, Refusal};
use crate::{Guests, Name, Output, PersonId, Text};

/// How many free names are proposed for a taken one.
const ALTERNATIVES: usize = 2;

/// What somebody is called, with a number, for whom no name near to theirs is free.
const SPARE: &str = "guest";

/// How many of these may be banned before no further one is tried: a mask hits most of them or few.
const SPARES_BANNED_MAX: usize = 100;

impl World {
    /// May this name be taken, by somebody new or by somebody who is here? If so, a stranger who has it must give it up
    /// first: its owner came.
    pub(super) fn may_take(
        &self,
        name: &Name,
        by: Option<PersonId>,
        account: Option<&Name>,
    ) -> Result<Option<PersonId>, Refusal> {
        let owner = self.state.accounts().owner(name);
        if owner.is_some() && owner != account && self.state.guests() != Guests::Yes {
            let alternatives = self.free_names(name, account).take(ALTERNATIVES).collect();
            return Err(Refusal::NameRegistered { name: name.clone(), alternatives });
        }
        let Some(holder) = self.state.looking_like(name).filter(|holder| Some(*holder) != by) else {
            return Ok(None);
        };
        let held = self.state.person(holder);
        if owner.is_some() && owner == account && held.account.as_ref() != account {
            return Ok(Some(holder));
        }
        let alternatives = self.free_names(name, account).take(ALTERNATIVES).collect();
        let (name, other) = (name.clone(), held.name.clone());
        Err(match other == name {
            true => Refusal::NameTaken { name, alternatives },
            false => Refusal::NameLooksTaken { name, other, alternatives },
        })
    }

    /// May this person go on under the name that they have?
    pub(super) fn may_keep(&self, person: PersonId) -> bool {
        let person = self.state.person(person);
        let owner = self.state.accounts().owner(&person.name);
        self.state.guests() == Guests::Yes || owner.is_none() || owner == person.account.as_ref()
    }

    /// From here on guests are let in so. Who is here stays, but under no name that is another's account by the new rule.
    pub(super) fn set_guests(&mut self, guests: Guests) -> Vec<Output> {
        self.had_guests |= guests != Guests::No;
        self.change(Change::SetGuests(guests));
        let mut outputs = Vec::new();
        let strangers: Vec<_> =
            self.state.people_by_name().filter(|person| !self.may_keep(*person)).collect();
        for person in strangers {
            // A name that was given up may have been another's way out.
            if self.state.is_here(person) && !self.may_keep(person) {
                self.withdraw_name(person, &mut outputs);
            }
        }
        outputs
    }

    /// The person gets another name, without having asked for it; where none is left that is not banned, the person goes. Are
    /// they still here?
    pub(super) fn withdraw_name(&mut self, person: PersonId, outputs: &mut Vec<Output>) -> bool {
        let (name, account) =
            (self.state.person(person).name.clone(), self.state.person(person).account.clone());
        let spare = self.spare_name(&name, account.as_ref());
        self.reply_all(person, &Event::NameWithdrawn { name }, outputs);
        match spare {
            Some(spare) => self.call(person, spare, outputs),
            None => self.end_person(person, &no_name_left(), outputs),
        }
        self.state.is_here(person)
    }

    /// From here on the person is called so.
    pub(super) fn call(&mut self, person: PersonId, to: Name, outputs: &mut Vec<Output>) {
        let from = self.state.person(person).name.clone();
        self.change(Change::Rename(person, to.clone()));
        let event = Event::Renamed { from, to, account: self.state.person(person).account.clone() };
        self.reply_all(person, &event, outputs);
        self.tell_neighbours(person, event, outputs);
    }

    /// A free name near to this one, or if there is none, any free name. None is free only where bans hit them all.
    pub(super) fn spare_name(&self, near: &Name, account: Option<&Name>) -> Option<Name> {
        if let Some(name) = self.free_names(near, account).next() {
            return Some(name);
        }
        // Numbers look different from each other, so one more of them than there are names that are not free suffices.
        let taken = self.people() + self.state.accounts().all().count();
        let mut banned = 0;
        for number in 1..=taken + 1 + SPARES_BANNED_MAX {
            let Ok(name) = Name::new(&format!("{SPARE}{number}"), self.names) else { continue };
            banned += usize::from(self.name_ban(&name).is_some());
            if banned > SPARES_BANNED_MAX {
                return None;
            }
            if self.is_free(&name, account) {
                return Some(name);
            }
        }
        None
    }

    fn free_names<'a>(
        &'a self,
        near: &'a Name,
        account: Option<&'a Name>,
    ) -> impl Iterator<Item = Name> + 'a {
        near.alternatives(self.names).filter(move |name| self.is_free(name, account))
    }

    /// Nobody has it, nobody else would take it back, and it is not banned.
    fn is_free(&self, name: &Name, account: Option<&Name>) -> bool {
        let owner = self.state.accounts().owner(name);
        let is_nobodys = self.state.looking_like(name).is_none() && (owner.is_none() || owner == account);
        is_nobodys && self.name_ban(name).is_none()
    }
}

/// Why somebody goes who would have to be renamed.
pub(super) fn no_name_left() -> Text {
    Text::new("no other name is left that is not banned").expect("plain words are good text")
}
