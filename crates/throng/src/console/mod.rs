//! The operator's console: what may be typed while the server runs, and what comes back. It knows no terminal and no socket:
//! the prompt and the operator's socket give it lines, and show its answers.

mod arguments;
mod draining;
mod guests;
mod operator;
mod reply;
mod services;
mod status;
pub mod tables;
pub mod terminal;
pub mod verbs;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::json;
use throng_services::bans::Bans;
use throng_services::chat::{HubHandle, NoAnswer, OperatorCommand, Status, distance};
use throng_store::{Backups, Past, Store};
use throng_wire::printable::printable;

pub use draining::Draining;
pub use operator::{Operator, Who};
pub use reply::{Answer, Next, Reply, Stream};
pub use services::Served;

use crate::accounts::clerk::Clerk;
use crate::config::chair::Chair;
use crate::directory::Directory;
use crate::fault::Fault;
use crate::log::{Event, Log};
use crate::settings::ROWS;
use crate::signals::{Asked, Wishes};
use crate::watching::All;
use arguments::{Given, Value};
use guests::Guest;
use reply::InJson;
use reply::Outcome;
use verbs::{COMMON, Verb};

/// How many completions are offered.
const COMPLETIONS_MAX: usize = 50;

/// How long a line may be that is typed.
const LINE_BYTES_MAX: usize = 16 * 1024;

/// What the console works with.
pub struct Console {
    /// What is served. There is one at least.
    pub services: Vec<Served>,
    /// The way to the chat, if that is the service.
    pub hub: Option<HubHandle>,
    /// Who looks after accounts, where there are some.
    pub clerk: Option<Clerk>,
    /// What was said, where it is kept.
    pub store: Option<Arc<dyn Store>>,
    /// What copies the store, where there is one.
    pub backups: Option<Arc<dyn Backups>>,
    /// What keeps what was said within bounds, where it is kept.
    pub past: Option<Arc<dyn Past>>,
    /// Who is not wanted.
    pub bans: Bans,
    /// What it goes by.
    pub chair: Arc<Chair>,
    /// A drain that is under way.
    pub draining: Draining,
    /// Where the server is asked to end or to begin anew.
    pub wishes: Wishes,
    /// What is counted.
    pub facts: Arc<All>,
    /// Where everything is kept, if anything is.
    pub data: Option<PathBuf>,
    /// Who is who.
    pub directory: Arc<Directory>,
    /// What happened.
    pub log: Arc<Log>,
    /// The zone in which times are shown.
    pub zone: TimeZone,
}

/// A line, understood.
struct Command {
    verb: &'static Verb,
    given: Given,
}

impl Console {
    /// Carries out one line. `yes` stands for `--yes`.
    pub fn run(self: &Arc<Self>, line: &str, yes: bool, by: &Operator) -> Outcome {
        let Some(command) = self.understand(line, yes)? else { return Ok(Answer::Done(Reply::default())) };
        let Command { verb, given } = command;
        if given.has("--help") {
            return self.explain(verb.name);
        }
        if by.role < verb.role {
            let fault = Fault::refused(format!(
                "{} is for the role {}, and this is {}",
                verb.name, verb.role, by.role
            ));
            self.audit(verb, &given, by, Some(&fault));
            return Err(fault);
        }
        let outcome = (verb.run)(self, &given, by);
        match &outcome {
            Ok(Answer::Confirm(_)) => {}
            Ok(_) => self.audit(verb, &given, by, None),
            Err(fault) => self.audit(verb, &given, by, Some(fault)),
        }
        let json = given.has("--json");
        Ok(match outcome? {
            Answer::Done(reply) => {
                let reply = if json { reply.in_json() } else { reply };
                Answer::Done(self.perform(reply))
            }
            Answer::GoesOn(stream) if json => Answer::GoesOn(Box::new(InJson(stream))),
            answer => answer,
        })
    }

    /// Asks the server for what a verb wants of it.
    fn perform(&self, mut reply: Reply) -> Reply {
        if let Some(asked) = reply.asked.take() {
            reply.ends = matches!(asked, Asked::End(_));
            self.wishes.tell(asked);
        }
        reply
    }

