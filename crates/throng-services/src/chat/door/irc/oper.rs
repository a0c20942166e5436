//! OPER, KILL and WALLOPS: those who operate the server. They do so by the role of their account; no word makes an operator.

use throng_chat::{Name, OperatorCommand, Text};
use throng_wire::irc::Message;
use throng_wire::numeric::{
    ERR_NEEDMOREPARAMS, ERR_NOOPERHOST, ERR_NOPRIVILEGES, ERR_NOSUCHNICK, ERR_PASSWDMISMATCH, RPL_YOUREOPER,
};

use super::accounts::Purpose;
use super::{IrcDoor, words};
use crate::chat::door::{AccountAnswer, AccountAsk, Heard};
use crate::identity::{Refusal, Secret};

/// `OPER account password`. Who is signed in already is looked up; the words are not.
pub(super) fn oper(door: &mut IrcDoor, message: &Message<'_>, heard: &mut Heard) {
    let words = Secret::from(message.params[1]);
    if door.accounts.signed_in {
        return door.ask_account(Purpose::Oper, AccountAsk::MayOperate, heard);
    }
    match Name::new(message.params[0], door.house.settings.names) {
        Ok(name) => {
            let ask = AccountAsk::Login { name: Some(name), words };
            door.ask_account(Purpose::Oper, ask, heard);
        }
        Err(_) => say_wrong(door, &Refusal::Wrong, heard),
    }
}

/// `KILL name :reason` ends all connections of somebody.
pub(super) fn kill(door: &mut IrcDoor, message: &Message<'_>, heard: &mut Heard) {
    let reason = door.reason(message.param(1));
    match Name::new(message.params[0], door.house.settings.names) {
        Ok(who) => door.ask_to_operate(OperatorCommand::Kick(who, reason), heard),
        Err(_) => door.say(ERR_NOSUCHNICK, &[message.params[0]], "No such nick", &mut heard.reply),
    }
}

/// `WALLOPS :words` says something to everybody, as the server.
pub(super) fn wallops(door: &mut IrcDoor, message: &Message<'_>, heard: &mut Heard) {
    match Text::fitted(message.params[0], throng_chat::text::TEXT_BYTES_MAX) {
        Some(text) => door.ask_to_operate(OperatorCommand::Announce(text), heard),
        None => door.say(ERR_NEEDMOREPARAMS, &["WALLOPS"], "Not enough parameters", &mut heard.reply),
    }
}

/// Hears identity's answer to OPER.
pub(super) fn learn(door: &mut IrcDoor, answer: &AccountAnswer, heard: &mut Heard) {
    match answer {
        AccountAnswer::SignedIn(_) | AccountAnswer::Refused(Refusal::AlreadySignedIn) => {
            door.ask_account(Purpose::Oper, AccountAsk::MayOperate, heard);
        }
        AccountAnswer::Operator => become_operator(door, &mut heard.reply),
        AccountAnswer::Refused(Refusal::NotOperator | Refusal::NotSignedIn) => {
            let explained = "That account does not operate this server";
            door.say(ERR_NOOPERHOST, &[], explained, &mut heard.reply);
        }
        AccountAnswer::Refused(why) => say_wrong(door, why, heard),
        _ => {}
    }
}

/// Hears what came of KILL and WALLOPS. What was done is seen by itself.
pub(super) fn learn_of_deed(door: &mut IrcDoor, answer: &AccountAnswer, heard: &mut Heard) {
    match answer {
        AccountAnswer::OperateRefused(why) => door.refuse(why, &mut heard.reply),
        AccountAnswer::Refused(why @ (Refusal::NotOperator | Refusal::NotSignedIn)) => {
            let explained = format!("Permission denied: {}", door.reason_of(why));
            door.say(ERR_NOPRIVILEGES, &[], &explained, &mut heard.reply);
        }
        AccountAnswer::Refused(why) => {
            door.say(ERR_NOPRIVILEGES, &[], &format!("Not done: {why}"), &mut heard.reply);
        }
        _ => {}
    }
}

/// They may operate the server, and their client shows it.
pub(super) fn become_operator(door: &mut IrcDoor, out: &mut Vec<u8>) {
    door.say(RPL_YOUREOPER, &[], "You are now an IRC operator", out);
    show(door, true, out);
}

/// They may no longer.
pub(super) fn resign(door: &mut IrcDoor, out: &mut Vec<u8>) {
    if door.accounts.operator {
        show(door, false, out);
    }
}

fn show(door: &mut IrcDoor, operator: bool, out: &mut Vec<u8>) {
    door.accounts.operator = operator;
    if let Some(me) = door.me() {
        words::frame(out, |line| {
            let line = line.source(&words::mask(me)).command("MODE").param(me.as_str());
            line.param(if operator { "+o" } else { "-o" })
        });
    }
}

fn say_wrong(door: &IrcDoor, why: &Refusal, heard: &mut Heard) {
    door.say(ERR_PASSWDMISMATCH, &[], &format!("Not logged in: {why}"), &mut heard.reply);
}
