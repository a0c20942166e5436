//! A network namespace of our own: made, entered by a thread that lends itself, and deleted whatever happens.
//!
//! Its name begins with the id of the process that made it, so `ip netns exec` finds it, and what a process that was
//! killed left behind is known as such and deleted by the next one.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::{Outcome, packages};

/// Where `ip netns` keeps names (ip-netns(8)).
const FOLDER: &str = "/run/netns";

/// What all names begin with; the id of the process follows.
const PREFIX: &str = "throng-";

/// How many were made by this process; each has a number of its own.
static MADE: AtomicU32 = AtomicU32::new(0);

/// A network namespace. It is deleted with this value.
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes one, with its loopback up. The last word of its name says whose it is.
    pub fn make(whose: &str) -> Outcome<Namespace> {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{number}-{whose}", std::process::id());
        ip(&["netns", "add", &name])?;
        let made = Namespace { name };
        made.ip(&["link", "set", "lo", "up"])?;
        Ok(made)
    }

    /// As `ip netns` knows it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `ip` in it.
    pub fn ip(&self, arguments: &[&str]) -> Outcome {
        ip(&[&["-n", &self.name], arguments].concat())
    }

    /// Does this on a thread that is in the namespace: what it opens and starts there stays there.
    pub fn within<T: Send>(&self, work: impl FnOnce() -> Result<T, String> + Send) -> Outcome<T> {
        let enter = || -> std::io::Result<()> {
            let door = std::fs::File::open(self.path())?;
            Ok(move_into_link_name_space(door.as_fd(), Some(LinkNameSpaceType::Network))?)
        };
        let entered = || {
            enter().map_err(|why| format!("cannot enter the namespace {}: {why}", self.name))?;
            work()
        };
        let done = std::thread::scope(|scope| scope.spawn(entered).join());
        Ok(done.map_err(|_| format!("what was done in the namespace {} panicked", self.name))??)
    }

    fn path(&self) -> PathBuf {
        Path::new(FOLDER).join(&self.name)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Err(why) = ip(&["netns", "delete", &self.name]) {
            eprintln!("the namespace {} is left: {why}", self.name);
        }
    }
}

/// Deletes what processes that are no more have left, which only happens when they were killed.
pub fn sweep() {
    for entry in std::fs::read_dir(FOLDER).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let lives = |pid: u32| Path::new("/proc").join(pid.to_string()).exists();
        if maker(&name).is_some_and(|pid| !lives(pid)) {
            drop(Namespace { name });
        }
    }
}

/// The id of the process that made it; none, if the name is not of ours.
fn maker(name: &str) -> Option<u32> {
    name.strip_prefix(PREFIX)?.split_once('-')?.0.parse().ok()
}

/// Not through [`crate::process`]: what cleans up must run when the command was interrupted, too.
fn ip(arguments: &[&str]) -> Outcome {
    let program = packages::need("ip", "iproute2")?;
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("ip {} failed: {}", arguments.join(" "), said.trim()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_have_a_maker() {
        for (name, expected) in [
            ("throng-12-0-near", Some(12)),
            ("throng-12", None),
            ("throng-x-0-near", None),
            ("throng--0-near", None),
            ("blue-12-0-near", None),
        ] {
            assert_eq!(maker(name), expected, "{name}");
        }
    }
}
