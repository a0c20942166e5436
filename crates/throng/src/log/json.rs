//! An event as one line of JSON, and back. What is written is harmless on a terminal too, whatever the fields say: all that
//! could do more there than be shown is written as `\u` and four digits. What is read back is the same event.

use std::fmt::{self, Write};

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use throng_wire::printable::is_dangerous;

use super::event::{Event, FIELDS_MAX, HEAD, Level, VALUE_BYTES_MAX, Value, is_name};

/// No line that is written is longer: each byte of a value may become an escape of six.
pub const LINE_BYTES_MAX: usize = FIELDS_MAX * 6 * (VALUE_BYTES_MAX + 128);

/// Larger numbers are not the same number to all who read JSON (RFC 8259, section 6).
const SEQ_MAX: u64 = 1 << 53;

/// Appends the event, without an end of line.
pub fn write(event: &Event, to: &mut String) {
    try_write(event, to).expect("a String takes all that is written to it");
}

fn try_write(event: &Event, to: &mut String) -> fmt::Result {
    let at = jiff::Timestamp::from_millisecond(event.at_ms).unwrap_or_default();
    let at = at.to_zoned(jiff::tz::TimeZone::UTC);
    write!(to, r#"{{"seq":{},"time":"{:04}-{:02}-{:02}T"#, event.seq, at.year(), at.month(), at.day())?;
    write!(to, r#"{:02}:{:02}:{:02}.{:03}Z","#, at.hour(), at.minute(), at.second(), at.millisecond())?;
    write!(to, r#""level":"{}","kind":"{}""#, event.level.name(), event.kind)?;
    for values in event.fields.chunk_by(|(one, _), (other, _)| one == other) {
        write!(to, r#","{}":"#, values[0].0)?;
        if values.len() > 1 {
            to.push('[');
        }
        for (index, (_, value)) in values.iter().enumerate() {
            if index > 0 {
                to.push(',');
            }
            match value {
                Value::Number(number) => write!(to, "{number}")?,
                Value::Text(text) => string(text, to)?,
            }
        }
        if values.len() > 1 {
            to.push(']');
        }
    }
    to.push('}');
    Ok(())
}

fn string(text: &str, to: &mut String) -> fmt::Result {
    to.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => {
                to.push('\\');
                to.push(letter);
            }
            letter if is_dangerous(letter) => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    write!(to, "\\u{unit:04x}")?;
                }
            }
            letter => to.push(letter),
        }
    }
    to.push('"');
    Ok(())
}

/// The event in this line, if it is a whole one.
pub fn read(line: &[u8]) -> Option<Event> {
    serde_json::from_slice(line).ok().map(|Read(event)| event)
}

struct Read(Event);

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Read, D::Error> {
        from.deserialize_map(Object)
    }
}

struct Object;

impl<'de> Visitor<'de> for Object {
    type Value = Read;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an event")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Read, M::Error> {
        let mut event = Event { seq: 0, at_ms: 0, level: Level::Info, kind: "".into(), fields: Vec::new() };
        let mut is_known = [false; HEAD.len()];
        // Names are written without escapes, so they need not be copied to be looked at.
        while let Some(key) = map.next_key::<&str>()? {
            let place = HEAD.iter().position(|name| *name == key);
            let Some(place) = place else {
                field(&mut event, key, map.next_value()?).map_err(M::Error::custom)?;
                continue;
            };
            if std::mem::replace(&mut is_known[place], true) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            match HEAD[place] {
                "seq" => event.seq = map.next_value()?,
                name => head(&mut event, name, map.next_value()?).map_err(M::Error::custom)?,
            }
        }
        if is_known != [true; HEAD.len()] || event.seq > SEQ_MAX {
            return Err(M::Error::custom("not all of its head"));
        }
        Ok(Read(event))
    }
}

/// Takes one of those that each event has.
fn head(event: &mut Event, name: &str, value: &str) -> Result<(), String> {
    match name {
        "time" => {
            let at: jiff::Timestamp = value.parse().map_err(|_| "no time")?;
            event.at_ms = at.as_millisecond();
        }
        "level" => event.level = value.parse()?,
        _ if is_name(value) => event.kind = value.to_owned().into(),
        _ => return Err("no kind".to_owned()),
    }
    Ok(())
}

fn field(event: &mut Event, name: &str, Values(values): Values) -> Result<(), &'static str> {
    if !is_name(name) {
        return Err("no name of a field");
    }
    let all_fit = values.into_iter().all(|value| event.put(name.to_owned().into(), value));
    if all_fit { Ok(()) } else { Err("too many fields") }
}

/// What one field says: one thing, or a list.
struct Values(Vec<Value>);

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Values, D::Error> {
        from.deserialize_any(OneOrMore)
    }
}

struct OneOrMore;

