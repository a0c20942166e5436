//! One event of the log: its number, when, how serious, of which kind, and its fields. As text for people; as JSON for
//! machines see [`super::json`]. It never holds what somebody said, nor a secret: who builds one gives names, numbers and
//! reasons.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::str::FromStr;

use jiff::tz::TimeZone;
use throng_services::chat::house::wall_clock;
use throng_wire::printable::printable;

use super::json;

/// A value longer than this is cut: reasons are at most 400 bytes, and only a system's message could be longer.
pub const VALUE_BYTES_MAX: usize = 1024;

/// How many values an event has at most; further ones are left out. Only a server of many addresses comes near it.
pub const FIELDS_MAX: usize = 64;

/// The longest name of a kind or a field.
const NAME_BYTES_MAX: usize = 64;

/// What no field may be called, since each event has one of these.
pub const HEAD: [&str; 4] = ["seq", "time", "level", "kind"];

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
    /// All of them, from the least serious on.
    pub const ALL: [Level; 3] = [Level::Info, Level::Warn, Level::Error];

    /// As it is typed, and written in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.pad(self.name())
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(typed: &str) -> Result<Level, String> {
        let found = Level::ALL.into_iter().find(|level| level.name() == typed);
        found.ok_or_else(|| "the levels are info, warn and error".to_owned())
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number: the log gives it where it writes, one more than to the event before. 0 until then.
    pub seq: u64,
    /// When, in milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
    /// How serious it is.
    pub level: Level,
    /// `client.joined`: the room of the house, and what happened.
    pub kind: Cow<'static, str>,
    /// Values of one field stand together, in the order in which they were given.
    pub(super) fields: Vec<(Cow<'static, str>, Value)>,
}

/// What a field says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Number(u64),
}

impl Event {
    /// Something ordinary, now.
    pub fn info(kind: &'static str) -> Event {
        debug_assert!(is_name(kind), "{kind:?} is no kind");
        Event { seq: 0, at_ms: wall_clock().0, level: Level::Info, kind: kind.into(), fields: Vec::new() }
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
    pub fn with(self, field: &'static str, value: impl fmt::Display) -> Event {
        let mut text = value.to_string();
        if text.len() > VALUE_BYTES_MAX {
            text.truncate(text.floor_char_boundary(VALUE_BYTES_MAX));
            text.push('…');
        }
        self.given(field, Value::Text(text))
    }

    /// With a field of text, if there is one.
    pub fn with_some(self, field: &'static str, value: Option<impl fmt::Display>) -> Event {
        match value {
            Some(value) => self.with(field, value),
            None => self,
        }
    }

    /// With a number.
    pub fn count(self, field: &'static str, value: impl TryInto<u64>) -> Event {
        self.given(field, Value::Number(value.try_into().unwrap_or(u64::MAX)))
    }

    fn given(mut self, field: &'static str, value: Value) -> Event {
        debug_assert!(is_name(field) && !HEAD.contains(&field), "{field:?} is no name of a field");
        self.put(field.into(), value);
        self
    }

    /// Behind those of the same field, where there are any. Tells whether there was room for it.
    pub(super) fn put(&mut self, field: Cow<'static, str>, value: Value) -> bool {
        let has_room = self.fields.len() < FIELDS_MAX;
        if has_room {
            let last = self.fields.iter().rposition(|(other, _)| *other == field);
            self.fields.insert(last.map_or(self.fields.len(), |last| last + 1), (field, value));
        }
        has_room
    }

    /// What the field says, each time that it was given.
    pub fn values<'a>(&'a self, field: &'a str) -> impl Iterator<Item = Cow<'a, str>> {
        self.fields.iter().filter(move |(other, _)| other == field).map(|(_, value)| match value {
            Value::Text(text) => Cow::Borrowed(text.as_str()),
            Value::Number(number) => Cow::Owned(number.to_string()),
        })
    }

    /// `19:05:40 client.kicked name=ana by=console reason="take a break"`, in the given zone. One line, of letters that a
    /// terminal shows and nothing else, whatever the fields say. In quotes a backslash stands before a quote or another
    /// backslash; all other backslashes begin an escape of `printable`.
    pub fn text(&self, zone: &TimeZone) -> String {
        let at = jiff::Timestamp::from_millisecond(self.at_ms).unwrap_or_default().to_zoned(zone.clone());
        let mut line = String::with_capacity(96);
        let written = write!(line, "{:02}:{:02}:{:02} ", at.hour(), at.minute(), at.second());
        written.expect("a String takes all that is written to it");
        match self.level {
            Level::Info => {}
            Level::Warn => line.push_str("WARN "),
            Level::Error => line.push_str("ERROR "),
        }
        line.push_str(&self.kind);
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
        let mut line = String::with_capacity(192);
        json::write(self, &mut line);
        line
    }
}

/// Kinds and fields are called by small letters of ASCII, digits, and what joins them; so they need no escapes anywhere.
pub fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(fits)
}

/// A value as one word: in quotes when it is empty, or has a space, a quote, a backslash or an equals sign of its own.
fn quoted(text: &str) -> Cow<'_, str> {
    let needs_quotes = |letter: char| letter == ' ' || "\"\\=".contains(letter) || is_wide_space(letter);
    if !text.is_empty() && !text.contains(needs_quotes) {
        return printable(text);
    }
    let escaped = if text.contains(['"', '\\']) {
        Cow::Owned(text.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        Cow::Borrowed(text)
    };
    format!("\"{}\"", printable(&escaped)).into()
}

/// A space that `printable` leaves as it is.
fn is_wide_space(letter: char) -> bool {
    letter.is_whitespace() && !throng_wire::printable::is_dangerous(letter)
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
    fn nobody_ends_a_value_before_its_end_nor_forges_an_escape() {
        for (given, expected) in [
            ("a \\", "\"a \\\\\""),
            ("a\\\" by=console", "\"a\\\\\\\" by=console\""),
            ("\\x1b", "\"\\\\x1b\""),
            ("\x1b", "\\x1b"),
            ("a \x1b", "\"a \\x1b\""),
            ("a\u{2003}b", "\"a\u{2003}b\""),
            ("a\u{85}b\u{2028}c", "a\\u{85}b\\u{2028}c"),
        ] {
            let shown = at(Event::info("client.left").with("why", given)).text(&TimeZone::UTC);
            assert_eq!(shown, format!("19:05:40 client.left why={expected}"), "{given:?}");
        }
    }

    #[test]
    fn an_event_is_of_bounded_size() {
        let long = Event::info("client.left").with("why", "я".repeat(VALUE_BYTES_MAX));
        assert!(long.json().len() < VALUE_BYTES_MAX + 200);
        serde_json::from_str::<serde_json::Value>(&long.json()).unwrap();
        let many = (0..=FIELDS_MAX).fold(Event::info("server.ready"), |event, n| event.with("address", n));
        assert_eq!(many.values("address").count(), FIELDS_MAX);
    }

    #[test]
    fn a_level_is_typed_by_its_name() {
        for level in Level::ALL {
            assert_eq!(level.name().parse(), Ok(level));
        }
        assert!("loud".parse::<Level>().unwrap_err().contains("info, warn and error"));
        assert!(Level::Info < Level::Warn && Level::Warn < Level::Error);
    }
}
