//! Commands for those who work on throng: `cargo xtask --help`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a developer's command talks to its terminal")]

mod bench;
mod e2e;
mod family;
mod interrupt;
#[cfg(target_os = "linux")]
mod lan;
mod packages;
mod peers;
mod process;
mod servers;
mod times;
mod watch;

use std::process::ExitCode;

use clap::Parser;

/// Commands for those who work on throng.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
enum Cli {
    /// Measure throng beside its peers, in one run
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Join by the page in a headless browser, and talk with a terminal
    E2e,
    /// Have Prometheus' own promtool check the metrics of a server under load
    Watch,
    /// Run a command in a network of our own, with a slow link and 40 open ports at its far end (Linux, root)
    #[cfg(target_os = "linux")]
    Lan(lan::Visit),
    /// The yardstick of `bench scan`
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    LimitScan(bench::limit::Limit),
}

/// What a command may fail with.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = interrupt::listen().map_err(Into::into).and_then(|()| match cli {
        Cli::Bench(bench) => bench::run(&bench).map(|()| ExitCode::SUCCESS),
        Cli::E2e => e2e::run().map(|()| ExitCode::SUCCESS),
        Cli::Watch => watch::run().map(|()| ExitCode::SUCCESS),
        #[cfg(target_os = "linux")]
        Cli::Lan(visit) => lan::run(&visit),
        #[cfg(target_os = "linux")]
        Cli::LimitScan(asked) => bench::limit::run(&asked).map(|()| ExitCode::SUCCESS),
    });
    match outcome {
        Ok(code) => code,
        Err(_) if interrupt::came() => {
            eprintln!("interrupted: every server that was started has ended");
            ExitCode::from(interrupt::EXIT_CODE)
        }
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}
