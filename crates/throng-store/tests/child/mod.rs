//! A child that is killed: this program again, told by variables what to do. It says on standard error how far it has come, and is
//! killed by its own pid. The test file that has it needs a test `the_child_that_is_killed`, which does the [`task`].

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use throng_store::DataFolder;

/// What the child does, and where; nothing, in an ordinary run of the tests.
const TASK: &str = "THRONG_STORE_TEST_TASK";
const FOLDER: &str = "THRONG_STORE_TEST_FOLDER";

/// What is to be done here, if this is the child.
pub(crate) fn task() -> Option<(String, DataFolder)> {
    let task = std::env::var(TASK).ok()?;
    Some((task, DataFolder::open(Path::new(&std::env::var(FOLDER).unwrap())).unwrap()))
}

/// Says how far the child has come.
pub(crate) fn tell(said: &str) {
    std::io::stderr().write_all(format!("{said}\n").as_bytes()).unwrap();
}

/// Waits, in the child, until it is killed; or until its parent is gone.
pub(crate) fn wait_for_the_end() {
    let _ = std::io::stdin().read_line(&mut String::new());
}

/// Held by each test that begins children: a child that one test is just beginning has, until it is the other program, the
/// lock files that another test has open.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

pub(crate) fn one_at_a_time() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) struct Running {
    child: Child,
    lines: BufReader<ChildStderr>,
}

impl Running {
    pub(crate) fn start(task: &str, folder: &Path) -> Running {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "the_child_that_is_killed", "--nocapture"]);
        command.env(TASK, task).env(FOLDER, folder);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        Running { child, lines }
    }

    /// The next whole line; the last one may be torn.
    pub(crate) fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.strip_suffix('\n').map(str::to_owned)
    }

    /// SIGKILL, and what it had still said.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.rest()
    }

    pub(crate) fn rest(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.line()).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already; both calls then have nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
