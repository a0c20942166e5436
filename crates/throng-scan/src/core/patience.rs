//! The questions to one host in the order of their sending, and which of them no longer wait for an answer.

use std::collections::VecDeque;
use std::time::Duration;

use super::flights::{Flight, Flights, Slot};
use super::moment::Moment;

/// A question, by its slot and its serial: another one may have the slot by now.
pub type Sent = (Slot, u32);

/// How long an answer is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// To most questions.
    pub usual: Duration,
    /// To the first, which find the way.
    pub first: Duration,
}

/// Those that wait. One that was answered stays until it is its turn to be looked at.
#[derive(Debug, Default)]
pub struct Patience {
    line: VecDeque<Sent>,
    first: Vec<Sent>,
}

impl Patience {
    /// One of the first waits.
    pub fn begin(&mut self, sent: Sent) {
        self.first.push(sent);
    }

    /// One more waits.
    pub fn wait(&mut self, sent: Sent, flights: &Flights) {
        // Answered ones are dropped here too, so that the line is not longer than what waits.
        for _ in 0..2 {
            if self.line.front().is_some_and(|(slot, serial)| flights.same(*slot, *serial).is_none()) {
                self.line.pop_front();
            }
        }
        self.line.push_back(sent);
    }

    /// Those that have waited long enough. They have landed, and their slots are among the `abandoned`.
    pub fn end(
        &mut self,
        now: Moment,
        limits: Limits,
        flights: &mut Flights,
        abandoned: &mut Vec<Slot>,
    ) -> Vec<Flight> {
        let mut ended = Vec::new();
        let mut look = |(slot, serial): Sent, limit: Duration| match flights.same(slot, serial) {
            Some(flight) if now < flight.sent + limit => true,
            Some(_) => {
                abandoned.push(slot);
                ended.extend(flights.land(slot));
                false
            }
            None => false,
        };
        while let Some(&sent) = self.line.front() {
            if look(sent, limits.usual) {
                break;
            }
            self.line.pop_front();
        }
        self.first.retain(|sent| look(*sent, limits.first));
        ended
    }

    /// When the next one will have.
    pub fn next_end(&self, limits: Limits, flights: &Flights) -> Option<Moment> {
        let sent = |&(slot, serial): &Sent| flights.same(slot, serial).map(|flight| flight.sent);
        // What was answered may stand in front: then now is the time to look further.
        let usual =
            self.line.front().map(|front| sent(front).map_or(Moment::default(), |sent| sent + limits.usual));
        let first = self.first.iter().filter_map(sent).map(|sent| sent + limits.first).min();
        usual.into_iter().chain(first).min()
    }
}
