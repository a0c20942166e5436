//! The event log: looked at, followed, cleared.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};
use throng_services::chat::house::wall_clock;
use throng_wire::printable::printable;

use super::super::Console;
use super::super::arguments::{Argument, Given, Value, option};
use super::super::operator::Operator;
use super::super::reply::{Answer, Next, Outcome, Reply, Stream};
use super::{Role, USUAL, Verb, counted};
use crate::accounts::Confirm;
use crate::fault::Fault;
use crate::log::{Event, Followed, Follower, Query};
use crate::settings::kinds;
use crate::units::shown_bytes;

/// How many events `logs show` shows unless told, and at most; `logs follow` begins with none.
const SHOWN_USUAL: usize = 20;
const SHOWN_MAX: usize = 10_000;

/// How far back one may ask.
const SINCE_MAX: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

const LEVEL: Argument = option(
    "--level",
    "LEVEL",
    Value::OneOf(&["info", "warn", "error"]),
    "only those so serious: info, warn or error",
);
const KIND: Argument = option("--kind", "KIND", Value::Any, "only these, such as client or client.kicked");
const CLIENT: Argument =
    option("--client", "CLIENT", Value::Client, "only about this name, account or number");
const SINCE: Argument =
    option("--since", "TIME", Value::Any, "not older: 10m, 2d, 19:05, or 2026-11-20T19:05");
const SEARCH: Argument =
    option("--search", "WORDS", Value::Words, "only with these letters in them, large or small");

pub const VERBS: &[Verb] = &[
    Verb {
        name: "logs show",
        arguments: &[
            option("--last", "N", Value::Any, "how many; 20 unless told, at most 10000"),
            LEVEL,
            KIND,
            CLIENT,
            SINCE,
            SEARCH,
        ],
        help: "shows the last events, those of earlier runs too",
        more: "The log says who came and what was done, never what people said.",
        example: "logs show --last 50 --level warn",
        role: Role::View,
        changes: false,
        run: show,
        ..USUAL
    },
    Verb {
        name: "logs follow",
        arguments: &[
            option("--last", "N", Value::Any, "begins with so many that were before; none unless told"),
            LEVEL,
            KIND,
            CLIENT,
            SEARCH,
        ],
        help: "shows events as they happen",
        more: "Who reads too slowly is told how many were skipped.",
        example: "logs follow --kind client",
        role: Role::View,
        changes: false,
        run: follow,
        ..USUAL
    },
    Verb {
        name: "logs clear",
        help: "deletes all events; the log goes on",
        more: "That it was cleared, and by whom, is the first event of the new log.",
        example: "logs clear",
        role: Role::Admin,
        run: clear,
        ..USUAL
    },
];

fn query(console: &Console, given: &Given, usual: usize) -> Result<Query, Fault> {
    let wrong = || Fault::usage(format!("--last is a number up to {SHOWN_MAX}"));
    let last = given.get("--last").map_or(Ok(usual), str::parse).map_err(|_| wrong())?;
    if last > SHOWN_MAX {
        return Err(wrong());
    }
    let level = given.get("--level").map(str::parse).transpose();
    let since =
        given.get("--since").map(|typed| since(typed, &console.zone)).transpose().map_err(Fault::usage)?;
    let text = |name: &str| given.get(name).map(str::to_owned);
    Ok(Query {
        level: level.map_err(|_| Fault::usage("--level is info, warn or error"))?,
        kind: text("--kind"),
        client: text("--client"),
        since,
        search: text("--search"),
        last,
    })
}

/// From when on, in milliseconds since 1970: so long ago, at this time of today or of the last day that had it, or then.
fn since(typed: &str, zone: &TimeZone) -> Result<i64, String> {
    let now = wall_clock().0;
    if let Ok(ago) = kinds::time(typed, Duration::ZERO, SINCE_MAX) {
        return Ok(now - i64::try_from(ago.as_millis()).unwrap_or(now));
    }
    if let Ok(at) = typed.parse::<jiff::Timestamp>() {
        return Ok(at.as_millisecond());
    }
    let zoned =
        |date: jiff::civil::DateTime| date.to_zoned(zone.clone()).map(|at| at.timestamp().as_millisecond());
    if let Ok(date) = typed.parse::<jiff::civil::DateTime>() {
        return zoned(date).map_err(|_| "there was no such time".to_owned());
    }
    let time = typed.parse::<jiff::civil::Time>().map_err(|_| {
        format!("--since: {} is no time such as 10m, 19:05, or 2026-11-20T19:05", printable(typed))
    })?;
    let today = jiff::Timestamp::from_millisecond(now).unwrap_or_default().to_zoned(zone.clone()).date();
    let found = zoned(today.to_datetime(time)).ok().filter(|at| *at <= now);
    let found = found.or_else(|| today.yesterday().ok().and_then(|day| zoned(day.to_datetime(time)).ok()));
    found.ok_or_else(|| "there was no such time".to_owned())
}

