//! `bench scan`: `throng scan` beside nmap, RustScan and a yardstick of our own ([`limit`]), each in a process of its own, in the
//! same networks ([`crate::lan`]), one after the other in interleaved rounds.
//!
//! The time is the whole process's, from its start to its end. Before it comes whether all of the 40 open ports were found and no
//! others.

mod accuracy;
mod cases;
pub mod limit;
mod timed;
mod tools;
mod verdict;

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::{Outcome, interrupt, lan};
use cases::{CASES, Case, Contender};
use lan::Lan;
use timed::scan;
use tools::{Tool, Tools};
use verdict::Record;

/// Descriptors that the peers' best options want.
const DESCRIPTORS: u64 = 19_000;

/// `bench scan`.
#[derive(Debug, Args)]
pub struct Scan {
    /// The throng to measure, instead of one that is built now
    #[arg(long, value_name = "PROGRAM")]
    throng: Option<PathBuf>,
    /// Rounds over all scanners
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// In how many rounds those scan that need minutes
    #[arg(long, default_value_t = 1)]
    slow_rounds: u32,
    /// Only these cases: loopback, rtt, drop, resets, files, memory
    #[arg(long, value_delimiter = ',', value_parser = case)]
    cases: Vec<&'static Case>,
    /// Only these scanners: throng, lim, nmap, rustscan
    #[arg(long, value_delimiter = ',', value_parser = tool)]
    only: Vec<Tool>,
    /// No times: is it right in each of many runs? Of throng, or of the first of --only
    #[arg(long)]
    accuracy: bool,
    /// How many runs, instead of 100 on loopback and 20 in each other case
    #[arg(long, requires = "accuracy", value_parser = clap::value_parser!(u32).range(1..))]
    runs: Option<u32>,
    /// Tell every scan as JSON, too
    #[arg(long)]
    json: bool,
}

fn case(word: &str) -> Result<&'static Case, String> {
    let found = CASES.iter().find(|case| case.name == word);
    found.ok_or_else(|| {
        format!("one of {}", CASES.iter().map(|case| case.name).collect::<Vec<_>>().join(", "))
    })
}

fn tool(word: &str) -> Result<Tool, String> {
    match word {
        "throng" => Ok(Tool::Throng),
        "lim" => Ok(Tool::Limit),
        "nmap" => Ok(Tool::Nmap),
        "rustscan" => Ok(Tool::RustScan),
        _ => Err("one of throng, lim, nmap, rustscan".to_owned()),
    }
}

impl Scan {
    fn cases(&self) -> Vec<&'static Case> {
        if self.cases.is_empty() { CASES.iter().collect() } else { self.cases.clone() }
    }

    fn wants(&self, tool: Tool) -> bool {
        match (self.accuracy, self.only.as_slice()) {
            (true, []) => tool == Tool::Throng,
            (true, [first, ..]) => tool == *first,
            (false, only) => only.is_empty() || only.contains(&tool),
        }
    }
}

/// Runs it.
pub fn run(asked: &Scan) -> Outcome {
    if let Err(why) = lan::possible() {
        asked.cases().iter().for_each(|case| println!("{}: SKIPPED, {why}", case.name));
        return Err("nothing was measured".into());
    }
    let descriptors = rlimit::increase_nofile_limit(u64::MAX)?;
    if descriptors < DESCRIPTORS {
        println!(
            "scanners are held back: {descriptors} open files are allowed, {DESCRIPTORS} are wanted (ulimit -Hn)"
        );
    }
    let tools = Tools::prepare(asked.throng.as_ref(), &|tool| asked.wants(tool))?;
    let mut is_right = true;
    for case in asked.cases() {
        is_right &=
            if asked.accuracy { accurate(asked, case, &tools)? } else { measure(asked, case, &tools)? };
    }
    if is_right { Ok(()) } else { Err("a scan of throng's was wrong or not possible, see above".into()) }
}

/// Runs a case many times, if it is one of those. False if a run was wrong, or none was possible.
fn accurate(asked: &Scan, case: &Case, tools: &Tools) -> Outcome<bool> {
    let subject = asked.only.first().copied();
    match (case.accuracy, asked.runs) {
        (0, _) => Ok(true),
        _ if !tools.has(subject.unwrap_or(Tool::Throng)) => {
            println!("{}: SKIPPED", case.name);
            Ok(false)
        }
        (usual, runs) => accuracy::run(case, runs.unwrap_or(usual), tools, subject),
    }
}

/// Measures every scanner once per round. False if throng was wrong once.
fn measure(asked: &Scan, case: &Case, tools: &Tools) -> Outcome<bool> {
    let lan = Lan::up(case.place)?;
    let contenders: Vec<Contender> =
        case.contenders.iter().filter(|one| asked.wants(one.tool) && tools.has(one.tool)).copied().collect();
    let mut records: Vec<Record> = Vec::new();
    for round in 0..asked.rounds as usize {
        for which in contenders.iter().cycle().skip(round % contenders.len().max(1)).take(contenders.len()) {
            if interrupt::came() {
                return Err("interrupted".into());
            }
            if which.is_slow && round >= asked.slow_rounds as usize {
                continue;
            }
            let mut command = tools.command(which.tool, which.words, case.place.host(), case.files)?;
            let scanned =
                scan(&lan, which.tool, &mut command).map_err(|why| format!("{}: {why}", which.name))?;
            eprintln!(
                "{}, round {} of {}: {}: {}",
                case.name,
                round + 1,
                asked.rounds,
                which.name,
                scanned.told()
            );
            if asked.json {
                println!(
                    "{}",
                    json!({"bench": "scan", "case": case.name, "round": round, "scanner": which.name,
                           "secs": scanned.secs, "peak_kib": scanned.peak_kib, "found": scanned.found,
                           "false_open": scanned.false_open, "fault": scanned.fault})
                );
            }
            records.push(Record { by: which.name, round, scanned });
        }
    }
    println!("{}: {} (rounds: {})", case.name, case.title, asked.rounds);
    verdict::told(case, &records).iter().for_each(|line| println!("{line}"));
    if let Some(carried) = lan.down() {
        println!("  {carried}");
    }
    let ours: Vec<&str> =
        contenders.iter().filter(|one| one.tool == Tool::Throng).map(|one| one.name).collect();
    Ok(records.iter().all(|record| !ours.contains(&record.by) || record.scanned.is_right()))
}
