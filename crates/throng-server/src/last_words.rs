//! What a process said last, before it ended or was ended: the end of its standard error, for the one who must tell why.

use std::collections::VecDeque;
use std::io::Read;
use std::process::ChildStderr;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::Duration;

/// What is kept of a new process's standard error, its end: enough for an error with its hints.
const SAID_MAX: usize = 4096;

/// How long the last words of a process that has ended may take to be read. Something that it started may hold its standard
/// error open for ever.
pub(crate) const LAST_WORDS_MAX: Duration = Duration::from_secs(1);

/// The end of what a process writes to its standard error. A thread reads all of it, so that nobody waits for us.
#[derive(Debug)]
pub(crate) struct LastWords {
    /// Written by the thread, read when the process failed.
    kept: Arc<Mutex<VecDeque<u8>>>,
    /// Closed when there is no more to come.
    more: Receiver<()>,
}

impl LastWords {
    /// Begins to read.
    pub(crate) fn of(stderr: Option<ChildStderr>) -> LastWords {
        let kept = Arc::<Mutex<VecDeque<u8>>>::default();
        let (open, more) = sync_channel::<()>(0);
        let written = Arc::clone(&kept);
        let read = move || {
            let _open = open;
            let mut bytes = [0; 1024];
            let Some(mut stderr) = stderr else { return };
            while let Ok(count @ 1..) = stderr.read(&mut bytes) {
                let mut kept = written.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend(&bytes[..count]);
                let surplus = kept.len().saturating_sub(SAID_MAX);
                kept.drain(..surplus);
            }
        };
        // Without the thread nothing is read, and a process with much to say will not be warm in time.
        let _ = Builder::new().name("throng-heir".to_owned()).spawn(read);
        LastWords { kept, more }
    }

    /// Waits for the last of them, for a moment.
    pub(crate) fn wait(&self) {
        let _ = self.more.recv_timeout(LAST_WORDS_MAX);
    }

    /// What is kept by now.
    pub(crate) fn text(&self) -> String {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept.iter().copied().collect::<Vec<_>>()).into_owned()
    }
}
