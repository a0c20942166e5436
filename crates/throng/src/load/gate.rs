//! A gate such as `p99>5ms`: which figure, and what it must not be. Pure.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use throng_client::load::outcome::Outcome;
use throng_client::times::Times;

use crate::units;

/// What a result must not be.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    typed: String,
    figure: Figure,
    comparison: Comparison,
    /// Seconds, where the figure is a time.
    bound: f64,
}

/// A figure of a result.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Figure {
    /// How long something took.
    Time(Of, Share),
    /// Messages a second; of those who come and go, connections.
    Rate,
    /// Connections that were not made or were lost.
    Errors,
    /// Connections that were lost.
    Lost,
    /// Streams that came back wrong.
    Mismatch,
    /// Messages of an open loop that were never sent.
    Unsent,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Of {
    Response,
    Service,
    Connect,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Share {
    Quantile(f64),
    Longest,
    Mean,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    Above,
    AtLeast,
    Below,
    AtMost,
}

/// The signs, the longer ones first.
const COMPARISONS: [(&str, Comparison); 4] = [
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    (">", Comparison::Above),
    ("<", Comparison::Below),
];

impl Gate {
    /// What the result was, if it is what it must not be.
    pub fn broken_by(&self, outcome: &Outcome, per_s: f64) -> Option<String> {
        let (value, told) = match self.figure {
            Figure::Time(of, share) => {
                let times = of.times(outcome);
                // Where nothing was measured nothing can be promised.
                if times.count() == 0 {
                    return Some("nothing was measured".to_owned());
                }
                let time = share.of(times);
                (time.as_secs_f64(), units::shown(time))
            }
            Figure::Rate => (per_s, format!("{per_s:.1}")),
            Figure::Errors => whole(outcome.counts.failed.sum() + outcome.counts.lost.sum()),
            Figure::Lost => whole(outcome.counts.lost.sum()),
            Figure::Mismatch => whole(outcome.damaged.streams),
            Figure::Unsent => whole(outcome.counts.unsent),
        };
        let holds = match self.comparison {
            Comparison::Above => value > self.bound,
            Comparison::AtLeast => value >= self.bound,
            Comparison::Below => value < self.bound,
            Comparison::AtMost => value <= self.bound,
        };
        holds.then_some(told)
    }
}

fn whole(count: u64) -> (f64, String) {
    (count as f64, count.to_string())
}

impl Of {
    fn times(self, outcome: &Outcome) -> &Times {
        match self {
            Of::Response => &outcome.response,
            Of::Service => &outcome.service,
            Of::Connect => &outcome.connect,
        }
    }
}

impl Share {
    fn of(self, times: &Times) -> Duration {
        match self {
            Share::Quantile(share) => times.quantile(share),
            Share::Longest => times.longest(),
            Share::Mean => times.mean(),
        }
    }
}

impl FromStr for Gate {
    type Err = String;

    fn from_str(typed: &str) -> Result<Gate, String> {
        let typed = typed.trim();
        let at = typed.find(['<', '>']).ok_or("a gate is a figure, < or >, and a value, such as p99>5ms")?;
        let (name, rest) = typed.split_at(at);
        let (sign, comparison) = COMPARISONS
            .into_iter()
            .find(|(sign, _)| rest.starts_with(sign))
            .expect("it was found by the first letter of one of these");
        let (figure, value) = (figure(name.trim())?, rest[sign.len()..].trim());
        let bound = match figure {
            Figure::Time(..) => units::duration(value)?.as_secs_f64(),
            Figure::Rate if value != "0" => units::rate(value)?,
            _ => match units::split(value)? {
                (number, "") => number,
                _ => return Err(format!("{} is a number without a unit", name.trim())),
            },
        };
        Ok(Gate { typed: typed.to_owned(), figure, comparison, bound })
    }
}

fn figure(name: &str) -> Result<Figure, String> {
    let (of, share) = match name.split_once('.') {
        Some(("service", share)) => (Of::Service, share),
        Some(("connect", share)) => (Of::Connect, share),
        _ => (Of::Response, name),
    };
    let share = match share {
        "max" => Some(Share::Longest),
        "mean" => Some(Share::Mean),
        _ => share
            .strip_prefix('p')
            .and_then(|percent| percent.parse::<f64>().ok())
            .filter(|percent| *percent > 0.0 && *percent <= 100.0)
            .map(|percent| Share::Quantile(percent / 100.0)),
    };
    match (share, name) {
        (Some(share), _) => Ok(Figure::Time(of, share)),
        (None, "rate") => Ok(Figure::Rate),
        (None, "errors") => Ok(Figure::Errors),
        (None, "lost") => Ok(Figure::Lost),
        (None, "mismatch") => Ok(Figure::Mismatch),
        (None, "unsent") => Ok(Figure::Unsent),
        (None, _) => Err(format!(
            "there is no figure {name}: p50 to p99.99, max and mean, also with service. or connect. before them; rate, \
             errors, lost, mismatch, unsent"
        )),
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.typed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::outcome;
    use super::*;

    #[test]
    fn a_gate_is_read_or_refused_with_a_reason() {
        for (typed, is_good) in [
            ("p99>5ms", true),
            (" p99.9 >= 100us ", true),
            ("service.p50>1s", true),
            ("connect.max>2s", true),
            ("mean<1ms", true),
            ("errors>0", true),
            ("rate<20k", true),
            ("rate<0", true),
            ("mismatch>=1", true),
            ("p99>5", false),
            ("p99", false),
            (">5ms", false),
            ("p101>1ms", false),
            ("p0>1ms", false),
            ("pp>1ms", false),
            ("other.p99>1ms", false),
            ("errors>5ms", false),
            ("errors>", false),
            ("p99>5ms>3ms", false),
            ("p99=5ms", false),
            ("lost>-1", false),
            ("", false),
        ] {
            let read: Result<Gate, String> = typed.parse();
            assert_eq!(read.is_ok(), is_good, "{typed:?}: {read:?}");
        }
    }

    #[test]
    fn a_gate_says_what_broke_it() {
        // A thousand answers, of 1 to 1000 µs by the intended time and half of that by the actual one; two were lost.
        let outcome = outcome();
        for (gate, broken_by) in [
            ("p50>400us", Some("500 µs")),
            ("p50>600us", None),
            ("service.p50>400us", None),
            ("service.p50>200us", Some("250 µs")),
            ("max>=1ms", Some("1.00 ms")),
            ("p50<400us", None),
            ("errors>0", Some("2")),
            ("lost<=2", Some("2")),
            ("mismatch>0", None),
            ("rate<600", Some("500.0")),
            ("rate<500", None),
            ("connect.p99>1s", Some("nothing was measured")),
        ] {
            let gate: Gate = gate.parse().unwrap();
            assert_eq!(gate.broken_by(&outcome, 500.0).as_deref(), broken_by, "{gate}");
        }
    }
}
