//! Coming and going: NICK, USER and PASS, the welcome, PING and PONG, QUIT.

use throng_chat::{Command, Name, SeatKey};
use throng_server::End;
use throng_wire::irc::Message;
use throng_wire::numeric::{
    ERR_ALREADYREGISTERED, ERR_ERRONEUSNICKNAME, ERR_NONICKNAMEGIVEN, ERR_NOORIGIN, RPL_CREATED, RPL_MYINFO,
    RPL_WELCOME, RPL_YOURHOST,
};

use super::{IrcDoor, State, isupport, queries, words};
use crate::chat::door::Heard;

/// What the server is, for those who ask.
pub(super) const VERSION: &str = concat!("throng-", env!("CARGO_PKG_VERSION"));

/// How far somebody without a name has come.
#[derive(Debug, Default)]
pub(super) struct Registration {
    /// The name that NICK asked for.
    pub(super) nick: Option<Name>,
    /// The client's own secret, by which it takes its seat over when it comes back.
    pub(super) seat: Option<SeatKey>,
    /// Was USER said?
    pub(super) user: bool,
    /// CAP was begun and not ended.
    pub(super) negotiating: bool,
    /// The world was asked for the name, and what follows waits for its answer.
    pub(super) asking: bool,
}

/// `PASS seat:<32 hexadecimal digits>` is a secret of the client's own: whoever says it again under the same name takes
/// its seat over. Any other password is accepted and ignored: nothing is kept behind one yet.
pub(super) fn pass(door: &mut IrcDoor, message: &Message<'_>, heard: &mut Heard) {
    match &mut door.state {
        State::Here(_) => already(door, heard),
        State::Nameless(registration) => {
            registration.seat =
                message.param(0).and_then(|pass| SeatKey::from_hex(pass.strip_prefix("seat:")?));
        }
    }
}

pub(super) fn nick(door: &mut IrcDoor, message: &Message<'_>, heard: &mut Heard) {
    let Some(typed) = message.param(0).filter(|typed| !typed.is_empty()) else {
        return door.say(ERR_NONICKNAMEGIVEN, &[], "No nickname given", &mut heard.reply);
    };
    let name = match Name::new(typed, door.house.settings.names) {
        Ok(name) => name,
        Err(why) => {
            let explained = format!("That cannot be a name: {why}");
            return door.say(ERR_ERRONEUSNICKNAME, &[typed], &explained, &mut heard.reply);
        }
    };
    match &mut door.state {
        State::Here(me) if me.as_str() == name.as_str() => {}
        State::Here(_) => heard.ask(Command::Rename(name)),
        State::Nameless(registration) => {
            registration.nick = Some(name);
            door.enter_when_ready(heard);
        }
    }
}

/// What USER says is not kept: a person has a name and nothing else yet.
pub(super) fn user(door: &mut IrcDoor, _: &Message<'_>, heard: &mut Heard) {
    match &mut door.state {
        State::Nameless(registration) if !registration.user => {
            registration.user = true;
            door.enter_when_ready(heard);
        }
        _ => already(door, heard),
    }
}

fn already(door: &IrcDoor, heard: &mut Heard) {
    door.say(ERR_ALREADYREGISTERED, &[], "You may not reregister", &mut heard.reply);
}

pub(super) fn ping(door: &mut IrcDoor, message: &Message<'_>, heard: &mut Heard) {
    let Some(token) = message.param(0) else {
        return door.say(ERR_NOORIGIN, &[], "No origin specified", &mut heard.reply);
    };
    let server = &door.house.settings.name;
    words::frame(&mut heard.reply, |line| line.source(server).command("PONG").param(server).trailing(token));
}

/// A sign of life; the seat takes any bytes as one.
pub(super) fn pong(_: &mut IrcDoor, _: &Message<'_>, _: &mut Heard) {}

pub(super) fn quit(door: &mut IrcDoor, message: &Message<'_>, heard: &mut Heard) {
    door.over = true;
    if door.me().is_some() {
        return heard.ask(Command::Quit(door.reason(message.param(0))));
    }
    words::closing("quit", &mut heard.reply);
    heard.over = Some(End::Done);
}

impl IrcDoor {
    /// Asks for the name once everything is said that must come before.
    pub(super) fn enter_when_ready(&mut self, heard: &mut Heard) {
        let State::Nameless(registration) = &mut self.state else { return };
        if !registration.user || registration.negotiating || registration.asking {
            return;
        }
        if let Some(name) = &registration.nick {
            registration.asking = true;
            heard.ask(match registration.seat {
                Some(key) => Command::EnterAs(name.clone(), key),
                None => Command::Enter(name.clone()),
            });
        }
    }

    /// The world said yes: what every IRC client waits for.
    pub(super) fn welcome(&mut self, you: &Name, out: &mut Vec<u8>) {
        self.state = State::Here(you.clone());
        let server = &self.house.settings.name;
        self.say(RPL_WELCOME, &[], &format!("Welcome to throng, {}", words::mask(you)), out);
        self.say(RPL_YOURHOST, &[], &format!("Your host is {server}, running version {VERSION}"), out);
        let since = self.house.stamp(self.house.since);
        self.say(RPL_CREATED, &[], &format!("This server was started {since}"), out);
        // There are no user modes; the last word lists the modes of a room that take a name.
        self.say_plain(RPL_MYINFO, &[server, VERSION, "-", "notv", "ov"], out);
        isupport::tell(self, out);
        queries::show_motd(self, out);
    }
}
