//! The services of the process, as an operator names them: most verbs are for all of them, unless one is named.

use throng_server::{ConnId, Running};
use throng_wire::printable::printable;

use super::Console;
use super::arguments::{Argument, Form, Given, Value};
use crate::fault::Fault;
use crate::units::listed;

/// One of them.
pub struct Served {
    /// What it is called.
    pub label: String,
    /// Its server.
    pub running: Running,
}

/// Which one is meant.
pub const SERVICE: Argument = Argument {
    name: "--service",
    form: Form::Option("LABEL", Value::Service),
    help: "only this one, where the server has several services",
};

impl Console {
    /// What is served, for people: `chat`, or `chat and echo`.
    pub fn serves(&self) -> String {
        let labels: Vec<_> = self.services.iter().map(|served| served.label.as_str()).collect();
        listed(&labels)
    }

    /// Are there several?
    pub fn is_several(&self) -> bool {
        self.services.len() > 1
    }

    /// Those that are meant.
    pub fn chosen(&self, given: &Given) -> Result<Vec<&Served>, Fault> {
        let Some(label) = given.get(SERVICE.name) else { return Ok(self.services.iter().collect()) };
        let found: Vec<_> = self.services.iter().filter(|served| served.label == label).collect();
        match found.is_empty() {
            true => Err(Fault::usage(format!("there is no service {}", printable(label)))
                .hint(format!("this server has {}", self.serves()))),
            false => Ok(found),
        }
    }

    /// How many clients there are in all.
    pub fn open(&self) -> usize {
        let open: u64 = self.services.iter().map(|served| served.running.stats().open).sum();
        usize::try_from(open).unwrap_or(usize::MAX)
    }

    /// Ends a connection, whichever service has it. `false` when there is none of this number.
    pub fn kill(&self, id: ConnId) -> bool {
        self.services.iter().any(|served| served.running.kill(id))
    }
}

/// ` (chat and echo)`, where it must be said of which something is told.
pub fn of(several: bool, chosen: &[&Served]) -> String {
    let labels: Vec<_> = chosen.iter().map(|served| served.label.as_str()).collect();
    if several { format!(" ({})", listed(&labels)) } else { String::new() }
}
