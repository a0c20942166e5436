//! `throng config show`: what a server would go by. What it prints for people is a configuration file again.

use serde_json::{Map, Value, json};
use throng_wire::printable::printable;

use super::command::{Show, print, typed};
use super::origin::Origin;
use super::{Config, Sources};
use crate::fault::Fault;
use crate::settings::ROWS;

/// Prints it.
pub fn show(asked: &Show) -> Result<u8, Fault> {
    let descriptors = throng_server::raise_descriptors();
    let config = Sources::of_process(asked.service, asked.given.clone(), descriptors).load()?;
    if !ROWS.iter().any(|row| row.path.starts_with(&asked.prefix)) {
        let fault = Fault::usage(format!("no setting begins with {}", printable(&asked.prefix)));
        return Err(fault.hint("all there are: throng config show"));
    }
    match asked.json {
        true => print(&format!("{:#}\n", as_json(&config, asked))),
        false => print(&text(&config, asked)),
    }
}

fn text(config: &Config, asked: &Show) -> String {
    let rows = ROWS.iter().filter(|row| row.path.starts_with(&asked.prefix));
    let lines: Vec<_> = rows
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
fn as_json(config: &Config, asked: &Show) -> Value {
    let rows = ROWS.iter().filter(|row| row.path.starts_with(&asked.prefix));
    let settings: Map<String, Value> = rows
        .map(|row| {
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
        })
        .collect();
    let file = config.file.as_ref().map(|path| path.display().to_string());
    json!({ "version": 1, "service": typed(asked.service), "file": file, "settings": settings })
}
