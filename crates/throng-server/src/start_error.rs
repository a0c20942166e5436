//! Why a server could not be started.

use std::{fmt, io};

use crate::claim::BindError;

/// A server could not be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// No address was given.
    NoAddress,
    /// An address was not understood.
    Address {
        /// As it was given.
        given: String,
        /// What is wrong with it.
        source: io::Error,
    },
    /// A port could not be had.
    Bind(BindError),
    /// A thread or its event loop could not be made.
    Thread(io::Error),
    /// The factory of a worker's handler panicked, or took longer than a minute.
    Factory,
    /// [`crate::Processes`] is to be used, and [`crate::worker_or_continue`] was not called.
    NoWorkerLine,
    /// [`crate::Processes`] is to be started inside a tokio runtime. Its workers would begin a runtime of their own on their
    /// way to the start, and serve inside it.
    InsideRuntime,
    /// The program has started a server by [`crate::Processes`] before. Its workers begin at `main` and stop at the first
    /// start, so they would serve that one.
    StartedBefore,
    /// A server of another model was to be started in a worker's process.
    InWorker {
        /// By which model.
        model: &'static str,
    },
    /// A worker's process ended before its handler was made, or could not be begun.
    Worker {
        /// Which worker.
        number: usize,
        /// How it ended.
        how: String,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::NoAddress => f.write_str("no address to listen on was given"),
            StartError::Address { given, source } => write!(f, "cannot listen on {given}: {source}"),
            StartError::Bind(error) => error.fmt(f),
            StartError::Thread(error) => write!(f, "cannot start a thread: {error}"),
            StartError::NoWorkerLine => f.write_str(
                "the model Processes begins its workers at main, whose first line must be: \
                 throng_server::worker_or_continue();",
            ),
            StartError::InsideRuntime => f.write_str(
                "the model Processes cannot be started inside a tokio runtime: start it from a plain main",
            ),
            StartError::StartedBefore => f.write_str(
                "a program can start one server by the model Processes, and this would be its second",
            ),
            StartError::InWorker { model } => write!(
                f,
                "this is a worker's process of the model Processes, and cannot start a server by {model}"
            ),
            StartError::Worker { number, how } => {
                write!(f, "worker {number} ended before it could serve: {how}")
            }
            StartError::Factory => f.write_str("a worker's handler could not be made"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<BindError> for StartError {
    fn from(error: BindError) -> StartError {
        StartError::Bind(error)
    }
}
