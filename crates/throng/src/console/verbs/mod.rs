//! The operator's verbs: one row each, with all that is known of it. The prompt, the socket, the completion, the help and the
//! manual are made from these rows; each verb is carried out in the room of its kind.

mod about;
mod accounts;
mod bans;
mod clients;
mod diagnosis;
mod end;
mod gate;
mod history;
mod logs;
mod past;
mod people;
mod settings;
mod store;

use std::sync::Arc;

use throng_services::control::Role;

use super::Console;
use super::arguments::{Argument, Given, flag};
use super::operator::Operator;
use super::reply::Outcome;
use super::tables::counted;

/// One verb.
pub struct Verb {
    /// What is typed: a word, or two.
    pub name: &'static str,
    /// What may follow.
    pub arguments: &'static [Argument],
    /// One line that says what it does.
    pub help: &'static str,
    /// What there is to know besides: limits, what stays, what undoes it.
    pub more: &'static str,
    /// How it may be typed.
    pub example: &'static str,
    /// Who may.
    pub role: Role,
    /// Which services have it.
    pub serves: Serves,
    /// Does it change anything? Then the log hears who did it, and how it went.
    pub changes: bool,
    /// Carries it out.
    pub run: fn(&Arc<Console>, &Given, &Operator) -> Outcome,
}

/// Which services have a verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serves {
    /// All.
    All,
    /// The chat.
    Chat,
}

impl Serves {
    /// Does the service have it?
    pub fn fits(self, has_chat: bool) -> bool {
        match self {
            Serves::All => true,
            Serves::Chat => has_chat,
        }
    }
}

/// What may follow every verb.
pub const COMMON: &[Argument] = &[
    flag("--json", "answers in JSON, for programs"),
    flag("--yes", "does what would be asked about first"),
    flag("--help", "says what the verb does, and does nothing"),
];

/// What stands in a row where it says nothing else.
const USUAL: Verb = Verb {
    name: "",
    arguments: &[],
    help: "",
    more: "",
    example: "",
    role: Role::Operate,
    serves: Serves::All,
    changes: true,
    run: about::help,
};

pub use super::arguments::usage;
pub use about::explained;

/// The kinds of verbs, in the order of the help.
const KINDS: &[(&str, &[Verb])] = &[
    ("Look", about::VERBS),
    ("Clients", clients::VERBS),
    ("People", people::VERBS),
    ("Bans", bans::VERBS),
    ("Accounts", accounts::VERBS),
    ("The doors", gate::VERBS),
    ("The store", store::VERBS),
    ("History", history::VERBS),
    ("Settings", settings::VERBS),
    ("The log", logs::VERBS),
    ("The machine", diagnosis::VERBS),
    ("The end", end::VERBS),
];

/// All verbs, kind by kind.
pub fn kinds() -> impl Iterator<Item = (&'static str, &'static [Verb])> {
    KINDS.iter().copied()
}

/// All verbs.
pub fn all() -> impl Iterator<Item = &'static Verb> {
    KINDS.iter().flat_map(|(_, verbs)| verbs.iter())
}

#[cfg(test)]
mod tests {
    use super::super::arguments::Value;
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_verb_says_what_it_does_and_is_there_once() {
        let mut names = BTreeSet::new();
        for verb in all() {
            let plain = verb.name.chars().all(|letter| letter.is_ascii_lowercase() || letter == ' ');
            assert!(plain && (1..=2).contains(&verb.name.split(' ').count()), "{}", verb.name);
            assert!(!verb.help.is_empty() && !verb.help.ends_with('.'), "{}", verb.name);
            assert!(verb.example.starts_with(verb.name), "{} has an example of its own", verb.name);
            assert!(names.insert(verb.name), "{} is there twice", verb.name);
            assert!(verb.arguments.iter().all(|argument| !argument.help.is_empty()), "{}", verb.name);
        }
    }

    #[test]
    fn no_verb_is_the_beginning_of_another() {
        for verb in all() {
            let begins = format!("{} ", verb.name);
            assert!(!all().any(|other| other.name.starts_with(&begins)), "{} is not clear", verb.name);
        }
    }

    #[test]
    fn of_what_has_several_words_the_log_hears_only_what_settings_are_set_to() {
        let free = |argument: &&Argument| matches!(argument.value(), Some(Value::Words | Value::Phrase));
        let told = all().filter(|verb| verb.changes).flat_map(|verb| {
            let arguments = verb.arguments.iter().filter(free).filter(|argument| !argument.is_said());
            arguments.map(|argument| (verb.name, argument.name))
        });
        assert_eq!(told.collect::<Vec<_>>(), [("set", "VALUE")]);
    }

    #[test]
    fn who_may_only_look_changes_nothing() {
        assert!(all().all(|verb| verb.role > Role::View || !verb.changes));
    }
}
