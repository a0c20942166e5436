//! Why a server could not be started.

use std::{fmt, io};

use crate::claim::BindError;

/// A server could not be started. Nothing runs then, and every address is free again. Its text is for people, and a
/// `main` that returns [`crate::Result`] prints it.
///
/// ```
/// use throng_server::{Conn, Server, StartError};
///
/// async fn serve(_conn: Conn) -> throng_server::Result {
///     Ok(())
/// }
///
/// # fn main() -> throng_server::Result {
/// let none = Server::new(serve).start().err().unwrap();
/// assert_eq!(none.to_string(), "no address to listen on was given");
///
/// let first = Server::new(serve).listen("127.0.0.1:0").start()?;
/// let second = Server::new(serve).listen(&first.addresses()[0].to_string()).start();
/// match second {
///     Err(StartError::Bind(why)) => assert_eq!(why.source.kind(), std::io::ErrorKind::AddrInUse),
///     _ => panic!("it is taken"),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// No address was given: [`crate::Server::listen`] was not called.
    NoAddress,
    /// An address was not understood, or its name is not known ([`crate::Address::resolve`]).
    Address {
        /// As it was given.
        given: String,
        /// What is wrong with it.
        source: io::Error,
    },
    /// An address could not be had: another program has it (`ss -ltnp` tells which), it is not this machine's, or this process
    /// may not.
    Bind(BindError),
    /// A thread or its event loop could not be made: threads (`ulimit -u`) or descriptors (`ulimit -n`) ran out.
    Thread(io::Error),
    /// The factory of a worker's handler panicked, or took longer than a minute.
    Factory,
    /// [`crate::Processes`] is to be used, and [`crate::worker_or_continue`] was not called.
    NoWorkerLine,
    /// [`crate::Processes`] is to be started inside a tokio runtime. Its workers would begin a runtime of their own on their
    /// way to the start, and serve inside it.
    InsideRuntime,
    /// The program has started a server by [`crate::Processes`] before, and not both tell their workers which of them is theirs
    /// ([`crate::Server::tell_workers`]). Workers begin at `main` and stop at the first start, so they would serve that one.
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
                "this would be the program's second server by the model Processes, and its workers could not know that: \
                 Server::tell_workers tells them which server is theirs",
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