fn show(console: &Arc<Console>, given: &Given, _: &Operator) -> Outcome {
    let query = query(console, given, SHOWN_USUAL)?;
    let shown = console.log.show(&query);
    let mut lines = dated(&shown.events, &console.zone);
    if lines.is_empty() {
        lines.push("No events.".to_owned());
    }
    if shown.older_not_looked_at {
        lines.push("(there may be older ones that were not looked at)".to_owned());
    }
    Ok(Answer::say(lines.join("\n"), shown.events.iter().map(|event| data_of(event)).collect()))
}

/// A line for each, and one for each day that is not today.
fn dated(events: &[Arc<Event>], zone: &TimeZone) -> Vec<String> {
    let date = |at_ms: i64| {
        jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default().to_zoned(zone.clone()).date()
    };
    let (mut lines, today) = (Vec::new(), date(wall_clock().0));
    let mut day = today;
    for event in events {
        let own = date(event.at_ms);
        if std::mem::replace(&mut day, own) != own {
            lines.push(if own == today { "--- today ---".to_owned() } else { format!("--- {own} ---") });
        }
        lines.push(event.text(zone));
    }
    lines
}

fn data_of(event: &Event) -> Json {
    serde_json::from_str(&event.json()).expect("an event is written as JSON that can be read")
}

fn follow(console: &Arc<Console>, given: &Given, _: &Operator) -> Outcome {
    let query = query(console, given, 0)?;
    let follower = console.log.follow(&query).map_err(|why| Fault::failed(why.to_string()))?;
    Ok(Answer::GoesOn(Box::new(Following { follower, zone: console.zone.clone() })))
}

/// The log, as it grows.
struct Following {
    follower: Follower,
    zone: TimeZone,
}

impl Stream for Following {
    fn begins(&self) -> Option<&'static str> {
        Some("Following; press Enter to stop.")
    }

    fn next(&mut self, patience: Duration) -> Next {
        match self.follower.next(patience) {
            Followed::Event(event) => {
                Next::Line(Reply { text: event.text(&self.zone), data: data_of(&event), ..Reply::default() })
            }
            Followed::Skipped(count) => Next::Line(Reply {
                text: format!(
                    "({} skipped: they came faster than they were read; logs show has them)",
                    counted(count as usize, "event")
                ),
                data: json!({ "skipped": count }),
                ..Reply::default()
            }),
            Followed::Nothing => Next::Nothing,
            Followed::Closed => Next::Over,
        }
    }
}

fn clear(console: &Arc<Console>, given: &Given, by: &Operator) -> Outcome {
    let failed = |why: std::io::Error| Fault::failed(format!("the log was not cleared: {why}"));
    if !given.has("--yes") {
        let size = console.log.size().map_err(failed)?;
        let events = size.events.map_or("all events".to_owned(), |count| counted(count as usize, "event"));
        let what = format!("This deletes {events} ({}).", shown_bytes(size.bytes));
        return Ok(Answer::Confirm(Confirm { what, word: "clear".to_owned() }));
    }
    let cleared = console.log.clear(&by.name()).map_err(failed)?;
    let events = cleared.events.map_or("all events".to_owned(), |count| counted(count as usize, "event"));
    let data = json!({ "events": cleared.events, "bytes": cleared.bytes });
    Ok(Answer::say(format!("Cleared {events} ({}).", shown_bytes(cleared.bytes)), data))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_day_that_is_not_today_is_named() {
        let at = |at_ms| {
            let mut event = Event::info("server.ready");
            event.at_ms = at_ms;
            Arc::new(event)
        };
        let now = wall_clock().0;
        let days = |events: &[Arc<Event>]| {
            let lines = dated(events, &TimeZone::UTC);
            lines.into_iter().filter(|line| line.starts_with("---")).collect::<Vec<_>>()
        };
        assert_eq!(days(&[at(now)]), Vec::<String>::new());
        let events = [at(1_795_201_540_123), at(1_795_201_540_124), at(now)];
        assert_eq!(days(&events), ["--- 2026-11-20 ---", "--- today ---"]);
    }

    #[test]
    fn a_time_is_so_long_ago_or_of_a_day_or_a_moment() {
        let now = wall_clock().0;
        let zone = TimeZone::UTC;
        let ago = since("10m", &zone).unwrap();
        assert!((now - 600_000..=now - 590_000).contains(&ago), "{ago}");
        assert_eq!(since("2026-11-20T19:05", &zone), Ok(1_795_201_500_000));
        assert_eq!(since("2026-11-20T19:05:40Z", &zone), Ok(1_795_201_540_000));
        for time in ["00:00", "23:59", "12:30:15"] {
            let at = since(time, &zone).unwrap();
            assert!(at <= wall_clock().0 && now - at <= 86_400_000, "the last one that was: {time}");
        }
        for wrong in ["", "yesterday", "25:00", "\x1b[2J"] {
            assert!(!since(wrong, &zone).unwrap_err().contains('\x1b'), "{wrong}");
        }
    }
}
