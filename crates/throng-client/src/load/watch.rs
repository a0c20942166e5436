//! The load generator watches itself: how busy its thread was, how long it had to wait for a core, and how long what was
//! ready waited for it. Where it had no time left, the figures are its own and not the server's.

use std::time::{Duration, Instant};

use crate::times::Times;

/// A thread that was idle for less than this share of the time is the bottleneck.
pub const IDLE_MIN: f64 = 0.05;

/// Lag counts when it is this share of the tail that was measured, or more.
const LAG_SHARE_MAX: f64 = 0.5;

/// A lag below this is that of every program.
const LAG_MIN: Duration = Duration::from_millis(2);

/// The thread's clocks at one moment.
#[derive(Clone, Copy, Debug)]
struct Clocks {
    at: Instant,
    /// What the thread used.
    used: Duration,
    /// How long it was ready to run and others had its core.
    queued: Duration,
}

/// Who watches.
#[derive(Debug)]
pub struct Watch {
    begun: Clocks,
    lag: Times,
}

/// How busy the generator was.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Own {
    /// The share of its core that the thread used.
    pub cpu: f64,
    /// The share of the time in which others had its core.
    pub queued: f64,
    /// How long what was ready waited for the thread: all but one in a hundred.
    pub lag_p99: Duration,
    /// The longest of that.
    pub lag_max: Duration,
}

impl Watch {
    /// Begins now, on the thread that is watched.
    pub fn begin(at: Instant) -> Watch {
        Watch { begun: clocks(at), lag: Times::default() }
    }

    /// So many events were served in one turn, the last of them after this time; or a message was sent so long after its time.
    pub fn turn(&mut self, took: Duration, events: usize) {
        if events > 0 {
            self.lag.add_many(took, events as u64);
        }
    }

    /// What came of it.
    pub fn end(&self, at: Instant) -> Own {
        let now = clocks(at);
        let wall = now.at.saturating_duration_since(self.begun.at).as_secs_f64().max(f64::MIN_POSITIVE);
        let share =
            |now: Duration, begun: Duration| (now.saturating_sub(begun).as_secs_f64() / wall).min(1.0);
        Own {
            cpu: share(now.used, self.begun.used),
            queued: share(now.queued, self.begun.queued),
            lag_p99: self.lag.quantile(0.99),
            lag_max: self.lag.longest(),
        }
    }
}

impl Own {
    /// Why the figures are the generator's own, if they are. `tail` is the p99 that was measured, where there is one.
    pub fn objection(&self, tail: Duration) -> Option<String> {
        let percent = |share: f64| (share * 100.0).round();
        if 1.0 - self.cpu - self.queued < IDLE_MIN {
            let (cpu, queued) = (percent(self.cpu), percent(self.queued));
            return Some(if self.queued > self.cpu {
                format!(
                    "other programs had this one's core for {queued} % of the time, and it needed all the rest"
                )
            } else if self.queued >= IDLE_MIN {
                format!(
                    "this program was never idle: it used {cpu} % of a core, and others had that for {queued} %"
                )
            } else {
                format!("this program was never idle: it used {cpu} % of a core")
            });
        }
        let is_late =
            self.lag_p99 > LAG_MIN && self.lag_p99.as_secs_f64() > tail.as_secs_f64() * LAG_SHARE_MAX;
        is_late.then(|| {
            format!(
                "what was ready waited for this program: p99 {:?} of the {tail:?} that were measured",
                self.lag_p99
            )
        })
    }
}

fn clocks(at: Instant) -> Clocks {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Clocks { at, used: Duration::try_from(used).unwrap_or_default(), queued: queued().unwrap_or_default() }
}

/// How long this thread waited for a core: the second number (sched-stats of the kernel's manual). Only Linux tells.
fn queued() -> Option<Duration> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(told.split_whitespace().nth(1)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_or_late_generator_objects_and_says_why() {
        let millis = Duration::from_millis;
        let own = |cpu, queued, lag| Own { cpu, queued, lag_p99: millis(lag), lag_max: millis(lag) };
        for (own, tail, expected) in [
            (own(0.5, 0.1, 0), 1, ""),
            (own(0.94, 0.0, 0), 1, ""),
            (own(0.97, 0.01, 0), 1, "it used 97 % of a core"),
            (own(0.70, 0.28, 0), 1, "others had that for 28 %"),
            (own(0.30, 0.68, 0), 1, "other programs had this one's core for 68 %"),
            (own(0.2, 0.0, 8), 100, ""),
            (own(0.2, 0.0, 8), 10, "what was ready waited for this program"),
            (own(0.2, 0.0, 1), 1, ""),
        ] {
            let objection = own.objection(millis(tail));
            assert_eq!(objection.is_none(), expected.is_empty(), "{own:?}: {objection:?}");
            assert!(objection.unwrap_or_default().contains(expected), "{own:?}");
        }
    }

    #[test]
    fn a_thread_that_works_is_seen_to_work() {
        let watch = Watch::begin(super::super::now());
        let mut sum = 0_u64;
        while watch.end(super::super::now()).cpu * watch.begun.at.elapsed().as_secs_f64() < 0.02 {
            sum = sum.wrapping_mul(3).wrapping_add(std::hint::black_box(1));
        }
        assert!(watch.end(super::super::now()).cpu > 0.0, "{sum}");
    }
}
