//! Who is connected, and what each of them is like; the rooms.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use throng_server::ConnId;
use throng_services::chat::distance;
use throng_wire::printable::printable;

use super::super::arguments::{Given, Value, maybe, option, word};
use super::super::guests::{self, Guest, SORTS};
use super::super::operator::Operator;
use super::super::reply::{Answer, Outcome};
use super::super::services::SERVICE;
use super::super::{Console, tables};
use super::{Role, Serves, USUAL, Verb};
use crate::fault::Fault;
use crate::watching::Facts;

const LOOKS: Verb = Verb { role: Role::View, changes: false, ..USUAL };

pub const VERBS: &[Verb] = &[
    Verb {
        name: "clients",
        arguments: &[
            maybe("FILTER", Value::Any, "only whose name, account, address or door has this in it"),
            option("--sort", "BY", Value::OneOf(SORTS), "by id (usual), name, age, silent, in, out or queue"),
            option("--limit", "N", Value::Any, "at most so many of each service; 200 unless told"),
            SERVICE,
        ],
        help: "who is connected",
        more: "Sorted by a time or a size, the largest comes first.",
        example: "clients irc --sort silent",
        run: clients,
        ..LOOKS
    },
    Verb {
        name: "client",
        arguments: &[word("CLIENT", Value::Client, "a name, or a number as clients shows it")],
        help: "all there is to know of one client",
        example: "client 7",
        run: client,
        ..LOOKS
    },
    Verb {
        name: "rooms",
        arguments: &[maybe("FILTER", Value::Any, "only those with this in their name or topic")],
        help: "the rooms with somebody in them, the fullest first",
        example: "rooms",
        serves: Serves::Chat,
        run: rooms,
        ..LOOKS
    },
    Verb {
        name: "room",
        arguments: &[word("ROOM", Value::Room, "which; the # may be left out")],
        help: "one room: its topic, and who is in it",
        example: "room #lobby",
        serves: Serves::Chat,
        run: room,
        ..LOOKS
    },
];

/// How many lines a list has unless told, and at most.
const LISTED_USUAL: usize = 200;
const LISTED_MAX: usize = 100_000;

fn clients(console: &Arc<Console>, given: &Given, _: &Operator) -> Outcome {
    let most = match given.get("--limit") {
        None => LISTED_USUAL,
        Some(typed) => match typed.parse() {
            Ok(most) if (1..=LISTED_MAX).contains(&most) => most,
            _ => return Err(Fault::usage(format!("--limit is a number from 1 to {LISTED_MAX}"))),
        },
    };
    let chosen = console.chosen(given)?;
    let mut all: Vec<_> = chosen.iter().flat_map(|served| guests::of(served, console)).collect();
    let there = all.len();
    if let Some(filter) = given.get("FILTER") {
        all.retain(|guest| guest.has(filter));
    }
    guests::sort(&mut all, given.get("--sort").unwrap_or("id"));
    let mut left: BTreeMap<&str, usize> = chosen.iter().map(|served| (&*served.label, most)).collect();
    let listed = all.iter().filter(|guest| match left.get_mut(&*guest.service) {
        Some(left @ 1..) => {
            *left -= 1;
            true
        }
        _ => false,
    });
    let data = json!({ "total": there, "found": all.len(), "clients": listed.collect::<Vec<_>>() });
    let is_chosen = |facts: &&Facts| chosen.iter().any(|served| served.label == facts.service);
    let services: Vec<_> = console.facts.each().iter().map(AsRef::as_ref).filter(is_chosen).collect();
    Ok(Answer::say(tables::clients(&all, there, most, &services), data))
}

/// One client: a number, or a name, of which there may be several.
fn client(console: &Arc<Console>, given: &Given, _: &Operator) -> Outcome {
    let found = find(console, given.of("CLIENT"))?;
    let rooms = console.rooms_of(&found);
    let texts: Vec<_> =
        found.iter().map(|guest| tables::client(guest, &rooms, console.is_several())).collect();
    Ok(Answer::say(texts.join("\n\n"), json!({ "clients": found, "rooms": rooms })))
}

/// The clients that somebody means.
pub fn find(console: &Console, typed: &str) -> Result<Vec<Guest>, Fault> {
    let all = guests::all(console);
    let number = typed.parse().ok().map(ConnId);
    let named: Vec<_> = all.iter().filter(|guest| guest.is_called(typed)).cloned().collect();
    let found = match named.is_empty() {
        true => all.iter().filter(|guest| Some(ConnId(guest.id)) == number).cloned().collect(),
        false => named,
    };
    if !found.is_empty() {
        return Ok(found);
    }
    let fault = Fault::failed(format!("there is no client {}", printable(typed)));
    let near = all.iter().filter_map(|guest| guest.name.as_deref()).find(|name| distance(name, typed) <= 2);
    Err(match near {
        Some(near) => fault.hint(format!("did you mean: {}", printable(near))),
        None => fault.hint("clients shows who is here"),
    })
}

fn rooms(console: &Arc<Console>, given: &Given, _: &Operator) -> Outcome {
    let mut chat = console.chat_here()?;
    if let Some(filter) = given.get("FILTER").map(str::to_lowercase) {
        chat.rooms.retain(|line| {
            let topic = line.topic.as_ref().map_or("", |topic| topic.as_str());
            [line.room.as_str(), topic].iter().any(|text| text.to_lowercase().contains(&filter))
        });
    }
    let rows = chat.rooms.iter().map(|line| {
        json!({ "room": line.room.as_str(), "members": line.members, "topic": line.topic.as_ref().map(|topic| topic.as_str()) })
    });
    Ok(Answer::say(tables::rooms(&chat), rows.collect()))
}

fn room(console: &Arc<Console>, given: &Given, _: &Operator) -> Outcome {
    let typed = given.of("ROOM");
    let wanted = if typed.starts_with('#') { typed.to_owned() } else { format!("#{typed}") };
    let chat = console.chat_here()?;
    let Some(line) =
        chat.rooms.iter().find(|line| line.room.as_str().to_lowercase() == wanted.to_lowercase())
    else {
        let fault = Fault::failed(format!("nobody is in {}", printable(&wanted)));
        let near = chat.rooms.iter().find(|line| distance(line.room.as_str(), &wanted) <= 2);
        return Err(match near {
            Some(near) => fault.hint(format!("did you mean: room {}", printable(near.room.as_str()))),
            None => fault.hint("rooms shows which there are"),
        });
    };
    let members = chat.who.iter().filter(|person| person.rooms.contains(&line.room));
    let members: Vec<_> = members.map(|person| person.name.as_str()).collect();
    let data = json!({
        "room": line.room.as_str(), "members": line.members, "topic": line.topic.as_ref().map(|topic| topic.as_str()),
        "names": members,
    });
    Ok(Answer::say(tables::room(line, &members), data))
}
