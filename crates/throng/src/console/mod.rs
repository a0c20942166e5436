//! The operator's console: what may be typed while the server runs, and what comes back. It knows no terminal: the prompt
//! gives it lines and prints its answers.

mod accounts;
pub mod tables;
pub mod terminal;
pub mod verbs;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::tz::TimeZone;
use throng_server::Running;
use throng_services::chat::{HubHandle, NoAnswer};

use crate::accounts::clerk::Clerk;
use crate::accounts::wish::Wish;
use crate::directory::Directory;
use crate::log::Log;
use crate::signals::Asked;
use verbs::Row;

/// How many completions are offered.
const COMPLETIONS_MAX: usize = 50;

/// What the console works with.
pub struct Console {
    /// The way to the chat, if that is the service.
    pub hub: Option<HubHandle>,
    /// Who looks after accounts, where there are some.
    pub clerk: Option<Clerk>,
    /// What waits for its word; only the prompt's thread has it.
    pub pending: Mutex<Option<Pending>>,
    /// The server.
    pub running: Running,
    /// Who is who.
    pub directory: Arc<Directory>,
    /// What happened.
    pub log: Arc<Log>,
    /// Since when the server runs.
    pub begun: Instant,
    /// The zone in which times are shown.
    pub zone: TimeZone,
}

/// What was asked for and waits until its word is typed, as the next line or not at all.
#[derive(Debug)]
pub struct Pending {
    word: String,
    wish: Wish,
}

/// What the console answers.
#[derive(Debug, Default)]
pub struct Answer {
    /// For the reader; empty when there is nothing to say.
    pub text: String,
    /// What the server shall do.
    pub asked: Option<Asked>,
}

impl Answer {
    fn say(text: impl Into<String>) -> Answer {
        Answer { text: text.into(), asked: None }
    }
}

impl Console {
    /// Carries out one line.
    pub fn run(&self, line: &str) -> Answer {
        let line = line.trim();
        match self.confirm(line) {
            Some(Ok(answer)) => answer,
            // Another command is one all the same.
            Some(Err(told)) => {
                let Answer { text, asked } = self.command(line);
                let text = if text.is_empty() { told } else { format!("{told}\n{text}") };
                Answer { text, asked }
            }
            None => self.command(line),
        }
    }

    fn command(&self, line: &str) -> Answer {
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        if word.is_empty() {
            return Answer::default();
        }
        match self.rows().find(|row| row.name == word) {
            Some(row) => (row.run)(self, rest.trim()).unwrap_or_else(Answer::say),
            None => Answer::say(self.unknown(word)),
        }
    }

    fn pending(&self) -> MutexGuard<'_, Option<Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The commands that this service has.
    fn rows(&self) -> impl Iterator<Item = &'static Row> {
        let has_chat = self.hub.is_some();
        verbs::ROWS.iter().filter(move |row| row.serves.fits(has_chat))
    }

    /// Only rows of the chat ask for it, and only a chat has those.
    fn hub(&self) -> &HubHandle {
        self.hub.as_ref().expect("the chat's commands are found only where there is a chat")
    }

    fn unknown(&self, word: &str) -> String {
        unknown(word, self.rows())
    }

    /// What could stand in the place of the last word, and where that word begins.
    pub fn complete(&self, typed: &str) -> (usize, Vec<String>) {
        let begins = typed.rfind(char::is_whitespace).map_or(0, |space| space + 1);
        let (before, word) = typed.split_at(begins);
        let fits = |name: &&str| name.starts_with(word);
        let found = match before.trim() {
            "" => self.rows().map(|row| row.name).filter(fits).map(|name| format!("{name} ")).collect(),
            "help" => self.rows().map(|row| row.name).filter(fits).map(str::to_owned).collect(),
            "account" => accounts::verbs().filter(fits).map(|verb| format!("{verb} ")).collect(),
            "identities" => accounts::all_verbs().filter(fits).map(|verb| format!("{verb} ")).collect(),
            "kick" => self.directory.names(word, COMPLETIONS_MAX),
            "logs" => ["show "].iter().copied().filter(fits).map(str::to_owned).collect(),
            "pause" => ["hold"].iter().copied().filter(fits).map(str::to_owned).collect(),
            "shutdown" => ["--now"].iter().copied().filter(fits).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        (begins, found)
    }
}

fn unknown(word: &str, rows: impl Iterator<Item = &'static Row>) -> String {
    let shown = throng_wire::printable::printable(word);
    let near = |name: &str| throng_services::chat::distance(name, word);
    match rows.min_by_key(|row| near(row.name)).filter(|row| near(row.name) <= 2) {
        Some(row) => format!("There is no command {shown}. Did you mean {}? help lists all.", row.name),
        None => format!("There is no command {shown}. help lists what there is."),
    }
}

/// Why the chat did not answer.
fn unanswered(why: NoAnswer) -> String {
    match why {
        NoAnswer::Busy => {
            "The chat does not answer: it waits for its store. Try again, or look at: logs show".to_owned()
        }
        NoAnswer::Over => "The chat has ended.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_command_gets_the_nearest() {
        let unknown = |word: &str| unknown(word, verbs::ROWS.iter());
        assert!(unknown("stauts").contains("status"));
        assert!(unknown("frobnicate").contains("help lists what there is"));
        assert!(!unknown("\x1b[2J").contains('\x1b'));
    }

    #[test]
    fn every_command_says_what_it_does() {
        for row in verbs::ROWS {
            assert!(
                !row.help.is_empty() && row.name.chars().all(|letter| letter.is_ascii_lowercase()),
                "{}",
                row.name
            );
        }
    }
}
