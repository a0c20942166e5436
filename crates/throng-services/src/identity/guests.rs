//! Who may use which name without an account, or with one.

use throng_chat::Name;

/// What those without an account may do (`accounts.guests`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Guests {
    /// They may have any name that nobody has at the moment, even one that belongs to an account.
    Yes,
    /// They may have names that belong to no account, and that look like none that does.
    #[default]
    UnregisteredNames,
    /// There are none: whoever comes signs in.
    No,
}

/// May somebody use a name?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They may.
    Allowed,
    /// It belongs to an account, or looks like a name that does: its owner may sign in.
    Belongs,
    /// Only those who signed in may be here at all.
    SignInFirst,
}

impl Guests {
    /// May somebody who signed in as `account`, or did not, use a name that belongs to `owner`, or looks like theirs?
    /// With an account one may use the names that belong to it or to nobody: another's never, whatever guests may.
    pub fn may_use(self, owner: Option<&Name>, account: Option<&Name>) -> Verdict {
        match (self, owner, account) {
            (_, Some(owner), Some(account)) if owner != account => Verdict::Belongs,
            (_, _, Some(_)) | (Guests::Yes, _, None) | (Guests::UnregisteredNames, None, None) => {
                Verdict::Allowed
            }
            (Guests::UnregisteredNames, Some(_), None) => Verdict::Belongs,
            (Guests::No, _, None) => Verdict::SignInFirst,
        }
    }
}

#[cfg(test)]
mod tests {
    use throng_chat::Names;

    use super::*;

    #[test]
    fn a_name_belongs_to_its_account() {
        let name = |typed: &str| Name::new(typed, Names::Unicode).unwrap();
        let (ana, again, bo) = (&name("ana"), &name("Ana"), &name("bo"));
        let check = |owner, account, expected: [Verdict; 3]| {
            let all = [Guests::Yes, Guests::UnregisteredNames, Guests::No];
            assert_eq!(all.map(|guests| guests.may_use(owner, account)), expected, "{owner:?} {account:?}");
        };
        use Verdict::{Allowed, Belongs, SignInFirst};
        check(None, None, [Allowed, Allowed, SignInFirst]);
        check(Some(ana), None, [Allowed, Belongs, SignInFirst]);
        check(None, Some(ana), [Allowed, Allowed, Allowed]);
        check(Some(ana), Some(ana), [Allowed, Allowed, Allowed]);
        check(Some(ana), Some(again), [Allowed, Allowed, Allowed]);
        check(Some(ana), Some(bo), [Belongs, Belongs, Belongs]);
    }
}
