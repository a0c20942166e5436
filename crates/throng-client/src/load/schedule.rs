//! When each message of an open loop is meant to be sent: evenly, by all connections in turn. Pure.
//!
//! The time of a message follows from its connection and its number alone, so what a late answer holds up keeps the time at
//! which it should have been sent, and nothing is stored for it.

use std::time::{Duration, Instant};

/// The times.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    begins: Instant,
    rate: f64,
    clients: u64,
    /// Messages whose time has come.
    issued: u64,
}

impl Schedule {
    /// Of so many messages a second, by so many connections.
    pub fn new(begins: Instant, rate: f64, clients: usize) -> Schedule {
        Schedule { begins, rate, clients: clients as u64, issued: 0 }
    }

    /// The time of this message of this connection.
    pub fn intended(&self, client: usize, number: u64) -> Instant {
        self.time(number * self.clients + client as u64)
    }

    /// When the next message is meant to be sent.
    pub fn next(&self) -> Instant {
        self.time(self.issued)
    }

    /// The connection of the next message, if its time has come.
    pub fn issue(&mut self, now: Instant) -> Option<usize> {
        (self.next() <= now).then(|| {
            self.issued += 1;
            ((self.issued - 1) % self.clients) as usize
        })
    }

    fn time(&self, place: u64) -> Instant {
        let seconds = Duration::try_from_secs_f64(place as f64 / self.rate).unwrap_or(Duration::MAX);
        // A time beyond what the clock knows never comes; so far ahead is soon enough for that.
        self.begins.checked_add(seconds).unwrap_or(self.begins + Duration::from_secs(1 << 30))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_evenly_and_by_turns() {
        let begins = super::super::now();
        let mut schedule = Schedule::new(begins, 100.0, 3);
        let mut issued = Vec::new();
        for millis in 0..=50 {
            while let Some(client) = schedule.issue(begins + Duration::from_millis(millis)) {
                issued.push((millis, client));
            }
        }
        assert_eq!(issued, [(0, 0), (10, 1), (20, 2), (30, 0), (40, 1), (50, 2)]);
        for (client, number, millis) in [(0, 0, 0), (1, 0, 10), (0, 1, 30), (2, 1, 50)] {
            assert_eq!(schedule.intended(client, number), begins + Duration::from_millis(millis));
        }
        assert_eq!(schedule.next(), begins + Duration::from_millis(60));
    }

    #[test]
    fn a_rate_that_hardly_moves_is_no_trouble() {
        let begins = super::super::now();
        let mut schedule = Schedule::new(begins, f64::MIN_POSITIVE, 1);
        assert_eq!((schedule.issue(begins), schedule.issue(begins)), (Some(0), None));
    }
}
