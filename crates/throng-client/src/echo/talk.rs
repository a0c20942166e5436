//! The measured run: everybody keeps its messages under way, and in the end everybody leaves with everything heard.

use std::time::Duration;

use super::latencies::Latencies;
use super::{Callers, State, Stay, Trouble, now};

/// How long the talk lasts.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Before it counts.
    pub warm_up: Duration,
    /// While it counts.
    pub window: Duration,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Talked {
    /// Within the window: messages that came back whole; or, when callers stay for one, connections that ended well.
    pub round_trips: u64,
    /// How long the window was.
    pub lasted: Duration,
    /// What the caller measured at its beginning and its end, such as the server's CPU time.
    pub measured: (Duration, Duration),
    /// How long half of the round trips took at most: a message, or a connection from its coming to its end.
    pub p50: Duration,
    /// How long all but one in a hundred took at most.
    pub p99: Duration,
    /// The longest, of those too that ended after the window.
    pub longest: Duration,
    /// Messages from the first to the last, every byte of them checked.
    pub checked: u64,
}

impl Callers {
    /// Talks, and leaves. `measure` is called at the window's two ends.
    ///
    /// # Errors
    /// When a byte is lost, repeated or damaged, or the server closes anybody, or does not when it should.
    pub fn talk(mut self, times: Times, mut measure: impl FnMut() -> Duration) -> Result<Talked, Trouble> {
        self.begin()?;
        self.go_on(times.warm_up)?;
        self.take_latencies();
        let (before, begun, measured) = (self.tally.round_trips, now(), measure());
        self.go_on(times.window)?;
        let measured = (measured, measure());
        let (lasted, round_trips) = (begun.elapsed(), self.tally.round_trips - before);
        let latencies = self.take_latencies();
        self.leave_all()?;
        let longest = latencies.longest().max(self.take_latencies().longest());
        let (p50, p99) = (latencies.quantile(0.5), latencies.quantile(0.99));
        Ok(Talked { round_trips, lasted, measured, p50, p99, longest, checked: self.tally.heard })
    }

    fn begin(&mut self) -> Result<(), Trouble> {
        if self.shape.stay == Stay::Long {
            self.messages_max = u64::MAX;
        }
        for index in 0..self.callers.len() {
            self.flush(index, now())?;
        }
        self.connect_some(self.shape.connections)
    }

    fn go_on(&mut self, time: Duration) -> Result<(), Trouble> {
        let deadline = now() + time;
        self.run_until(deadline, |_| false).map(drop)
    }

    fn take_latencies(&mut self) -> Latencies {
        std::mem::take(&mut self.tally.latencies)
    }

    /// What is under way comes back, everybody says that nothing more comes, and the server closes: nothing else may
    /// come before.
    ///
    /// # Errors
    /// When something does, or a byte is missing, or the server closes somebody too early or too late.
    pub fn leave_all(&mut self) -> Result<(), Trouble> {
        self.messages_max = 0;
        let deadline = now() + self.patience;
        if !self.run_until(deadline, |tally| tally.heard == tally.begun)? {
            return Err(self.late("answering the last messages"));
        }
        for index in 0..self.callers.len() {
            if self.callers[index].state == State::Here {
                self.leave(index)?;
            }
        }
        if !self.run_until(deadline, |tally| tally.gone == tally.came)? {
            return Err(self.late("closing those who left"));
        }
        Ok(())
    }
}
