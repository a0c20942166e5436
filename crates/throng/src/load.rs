//! `throng load`: how many clients does a service stand, and does every byte come back? Puts together what was asked, lets
//! the load generator do it, and tells what came of it.

pub mod asked;
mod chat;
mod comparison;
mod gate;
mod json;
mod live;
mod picture;
#[cfg(test)]
mod samples;
mod table;
mod target;
mod verdict;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use throng_client::load::outcome::Outcome;
use throng_client::load::plan::{Echo, Framing, Messages, Pace, Plan, Task, Until};
use throng_client::load::run::run;
use throng_wire::printable::printable;

use crate::banner::shown;
use crate::fault::Fault;
use crate::guard::{self, Amount, Word};
use crate::screen;
use asked::{CLIENTS_MAX, Load, LoadVerb};
use live::Live;
use verdict::Verdict;

/// For how long, when nothing is said of it.
const DURATION: Duration = Duration::from_secs(10);

/// Descriptors that this program needs beside its clients'.
const DESCRIPTORS_KEPT: u64 = 32;

/// Clients of one address that are sure to get a port each.
const PER_SOURCE: u32 = 20_000;

/// Addresses of this machine that clients come from who are too many for one.
const SOURCES: u8 = 64;

/// Clients that a public target is asked to bear without `--yes-large`.
const PUBLIC_CLIENTS_MAX: u64 = 100;

/// Messages under way that one process keeps the times of.
const UNDER_WAY_MAX: usize = 1 << 24;

/// Who is loaded.
struct Whom<'a> {
    /// As it was typed.
    name: &'a str,
    target: SocketAddr,
    /// Whose word it was, where one was given.
    allowed_by: Option<String>,
}

/// Does it. Gives the exit code.
pub fn load(asked: &Load) -> Result<u8, Fault> {
    if let Some(LoadVerb::Compare(files)) = &asked.verb {
        return comparison::compare(files);
    }
    let name = asked.target.as_deref().unwrap_or_default();
    let found = target::find(name)?;
    let word = Word { authorized: asked.authorized.as_deref(), yes_large: asked.yes_large };
    let amount = Amount { count: clients(asked).into(), noun: "clients", most: PUBLIC_CLIENTS_MAX };
    let allowed_by = guard::check(found.iter().map(SocketAddr::ip), &[amount], word)?;
    let whom = Whom {
        name,
        target: target::choose(&found, asked.connect_timeout),
        allowed_by: asked.authorized.clone().or(allowed_by),
    };
    let plan = plan(asked, whom.target)?;
    raise_descriptors(clients(asked));
    let mut live = Live::begin();
    let outcome = run(&plan, &mut live)
        .map_err(|why| Fault::failed(format!("cannot watch {} connections: {why}", clients(asked))))?;
    live.end();
    tell(asked, &whom, &plan, &outcome)
}

/// How many connections are asked for.
fn clients(asked: &Load) -> u32 {
    if asked.irc || asked.chat { asked.rooms.saturating_mul(asked.members) } else { asked.clients }
}

fn tell(asked: &Load, whom: &Whom, plan: &Plan, outcome: &Outcome) -> Result<u8, Fault> {
    let Whom { name, allowed_by, .. } = whom;
    let verdict = Verdict::of(outcome, &asked.fail_if);
    if asked.json {
        let told = json::json(name, plan, outcome, &verdict, allowed_by.as_deref());
        screen::tell_stdout(&told.to_string());
    } else {
        screen::tell_stdout(&table::table(name, plan, outcome, &verdict));
        if let Some(text) = allowed_by {
            screen::tell_stdout(&format!("authorized {}", printable(text)));
        }
    }
    if let Some(file) = &asked.plot {
        let picture = picture::draw(outcome, asked.rate.is_some()).ok_or_else(|| Fault {
            exit_code: verdict.exit_code.max(1),
            ..Fault::failed("there is nothing to draw: nothing was measured")
        })?;
        std::fs::write(file, picture)
            .map_err(|why| Fault::failed(format!("cannot write {}: {why}", shown(file))))?;
    }
    if verdict.exit_code == 3 {
        let why = outcome.counts.failed.happened().max_by_key(|(_, count)| *count);
        let why = why.map_or("no answer", |(why, _)| why.name());
        return Err(Fault {
            exit_code: 3,
            ..Fault::failed(format!("nobody could connect to {}: {why}", printable(name)))
        }
        .hint("is the server there? throng serve echo starts one here"));
    }
    Ok(verdict.exit_code)
}

