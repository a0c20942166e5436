//! What looks at the whole, and the help.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::super::arguments::{Given, Value, flag, maybe, usage};
use super::super::operator::Operator;
use super::super::reply::{Answer, Next, Outcome, Reply, Stream};
use super::super::services::SERVICE;
use super::super::status::Status;
use super::super::{Console, tables};
use super::{Role, USUAL, Verb};
use crate::fault::{Fault, sentence};

/// How often a status that is watched is told.
const WATCH_EVERY: Duration = Duration::from_secs(2);

pub const VERBS: &[Verb] = &[
    Verb {
        name: "help",
        arguments: &[maybe("VERB", Value::Phrase, "what to explain")],
        help: "lists the verbs, or explains one",
        example: "help ban",
        role: Role::View,
        changes: false,
        run: help,
        ..USUAL
    },
    Verb {
        name: "status",
        arguments: &[flag("--watch", "tells it again every two seconds"), SERVICE],
        help: "how the server is",
        example: "status --json",
        role: Role::View,
        changes: false,
        run: status,
        ..USUAL
    },
];

pub fn help(console: &Arc<Console>, given: &Given, _: &Operator) -> Outcome {
    if let Some(verb) = given.get("VERB") {
        return console.explain(verb);
    }
    let mut text = String::new();
    let mut verbs = Vec::new();
    for (kind, rows) in super::kinds() {
        let rows: Vec<_> = rows.iter().filter(|verb| console.has(verb)).collect();
        if !rows.is_empty() {
            writeln!(text, "{kind}").expect("a String takes all that is written to it");
        }
        for verb in rows {
            let call = usage(verb.name, verb.arguments);
            let (call, rest) = if call.len() > CALL_MAX { (verb.name, " …") } else { (&*call, "") };
            writeln!(text, "  {:<width$} {}", format!("{call}{rest}"), verb.help, width = CALL_MAX)
                .expect("a String takes all that is written to it");
            verbs.push(json!({
                "verb": verb.name, "usage": usage(verb.name, verb.arguments), "help": verb.help,
                "role": verb.role, "changes": verb.changes,
            }));
        }
    }
    text.push_str("help VERB explains one. Every verb takes --json.");
    Ok(Answer::say(text, json!(verbs)))
}

/// How wide the first column of the help is.
const CALL_MAX: usize = 34;

/// All there is to say of a verb.
pub fn explained(verb: &Verb) -> String {
    let mut text = format!("{}\n  {}\n", usage(verb.name, verb.arguments), sentence(verb.help));
    if !verb.arguments.is_empty() {
        text.push('\n');
    }
    for argument in verb.arguments {
        let shown = argument.shown();
        let shown = shown.trim_start_matches('[').trim_end_matches(']');
        writeln!(text, "  {shown:<16} {}", argument.help).expect("a String takes all that is written to it");
    }
    if !verb.more.is_empty() {
        write!(text, "\n{}\n", wrapped(verb.more)).expect("a String takes all that is written to it");
    }
    let role = verb.role;
    write!(text, "\n  Example: {}\n  Role: {role} and above", verb.example)
        .expect("a String takes all that is written to it");
    text
}

/// In lines that fit most terminals, each set in a little.
fn wrapped(words: &str) -> String {
    let mut lines = vec![String::new()];
    for word in words.split_whitespace() {
        let line = lines.last_mut().expect("there is always one");
        match line.len() + word.len() < LINE_MAX {
            true if line.is_empty() => line.push_str(word),
            true => *line = format!("{line} {word}"),
            false => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

/// How long a line of words is at most.
const LINE_MAX: usize = 76;

fn status(console: &Arc<Console>, given: &Given, _: &Operator) -> Outcome {
    let told = told(console, given)?;
    if given.has("--watch") {
        let (given, left) = (given.clone(), Duration::ZERO);
        return Ok(Answer::GoesOn(Box::new(Watched { console: Arc::clone(console), given, left })));
    }
    Ok(Answer::Done(told))
}

fn told(console: &Console, given: &Given) -> Result<Reply, Fault> {
    let status = Status::of(console, &console.chosen(given)?);
    Ok(Reply { text: tables::status(&status), data: status.data(), ..Reply::default() })
}

/// The status, again and again.
struct Watched {
    console: Arc<Console>,
    given: Given,
    /// How long until it is told again.
    left: Duration,
}

impl Stream for Watched {
    fn begins(&self) -> Option<&'static str> {
        Some("Watching; press Enter to stop.")
    }

    #[expect(clippy::disallowed_methods, reason = "to tell it every two seconds is what is asked for")]
    fn next(&mut self, patience: Duration) -> Next {
        let wait = self.left.min(patience);
        std::thread::sleep(wait);
        self.left -= wait;
        if !self.left.is_zero() {
            return Next::Nothing;
        }
        self.left = WATCH_EVERY;
        match told(&self.console, &self.given) {
            Ok(reply) => Next::Line(reply),
            Err(fault) => Next::Failed(fault),
        }
    }
}
