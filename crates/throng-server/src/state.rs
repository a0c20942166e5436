//! How a server is, and the two ways to pause it.

/// How the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Takes clients.
    Open,
    /// Serves those who are here, refuses new ones, keeps its ports: [`Pause::Refuse`].
    Paused,
    /// Serves those who are here, lets new ones wait in the kernel's queue: [`Pause::Hold`].
    Held,
    /// Serves those who are here; its sockets are another process's, or wait for one ([`crate::Running::let_go`]).
    LetGo,
    /// Serves those who are here to their end.
    Draining,
    /// Is over.
    Closed,
}

/// What becomes of those who knock during a pause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pause {
    /// They are refused (ECONNREFUSED), so that they know at once and may go elsewhere. Who knocked before is served.
    #[default]
    Refuse,
    /// They wait in the kernel's queue of [`crate::Limits::backlog`], and are served in their order when the pause is over.
    /// For moments: when the queue is full, the kernel lets others knock again and again without a word, a second apart and
    /// more.
    Hold,
}
