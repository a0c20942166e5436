//! Rooms: JOIN, PART, NAMES, TOPIC, LIST and KICK.

use throng_chat::{Command, Name, RoomName, Text};
use throng_wire::irc::Message;
use throng_wire::numeric::{ERR_NOSUCHNICK, ERR_TOOMANYTARGETS, RPL_ENDOFNAMES};

use super::awaited::Asked;
use super::{IrcDoor, REASON_BYTES_MAX, TARGETS_MAX};
use crate::chat::door::Heard;

/// `JOIN 0` leaves all rooms (RFC 2812 §3.2.1). Keys are not looked at: no room has one.
pub(super) fn join(door: &mut IrcDoor, message: &Message<'_>, heard: &mut Heard) {
    if message.params[0] == "0" {
        return door.rooms.iter().for_each(|room| heard.ask(Command::Part(room.clone(), None)));
    }
    for room in named(door, message.params[0], heard) {
        // Where one is already, a second JOIN says nothing, as at other servers.
        if !door.rooms.contains(&room) {
            heard.ask(Command::Join(room));
        }
    }
}

pub(super) fn part(door: &mut IrcDoor, message: &Message<'_>, heard: &mut Heard) {
    let reason = door.reason(message.param(1));
    for room in named(door, message.params[0], heard) {
        heard.ask(Command::Part(room, reason.clone()));
    }
}

/// Without a room nothing is listed: everybody's names would be a flood that no client asks for.
pub(super) fn names(door: &mut IrcDoor, message: &Message<'_>, heard: &mut Heard) {
    let Some(typed) = message.param(0) else {
        return door.say(RPL_ENDOFNAMES, &["*"], "End of /NAMES list", &mut heard.reply);
    };
    for typed in typed.split(',') {
        match RoomName::new(typed, throng_chat::Names::Unicode) {
            Ok(room) => {
                door.awaited.push(Asked::Names(room.clone()));
                heard.ask(Command::Names(room));
            }
            Err(_) => door.say(RPL_ENDOFNAMES, &[typed], "End of /NAMES list", &mut heard.reply),
        }
    }
}

pub(super) fn topic(door: &mut IrcDoor, message: &Message<'_>, heard: &mut Heard) {
    let Some(room) = door.room(message.params[0], heard) else { return };
    heard.ask(match message.param(1) {
        None => Command::AskTopic(room),
        Some(words) => Command::SetTopic(room, Text::fitted(words, REASON_BYTES_MAX)),
    });
}

/// Of rooms that are named, only these are shown; conditions such as `>10` (ELIST) are not ours, and all are.
pub(super) fn list(door: &mut IrcDoor, message: &Message<'_>, heard: &mut Heard) {
    let named = message.param(0).unwrap_or("").split(',').filter(|typed| typed.starts_with('#'));
    let rooms = named.filter_map(|typed| RoomName::new(typed, throng_chat::Names::Unicode).ok()).collect();
    door.awaited.push(Asked::List(rooms));
    heard.ask(Command::Rooms);
}

pub(super) fn kick(door: &mut IrcDoor, message: &Message<'_>, heard: &mut Heard) {
    let Some(room) = door.room(message.params[0], heard) else { return };
    let people = message.params[1];
    if people.split(',').count() > TARGETS_MAX {
        let explained = format!("At most {TARGETS_MAX} people at once; nobody was put out");
        return door.say(ERR_TOOMANYTARGETS, &[people], &explained, &mut heard.reply);
    }
    let reason = door.reason(message.param(2));
    for typed in people.split(',').filter(|typed| !typed.is_empty()) {
        match Name::new(typed, door.house.settings.names) {
            Ok(who) => heard.ask(Command::Kick(room.clone(), who, reason.clone())),
            Err(_) => door.say(ERR_NOSUCHNICK, &[typed], "No such nick", &mut heard.reply),
        }
    }
}

/// The rooms of a list with commas. What cannot be a room is refused, and the others go on.
fn named(door: &IrcDoor, typed: &str, heard: &mut Heard) -> Vec<RoomName> {
    typed.split(',').filter(|typed| !typed.is_empty()).filter_map(|typed| door.room(typed, heard)).collect()
}
