//! What a worker's process goes by: what its first process does, and not the file, which may be another one by now.

use std::collections::BTreeMap;

use crate::settings::choices::Service;
use crate::settings::{ROWS, Settings, find};

/// All that is not as it is by itself.
pub fn written(settings: &Settings) -> String {
    let rows = ROWS.iter().map(|row| (row, (row.get)(settings)));
    let told: BTreeMap<_, _> =
        rows.filter(|(row, value)| row.default != value).map(|(row, value)| (row.path, value)).collect();
    serde_json::to_string(&told).unwrap_or_default()
}

/// What was written; nothing where it is not of this program.
pub fn read(service: Service, written: &str) -> Option<Settings> {
    let told: BTreeMap<String, String> = serde_json::from_str(written).ok()?;
    let mut settings = Settings::of(service);
    for (path, value) in told {
        (find(&path)?.set)(&mut settings, &value).ok()?;
    }
    Some(settings)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_worker_goes_by_what_its_first_process_does() {
        let mut settings = Settings::of(Service::Echo);
        assert_eq!(written(&settings), "{}");
        for (path, value) in
            [("listen", "127.0.0.1:0,unix:/a"), ("timeouts.idle", "5s"), ("chat.motd", "a\n\"b\"")]
        {
            (find(path).unwrap().set)(&mut settings, value).unwrap();
        }
        assert_eq!(read(Service::Echo, &written(&settings)), Some(settings));
        assert_eq!(read(Service::Echo, r#"{"no.such":"1"}"#), None);
        assert_eq!(read(Service::Echo, "x"), None);
    }
}