    fn understand(&self, line: &str, yes: bool) -> Result<Option<Command>, Fault> {
        let line = line.trim();
        if line.is_empty() {
            return Ok(None);
        }
        if line.len() > LINE_BYTES_MAX {
            return Err(Fault::usage(format!("a line may have {LINE_BYTES_MAX} bytes")));
        }
        let (verb, rest) = self.verb_of(line)?;
        let read = arguments::read(rest, verb.arguments, COMMON);
        let mut given = read.map_err(|what| arguments::misused(verb.name, verb.arguments, what))?;
        if yes {
            given.confirm();
        }
        Ok(Some(Command { verb, given }))
    }

    /// The verb that a line begins with, and what follows it.
    fn verb_of<'l>(&self, line: &'l str) -> Result<(&'static Verb, &'l str), Fault> {
        let (first, rest) = head(line);
        if let Some(verb) = self.verbs().find(|verb| verb.name == first) {
            return Ok((verb, rest));
        }
        let (second, behind) = head(rest);
        let group: Vec<_> =
            self.verbs().filter(|verb| head(verb.name).0 == first && verb.name != first).collect();
        if let Some(verb) = group.iter().find(|verb| head(verb.name).1 == second) {
            return Ok((verb, behind));
        }
        Err(unknown(first, second, &group, self.verbs()))
    }

    /// The verbs that this service has.
    fn verbs(&self) -> impl Iterator<Item = &'static Verb> {
        verbs::all().filter(|verb| self.has(verb))
    }

    fn has(&self, verb: &Verb) -> bool {
        verb.serves.fits(self.hub.is_some())
    }

    /// All there is to say of a verb, or of those that begin with this word.
    fn explain(&self, typed: &str) -> Outcome {
        let found: Vec<_> =
            self.verbs().filter(|verb| verb.name == typed || head(verb.name).0 == typed).collect();
        if found.is_empty() {
            let (first, second) = head(typed);
            return Err(unknown(first, second, &[], self.verbs()));
        }
        let texts: Vec<_> = found.iter().map(|verb| verbs::explained(verb)).collect();
        let data =
            found.iter().map(|verb| json!({ "verb": verb.name, "help": verb.help, "role": verb.role }));
        Ok(Answer::say(texts.join("\n\n"), data.collect()))
    }

    /// The log hears who changed what, and how it went; never what was said to people.
    fn audit(&self, verb: &Verb, given: &Given, by: &Operator, fault: Option<&Fault>) {
        if !verb.changes {
            return;
        }
        let event = Event::info("operator.did").with("verb", verb.name).with("by", by.name());
        let said =
            |name: &str| verb.arguments.iter().any(|argument| argument.name == name && argument.is_said());
        let event = given.all().filter(|(name, _)| !said(name)).fold(event, |event, (name, value)| {
            event.with("given", if value.is_empty() { name.to_owned() } else { format!("{name}={value}") })
        });
        self.log.tell(match fault {
            None => event.with("outcome", "done"),
            Some(fault) => event.with("outcome", "failed").with("why", &fault.what),
        });
    }

    /// The chat, where there must be one.
    fn hub(&self) -> Result<&HubHandle, Fault> {
        self.hub.as_ref().ok_or_else(|| Fault::failed(format!("{} is no chat", self.serves())))
    }

    /// How the chat is, where there is one.
    fn chat(&self) -> Result<Option<Status>, Fault> {
        self.hub.as_ref().map(|hub| hub.status().map_err(unanswered)).transpose()
    }

    fn chat_here(&self) -> Result<Status, Fault> {
        self.hub()?.status().map_err(unanswered)
    }

    /// The rooms that these clients are in.
    fn rooms_of(&self, guests: &[Guest]) -> Vec<String> {
        let Ok(Some(chat)) = self.chat() else { return Vec::new() };
        let mut rooms: Vec<_> = chat
            .who
            .iter()
            .filter(|person| guests.iter().any(|guest| guest.is_called(person.name.as_str())))
            .flat_map(|person| person.rooms.iter().map(|room| room.as_str().to_owned()))
            .collect();
        rooms.sort();
        rooms.dedup();
        rooms
    }

    /// Tells everybody in the chat; `false` where there is none, or it does not answer.
    fn announce(&self, words: &str) -> bool {
        let words = throng_services::chat::text(words);
        let told =
            self.hub.as_ref().zip(words).map(|(hub, words)| hub.operate(OperatorCommand::Announce(words)));
        matches!(told, Some(Ok(Ok(()))))
    }

    /// What could stand in the place of the last word, and where that word begins.
    pub fn complete(&self, typed: &str) -> (usize, Vec<String>) {
        // What help explains is typed as it would be done.
        if let Some(verb) = typed.strip_prefix("help ") {
            let (from, words) = self.complete_verb(verb);
            return (typed.len() - verb.len() + from, words);
        }
        let begins = typed.rfind(char::is_whitespace).map_or(0, |space| space + 1);
        let (before, word) = typed.split_at(begins);
        let mut found: Vec<String> = match self.verb_of(before) {
            Ok((verb, rest)) => {
                let (value, options) = arguments::next(rest, verb.arguments, COMMON);
                let mut found = value.map_or(Vec::new(), |value| self.values(value, word));
                let fits =
                    |option: &&str| word.starts_with('-') || found.is_empty() && option.starts_with(word);
                let options: Vec<_> = options.into_iter().filter(fits).collect();
                found.extend(
                    options
                        .into_iter()
                        .filter(|option| option.starts_with(word))
                        .map(|option| format!("{option} ")),
                );
                found
            }
            Err(_) => return self.complete_verb(typed),
        };
        found.sort();
        found.dedup();
        found.truncate(COMPLETIONS_MAX);
        (begins, found)
    }

    /// The words that verbs have in the place of the last one, and where that begins.
    fn complete_verb(&self, typed: &str) -> (usize, Vec<String>) {
        let begins = typed.rfind(char::is_whitespace).map_or(0, |space| space + 1);
        let (before, word) = typed.split_at(begins);
        let begin: Vec<_> = before.split_whitespace().collect();
        let words = self.verbs().filter_map(|verb| {
            let words: Vec<_> = verb.name.split(' ').collect();
            words.starts_with(&begin).then(|| words.get(begin.len()).copied()).flatten()
        });
        let found: BTreeSet<_> =
            words.filter(|next| next.starts_with(word)).map(|next| format!("{next} ")).collect();
        (begins, found.into_iter().take(COMPLETIONS_MAX).collect())
    }

    fn values(&self, value: Value, word: &str) -> Vec<String> {
        let fits = |name: &&str| name.starts_with(word);
        match value {
            Value::Any | Value::Words | Value::Phrase => Vec::new(),
            Value::OneOf(all) => all.iter().copied().filter(fits).map(str::to_owned).collect(),
            Value::Client => self.directory.names(word, COMPLETIONS_MAX),
            Value::Room => {
                let rooms = self.chat().ok().flatten().map_or(Vec::new(), |chat| chat.rooms);
                let names = rooms.iter().map(|line| line.room.as_str());
                names.filter(fits).take(COMPLETIONS_MAX).map(str::to_owned).collect()
            }
            Value::Service => {
                let labels = self.services.iter().map(|served| served.label.as_str());
                labels.filter(fits).map(str::to_owned).collect()
            }
            Value::Setting => ROWS.iter().map(|row| row.path).filter(fits).map(str::to_owned).collect(),
        }
    }
}

