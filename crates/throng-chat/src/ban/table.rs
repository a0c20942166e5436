//! The bans that the world keeps to: those of names and of accounts.

use std::collections::BTreeMap;

use super::{Ban, Mask, Target};
use crate::{Name, Time};

/// All of them; those that are over go when the next one comes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bans {
    /// By look, since who looks like a banned name is hit too.
    names: BTreeMap<Box<str>, BTreeMap<Name, Ban>>,
    masks: BTreeMap<Mask, Ban>,
    accounts: BTreeMap<Name, Ban>,
}

impl Bans {
    /// The ban that hits this name now; of several, the one that lasts longest.
    pub fn of_name(&self, name: &Name, now: Time) -> Option<&Ban> {
        let looks_so = self.names.get(name.skeleton()).into_iter().flat_map(BTreeMap::values);
        let fits = self.masks.iter().filter(|(mask, _)| mask.fits(name)).map(|(_, ban)| ban);
        longest(looks_so.chain(fits).filter(|ban| !ban.is_over(now)))
    }

    /// The ban that hits this account now.
    pub fn of_account(&self, account: &Name, now: Time) -> Option<&Ban> {
        self.accounts.get(account).filter(|ban| !ban.is_over(now))
    }

    /// Those that are over.
    pub(crate) fn over(&self, now: Time) -> Vec<Target> {
        let names = self.names.values().flat_map(BTreeMap::values);
        let all = names.chain(self.masks.values()).chain(self.accounts.values());
        all.filter(|ban| ban.is_over(now)).map(|ban| ban.target.clone()).collect()
    }

    /// Puts a ban there, or takes that of this target away; gives what was there. Of networks none is kept.
    pub(crate) fn set(&mut self, target: &Target, ban: Option<Ban>) -> Option<Ban> {
        match (target, ban) {
            (Target::Name(name), Some(ban)) => {
                self.names.entry(name.skeleton().into()).or_default().insert(name.clone(), ban)
            }
            (Target::Name(name), None) => {
                let alike = self.names.get_mut(name.skeleton())?;
                let gone = alike.remove(name);
                if alike.is_empty() {
                    self.names.remove(name.skeleton());
                }
                gone
            }
            (Target::Mask(mask), Some(ban)) => self.masks.insert(mask.clone(), ban),
            (Target::Mask(mask), None) => self.masks.remove(mask),
            (Target::Account(account), Some(ban)) => self.accounts.insert(account.clone(), ban),
            (Target::Account(account), None) => self.accounts.remove(account),
            (Target::Network(_), _) => None,
        }
    }
}

/// One without an end lasts longest.
fn longest<'a>(bans: impl Iterator<Item = &'a Ban>) -> Option<&'a Ban> {
    bans.max_by_key(|ban| (ban.until.is_none(), ban.until))
}
