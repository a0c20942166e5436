//! How many questions to one host may wait for an answer: few at first, twice as many each round trip, until more of them
//! bring no more answers; half as many where the way or this machine shows trouble.

use std::time::Duration;

use super::moment::Moment;
use super::round_trip::RoundTrip;

/// What it begins with.
pub const START: f64 = 32.0;
/// It never gets smaller by trouble on the way.
const LEAST: f64 = 64.0;
/// Answers that take so much longer than the way alone: a queue has begun, and more would only wait in it.
const INFLATION_FULL: f64 = 1.25;
/// And so much longer: the queue is long, give some of it back.
const INFLATION_LONG: f64 = 2.0;
/// A round that is looked at takes at least so long.
const ROUND_MIN: Duration = Duration::from_millis(20);
/// What a wider window must bring in answers per second.
const WORTH: f64 = 1.1;
/// Fewer answers than this part of the window tell nothing of the way: most ports are silent, or the host limits its answers.
const TELLING: f64 = 0.5;
/// Rounds without a gain until it stops growing,
const FLAT_ROUNDS: u32 = 2;
/// and until it tries again.
const REST_ROUNDS: u32 = 4;
/// After trouble it grows slowly from so much more than what is left,
const CAREFUL: f64 = 1.25;
/// and a queue that is long is left with so much.
const DRAINED: f64 = 0.8;

/// For one host.
#[derive(Debug)]
pub struct Window {
    size: f64,
    max: f64,
    /// Somebody said how many: it does not grow.
    fixed: bool,
    round: Round,
    best_rate: f64,
    best_size: f64,
    flat: u32,
    /// It had trouble here: from here on it grows slowly.
    careful_from: f64,
    /// Until then it does not grow at all.
    resting_until: Moment,
    /// What was sent before this shows nothing new.
    shrunk: Option<Moment>,
}

/// One look at how many answers came.
#[derive(Clone, Copy, Debug, Default)]
struct Round {
    began: Moment,
    heard: u32,
}

impl Window {
    /// One that grows up to so many; or, where somebody said how many, has that size from the start.
    pub fn new(max: u32, fixed: bool) -> Self {
        let max = f64::from(max.max(1));
        Self {
            size: if fixed { max } else { START.min(max) },
            max,
            fixed,
            round: Round::default(),
            best_rate: 0.0,
            best_size: 0.0,
            flat: 0,
            careful_from: max,
            resting_until: Moment::default(),
            shrunk: None,
        }
    }

    /// How many may wait.
    pub fn size(&self) -> u32 {
        self.size as u32
    }

    /// One answer to a question of the sweep.
    pub fn answered(&mut self, now: Moment, round_trip: &RoundTrip) {
        self.round.heard += 1;
        self.grow(now, 1.0, round_trip);
        if now.since(self.round.began) >= length(round_trip) {
            self.look(now, round_trip);
            self.drain_queue(now, round_trip);
        }
    }

    /// An answer that stands for so many questions that have none: a port that is known to answer still does.
    pub fn vouched(&mut self, now: Moment, questions: f64, round_trip: &RoundTrip) {
        self.grow(now, questions.min(self.size), round_trip);
        self.drain_queue(now, round_trip);
    }

    /// Nothing is known at all: a little wider, up to `most`.
    pub fn blind(&mut self, questions: f64, most: u32) {
        if !self.fixed && self.size < f64::from(most) {
            self.size = (self.size + questions / 4.0).min(self.max);
        }
    }

    /// The way is too full, or this machine is: half as many. What was sent before it was half as many shows that once more,
    /// and nothing new (as in RFC 6582 for TCP).
    pub fn shrink(&mut self, now: Moment, sent: Moment, round_trip: &RoundTrip) {
        if self.shrunk.is_some_and(|shrunk| sent <= shrunk) {
            return;
        }
        let least = if self.fixed { 1.0 } else { LEAST.min(self.max) };
        self.size = (self.size / 2.0).max(least).min(self.max);
        self.careful_from = self.size * CAREFUL;
        self.rest(now, round_trip);
    }

    /// From the beginning: the host was away, and nobody knows what the way is like now.
    pub fn restart(&mut self) {
        if !self.fixed {
            self.size = START.min(self.max);
        }
        self.careful_from = self.max;
        (self.best_rate, self.best_size, self.flat) = (0.0, 0.0, 0);
    }

    /// Where answers wait in a long queue, less is sent until it is shorter.
    fn drain_queue(&mut self, now: Moment, round_trip: &RoundTrip) {
        if self.fixed || now < self.resting_until || round_trip.inflation() < INFLATION_LONG {
            return;
        }
        self.size = (self.size * DRAINED).max(LEAST.min(self.max));
        self.careful_from = self.size;
        self.rest(now, round_trip);
    }

