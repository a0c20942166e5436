//! The event log.

use std::sync::Arc;

use serde_json::Value as Json;

use super::super::Console;
use super::super::arguments::{Given, Value, option};
use super::super::operator::Operator;
use super::super::reply::{Answer, Outcome};
use super::{Role, USUAL, Verb};
use crate::fault::Fault;

pub const VERBS: &[Verb] = &[Verb {
    name: "logs show",
    arguments: &[option("--last", "N", Value::Any, "how many; 20 unless told")],
    help: "shows the last events",
    example: "logs show --last 50",
    role: Role::View,
    changes: false,
    run: show,
    ..USUAL
}];

/// How many events `logs show` shows unless told, and at most.
const EVENTS_USUAL: usize = 20;
const EVENTS_MAX: usize = 10_000;

fn show(console: &Arc<Console>, given: &Given, _: &Operator) -> Outcome {
    let wrong = || Fault::usage(format!("--last is a number up to {EVENTS_MAX}"));
    let count = given.get("--last").map_or(Ok(EVENTS_USUAL), str::parse).map_err(|_| wrong())?;
    console.log.settle(std::time::Duration::from_secs(1));
    let events = console.log.last(count.min(EVENTS_MAX));
    let lines: Vec<_> = events.iter().map(|event| event.text(&console.zone)).collect();
    let data = events.iter().map(|event| serde_json::from_str(&event.json()).unwrap_or(Json::Null));
    Ok(Answer::say(if lines.is_empty() { "No events.".to_owned() } else { lines.join("\n") }, data.collect()))
}
