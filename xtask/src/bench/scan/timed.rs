//! One scan by one scanner: how long the whole process took, the most memory it had, and what it found.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::tools::Tool;
use crate::lan::{COUNT, Lan, open_ports};
use crate::process::{Process, now};
use crate::{Outcome, interrupt};

/// How long a scanner may take: the slowest needs 150 s, and twice as long where the machine is busy.
const SCAN_MAX: Duration = Duration::from_secs(600);

/// How often the memory is looked at. Linux keeps the peak itself, so only what a scanner takes in its last moments is missed.
const LOOK_EVERY: Timespec = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };

/// How much of what went wrong is told.
const WORDS_MAX: usize = 200;

/// What came of one scan.
#[derive(Clone, Debug, Default)]
pub struct Scanned {
    /// From its start to its end.
    pub secs: f64,
    /// The most memory that was resident.
    pub peak_kib: u64,
    /// How many of the open ports it found.
    pub found: usize,
    /// Ports that it says are open and are not, or are told twice.
    pub false_open: usize,
    /// How it ended, if not well.
    pub fault: Option<String>,
}

impl Scanned {
    /// All that is open, nothing else, and a good end.
    pub fn is_right(&self) -> bool {
        self.found == COUNT && self.false_open == 0 && self.fault.is_none()
    }

    /// What it is, for people.
    pub fn told(&self) -> String {
        let Scanned { secs, found, false_open, fault, .. } = self;
        let fault = fault.as_ref().map_or(String::new(), |fault| format!(", {fault}"));
        format!("{secs:.3} s, {found}/{COUNT} found, {false_open} false{fault}")
    }
}

/// Runs a scanner at the near end of a network, which has forgotten whom it knew.
pub fn scan(lan: &Lan, tool: Tool, command: &mut Command) -> Outcome<Scanned> {
    lan.forget_neighbours()?;
    let (mut said, mut complained) = (tempfile::tempfile()?, tempfile::tempfile()?);
    command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(complained.try_clone()?);
    let begun = now();
    let process = lan.start(command)?;
    let peak_kib = watch(&process)?;
    let secs = begun.elapsed().as_secs_f64();
    if interrupt::came() {
        return Err("interrupted".into());
    }
    let status = process.child().try_wait()?;
    let fault = match status {
        None => Some(format!("still at it after {SCAN_MAX:?}")),
        Some(status) if status.success() => None,
        Some(status) => Some(format!("{status}: {}", last_words(&mut complained)?)),
    };
    let told = tool.open(&words(&mut said)?);
    let (open, found) = (open_ports(), told.iter().copied().collect::<BTreeSet<u16>>());
    let found = found.intersection(&open).count();
    Ok(Scanned { secs, peak_kib, found, false_open: told.len() - found, fault })
}

/// Waits for the end, or for as long as it may take. Gives the peak of its memory.
fn watch(process: &Process) -> Outcome<u64> {
    let pid = Pid::from_raw(process.id().cast_signed()).ok_or("no process")?;
    let end = pidfd_open(pid, PidfdFlags::empty())?;
    let (deadline, mut peak_kib) = (now() + SCAN_MAX, 0);
    while now() < deadline {
        peak_kib = peak_kib.max(process.peak_kib());
        let mut ended = [PollFd::new(&end, PollFlags::IN)];
        if matches!(poll(&mut ended, Some(&LOOK_EVERY)), Ok(1)) {
            break;
        }
    }
    Ok(peak_kib)
}

fn words(file: &mut File) -> Outcome<String> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The last line that says something, without anything that a terminal obeys.
fn last_words(file: &mut File) -> Outcome<String> {
    let said = words(file)?;
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    Ok(last.chars().filter(|c| !c.is_control()).take(WORDS_MAX).collect())
}
