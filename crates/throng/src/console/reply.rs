//! What a verb answers: for people, and for programs.

use std::time::Duration;

use serde_json::Value;

use crate::accounts::{Confirm, escaped};
use crate::fault::Fault;
use crate::signals::Asked;

/// What a verb answers, or why it was not done.
pub type Outcome = Result<Answer, Fault>;

/// An answer.
pub enum Answer {
    /// It is done.
    Done(Reply),
    /// It is done when this is confirmed, by the same line with `--yes`.
    Confirm(Confirm),
    /// It goes on until who asked has enough.
    GoesOn(Box<dyn Stream>),
}

/// What is said of something that is done.
#[derive(Debug, Default)]
pub struct Reply {
    /// For people; empty when there is nothing to say.
    pub text: String,
    /// For programs: field names are stable.
    pub data: Value,
    /// What the server shall do now.
    pub asked: Option<Asked>,
    /// Does the server end by this?
    pub ends: bool,
}

/// An answer that goes on.
pub trait Stream: Send {
    /// What is said when it begins, to somebody at a terminal.
    fn begins(&self) -> Option<&'static str> {
        None
    }

    /// What comes next, waited for at most so long.
    fn next(&mut self, patience: Duration) -> Next;
}

/// What came next.
pub enum Next {
    /// This.
    Line(Reply),
    /// Nothing yet.
    Nothing,
    /// Nothing any more.
    Over,
    /// Nothing any more, though there should have been more.
    Failed(Fault),
}

impl Answer {
    /// Done, with these words.
    pub fn say(text: impl Into<String>, data: Value) -> Answer {
        Answer::Done(Reply { text: text.into(), data, ..Reply::default() })
    }

    /// Done, with these words, and the server shall do this now.
    pub fn ask(text: impl Into<String>, asked: Asked) -> Answer {
        Answer::Done(Reply { text: text.into(), asked: Some(asked), ..Reply::default() })
    }
}

impl Reply {
    /// The same in JSON, in which nothing moves a cursor.
    pub fn in_json(self) -> Reply {
        Reply { text: escaped(&self.data.to_string()), ..self }
    }
}

/// A stream whose lines are shown in JSON.
pub struct InJson(pub Box<dyn Stream>);

impl Stream for InJson {
    fn next(&mut self, patience: Duration) -> Next {
        match self.0.next(patience) {
            Next::Line(reply) => Next::Line(reply.in_json()),
            other => other,
        }
    }
}
