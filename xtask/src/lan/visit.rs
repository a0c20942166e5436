//! `cargo xtask lan`: sets a network up, runs a command at its near end, and takes it down.

use std::process::{Command, ExitCode};
use std::time::Duration;

use clap::Args;

use super::{COUNT, Cable, Closed, Lan, Place};
use crate::process::{now, pause};
use crate::{Outcome, interrupt};

/// How long a command may take to end by itself after Ctrl-C, which the terminal tells it too.
const FAREWELL_MAX: Duration = Duration::from_secs(5);

/// `cargo xtask lan`.
#[derive(Debug, Args)]
pub struct Visit {
    /// There and back, such as 50ms
    #[arg(long, default_value = "50ms", value_parser = millis)]
    rtt: Duration,
    /// How many frames are lost each way, such as 1%
    #[arg(long, default_value = "0%", value_parser = share)]
    loss: f64,
    /// Which frames are lost
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Closed ports say nothing
    #[arg(long, conflicts_with = "resets")]
    drop: bool,
    /// Closed ports send at most so many resets a second, all together
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    resets: Option<u32>,
    /// No cable: the open ports are on the loopback of the one namespace
    #[arg(long, conflicts_with_all = ["rtt", "loss", "drop", "resets"])]
    loopback: bool,
    /// What is run at the near end
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

/// Runs it. Gives the exit code of what was run.
pub fn run(asked: &Visit) -> Outcome<ExitCode> {
    let closed = match (asked.drop, asked.resets) {
        (true, _) => Closed::Drops,
        (false, Some(resets)) => Closed::AtMost(resets),
        (false, None) => Closed::Resets,
    };
    let cable = Cable { rtt: asked.rtt, loss: asked.loss, seed: asked.seed };
    let place = if asked.loopback { Place::Here } else { Place::There(cable, closed) };
    let lan = Lan::up(place)?;
    eprintln!("{} has {COUNT} open ports; namespaces: {}", place.host(), lan.names().join(", "));
    let ended = visit(&lan, &asked.command);
    if let Some(carried) = lan.down() {
        eprintln!("{carried}");
    }
    ended
}

/// Runs the command to its end, which Ctrl-C does not hasten at once: the command hears it, too.
fn visit(lan: &Lan, words: &[String]) -> Outcome<ExitCode> {
    let [program, arguments @ ..] = words else { return Err("no command".into()) };
    let mut child = lan.spawn(Command::new(program).args(arguments))?;
    let mut deadline = None;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if interrupt::came() && now() > *deadline.get_or_insert_with(|| now() + FAREWELL_MAX) {
            child.kill()?;
        }
        pause(Duration::from_millis(5));
    };
    eprintln!("{program}: {status}");
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Milliseconds or seconds, with their unit.
fn millis(word: &str) -> Result<Duration, String> {
    let (number, scale) = match (word.strip_suffix("ms"), word.strip_suffix('s')) {
        (Some(number), _) => (number, 1.0),
        (None, Some(number)) => (number, 1000.0),
        (None, None) => return Err("a time with its unit, such as 50ms or 1s".to_owned()),
    };
    let millis = number.parse::<f64>().map_err(|why| why.to_string())? * scale;
    match (0.0..=10_000.0).contains(&millis) {
        true => Ok(Duration::from_secs_f64(millis / 1e3)),
        false => Err("from 0ms to 10s".to_owned()),
    }
}

/// A percentage, from 0 to 1.
fn share(word: &str) -> Result<f64, String> {
    let percent = word.trim_end_matches('%').parse::<f64>().map_err(|why| why.to_string())?;
    if (0.0..=100.0).contains(&percent) { Ok(percent / 100.0) } else { Err("from 0% to 100%".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_shares_have_bounds() {
        for (word, expected) in [
            ("50ms", Some(50)),
            ("0.5s", Some(500)),
            ("50", None),
            ("-1ms", None),
            ("NaNms", None),
            ("11s", None),
        ] {
            assert_eq!(millis(word).ok(), expected.map(Duration::from_millis), "{word}");
        }
        for (word, expected) in
            [("1%", Some(0.01)), ("100", Some(1.0)), ("101%", None), ("NaN", None), ("x", None)]
        {
            assert_eq!(share(word).ok(), expected, "{word}");
        }
    }
}
