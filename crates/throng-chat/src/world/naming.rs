//! Who may be called what: one look is one person's, and a registered name is its account's.
//!
//! Who has a name that is not theirs is renamed, not put out: each own session hears why and then the new name, and then
//! everybody who shares a room hears it, once and before anything else is told of the old name.

use super::World;
use super::state::Change;
use crate::event::{Event, Refusal};
use crate::{Guests, Name, Output, PersonId};

/// How many free names are proposed for a taken one.
const ALTERNATIVES: usize = 2;

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
        if owner.is_some() && owner != account && self.guests != Guests::Yes {
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
        self.guests == Guests::Yes || owner.is_none() || owner == person.account.as_ref()
    }

    /// The person gets another name, without having asked for it.
    pub(super) fn withdraw_name(&mut self, person: PersonId, outputs: &mut Vec<Output>) {
        let (name, account) =
            (self.state.person(person).name.clone(), self.state.person(person).account.clone());
        let spare = self.spare_name(&name, account.as_ref());
        self.reply_all(person, &Event::NameWithdrawn { name }, outputs);
        self.call(person, spare, outputs);
    }

    /// From here on the person is called so.
    pub(super) fn call(&mut self, person: PersonId, to: Name, outputs: &mut Vec<Output>) {
        let from = self.state.person(person).name.clone();
        self.change(Change::Rename(person, to.clone()));
        let event = Event::Renamed { from, to, account: self.state.person(person).account.clone() };
        self.reply_all(person, &event, outputs);
        self.tell_neighbours(person, event, outputs);
    }

    /// A free name near to this one, or if there is none, any free name.
    pub(super) fn spare_name(&self, near: &Name, account: Option<&Name>) -> Name {
        if let Some(name) = self.free_names(near, account).next() {
            return name;
        }
        // Numbers look different from each other, so one more of them than there are names that are not free suffices.
        let taken = self.people() + self.state.accounts().all().count();
        (1..=taken + 1)
            .filter_map(|number| Name::new(&format!("guest{number}"), self.names).ok())
            .find(|name| self.is_free(name, account))
            .expect("one of so many names is free")
    }

    fn free_names<'a>(
        &'a self,
        near: &'a Name,
        account: Option<&'a Name>,
    ) -> impl Iterator<Item = Name> + 'a {
        near.alternatives(self.names).filter(move |name| self.is_free(name, account))
    }

    /// Nobody has it, and nobody else would take it back.
    fn is_free(&self, name: &Name, account: Option<&Name>) -> bool {
        let owner = self.state.accounts().owner(name);
        self.state.looking_like(name).is_none() && (owner.is_none() || owner == account)
    }
}