impl<'de> Visitor<'de> for OneOrMore {
    type Value = Values;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a text, a number, or a list of them")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Values, E> {
        Ok(Values(vec![Value::Text(text.to_owned())]))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Values, E> {
        Ok(Values(vec![Value::Text(text)]))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Values, E> {
        Ok(Values(vec![Value::Number(number)]))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Values, S::Error> {
        let mut all = Vec::new();
        while let Some(Values(values)) = list.next_element()? {
            all.extend(values);
        }
        Ok(Values(all))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn at(event: Event) -> Event {
        Event { seq: 7, at_ms: 1_795_201_540_123, ..event }
    }

    #[test]
    fn an_event_is_one_object_for_machines() {
        let ready = Event::info("server.ready").with("address", "127.0.0.1:1").count("ms", 12_u64);
        let head = r#"{"seq":7,"time":"2026-11-20T19:05:40.123Z","level":"info","kind":"server.ready","#;
        assert_eq!(at(ready.clone()).json(), format!(r#"{head}"address":"127.0.0.1:1","ms":12}}"#));
        let two = at(ready.with("address", "[::1]:1")).json();
        assert_eq!(two, format!(r#"{head}"address":["127.0.0.1:1","[::1]:1"],"ms":12}}"#));
    }

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        let odd = "a\"\\\n\u{7}\u{1b}\u{7f}\u{85}\u{9b}\u{61c}\u{200f}\u{2028}\u{2029}\u{202e}\u{2066}\u{feff}\u{e0041}é";
        let line = at(Event::info("client.left").with("why", odd)).json();
        let expected = concat!(
            r#""why":"a\"\\\u000a\u0007\u001b\u007f\u0085\u009b\u061c\u200f\u2028\u2029\u202e\u2066\ufeff"#,
            r#"\udb40\udc41é"}"#
        );
        assert!(line.ends_with(expected), "{line}");
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["why"], odd);
    }

    #[test]
    fn what_is_no_whole_event_is_not_read() {
        let whole = at(Event::info("client.left").with("name", "ana").with("name", "bob")).json();
        assert!(read(whole.as_bytes()).is_some());
        for bytes in 0..whole.len() {
            assert_eq!(read(&whole.as_bytes()[..bytes]), None, "{bytes} bytes of it");
        }
        for (part, instead) in [
            (r#""seq":7"#, r#""seq":-7"#),
            (r#""seq":7"#, r#""seq":18446744073709551615"#),
            (r#""seq":7,"#, ""),
            ("2026-11-20", "2026-13-20"),
            (r#""info""#, r#""loud""#),
            ("client.left", "client\\u001bleft"),
            (r#""name""#, r#""na me""#),
            (r#""ana""#, "{}"),
            (r#""ana""#, r#""\ud800""#),
            (r#""ana""#, "null"),
        ] {
            let other = whole.replacen(part, instead, 1);
            assert_ne!(other, whole);
            assert_eq!(read(other.as_bytes()), None, "{other}");
        }
        assert_eq!(read(b"{\"seq\":7,\"time\":\"\xff\"}"), None);
        let deep = "[".repeat(100_000);
        assert_eq!(read(whole.replace(r#""ana""#, &deep).as_bytes()), None);
    }

    #[test]
    fn the_first_of_two_heads_counts() {
        let line = at(Event::info("client.said")).json().replace('}', r#","kind":"text"}"#);
        assert_eq!(read(line.as_bytes()).unwrap().kind, "client.said");
    }

    /// Any event that could be told.
    fn events() -> impl Strategy<Value = Event> {
        let text = prop_oneof![any::<String>(), "[\\x00-\\x20\"\\\\\u{80}-\u{a0}\u{2028}\u{202e}]{0,9}"];
        let value = prop_oneof![text.prop_map(Value::Text), any::<u64>().prop_map(Value::Number)];
        let name = prop::sample::select(vec!["name", "why", "conn", "address", "bytes_in", "x"]);
        let kind = prop::sample::select(vec!["client.left", "log.torn", "server.ready"]);
        let head = (0..=SEQ_MAX, 0..253_402_207_200_000_i64, prop::sample::select(Level::ALL.to_vec()), kind);
        (head, prop::collection::vec((name, value), 0..FIELDS_MAX + 9)).prop_map(|(head, fields)| {
            let (seq, at_ms, level, kind) = head;
            let event = Event { seq, at_ms, level, ..Event::info(kind) };
            fields.into_iter().fold(event, |event, (name, value)| match value {
                Value::Text(text) => event.with(name, text),
                Value::Number(number) => event.count(name, number),
            })
        })
    }

    proptest! {
        #[test]
        fn an_event_is_read_back_as_it_was_told(event in events()) {
            let line = event.json();
            prop_assert!(!line.chars().any(is_dangerous) && line.len() <= LINE_BYTES_MAX);
            prop_assert!(!event.text(&jiff::tz::TimeZone::UTC).chars().any(is_dangerous));
            prop_assert_eq!(read(line.as_bytes()), Some(event));
        }

        #[test]
        fn nothing_that_is_read_panics(line in any::<Vec<u8>>()) {
            let _ = read(&line);
        }
    }
}
