//! A prompt over the socket: what is typed is carried out by the server. What goes on has a conversation of its own, so that
//! the prompt stays free.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use throng_services::control::{Done, Request, Response};
use throng_wire::printable::printable;

use super::client::{self, Client, Sought};
use crate::accounts::Confirm;
use crate::console::{Next, Reply, Stream};
use crate::fault::Fault;
use crate::prompt::{Commands, Heard, Leave};

/// How long a completion may take before nothing is offered.
const COMPLETION_MAX: Duration = Duration::from_millis(500);

/// A server, seen from another terminal.
pub struct Remote {
    sought: Sought,
    /// For one answer at a time; taken by the prompt's thread only. Nothing when it broke.
    client: Mutex<Option<Client>>,
}

impl Remote {
    /// Over this conversation; more are begun at the same place.
    pub fn new(client: Client, sought: &Sought) -> Remote {
        let sought = Sought { socket: Some(client.path.clone()), ..sought.clone() };
        Remote { sought, client: Mutex::new(Some(client)) }
    }

    fn client(&self) -> MutexGuard<'_, Option<Client>> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries a line out in a conversation: the answer, or the conversation when it goes on.
    fn carry_out(&self, line: &str, yes: bool) -> Result<Carried, Fault> {
        let mut client = match self.client().take() {
            Some(client) => client,
            // It may be another server by now, after a restart.
            None => client::find(&self.sought)?,
        };
        match client.begin(line, yes)? {
            Response::Done(done) => {
                *self.client() = Some(client);
                Ok(Carried::Done(done))
            }
            first => Ok(Carried::GoesOn(Following { client, first: Some(first) })),
        }
    }
}

enum Carried {
    Done(Done),
    GoesOn(Following),
}

impl Commands for Remote {
    fn run(&self, line: &str, yes: bool) -> Heard {
        match line {
            "" => return Heard::Said(String::new(), Leave::Stay),
            "exit" | "quit" => return Heard::Said(String::new(), Leave::Go),
            _ => {}
        }
        match self.carry_out(line, yes) {
            Ok(Carried::Done(Done { confirm: Some(word), text, .. })) => {
                Heard::Confirm(Confirm { what: text, word })
            }
            Ok(Carried::Done(done)) => Heard::Said(told(done), Leave::Stay),
            Ok(Carried::GoesOn(following)) => Heard::GoesOn(Box::new(following)),
            // Nobody is there any more; a restart brings somebody back, so the prompt stays.
            Err(fault) => Heard::Said(fault.sentence(), Leave::Stay),
        }
    }

    fn complete(&self, before: &str) -> (usize, Vec<String>) {
        let none = || (before.len(), Vec::new());
        let Some(mut client) = self.client().take() else { return none() };
        let asked = client
            .patience(Some(COMPLETION_MAX))
            .and_then(|()| client.ask(&Request::Complete { before: before.to_owned() }))
            .and_then(|()| client.hear())
            .and_then(|heard| client.patience(None).map(|()| heard));
        // A conversation in which an answer is late is over.
        let Ok(Response::Completed(found)) = asked else { return none() };
        *self.client() = Some(client);
        (found.from.min(before.len()), found.words)
    }

    fn interrupted(&self) -> Leave {
        Leave::Say("(Ctrl-D or exit leaves; the server goes on)")
    }

    fn ended(&self) -> Leave {
        Leave::Go
    }
}

/// An answer for people.
pub fn told(done: Done) -> String {
    client::outcome(done).map_or_else(|fault| fault.sentence(), |done| done.text)
}

/// An answer that goes on.
struct Following {
    client: Client,
    first: Option<Response>,
}

impl Stream for Following {
    fn begins(&self) -> Option<&'static str> {
        Some("Following; press Enter to stop.")
    }

    fn next(&mut self, patience: Duration) -> Next {
        let heard = match self.first.take() {
            Some(first) => Ok(first),
            None => self.client.patience(Some(patience)).and_then(|()| self.client.hear()),
        };
        match heard {
            Ok(Response::Line(line)) => {
                Next::Line(Reply { text: line.text, data: line.data, ..Reply::default() })
            }
            Ok(Response::Done(done)) if done.error.is_none() && done.text.is_empty() => Next::Over,
            Ok(Response::Done(done)) => Next::Line(Reply { text: told(done), ..Reply::default() }),
            Ok(_) => Next::Nothing,
            Err(why)
                if matches!(why.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
            {
                Next::Nothing
            }
            Err(_) => Next::Over,
        }
    }
}

/// What is said when the prompt comes up.
pub fn greeting(client: &Client) -> String {
    let hello = &client.hello;
    format!(
        "{} ({}), process {}, as {}. help lists the verbs; Ctrl-D leaves, and the server goes on.",
        printable(&hello.program),
        printable(&hello.service),
        hello.pid,
        hello.role
    )
}
