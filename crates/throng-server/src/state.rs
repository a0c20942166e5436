//! How a server is, and the two ways to pause it.

/// How the server is.
///
/// ```text
/// Open ⇄ Paused ⇄ Held      by pause and resume
/// any of these → LetGo      by let_go, when another process takes over
/// any of these → Draining → Closed
/// ```
///
/// ```
/// # use throng_server::{Conn, Server};
/// use throng_server::{Pause, State};
///
/// # fn main() -> throng_server::Result {
/// # let running = Server::new(|_: Conn| async { Ok(()) }).listen("127.0.0.1:0").start()?;
/// running.pause(Pause::Hold)?;
/// assert_eq!(running.state(), State::Held);
/// running.pause(Pause::Refuse)?; // one pause becomes the other
/// assert_eq!(running.state(), State::Paused);
/// running.shutdown().wait();
/// assert_eq!(running.state(), State::Closed);
/// # Ok(())
/// # }
/// ```
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

/// What becomes of those who knock during a pause. Examples: [`crate::Running`] refuses, [`crate::Running::pause`] holds.
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
