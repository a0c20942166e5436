//! What an IRC client may ask: one row for each command, and one function that carries it out.

use throng_wire::irc::Message;
use throng_wire::numeric::{ERR_NEEDMOREPARAMS, ERR_NOTREGISTERED, ERR_UNKNOWNCOMMAND};

use super::{IrcDoor, caps, channels, messages, modes, nickserv, oper, queries, registration, sasl, signup};
use crate::chat::door::Heard;

/// One command.
#[derive(Clone, Copy)]
pub struct Row {
    /// Its name, in capitals.
    pub name: &'static str,
    /// How many parameters it needs. Commands with a refusal of their own for a missing one say 0.
    pub params_min: usize,
    /// May it be asked by somebody who has no name yet?
    pub early: bool,
    /// Is it there only where there are accounts?
    pub accounts: bool,
    run: fn(&mut IrcDoor, &Message<'_>, &mut Heard),
}

const fn row(name: &'static str, params_min: usize, run: fn(&mut IrcDoor, &Message<'_>, &mut Heard)) -> Row {
    Row { name, params_min, early: false, accounts: false, run }
}

const fn early(
    name: &'static str,
    params_min: usize,
    run: fn(&mut IrcDoor, &Message<'_>, &mut Heard),
) -> Row {
    Row { name, params_min, early: true, accounts: false, run }
}

/// It is there only where there are accounts.
const fn account(row: Row) -> Row {
    Row { accounts: true, ..row }
}

/// All of them; the talk of a busy room first, since the table is read from its top.
pub const ROWS: &[Row] = &[
    row("PRIVMSG", 0, messages::privmsg),
    row("NOTICE", 0, messages::notice),
    row("TAGMSG", 0, messages::tagmsg),
    early("PING", 0, registration::ping),
    early("PONG", 0, registration::pong),
    early("CAP", 1, caps::cap),
    early("PASS", 1, registration::pass),
    early("NICK", 0, registration::nick),
    early("USER", 4, registration::user),
    early("QUIT", 0, registration::quit),
    row("JOIN", 1, channels::join),
    row("PART", 1, channels::part),
    row("NAMES", 0, channels::names),
    row("TOPIC", 1, channels::topic),
    row("LIST", 0, channels::list),
    row("KICK", 2, channels::kick),
    row("MODE", 1, modes::mode),
    row("WHO", 0, queries::who),
    row("WHOIS", 0, queries::whois),
    row("USERHOST", 1, queries::userhost),
    row("ISON", 1, queries::ison),
    row("LUSERS", 0, queries::lusers),
    row("MOTD", 0, queries::motd),
    row("VERSION", 0, queries::version),
    account(early("AUTHENTICATE", 1, sasl::authenticate)),
    account(early("REGISTER", 3, signup::register)),
    account(early("VERIFY", 2, signup::verify)),
    account(row("NICKSERV", 0, nickserv::command)),
    account(row("NS", 0, nickserv::command)),
    account(row("OPER", 2, oper::oper)),
    account(row("KILL", 1, oper::kill)),
    account(row("WALLOPS", 1, oper::wallops)),
];

/// Carries out one message.
pub(super) fn run(door: &mut IrcDoor, message: &Message<'_>, heard: &mut Heard) {
    let mut known = ROWS.iter().filter(|row| door.footing.accounts || !row.accounts);
    let Some(row) = known.find(|row| row.name.eq_ignore_ascii_case(message.command)) else {
        return door.say(ERR_UNKNOWNCOMMAND, &[message.command], "Unknown command", &mut heard.reply);
    };
    if !row.early && door.me().is_none() {
        return door.say(ERR_NOTREGISTERED, &[], "You have not registered", &mut heard.reply);
    }
    if message.params.len() < row.params_min {
        return door.say(ERR_NEEDMOREPARAMS, &[row.name], "Not enough parameters", &mut heard.reply);
    }
    (row.run)(door, message, heard);
}
