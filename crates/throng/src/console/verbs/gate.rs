//! The doors: who may come in, from now on.

use std::sync::Arc;

use serde_json::json;
use throng_server::Pause;

use super::super::Console;
use super::super::arguments::{Given, flag};
use super::super::operator::Operator;
use super::super::reply::{Answer, Outcome};
use super::{Role, USUAL, Verb};
use crate::fault::Fault;
use crate::log::Event;

pub const VERBS: &[Verb] = &[
    Verb {
        name: "pause",
        arguments: &[flag("--hold", "lets new clients wait in the kernel's queue instead of refusing them")],
        help: "takes no new clients; who is here stays",
        more: "The ports stay ours. With --hold as many wait as the backlog has room for (listen(2)).",
        example: "pause --hold",
        run: pause,
        ..USUAL
    },
    Verb {
        name: "resume",
        help: "takes new clients again, on the same ports; ends a drain too",
        example: "resume",
        run: resume,
        ..USUAL
    },
    Verb {
        name: "limits",
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
    let paused = console.running.pause(pause).map_err(|why| Fault::failed(format!("not paused: {why}")))?;
    let kind = if pause == Pause::Hold { "server.held" } else { "server.paused" };
    let event = Event::info(kind).count("taken", paused.taken).count("clients", paused.in_flight);
    console.log.tell(event.with("by", by.name()));
    let stay = match paused.in_flight {
        1 => "1 client stays".to_owned(),
        count => format!("{count} clients stay"),
    };
    let text = match pause {
        Pause::Refuse => format!("Paused: new connections are refused, {stay}. resume ends it."),
        Pause::Hold => {
            format!("Held: new connections wait in the kernel's queue, {stay}. resume serves them.")
        }
    };
    Ok(Answer::say(text, json!({ "state": console.facts.snapshot().state, "clients": paused.in_flight })))
}

fn resume(console: &Arc<Console>, _: &Given, by: &Operator) -> Outcome {
    let drained = console.draining.cancel();
    console.running.resume().map_err(|why| Fault::failed(format!("still paused: {why}")))?;
    console.log.tell(Event::info("server.resumed").with("by", by.name()));
    let text = if drained { "Accepting again; the server stays." } else { "Accepting again." };
    Ok(Answer::say(text, json!({ "state": console.facts.snapshot().state })))
}

fn limits(console: &Arc<Console>, _: &Given, _: &Operator) -> Outcome {
    let (limits, stats) = (console.running.limits(), console.running.stats());
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
        "clients": stats.open, "clients_max": limits.total, "per_address": limits.per_address,
        "per_address_loopback": limits.per_address_loopback, "queue_bytes": limits.queue,
    });
    Ok(Answer::say(text, data))
}
