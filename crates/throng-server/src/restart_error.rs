//! Why a server was not restarted.

use std::process::ExitStatus;
use std::{fmt, io};

use crate::inherit::PASSED_MAX;

/// A server was not restarted; it goes on, unless it had let go. What it says of the new process may hold whatever that wrote,
/// 4 KiB at most: make it safe before it reaches a terminal.
///
/// ```
/// use throng_server::RestartError;
///
/// let why = RestartError::Refused { why: "the store is of a later version".to_owned() };
/// assert_eq!(why.to_string(), "the new process cannot serve: the store is of a later version");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum RestartError {
    /// Another restart is under way.
    UnderWay,
    /// The server is draining or over.
    Ending,
    /// It listens at more addresses than can be passed: at most [`PASSED_MAX`] less one.
    TooMany {
        /// So many.
        count: usize,
    },
    /// The new process could not be started.
    Start(io::Error),
    /// The new process says that it cannot serve.
    Refused {
        /// In its words.
        why: String,
    },
    /// The new process ended.
    Ended {
        /// How; unknown when the system does not say.
        status: Option<ExitStatus>,
        /// The end of what it wrote to its standard error.
        said: String,
    },
    /// The new process did not say in time that it could serve, or that it serves; or it said something else.
    Silent {
        /// What went wrong on the line to it.
        why: io::Error,
        /// The end of what it wrote to its standard error.
        said: String,
    },
}

impl fmt::Display for RestartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let also = |said: &str| match said.trim() {
            "" => String::new(),
            said => format!("; it wrote: {said}"),
        };
        match self {
            RestartError::UnderWay => f.write_str("a restart is under way already"),
            RestartError::Ending => f.write_str("the server is ending"),
            RestartError::TooMany { count } => {
                write!(f, "{count} addresses cannot be passed to another process, at most {}", PASSED_MAX - 1)
            }
            RestartError::Start(why) => write!(f, "the new process cannot be started: {why}"),
            RestartError::Refused { why } => write!(f, "the new process cannot serve: {why}"),
            RestartError::Ended { status: Some(status), said } => {
                write!(f, "the new process ended: {status}{}", also(said))
            }
            RestartError::Ended { status: None, said } => write!(f, "the new process ended{}", also(said)),
            RestartError::Silent { why, said } if why.kind() == io::ErrorKind::TimedOut => {
                write!(f, "the new process did not answer in time{}", also(said))
            }
            RestartError::Silent { why, said } => {
                write!(f, "the new process is not understood: {why}{}", also(said))
            }
        }
    }
}

impl std::error::Error for RestartError {}
