//! `throng config`: what may be typed, and who does it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{check, init, show};
use crate::fault::Fault;
use crate::settings::choices::Service;
use crate::settings::flags::Given;

/// What can be done about the configuration.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Make a configuration file: every setting with its default and what it is for, nothing changed yet
    Init(Init),
    /// Find all mistakes of a configuration, before a server does
    Check(Check),
    /// What a server would go by, and where each value comes from
    Show(Show),
}

/// `throng config init`.
#[derive(Debug, Args)]
#[command(before_help = "Example: throng config init --out throng.toml")]
pub struct Init {
    /// Write it here; - is standard output
    #[arg(long, value_name = "FILE", default_value = super::place::HERE)]
    pub out: PathBuf,

    /// Replace a file that is there
    #[arg(long)]
    pub force: bool,
}

/// `throng config check`.
#[derive(Debug, Args)]
#[command(
    before_help = "Example: throng config check /etc/throng/throng.toml --deep",
    after_help = "Exit codes: 0 nothing is wrong, 2 something is."
)]
pub struct Check {
    /// The configuration file [default: the one that throng serve would take]
    pub file: Option<PathBuf>,

    /// Look at what it names too: are the ports free or ours, do certificate and key fit, can the data folder be used
    #[arg(long)]
    pub deep: bool,

    /// For this service [default: all that the file has, or the chat]
    #[arg(long, value_enum, value_name = "SERVICE")]
    pub service: Option<Service>,
}

/// `throng config show`.
#[derive(Debug, Args)]
#[command(
    before_help = "Example: throng config show --origin limits",
    after_help = "It takes the flags of throng serve too, and shows what would come of them."
)]
pub struct Show {
    /// Only settings that begin so, such as limits or limits.clients
    #[arg(default_value = "", hide_default_value = true, value_name = "PREFIX")]
    pub prefix: String,

    /// Say where each value comes from
    #[arg(long)]
    pub origin: bool,

    /// As one JSON object
    #[arg(long)]
    pub json: bool,

    /// For this service [default: all that the file has, or the chat]
    #[arg(long, value_enum, value_name = "SERVICE")]
    pub service: Option<Service>,

    /// The flags of `throng serve`.
    #[command(flatten)]
    pub given: Given,
}

/// Does it. Gives the exit code.
pub fn config(asked: &Config) -> Result<u8, Fault> {
    match asked {
        Config::Init(asked) => init::make(&asked.out, asked.force),
        Config::Check(asked) => check::check(asked),
        Config::Show(asked) => show::show(asked),
    }
}

/// Words on standard output. Whoever reads no more ends us without a word.
pub fn print(text: &str) -> Result<u8, Fault> {
    use std::io::Write;
    let mut output = std::io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Ok(()) => Ok(0),
        Err(why) if why.kind() == std::io::ErrorKind::BrokenPipe => Ok(1),
        Err(why) => Err(Fault::failed(format!("cannot write to standard output: {why}"))),
    }
}
