//! What may be typed after `throng scan`, with its help. Nothing here does anything.

use std::net::IpAddr;
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use throng_scan::ports::PortSet;
use throng_scan::{THREADS_MAX, WINDOW_MAX};
use throng_wire::printable::printable;

use super::sink::Sink;
use crate::units;

/// `throng scan`.
#[derive(Debug, Args)]
#[command(
    after_help = "Each open port is a line of standard output, in ascending order, as soon as it is certain; how far it is \
                  stands on standard error, if that is a terminal. A port that could not be asked is told as unknown, \
                  never as closed.\n\n\
                  Exit codes: 0 complete, 1 nothing could be found or reached, 2 wrong use, 4 target refused, 5 incomplete \
                  (Ctrl-C, --deadline, or ports of which nothing is known), 130 interrupted twice.\n\n\
                  Examples:\n  throng scan 127.0.0.1\n  \
                  throng scan -p 22,80,8000-8100,https --banner fileserver.local\n  \
                  throng scan -p top:100 10.0.0.0/24 --exclude 10.0.0.1 -o xml:scan.xml\n  \
                  throng scan --json --deadline 60s 127.0.0.1 | jq '.results[].port // empty'"
)]
pub struct Scan {
    /// Whom: names, addresses, networks such as 10.0.0.0/24, ranges such as 10.0.0.1-50; @FILE for a list of them, - for one
    /// on standard input; asked for in a terminal when none is given
    #[arg(value_name = "HOST")]
    pub hosts: Vec<String>,

    /// Which ports, such as 22,80,8000-8100,-1024,60000-,http,top:100,!9100 (! leaves out) [default: all 65,535]
    #[arg(short, long, value_name = "PORTS", value_parser = ports, allow_hyphen_values = true)]
    pub ports: Option<PortSet>,

    /// Ports to leave out, written in the same way
    #[arg(long, value_name = "PORTS", value_parser = ports, allow_hyphen_values = true)]
    pub exclude_ports: Option<PortSet>,

    /// Whom to leave out, written as HOST; may be given again. /etc/throng/scan-exclude always applies
    #[arg(long, value_name = "HOSTS")]
    pub exclude: Vec<String>,

    /// The same from a file, one or more on a line, # for comments
    #[arg(long, value_name = "FILE")]
    pub exclude_file: Vec<PathBuf>,

    /// Of a name with several addresses all, not the first
    #[arg(long)]
    pub all_addresses: bool,

    /// Write text, json, ndjson or xml, to standard output or into a file; may be given again
    /// [default: text to standard output]
    #[arg(short, long, value_name = "FORMAT[:FILE]", value_parser = Sink::parse)]
    pub output: Vec<Sink>,

    /// The same as -o json
    #[arg(long)]
    pub json: bool,

    /// Tell all ports, also those that are closed, filtered, unreachable or unknown
    #[arg(long)]
    pub all: bool,

    /// Listen to each open port for a moment, and tell what it says of itself; one that says nothing is asked for a page
    #[arg(long)]
    pub banner: bool,

    /// At most so many questions a second [default: what brings answers; 10k for a public target]
    #[arg(long, value_name = "R", value_parser = units::rate)]
    pub rate: Option<f64>,

    /// End after this time, finished or not, such as 60s
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub deadline: Option<Duration>,

    /// Exactly so many questions at the same time; 1 tries one port after another [default: as many as bring answers; at most
    /// 512 for a public target]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(WINDOW_MAX)))]
    pub parallel: Option<u32>,

    /// Threads that ask [default: one, two where the target is this machine]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<NonZero<usize>>,

    /// Ask from this address of this machine
    #[arg(long, value_name = "ADDR")]
    pub source: Option<IpAddr>,

    /// Who allowed it, for targets beyond this machine and private networks; kept in the output [default: asked for on a
    /// terminal]
    #[arg(long, value_name = "TEXT")]
    pub authorized: Option<String>,

    /// More than 256 hosts or a million questions
    #[arg(long)]
    pub yes_large: bool,

    /// Look names up, say what would be done, and send nothing
    #[arg(long)]
    pub dry_run: bool,

    /// auto: a bar, if standard error is a terminal. never: none. json: an object on standard error ten times a second
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub progress: HowFar,
}

/// How one is told how far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HowFar {
    /// A bar, if standard error is a terminal
    Auto,
    /// Not at all
    Never,
    /// An object for each look
    Json,
}

fn ports(typed: &str) -> Result<PortSet, String> {
    typed.parse().map_err(|why: throng_scan::ports::PortsFault| printable(&why.to_string()).into_owned())
}

fn threads(typed: &str) -> Result<NonZero<usize>, String> {
    let threads = typed.parse().ok().filter(|threads: &NonZero<usize>| threads.get() <= THREADS_MAX);
    threads.ok_or_else(|| format!("expected a number of threads, 1 to {THREADS_MAX}"))
}
