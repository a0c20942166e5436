//! What the samples of one cell say: each server's median, and the medians of its ratios within each round to the plain loop
//! and to the better of tokio's two.

use std::fmt::Write;

use serde_json::{Value, json};

use super::super::OTHERS_CORES_MAX;
use super::super::contenders::Contender;
use super::super::table::{Sample, median, of, ratio, sorted};
use super::cell::Cell;
use super::is_disturbed;

/// Whom the others are compared with in the table, and what they are called there.
const YARDSTICKS: [(&str, &[Contender]); 2] =
    [("epoll-c", &[Contender::EPOLL_C]), ("the better tokio", &[Contender::TOKIO_MT, Contender::TOKIO_CT])];

/// What was heard so far.
pub struct Verdict<'a> {
    cell: &'a Cell,
    values: Vec<Sample<Contender>>,
    /// The middle of the round trips, in microseconds, and how much longer the slowest of a hundred takes.
    middles: Vec<Sample<Contender>>,
    tails: Vec<Sample<Contender>>,
    disturbed: usize,
}

impl<'a> Verdict<'a> {
    /// On this cell, before anything was heard.
    pub fn new(cell: &'a Cell) -> Verdict<'a> {
        Verdict { cell, values: vec![], middles: vec![], tails: vec![], disturbed: 0 }
    }

    /// Hears the next sample of a server.
    pub fn hear(&mut self, kind: Contender, value: f64, told: &Value) {
        self.values.push(Sample { kind, value });
        self.disturbed += usize::from(is_disturbed(told));
        if let (Some(p50), Some(p99)) = (told["p50_us"].as_f64(), told["p99_us"].as_f64()) {
            self.middles.push(Sample { kind, value: p50 });
            self.tails.push(Sample { kind, value: p99 / p50 });
        }
    }

    /// For people.
    pub fn text(&self, servers: &[Contender]) -> String {
        let rounds = servers.first().map_or(0, |first| of(&self.values, *first).count());
        let mut text = format!("{} (rounds: {rounds})\n", self.cell.title());
        for server in servers {
            text += &self.row(*server);
        }
        if self.disturbed > 0 {
            let (disturbed, all) = (self.disturbed, self.values.len());
            text += &format!(
                "  others used more than {OTHERS_CORES_MAX} cores in {disturbed} of {all} samples\n"
            );
        }
        text
    }

    fn row(&self, server: Contender) -> String {
        let values = sorted(of(&self.values, server).collect());
        let [least, .., most] = values.as_slice() else {
            let only = middle(&self.values, server);
            return format!("  {:<12} {:>9.0}{}\n", server.name, only.unwrap_or(0.0), self.beside(server));
        };
        let (name, middle) = (server.name, median(&values));
        format!("  {name:<12} median {middle:>9.0}  {least:>9.0} to {most:>9.0}{}\n", self.beside(server))
    }

    /// The ratios, and the tail.
    fn beside(&self, server: Contender) -> String {
        let mut text = String::new();
        for (name, yardstick) in YARDSTICKS.iter().filter(|(_, yardstick)| !yardstick.contains(&server)) {
            if let Some(ratio) = self.ratio(server, yardstick) {
                let _ = write!(text, "  {ratio:>5.2} x {name}");
            }
        }
        if let (Some(middle), Some(tail)) = (middle(&self.middles, server), middle(&self.tails, server)) {
            let _ = write!(text, "  p50 {middle:>8.1} µs  p99/p50 {tail:.2}");
        }
        text
    }

    /// None either when the yardstick is nothing, such as the memory that a plain loop needs for a connection.
    fn ratio(&self, server: Contender, yardstick: &[Contender]) -> Option<f64> {
        ratio(&self.values, server, yardstick, self.cell.better()).filter(|ratio| ratio.is_finite())
    }

    /// As data: the ratios to every other server, one by one.
    pub fn json(&self, servers: &[Contender]) -> Value {
        let rows: Vec<Value> = servers
            .iter()
            .map(|server| {
                let others = servers.iter().filter(|other| *other != server);
                let to: serde_json::Map<String, Value> = others
                    .map(|other| (other.name.to_owned(), self.ratio(*server, &[*other]).into()))
                    .collect();
                json!({
                    "server": server.name,
                    "median": middle(&self.values, *server),
                    "p50_us": middle(&self.middles, *server),
                    "p99_to_p50": middle(&self.tails, *server),
                    "to": to,
                })
            })
            .collect();
        json!({"bench": "echo", "cell": self.cell.to_string(), "title": self.cell.title(), "servers": rows})
    }
}

/// The median of one server's samples, if there are any.
fn middle(samples: &[Sample<Contender>], server: Contender) -> Option<f64> {
    let values = sorted(of(samples, server).collect());
    (!values.is_empty()).then(|| median(&values))
}

#[cfg(test)]
mod tests {
    use super::super::super::contenders::ECHOES;
    use super::*;

