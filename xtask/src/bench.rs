//! `cargo xtask bench`: throng beside ngIRCd and InspIRCd, the same load on all, in one interleaved run.
//!
//! The server has the first core and the crowd the second. What is compared is deliveries per second of the *server's* CPU
//! time: over loopback the crowd is about as busy as the server. These figures move with the machine, so only ratios within
//! one round mean anything, and the median of them over several rounds is told.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tempfile::TempDir;
use throng_chat::{Kind as What, Name, Names, Record, RoomName, Text};
use throng_client::crowd::Crowd;
use throng_client::crowd::talk::Times;
use throng_client::crowd::tally::Shape;
use throng_store::{DataFolder, Durability};

use crate::Outcome;
use crate::process::now;
use crate::servers::{Kind, Server, build_throng, start_throng};

/// How long a crowd may take for one step: the slowest peer needs minutes to let some thousands join.
const PATIENCE: Duration = Duration::from_secs(600);

/// How long the last words may take: no more than the windows' messages are under way then.
const LAST_WORDS_MAX: Duration = Duration::from_secs(30);

/// What is measured.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Deliveries per second of server CPU in rooms where people talk
    Fanout(Fanout),
    /// Memory of a server per registered client
    Hold(Crowded),
    /// How long it takes until all have joined one room
    Join(Crowded),
    /// From the start to the first accept, with many messages stored (throng only)
    Start(Stored),
}

/// `bench fanout`.
#[derive(Debug, Args)]
pub struct Fanout {
    /// Rooms:members:talkers:messages under way; may be given again
    #[arg(long = "shape", value_parser = shape, default_values = ["1:1000:8:4", "1:1000:1:1", "100:50:1:1"])]
    shapes: Vec<Shape>,
    /// Rounds over all servers
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds that count in each sample
    #[arg(long, default_value_t = 1.0)]
    secs: f64,
    #[command(flatten)]
    common: Common,
}

/// `bench hold`, `bench join`.
#[derive(Debug, Args)]
pub struct Crowded {
    /// How many clients
    #[arg(long)]
    clients: usize,
    /// Rounds over all servers
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    #[command(flatten)]
    common: Common,
}

