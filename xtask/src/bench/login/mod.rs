//! `bench login`: what many who log in at a time cost those who talk; and, with `--known`, whether the time of an answer shows
//! which accounts there are.
//!
//! In each round people talk for a while in a quiet house, and then for as long while others log in by SASL PLAIN, each on a
//! connection of its own, again and again. Who is told that too many are signing in tries again after `--again`. The server has the
//! first core, so it hashes with one thread; the talkers, who check every word, and those who log in share the second.

mod accounts;
mod client;
mod known;

use std::process::{Command, Stdio};
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::table::{median, sorted};
use super::{bind_crowd, raise_descriptors};
use crate::servers::{Server, build_throng, start_throng};
use crate::{Outcome, interrupt};
use client::{Storm, Tally};

/// What pool × 19 MiB may be exceeded by, in MiB.
const MEMORY_BESIDE_MIB: u64 = 16;
const HASH_MIB: u64 = 19;

/// The server has one core, so one thread hashes.
const HASHING_THREADS: u64 = 1;

/// `bench login`.
#[derive(Debug, Args)]
pub struct Login {
    /// How many log in at a time
    #[arg(long, default_value_t = 200)]
    clients: usize,
    /// How long somebody waits who was told that too many are signing in, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 1000)]
    again: u64,
    /// Members of the ten rooms in which people talk, all together
    #[arg(long, default_value_t = 100)]
    honest: usize,
    /// Messages that all talkers together say in a second
    #[arg(long, default_value_t = 100)]
    rate: u32,
    /// Seconds that count in each sample
    #[arg(long, default_value_t = 8)]
    secs: u64,
    /// Rounds
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// What the server promises of messages; changes of accounts are flushed in any case
    #[arg(long, value_name = "HOW", default_value = "strict", value_parser = ["strict", "relaxed"])]
    durability: String,
    /// Instead, so many attempts each on names that are known and on names that are not, one by one, the throttle off
    #[arg(long, value_name = "N", value_parser = attempts)]
    known: Option<usize>,
    /// The throng to measure, instead of one that is built now
    #[arg(long, value_name = "PROGRAM")]
    throng: Option<std::path::PathBuf>,
    /// Tell everything as JSON, a line for each sample
    #[arg(long)]
    json: bool,
}

fn attempts(word: &str) -> Result<usize, String> {
    word.parse()
        .ok()
        .filter(|count| (10..=20_000).contains(count))
        .ok_or("a number from 10 to 20000".to_owned())
}

/// Runs it.
pub fn run(asked: &Login) -> Outcome {
    if let Some(attempts) = asked.known {
        return known::run(attempts, asked.json);
    }
    raise_descriptors(asked.clients + asked.honest)?;
    let throng = match &asked.throng {
        Some(program) => program.clone(),
        None => build_throng()?,
    };
    let folder = TempDir::new()?;
    accounts::fill(folder.path(), asked.clients)?;
    bind_crowd()?;
    let server = start_throng(&throng, folder, &asked.durability)?;
    let (mut ratios, mut all) = (Vec::new(), Tally::default());
    let (mut quiets, mut stormies, mut grown) = (Vec::new(), Vec::new(), 0);
    for round in 0..asked.rounds {
        if interrupt::came() {
            return Err("interrupted".into());
        }
        let quiet = talk(&throng, &server, asked)?;
        let before = server.process.rss_kib();
        let storm = Storm::begin(server.address, asked.clients, Duration::from_millis(asked.again))?;
        let stormy = talk(&throng, &server, asked);
        let tally = storm.end()?;
        let stormy = stormy?;
        grown = grown.max(server.process.peak_kib().saturating_sub(before));
        eprintln!(
            "round {} of {}: p99 {quiet:.0} us, {stormy:.0} us while {} logged in and {} were put off",
            round + 1,
            asked.rounds,
            tally.signed_in,
            tally.busy.len()
        );
        if asked.json {
            println!("{}", sample(round, quiet, stormy, &tally));
        }
        ratios.push(stormy / quiet);
        quiets.push(quiet);
        stormies.push(stormy);
        all.add(tally);
    }
    tell(asked, &all, [quiets, stormies, ratios], grown);
    Ok(())
}

/// People talk; the 99th percentile of how long it took until all had heard, in microseconds.
fn talk(throng: &std::path::Path, server: &Server, asked: &Login) -> Outcome<f64> {
    let output = Command::new(throng)
        .args(["load", "--irc", "--rooms", "10", "--json", "--warm-up", "1s", "--members"])
        .arg((asked.honest / 10).to_string())
        .args(["--rate", &asked.rate.to_string(), "--duration", &format!("{}s", asked.secs)])
        .arg(server.address.to_string())
        .stdin(Stdio::null())
        .output()?;
    let told: Value = serde_json::from_slice(&output.stdout)
        .map_err(|why| format!("{why}: {}", String::from_utf8_lossy(&output.stderr)))?;
    let wrong = &told["wrong"];
    if wrong["missing"].as_u64() != Some(0) || told["clients"]["lost"].as_u64() != Some(0) {
        return Err(format!("the talk was not whole: {told}").into());
    }
    told["response_us"]["p99"].as_f64().ok_or_else(|| format!("no p99 in {told}").into())
}

fn sample(round: usize, quiet: f64, stormy: f64, tally: &Tally) -> Value {
    json!({"bench": "login", "round": round, "quiet_p99_us": quiet, "stormy_p99_us": stormy,
           "signed_in": tally.signed_in, "put_off": tally.busy.len(),
           "put_off_ms": shares(&tally.busy)})
}

/// Median, 99th percentile and longest, in milliseconds.
fn shares(times: &[f64]) -> [f64; 3] {
    let times = sorted(times.to_vec());
    let at = |share: f64| times.get(((times.len() as f64 * share) as usize).min(times.len().max(1) - 1));
    [0.5, 0.99, 1.0].map(|share| at(share).copied().unwrap_or(0.0))
}

fn tell(asked: &Login, all: &Tally, [quiets, stormies, ratios]: [Vec<f64>; 3], grown_kib: u64) {
    let allowed = HASHING_THREADS * HASH_MIB + MEMORY_BESIDE_MIB;
    let [usual, late, latest] = shares(&all.busy);
    let (seconds, middle) = (asked.secs as f64 * asked.rounds as f64, |values| median(&sorted(values)));
    let ratio = middle(ratios);
    if asked.json {
        let told = json!({"bench": "login", "ratio": ratio, "grown_mib": grown_kib / 1024,
                          "allowed_mib": allowed, "put_off_ms": [usual, late, latest]});
        return println!("{told}");
    }
    println!("{} log in in a loop while {} talk (rounds: {})", asked.clients, asked.honest, asked.rounds);
    let (quiet, stormy) = (middle(quiets), middle(stormies));
    println!(
        "  delivery p99         {quiet:.0} us quiet, {stormy:.0} us in the storm: {ratio:.2} x (goal 2)"
    );
    println!("  logged in            {:.0} per second", all.signed_in as f64 / seconds);
    println!(
        "  put off              {} times, after {usual:.1} ms, p99 {late:.1}, at most {latest:.1} (goal 50)",
        all.busy.len()
    );
    println!("  memory grew by       {:.1} MiB (goal {allowed})", grown_kib as f64 / 1024.0);
    if all.failed > 0 {
        println!("  failed otherwise     {} times", all.failed);
    }
}
