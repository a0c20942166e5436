//! What the one who operates a server is told.

use std::time::Duration;

use crate::peer::{ConnId, Peer};

/// How the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Takes clients.
    Open,
    /// Serves those who are here, refuses new ones, keeps its ports.
    Paused,
    /// Serves those who are here; its sockets are another process's, or wait for one.
    LetGo,
    /// Serves those who are here to their end.
    Draining,
    /// Is over.
    Closed,
}

/// What a pause found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paused {
    /// Clients that were still taken from the kernel's queue.
    pub taken: usize,
    /// Connections that are served on.
    pub in_flight: usize,
}

/// How a drain went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Connections that ended by themselves, in time.
    pub finished: usize,
    /// Connections that were cut at the deadline.
    pub cut: usize,
    /// How long it took.
    pub lasted: Duration,
}

/// One connection, as it is now.
#[derive(Clone, Debug)]
pub struct ConnInfo {
    /// Its number.
    pub id: ConnId,
    /// Both its ends.
    pub peer: Peer,
    /// Which worker serves it.
    pub worker: usize,
    /// How old it is.
    pub age: Duration,
    /// Since when nothing was heard.
    pub silent: Duration,
    /// Bytes that the peer sent.
    pub bytes_in: u64,
    /// Bytes that the kernel took for it.
    pub bytes_out: u64,
}
