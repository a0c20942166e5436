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
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::NoAddress => f.write_str("no address to listen on was given"),
            StartError::Address { given, source } => write!(f, "cannot listen on {given}: {source}"),
            StartError::Bind(error) => error.fmt(f),
            StartError::Thread(error) => write!(f, "cannot start a thread: {error}"),
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
