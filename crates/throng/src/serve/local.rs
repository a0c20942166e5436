//! The console at the server's own prompt: who sits there may end it by Ctrl-C.

use std::sync::Arc;

use crate::console::{Answer, Console, Operator};
use crate::prompt::{Commands, Heard, Leave};
use crate::signals::{Asked, Asker, Wish};

/// Whoever sits at the server's own terminal.
pub struct Local(pub Arc<Console>);

impl Commands for Local {
    fn run(&self, line: &str, yes: bool) -> Heard {
        match self.0.run(line, yes, &Operator::PROMPT) {
            Ok(Answer::Done(reply)) => {
                Heard::Said(reply.text, if reply.ends { Leave::Ending } else { Leave::Stay })
            }
            Ok(Answer::Confirm(confirm)) => Heard::Confirm(confirm),
            Ok(Answer::GoesOn(stream)) => Heard::GoesOn(stream),
            Err(fault) => Heard::Said(fault.sentence(), Leave::Stay),
        }
    }

    fn complete(&self, before: &str) -> (usize, Vec<String>) {
        self.0.complete(before)
    }

    fn interrupted(&self) -> Leave {
        self.0.wishes.tell(Asked::End(Wish { by: Asker::Interrupt, now: false }));
        Leave::Ending
    }

    fn ended(&self) -> Leave {
        Leave::Say("(type shutdown to end the server; this prompt stays)")
    }
}
