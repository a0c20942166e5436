//! Wakes the event loop at a time, to the microsecond: the kernel's wait for sockets counts in milliseconds only (epoll(7)),
//! which would make every message of an open loop late.

use std::io;
use std::time::{Duration, Instant};

use mio::{Poll, Token};

/// The token by which it wakes.
pub const ALARM: Token = Token(usize::MAX);

/// A time after which somebody is woken.
pub struct Alarm {
    set_to: Option<Instant>,
    #[cfg(target_os = "linux")]
    timer: std::os::fd::OwnedFd,
}

#[cfg(target_os = "linux")]
impl Alarm {
    /// That wakes this loop.
    ///
    /// # Errors
    /// When the kernel has no timer left.
    pub fn new(poll: &Poll) -> io::Result<Alarm> {
        use std::os::fd::AsRawFd;

        use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};

        let timer =
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        let raw = timer.as_raw_fd();
        poll.registry().register(&mut mio::unix::SourceFd(&raw), ALARM, mio::Interest::READABLE)?;
        Ok(Alarm { set_to: None, timer })
    }

    /// Wakes at this time, which is after now, or never. How long the loop may wait by its own clock.
    ///
    /// # Errors
    /// When the kernel will not.
    pub fn set(&mut self, at: Option<Instant>, now: Instant) -> io::Result<Option<Duration>> {
        use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};

        if at != self.set_to {
            let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
            // A time of zero would mean never.
            let left = at.map_or(Duration::ZERO, |at| (at - now).max(Duration::from_nanos(1)));
            let value = Timespec::try_from(left).unwrap_or(zero);
            timerfd_settime(
                &self.timer,
                TimerfdTimerFlags::empty(),
                &Itimerspec { it_interval: zero, it_value: value },
            )?;
            self.set_to = at;
        }
        Ok(None)
    }
}

#[cfg(not(target_os = "linux"))]
impl Alarm {
    /// That wakes this loop.
    ///
    /// # Errors
    /// Never here.
    pub fn new(_: &Poll) -> io::Result<Alarm> {
        Ok(Alarm { set_to: None })
    }

    /// Wakes at this time, which is after now, or never. How long the loop may wait by its own clock: kqueue(2) counts in
    /// nanoseconds.
    ///
    /// # Errors
    /// Never here.
    pub fn set(&mut self, at: Option<Instant>, now: Instant) -> io::Result<Option<Duration>> {
        self.set_to = at;
        Ok(at.map(|at| at.saturating_duration_since(now)))
    }
}
