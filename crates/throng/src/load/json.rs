//! A result as data. `compare` reads what this writes.

use std::time::Duration;

use serde_json::{Map, Value, json};
use throng_client::load::counts::Reasons;
use throng_client::load::outcome::Outcome;
use throng_client::load::plan::Plan;
use throng_client::times::Times;

use super::table::{SHARES, what};
use super::verdict::{Verdict, bytes_per_s, per_s};

/// The form of what is written; another one gets another number.
pub const SCHEMA: u64 = 1;

/// The whole of it.
pub fn json(
    target: &str,
    plan: &Plan,
    outcome: &Outcome,
    verdict: &Verdict,
    authorized: Option<&str>,
) -> Value {
    let (counts, damaged, own) = (&outcome.counts, &outcome.damaged, &outcome.own);
    let faults = outcome.faults.iter().map(ToString::to_string);
    let faults: Vec<_> = faults.chain(outcome.words.iter().map(ToString::to_string)).collect();
    let broken: Vec<_> = verdict.broken.iter().map(|(gate, was)| json!({"gate": gate, "was": was})).collect();
    json!({
        "schema": SCHEMA,
        "target": target,
        "load": what(plan),
        "authorized": authorized,
        "clients": {
            "asked": counts.asked,
            "reached": counts.reached,
            "answered": counts.answered,
            "lost": counts.lost.sum(),
            "not_made_by_reason": reasons(&counts.failed),
            "lost_by_reason": reasons(&counts.lost),
            "not_ended_by_server": counts.unended,
            "other_error": outcome.strange,
        },
        "seconds": outcome.lasted.as_secs_f64(),
        "per_s": per_s(outcome),
        "bytes_per_s": bytes_per_s(outcome),
        "messages": {"sent": counts.begun, "back": counts.heard, "in_window": outcome.in_window, "never_sent": counts.unsent},
        "bytes": {"sent": counts.bytes_sent, "back": counts.bytes_heard},
        "wrong": {
            "streams": damaged.streams,
            "changed": damaged.changed,
            "missing": damaged.missing,
            "out_of_order": damaged.late,
            "repeated": damaged.repeated,
            "extra": damaged.extra,
            "garbled_streams": damaged.garbled,
            "first": faults,
        },
        "response_us": times(&outcome.response),
        "service_us": times(&outcome.service),
        "connect_us": times(&outcome.connect),
        "generator": {
            "cpu": own.cpu,
            "waiting_for_cpu": own.queued,
            "lag_p99_us": micros(own.lag_p99),
            "lag_max_us": micros(own.lag_max),
        },
        "valid": verdict.is_valid(),
        "objections": verdict.objections,
        "missing": verdict.missing,
        "interrupted": outcome.is_interrupted,
        "gates_broken": broken,
        "exit_code": verdict.exit_code,
    })
}

fn reasons(reasons: &Reasons) -> Value {
    Value::Object(reasons.happened().map(|(why, count)| (why.name().to_owned(), count.into())).collect())
}

fn times(times: &Times) -> Value {
    let mut told: Map<String, Value> =
        SHARES.iter().map(|(name, share)| ((*name).to_owned(), micros(times.quantile(*share)))).collect();
    told.insert("max".to_owned(), micros(times.longest()));
    told.insert("mean".to_owned(), micros(times.mean()));
    told.insert("count".to_owned(), times.count().into());
    Value::Object(told)
}

/// In microseconds, with a tenth.
fn micros(time: Duration) -> Value {
    ((time.as_secs_f64() * 1e7).round() / 10.0).into()
}