/// `bench start`.
#[derive(Debug, Args)]
pub struct Stored {
    /// How many messages are stored before
    #[arg(long, default_value_t = 1_000_000)]
    messages: usize,
    /// How often it is started
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Common {
    /// The throng to measure, instead of one that is built now
    #[arg(long, value_name = "PROGRAM")]
    throng: Option<PathBuf>,
    /// Only these: memory, strict, ngircd, inspircd
    #[arg(long, value_delimiter = ',', value_parser = server, default_value = "memory,strict,ngircd,inspircd")]
    servers: Vec<Kind>,
    /// Tell the samples as JSON, one line each
    #[arg(long)]
    json: bool,
}

impl Common {
    fn throng(&self) -> Outcome<PathBuf> {
        self.throng.clone().map_or_else(build_throng, Ok)
    }
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

fn shape(word: &str) -> Result<Shape, String> {
    let numbers: Vec<usize> = word.split(':').filter_map(|number| number.parse().ok()).collect();
    match numbers[..] {
        [rooms, members, talkers, window]
            if rooms.min(talkers).min(window) > 0 && members > 1 && talkers <= members =>
        {
            Ok(Shape { rooms, members, talkers, window })
        }
        _ => Err("rooms:members:talkers:messages under way, such as 1:1000:8:4".to_owned()),
    }
}

/// Runs a benchmark.
pub fn run(bench: &Bench) -> Outcome {
    rlimit::increase_nofile_limit(u64::MAX)?;
    pin_crowd()?;
    match bench {
        Bench::Fanout(asked) => fanout(asked),
        Bench::Hold(asked) => hold(asked),
        Bench::Join(asked) => join(asked),
        Bench::Start(asked) => start(asked),
    }
}

/// This process has the second core, where there is one.
fn pin_crowd() -> Outcome {
    if std::thread::available_parallelism()?.get() > 1 {
        let taskset = crate::packages::need("taskset", "util-linux")?;
        let pid = std::process::id().to_string();
        std::process::Command::new(taskset)
            .args(["-cp", "1", &pid])
            .stdout(std::process::Stdio::null())
            .status()?;
    }
    Ok(())
}

/// One sample of one server.
struct Sample {
    kind: Kind,
    value: f64,
}

fn fanout(asked: &Fanout) -> Outcome {
    let throng = asked.common.throng()?;
    let window = Duration::from_secs_f64(asked.secs);
    let times = Times { warm_up: window / 2, window, last_words: LAST_WORDS_MAX };
    for shape in &asked.shapes {
        let name = format!("{}:{}:{}:{}", shape.rooms, shape.members, shape.talkers, shape.window);
        let sizes = vec![shape.members as u64; shape.rooms];
        let samples = rounds(asked.rounds, &asked.common, |kind| {
            let server = Server::start(kind, &throng)?;
            let mut crowd = Crowd::come(server.address, shape.clients(), PATIENCE)?;
            crowd.join(|client| shape.room_of(client), &sizes)?;
            let talked = crowd.talk(*shape, times, || server.process.cpu())?;
            let cpu = (talked.measured.1 - talked.measured.0).as_secs_f64();
            let per_cpu = talked.deliveries as f64 / cpu;
            let secs = talked.lasted.as_secs_f64();
            Ok((
                per_cpu,
                json!({"bench": "fanout", "shape": name, "deliveries_per_cpu_s": per_cpu as u64,
                       "deliveries_per_s": (talked.deliveries as f64 / secs) as u64, "server_cores": cpu / secs,
                       "checked": talked.checked}),
            ))
        })?;
        println!("fan-out {name}: deliveries per second of server CPU");
        table(&samples, &asked.common.servers, asked.rounds, true);
    }
    Ok(())
}

fn hold(asked: &Crowded) -> Outcome {
    let throng = asked.common.throng()?;
    let samples = rounds(asked.rounds, &asked.common, |kind| {
        let server = Server::start(kind, &throng)?;
        let before = server.process.rss_kib();
        let crowd = Crowd::come(server.address, asked.clients, PATIENCE)?;
        let held = server.process.rss_kib().saturating_sub(before) as f64 * 1024.0 / crowd.count() as f64;
        Ok((
            held,
            json!({"bench": "hold", "clients": asked.clients, "bytes_per_client": held as u64, "rss_kib_before": before}),
        ))
    })?;
    println!("memory: bytes per registered client, with {} of them", asked.clients);
    table(&samples, &asked.common.servers, asked.rounds, false);
    Ok(())
}

fn join(asked: &Crowded) -> Outcome {
    let throng = asked.common.throng()?;
    let samples = rounds(asked.rounds, &asked.common, |kind| {
        let server = Server::start(kind, &throng)?;
        let mut crowd = Crowd::come(server.address, asked.clients, PATIENCE)?;
        let took = crowd.join(|_| 0, &[asked.clients as u64])?.as_secs_f64();
        Ok((took * 1000.0, json!({"bench": "join", "clients": asked.clients, "ms": (took * 1000.0) as u64})))
    })?;
    println!(
        "joining: ms until all of {} have joined one room, with its names, and heard all others come",
        asked.clients
    );
    table(&samples, &asked.common.servers, asked.rounds, false);
    Ok(())
}

fn start(asked: &Stored) -> Outcome {
    let throng = asked.common.throng()?;
    let folder = TempDir::new()?;
    fill(folder.path(), asked.messages)?;
    let mut took = Vec::new();
    for _ in 0..asked.rounds {
        let again = TempDir::new()?;
        for entry in std::fs::read_dir(folder.path())? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                std::fs::copy(entry.path(), again.path().join(entry.file_name()))?;
            }
        }
        let begun = now();
        let server = start_throng(&throng, again, "strict")?;
        std::net::TcpStream::connect(server.address)?;
        took.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    took.sort_by(f64::total_cmp);
    println!(
        "start to first accept with {} messages stored: median {:.1} ms, {:.1} to {:.1}",
        asked.messages,
        took[took.len() / 2],
        took[0],
        took[took.len() - 1]
    );
    Ok(())
}

/// Stores so many messages in the lobby.
fn fill(folder: &std::path::Path, messages: usize) -> Outcome {
    const BATCH: usize = 5_000;
    let opened = throng_store::open(&DataFolder::open(folder)?, Durability::Relaxed)?;
    let author = Name::new("ana", Names::Ascii).expect("a plain name");
    let text = Text::new(&"hello ".repeat(16)).expect("plain words");
    for begun in (0..messages).step_by(BATCH) {
        let record = Record {
            room: RoomName::lobby(),
            author: author.clone(),
            kind: What::Message,
            text: Some(text.clone()),
        };
        let batch = vec![record; BATCH.min(messages - begun)];
        let (stored, hears) = std::sync::mpsc::sync_channel(1);
        opened.store.append(batch, Box::new(move |outcome| drop(stored.send(outcome.map(|_| ())))));
        hears.recv()?.map_err(|why| why.to_string())?;
    }
    opened.store.close();
    Ok(())
}

/// Measures every server once per round, one after the other.
fn rounds(
    count: usize,
    common: &Common,
    mut measure: impl FnMut(Kind) -> Outcome<(f64, Value)>,
) -> Outcome<Vec<Sample>> {
    let mut samples = Vec::new();
    for round in 0..count {
        for kind in &common.servers {
            let (value, mut told) = measure(*kind).map_err(|why| format!("{}: {why}", kind.name()))?;
            if common.json {
                told["server"] = kind.name().into();
                told["round"] = round.into();
                println!("{told}");
            }
            samples.push(Sample { kind: *kind, value });
        }
    }
    Ok(samples)
}

/// Medians, spreads, and the ratio to the best peer of the same round.
fn table(samples: &[Sample], servers: &[Kind], rounds: usize, more_is_better: bool) {
    let of = |kind: Kind| samples.iter().filter(move |sample| sample.kind == kind).map(|sample| sample.value);
    let peers: Vec<Kind> = servers.iter().copied().filter(|kind| !kind.is_ours()).collect();
    let best_of_round = |round: usize| {
        let values = peers.iter().filter_map(|kind| of(*kind).nth(round));
        if more_is_better { values.fold(f64::NAN, f64::max) } else { values.fold(f64::NAN, f64::min) }
    };
    for kind in servers {
        let values = sorted(of(*kind).collect());
        let ratios =
            sorted(of(*kind).enumerate().map(|(round, value)| value / best_of_round(round)).collect());
        println!(
            "  {:<16} median {:>10.0}   {:>10.0} to {:>10.0}   {:>5.2} x the better peer (median of {rounds})",
            kind.name(),
            values[values.len() / 2],
            values[0],
            values[values.len() - 1],
            ratios[ratios.len() / 2],
        );
    }
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}
