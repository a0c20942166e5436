//! A process that a command started: watched, measured, and ended by its own pid whatever happens.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::{Outcome, family, interrupt, times};

/// How long a server may take until it listens.
pub const START_MAX: Duration = Duration::from_secs(30);

/// All that run: written when one starts, read when the command is interrupted.
static RUNNING: Mutex<Vec<Weak<Mutex<Child>>>> = Mutex::new(Vec::new());

/// A running process.
pub struct Process {
    child: Arc<Mutex<Child>>,
    pid: u32,
}

impl Process {
    /// Starts a process that ends with this value, or when the command is interrupted.
    pub fn start(command: &mut Command) -> Outcome<Process> {
        let child =
            command.spawn().map_err(|why| format!("cannot start {:?}: {why}", command.get_program()))?;
        let pid = child.id();
        let child = Arc::new(Mutex::new(child));
        let mut running = locked(&RUNNING);
        running.retain(|other| other.strong_count() > 0);
        running.push(Arc::downgrade(&child));
        drop(running);
        if interrupt::came() {
            // It was started when all others had been ended already.
            end(&child);
        }
        Ok(Process { child, pid })
    }

    /// The process itself, to read what it says.
    pub fn child(&self) -> MutexGuard<'_, Child> {
        locked(&self.child)
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.pid
    }

    /// CPU time of all its threads so far.
    pub fn cpu(&self) -> Duration {
        times::of_process(&told(self.pid, "stat"))
    }

    /// CPU time of the threads that it and its children have now, to a few milliseconds, where [`Process::cpu`] has ticks
    /// of ten. What ended threads used is not in it. A kernel that does not count so closely tells the ticks.
    pub fn cpu_of_threads(&self) -> Duration {
        let folders = self.family().map(|pid| std::fs::read_dir(format!("/proc/{pid}/task")));
        let threads = folders.flatten().flatten().flatten();
        let told = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("schedstat")).ok());
        let sum: Duration = told.map(|told| times::of_thread(&told)).sum();
        if sum.is_zero() { self.cpu() } else { sum }
    }

    /// Memory that it holds, in KiB (VmRSS of proc_pid_status(5)).
    pub fn rss_kib(&self) -> u64 {
        field(&told(self.pid, "status"), "VmRSS:")
    }

    /// The most memory that it ever held, in KiB (VmHWM); nothing, when it has ended.
    pub fn peak_kib(&self) -> u64 {
        field(&told(self.pid, "status"), "VmHWM:")
    }

    /// Memory that it and its children hold, in KiB, where what some processes share is divided among them (Pss of
    /// proc_pid_smaps_rollup(5)): a sum of resident sets would count it again for each child.
    pub fn shared_out_kib(&self) -> u64 {
        self.family().map(|pid| field(&told(pid, "smaps_rollup"), "Pss:")).sum()
    }

    /// Threads that it and its children have.
    pub fn threads(&self) -> u64 {
        self.family().map(|pid| field(&told(pid, "status"), "Threads:")).sum()
    }

    /// The ids of it and its children.
    fn family(&self) -> impl Iterator<Item = u32> {
        family::of(self.pid).into_iter()
    }

    /// Waits until something listens there.
    pub fn wait_for(&self, address: SocketAddr) -> Outcome {
        let deadline = now() + START_MAX;
        while now() < deadline {
            if TcpStream::connect(address).is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child().try_wait()? {
                return Err(format!("the server ended before it listened: {status}").into());
            }
            pause(Duration::from_millis(20));
        }
        Err(format!("nothing listened at {address} within {START_MAX:?}").into())
    }
}

/// What the kernel tells of a process; nothing, when it has ended.
fn told(pid: u32, file: &str) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default()
}

/// The number behind this name, at the beginning of a line; nothing, if it is not there.
fn field(told: &str, name: &str) -> u64 {
    let behind = told.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    behind.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

impl Drop for Process {
    fn drop(&mut self) {
        end(&self.child);
    }
}

/// Ends every process that this command started.
pub fn end_all() {
    for child in locked(&RUNNING).iter().filter_map(Weak::upgrade) {
        end(&child);
    }
}

/// Ends a process and waits for it; that it has ended before is no harm.
fn end(child: &Mutex<Child>) {
    let mut child = locked(child);
    let _ = child.kill();
    let _ = child.wait();
}

/// A lock that nobody can spoil: what it holds is whole at every moment.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use super::*;

    // One test for both: the second way ends whatever runs in this program.
    #[test]
    fn a_process_ends_with_its_value_or_with_all_others() {
        for by_its_value in [true, false] {
            let process = Process::start(Command::new("sleep").arg("600")).unwrap();
            let child = Arc::clone(&process.child);
            assert_eq!(locked(&child).try_wait().unwrap(), None);
            assert_eq!(process.id(), locked(&child).id());
            // Not compared: between two looks it may begin its program and have another memory.
            assert!(process.peak_kib() > 0 && process.rss_kib() > 0 && process.shared_out_kib() > 0);
            assert_eq!(process.threads(), 1);
            assert!(process.cpu_of_threads() < Duration::from_secs(60));
            if by_its_value {
                drop(process);
            } else {
                end_all();
            }
            assert!(!locked(&child).try_wait().unwrap().unwrap().success());
        }
    }

    #[test]
    fn a_field_is_found_at_the_beginning_of_its_line() {
        let told = "Name:\tPss: 1\nPss:                1208 kB\nPss_Dirty:  4 kB\nThreads:\t3\n";
        for (name, expected) in [("Pss:", 1208), ("Threads:", 3), ("VmRSS:", 0), ("Name:", 0)] {
            assert_eq!(field(told, name), expected, "{name}");
        }
    }
}
