//! The doors: who may come in, from now on.

use std::sync::Arc;

use serde_json::{Value, json};
use throng_server::{Pause, Running, State};

use super::super::Console;
use super::super::arguments::{Given, flag};
use super::super::operator::Operator;
use super::super::reply::{Answer, Outcome};
use super::super::services::{SERVICE, Served, of};
use super::{Role, USUAL, Verb};
use crate::fault::Fault;
use crate::log::Event;
use crate::watching::snapshot::state_name;

pub const VERBS: &[Verb] = &[
    Verb {
        name: "pause",
        arguments: &[
            flag("--hold", "lets new clients wait in the kernel's queue instead of refusing them"),
            SERVICE,
        ],
        help: "takes no new clients; who is here stays",
        more: "The ports stay ours. With --hold as many wait as the backlog has room for (listen(2)).",
        example: "pause --hold",
        run: pause,
        ..USUAL
    },
    Verb {
        name: "resume",
        arguments: &[SERVICE],
        help: "takes new clients again, on the same ports; ends a drain too",
        example: "resume",
        run: resume,
        ..USUAL
    },
    Verb {
        name: "limits",
        arguments: &[SERVICE],
        help: "how many clients may come, and how many are here",
        more: "They are changed by set, as in: set limits.clients 500",
        example: "limits",
        role: Role::View,
        changes: false,
        run: limits,
        ..USUAL
    },
];

fn pause(console: &Arc<Console>, given: &Given, by: &Operator) -> Outcome {
    let pause = if given.has("--hold") { Pause::Hold } else { Pause::Refuse };
    let chosen = console.chosen(given)?;
    let before: Vec<_> = chosen.iter().map(|served| served.running.state()).collect();
    let mut done = Vec::new();
    for (at, served) in chosen.iter().enumerate() {
        done.push(served.running.pause(pause).map_err(|why| {
            // All of them, or none: those before it are as they were.
            chosen
                .iter()
                .zip(&before)
                .take(at)
                .for_each(|(served, before)| put_back(&served.running, *before));
            Fault::failed(format!("not paused{}: {why}", of(console.is_several(), &[served])))
        })?);
    }
    let stays: usize = done.iter().map(|paused| paused.in_flight).sum();
    for (served, paused) in chosen.iter().zip(done) {
        let kind = if pause == Pause::Hold { "server.held" } else { "server.paused" };
        let event = Event::info(kind).count("taken", paused.taken).count("clients", paused.in_flight);
        console.log.tell(event.with("by", by.name()).with_some("service", label(console, served)));
    }
    let stay = match stays {
        1 => "1 client stays".to_owned(),
        count => format!("{count} clients stay"),
    };
    let whose = of(console.is_several(), &chosen);
    let text = match pause {
        Pause::Refuse => format!("Paused{whose}: new connections are refused, {stay}. resume ends it."),
        Pause::Hold => {
            format!("Held{whose}: new connections wait in the kernel's queue, {stay}. resume serves them.")
        }
    };
    Ok(Answer::say(text, json!({ "state": state(&chosen), "clients": stays })))
}

fn resume(console: &Arc<Console>, given: &Given, by: &Operator) -> Outcome {
    let chosen = console.chosen(given)?;
    if chosen.len() < console.services.len() && console.draining.is_on() {
        let fault = Fault::failed("the whole server drains, and one service alone does not end that");
        return Err(fault.hint("resume, without --service, ends it"));
    }
    let drained = console.draining.cancel();
    for served in &chosen {
        let whose = of(console.is_several(), &[served]);
        served.running.resume().map_err(|why| Fault::failed(format!("still paused{whose}: {why}")))?;
        let event = Event::info("server.resumed").with("by", by.name());
        console.log.tell(event.with_some("service", label(console, served)));
    }
    let whose = of(console.is_several(), &chosen);
    let stays = if drained { "; the server stays" } else { "" };
    Ok(Answer::say(format!("Accepting again{whose}{stays}."), json!({ "state": state(&chosen) })))
}

/// As it was. One that cannot be has said why itself, or is ending.
pub fn put_back(running: &Running, before: State) {
    let _ = match before {
        State::Open => running.resume(),
        State::Paused => running.pause(Pause::Refuse).map(drop),
        State::Held => running.pause(Pause::Hold).map(drop),
        _ => Ok(()),
    };
}

/// How the first of them is; they are alike after what was done.
fn state(chosen: &[&Served]) -> &'static str {
    chosen.first().map_or("", |served| state_name(served.running.state()))
}

/// Which service an event is of, where that must be said.
fn label<'a>(console: &Console, served: &'a Served) -> Option<&'a str> {
    console.is_several().then_some(&*served.label)
}

fn limits(console: &Arc<Console>, given: &Given, _: &Operator) -> Outcome {
    let chosen = console.chosen(given)?;
    let all: Vec<_> = chosen.iter().map(|served| (served.label.as_str(), limits_of(served))).collect();
    match &all[..] {
        [(_, (text, data))] => Ok(Answer::say(text.clone(), data.clone())),
        several => {
            let texts: Vec<_> =
                several.iter().map(|(label, (text, _))| format!("[{label}]\n{text}")).collect();
            let data: Vec<_> = several.iter().map(|(_, (_, data))| data).collect();
            Ok(Answer::say(texts.join("\n"), json!({ "services": data })))
        }
    }
}

fn limits_of(served: &Served) -> (String, Value) {
    let (limits, stats) = (served.running.limits(), served.running.stats());
    let per_address = match limits.per_address {
        0 => "any number".to_owned(),
        most => most.to_string(),
    };
    let loopback = if limits.per_address_loopback { "" } else { ", those of this machine apart" };
    let rate = limits.rate_per_address.map_or("any".to_owned(), |rate| format!("{rate:?}"));
    let text = format!(
        "clients      {} of {}\nper address  {per_address}{loopback}\nrate         {rate}\nqueue        {} bytes for each client",
        stats.open, limits.total, limits.queue
    );
    let data = json!({
        "service": served.label, "clients": stats.open, "clients_max": limits.total, "per_address": limits.per_address,
        "per_address_loopback": limits.per_address_loopback, "queue_bytes": limits.queue,
    });
    (text, data)
}
