//! How the server ends, or begins anew.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use throng_server::Pause;

use super::super::Console;
use super::super::arguments::{Given, Value, flag, maybe};
use super::super::operator::Operator;
use super::super::reply::{Answer, Outcome};
use super::super::tables::lasted;
use super::{Role, USUAL, Verb, counted, gate};
use crate::accounts::Confirm;
use crate::fault::Fault;
use crate::log::Event;
use crate::signals::{Asked, Asker, Wish};
use crate::units;

const ENDS: Verb = Verb { role: Role::Admin, ..USUAL };

/// How long a drain lasts unless told.
const DRAIN_USUAL: Duration = Duration::from_secs(30);

pub const VERBS: &[Verb] = &[
    Verb {
        name: "drain",
        arguments: &[maybe("TIME", Value::Any, "how long they have, as 30s or 5m; 30s unless told")],
        help: "takes no new clients, lets those who are here finish, and then ends the server",
        more: "In a chat everybody is told when it will be over. It ends when the last one has gone, or when the time is up; \
               resume ends the drain instead, and the server stays.",
        example: "drain 5m",
        run: drain,
        ..ENDS
    },
    Verb {
        name: "restart",
        help: "starts the program anew, on the same ports; who is here is told",
        more: "The new program is tried first: if it cannot serve with what it finds, this one goes on.",
        example: "restart",
        run: restart,
        ..ENDS
    },
    Verb {
        name: "shutdown",
        arguments: &[flag("--now", "does not wait for anybody to hear it")],
        help: "says goodbye to everybody, and ends",
        more: "It takes at most 10 seconds; Ctrl-C in the server's own terminal does the same.",
        example: "shutdown",
        run: shutdown,
        ..ENDS
    },
];

fn drain(console: &Arc<Console>, given: &Given, by: &Operator) -> Outcome {
    let time = given.get("TIME").map_or(Ok(DRAIN_USUAL), units::duration).map_err(Fault::usage)?;
    let servers = || console.services.iter().map(|served| served.running.clone());
    if !console.draining.begin(servers().collect(), &console.wishes, time) {
        return Err(
            Fault::failed("the server drains already").hint("resume ends that, shutdown does not wait")
        );
    }
    let mut clients = 0;
    let before: Vec<_> = servers().map(|server| server.state()).collect();
    for server in servers() {
        match server.pause(Pause::Refuse) {
            Ok(paused) => clients += paused.in_flight,
            Err(why) => {
                console.draining.cancel();
                servers().zip(before).for_each(|(server, before)| gate::put_back(&server, before));
                return Err(Fault::failed(format!("not drained: new clients cannot be refused: {why}")));
            }
        }
    }
    let within = lasted(time);
    let told = console.announce(&format!("the server closes in {within}"));
    let event = Event::info("server.drain_begun").count("clients", clients).with("by", by.name());
    console.log.tell(event.count("within_ms", time.as_millis()));
    let here = counted(clients, "client");
    let told = if told { " and told" } else { "" };
    let text = format!(
        "Draining: {here} here{told}; the server ends when they have gone, or in {within}. resume ends the drain, shutdown does not wait."
    );
    Ok(Answer::say(text, json!({ "clients": clients, "within_ms": time.as_millis() as u64 })))
}

fn restart(_: &Arc<Console>, _: &Given, _: &Operator) -> Outcome {
    let text = "Restarting, if the program can serve with what it finds now.";
    Ok(Answer::ask(text, Asked::Restart(Asker::Console)))
}

fn shutdown(console: &Arc<Console>, given: &Given, by: &Operator) -> Outcome {
    // Whoever sits at the server's own terminal sees what he does; who comes by the socket may be at the wrong one.
    if *by != Operator::PROMPT && !given.has("--yes") {
        let here = counted(console.open(), "client");
        let what = format!("This ends the server, {here} and all; what is stored stays.");
        return Ok(Answer::Confirm(Confirm { what, word: "shutdown".to_owned() }));
    }
    Ok(Answer::ask("", Asked::End(Wish { by: Asker::Console, now: given.has("--now") })))
}