fn plan(asked: &Load, target: SocketAddr) -> Result<Plan, Fault> {
    let framing = match (asked.line, asked.length_prefixed) {
        (true, _) => Framing::Line,
        (_, true) => Framing::LengthPrefixed,
        _ => Framing::Raw,
    };
    if asked.bytes < framing.bytes_min() {
        return Err(Fault::usage(format!(
            "a message of this form has at least {} bytes",
            framing.bytes_min()
        )));
    }
    let (clients, depth) = (clients(asked) as usize, usize::from(asked.depth));
    if clients * depth > UNDER_WAY_MAX {
        return Err(Fault::usage(format!(
            "{clients} clients with {depth} messages under way each are too many"
        ))
        .hint(format!("together at most {UNDER_WAY_MAX}")));
    }
    let messages = Messages { framing, bytes: asked.bytes, seed: asked.seed, verify: true };
    let pace = match asked.rate {
        Some(rate) => Pace::Open { rate },
        None => Pace::Closed { think: asked.think.unwrap_or_default() },
    };
    let task = match asked.slow_reader {
        _ if asked.irc || asked.chat => Task::Chat(chat::chat(asked, pace)?),
        _ if asked.churn => Task::Churn,
        _ if asked.hold => Task::Hold,
        Some(bytes_per_s) => Task::SlowReader { messages, bytes_per_s },
        None => Task::Echo(Echo { messages, pace, depth }),
    };
    let is_endless = asked.duration.is_none() && asked.messages.is_none();
    Ok(Plan {
        target,
        sources: sources(asked, target)?,
        clients,
        task,
        until: Until {
            duration: asked.duration.or(is_endless.then_some(DURATION)),
            messages: asked.messages,
        },
        ramp: asked.ramp.unwrap_or_default(),
        warm_up: asked.warm_up.unwrap_or_default(),
        connect_timeout: asked.connect_timeout,
        answer_timeout: asked.timeout,
    })
}

/// Where clients come from: one address has so many ports only, and each rests for a minute when it was used.
fn sources(asked: &Load, target: SocketAddr) -> Result<Vec<IpAddr>, Fault> {
    if let Some(other) = asked.source.iter().find(|source| source.is_ipv4() != target.is_ipv4()) {
        return Err(Fault::usage(format!("nobody can come from {other} to {}", target.ip()))
            .hint("both must be IPv4, or both IPv6"));
    }
    let is_here = matches!(target.ip(), IpAddr::V4(ip) if ip.is_loopback());
    if !asked.source.is_empty() || !is_here || !(asked.churn || clients(asked) > PER_SOURCE) {
        return Ok(asked.source.clone());
    }
    Ok((1..=SOURCES).map(|last| IpAddr::V4(Ipv4Addr::new(127, 0, 1, last))).collect())
}

/// As many descriptors as the system lets us have; says so where that is too few.
fn raise_descriptors(clients: u32) {
    let Ok(limit) = rlimit::increase_nofile_limit(u64::MAX) else { return };
    let fit = limit.saturating_sub(DESCRIPTORS_KEPT);
    if fit < u64::from(clients) {
        screen::tell_stderr(&format!(
            "only some {fit} of {clients} clients fit: the limit is {limit} open files (ulimit -Hn)"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Verb};
    use clap::Parser;

    fn planned(typed: &str) -> Result<Plan, String> {
        let words = ["throng", "load", "127.0.0.1:7"].into_iter().chain(typed.split_whitespace());
        let Verb::Load(asked) = Cli::try_parse_from(words).map_err(|why| why.to_string())?.verb else {
            return Err("another verb".to_owned());
        };
        plan(&asked, "127.0.0.1:7".parse().unwrap()).map_err(|fault| fault.what)
    }

    #[test]
    fn what_is_typed_is_what_is_done() {
        let usual = planned("").unwrap();
        assert_eq!((usual.clients, usual.until.duration), (10, Some(DURATION)));
        assert_eq!(planned("--messages 5").unwrap().until, Until { duration: None, messages: Some(5) });
        let Task::Echo(echo) = planned("--rate 20k --length-prefixed --bytes 4k --depth 3").unwrap().task
        else {
            panic!("an echo was asked for")
        };
        assert_eq!((echo.pace, echo.depth), (Pace::Open { rate: 20_000.0 }, 3));
        assert_eq!((echo.messages.framing, echo.messages.bytes), (Framing::LengthPrefixed, 4096));
        assert_eq!(planned("--hold").unwrap().task, Task::Hold);
        let chat =
            planned("--irc --rooms 3 --members 4 --talkers 2 --rate 50 --messages 9 --ramp 1s").unwrap();
        let Task::Chat(asked) = chat.task else { panic!("a chat was asked for") };
        assert_eq!((chat.clients, asked.shape.talkers, asked.pace), (12, 2, Pace::Open { rate: 50.0 }));
        assert_eq!((chat.until.messages, chat.ramp), (Some(9), Duration::from_secs(1)));
        assert_eq!(planned("--chat --source 127.0.0.9 --think 1s").unwrap().sources.len(), 1);
        assert_eq!(planned("--irc --rooms 30 --members 1000").unwrap().sources.len(), 64);
        assert_eq!(planned("--churn").unwrap().sources.len(), 64);
        assert_eq!(planned("-c 20001").unwrap().sources.len(), 64);
        assert_eq!(planned("--churn --source 127.0.0.9").unwrap().sources.len(), 1);
        for wrong in [
            "-c 0",
            "-c 2000000",
            "--bytes 3 --length-prefixed",
            "--line --length-prefixed",
            "--rate 5 --think 1s",
            "--churn --hold",
            "--irc --chat",
            "--irc --clients 5",
            "--chat --line",
            "--irc --members 2 --talkers 3",
            "--irc --rooms 100000 --members 100000",
            "-c 1000000 --depth 1000",
            "--duration 10",
            "--source ::1",
            "--fail-if p99",
        ] {
            assert!(planned(wrong).is_err(), "{wrong}");
        }
    }
}
