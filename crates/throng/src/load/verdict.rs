//! What a result is worth: whether it counts, which gates it breaks, and the exit code. Pure.

use std::time::Duration;

use throng_client::load::outcome::Outcome;

use super::gate::Gate;

/// What took less than this says nothing of how busy the generator was.
const TELLING_MIN: Duration = Duration::from_millis(200);

/// What a result is worth.
#[derive(Debug, Default, PartialEq)]
pub struct Verdict {
    /// Why the figures are not the server's.
    pub objections: Vec<String>,
    /// What was asked for and did not happen.
    pub missing: Vec<String>,
    /// Each gate that does not hold, and what the figure was.
    pub broken: Vec<(String, String)>,
    /// As in the table of `main`.
    pub exit_code: u8,
}

impl Verdict {
    /// Judges.
    pub fn of(outcome: &Outcome, gates: &[Gate]) -> Verdict {
        let broken = gates
            .iter()
            .filter_map(|gate| Some((gate.to_string(), gate.broken_by(outcome, per_s(outcome))?)))
            .collect();
        let mut verdict =
            Verdict { objections: objections(outcome), missing: missing(outcome), broken, exit_code: 0 };
        verdict.exit_code = verdict.exit_code(outcome);
        verdict
    }

    /// Whether the figures may be believed.
    pub fn is_valid(&self) -> bool {
        self.objections.is_empty()
    }

    fn exit_code(&self, outcome: &Outcome) -> u8 {
        if outcome.counts.reached == 0 && !outcome.is_interrupted {
            3
        } else if outcome.damaged.streams > 0 {
            1
        } else if outcome.is_interrupted {
            130
        } else if !self.broken.is_empty() {
            1
        } else if !self.objections.is_empty() || !self.missing.is_empty() {
            5
        } else {
            0
        }
    }
}

/// Messages a second; of those who come and go, connections.
pub fn per_s(outcome: &Outcome) -> f64 {
    outcome.in_window as f64 / outcome.lasted.as_secs_f64().max(1e-9)
}

/// Bytes that came a second.
pub fn bytes_per_s(outcome: &Outcome) -> f64 {
    outcome.bytes_in_window as f64 / outcome.lasted.as_secs_f64().max(1e-9)
}

fn objections(outcome: &Outcome) -> Vec<String> {
    // Where no answer was timed, no figure can be the generator's own.
    if outcome.lasted < TELLING_MIN || outcome.response.count() == 0 {
        return Vec::new();
    }
    outcome.own.objection(outcome.response.quantile(0.99)).into_iter().collect()
}

fn missing(outcome: &Outcome) -> Vec<String> {
    let counts = &outcome.counts;
    let mut missing = Vec::new();
    if counts.reached < counts.asked {
        missing.push(format!(
            "{} of {} connections were not made",
            counts.asked - counts.reached,
            counts.asked
        ));
    }
    if counts.lost.sum() > 0 {
        missing.push(format!("{} connections were lost", counts.lost.sum()));
    }
    if counts.unsent > 0 {
        missing.push(format!(
            "{} messages were never sent, since answers before them did not come",
            counts.unsent
        ));
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::super::samples::outcome;
    use super::*;
    use throng_client::load::counts::Reasons;

    #[test]
    fn the_exit_code_tells_the_worst() {
        let check = |change: fn(&mut Outcome), gate: &str, exit_code| {
            let mut outcome = outcome();
            (outcome.counts.lost, outcome.counts.reached) = (Reasons::default(), outcome.counts.asked);
            change(&mut outcome);
            let verdict = Verdict::of(&outcome, &[gate.parse().unwrap()]);
            assert_eq!(verdict.exit_code, exit_code, "{verdict:?}");
        };
        check(|_| (), "errors>0", 0);
        check(|_| (), "p99>1us", 1);
        check(|outcome| outcome.counts.reached = 0, "p99>1us", 3);
        check(|outcome| outcome.counts.reached -= 1, "errors>0", 5);
        check(|outcome| outcome.counts.unsent = 1, "errors>0", 5);
        check(|outcome| outcome.own.cpu = 0.99, "errors>0", 5);
        check(|outcome| outcome.own.cpu = 0.99, "p99>1us", 1);
        let silent = |outcome: &mut Outcome| {
            outcome.own.cpu = 0.99;
            outcome.response.clear();
        };
        check(silent, "errors>0", 0);
        check(|outcome| outcome.is_interrupted = true, "p99>1us", 130);
        check(|outcome| (outcome.is_interrupted, outcome.damaged.streams) = (true, 1), "errors>0", 1);
        let tiny =
            |outcome: &mut Outcome| (outcome.own.cpu, outcome.lasted) = (0.99, Duration::from_millis(100));
        check(tiny, "errors>0", 0);
    }
}
