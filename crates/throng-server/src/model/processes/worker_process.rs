//! One worker as a process, seen from the first one: begun, killed if need be, and always waited for, so that nothing is left
//! of it.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::line::Line;
use crate::clock::{self, millis};
use crate::passed_list::{self, PASSED};
use crate::role::{self, WORKER};

/// This program, even when its file was replaced meanwhile: both ends of a line are the same version (proc(5)).
const OURSELVES: &str = "/proc/self/exe";

/// How often an ending process is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How long the kernel may take to end a killed process. One that it cannot end, such as one in a failing device, is left
/// behind.
const KILLED_MAX: Duration = Duration::from_secs(1);

/// A worker's process.
pub(super) struct WorkerProcess {
    child: Child,
    pub line: Line,
}

impl WorkerProcess {
    /// Begins one, in a process group of its own: Ctrl-C at the terminal is for the first process, which then drains.
    pub(super) fn start(number: usize, count: usize, told: Option<String>) -> io::Result<WorkerProcess> {
        let (line, theirs) = Line::pair()?;
        let mut arguments = std::env::args_os();
        let name = arguments.next().unwrap_or_else(|| OsString::from(OURSELVES));
        let mut command = Command::new(OURSELVES);
        command.arg0(name).args(arguments).env(WORKER, format!("{number}/{count}"));
        match passed_list::for_workers() {
            Some(passed) => command.env(PASSED, passed),
            None => command.env_remove(PASSED),
        };
        match told {
            Some(words) => command.env(role::TOLD, words),
            None => command.env_remove(role::TOLD),
        };
        let child = command.stdin(Stdio::from(theirs)).process_group(0).spawn()?;
        Ok(WorkerProcess { child, line })
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn kill(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
    }

    /// Waits for its end, and does not wait for ever. How it ended.
    pub(super) async fn reap(&mut self, patience: Duration) -> String {
        if let Some(how) = self.ended_within(patience).await {
            return how;
        }
        self.kill();
        self.ended_within(KILLED_MAX).await.unwrap_or_else(|| "it could not be killed".to_owned())
    }

    async fn ended_within(&mut self, patience: Duration) -> Option<String> {
        let until_ms = clock::now_ms().saturating_add(millis(patience));
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status.to_string()),
                Ok(None) => {}
                Err(why) => return Some(why.to_string()),
            }
            if clock::now_ms() >= until_ms {
                return None;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

impl Drop for WorkerProcess {
    /// Only when its keeper panicked is there anything left to end. Nobody waits here: it may be one that cannot be killed.
    fn drop(&mut self) {
        self.kill();
        let _ = self.child.try_wait();
    }
}
