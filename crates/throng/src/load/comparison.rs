//! `throng load compare`: two results beside each other, from what --json wrote.

use std::path::Path;

use serde_json::Value;
use throng_client::figures::sheet::{Sheet, number, tenths};
use throng_wire::printable::printable;

use super::asked::Compare;
use super::json::SCHEMA;
use crate::banner::shown;
use crate::fault::Fault;
use crate::screen;

/// A result is not larger than this.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What is compared: where it stands, and how it is called.
const ROWS: [(&str, &str); 17] = [
    ("/per_s", "a second"),
    ("/bytes_per_s", "bytes a second"),
    ("/response_us/p50", "p50, µs"),
    ("/response_us/p90", "p90, µs"),
    ("/response_us/p99", "p99, µs"),
    ("/response_us/p99.9", "p99.9, µs"),
    ("/response_us/max", "max, µs"),
    ("/service_us/p50", "service p50, µs"),
    ("/service_us/p99", "service p99, µs"),
    ("/service_us/max", "service max, µs"),
    ("/connect_us/p99", "connect p99, µs"),
    ("/clients/asked", "clients asked"),
    ("/clients/reached", "clients reached"),
    ("/clients/lost", "clients lost"),
    ("/messages/never_sent", "never sent"),
    ("/wrong/streams", "wrong streams"),
    ("/generator/cpu", "generator, cores"),
];

/// Shows both.
pub fn compare(asked: &Compare) -> Result<u8, Fault> {
    let (before, after) = (read(&asked.before)?, read(&asked.after)?);
    screen::tell_stdout(beside(&before, &after).trim_end());
    Ok(0)
}

fn read(file: &Path) -> Result<Value, Fault> {
    let name = shown(file);
    let size =
        std::fs::metadata(file).map_err(|why| Fault::failed(format!("cannot read {name}: {why}")))?.len();
    let none = || {
        Fault::usage(format!("{name} is no result of throng load --json")).hint("throng load … --json > FILE")
    };
    if size > FILE_BYTES_MAX {
        return Err(none());
    }
    let text = std::fs::read(file).map_err(|why| Fault::failed(format!("cannot read {name}: {why}")))?;
    let value: Value = serde_json::from_slice(&text).map_err(|_| none())?;
    match value["schema"].as_u64() {
        Some(SCHEMA) if value["per_s"].is_number() => Ok(value),
        Some(other) if other != SCHEMA => {
            Err(Fault::usage(format!("{name} has form {other}, and this throng reads {SCHEMA}")))
        }
        _ => Err(none()),
    }
}

fn beside(before: &Value, after: &Value) -> String {
    let mut told = String::new();
    for (letter, value) in [("A", before), ("B", after)] {
        let text = |key: &str| printable(value[key].as_str().unwrap_or("?")).into_owned();
        let doubt = if value["valid"] == true { "" } else { " (not valid)" };
        told += &format!("{letter}  {}: {}{doubt}\n", text("target"), text("load"));
    }
    if before["load"] != after["load"] {
        told += "These are two different loads: their figures say little about each other.\n";
    }
    let mut sheet = Sheet::new(&["", "A", "B", "B to A"]);
    for (place, name) in ROWS {
        let value = |of: &Value| of.pointer(place).and_then(Value::as_f64).unwrap_or(0.0);
        let (a, b) = (value(before), value(after));
        if a != 0.0 || b != 0.0 {
            let figure = |value: f64| if value.fract() == 0.0 { number(value) } else { tenths(value) };
            let ratio = if a > 0.0 { format!("{:.2}", b / a) } else { "-".to_owned() };
            sheet.add(vec![name.to_owned(), figure(a), figure(b), ratio]);
        }
    }
    told + "\n" + &sheet.text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn two_results_stand_beside_each_other() {
        let result = |per_s: f64, p99: f64, load: &str, valid: bool| {
            json!({"schema": 1, "target": "127.0.0.1:7", "load": load, "valid": valid, "per_s": per_s,
                   "response_us": {"p99": p99}, "clients": {"asked": 10, "lost": 0}})
        };
        let told = beside(&result(1000.0, 80.5, "echo", true), &result(1500.0, 40.0, "echo", false));
        let expected = "\
A  127.0.0.1:7: echo
B  127.0.0.1:7: echo (not valid)

                     A      B  B to A
  a second       1,000  1,500    1.50
  p99, µs         80.5     40    0.50
  clients asked     10     10    1.00
";
        assert_eq!(told, expected, "{told}");
        let told = beside(&result(0.0, 1.0, "echo", true), &result(5.0, 1.0, "\x1b[2J", true));
        assert!(told.contains("two different loads") && !told.contains('\x1b'), "{told}");
    }

    #[test]
    fn what_is_no_result_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.json");
        for (text, exit_code) in [
            ("", 2),
            ("{}", 2),
            ("[1]", 2),
            ("{\"schema\": 2, \"per_s\": 1}", 2),
            ("{\"schema\": 1}", 2),
            ("\0", 2),
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(read(&file).unwrap_err().exit_code, exit_code, "{text:?}");
        }
        std::fs::write(&file, "{\"schema\": 1, \"per_s\": 1}").unwrap();
        assert!(read(&file).is_ok());
        assert_eq!(read(&folder.path().join("none")).unwrap_err().exit_code, 1);
    }
}
