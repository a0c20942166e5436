//! The threads of one server, from the first to the last to end.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crate::start_error::StartError;

/// The threads of one server.
pub(crate) struct ThreadGroup {
    handles: Vec<JoinHandle<()>>,
    /// Each thread has a clone until its end. Nothing is ever sent.
    alive: SyncSender<()>,
    ended: Receiver<()>,
}

impl Default for ThreadGroup {
    fn default() -> ThreadGroup {
        let (alive, ended) = sync_channel(0);
        ThreadGroup { handles: Vec::new(), alive, ended }
    }
}

impl ThreadGroup {
    /// Starts one more.
    pub(crate) fn spawn(
        &mut self,
        name: &str,
        body: impl FnOnce() + Send + 'static,
    ) -> Result<(), StartError> {
        let alive = self.alive.clone();
        let body = move || {
            body();
            drop(alive);
        };
        let spawned = Builder::new().name(name.to_owned()).spawn(body);
        self.handles.push(spawned.map_err(StartError::Thread)?);
        Ok(())
    }

    /// Waits until all have ended. One that does not, since a handler blocks it, is left behind: nothing can end a thread
    /// that does not want to.
    pub(crate) fn join(self, patience: Duration) {
        drop(self.alive);
        if self.ended.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
            return;
        }
        for thread in self.handles {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }
}
