//! `bench echo`: what the library costs beside a plain loop over epoll, and beside what people use otherwise.
//!
//! Everybody keeps its messages under way, and every byte that comes back is checked. What counts is the *server's* CPU time:
//! a round trip costs the caller as much, on the other core. Only values of one round are compared with each other, and who
//! begins a round changes with it.

mod cell;
mod verdict;

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use throng_client::echo::talk::{Talked, Times};
use throng_client::echo::{Callers, Shape, Stay};

use super::contenders::{self, Contender, Contenders, ECHOES, Server};
use super::{Measured, OTHERS_CORES_MAX, bind_crowd, raise_descriptors};
use crate::times::Busy;
use crate::{Outcome, interrupt};
use cell::{Cell, What};
use verdict::Verdict;

/// How long callers may take to come, and for their last words.
const PATIENCE: Duration = Duration::from_secs(60);

/// `bench echo`.
#[derive(Debug, Args)]
pub struct Echo {
    /// Connections:bytes:messages under way; churn:connections at a time; or idle:connections. May be given again
    #[arg(long = "cell", value_parser = Cell::parse,
          default_values = ["64:64:1", "1000:64:1", "10000:64:1", "64:65536:1", "1000:65536:1"])]
    cells: Vec<Cell>,
    /// Rounds over all servers
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Seconds that count in each sample, after half as many to warm up
    #[arg(long, default_value_t = 1.0)]
    secs: f64,
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
    let window = Duration::try_from_secs_f64(asked.secs)?;
    let times = Times { warm_up: window / 2, window };
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
        for round in 0..self.rounds as usize {
            for which in servers.iter().cycle().skip(round % servers.len().max(1)).take(servers.len()) {
                if interrupt::came() {
                    return Err("interrupted".into());
                }
                let Measured { value, mut told } = contenders
                    .start(*which)
                    .and_then(|server| sample(&server, cell, times))
                    .map_err(|why| format!("{}: {why}", which.name))?;
                eprintln!("round {} of {}: {}: {value:.0}", round + 1, self.rounds, which.name);
                verdict.hear(*which, value, &told);
                if self.json {
                    told["bench"] = "echo".into();
                    told["cell"] = cell.to_string().into();
                    told["server"] = which.name.into();
                    told["round"] = round.into();
                    println!("{told}");
                }
            }
        }
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
    let mut busy = Vec::with_capacity(2);
    let talked = callers.talk(times, || {
        busy.push(Busy::now());
        cpu(server, shape.stay)
    })?;
    let cpu = talked.measured.1.saturating_sub(talked.measured.0);
    if cpu.is_zero() || talked.round_trips == 0 {
        return Err("nothing came back while it counted: try more seconds".into());
    }
    let others = busy[1].others_since(busy[0], cpu);
    let value = talked.round_trips as f64 / cpu.as_secs_f64();
    Ok(Measured { value, told: told(&talked, value, cpu, others) })
}

/// As closely as it can be known: where callers come and go, the server's threads may too.
fn cpu(server: &Server, stay: Stay) -> Duration {
    match stay {
        Stay::Long => server.process.cpu_of_threads(),
        Stay::OneMessage => server.process.cpu(),
    }
}

fn told(talked: &Talked, value: f64, cpu: Duration, others: Duration) -> Value {
    let secs = talked.lasted.as_secs_f64();
    let micros = |time: Duration| (time.as_secs_f64() * 1e7).round() / 10.0;
    json!({
        "round_trips_per_cpu_s": value as u64,
        "round_trips_per_s": (talked.round_trips as f64 / secs) as u64,
        "p50_us": micros(talked.p50),
        "p99_us": micros(talked.p99),
        "longest_us": micros(talked.longest),
        "server_cores": cpu.as_secs_f64() / secs,
        "others_cores": others.as_secs_f64() / secs,
        "checked": talked.checked,
    })
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
