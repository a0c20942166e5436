//! `bench load`: what it costs the load generator to check every byte, how fast it is beside a minimal loop that checks
//! nothing, and how many connections fit into one process. [`faults`] asks whether one wrong byte among many is found, [`irc`]
//! loads chats.
//!
//! The server, throng's echo, has the first core and the generator the second. The generator is what is measured, so messages
//! per second of *its* CPU time are compared.

mod faults;
mod irc;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use clap::Args;
use tempfile::TempDir;
use throng_client::load::outcome::{Nobody, Outcome as Loaded};
use throng_client::load::plan::{Echo, Framing, Messages, Pace, Plan, Task, Until};
use throng_client::load::run::run as load;

use super::table::{median, sorted};
use super::{PATIENCE, bind_crowd, raise_descriptors};
use crate::process::{Process, now};
use crate::servers::{build_throng, pinned, told_ready};
use crate::{Outcome, interrupt};

/// Connections of the first two comparisons.
const CLIENTS: usize = 64;

/// `bench load`.
#[derive(Debug, Args)]
pub struct Load {
    /// The throng to load, instead of one that is built now
    #[arg(long, value_name = "PROGRAM")]
    throng: Option<PathBuf>,
    /// How often each is measured
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How long each sample counts
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Connections that must fit into one process
    #[arg(long, default_value_t = 15_000)]
    clients: usize,
    /// Instead: does it find one byte that an echo flips, drops or repeats?
    #[arg(long)]
    faults: bool,
    /// Instead: `throng load --irc` against throng and ngIRCd, in one table
    #[arg(long, conflicts_with = "faults")]
    irc: bool,
    /// How often each fault is made
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    times: u32,
    /// Bytes among which it must be found
    #[arg(long, default_value_t = 1_000_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    bytes: u64,
    /// Other seeds put the faults to other places
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs it.
pub fn run(asked: &Load) -> Outcome {
    if asked.faults {
        let Load { times, bytes, seed, .. } = *asked;
        return faults::run(&faults::Faults { times, bytes, seed });
    }
    raise_descriptors(asked.clients)?;
    let throng = asked.throng.clone().map_or_else(build_throng, Ok)?;
    if asked.irc {
        return irc::run(&throng, asked.seconds);
    }
    bind_crowd()?;
    let folder = TempDir::new()?;
    let mut command = pinned(&throng)?;
    command
        .args(["serve", "echo", "--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path())
        .stderr(Stdio::piped());
    let process = Process::start(&mut command)?;
    let address = told_ready(&process)?;
    let lasts = Duration::from_secs(asked.seconds);
    let (mut costs, mut loops) = (Vec::new(), Vec::new());
    for _ in 0..asked.rounds {
        if interrupt::came() {
            return Err("interrupted".into());
        }
        let checked = per_cpu_s(&echo(address, CLIENTS, 4096, true, lasts)?);
        costs.push(checked / per_cpu_s(&echo(address, CLIENTS, 4096, false, lasts)?));
        let checked = echo(address, CLIENTS, 64, true, lasts)?;
        loops.push(per_s(&checked) / minimal(address, CLIENTS, 64, lasts)?);
    }
    let told = |ratios: Vec<f64>| {
        let ratios = sorted(ratios);
        format!("{:.3} (from {:.3} to {:.3})", median(&ratios), ratios[0], ratios[ratios.len() - 1])
    };
    println!("64 clients, medians of {} rounds of {} s", asked.rounds, asked.seconds);
    println!("  4,096 bytes: messages per second of CPU, checked to unchecked   {}", told(costs));
    println!("  64 bytes: messages per second, checked to a minimal loop        {}", told(loops));
    let before = peak_kib()?;
    let loaded = echo(address, asked.clients, 64, true, lasts)?;
    let counts = loaded.counts;
    println!(
        "{} clients: {} reached, {} answered, {} lost; this process at most {} KiB, {} KiB before",
        asked.clients,
        counts.reached,
        counts.answered,
        counts.lost.sum(),
        peak_kib()?,
        before
    );
    Ok(())
}

fn echo(target: SocketAddr, clients: usize, bytes: usize, verify: bool, lasts: Duration) -> Outcome<Loaded> {
    let messages = Messages { framing: Framing::Raw, bytes, seed: 1, verify };
    let pace = Pace::Closed { think: Duration::ZERO };
    let plan = Plan {
        target,
        sources: Vec::new(),
        clients,
        task: Task::Echo(Echo { messages, pace, depth: 1 }),
        until: Until { duration: Some(lasts), messages: None },
        ramp: Duration::ZERO,
        warm_up: lasts / 4,
        connect_timeout: PATIENCE,
        answer_timeout: PATIENCE,
    };
    let loaded = load(&plan, &mut Nobody)?;
    if loaded.damaged.streams > 0 || loaded.counts.lost.sum() > 0 {
        return Err(format!("the echo lost or damaged something: {loaded:?}").into());
    }
    Ok(loaded)
}

fn per_s(loaded: &Loaded) -> f64 {
    loaded.in_window as f64 / loaded.lasted.as_secs_f64()
}

fn per_cpu_s(loaded: &Loaded) -> f64 {
    per_s(loaded) / loaded.own.cpu.max(f64::MIN_POSITIVE)
}

/// A thread for each connection that writes, reads as many bytes, and looks at none of them: messages a second.
fn minimal(target: SocketAddr, clients: usize, bytes: usize, lasts: Duration) -> Outcome<f64> {
    let streams: Result<Vec<TcpStream>, _> = (0..clients).map(|_| TcpStream::connect(target)).collect();
    let (begun, until) = (now(), now() + lasts);
    let heard: u64 = std::thread::scope(|scope| {
        let talk = |mut stream: TcpStream| {
            let (mut count, mut buffer) = (0, vec![0; bytes]);
            let mut is_well = stream.set_nodelay(true).is_ok();
            while is_well && now() < until {
                is_well = stream.write_all(&buffer).is_ok() && stream.read_exact(&mut buffer).is_ok();
                count += u64::from(is_well);
            }
            count
        };
        let threads: Vec<_> = streams?.into_iter().map(|stream| scope.spawn(move || talk(stream))).collect();
        let heard = threads.into_iter().map(|thread| thread.join().expect("it only counts")).sum();
        Ok::<u64, std::io::Error>(heard)
    })?;
    Ok(heard as f64 / begun.elapsed().as_secs_f64())
}

/// The most memory that this process ever had (proc(5)).
fn peak_kib() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
