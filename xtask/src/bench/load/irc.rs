//! `bench load --irc`: `throng load --irc` against throng and ngIRCd, in one table. Every word is checked at every receiver; the
//! server has the first core and the load the second.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use throng_client::figures::sheet::{Sheet, number};

use crate::process::Process;
use crate::servers::{Kind, Server};
use crate::{Outcome, interrupt, packages};

/// Whom it is sent to.
const SERVERS: [Kind; 3] = [Kind::ThrongMemory, Kind::ThrongStrict, Kind::Ngircd];

/// Rooms, members of each, talkers of each.
const SHAPES: [[u32; 3]; 3] = [[1, 50, 2], [1, 500, 4], [20, 25, 2]];

/// Messages that each talker has under way.
const DEPTH: u32 = 4;

/// Messages a second of all talkers, where the clock tells when they are said; nothing where the others' hearing does.
const RATES: [Option<u32>; 2] = [None, Some(100)];

/// Exit codes of a load that came to its end: 5 is what it says of itself when it was the bottleneck, which the table tells.
const ENDED: [i32; 2] = [0, 5];

/// Runs it: a row for each server, shape and pace; an error where anything was lost, repeated, reordered or changed.
pub fn run(throng: &Path, seconds: u64) -> Outcome {
    let mut sheet = Sheet::new(&[
        "server",
        "rooms x members x talkers",
        "pace",
        "said/s",
        "heard/s",
        "p50 ms",
        "p99 ms",
        "lost",
        "out of order",
        "wrong",
        "the load's core %",
    ]);
    let mut wrong = 0;
    for [rooms, members, talkers] in SHAPES {
        for rate in RATES {
            for kind in SERVERS {
                if interrupt::came() {
                    return Err("interrupted".into());
                }
                let server = Server::start(kind, throng)?;
                let told = sample(throng, server.address, [rooms, members, talkers], rate, seconds)
                    .map_err(|why| format!("{}: {why}", kind.name()))?;
                let row = Row::of(&told).ok_or_else(|| format!("this is no result: {told}"))?;
                wrong += row.amiss();
                let shape = format!("{rooms} x {members} x {talkers}");
                let pace = rate.map_or("as heard".to_owned(), |rate| format!("{rate}/s"));
                eprintln!("{} {shape} {pace}: {} lost, {} wrong", kind.name(), row.lost, row.amiss());
                sheet.add([vec![kind.name().to_owned(), shape, pace], row.cells()].concat());
            }
        }
    }
    println!("throng load --irc, {DEPTH} under way each, {seconds} s each\n{}", sheet.text().trim_end());
    if wrong > 0 { Err("words were lost, repeated, reordered or changed".into()) } else { Ok(()) }
}

/// What the load told of one server.
fn sample(
    throng: &Path,
    server: SocketAddr,
    [rooms, members, talkers]: [u32; 3],
    rate: Option<u32>,
    seconds: u64,
) -> Outcome<Value> {
    let mut command = Command::new(packages::need("taskset", "util-linux")?);
    command.args(["-c", "1"]).arg(throng).args(["load", &server.to_string(), "--irc", "--json"]);
    let asked = [("--rooms", rooms), ("--members", members), ("--talkers", talkers), ("--depth", DEPTH)];
    for (option, number) in asked.into_iter().chain(rate.map(|rate| ("--rate", rate))) {
        command.args([option, &number.to_string()]);
    }
    command.args(["--duration", &format!("{seconds}s"), "--warm-up", "1s", "--timeout", "60s"]);
    let process = Process::start(command.stdin(Stdio::null()).stdout(Stdio::piped()))?;
    let words = process.child().stdout.take().ok_or("no standard output")?;
    let told = serde_json::from_reader(words)?;
    let status = process.child().wait()?;
    match status.code() {
        Some(code) if ENDED.contains(&code) => Ok(told),
        _ => Err(format!("the load failed ({status}): {told}").into()),
    }
}

/// What is told of one load.
#[derive(Debug, PartialEq)]
struct Row {
    said_per_s: f64,
    heard_per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
    /// Words that were said and not heard.
    lost: u64,
    out_of_order: u64,
    /// Words that came twice, changed, or from nowhere; and clients that were lost.
    others: u64,
    cpu: f64,
}

impl Row {
    /// From what the load told as JSON.
    fn of(told: &Value) -> Option<Row> {
        let count = |group: &str, name: &str| told[group][name].as_u64();
        let [wrong, micros] = ["wrong", "response_us"];
        let heard_per_s = told["per_s"].as_f64()?;
        let (said, heard) = (count("messages", "sent")?, count("messages", "back")?);
        Some(Row {
            // All that were heard in the window were heard by as many as all others.
            said_per_s: heard_per_s * said as f64 / heard.max(1) as f64,
            heard_per_s,
            p50_ms: told[micros]["p50"].as_f64()? / 1e3,
            p99_ms: told[micros]["p99"].as_f64()? / 1e3,
            lost: count(wrong, "missing")?,
            out_of_order: count(wrong, "out_of_order")?,
            others: count(wrong, "repeated")?
                + count(wrong, "changed")?
                + count(wrong, "extra")?
                + count("clients", "lost")?,
            cpu: told["generator"]["cpu"].as_f64()?,
        })
    }

    fn amiss(&self) -> u64 {
        self.lost + self.out_of_order + self.others
    }

    fn cells(&self) -> Vec<String> {
        let millis = |millis: f64| format!("{millis:.2}");
        vec![
            number(self.said_per_s),
            number(self.heard_per_s),
            millis(self.p50_ms),
            millis(self.p99_ms),
            number(self.lost as f64),
            number(self.out_of_order as f64),
            number(self.others as f64),
            number(self.cpu * 100.0),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_load_told_is_one_row() {
        let mut told = json!({
            "per_s": 4900.0,
            "messages": {"sent": 200, "back": 9800},
            "response_us": {"p50": 1500.0, "p99": 2000.0},
            "wrong": {"missing": 0, "out_of_order": 0, "repeated": 0, "changed": 0, "extra": 0},
            "clients": {"lost": 0},
            "generator": {"cpu": 0.25},
        });
        let row = Row::of(&told).unwrap();
        assert_eq!(row.cells(), ["100", "4,900", "1.50", "2.00", "0", "0", "0", "25"]);
        assert_eq!(row.amiss(), 0);
        for (group, name) in [
            ("wrong", "missing"),
            ("wrong", "out_of_order"),
            ("wrong", "repeated"),
            ("wrong", "changed"),
            ("wrong", "extra"),
            ("clients", "lost"),
        ] {
            told[group][name] = 1.into();
            assert_eq!(Row::of(&told).unwrap().amiss(), 1, "{name}");
            told[group][name] = Value::Null;
            assert_eq!(Row::of(&told), None, "{name}");
            told[group][name] = 0.into();
        }
    }
}
