//! What was wrong with the words of a chat: which were lost, which came out of their order, a second time, or as nobody said
//! them. A word that was passed over is lost until it comes after all. Pure.

use std::collections::BTreeSet;

use super::outcome::{Damaged, FAULTS_KEPT_MAX};
use crate::crowd::trouble::Wrong;

/// Words that were passed over and may still come; what was passed over beyond them is lost when it comes, too.
const PASSED_MAX: usize = 1 << 16;

/// What was wrong.
#[derive(Debug, Default)]
pub struct Amiss {
    /// How many; each kind counts words.
    pub damaged: Damaged,
    /// The first of them.
    pub first: Vec<Wrong>,
    /// Those who heard them.
    receivers: BTreeSet<usize>,
    /// What was passed over: who did not hear it, whose it was, its number.
    passed: BTreeSet<(usize, usize, u64)>,
}

impl Amiss {
    /// Counts it.
    pub fn note(&mut self, wrong: Wrong) {
        let at = match wrong {
            Wrong::Damaged { at, .. } => {
                self.damaged.changed += 1;
                at
            }
            Wrong::Stranger { at, .. } => {
                self.damaged.extra += 1;
                at
            }
            Wrong::Unheard { at, .. } => {
                self.damaged.missing += 1;
                at
            }
            Wrong::OutOfOrder { from, at, expected, came } => {
                if came > expected {
                    self.pass_over(from, at, expected..came);
                } else if self.passed.remove(&(at, from, came)) {
                    self.damaged.missing -= 1;
                    self.damaged.late += 1;
                } else {
                    self.damaged.repeated += 1;
                }
                at
            }
        };
        self.receivers.insert(at);
        self.damaged.streams = self.receivers.len() as u64;
        if self.first.len() < FAULTS_KEPT_MAX {
            self.first.push(wrong);
        }
    }

    fn pass_over(&mut self, from: usize, at: usize, numbers: std::ops::Range<u64>) {
        self.damaged.missing += numbers.end - numbers.start;
        let room = PASSED_MAX - self.passed.len();
        self.passed.extend(numbers.take(room).map(|number| (at, from, number)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_passed_over_is_lost_until_it_comes() {
        let came = |at, expected, came| Wrong::OutOfOrder { from: 0, at, expected, came };
        let mut amiss = Amiss::default();
        amiss.note(came(1, 5, 8));
        assert_eq!((amiss.damaged.missing, amiss.damaged.late, amiss.damaged.streams), (3, 0, 1));
        amiss.note(came(1, 9, 6));
        assert_eq!((amiss.damaged.missing, amiss.damaged.late, amiss.damaged.repeated), (2, 1, 0));
        // A second time, and what another one passed over, is repeated.
        amiss.note(came(1, 9, 6));
        amiss.note(came(2, 9, 7));
        assert_eq!((amiss.damaged.missing, amiss.damaged.late, amiss.damaged.repeated), (2, 1, 2));
        amiss.note(Wrong::Stranger { from: 9, at: 2 });
        amiss.note(Wrong::Unheard { from: 0, at: 2, number: 3 });
        amiss.note(Wrong::Damaged { from: 0, at: 2, body: String::new() });
        let damaged = amiss.damaged;
        assert_eq!((damaged.extra, damaged.missing, damaged.changed, damaged.streams), (1, 3, 1, 2));
        assert_eq!(amiss.first.len(), 7);
    }

    #[test]
    fn what_may_still_come_is_bounded_and_what_was_lost_is_not() {
        let mut amiss = Amiss::default();
        let many = 3 * PASSED_MAX as u64;
        amiss.note(Wrong::OutOfOrder { from: 0, at: 1, expected: 1, came: 1 + many });
        assert_eq!((amiss.passed.len(), amiss.damaged.missing), (PASSED_MAX, many));
        for _ in 0..20 {
            amiss.note(Wrong::Stranger { from: 0, at: 1 });
        }
        assert_eq!((amiss.first.len(), amiss.damaged.extra), (FAULTS_KEPT_MAX, 20));
    }
}