    fn rest(&mut self, now: Moment, round_trip: &RoundTrip) {
        self.shrunk = Some(now);
        self.resting_until = now + length(round_trip) * REST_ROUNDS;
        (self.best_rate, self.best_size, self.flat) = (0.0, 0.0, 0);
    }

    fn grow(&mut self, now: Moment, by: f64, round_trip: &RoundTrip) {
        if now < self.resting_until || round_trip.inflation() > INFLATION_FULL {
            return;
        }
        let by = match self.fixed {
            true => by / self.size,
            false if self.size >= self.careful_from => by / 8.0,
            false => by,
        };
        self.size = (self.size + by).min(self.max);
    }

    /// Did the wider window bring more answers?
    fn look(&mut self, now: Moment, round_trip: &RoundTrip) {
        let Round { began, heard } = std::mem::replace(&mut self.round, Round { began: now, heard: 0 });
        let telling = f64::from(heard) >= self.size * TELLING;
        if self.fixed || !telling || now < self.resting_until || began == Moment::default() {
            return;
        }
        let rate = f64::from(heard) / now.since(began).as_secs_f64().max(1e-6);
        if rate > self.best_rate * WORTH {
            (self.best_rate, self.best_size, self.flat) = (rate, self.size, 0);
        } else if self.size > self.best_size * 1.2 {
            self.flat += 1;
            if self.flat >= FLAT_ROUNDS {
                // What it had when it was best serves as well, and leaves the way to others.
                self.size = self.size.min((self.best_size * 1.2).max(LEAST)).min(self.max);
                self.careful_from = self.size;
                self.rest(now, round_trip);
            }
        }
    }
}

/// How long a round is.
fn length(round_trip: &RoundTrip) -> Duration {
    round_trip.smoothed().unwrap_or(ROUND_MIN).max(ROUND_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Moment {
        Moment::after(Duration::from_millis(milliseconds))
    }

    fn way(samples: &[u64]) -> RoundTrip {
        let mut way = RoundTrip::new(false);
        samples.iter().for_each(|sample| way.measured(Duration::from_millis(*sample)));
        way
    }

    fn wide() -> Window {
        let mut window = Window::new(10_000, false);
        (0..10).for_each(|_| window.vouched(at(1), 1e6, &way(&[50])));
        window
    }

    #[test]
    fn it_doubles_with_each_round_of_answers_up_to_its_most() {
        let (mut window, way) = (Window::new(1000, false), way(&[50]));
        for round in 1..=6 {
            let before = window.size();
            (0..before).for_each(|_| window.answered(at(50 * round), &way));
            assert_eq!(window.size(), (before * 2).min(1000), "round {round}");
        }
        assert_eq!(Window::new(1000, true).size(), 1000, "or is what somebody said");
    }

    #[test]
    fn what_was_lost_together_shrinks_it_once() {
        let (mut window, way) = (wide(), way(&[50]));
        assert_eq!(window.size(), 10_000);
        window.shrink(at(500), at(400), &way);
        assert_eq!(window.size(), 5000);
        // Sent before it was smaller: that says what is known.
        (401..=500).for_each(|sent| window.shrink(at(sent + 100), at(sent), &way));
        assert_eq!(window.size(), 5000);
        window.shrink(at(700), at(501), &way);
        assert_eq!(window.size(), 2500);
        (0..20).for_each(|more| window.shrink(at(1005 + more * 10), at(1000 + more * 10), &way));
        assert_eq!(window.size(), 64, "it has a least");
        let mut window = wide();
        window.restart();
        assert_eq!(window.size(), 32, "after a host was away it is as at first");
    }

    #[test]
    fn after_trouble_it_rests_and_then_grows_slowly() {
        let (mut window, way) = (wide(), way(&[50]));
        window.shrink(at(500), at(400), &way);
        window.vouched(at(600), 5000.0, &way);
        assert_eq!(window.size(), 5000, "at rest");
        window.vouched(at(800), 5000.0, &way);
        assert_eq!(window.size(), 10_000, "below where it had trouble as at first");
        window.shrink(at(900), at(850), &way);
        window.vouched(at(1200), 2000.0, &way);
        assert_eq!(window.size(), 7000);
        window.vouched(at(1201), 800.0, &way);
        assert_eq!(window.size(), 7100, "and from there slowly");
    }

    #[test]
    fn it_does_not_grow_into_a_queue_and_gives_a_long_one_back() {
        let mut window = Window::new(10_000, false);
        window.vouched(at(1), 32.0, &way(&[50, 90, 90, 90]));
        assert_eq!(window.size(), 32);
        let mut window = wide();
        window.vouched(at(500), 1.0, &way(&[50, 190, 190, 190, 190]));
        assert_eq!(window.size(), 8000);
    }
}
