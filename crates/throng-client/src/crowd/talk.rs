//! The measured run: talkers keep their messages under way, everybody checks what it hears.

use std::time::Duration;

use super::tally::{Shape, Tally};
use super::{Crowd, SPEECH, TURN_MAX, Trouble, now};

/// How long the talk lasts.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Before it counts.
    pub warm_up: Duration,
    /// While it counts.
    pub window: Duration,
    /// How long the last words may take, after nobody says more.
    pub last_words: Duration,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Talked {
    /// Messages times receivers, within the window.
    pub deliveries: u64,
    /// How long the window was.
    pub lasted: Duration,
    /// What the caller measured at its beginning and its end, such as the server's CPU time.
    pub measured: (Duration, Duration),
    /// Everything that was heard from the first word to the last, all of it checked.
    pub checked: u64,
    /// Messages that were said from the first to the last.
    pub said: u64,
}

impl Crowd {
    /// Talks, in rooms that were joined before by this shape. `measure` is called at the window's two ends.
    ///
    /// # Errors
    /// When anything is lost, repeated, reordered or damaged, or the server closes somebody.
    pub fn talk(
        &mut self,
        shape: Shape,
        times: Times,
        mut measure: impl FnMut() -> Duration,
    ) -> Result<Talked, Trouble> {
        self.tally = Some(Tally::new(shape));
        let beginnings: Vec<_> = (0..shape.rooms).map(|room| SPEECH.beginning(room)).collect();
        let talkers: Vec<_> = self.tally_mut().talkers().collect();
        for _ in 0..shape.window {
            for (talker, _) in &talkers {
                self.say(*talker, &beginnings)?;
            }
        }
        self.go_on(times.warm_up, &beginnings, true)?;
        let (before, begun, measured) = (self.tally_mut().deliveries(), now(), measure());
        self.go_on(times.window, &beginnings, true)?;
        let measured = (measured, measure());
        let (lasted, deliveries) = (begun.elapsed(), self.tally_mut().deliveries() - before);
        // What is under way comes to its end: then nothing may be missing.
        self.go_on(times.last_words, &beginnings, false)?;
        self.settle()?;
        let tally = self.tally.take().expect("it was set above");
        Ok(Talked { deliveries, lasted, measured, checked: tally.deliveries(), said: tally.said() })
    }

    /// Goes on for so long; or, when nobody says more, until everything was heard.
    fn go_on(&mut self, time: Duration, beginnings: &[String], says_more: bool) -> Result<(), Trouble> {
        let end = now() + time;
        let mut completed = Vec::new();
        loop {
            let left = end.saturating_duration_since(now());
            if left.is_zero() {
                return self
                    .tally_mut()
                    .unheard()
                    .filter(|_| !says_more)
                    .map_or(Ok(()), |lost| Err(lost.into()));
            }
            if !says_more && self.tally_mut().awaited() == 0 {
                return Ok(());
            }
            self.turn(left.min(TURN_MAX))?;
            self.tally_mut().take_completed(&mut completed);
            if says_more {
                completed.sort_unstable();
                for talker in &completed {
                    self.prepare(*talker, beginnings);
                }
                completed.dedup();
                for talker in &completed {
                    let client = self.tally_mut().client_of(*talker);
                    self.flush(client)?;
                }
            }
        }
    }

    fn say(&mut self, talker: usize, beginnings: &[String]) -> Result<(), Trouble> {
        self.prepare(talker, beginnings);
        let client = self.tally_mut().client_of(talker);
        self.flush(client)
    }

    fn prepare(&mut self, talker: usize, beginnings: &[String]) {
        let tally = self.tally.as_mut().expect("somebody talks");
        let client = tally.client_of(talker);
        let room = client / (self.clients.len() / beginnings.len());
        let out = &mut self.clients[client].unsent;
        out.extend_from_slice(beginnings[room].as_bytes());
        tally.say(talker, out);
        out.extend_from_slice(b"\r\n");
    }

    fn tally_mut(&mut self) -> &mut Tally {
        self.tally.as_mut().expect("somebody talks")
    }
}
