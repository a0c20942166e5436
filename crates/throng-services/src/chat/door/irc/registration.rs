//! Coming and going: NICK, USER and PASS, the welcome, PING and PONG, QUIT.

use throng_chat::{Command, Name, SeatKey};
use throng_server::End;
use throng_wire::irc::Message;
use throng_wire::numeric::{
    ERR_ALREADYREGISTERED, ERR_ERRONEUSNICKNAME, ERR_NONICKNAMEGIVEN, ERR_NOORIGIN, ERR_PASSWDMISMATCH,
    RPL_CREATED, RPL_MYINFO, RPL_WELCOME, RPL_YOURHOST,
};

use super::accounts::Purpose;
use super::{IrcDoor, State, isupport, queries, sasl, words};
use crate::chat::door::{AccountAnswer, AccountAsk, Door, Heard};
use crate::identity::{Refusal, Secret};

/// What the server is, for those who ask.
pub(super) const VERSION: &str = concat!("throng-", env!("CARGO_PKG_VERSION"));

/// How far somebody without a name has come.
#[derive(Debug, Default)]
pub(super) struct Registration {
    /// The name that NICK asked for.
    pub(super) nick: Option<Name>,
    /// The client's own secret, by which it takes its seat over when it comes back.
    pub(super) seat: Option<SeatKey>,
    /// To which account PASS signs in, and by what.
    pub(super) login: Option<Box<(Name, Secret<String>)>>,
    /// Was USER said?
    pub(super) user: bool,
    /// CAP was begun and not ended.
    pub(super) negotiating: bool,
    /// The world was asked for the name, and what follows waits for its answer.
    pub(super) asking: bool,
}

/// `PASS seat:<32 hexadecimal digits>` is a secret of the client's own: whoever says it again under the same name takes
/// its seat over. `PASS account:password` signs in before the name is asked for. Any other word is ignored, since clients say
/// what they were once told to say to another server.
pub(super) fn pass(door: &mut IrcDoor, message: &Message<'_>, heard: &mut Heard) {
    match &mut door.state {
        State::Here(_) => already(door, heard),
        State::Nameless(registration) => match message.params[0].split_once(':') {
            Some(("seat", digits)) => registration.seat = SeatKey::from_hex(digits),
            Some((typed, words)) if door.footing.accounts => {
                let login = Name::new(typed, door.house.settings.names);
                registration.login = login.ok().map(|name| Box::new((name, Secret::from(words))));
            }
            _ => {}
        },
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

/// Hears what came of PASS: who is not let in goes, as at other servers; who was signed in before stays so.
pub(super) fn learn_of_pass(door: &mut IrcDoor, answer: &AccountAnswer, heard: &mut Heard) {
    let AccountAnswer::Refused(why) = answer else { return };
    if *why == Refusal::AlreadySignedIn {
        return;
    }
    door.say(ERR_PASSWDMISMATCH, &[], &format!("Not logged in: {why}"), &mut heard.reply);
    words::closing("not logged in", &mut heard.reply);
    (door.over, door.closed) = (true, true);
    heard.over = Some(End::Done);
}

impl IrcDoor {
    /// Asks for the name once everything is said that must come before.
    pub(super) fn enter_when_ready(&mut self, heard: &mut Heard) {
        let State::Nameless(registration) = &mut self.state else { return };
        let is_ready = registration.user && registration.nick.is_some() && !registration.negotiating;
        if !is_ready || self.over || self.is_waiting() {
            return;
        }
        if self.accounts.sasl.is_some() {
            // Who goes on without is not signed in.
            sasl::abort(self, heard);
        }
        if !self.is_asking()
            && let Some(login) = self.take_login()
        {
            let (name, words) = *login;
            self.ask_account(Purpose::Pass, AccountAsk::Login { name: Some(name), words }, heard);
        }
        if self.is_waiting() {
            return;
        }
        let State::Nameless(registration) = &mut self.state else { return };
        if let Some(name) = &registration.nick {
            registration.asking = true;
            heard.ask(match registration.seat {
                Some(key) => Command::EnterAs(name.clone(), key),
                None => Command::Enter(name.clone()),
            });
        }
    }

    fn take_login(&mut self) -> Option<Box<(Name, Secret<String>)>> {
        match &mut self.state {
            State::Nameless(registration) => registration.login.take(),
            State::Here(_) => None,
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
        // The third word lists the modes of a person, the last those of a room that take a name.
        let own = if self.footing.accounts { "o" } else { "-" };
        self.say_plain(RPL_MYINFO, &[server, VERSION, own, "notv", "ov"], out);
        isupport::tell(self, out);
        queries::show_motd(self, out);
    }
}
