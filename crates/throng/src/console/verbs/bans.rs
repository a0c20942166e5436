//! Who is not wanted.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};
use throng_services::bans::{BadTarget, Ban, BanFault, Target};
use throng_services::chat::house::wall_clock;
use throng_services::chat::text;
use throng_services::clock;
use throng_store::Time;
use throng_wire::printable::printable;

use super::super::Console;
use super::super::arguments::{Given, Value, option, word};
use super::super::operator::Operator;
use super::super::reply::{Answer, Outcome};
use super::{Role, USUAL, Verb, counted};
use crate::accounts::Confirm;
use crate::columns::table;
use crate::fault::Fault;
use crate::log::Event;
use crate::settings::kinds;
use crate::units;

/// The shortest and the longest time of a ban that ends by itself.
const BAN_MIN: Duration = Duration::from_secs(1);
const BAN_MAX: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// How many lines a list has.
const LISTED_MAX: usize = 500;

const TARGET: &str =
    "a name, a mask such as troll*, an address, a network such as 203.0.113.0/24, or account:NAME";

pub const VERBS: &[Verb] = &[
    Verb {
        name: "ban",
        arguments: &[
            word("TARGET", Value::Client, TARGET),
            option("--for", "TIME", Value::Any, "such as 30m, 1h or 30d; until unban unless told"),
            option("--reason", "WORDS", Value::Words, "what the banned one is told; at most 400 bytes"),
        ],
        help: "keeps somebody out, and closes their connections",
        more: "Bans are kept over restarts, where the service keeps anything. In a mask * stands for any letters and ? for one. \
               A ban of a network hits all who come through it.",
        example: "ban 203.0.113.0/24 --for 1h --reason flood",
        run: ban,
        ..USUAL
    },
    Verb {
        name: "unban",
        arguments: &[word("TARGET", Value::Any, "as bans shows it")],
        help: "lets somebody in again",
        example: "unban 203.0.113.0/24",
        run: unban,
        ..USUAL
    },
    Verb {
        name: "bans",
        help: "who is kept out, until when, and why",
        example: "bans",
        role: Role::View,
        changes: false,
        run: bans,
        ..USUAL
    },
];

fn ban(console: &Arc<Console>, given: &Given, by: &Operator) -> Outcome {
    let target = target_of(given)?;
    let lasting = given.get("--for").map(|typed| kinds::time(typed, BAN_MIN, BAN_MAX)).transpose();
    let lasting = lasting.map_err(|why| Fault::usage(format!("--for: {why}")))?;
    let reason = given.get("--reason").map(|words| {
        text(words).ok_or_else(|| {
            Fault::usage("the reason is longer than 400 bytes, or has control characters in it")
        })
    });
    let reason = reason.transpose()?;
    let shown = printable(&target.to_string()).into_owned();
    if target.is_everybody() && !given.has("--yes") {
        let here = counted(console.open(), "client");
        let what =
            format!("{shown} hits everybody: {here} would be closed, and nobody of these could come again.");
        return Ok(Answer::Confirm(Confirm { what, word: format!("ban {shown}") }));
    }
    let name = text(&by.name()).expect("a few plain letters");
    let banned = console.bans.add(target, lasting, reason.clone(), name).map_err(|why| refused(&why))?;
    let until = banned.until.map(|until| clock::shown(until, wall_clock(), &console.zone));
    let event = Event::info("ban.set").with("target", &shown).with_some("until", banned.until.map(iso));
    let event = event.with_some("reason", reason.as_ref().map(|words| words.as_str())).with("by", by.name());
    console.log.tell(event.with_some("closed", banned.closed));
    let lasts = until.map_or("until it is unbanned".to_owned(), |until| format!("until {until}"));
    let closed = match banned.closed {
        Some(count) => format!("{} closed", counted(count, "connection")),
        None => "its connections are being closed".to_owned(),
    };
    let again = if banned.replaced { ", in the place of an earlier ban" } else { "" };
    let text = format!("Banned {shown} {lasts}{again}. {closed}. Undo: unban {shown}");
    let data = json!({
        "target": banned.target.to_string(), "until": banned.until.map(iso), "closed": banned.closed,
        "replaced": banned.replaced,
    });
    Ok(Answer::say(text, data))
}

fn unban(console: &Arc<Console>, given: &Given, by: &Operator) -> Outcome {
    let target = target_of(given)?;
    let shown = printable(&target.to_string()).into_owned();
    if !console.bans.remove(&target).map_err(|why| refused(&why))? {
        return Err(Fault::failed(format!("{shown} is not banned")).hint("bans shows who is"));
    }
    console.log.tell(Event::info("ban.lifted").with("target", &shown).with("by", by.name()));
    Ok(Answer::say(format!("{shown} is no longer banned."), json!({ "target": target.to_string() })))
}

fn bans(console: &Arc<Console>, _: &Given, _: &Operator) -> Outcome {
    let all = console.bans.list();
    let data: Json = all.iter().map(data_of).collect();
    if all.is_empty() {
        return Ok(Answer::say("Nobody is banned.", data));
    }
    let now = wall_clock();
    let time = |at: Time| clock::shown(at, now, &console.zone);
    let rows: Vec<_> = all
        .iter()
        .map(|ban| {
            [
                printable(&ban.target.to_string()).into_owned(),
                ban.until.map_or("for good".to_owned(), time),
                time(ban.since),
                printable(ban.by.as_str()).into_owned(),
                ban.reason.as_ref().map_or("-".into(), |reason| printable(reason.as_str())).into_owned(),
            ]
        })
        .collect();
    Ok(Answer::say(table(["TARGET", "UNTIL", "SINCE", "BY", "REASON"], &rows, LISTED_MAX), data))
}

fn data_of(ban: &Ban) -> Json {
    json!({
        "target": ban.target.to_string(), "since": iso(ban.since), "until": ban.until.map(iso),
        "reason": ban.reason.as_ref().map(|reason| reason.as_str()), "by": ban.by.as_str(),
    })
}

fn iso(at: Time) -> String {
    units::iso(at.0)
}

fn target_of(given: &Given) -> Result<Target, Fault> {
    let typed = given.of("TARGET");
    typed.parse().map_err(|why: BadTarget| {
        Fault::usage(printable(&why.to_string()).into_owned()).hint(format!("a target is {TARGET}"))
    })
}

fn refused(why: &BanFault) -> Fault {
    let fault = Fault::failed(printable(&why.to_string()));
    match why.hint() {
        Some(hint) => fault.hint(hint),
        None => fault,
    }
}
