//! `cargo xtask bench`: throng beside ngIRCd and InspIRCd, the same load on all, in one interleaved run; its library's echo
//! beside other echoes ([`echo`]), and by every model ([`models`]); its client beside other clients ([`connect`]); its scanner
//! beside other scanners (`scan`).
//!
//! The server has the first core and the crowd the second. What is compared is deliveries per second of the *server's* CPU
//! time: over loopback the crowd is about as busy as the server. These figures move with the machine, so only ratios within
//! one round mean anything, and the median of them over several rounds is told.

mod connect;
mod contenders;
mod crowded;
mod echo;
mod fanout;
mod load;
mod login;
mod models;
mod round_trips;
mod rounds;
#[cfg(target_os = "linux")]
mod scan;
mod start;
mod table;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::servers::{Kind, build_throng};
use crate::{Outcome, interrupt, packages};
use table::{Better, Sample};

/// How long a crowd may take for one step: the slowest peer needs minutes to let some thousands join.
const PATIENCE: Duration = Duration::from_secs(600);

/// Descriptors that this program needs beside its clients'.
const DESCRIPTORS_KEPT: u64 = 64;

/// A sample in which others used more cores than this says little (`others_cores` in the samples).
const OTHERS_CORES_MAX: f64 = 0.3;

/// What is measured.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// `throng connect` in a pipe, beside ncat and socat
    Connect(connect::Connect),
    /// Round trips per second of server CPU, beside other servers that echo
    Echo(echo::Echo),
    /// Deliveries per second of server CPU in rooms where people talk
    Fanout(fanout::Fanout),
    /// Memory of a server per registered client
    Hold(crowded::Crowded),
    /// How long it takes until all have joined one room
    Join(crowded::Crowded),
    /// What checking every byte costs the load generator, and how many connections fit into one process
    Load(load::Load),
    /// What many who log in at a time cost those who talk, and whether it shows which accounts there are
    Login(login::Login),
    /// One echo by every model from one client to a thousand, and what a thread and a process cost
    Models(models::Models),
    /// `throng scan` beside nmap, RustScan and a yardstick, on loopback and over a slow link (Linux, root)
    #[cfg(target_os = "linux")]
    Scan(scan::Scan),
    /// From the start to the first accept, with many messages stored (throng only)
    Start(start::Start),
}

#[derive(Debug, Args)]
struct Common {
    /// The throng to measure, instead of one that is built now
    #[arg(long, value_name = "PROGRAM")]
    throng: Option<PathBuf>,
    /// Only these: memory, strict, ngircd, inspircd
    #[arg(long, value_delimiter = ',', value_parser = server, default_value = "memory,strict,ngircd,inspircd")]
    servers: Vec<Kind>,
    /// Tell everything as JSON: a line for each sample, and one for what they say together
    #[arg(long)]
    json: bool,
}

fn server(word: &str) -> Result<Kind, String> {
    match word {
        "memory" => Ok(Kind::ThrongMemory),
        "strict" => Ok(Kind::ThrongStrict),
        "ngircd" => Ok(Kind::Ngircd),
        "inspircd" => Ok(Kind::Inspircd),
        _ => Err("one of memory, strict, ngircd, inspircd".to_owned()),
    }
}

/// Runs a benchmark.
pub fn run(bench: &Bench) -> Outcome {
    match bench {
        Bench::Connect(asked) => connect::run(asked),
        Bench::Echo(asked) => echo::run(asked),
        Bench::Fanout(asked) => fanout::run(asked),
        Bench::Hold(asked) => crowded::hold(asked),
        Bench::Join(asked) => crowded::join(asked),
        Bench::Load(asked) => load::run(asked),
        Bench::Login(asked) => login::run(asked),
        Bench::Models(asked) => models::run(asked),
        #[cfg(target_os = "linux")]
        Bench::Scan(asked) => scan::run(asked),
        Bench::Start(asked) => start::run(asked),
    }
}

/// The yardstick of `bench scan`, which runs it in a process of its own.
#[cfg(target_os = "linux")]
pub use scan::limit;

/// One sample of one server.
struct Measured {
    value: f64,
    /// The same and more, as data.
    told: Value,
}

impl Common {
    /// Readies this process for so many clients. Gives the throng to measure, built first if none was named: a build
    /// wants all cores, and the crowd is bound to one.
    fn prepare(&self, clients: usize) -> Outcome<PathBuf> {
        raise_descriptors(clients)?;
        let throng = match &self.throng {
            Some(program) => program.clone(),
            None if self.servers.iter().any(|kind| kind.is_ours()) => build_throng()?,
            None => PathBuf::new(),
        };
        bind_crowd()?;
        Ok(throng)
    }

    /// Measures every server once per round, one after the other, and tells what came of it.
    fn compare(
        &self,
        bench: &str,
        title: &str,
        rounds: usize,
        better: Better,
        mut measure: impl FnMut(Kind) -> Outcome<Measured>,
    ) -> Outcome {
        let mut samples = Vec::new();
        let mut disturbed = 0;
        for round in 0..rounds {
            for kind in &self.servers {
                if interrupt::came() {
                    return Err("interrupted".into());
                }
                let Measured { value, mut told } =
                    measure(*kind).map_err(|why| format!("{}: {why}", kind.name()))?;
                disturbed += u32::from(told["others_cores"].as_f64() > Some(OTHERS_CORES_MAX));
                eprintln!("round {} of {rounds}: {}: {value:.0}", round + 1, kind.name());
                samples.push(Sample { kind: *kind, value });
                if self.json {
                    told["bench"] = bench.into();
                    told["server"] = kind.name().into();
                    told["round"] = round.into();
                    println!("{told}");
                }
            }
        }
        let rows = table::rows(&samples, &self.servers, better);
        if self.json {
            let servers: Vec<Value> = rows.iter().map(table::Row::json).collect();
            println!("{}", json!({"bench": bench, "title": title, "rounds": rounds, "servers": servers}));
            return Ok(());
        }
        println!("{title} (rounds: {rounds})");
        rows.iter().for_each(|row| println!("{row}"));
        if disturbed > 0 {
            println!(
                "  others used more than {OTHERS_CORES_MAX} cores in {disturbed} of {} samples",
                samples.len()
            );
        }
        Ok(())
    }
}

/// So many clients fit into this process, and into those that it starts.
fn raise_descriptors(clients: usize) -> Outcome {
    let needed = clients as u64 + DESCRIPTORS_KEPT;
    let limit = rlimit::increase_nofile_limit(u64::MAX)?;
    if limit < needed {
        return Err(format!(
            "{clients} clients need {needed} open files, but the limit is {limit} (ulimit -Hn)"
        )
        .into());
    }
    Ok(())
}

/// This process has the second core, where there is one.
fn bind_crowd() -> Outcome {
    let taskset = packages::need("taskset", "util-linux")?;
    if std::thread::available_parallelism()?.get() > 1 {
        let pid = std::process::id().to_string();
        let bound = Command::new(taskset).args(["-cp", "1", &pid]).stdout(Stdio::null()).status()?;
        if !bound.success() {
            return Err("taskset cannot bind the crowd to the second core".into());
        }
    }
    Ok(())
}
