//! Which names belong to an account, and whom the house lets in without one.
//!
//! The chat knows of an account only that it exists and how it is called: passwords and tokens are kept elsewhere, and
//! whoever checked one says so by [`crate::Command::SignIn`]. There are as many of these as accounts were made; who makes
//! them keeps their number within bounds.

use std::collections::BTreeMap;

use crate::Name;

/// What somebody without an account may be called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Guests {
    /// Any name that nobody has at this moment; the owner of a registered one takes it back by coming.
    Yes,
    /// Names that are not registered and look like none that is.
    #[default]
    UnregisteredNames,
    /// Nothing: everybody has an account.
    No,
}

/// The registered names. A name that looks like a registered one belongs to the same account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    /// By skeleton. Names that fold to the same look the same, so one table answers both questions.
    by_look: BTreeMap<Box<str>, Name>,
}

impl Accounts {
    /// To which account this name belongs: the one that is called so, or that looks like it.
    pub fn owner(&self, name: &Name) -> Option<&Name> {
        self.by_look.get(name.skeleton())
    }

    /// Is there an account that is called exactly so?
    pub fn has(&self, account: &Name) -> bool {
        self.owner(account) == Some(account)
    }

    /// All of them, by their look.
    pub fn all(&self) -> impl Iterator<Item = &Name> {
        self.by_look.values()
    }

    /// Registers a name that belongs to nobody yet.
    pub(crate) fn add(&mut self, account: Name) {
        let before = self.by_look.insert(account.skeleton().into(), account);
        debug_assert!(before.is_none(), "a look belongs to one account");
    }

    /// The name is anybody's again. Gives it as its owner wrote it.
    pub(crate) fn remove(&mut self, account: &Name) -> Name {
        debug_assert!(self.has(account), "an account is removed once");
        self.by_look.remove(account.skeleton()).expect("an account is removed once")
    }
}

#[cfg(test)]
mod tests {
    use super::Guests;

    #[test]
    fn guests_may_not_have_registered_names_unless_the_house_says_so() {
        assert_eq!(Guests::default(), Guests::UnregisteredNames);
    }
}
