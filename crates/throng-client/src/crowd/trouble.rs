//! What can go wrong with a crowd: a server that does not serve it, or that tells what was not said.
//!
//! The first trouble ends the crowd's work: a figure of a server that loses messages is worth nothing.

use std::fmt;
use std::io;
use std::time::Duration;

use super::lines::{Endless, LINE_BYTES_MAX};

/// What went wrong.
#[derive(Debug)]
pub enum Trouble {
    /// The network or the kernel.
    Io(&'static str, io::Error),
    /// A client was closed by the server, after these words.
    Closed(usize, String),
    /// The server refused something.
    Refused(String),
    /// The crowd did not come to the end of a step in time.
    Late(&'static str, Duration),
    /// Something that was told is not what was said.
    Wrong(Wrong),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Io(what, why) => write!(f, "cannot {what}: {why}"),
            Trouble::Closed(client, words) => write!(f, "client {client} was closed by the server: {words}"),
            Trouble::Refused(line) => write!(f, "the server refused: {line}"),
            Trouble::Late(step, patience) => write!(f, "{step} was not done within {patience:?}"),
            Trouble::Wrong(wrong) => write!(f, "{wrong}"),
        }
    }
}

impl std::error::Error for Trouble {}

impl From<Wrong> for Trouble {
    fn from(wrong: Wrong) -> Trouble {
        Trouble::Wrong(wrong)
    }
}

impl From<Endless> for Trouble {
    fn from(_: Endless) -> Trouble {
        Trouble::Refused(format!("a line of more than {LINE_BYTES_MAX} bytes came"))
    }
}

/// Something that was told is not what was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Other bytes than were sent.
    Damaged {
        /// Whose words.
        from: usize,
        /// Who heard them.
        at: usize,
        /// What was heard.
        body: String,
    },
    /// Not the next number of this sender.
    OutOfOrder {
        /// Whose words.
        from: usize,
        /// Who heard them.
        at: usize,
        /// The number that should have come.
        expected: u64,
        /// The one that came.
        came: u64,
    },
    /// What was said never came.
    Unheard {
        /// Whose words.
        from: usize,
        /// Who did not hear them.
        at: usize,
        /// The first number that is missing.
        number: u64,
    },
    /// From somebody who does not talk in this receiver's room.
    Stranger {
        /// Whose words.
        from: usize,
        /// Who heard them.
        at: usize,
    },
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wrong::Damaged { from, at, body } => {
                write!(f, "client {at} heard of {from} what was never said: {body:?}")
            }
            Wrong::OutOfOrder { from, at, expected, came } => {
                write!(f, "client {at} heard message {came} of {from} when {expected} was next")
            }
            Wrong::Unheard { from, at, number } => {
                write!(f, "client {at} never heard message {number} of {from}")
            }
            Wrong::Stranger { from, at } => {
                write!(f, "client {at} heard {from}, who does not talk in its room")
            }
        }
    }
}
