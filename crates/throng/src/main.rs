//! `throng`: the program. Parses what was typed and hands it to the room that does it.
//!
//! Exit codes are one table for all commands: 0 done, 1 failed, 2 wrong use or configuration, 3 no server there,
//! 4 refused, 5 incomplete, 130 interrupted. `connect` dies of SIGTERM and SIGHUP, as what hears no signals does. Ended by
//! somebody who reads our output no more, it is 1 without a word.

mod above;
mod accounts;
mod banner;
mod cli;
mod columns;
mod config;
mod connect;
mod console;
mod control;
mod data;
mod directory;
mod doctor;
mod ear;
mod ending;
mod fault;
mod guard;
mod holder;
mod interrupt;
mod listen;
mod load;
mod log;
mod manual;
mod notify;
mod ports;
mod prompt;
mod question;
mod reporting;
mod restart;
mod scan;
mod screen;
mod self_signed;
mod serve;
mod settings;
mod sharing;
mod signals;
mod top;
mod units;
mod watching;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    throng_server::worker_or_continue();
    let outcome = match cli::Cli::parse().verb {
        cli::Verb::Serve(asked) => serve::serve(&asked),
        cli::Verb::Console(asked) => control::command::console(&asked),
        cli::Verb::Completions(asked) => manual::completions(&asked),
        cli::Verb::Man(asked) => manual::man(&asked),
        cli::Verb::Help(asked) => manual::help(&asked),
        cli::Verb::Top(asked) => top::top(&asked),
        cli::Verb::Doctor(asked) => doctor::command::doctor(&asked),
        cli::Verb::Connect(asked) => connect::connect(&asked),
        cli::Verb::Load(asked) => load::load(&asked),
        cli::Verb::Scan(asked) => scan::scan(&asked),
        cli::Verb::Account(asked) => accounts::command::account(&asked),
        cli::Verb::Tls(cli::Tls::SelfSigned(asked)) => self_signed::make(&asked),
        cli::Verb::Config(asked) => config::command::config(&asked),
    };
    match outcome {
        Ok(exit_code) => ExitCode::from(exit_code),
        Err(fault) => {
            if !fault.what.is_empty() {
                screen::tell_stderr(&fault.to_string());
            }
            ExitCode::from(fault.exit_code)
        }
    }
}
