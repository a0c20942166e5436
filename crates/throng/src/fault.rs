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

    /// As a prompt says it, where nothing else says that it is an error.
    pub fn sentence(&self) -> String {
        let hints = self.hints.iter().map(|hint| format!("\n  {hint}")).collect::<String>();
        format!("{}{hints}", sentence(&self.what))
    }
}

/// Words that begin and end as a sentence does.
pub fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map_or(String::new(), |letter| letter.to_uppercase().collect());
    format!("{first}{}.", letters.as_str())
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.what)?;
        self.hints.iter().try_for_each(|hint| write!(f, "\n  {hint}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_says_a_fault_as_a_sentence_with_its_hints_below() {
        let fault = Fault::failed("nobody called an is here").hint("did you mean: kick ana");
        assert_eq!(fault.sentence(), "Nobody called an is here.\n  did you mean: kick ana");
        assert_eq!(sentence("élan"), "Élan.");
    }
}
