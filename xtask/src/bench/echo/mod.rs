//! `bench echo`: what the library costs beside a plain loop over epoll, and beside what people use otherwise.
//!
//! Everybody keeps its messages under way, and every byte that comes back is checked. What counts is the *server's* CPU time:
//! a round trip costs the caller as much, on the other core. Only values of one round are compared with each other, and who
//! begins a round changes with it.

mod cell;
mod verdict;

use clap::Args;
use serde_json::{Value, json};
use throng_client::echo::talk::Times;
use throng_client::echo::{Callers, Shape};

use super::contenders::{self, Contender, Contenders, ECHOES, Server};
use super::round_trips::{PATIENCE, RoundTrips};
use super::rounds::Rounds;
use super::{Measured, OTHERS_CORES_MAX, bind_crowd, raise_descriptors};
use crate::Outcome;
use cell::{Cell, What};
use verdict::Verdict;

/// `bench echo`.
#[derive(Debug, Args)]
pub struct Echo {
    /// Connections:bytes:messages under way; churn:connections at a time; or idle:connections. May be given again
    #[arg(long = "cell", value_parser = Cell::parse,
          default_values = ["64:64:1", "1000:64:1", "10000:64:1", "64:65536:1", "1000:65536:1"])]
    cells: Vec<Cell>,
    #[command(flatten)]
    rounds: Rounds,
    /// Only these
    #[arg(long, value_delimiter = ',', value_parser = |word: &str| Contender::parse(word, ECHOES),
          default_values = contenders::names(ECHOES))]
    servers: Vec<Contender>,
    /// Tell everything as JSON: a line for each sample, and one for what they say together
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(asked: &Echo) -> Outcome {
    let times = asked.rounds.times()?;
    raise_descriptors(asked.cells.iter().map(|cell| cell.shape.connections).max().unwrap_or(0))?;
    let contenders = Contenders::prepare(&asked.servers)?;
    // A build wants all cores, so it comes before.
    bind_crowd()?;
    asked.cells.iter().try_for_each(|cell| asked.compare(&contenders, cell, times))
}

impl Echo {
    fn compare(&self, contenders: &Contenders, cell: &Cell, times: Times) -> Outcome {
        let (servers, skipped): (Vec<Contender>, Vec<Contender>) =
            contenders.all.iter().copied().partition(|of| of.serves(cell.shape.connections));
        for of in skipped {
            eprintln!("skipping {}: {cell} would be a thread for each connection", of.name);
        }
        let mut verdict = Verdict::new(cell);
        self.rounds.interleave(&servers, |round, which| {
            let server = contenders.start(which)?;
            let Measured { value, mut told } = sample(&server, cell, times)?;
            verdict.hear(which, value, &told);
            if self.json {
                told["bench"] = "echo".into();
                told["cell"] = cell.to_string().into();
                told["server"] = which.name.into();
                told["round"] = round.into();
                println!("{told}");
            }
            Ok(value)
        })?;
        if self.json {
            println!("{}", verdict.json(&servers));
        } else {
            print!("{}", verdict.text(&servers));
        }
        Ok(())
    }
}

fn sample(server: &Server, cell: &Cell, times: Times) -> Outcome<Measured> {
    match cell.what {
        What::RoundTrips | What::Churn => talked(server, cell.shape, times),
        What::Idle => held(server, cell.shape),
    }
}

fn talked(server: &Server, shape: Shape, times: Times) -> Outcome<Measured> {
    let callers = Callers::come(server.address, shape, PATIENCE)?;
    let trips = RoundTrips::measure(server, callers, shape.stay, times)?;
    Ok(Measured { value: trips.per_cpu_s(), told: trips.json() })
}

/// What the server's resident set grew by, for connections that had one message back each and are silent since. One comes
/// and goes before, so what a server makes once, at its start or for its first client, is not counted.
fn held(server: &Server, shape: Shape) -> Outcome<Measured> {
    Callers::come(server.address, Shape { connections: 1, ..shape }, PATIENCE)?.leave_all()?;
    let before = server.process.rss_kib();
    let mut callers = Callers::come(server.address, shape, PATIENCE)?;
    let grown = server.process.rss_kib().saturating_sub(before);
    callers.leave_all()?;
    let value = grown as f64 * 1024.0 / shape.connections as f64;
    Ok(Measured { value, told: json!({"bytes_per_connection": value as u64, "rss_kib_before": before}) })
}

/// Did others use so much of the machine that a sample says little?
fn is_disturbed(told: &Value) -> bool {
    told["others_cores"].as_f64() > Some(OTHERS_CORES_MAX)
}
