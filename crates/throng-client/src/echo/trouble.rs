//! What can go wrong with callers: a server that does not serve them, or sends back what was not sent.
//!
//! The first trouble ends the work: a figure of a server that damages a byte is worth nothing.

use std::fmt;
use std::io;
use std::time::Duration;

/// What went wrong.
#[derive(Debug)]
pub enum Trouble {
    /// The network or the kernel.
    Io(&'static str, io::Error),
    /// The server closed this connection, with this error or none.
    Closed(usize, Option<io::Error>),
    /// The callers did not come to the end of a step in time, perhaps for the want of this.
    Late(&'static str, Duration, Option<Wrong>),
    /// What came back is not what was sent.
    Wrong(Wrong),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Io(what, why) => write!(f, "cannot {what}: {why}"),
            Trouble::Closed(caller, None) => write!(f, "caller {caller} was closed by the server"),
            Trouble::Closed(caller, Some(why)) => {
                write!(f, "caller {caller} was closed by the server: {why}")
            }
            Trouble::Late(step, patience, None) => write!(f, "{step} was not done within {patience:?}"),
            Trouble::Late(step, patience, Some(wrong)) => {
                write!(f, "{step} was not done within {patience:?}: {wrong}")
            }
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

/// What came back is not what was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Another byte than the one that was due: flipped, repeated, lost, or somebody else's.
    Damaged {
        /// Whose.
        connection: u64,
        /// In which message.
        message: u64,
        /// At which byte of it.
        place: usize,
        /// What was sent.
        expected: u8,
        /// What came.
        came: u8,
    },
    /// More than was sent.
    Surplus {
        /// Whose.
        connection: u64,
        /// How many messages it had begun.
        messages: u64,
    },
    /// A message never came back whole.
    Unheard {
        /// Whose.
        connection: u64,
        /// Which.
        message: u64,
        /// How many bytes of it came.
        bytes: usize,
    },
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wrong::Damaged { connection, message, place, expected, came } => write!(
                f,
                "connection {connection} got {came:#04x} back for {expected:#04x}, byte {place} of its message {message}"
            ),
            Wrong::Surplus { connection, messages } => {
                write!(f, "connection {connection} got more back than the {messages} messages that it sent")
            }
            Wrong::Unheard { connection, message, bytes } => {
                write!(f, "connection {connection} got only {bytes} bytes of its message {message} back")
            }
        }
    }
}
