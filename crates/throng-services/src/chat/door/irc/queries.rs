//! Questions about people and about the server: WHO, WHOIS, USERHOST, ISON, LUSERS, MOTD and VERSION.

use throng_chat::{Command, Name, Names, RoomName};
use throng_wire::irc::Message;
use throng_wire::numeric::{
    ERR_NOMOTD, ERR_NONICKNAMEGIVEN, ERR_NOSUCHNICK, RPL_ENDOFMOTD, RPL_ENDOFWHO, RPL_ENDOFWHOIS, RPL_ISON,
    RPL_MOTD, RPL_MOTDSTART, RPL_USERHOST, RPL_VERSION,
};

use super::awaited::{Asked, Purpose};
use super::registration::VERSION;
use super::{IrcDoor, isupport, nickserv, service};
use crate::chat::door::Heard;

/// How many people one USERHOST may name (RFC 2812 §4.8).
const USERHOST_MAX: usize = 5;

/// How many people one ISON may name; each is a question of its own.
const ISON_MAX: usize = 16;

/// A room, one person, or everybody. Fields asked for behind `%` (WHOX) are not ours, and the answer is the plain one.
pub(super) fn who(door: &mut IrcDoor, message: &Message<'_>, heard: &mut Heard) {
    let mask = message.param(0).unwrap_or("*");
    if matches!(mask, "*" | "0" | "") {
        door.awaited.push(Asked::WhoAll(mask.to_owned()));
        return heard.ask(Command::People);
    }
    if let Ok(room) = RoomName::new(mask, Names::Unicode) {
        door.awaited.push(Asked::Who(room.clone()));
        return heard.ask(Command::WhoRoom(room));
    }
    match Name::new(mask, door.house.settings.names) {
        Ok(name) => ask_about(door, name, Purpose::Who, heard),
        Err(_) => door.say(RPL_ENDOFWHO, &[mask], "End of WHO list", &mut heard.reply),
    }
}

/// `WHOIS name`, and `WHOIS server name` as clients write it to learn of idle times.
pub(super) fn whois(door: &mut IrcDoor, message: &Message<'_>, heard: &mut Heard) {
    let Some(typed) = message.param(1).or(message.param(0)) else {
        return door.say(ERR_NONICKNAMEGIVEN, &[], "No nickname given", &mut heard.reply);
    };
    let typed = typed.split(',').next().unwrap_or(typed);
    if nickserv::is_called(door, typed) {
        return service::show_whois(door, &mut heard.reply);
    }
    match Name::new(typed, door.house.settings.names) {
        Ok(name) => ask_about(door, name, Purpose::WhoIs, heard),
        Err(_) => {
            door.say(ERR_NOSUCHNICK, &[typed], "No such nick", &mut heard.reply);
            door.say(RPL_ENDOFWHOIS, &[typed], "End of /WHOIS list", &mut heard.reply);
        }
    }
}

pub(super) fn userhost(door: &mut IrcDoor, message: &Message<'_>, heard: &mut Heard) {
    let people = good_names(door, &message.params, USERHOST_MAX);
    if people.is_empty() {
        door.say(RPL_USERHOST, &[], "", &mut heard.reply);
    }
    let last = people.len();
    for (place, name) in people.into_iter().enumerate() {
        ask_about(door, name, Purpose::UserHost { last: place + 1 == last }, heard);
    }
}

pub(super) fn ison(door: &mut IrcDoor, message: &Message<'_>, heard: &mut Heard) {
    let people = good_names(door, &message.params, ISON_MAX);
    if people.is_empty() {
        door.say(RPL_ISON, &[], "", &mut heard.reply);
    }
    let last = people.len();
    for (place, name) in people.into_iter().enumerate() {
        ask_about(door, name, Purpose::IsOn { last: place + 1 == last }, heard);
    }
}

pub(super) fn lusers(door: &mut IrcDoor, _: &Message<'_>, heard: &mut Heard) {
    door.awaited.push(Asked::Lusers);
    heard.ask(Command::People);
}

pub(super) fn motd(door: &mut IrcDoor, _: &Message<'_>, heard: &mut Heard) {
    show_motd(door, &mut heard.reply);
}

/// The message of the day, or that there is none: clients take either for the end of the welcome.
pub(super) fn show_motd(door: &IrcDoor, out: &mut Vec<u8>) {
    let lines = door.house.settings.motd.now();
    if lines.is_empty() {
        return door.say(ERR_NOMOTD, &[], "There is no message of the day", out);
    }
    let server = &door.house.settings.name;
    door.say(RPL_MOTDSTART, &[], &format!("- {server} Message of the day -"), out);
    lines.iter().for_each(|line| door.say(RPL_MOTD, &[], &format!("- {line}"), out));
    door.say(RPL_ENDOFMOTD, &[], "End of /MOTD command", out);
}

pub(super) fn version(door: &mut IrcDoor, _: &Message<'_>, heard: &mut Heard) {
    door.say(RPL_VERSION, &[VERSION, &door.house.settings.name], "", &mut heard.reply);
    isupport::tell(door, &mut heard.reply);
}

fn ask_about(door: &mut IrcDoor, name: Name, purpose: Purpose, heard: &mut Heard) {
    door.awaited.push(Asked::About(name.clone(), purpose));
    heard.ask(Command::WhoIs(name));
}

/// Names come as parameters of their own or in one with spaces; what cannot be a name is nobody's.
fn good_names(door: &IrcDoor, params: &[&str], max: usize) -> Vec<Name> {
    let typed = params.iter().flat_map(|param| param.split(' '));
    typed.filter_map(|typed| Name::new(typed, door.house.settings.names).ok()).take(max).collect()
}
