//! What is written on the operator's socket: one JSON object per line, both ways. Fields may be added within a version; a
//! reader passes over those that it does not know.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Role;

/// The version of this protocol.
pub const VERSION: u32 = 1;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// `{"run":{"line":"kick ana","yes":false}}`: to carry a command out.
    Run {
        /// As it would be typed.
        line: String,
        /// Dangerous ones are confirmed: as if `--yes` had been typed.
        #[serde(default)]
        yes: bool,
    },
    /// `{"complete":{"before":"kick a"}}`: what could be typed next.
    Complete {
        /// What stands before the cursor.
        before: String,
    },
    /// `{"lower":{"to":"view"}}`: to do no more than this role may, from here on.
    Lower {
        /// Which.
        to: Role,
    },
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// The first line, and the answer to [`Request::Lower`].
    Hello(Hello),
    /// A part of an answer that goes on.
    Line(Line),
    /// Nothing; said once a second where nothing else is, so that it is noticed when nobody listens any more.
    Beat {},
    /// The answer to [`Request::Run`], or the end of it.
    Done(Done),
    /// The answer to [`Request::Complete`].
    Completed(Completions),
}

/// Which server this is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The version of the protocol.
    pub v: u32,
    /// The program with its version.
    pub program: String,
    /// What it serves.
    pub service: String,
    /// Its process.
    pub pid: u32,
    /// What the caller may do.
    pub role: Role,
}

/// A part of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// For people.
    pub text: String,
    /// For programs.
    pub data: Value,
}

/// The end of an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// The exit code of a program that asked only this: 0 done, 1 failed, 2 wrong use, 4 refused.
    pub code: u8,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// For programs.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub data: Value,
    /// Why it was not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What helps then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
    /// It was not done yet: it is when this is typed, which is to be asked with `yes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
}

impl Done {
    /// Whoever asks may not.
    pub fn refused(why: impl Into<String>) -> Done {
        Done { code: 4, error: Some(why.into()), ..Done::default() }
    }

    /// It was asked wrongly.
    pub fn misused(why: impl Into<String>) -> Done {
        Done { code: 2, error: Some(why.into()), ..Done::default() }
    }
}

/// What could be typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completions {
    /// Where in the line, in bytes, the word begins that they stand for.
    pub from: usize,
    /// They.
    pub words: Vec<String>,
}
