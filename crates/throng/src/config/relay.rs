//! What a worker's process goes by: what its first process does, and not the file, which may be another one by now.

use std::collections::BTreeMap;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::plan::Config;
use crate::listen::{Listen, Wanted};
use crate::settings::choices::Service;
use crate::settings::{ROWS, find};

/// What is written.
#[derive(Serialize, Deserialize)]
struct Told {
    kind: String,
    label: String,
    settings: BTreeMap<String, String>,
}

/// Which service it is, and all that is not as it is by itself. It listens at these addresses: a worker, which binds nothing, has
/// as many places as its first process and in the same order, whatever was passed to that one and whoever else took of it.
pub fn written(config: &Config, listens: &[Listen]) -> String {
    let mut config = config.clone();
    config.settings.listen = listens.iter().cloned().map(Wanted::At).collect();
    let rows = ROWS.iter().map(|row| (row, (row.get)(&config.settings)));
    let settings = rows.filter(|(row, value)| row.default != value);
    let settings = settings.map(|(row, value)| (row.path.to_owned(), value)).collect();
    let kind = config.settings.service.name().to_owned();
    serde_json::to_string(&Told { kind, label: config.label, settings }).unwrap_or_default()
}

/// What was written; nothing where it is not of this program.
pub fn read(written: &str) -> Option<Config> {
    let told: Told = serde_json::from_str(written).ok()?;
    let kind = Service::value_variants().iter().find(|kind| kind.name() == told.kind)?;
    let mut config = Config { label: told.label, ..Config::of(*kind) };
    for (path, value) in told.settings {
        (find(&path)?.set)(&mut config.settings, &value).ok()?;
    }
    Some(config)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_worker_goes_by_what_its_first_process_does() {
        let mut config = Config { label: "lab".to_owned(), ..Config::of(Service::Echo) };
        for (path, value) in
            [("listen", "127.0.0.1:0,unix:/a"), ("timeouts.idle", "5s"), ("chat.motd", "a\n\"b\"")]
        {
            (find(path).unwrap().set)(&mut config.settings, value).unwrap();
        }
        let listens = ["tls:127.0.0.1:7".parse().unwrap(), "unix:/a".parse().unwrap()];
        let found = read(&written(&config, &listens)).unwrap();
        config.settings.listen = listens.map(Wanted::At).into();
        assert_eq!((found.label, found.settings), (config.label, config.settings));
        for wrong in [
            r#"{"kind":"echo","label":"a","settings":{"no.such":"1"}}"#,
            r#"{"kind":"gopher","label":"a","settings":{}}"#,
            r#"{}"#,
            "x",
        ] {
            assert!(read(wrong).is_none(), "{wrong}");
        }
    }
}
