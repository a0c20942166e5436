//! One event of the log: when, how serious, of which kind, and its fields. As text for people and as JSON for
//! machines. It never holds what somebody said, nor a secret: who builds one gives names, numbers and reasons.

use std::borrow::Cow;
use std::fmt::{self, Write};

use jiff::tz::TimeZone;
use throng_services::chat::house::wall_clock;
use throng_wire::printable::printable;

/// A value longer than this is cut: reasons are at most 400 bytes, and only a system's message could be longer.
const VALUE_BYTES_MAX: usize = 1024;

/// How serious it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Info,
    /// Somebody should look at it.
    Warn,
    /// Something does not work.
    Error,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, in milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
    /// How serious it is.
    pub level: Level,
    /// `client.joined`: the room of the house, and what happened.
    pub kind: &'static str,
    fields: Vec<(&'static str, Value)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Text(String),
    Number(u64),
}

impl Event {
    /// Something ordinary, now.
    pub fn info(kind: &'static str) -> Event {
        Event { at_ms: wall_clock().0, level: Level::Info, kind, fields: Vec::new() }
    }

    /// Something that somebody should look at, now.
    pub fn warn(kind: &'static str) -> Event {
        Event { level: Level::Warn, ..Event::info(kind) }
    }

    /// Something that does not work, now.
    pub fn error(kind: &'static str) -> Event {
        Event { level: Level::Error, ..Event::info(kind) }
    }

    /// With a field of text. The same field may be given again; it is a list then.
    pub fn with(mut self, field: &'static str, value: impl fmt::Display) -> Event {
        let mut text = value.to_string();
        if text.len() > VALUE_BYTES_MAX {
            text.truncate(text.floor_char_boundary(VALUE_BYTES_MAX));
            text.push('…');
        }
        self.fields.push((field, Value::Text(text)));
        self
    }

    /// With a field of text, if there is one.
    pub fn with_some(self, field: &'static str, value: Option<impl fmt::Display>) -> Event {
        match value {
            Some(value) => self.with(field, value),
            None => self,
        }
    }

    /// With a number.
    pub fn count(mut self, field: &'static str, value: impl TryInto<u64>) -> Event {
        self.fields.push((field, Value::Number(value.try_into().unwrap_or(u64::MAX))));
        self
    }

    /// `19:05:40 client.kicked name=ana by=console reason="take a break"`, in the given zone.
    pub fn text(&self, zone: &TimeZone) -> String {
        let at = jiff::Timestamp::from_millisecond(self.at_ms).unwrap_or_default().to_zoned(zone.clone());
        let mut line = at.strftime("%H:%M:%S ").to_string();
        match self.level {
            Level::Info => {}
            Level::Warn => line.push_str("WARN "),
            Level::Error => line.push_str("ERROR "),
        }
        line.push_str(self.kind);
        for (field, value) in &self.fields {
            let written = match value {
                Value::Text(text) => write!(line, " {field}={}", quoted(text)),
                Value::Number(number) => write!(line, " {field}={number}"),
            };
            written.expect("a String takes all that is written to it");
        }
        line
    }

    /// One line of JSON, without its end. Field names are stable.
    pub fn json(&self) -> String {
        let at = jiff::Timestamp::from_millisecond(self.at_ms).unwrap_or_default();
        let time = at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
        let mut line = format!(r#"{{"time":"{time}","level":"{}","kind":"{}""#, self.level.name(), self.kind);
        for (index, (field, value)) in self.fields.iter().enumerate() {
            let of_field = || self.fields.iter().filter(|(other, _)| other == field).map(|(_, value)| value);
            if self.fields[..index].iter().any(|(earlier, _)| earlier == field) {
                continue;
            }
            let value = match of_field().count() {
                1 => json(value),
                _ => format!("[{}]", of_field().map(json).collect::<Vec<_>>().join(",")),
            };
            line.push_str(&format!(r#","{field}":{value}"#));
        }
        line.push('}');
        line
    }
}

fn json(value: &Value) -> String {
    match value {
        Value::Text(text) => serde_json::to_string(text).expect("any text can be written as JSON"),
        Value::Number(number) => number.to_string(),
    }
}

/// A value as one word: in quotes when it is empty, or has a space, a quote or an equals sign.
fn quoted(text: &str) -> Cow<'_, str> {
    let shown = printable(text);
    let is_word =
        !shown.is_empty() && !shown.chars().any(|letter| letter.is_whitespace() || "\"=".contains(letter));
    if is_word { shown } else { format!("\"{}\"", shown.replace('"', "\\\"")).into() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(event: Event) -> Event {
        Event { at_ms: 1_795_201_540_123, ..event }
    }

    #[test]
    fn an_event_is_one_line_of_words_for_people() {
        let kicked = || Event::info("client.kicked").with("name", "ana").with("by", "console");
        for (given, expected) in [
            (kicked(), "19:05:40 client.kicked name=ana by=console"),
            (
                kicked().with("reason", "take a break"),
                "19:05:40 client.kicked name=ana by=console reason=\"take a break\"",
            ),
            (kicked().with("reason", ""), "19:05:40 client.kicked name=ana by=console reason=\"\""),
            (
                kicked().with("reason", "say \"hi\""),
                "19:05:40 client.kicked name=ana by=console reason=\"say \\\"hi\\\"\"",
            ),
            (
                kicked().with("reason", "\x1b[2Ja\nb"),
                "19:05:40 client.kicked name=ana by=console reason=\\x1b[2Ja\\x0ab",
            ),
            (Event::warn("log.dropped").count("n", 3_u64), "19:05:40 WARN log.dropped n=3"),
            (Event::error("server.bug").with_some("at", None::<&str>), "19:05:40 ERROR server.bug"),
        ] {
            assert_eq!(at(given).text(&TimeZone::UTC), expected);
        }
    }

    #[test]
    fn an_event_is_one_object_for_machines() {
        let ready = Event::info("server.ready").with("address", "127.0.0.1:1").count("ms", 12_u64);
        let time = r#"{"time":"2026-11-20T19:05:40.123Z","level":"info","kind":"server.ready","#;
        assert_eq!(at(ready.clone()).json(), format!(r#"{time}"address":"127.0.0.1:1","ms":12}}"#));
        let two = at(ready.with("address", "[::1]:1")).json();
        assert_eq!(two, format!(r#"{time}"address":["127.0.0.1:1","[::1]:1"],"ms":12}}"#));
        let odd = at(Event::info("client.left").with("why", "a \"b\"\n\u{7}")).json();
        let read: serde_json::Value = serde_json::from_str(&odd).unwrap();
        assert_eq!(read["why"], "a \"b\"\n\u{7}");
        assert!(!odd.contains('\n'));
    }

    #[test]
    fn a_long_value_is_cut_between_letters() {
        let long = Event::info("client.left").with("why", "я".repeat(VALUE_BYTES_MAX));
        assert!(long.json().len() < VALUE_BYTES_MAX + 200);
        serde_json::from_str::<serde_json::Value>(&long.json()).unwrap();
    }
}
