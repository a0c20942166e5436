//! Who may sign in: what is typed becomes a wish, and what cannot be undone easily is asked about first. A password is made up
//! and never typed, since a prompt shows what is typed and remembers it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use throng_services::chat::Name;
use throng_wire::printable::printable;

use super::super::Console;
use super::super::arguments::{Argument, Given, Value, flag, word};
use super::super::operator::Operator;
use super::super::reply::{Answer, Outcome};
use super::{Role, Serves, USUAL, Verb};
use crate::accounts::Confirm;
use crate::accounts::asked::name as name_of;
use crate::accounts::clerk::Clerk;
use crate::accounts::wish::{NewPassword, Wish};
use crate::fault::Fault;

/// How many accounts a list has.
const LISTED_MAX: usize = 200;

const NAME: Argument = word("NAME", Value::Any, "whose account");
const OF_CHAT: Verb = Verb { serves: Serves::Chat, role: Role::Admin, ..USUAL };

pub const VERBS: &[Verb] = &[
    Verb {
        name: "account list",
        help: "all accounts, by name",
        example: "account list",
        role: Role::View,
        changes: false,
        run: list,
        ..OF_CHAT
    },
    Verb {
        name: "account show",
        arguments: &[NAME],
        help: "one account, with its devices",
        example: "account show ana",
        role: Role::View,
        changes: false,
        run: show,
        ..OF_CHAT
    },
    Verb {
        name: "account create",
        arguments: &[NAME, flag("--operator", "its owner may operate the server")],
        help: "makes one, with a password that is shown once",
        example: "account create ana --operator",
        run: create,
        ..OF_CHAT
    },
    Verb {
        name: "account reset",
        arguments: &[NAME],
        help: "another password, shown once; its devices are signed out",
        example: "account reset ana",
        run: reset,
        ..OF_CHAT
    },
    Verb {
        name: "account suspend",
        arguments: &[NAME],
        help: "nobody can sign in to it; its devices are signed out",
        example: "account suspend ana",
        run: suspend,
        ..OF_CHAT
    },
    Verb {
        name: "account unsuspend",
        arguments: &[NAME],
        help: "its owner can sign in again",
        example: "account unsuspend ana",
        run: unsuspend,
        ..OF_CHAT
    },
    Verb {
        name: "account delete",
        arguments: &[NAME],
        help: "removes it; its name is free then",
        example: "account delete ana",
        run: delete,
        ..OF_CHAT
    },
    Verb {
        name: "account operator",
        arguments: &[NAME, flag("--remove", "no longer")],
        help: "its owner may operate the server, or no longer",
        example: "account operator ana --remove",
        run: operator,
        ..OF_CHAT
    },
    Verb {
        name: "account revoke",
        arguments: &[NAME],
        help: "signs all its devices out",
        example: "account revoke ana",
        run: revoke,
        ..OF_CHAT
    },
    Verb {
        name: "account export",
        arguments: &[word("FILE", Value::Any, "a new file; only the server's user can read it")],
        help: "writes all down, with the verifiers of their passwords",
        example: "account export /srv/accounts.jsonl",
        run: export,
        ..OF_CHAT
    },
    Verb {
        name: "account import",
        arguments: &[
            word("FILE", Value::Any, "what export wrote"),
            flag("--replace", "also those that are there already"),
        ],
        help: "makes those of an export, all or none",
        more: "A backup is written before.",
        example: "account import /srv/accounts.jsonl",
        run: import,
        ..OF_CHAT
    },
    Verb {
        name: "identities clear",
        help: "removes all accounts, names, devices and addresses; history stays",
        more: "A backup is written before; identities restore puts it back.",
        example: "identities clear",
        run: clear,
        ..OF_CHAT
    },
    Verb {
        name: "identities restore",
        arguments: &[word(
            "BACKUP",
            Value::Any,
            "a backup; its name alone means the folder backups of the data folder",
        )],
        help: "puts the accounts of a backup in the place of all that are there",
        more: "A backup of these is written before.",
        example: "identities restore throng-2026-11-20T190702Z.db",
        run: restore,
        ..OF_CHAT
    },
];

