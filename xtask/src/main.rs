//! Commands for those who work on throng: `cargo xtask --help`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a developer's command talks to its terminal")]

mod bench;
mod packages;
mod process;
mod servers;

use std::process::ExitCode;

use clap::Parser;

/// Commands for those who work on throng.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
enum Cli {
    /// Measure throng beside its peers, in one run
    #[command(subcommand)]
    Bench(bench::Bench),
}

/// What a command may fail with.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let outcome = match Cli::parse() {
        Cli::Bench(bench) => bench::run(&bench),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}
