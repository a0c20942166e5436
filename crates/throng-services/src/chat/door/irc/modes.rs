//! MODE: the modes of a room (n, t), the rights of its members (o, v), and the modes that a person does not have.

use throng_chat::{Command, ModeChange, Name, RoomName};
use throng_wire::irc::{Message, Writer};
use throng_wire::numeric::{
    ERR_NEEDMOREPARAMS, ERR_NOSUCHNICK, ERR_UMODEUNKNOWNFLAG, ERR_UNKNOWNMODE, ERR_USERSDONTMATCH,
    RPL_ENDOFBANLIST, RPL_UMODEIS,
};

use super::IrcDoor;
use crate::chat::door::Heard;

/// How many changes one MODE may ask for. So many always fit into the line that tells them.
pub const CHANGES_MAX: usize = 6;

/// What clients set for themselves at their start without being told to. It is answered, not refused.
const USUAL_FLAGS: &str = "+-iwsx";

pub(super) fn mode(door: &mut IrcDoor, message: &Message<'_>, heard: &mut Heard) {
    let target = message.params[0];
    if !target.starts_with('#') {
        return own_modes(door, target, message.param(1), heard);
    }
    let Some(room) = door.room(target, heard) else { return };
    match message.params.get(1..).unwrap_or_default() {
        [] => heard.ask(Command::AskModes(room)),
        // Clients ask for the list of bans when they enter. Nobody is banned.
        ["b" | "+b"] => {
            door.say(RPL_ENDOFBANLIST, &[room.as_str()], "End of channel ban list", &mut heard.reply);
        }
        [flags, arguments @ ..] => {
            if let Some(changes) = changes(door, &room, flags, arguments, heard) {
                heard.ask(Command::SetModes(room, changes));
            }
        }
    }
}

fn own_modes(door: &IrcDoor, target: &str, flags: Option<&str>, heard: &mut Heard) {
    let out = &mut heard.reply;
    let named = Name::new(target, door.house.settings.names).ok();
    if named.is_none() || named.as_ref() != door.me() {
        return door.say(ERR_USERSDONTMATCH, &[], "Modes of others are not shown", out);
    }
    match flags.unwrap_or("").chars().all(|flag| USUAL_FLAGS.contains(flag)) {
        true => {
            let modes = if door.accounts.operator { "+o" } else { "+" };
            door.say_plain(RPL_UMODEIS, &[modes], out);
        }
        false => door.say(ERR_UMODEUNKNOWNFLAG, &[], "Unknown MODE flag", out),
    }
}

/// The changes that are asked for, or nothing if any of them cannot be: all or none.
fn changes(
    door: &IrcDoor,
    room: &RoomName,
    flags: &str,
    arguments: &[&str],
    heard: &mut Heard,
) -> Option<Vec<ModeChange>> {
    let out = &mut heard.reply;
    let (mut changes, mut on, mut arguments) = (Vec::new(), true, arguments.iter());
    for flag in flags.chars() {
        let change = match flag {
            '+' | '-' => {
                on = flag == '+';
                continue;
            }
            'n' => ModeChange::NoExternal(on),
            't' => ModeChange::TopicLocked(on),
            'o' | 'v' => {
                let Some(typed) = arguments.next() else {
                    door.say(ERR_NEEDMOREPARAMS, &["MODE"], "Not enough parameters", out);
                    return None;
                };
                let Ok(who) = Name::new(typed, door.house.settings.names) else {
                    door.say(ERR_NOSUCHNICK, &[typed], "No such nick", out);
                    return None;
                };
                if flag == 'o' { ModeChange::Operator(who, on) } else { ModeChange::Voice(who, on) }
            }
            unknown => {
                let explained = format!("is unknown mode char to me for {room}");
                door.say(ERR_UNKNOWNMODE, &[&unknown.to_string()], &explained, out);
                return None;
            }
        };
        changes.push(change);
    }
    // What is more than 005 allows is left out, as at other servers.
    changes.truncate(CHANGES_MAX);
    (!changes.is_empty()).then_some(changes)
}

/// `+o-v ana bo`
pub(super) fn spell<'a>(changes: &[ModeChange], line: Writer<'a>) -> Writer<'a> {
    let (mut letters, mut sign) = (String::new(), None);
    for change in changes {
        let (on, letter) = change.letter();
        if sign != Some(on) {
            letters.push(if on { '+' } else { '-' });
            sign = Some(on);
        }
        letters.push(letter);
    }
    let line = line.param(&letters);
    changes.iter().filter_map(ModeChange::member).fold(line, |line, who| line.param(who.as_str()))
}