fn list(console: &Arc<Console>, _: &Given, by: &Operator) -> Outcome {
    carry_out(console, Wish::List(LISTED_MAX), by)
}

fn show(console: &Arc<Console>, given: &Given, by: &Operator) -> Outcome {
    carry_out(console, Wish::Show(named(given)?), by)
}

fn create(console: &Arc<Console>, given: &Given, by: &Operator) -> Outcome {
    let (name, operator) = (named(given)?, given.has("--operator"));
    carry_out(console, Wish::Create { name, password: NewPassword::Generated, operator }, by)
}

fn reset(console: &Arc<Console>, given: &Given, by: &Operator) -> Outcome {
    carry_out(console, Wish::Reset(named(given)?, NewPassword::Generated), by)
}

fn suspend(console: &Arc<Console>, given: &Given, by: &Operator) -> Outcome {
    carry_out(console, Wish::Suspend(named(given)?), by)
}

fn unsuspend(console: &Arc<Console>, given: &Given, by: &Operator) -> Outcome {
    carry_out(console, Wish::Unsuspend(named(given)?), by)
}

fn delete(console: &Arc<Console>, given: &Given, by: &Operator) -> Outcome {
    let name = named(given)?;
    if given.has("--yes") {
        return carry_out(console, Wish::Delete(name), by);
    }
    // Whoever is not there is told so before anything is asked.
    carry_out(console, Wish::Show(name.clone()), by)?;
    Ok(Answer::Confirm(Confirm::delete(&name)))
}

fn operator(console: &Arc<Console>, given: &Given, by: &Operator) -> Outcome {
    carry_out(console, Wish::SetOperator(named(given)?, !given.has("--remove")), by)
}

fn revoke(console: &Arc<Console>, given: &Given, by: &Operator) -> Outcome {
    carry_out(console, Wish::Revoke(named(given)?), by)
}

fn export(console: &Arc<Console>, given: &Given, by: &Operator) -> Outcome {
    carry_out(console, Wish::Export(file(given)?), by)
}

fn import(console: &Arc<Console>, given: &Given, by: &Operator) -> Outcome {
    carry_out(console, Wish::Import { from: file(given)?, replace: given.has("--replace") }, by)
}

fn clear(console: &Arc<Console>, given: &Given, by: &Operator) -> Outcome {
    if given.has("--yes") {
        return carry_out(console, Wish::Clear, by);
    }
    let census = clerk(console)?.census();
    let census =
        census.ok_or_else(|| Fault::failed("the store does not answer").hint("try again in a moment"))?;
    match census.accounts {
        0 => {
            Ok(Answer::say("There are no accounts, so there is nothing to clear.", json!({ "accounts": 0 })))
        }
        _ => Ok(Answer::Confirm(Confirm::clear(&census))),
    }
}

fn restore(console: &Arc<Console>, given: &Given, by: &Operator) -> Outcome {
    // Its name alone means the folder of backups, so it stays as it is typed.
    carry_out(console, Wish::Restore(PathBuf::from(given.of("BACKUP"))), by)
}

fn carry_out(console: &Console, wish: Wish, by: &Operator) -> Outcome {
    let said = clerk(console)?.carry_out(wish, by.name(), by.patience())?;
    Ok(Answer::say(said.text, said.data))
}

/// Only rows of the chat ask for it.
fn clerk(console: &Console) -> Result<&Clerk, Fault> {
    console.clerk.as_ref().ok_or_else(|| Fault::failed("this service has no accounts"))
}

fn named(given: &Given) -> Result<Name, Fault> {
    name_of(given.of("NAME")).map_err(Fault::usage)
}

/// A file as it is from everywhere, since nobody sees where the server was started.
fn file(given: &Given) -> Result<PathBuf, Fault> {
    let typed = given.of("FILE");
    if typed == "-" {
        return Err(Fault::usage("a file is wanted here, since - would be the server's own standard input"));
    }
    std::path::absolute(Path::new(typed))
        .map_err(|why| Fault::usage(format!("{} is no file: {why}", printable(typed))))
}
