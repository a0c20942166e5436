//! PRIVMSG and NOTICE: words to rooms and to people.
//!
//! Clients guess how much fits into a frame from the length of their own source, and ours is shorter than they
//! think: they may send more than a [`Text`] holds. So what is too long is split at words, as at the other doors.
//!
//! Of CTCP only ACTION is a thing of this chat (`/me waves`). Text holds no 0x01, so the rest of CTCP (queries for
//! versions, file offers) is dropped without a word: an answer would be noise that no person asked for.

use throng_chat::{Command, Kind, Name, Target, Text};
use throng_wire::irc::Message;
use throng_wire::numeric::{
    ERR_CANNOTSENDTOCHAN, ERR_NORECIPIENT, ERR_NOSUCHNICK, ERR_NOTEXTTOSEND, ERR_TOOMANYTARGETS,
    ERR_UNKNOWNCOMMAND,
};

use super::words::MESSAGE_TAGS;
use super::{IrcDoor, TARGETS_MAX, nickserv};
use crate::chat::door::Heard;

/// `ERR_CANNOTSENDTOUSER` (modern.ircdocs.horse): what 404 is for rooms.
const ERR_CANNOTSENDTOUSER: &str = "531";

pub(super) fn privmsg(door: &mut IrcDoor, message: &Message<'_>, heard: &mut Heard) {
    say(door, message, Kind::Message, heard);
}

pub(super) fn notice(door: &mut IrcDoor, message: &Message<'_>, heard: &mut Heard) {
    say(door, message, Kind::Notice, heard);
}

/// Tags without words. Nothing is made of them, and who agreed to tags may send them.
pub(super) fn tagmsg(door: &mut IrcDoor, message: &Message<'_>, heard: &mut Heard) {
    if door.abilities & MESSAGE_TAGS == 0 {
        door.say(ERR_UNKNOWNCOMMAND, &[message.command], "Unknown command", &mut heard.reply);
    }
}

fn say(door: &mut IrcDoor, message: &Message<'_>, kind: Kind, heard: &mut Heard) {
    let Some(targets) = message.param(0).filter(|targets| !targets.is_empty()) else {
        let explained = format!("No recipient given ({})", message.command.to_ascii_uppercase());
        return door.say(ERR_NORECIPIENT, &[], &explained, &mut heard.reply);
    };
    let Some(said) = message.param(1).filter(|said| !said.is_empty()) else {
        return door.say(ERR_NOTEXTTOSEND, &[], "No text to send", &mut heard.reply);
    };
    if targets.split(',').count() > TARGETS_MAX {
        let explained = format!("At most {TARGETS_MAX} targets at once; nothing was sent");
        return door.say(ERR_TOOMANYTARGETS, &[targets], &explained, &mut heard.reply);
    }
    if targets.split(',').any(|target| nickserv::is_called(door, target)) {
        return say_to_nickserv(door, targets, kind, said, heard);
    }
    let Some((kind, said)) = without_ctcp(said, kind) else { return };
    for target in targets.split(',').filter(|target| !target.is_empty()) {
        if let Some(to) = target_of(door, target, heard) {
            say_to(door, &to, kind, said, heard);
        }
    }
}

/// What is said to it may be a password, so nobody else is told the same.
fn say_to_nickserv(door: &mut IrcDoor, targets: &str, kind: Kind, said: &str, heard: &mut Heard) {
    if targets.contains(',') {
        let explained = "NickServ is spoken to alone; nothing was sent";
        return door.say(ERR_TOOMANYTARGETS, &[targets], explained, &mut heard.reply);
    }
    if kind == Kind::Message && !said.starts_with('\u{1}') {
        nickserv::hear(door, said, heard);
    }
}

fn say_to(door: &IrcDoor, to: &Target, kind: Kind, said: &str, heard: &mut Heard) {
    match Text::split(said) {
        Ok(texts) => texts.into_iter().for_each(|text| heard.ask(Command::Say(to.clone(), kind, text))),
        Err(why) => {
            let (numeric, shown) = match to {
                Target::Room(room) => (ERR_CANNOTSENDTOCHAN, room.as_str()),
                Target::Person(name) => (ERR_CANNOTSENDTOUSER, name.as_str()),
            };
            door.say(numeric, &[shown], &format!("Not sent: {why}"), &mut heard.reply);
        }
    }
}

fn target_of(door: &IrcDoor, typed: &str, heard: &mut Heard) -> Option<Target> {
    if typed.starts_with('#') {
        return door.room(typed, heard).map(Target::Room);
    }
    match Name::new(typed, door.house.settings.names) {
        Ok(name) => Some(Target::Person(name)),
        Err(_) => {
            door.say(ERR_NOSUCHNICK, &[typed], "No such nick", &mut heard.reply);
            None
        }
    }
}

/// The words of an ACTION, or plain words; nothing for any other CTCP.
fn without_ctcp(said: &str, kind: Kind) -> Option<(Kind, &str)> {
    let Some(ctcp) = said.strip_prefix('\u{1}') else { return Some((kind, said)) };
    let ctcp = ctcp.strip_suffix('\u{1}').unwrap_or(ctcp);
    let words = ctcp.strip_prefix("ACTION ").filter(|words| !words.trim().is_empty())?;
    (kind == Kind::Message).then_some((Kind::Action, words))
}