/// The first word, and what follows it.
fn head(line: &str) -> (&str, &str) {
    let (first, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    (first, rest.trim())
}

fn unknown(first: &str, second: &str, group: &[&Verb], all: impl Iterator<Item = &'static Verb>) -> Fault {
    if !group.is_empty() {
        let what = match second {
            "" => format!("{first} wants one more word"),
            _ => format!("there is no {first} {}", printable(second)),
        };
        let lines = group
            .iter()
            .map(|verb| format!("{}  {}", arguments::usage(verb.name, verb.arguments), verb.help));
        return lines.fold(Fault::usage(what), Fault::hint);
    }
    let fault = Fault::usage(format!("there is no command {}", printable(first)));
    let near = all.map(|verb| head(verb.name).0).min_by_key(|name| distance(name, first));
    match near.filter(|near| distance(near, first) <= 2) {
        Some(near) => fault.hint(format!("did you mean {near}? help lists all")),
        None => fault.hint("help lists what there is"),
    }
}

/// Why the chat did not answer.
fn unanswered(why: NoAnswer) -> Fault {
    match why {
        NoAnswer::Busy => Fault::failed("the chat does not answer: it waits for its store")
            .hint("try again, or look at: logs show"),
        NoAnswer::Over => Fault::failed("the chat has ended"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_command_gets_the_nearest() {
        let unknown = |word: &str| unknown(word, "", &[], verbs::all()).to_string();
        assert!(unknown("stauts").contains("did you mean status?"));
        assert!(unknown("frobnicate").contains("help lists what there is"));
        assert!(!unknown("\x1b[2J").contains('\x1b'));
    }
}
