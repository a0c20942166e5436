//! `throng config show`: what a server would go by. What it prints for people is a configuration file again.

use serde_json::{Map, Value, json};
use throng_wire::printable::printable;

use super::command::{Show, print};
use super::origin::Origin;
use super::plan::{Config, Plan};
use super::sources::Sources;
use crate::fault::Fault;
use crate::settings::row::Scope;
use crate::settings::{ROWS, Setting};

/// Prints it.
pub fn show(asked: &Show) -> Result<u8, Fault> {
    let descriptors = throng_server::raise_descriptors();
    let plan = Sources::of_process(asked.service, asked.given.clone(), descriptors).load()?;
    if !ROWS.iter().any(|row| row.path.starts_with(&asked.prefix)) {
        let fault = Fault::usage(format!("no setting begins with {}", printable(&asked.prefix)));
        return Err(fault.hint("all there are: throng config show"));
    }
    match asked.json {
        true => print(&format!("{:#}\n", as_json(&plan, asked))),
        false => print(&text(&plan, asked)),
    }
}

/// The rows that were asked for.
fn rows(asked: &Show) -> impl Iterator<Item = &'static Setting> {
    ROWS.iter().filter(|row| row.path.starts_with(&asked.prefix))
}

/// One service's settings stand alone; of several those of the process come first, and then each in its part.
fn text(plan: &Plan, asked: &Show) -> String {
    if !plan.is_several() {
        return lines(&plan.services()[0], asked, |_| true);
    }
    let mut text = lines(&plan.services()[0], asked, |row| row.scope == Scope::Process);
    for config in plan.services() {
        let (label, name) = (&config.label, config.settings.service.name());
        text.push_str(&format!("\n[[service]]\nkind = \"{name}\"\nlabel = \"{label}\"\n"));
        let kind = config.settings.service;
        let is_own = |row: &Setting| row.scope != Scope::Process && row.is_of(kind, 0);
        text.push_str(&lines(config, asked, is_own));
    }
    text.trim_start().to_owned()
}

fn lines(config: &Config, asked: &Show, is_shown: impl Fn(&Setting) -> bool) -> String {
    let lines: Vec<_> = rows(asked)
        .filter(|row| is_shown(row))
        .map(|row| {
            let line = format!("{} = {}", row.path, row.toml(&(row.get)(&config.settings)));
            (line, config.origin(row).to_string())
        })
        .collect();
    let width =
        lines.iter().map(|(line, _)| line.chars().count()).filter(|width| *width <= 60).max().unwrap_or(0);
    lines
        .iter()
        .map(|(line, origin)| match asked.origin {
            true => format!("{line:width$}  # {origin}\n"),
            false => format!("{line}\n"),
        })
        .collect()
}

/// Stable: the version rises when a field changes its meaning.
fn as_json(plan: &Plan, asked: &Show) -> Value {
    let first = &plan.services()[0];
    let services: Vec<_> = plan
        .services()
        .iter()
        .map(|config| {
            let kind = config.settings.service.name();
            json!({ "label": config.label, "kind": kind, "settings": settings(config, asked) })
        })
        .collect();
    let file = first.file.as_ref().map(|path| path.display().to_string());
    // The first one's stand alone too, as they do where there are no others.
    json!({
        "version": 1, "service": first.settings.service.name(), "file": file, "settings": settings(first, asked),
        "services": services,
    })
}

fn settings(config: &Config, asked: &Show) -> Map<String, Value> {
    let shown = rows(asked).map(|row| {
        let (value, origin) = ((row.get)(&config.settings), config.origin(row));
        let mut shown = json!({ "value": value, "default": row.default, "origin": origin.kind(), "live": row.live, "scope": row.scope.name() });
        match origin {
            Origin::File(spot) => {
                shown["file"] = spot.source.path.clone().into();
                shown["line"] = spot.line().into();
            }
            Origin::Variable(name) | Origin::Flag(name) => shown["name"] = name.clone().into(),
            Origin::Default | Origin::Set(_) => {}
        }
        (row.path.to_owned(), shown)
    });
    shown.collect()
}
