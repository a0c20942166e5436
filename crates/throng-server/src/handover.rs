//! A server's sockets go to another process: one that follows it, and serves in its place.

use std::io;

use crate::restart::{Heir, Restart};
use crate::restart_error::RestartError;
use crate::running::Running;

impl Running {
    /// Starts a new process that could take over: it has all listening sockets, and waits to be told. This server goes on
    /// as before. Waits for the new process, so it must not be called on an event loop. Example: [`crate::restart`].
    ///
    /// # Errors
    /// When the new process cannot serve, ends, or does not answer in time; it is killed and reaped then. And when another
    /// restart is under way, or the server is ending.
    pub fn heir(&self, restart: Restart) -> Result<Heir, RestartError> {
        Running::heir_of_all(std::slice::from_ref(self), restart)
    }

    /// Starts a new process that could take over from all these servers of one process: [`Running::heir`] for several. It
    /// has their sockets, one server's after the other's. Each of them is let go and drained by itself.
    ///
    /// # Errors
    /// As [`Running::heir`], of any of them; all go on then.
    ///
    /// ```
    /// use std::{process::Command, time::Duration};
    /// use throng_server::{Conn, Restart, Running, Server};
    /// # fn main() -> throng_server::Result {
    /// # let serve = || Server::new(|_: Conn| async { Ok(()) }).listen("127.0.0.1:0").start();
    /// let servers = [serve()?, serve()?];
    /// # let mut next = Command::new("sh"); // the line is behind both sockets
    /// # next.args(["-c", "test $LISTEN_FDS = 3 || exit 1; echo warm >&5; read go <&5; echo open >&5"]);
    /// # let restart = Restart::of(next);
    /// let mut heir = Running::heir_of_all(&servers, restart)?;
    /// servers.iter().try_for_each(|server| server.let_go())?;
    /// let drains: Vec<_> = servers.iter().map(|server| server.drain(Duration::from_secs(30))).collect();
    /// drains.iter().for_each(|drain| drop(drain.wait()));
    /// heir.open()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn heir_of_all(servers: &[Running], restart: Restart) -> Result<Heir, RestartError> {
        let turns = servers.iter().map(Running::restart_turn).collect::<Result<_, _>>()?;
        let claims = servers.iter().map(Running::share).collect::<io::Result<Vec<_>>>();
        let claims = claims.map_err(RestartError::Start)?.into_iter().flatten().collect();
        Heir::start(restart, claims, turns)
    }

    /// Lets a new process serve beside this one, and then in its place: from here on it alone accepts. Who is here is served
    /// on; a [`Running::drain`] ends that. Gives the new process's number. For a service with nothing that only one process
    /// can have; another one uses [`Running::heir`]. Example: [`crate::restart`].
    ///
    /// # Errors
    /// As [`Running::heir`]; this server goes on then as if nothing had been.
    pub fn restart(&self, restart: Restart) -> Result<u32, RestartError> {
        let mut heir = self.heir(restart)?;
        let id = heir.open()?;
        // A listener that does not answer ends with the drain.
        let _ = self.let_go();
        Ok(id)
    }
}
