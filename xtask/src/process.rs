//! A process that a command started: watched, measured, and ended by its own pid whatever happens.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Child;
use std::time::{Duration, Instant};

use crate::Outcome;

/// How long a server may take until it listens.
const START_MAX: Duration = Duration::from_secs(30);

/// Clock ticks per second, as Linux tells times in /proc (proc_pid_stat(5)): 100 on every machine of today.
const TICKS_PER_SEC: u64 = 100;

/// A running process.
pub struct Process {
    child: Child,
}

impl Process {
    /// Takes a process over.
    pub fn new(child: Child) -> Process {
        Process { child }
    }

    /// Its pid.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The process itself, to read what it says.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// CPU time of all its threads so far.
    pub fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
        // The name in parentheses may contain anything, so the fields are counted behind it.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |place: usize| fields.get(place).and_then(|ticks| ticks.parse::<u64>().ok()).unwrap_or(0);
        Duration::from_millis((ticks(11) + ticks(12)) * 1000 / TICKS_PER_SEC)
    }

    /// Memory that it holds, in KiB (VmRSS).
    pub fn rss_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or(0)
    }

    /// Waits until something listens there.
    pub fn wait_for(&mut self, address: SocketAddr) -> Outcome {
        let deadline = now() + START_MAX;
        while now() < deadline {
            if TcpStream::connect(address).is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("the server ended before it listened: {status}").into());
            }
            pause(Duration::from_millis(20));
        }
        Err(format!("nothing listened at {address} within {} s", START_MAX.as_secs()).into())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago, for servers that cannot choose one by themselves.
pub fn free_port() -> Outcome<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// The time, for a tool that measures.
#[expect(clippy::disallowed_methods, reason = "a measuring tool reads the clock")]
pub fn now() -> Instant {
    Instant::now()
}

/// Waits for something that cannot be waited for.
#[expect(clippy::disallowed_methods, reason = "other people's servers tell nobody when they are ready")]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}
