//! Ports of a host that are known to answer, asked again and again among the others. Where most ports are silent they alone
//! tell whether the way is free and the host still there.

use std::time::Duration;

use super::moment::Moment;

/// How many ports take turns: one whose queue is full must not look like a host that is gone.
const KNOWN_MAX: usize = 4;
/// One question of so many goes to one of them,
const QUESTIONS_BETWEEN: u32 = 100;
/// and at least five a second.
const TIME_BETWEEN: Duration = Duration::from_millis(200);
/// The shortest time between two, while the window grows by their answers.
const TIME_BETWEEN_MIN: Duration = Duration::from_millis(5);
/// Of so many that were asked last,
const RECENT: u32 = 16;
/// so many lost are too many: the way is too full.
const RECENT_LOST_MAX: u32 = 4;
/// So many lost one after another, and nothing else heard: the host is gone.
pub const SILENT_MAX: u32 = 6;

/// Of one host.
#[derive(Debug, Default)]
pub struct Canaries {
    known: Vec<Known>,
    turn: usize,
    asked_at: Option<Moment>,
    questions_since: u32,
    recent: u32,
    answered: u32,
    lost: u32,
    silent: u32,
    silent_since: Moment,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    port: u16,
    open: bool,
}

impl Canaries {
    /// A port answered. Open ones are better: a host may limit its resets, hardly its accepts.
    pub fn know(&mut self, port: u16, open: bool) {
        if self.known.iter().any(|known| known.port == port) {
            return;
        }
        let new = Known { port, open };
        if self.known.len() < KNOWN_MAX && self.known.iter().all(|known| known.open == open) {
            self.known.push(new);
        } else if open && self.known.iter().any(|known| !known.open) {
            self.known.retain(|known| known.open);
            self.known.push(new);
        }
    }

    /// Is there any?
    pub fn any(&self) -> bool {
        !self.known.is_empty()
    }

    /// A question to some other port was sent.
    pub fn other_asked(&mut self) {
        self.questions_since = self.questions_since.saturating_add(1);
    }

    /// When the next one should be asked, if the host is to be watched now.
    pub fn due(&self, growing_by: Option<Duration>) -> Option<Moment> {
        if self.known.is_empty() {
            return None;
        }
        let Some(asked_at) = self.asked_at else { return Some(Moment::default()) };
        if self.questions_since >= QUESTIONS_BETWEEN {
            return Some(asked_at);
        }
        let between = growing_by.map_or(TIME_BETWEEN, |by| by.clamp(TIME_BETWEEN_MIN, TIME_BETWEEN));
        Some(asked_at + between)
    }

    /// The one whose turn it is, and for how many other questions it stands.
    pub fn ask(&mut self, now: Moment) -> Option<(u16, u32)> {
        if self.known.is_empty() {
            return None;
        }
        self.turn = (self.turn + 1) % self.known.len();
        self.asked_at = Some(now);
        Some((self.known[self.turn].port, std::mem::take(&mut self.questions_since)))
    }

    /// It answered.
    pub fn answered(&mut self) {
        self.note(false);
        self.answered += 1;
        // Those that were lost before were lost on the way: the host is there.
        self.lost += std::mem::take(&mut self.silent);
    }

    /// It did not. Is the way too full?
    pub fn lost(&mut self, sent: Moment) -> bool {
        if self.silent == 0 {
            self.silent_since = sent;
        }
        self.silent += 1;
        self.note(true);
        let too_many = self.recent.count_ones() >= RECENT_LOST_MAX;
        if too_many {
            self.recent = 0;
        }
        too_many
    }

    /// So many in a row have been lost, and nothing was heard since the first of them: when that was sent.
    pub fn silent_since(&self) -> Option<Moment> {
        (self.silent >= SILENT_MAX).then_some(self.silent_since)
    }

    /// Those that were lost in the end were lost because the host was away: they say nothing of the way.
    pub fn forgive(&mut self) {
        self.silent = 0;
        self.recent = 0;
    }

    /// What part is lost on the way, if enough were asked to say so.
    pub fn loss(&self) -> Option<f64> {
        let asked = self.answered + self.lost;
        (asked >= 8).then(|| f64::from(self.lost + 1) / f64::from(asked + 2))
    }

    /// What part was lost, as a plain figure for people.
    pub fn loss_seen(&self) -> f64 {
        f64::from(self.lost) / f64::from((self.answered + self.lost).max(1))
    }

    fn note(&mut self, lost: bool) {
        self.recent = ((self.recent << 1) | u32::from(lost)) & ((1 << RECENT) - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_ports_take_the_place_of_closed_ones_and_take_turns() {
        let mut canaries = Canaries::default();
        assert!(canaries.ask(Moment::default()).is_none());
        for port in [9, 8, 7] {
            canaries.know(port, false);
        }
        for port in [80, 22, 80, 443, 25, 110, 5] {
            canaries.know(port, true);
        }
        canaries.know(6, false);
        let mut asked: Vec<u16> =
            (0..8).filter_map(|_| canaries.ask(Moment::default())).map(|ask| ask.0).collect();
        assert_eq!(asked[..4], asked[4..]);
        asked.truncate(4);
        asked.sort_unstable();
        assert_eq!(asked, [22, 25, 80, 443]);
    }

    #[test]
    fn a_quarter_lost_is_too_many_and_six_in_a_row_are_a_host_that_is_gone() {
        let mut canaries = Canaries::default();
        canaries.know(80, true);
        let mut too_many = 0;
        for round in 0..60 {
            if round % 8 == 0 {
                too_many += u32::from(canaries.lost(Moment::default()));
            } else {
                canaries.answered();
            }
        }
        assert_eq!(too_many, 0, "an eighth is not");
        assert_eq!(canaries.silent_since(), None);
        let too_many = (0..SILENT_MAX).filter(|_| canaries.lost(Moment::default())).count();
        assert!((1..=2).contains(&too_many), "{too_many}");
        assert!(canaries.silent_since().is_some());
        canaries.answered();
        assert_eq!(canaries.silent_since(), None);
    }
}
