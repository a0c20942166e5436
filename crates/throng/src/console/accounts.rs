//! The console's commands about accounts: what is typed becomes a wish, and what cannot be undone easily is asked about first.
//! A password is made up here and never typed, since the prompt shows what is typed and remembers it.

use std::path::{Path, PathBuf};

use throng_services::chat::{Name, distance};
use throng_wire::printable::printable;

use super::verbs::Outcome;
use super::{Answer, Console, Pending};
use crate::accounts::Confirm;
use crate::accounts::asked::name as name_of;
use crate::accounts::clerk::{Clerk, sentence};
use crate::accounts::wish::{NewPassword, Wish};

/// How many accounts a list has.
const LISTED_MAX: usize = 200;

/// What can be done about accounts: what is typed, what follows, and what it does.
const VERBS: [(&str, &str, &str); 11] = [
    ("list", "", "all accounts, by name"),
    ("show", "NAME", "one account, with its devices"),
    ("create", "NAME [--operator]", "makes one, with a password that is shown once"),
    ("reset", "NAME", "another password, shown once; its devices are signed out"),
    ("suspend", "NAME", "nobody can sign in to it; its devices are signed out"),
    ("unsuspend", "NAME", "its owner can sign in again"),
    ("delete", "NAME", "removes it; its name is free then"),
    ("operator", "NAME [--remove]", "its owner may operate the server, or no longer"),
    ("revoke", "NAME", "signs all its devices out"),
    ("export", "FILE", "writes all down, with the verifiers of their passwords"),
    ("import", "FILE [--replace]", "makes those of an export, all or none"),
];

/// What can be done about all of them together.
const ALL_VERBS: [(&str, &str, &str); 2] = [
    ("clear", "", "removes all accounts, names, devices and addresses; history stays"),
    ("restore", "BACKUP", "puts the accounts of a backup in the place of all that are there"),
];

/// The words that may follow `account`, for completion.
pub fn verbs() -> impl Iterator<Item = &'static str> {
    VERBS.iter().map(|(verb, _, _)| *verb)
}

/// The words that may follow `identities`.
pub fn all_verbs() -> impl Iterator<Item = &'static str> {
    ALL_VERBS.iter().map(|(verb, _, _)| *verb)
}

/// `account …`
pub fn account(console: &Console, rest: &str) -> Outcome {
    let (verb, rest) = split(rest);
    let wish = match verb {
        "list" if rest.is_empty() => Wish::List(LISTED_MAX),
        "show" => Wish::Show(one(verb, rest)?),
        "create" => {
            let (rest, operator) = flag(rest, "--operator");
            Wish::Create { name: one(verb, rest)?, password: NewPassword::Generated, operator }
        }
        "reset" => Wish::Reset(one(verb, rest)?, NewPassword::Generated),
        "suspend" => Wish::Suspend(one(verb, rest)?),
        "unsuspend" => Wish::Unsuspend(one(verb, rest)?),
        "operator" => {
            let (rest, remove) = flag(rest, "--remove");
            Wish::SetOperator(one(verb, rest)?, !remove)
        }
        "revoke" => Wish::Revoke(one(verb, rest)?),
        "export" => Wish::Export(file(verb, rest)?),
        "import" => {
            let (rest, replace) = flag(rest, "--replace");
            Wish::Import { from: file(verb, rest)?, replace }
        }
        "delete" => {
            let name = one(verb, rest)?;
            // Whoever is not there is told so before anything is asked.
            clerk(console)?.carry_out(Wish::Show(name.clone())).map_err(|why| sentence(&why))?;
            return Ok(console.ask_first(Confirm::delete(&name), Wish::Delete(name)));
        }
        _ => return Err(listed("account", verb, &VERBS)),
    };
    console.carry_out(wish)
}

/// `identities …`
pub fn identities(console: &Console, rest: &str) -> Outcome {
    match split(rest) {
        ("clear", "") => {
            let census = clerk(console)?
                .census()
                .ok_or("Nothing was cleared: the store does not answer. Try again.")?;
            match census.accounts {
                0 => Ok(Answer::say("There are no accounts, so there is nothing to clear.")),
                _ => Ok(console.ask_first(Confirm::clear(&census), Wish::Clear)),
            }
        }
        // Its name alone means the folder of backups, so it stays as it is typed.
        ("restore", backup) if !backup.is_empty() => console.carry_out(Wish::Restore(PathBuf::from(backup))),
        (verb, _) => Err(listed("identities", verb, &ALL_VERBS)),
    }
}

