//! Where a value comes from: nowhere, a place in a file, a variable, a flag, or somebody who set it while the server runs.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use throng_wire::printable::printable;

/// A configuration file as it was read.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// Its path, as people read it.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// A place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Where.
    pub source: Arc<Source>,
    /// From which byte to which.
    pub span: Range<usize>,
}

impl Spot {
    /// The number of its line, from 1.
    pub fn line(&self) -> usize {
        let before = self.source.text.as_bytes().iter().take(self.span.start);
        before.filter(|byte| **byte == b'\n').count() + 1
    }
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// A configuration file.
    File(Spot),
    /// A variable.
    Variable(String),
    /// A flag, without its hyphens.
    Flag(String),
    /// Somebody set it while the server runs.
    Set(String),
}

impl Origin {
    /// In one word, for machines.
    pub fn kind(&self) -> &'static str {
        match self {
            Origin::Default => "default",
            Origin::File(_) => "file",
            Origin::Variable(_) => "variable",
            Origin::Flag(_) => "flag",
            Origin::Set(_) => "set",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File(spot) => write!(f, "{}:{}", printable(&spot.source.path), spot.line()),
            Origin::Variable(name) => write!(f, "${name}"),
            Origin::Flag(name) => write!(f, "--{name}"),
            Origin::Set(by) => write!(f, "set by {}", printable(by)),
        }
    }
}
