//! What is asked before something that is not easily undone: what it would do, and the word that is to be typed for it.

use throng_services::chat::Name;
use throng_store::accounts::Census;
use throng_wire::printable::printable;

/// What is asked before something that is not easily undone.
#[derive(Debug)]
pub struct Confirm {
    /// What would be done.
    pub what: String,
    /// What is to be typed.
    pub word: String,
}

impl Confirm {
    /// Before an account is deleted.
    pub fn delete(name: &Name) -> Confirm {
        let word = printable(name.as_str()).into_owned();
        let what = format!(
            "This deletes the account {word}, with its devices, for good. Its name is free then; what {word} said stays."
        );
        Confirm { what, word }
    }

    /// Before all go.
    pub fn clear(census: &Census) -> Confirm {
        let what = format!(
            "This removes {}. Who is signed in is logged out; rooms and messages stay.\nA backup is written before.",
            everything(census)
        );
        Confirm { what, word: "clear identities".to_owned() }
    }

    /// The question.
    pub fn question(&self) -> String {
        format!("{}\nType  {}  to do it, anything else leaves all as it is.", self.what, self.word)
    }
}

/// `4 accounts and their names, 3 devices that are signed in, 1 certificate and 2 remembered addresses`
pub(super) fn everything(census: &Census) -> String {
    let accounts = counted(census.accounts, "account");
    let names = if census.accounts == 1 { "its name" } else { "their names" };
    format!(
        "{accounts} and {names}, {} that {} signed in, {} and {}",
        counted(census.tokens, "device"),
        if census.tokens == 1 { "is" } else { "are" },
        counted(census.certificates, "certificate"),
        counted(census.addresses, "remembered address"),
    )
}

/// `1 account`, `2 accounts`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    let plural = if noun.ends_with('s') { "es" } else { "s" };
    format!("{count} {noun}{}", if count == 1 { "" } else { plural })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_says_what_goes_and_what_stays() {
        let census = Census { accounts: 2, tokens: 1, certificates: 0, addresses: 3 };
        let asked = Confirm::clear(&census).question();
        assert!(
            asked.starts_with(
                "This removes 2 accounts and their names, 1 device that is signed in, 0 certificates and 3 remembered \
                 addresses. Who is signed in is logged out; rooms and messages stay."
            ) && asked.contains("Type  clear identities  to do it"),
            "{asked}"
        );
    }
}
