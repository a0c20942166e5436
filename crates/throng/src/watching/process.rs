//! What the kernel tells of this process (proc(5)), by the names that Prometheus' own libraries give it. Where it is not told,
//! as on macOS, it is missing.

use serde::Serialize;

/// This process.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it began, in seconds of the wall clock.
    pub start_time_seconds: f64,
    /// Processor time of all its threads.
    pub cpu_seconds: Option<f64>,
    /// Memory that it holds.
    pub resident_bytes: Option<u64>,
    /// Memory that it has addresses for.
    pub virtual_bytes: Option<u64>,
    /// Its threads.
    pub threads: Option<u64>,
    /// Descriptors that are open.
    pub open_fds: Option<u64>,
    /// How many it may have.
    pub max_fds: Option<u64>,
}

impl Process {
    /// As it is now.
    pub fn look(start_time_seconds: f64) -> Process {
        let stat = std::fs::read_to_string("/proc/self/stat").ok().and_then(|told| Stat::of(&told));
        // The look itself has one open.
        let open_fds =
            std::fs::read_dir("/proc/self/fd").ok().map(|found| (found.count() as u64).saturating_sub(1));
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        let page = rustix::param::page_size() as u64;
        Process {
            pid: std::process::id(),
            start_time_seconds,
            cpu_seconds: stat.as_ref().map(|stat| stat.cpu_ticks as f64 / ticks),
            resident_bytes: stat.as_ref().map(|stat| stat.resident_pages * page),
            virtual_bytes: stat.as_ref().map(|stat| stat.virtual_bytes),
            threads: stat.as_ref().map(|stat| stat.threads),
            open_fds,
            max_fds: rlimit::Resource::NOFILE.get_soft().ok(),
        }
    }
}

/// What is taken from a line of /proc/PID/stat.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    cpu_ticks: u64,
    threads: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

impl Stat {
    fn of(told: &str) -> Option<Stat> {
        // The second field is the program's name in brackets, which may have anything in it.
        let (_, rest) = told.rsplit_once(')')?;
        let fields: Vec<_> = rest.split_ascii_whitespace().collect();
        // The third field of the line is the first here.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Stat {
            cpu_ticks: field(14)? + field(15)?,
            threads: field(20)?,
            virtual_bytes: field(23)?,
            resident_pages: field(24)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_kernel_is_read_whatever_the_program_is_called() {
        let told = "7 (a) b (c) S 1 7 7 0 -1 4194304 9 8 7 6 50 25 2 1 20 0 3 0 99 4096000 120 18446744073709551615 1";
        let expected = Stat { cpu_ticks: 75, threads: 3, virtual_bytes: 4_096_000, resident_pages: 120 };
        assert_eq!(Stat::of(told), Some(expected));
        for wrong in ["", "7 (a)", "7 a S 1", "7 (a) S x"] {
            assert_eq!(Stat::of(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_is_told_of_whole() {
        let process = Process::look(1.5);
        assert_eq!((process.pid, process.start_time_seconds), (std::process::id(), 1.5));
        assert!(
            process.resident_bytes > Some(0) && process.threads > Some(0) && process.cpu_seconds.is_some()
        );
        assert!(process.open_fds > Some(2) && process.open_fds < process.max_fds, "{process:?}");
    }
}
