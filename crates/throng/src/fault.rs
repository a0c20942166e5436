//! A fault that ends a command: what happened, what can be done, and the exit code.

use std::fmt;

/// Told once, at the top.
#[derive(Debug)]
pub struct Fault {
    /// What and why.
    pub what: String,
    /// Lines that help: who holds it, what to try.
    pub hints: Vec<String>,
    /// As in the table of `main`.
    pub exit_code: u8,
}

impl Fault {
    /// Something failed.
    pub fn failed(what: impl Into<String>) -> Fault {
        Fault { what: what.into(), hints: Vec::new(), exit_code: 1 }
    }

    /// It was used wrongly.
    pub fn usage(what: impl Into<String>) -> Fault {
        Fault { exit_code: 2, ..Fault::failed(what) }
    }

    /// There is no server there.
    pub fn nobody(what: impl Into<String>) -> Fault {
        Fault { exit_code: 3, ..Fault::failed(what) }
    }

    /// One of both sides does not want the other.
    pub fn refused(what: impl Into<String>) -> Fault {
        Fault { exit_code: 4, ..Fault::failed(what) }
    }

    /// It ended before it was complete.
    pub fn incomplete(what: impl Into<String>) -> Fault {
        Fault { exit_code: 5, ..Fault::failed(what) }
    }

    /// Nobody reads what is printed any more, so there is nobody to tell.
    pub fn unheard() -> Fault {
        Fault::failed("")
    }

    /// With one more line of help.
    pub fn hint(mut self, hint: impl Into<String>) -> Fault {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.what)?;
        self.hints.iter().try_for_each(|hint| write!(f, "\n  {hint}"))
    }
}
