//! What may be typed after `throng load`, with its help. Nothing here does anything.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::gate::Gate;
use crate::units;

/// Connections that may be asked for.
pub const CLIENTS_MAX: u32 = 1_000_000;

/// `throng load`.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Exit codes: 0 done and valid, 1 wrong bytes or a gate that does not hold, 2 wrong use, 3 nobody could \
                  connect, 4 target refused, 5 incomplete or not valid, 130 interrupted.\n\n\
                  Examples:\n  throng load 127.0.0.1:50007 -c 1000 --messages 100000\n  \
                  throng load 127.0.0.1:7 -c 100 --rate 5000 --duration 30s --fail-if 'p99>5ms,errors>0' --plot load.svg"
)]
pub struct Load {
    /// What else can be done
    #[command(subcommand)]
    pub verb: Option<LoadVerb>,

    /// The service to load: an echo, unless something else is asked for below
    #[arg(value_name = "HOST:PORT", required = true)]
    pub target: Option<String>,

    /// Connections at a time
    #[arg(short, long, value_name = "N", default_value = "10",
          value_parser = clap::value_parser!(u32).range(1..=i64::from(CLIENTS_MAX)))]
    pub clients: u32,

    /// For how long, such as 500ms, 10s or 2m [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub duration: Option<Duration>,

    /// So many messages of all clients together (of those who come and go: so many connections)
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u64).range(1..))]
    pub messages: Option<u64>,

    /// Bytes of a message, such as 64 or 4k
    #[arg(long, value_name = "B", default_value = "64", value_parser = units::bytes)]
    pub bytes: usize,

    /// Messages are lines: letters and digits, with LF as the last byte
    #[arg(long)]
    pub line: bool,

    /// Messages begin with four bytes that tell how many follow, the highest first
    #[arg(long, conflicts_with = "line")]
    pub length_prefixed: bool,

    /// Open loop: all clients, or all talkers of a chat, together send so many messages a second, whether answers come or not
    #[arg(long, value_name = "R", value_parser = units::rate)]
    pub rate: Option<f64>,

    /// Closed loop: each client waits so long after an answer before it sends the next message
    #[arg(long, value_name = "TIME", value_parser = units::duration, conflicts_with = "rate")]
    pub think: Option<Duration>,

    /// Messages that each client may have under way
    #[arg(long, value_name = "D", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub depth: u16,

    /// Connect, end, and connect again, all the time
    #[arg(long, conflicts_with_all = ["hold", "slow_reader", "rate", "think", "line", "length_prefixed"])]
    pub churn: bool,

    /// Connect and stay, without a word
    #[arg(long, conflicts_with_all = ["slow_reader", "rate", "think", "line", "length_prefixed", "messages"])]
    pub hold: bool,

    /// Send as much as is taken and read no more than so many bytes a second, each client
    #[arg(long, value_name = "B", value_parser = units::bytes, conflicts_with_all = ["rate", "think", "messages"])]
    pub slow_reader: Option<usize>,

    /// Load an IRC server: clients in rooms, of whom some talk
    #[arg(long, conflicts_with_all = ["chat", "churn", "hold", "slow_reader", "line", "length_prefixed", "clients", "bytes"])]
    pub irc: bool,

    /// Load throng's chat by the door for telnet and nc, in the same way
    #[arg(long, conflicts_with_all = ["churn", "hold", "slow_reader", "line", "length_prefixed", "clients", "bytes"])]
    pub chat: bool,

    /// Rooms of a chat
    #[arg(long, value_name = "R", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rooms: u32,

    /// Members of each room
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pub members: u32,

    /// How many of them talk; each says the next thing when all others have heard all but --depth of what it said
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..))]
    pub talkers: u32,

    /// Let the clients come over this time [default: as fast as they are taken]
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub ramp: Option<Duration>,

    /// Do not count what happens in this time after all have come
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub warm_up: Option<Duration>,

    /// How long a client may take to connect
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = units::duration)]
    pub connect_timeout: Duration,

    /// How long a client waits for an answer
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = units::duration)]
    pub timeout: Duration,

    /// Addresses to come from, in turn: each has some 28,000 ports [default: 64 of 127.0.0.0/8 where those are needed]
    #[arg(long, value_name = "ADDR", value_delimiter = ',')]
    pub source: Vec<IpAddr>,

    /// Another seed sends other bytes
    #[arg(long, value_name = "N", default_value = "1")]
    pub seed: u64,

    /// Fail (exit code 1) when any of these holds, such as 'p99>5ms,errors>0'. Of p50 p90 p99 p99.9 p99.99 max mean, with
    /// service. before them from the actual send time, connect. for connecting; rate, errors, lost, mismatch, unsent
    #[arg(long, value_name = "GATES", value_delimiter = ',')]
    pub fail_if: Vec<Gate>,

    /// Tell everything as one JSON object
    #[arg(long)]
    pub json: bool,

    /// Draw the latencies by percentile, as SVG
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,

    /// Who allowed it, for targets beyond this machine and private networks; kept in the output [default: asked for on a
    /// terminal]
    #[arg(long, value_name = "TEXT")]
    pub authorized: Option<String>,

    /// More than 100 clients for such a target
    #[arg(long)]
    pub yes_large: bool,
}

/// What else can be done.
#[derive(Debug, Subcommand)]
pub enum LoadVerb {
    /// Show two results of --json beside each other
    Compare(Compare),
}

/// `throng load compare`.
#[derive(Debug, Args)]
pub struct Compare {
    /// What --json told the first time
    #[arg(value_name = "A.json")]
    pub before: PathBuf,

    /// And the second time
    #[arg(value_name = "B.json")]
    pub after: PathBuf,
}