impl Console {
    /// Carries a wish out.
    fn carry_out(&self, wish: Wish) -> Outcome {
        clerk(self)?.carry_out(wish).map(Answer::say).map_err(|why| sentence(&why))
    }

    /// Asks for a word first: the next line that is typed is that, or nothing is done.
    fn ask_first(&self, confirm: Confirm, wish: Wish) -> Answer {
        let text = confirm.question();
        *self.pending() = Some(Pending { word: confirm.word, wish });
        Answer::say(text)
    }

    /// Does what waits for this line, if that is the word; nothing when no word was asked for.
    pub(super) fn confirm(&self, line: &str) -> Option<Outcome> {
        let Pending { word, wish } = self.pending().take()?;
        if line == word {
            return Some(self.carry_out(wish));
        }
        Some(Err(format!("Nothing was changed, since {} was not typed.", printable(&word))))
    }
}

/// Only rows of the chat ask for it.
fn clerk(console: &Console) -> Result<&Clerk, String> {
    console.clerk.as_ref().ok_or_else(|| "This service has no accounts.".to_owned())
}

fn split(rest: &str) -> (&str, &str) {
    let (verb, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    (verb, rest.trim())
}

/// What is there without the flag, and whether that was there, before it or behind it.
fn flag<'a>(rest: &'a str, flag: &str) -> (&'a str, bool) {
    let apart = |rest: &'a str| (rest.trim() != rest || rest.is_empty()).then(|| rest.trim());
    let without = rest.strip_prefix(flag).and_then(apart).or_else(|| rest.strip_suffix(flag).and_then(apart));
    without.map_or((rest, false), |without| (without, true))
}

fn one(verb: &str, rest: &str) -> Result<Name, String> {
    if rest.is_empty() || rest.contains(char::is_whitespace) {
        return Err(usage(verb));
    }
    name_of(rest).map_err(|why| format!("{why}."))
}

/// A file as it is from everywhere, since the prompt does not say where the server was started.
fn file(verb: &str, rest: &str) -> Result<PathBuf, String> {
    if rest.is_empty() || rest == "-" {
        return Err(usage(verb));
    }
    std::path::absolute(Path::new(rest)).map_err(|why| format!("{} is no file: {why}.", printable(rest)))
}

fn usage(verb: &str) -> String {
    let row = VERBS.iter().find(|(name, _, _)| *name == verb).expect("usage is asked for rows of the table");
    format!("Type it so: account {} {}", row.0, row.1)
}

fn listed(command: &str, typed: &str, verbs: &[(&str, &str, &str)]) -> String {
    let line = |(verb, follows, does): &(&str, &str, &str)| {
        let call = format!("{command} {verb} {follows}");
        format!("  {call:<36} {does}")
    };
    let lines = verbs.iter().map(line).collect::<Vec<_>>().join("\n");
    if typed.is_empty() {
        return lines;
    }
    match verbs.iter().map(|(verb, _, _)| verb).min_by_key(|verb| distance(verb, typed)) {
        Some(near) if *near == typed => lines,
        Some(near) if distance(near, typed) <= 2 => format!("Did you mean {command} {near}?\n{lines}"),
        _ => format!("There is no {command} {}.\n{lines}", printable(typed)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_flag_stands_before_or_behind() {
        for (rest, expected) in [
            ("ana", ("ana", false)),
            ("ana --operator", ("ana", true)),
            ("--operator ana", ("ana", true)),
            ("--operator", ("", true)),
            ("ana--operator", ("ana--operator", false)),
            ("--operators", ("--operators", false)),
        ] {
            assert_eq!(flag(rest, "--operator"), expected, "{rest}");
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_told() {
        assert_eq!(one("show", "").unwrap_err(), "Type it so: account show NAME");
        assert_eq!(one("show", "ana bo").unwrap_err(), "Type it so: account show NAME");
        assert!(!one("show", "\x1b[2J").unwrap_err().contains('\x1b'));
        assert!(file("import", "-").is_err(), "the prompt reads standard input");
        assert!(file("export", "a b").unwrap().is_absolute());
        assert!(listed("account", "crate", &VERBS).starts_with("Did you mean account create?"));
        assert!(listed("account", "frobnicate", &VERBS).starts_with("There is no account frobnicate."));
        assert!(listed("account", "list", &VERBS).starts_with("  account list"));
    }
}
