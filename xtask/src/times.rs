//! CPU times as Linux tells them in /proc: of one process, and of the whole machine.

use std::time::Duration;

/// Clock ticks per second (proc_pid_stat(5)): 100 on every machine of today.
const TICKS_PER_SEC: u64 = 100;

/// All CPU time that went into anything so far, on all cores, and the time that this process had of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Busy {
    /// Everybody's.
    pub machine: Duration,
    /// This process's.
    pub own: Duration,
}

impl Busy {
    /// As it is now.
    pub fn now() -> Busy {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        Busy { machine: of_machine(&read("/proc/stat")), own: of_process(&read("/proc/self/stat")) }
    }

    /// What others used since then: neither this process nor the one that had `server` of it.
    pub fn others_since(self, before: Busy, server: Duration) -> Duration {
        let all = self.machine.saturating_sub(before.machine);
        all.saturating_sub(self.own.saturating_sub(before.own)).saturating_sub(server)
    }
}

/// User and system time, of proc_pid_stat(5).
pub fn of_process(stat: &str) -> Duration {
    // The name in parentheses may contain anything, so the fields are counted behind it.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    ticks(fields.get(11..13).unwrap_or_default())
}

/// Time on a core of one thread, in its `schedstat` (sched-stats.rst of the kernel).
pub fn of_thread(schedstat: &str) -> Duration {
    let nanos = schedstat.split_whitespace().next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

/// All that is not idle, waiting or stolen, of proc_stat(5).
fn of_machine(stat: &str) -> Duration {
    let fields: Vec<&str> = stat.lines().next().unwrap_or_default().split_whitespace().collect();
    // cpu user nice system idle iowait irq softirq steal
    ticks(fields.get(1..4).unwrap_or_default()) + ticks(fields.get(6..8).unwrap_or_default())
}

fn ticks(fields: &[&str]) -> Duration {
    let ticks: u64 = fields.iter().filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 1000 / TICKS_PER_SEC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_the_kernel_tells_them() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 5 0 0 0 250 50 3 4 20 0 2 0 100 1 2";
        assert_eq!(of_process(stat), Duration::from_secs(3));
        assert_eq!(of_process(""), Duration::ZERO);
        assert_eq!(of_thread("94449154 9579511 16\n"), Duration::from_nanos(94_449_154));
        assert_eq!(of_thread(""), Duration::ZERO);
        let stat = "cpu  100 20 30 9000 800 6 44 70 0 0\ncpu0 1 2 3\n";
        assert_eq!(of_machine(stat), Duration::from_secs(2));
        assert_eq!(of_machine(""), Duration::ZERO);
    }

    #[test]
    fn what_others_used_is_what_is_left() {
        let secs = Duration::from_secs;
        let before = Busy { machine: secs(100), own: secs(10) };
        let after = Busy { machine: secs(105), own: secs(12) };
        assert_eq!(after.others_since(before, secs(1)), secs(2));
        assert_eq!(after.others_since(before, secs(4)), secs(0), "ticks are coarse");
    }
}