    const SERVERS: [Contender; 4] = [ECHOES[0], ECHOES[1], ECHOES[2], ECHOES[3]];

    fn verdict(cell: &Cell) -> Verdict<'_> {
        let mut verdict = Verdict::new(cell);
        for values in [[90.0, 100.0, 60.0, 45.0], [45.0, 60.0, 15.0, 30.0], [200.0, 100.0, 100.0, 50.0]] {
            for (server, value) in SERVERS.into_iter().zip(values) {
                let told = json!({"p50_us": value, "p99_us": value * 2.0, "others_cores": value / 100.0});
                verdict.hear(server, value, &told);
            }
        }
        verdict
    }

    #[test]
    fn a_row_says_the_median_and_the_ratios_within_the_rounds() {
        let cell = Cell::parse("64:64:1").unwrap();
        let text = verdict(&cell).text(&SERVERS);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "echo 64:64:1: round trips per second of server CPU (rounds: 3)");
        assert_eq!(
            lines[1],
            "  throng       median        90         45 to       200   0.90 x epoll-c   1.50 x the better tokio\
             \u{20} p50     90.0 µs  p99/p50 2.00"
        );
        assert!(lines[2].contains("to       100   1.67 x the better tokio  p50"), "{}", lines[2]);
        assert!(lines[3].contains("0.60 x epoll-c  p50"), "{}", lines[3]);
        assert_eq!(lines[5], "  others used more than 0.3 cores in 10 of 12 samples");
    }

    #[test]
    fn less_memory_is_compared_with_the_least() {
        let cell = Cell::parse("idle:10").unwrap();
        let text = verdict(&cell).text(&SERVERS);
        assert!(text.contains("0.90 x epoll-c   3.00 x the better tokio"), "{text}");
    }

    #[test]
    fn nothing_is_no_yardstick() {
        let cell = Cell::parse("idle:10").unwrap();
        let mut verdict = Verdict::new(&cell);
        for (server, value) in [(SERVERS[0], 9.0), (Contender::EPOLL_C, 0.0)] {
            verdict.hear(server, value, &json!({}));
        }
        assert_eq!(verdict.ratio(SERVERS[0], &[Contender::EPOLL_C]), None);
        assert_eq!(verdict.ratio(Contender::EPOLL_C, &[SERVERS[0]]), Some(0.0));
    }

    #[test]
    fn one_round_and_no_yardstick_are_told_too() {
        let cell = Cell::parse("churn:2").unwrap();
        let mut verdict = Verdict::new(&cell);
        verdict.hear(SERVERS[0], 7.0, &json!({}));
        assert_eq!(
            verdict.text(&[SERVERS[0]]),
            "echo churn:2: connections per second of server CPU (rounds: 1)\n  throng               7\n"
        );
        assert_eq!(verdict.json(&[SERVERS[0]])["servers"][0]["median"], 7.0);
    }

    #[test]
    fn as_data_each_is_compared_with_each() {
        let cell = Cell::parse("64:64:1").unwrap();
        let told = verdict(&cell).json(&SERVERS);
        assert_eq!(told["servers"][0]["to"], json!({"epoll-c": 0.9, "tokio-mt": 2.0, "tokio-ct": 2.0}));
        assert_eq!(told["servers"][1]["p99_to_p50"], 2.0);
    }
}
