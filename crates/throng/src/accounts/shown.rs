//! What came of a wish, in words for people. All that somebody else chose passes `printable` here.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use throng_services::chat::Name;
use throng_wire::printable::printable;

use super::confirm::{counted, everything};
use super::sheet::{details, list};
use super::wish::Done;
use crate::banner::shown as path_shown;

/// Who wishes, and so by what the next thing is typed.
#[derive(Clone, Debug)]
pub enum By {
    /// Somebody who commands the running server, called so in the log.
    Operator(String),
    /// On the command line, with this data folder, where one was named.
    Command(Option<PathBuf>),
}

impl By {
    /// As it stands in the log.
    pub fn name(&self) -> &str {
        match self {
            By::Operator(name) => name,
            By::Command(_) => "command line",
        }
    }

    /// What puts the accounts of this backup back.
    fn undo(&self, backup: &Path) -> String {
        // The folder of backups is looked in by itself.
        let name = backup.file_name().map_or(backup, Path::new);
        match self {
            By::Operator(_) => format!("identities restore {}", path_shown(name)),
            By::Command(data) => {
                let data = data.as_ref().map_or(String::new(), |data| format!(" --data {}", quoted(data)));
                format!("throng account restore {}{data}", path_shown(name))
            }
        }
    }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = printable(&path.display().to_string()).into_owned();
    let plain = |letter: char| letter.is_alphanumeric() || "/._-+,:@%".contains(letter);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// What came of it, for people.
pub(super) fn text(done: &Done, by: &By, zone: &TimeZone) -> String {
    let shown = |name: &Name| printable(name.as_str()).into_owned();
    match done {
        Done::Listed(accounts, 0) if accounts.is_empty() => {
            "There are no accounts. One is made by: account create NAME".to_owned()
        }
        Done::Listed(accounts, all) => list(accounts, *all, zone),
        Done::Shown(account, tokens) => details(account, tokens, zone),
        Done::Created { name, password, operator } => {
            let may = if *operator { " It may operate the server." } else { "" };
            let name = shown(name);
            format!(
                "The account {name} is made.{may}{}",
                once(&name, password.as_ref().map(|word| word.expose()))
            )
        }
        Done::Reset(name, password) => {
            let name = shown(name);
            let shown = once(&name, password.as_ref().map(|word| word.expose()));
            format!("{name} has another password, and its devices are signed out.{shown}")
        }
        Done::Suspended(name) => {
            let name = shown(name);
            format!("Nobody can sign in to {name} until: account unsuspend {name}")
        }
        Done::Unsuspended(name) => format!("{} can sign in again.", shown(name)),
        Done::Deleted(name) => format!("The account {} is deleted; its name is free.", shown(name)),
        Done::OperatorSet(name, true) => format!("{} may operate the server.", shown(name)),
        Done::OperatorSet(name, false) => format!("{} may operate the server no more.", shown(name)),
        Done::Revoked(name) => format!("All devices of {} are signed out.", shown(name)),
        Done::Exported(to, accounts) => format!(
            "{} in {}, which only you can read.\nWho has it can guess at the passwords: keep it as you would keep those.",
            counted(*accounts, "account"),
            path_shown(to)
        ),
        Done::Imported { from, accounts, replaced, backup } => format!(
            "{} imported from {}, {replaced} of them in the place of what was there.\n{}",
            counted(*accounts as u64, "account"),
            path_shown(from),
            way_back(backup, by)
        ),
        Done::Cleared(census, backup) => {
            format!("Gone: {}. Rooms and messages stay.\n{}", everything(census), way_back(backup, by))
        }
        Done::Restored { from, accounts, backup } => format!(
            "{} restored from {}.\n{}",
            counted(*accounts as u64, "account"),
            path_shown(from),
            way_back(backup, by)
        ),
    }
}

fn way_back(backup: &Path, by: &By) -> String {
    format!("What was before is in {}\nTo undo it: {}", path_shown(backup), by.undo(backup))
}

fn once(name: &str, password: Option<&String>) -> String {
    password.map_or(String::new(), |password| {
        format!("\nPassword: {password}\nGive it to {name}. It is shown only here, this once.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_is_one_line_to_type() {
        let backup = PathBuf::from("/data/backups/throng-1.db");
        for (by, expected) in [
            (By::Operator("console".to_owned()), "identities restore throng-1.db"),
            (By::Command(None), "throng account restore throng-1.db"),
            (By::Command(Some("/my data".into())), "throng account restore throng-1.db --data '/my data'"),
        ] {
            assert_eq!(by.undo(&backup), expected);
        }
    }

    #[test]
    fn an_empty_list_says_what_to_do() {
        let text = text(&Done::Listed(Vec::new(), 0), &By::Command(None), &TimeZone::UTC);
        assert_eq!(text, "There are no accounts. One is made by: account create NAME");
    }
}
