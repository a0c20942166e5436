//! What the server goes by: shown, set while it runs, and read anew.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use throng_wire::printable::printable;

use super::super::Console;
use super::super::arguments::{Given, Value, flag, maybe, word};
use super::super::operator::Operator;
use super::super::reply::{Answer, Outcome};
use super::super::services::SERVICE;
use super::{Role, USUAL, Verb, past};
use crate::columns::table;
use crate::config::changed::Changed;
use crate::fault::Fault;
use crate::settings::find;

pub const VERBS: &[Verb] = &[
    Verb {
        name: "show",
        arguments: &[
            maybe("SETTING", Value::Setting, "one, or all whose paths begin so"),
            flag("--changed", "only those that are not as they are by themselves"),
            SERVICE,
        ],
        help: "settings: what they are, and where that comes from",
        more: "A setting has the same name in throng.toml, as a flag (--limits-clients) and as a variable (THRONG_LIMITS__CLIENTS).",
        example: "show limits",
        role: Role::View,
        changes: false,
        run: show,
        ..USUAL
    },
    Verb {
        name: "set",
        arguments: &[
            SERVICE,
            word("SETTING", Value::Setting, "which; show lists them"),
            word("VALUE", Value::Phrase, "what it shall be, as in throng.toml but without quotes"),
        ],
        help: "changes a setting until the server ends",
        more: "Those that show marks with * can be set so; the others are written into throng.toml and need a restart. \
               history.keep is set by history keep.",
        example: "set limits.clients 500",
        role: Role::Admin,
        run: set,
        ..USUAL
    },
    Verb {
        name: "reload",
        help: "reads the configuration and the certificate anew, all of it or nothing",
        more: "SIGHUP does the same. What was set while the server ran is put back to what the file says. A mistake anywhere changes \
               nothing.",
        example: "reload",
        role: Role::Admin,
        run: reload,
        ..USUAL
    },
];

fn show(console: &Arc<Console>, given: &Given, _: &Operator) -> Outcome {
    let prefix = given.get("SETTING").unwrap_or("");
    let mut found = console.chair.show(prefix, given.get(SERVICE.name))?;
    if found.is_empty() {
        let fault = Fault::failed(format!("there is no setting {}", printable(prefix)));
        return Err(match crate::settings::nearest(prefix) {
            Some(near) => fault.hint(format!("did you mean {near}?")),
            None => fault.hint("show tells all there are"),
        });
    }
    let row = |path: &str| find(path).expect("what is shown is a row of the table");
    if given.has("--changed") {
        found.retain(|shown| row(shown.path).default != shown.value);
    }
    let data = found.iter().map(|shown| {
        let row = row(shown.path);
        json!({
            "setting": shown.path, "service": shown.service, "value": shown.value, "default": row.default, "origin": shown.origin.to_string(),
            "live": row.live, "kind": row.kind.name(), "doc": row.doc,
        })
    });
    let data: Json = data.collect();
    let rows: Vec<_> = found
        .iter()
        .map(|shown| {
            let mark = if row(shown.path).live { "*" } else { "" };
            let value = if shown.value.is_empty() { "-".into() } else { printable(&shown.value) };
            [
                format!("{}{mark}{}", shown.path, whose(shown.service.as_deref())),
                value.into_owned(),
                printable(&shown.origin.to_string()).into_owned(),
            ]
        })
        .collect();
    let mut text = match found.len() {
        0 => "All settings are as they are by themselves.".to_owned(),
        count => table(["SETTING", "VALUE", "FROM"], &rows, count),
    };
    match &found[..] {
        [one] => text.push_str(&format!("\n{}", row(one.path).doc)),
        [] => {}
        _ => text.push_str("\n* can be set while the server runs"),
    }
    Ok(Answer::say(text, data))
}

/// ` (echo)`, where it is one service's own.
fn whose(service: Option<&str>) -> String {
    service.map_or_else(String::new, |label| format!(" ({label})"))
}

fn set(console: &Arc<Console>, given: &Given, by: &Operator) -> Outcome {
    if given.of("SETTING") == past::SETTING && console.past.is_some() {
        let fault = Fault::usage(
            "history.keep deletes what is beyond it, so it has a verb that says first what goes",
        );
        return Err(fault.hint(format!("type: history keep {}", printable(given.of("VALUE")))));
    }
    let changed =
        console.chair.set(given.of("SETTING"), given.of("VALUE"), given.get(SERVICE.name), &by.name())?;
    let data = data_of(&changed);
    Ok(Answer::say(changed.told(&console.chair.file()), data))
}

fn reload(console: &Arc<Console>, _: &Given, by: &Operator) -> Outcome {
    let reloaded = console.chair.reload(&by.name()).map_err(Fault::from)?;
    let list = |changes: &[Changed]| changes.iter().map(data_of).collect::<Json>();
    let data = json!({
        "changed": list(&reloaded.changed), "needs_restart": list(&reloaded.needs_restart),
        "certificate": reloaded.certificate,
    });
    Ok(Answer::say(reloaded.to_string(), data))
}

fn data_of(changed: &Changed) -> Json {
    json!({
        "setting": changed.path, "service": changed.service, "from": changed.from, "to": changed.to, "origin": changed.origin.to_string(),
        "put_back": changed.put_back,
    })
}
