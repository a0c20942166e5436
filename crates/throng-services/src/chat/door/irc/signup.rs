//! REGISTER and VERIFY: making an account (IRCv3 draft/account-registration), before the name is given or after.

use throng_chat::Name;
use throng_wire::irc::Message;

use super::accounts::Purpose;
use super::{IrcDoor, State, words};
use crate::chat::door::{AccountAnswer, AccountAsk, Heard};
use crate::identity::password::BadPassword;
use crate::identity::{Refusal, Secret};

/// What CAP says of it: it may come before the name, and the account may be called otherwise.
pub(super) const VALUE: &str = "before-connect,custom-account-name";

/// `REGISTER account email password`; `*` is the name that one has or asked for. An address for mail is not looked at and
/// not kept: nothing is ever sent.
pub(super) fn register(door: &mut IrcDoor, message: &Message<'_>, heard: &mut Heard) {
    let (typed, password) = (message.params[0], Secret::from(message.params[2]));
    if door.accounts.signed_in {
        return refuse(door, typed, &Refusal::AlreadySignedIn, heard);
    }
    if !door.footing.secrets {
        return refuse(door, typed, &Refusal::PlaintextRefused, heard);
    }
    let name = match (typed, &door.state) {
        ("*", State::Here(me)) => Ok(me.clone()),
        ("*", State::Nameless(registration)) => match &registration.nick {
            Some(nick) => Ok(nick.clone()),
            None => return fail(door, "REGISTER", "NEED_NICK", typed, "Say NICK first", heard),
        },
        (typed, _) => Name::new(typed, door.house.settings.names),
    };
    match name {
        Ok(name) => {
            let ask = AccountAsk::Register { name: name.clone(), password, scram: false };
            door.ask_account(Purpose::Register(name), ask, heard);
        }
        Err(why) => {
            let explained = format!("That cannot be a name: {why}");
            fail(door, "REGISTER", "BAD_ACCOUNT_NAME", typed, &explained, heard);
        }
    }
}

/// No account waits to be verified.
pub(super) fn verify(door: &mut IrcDoor, message: &Message<'_>, heard: &mut Heard) {
    let explained = "Accounts are good at once here; none waits for a code";
    fail(door, "VERIFY", "INVALID_CODE", message.params[0], explained, heard);
}

/// Hears identity's answer.
pub(super) fn learn(door: &mut IrcDoor, name: &Name, answer: &AccountAnswer, heard: &mut Heard) {
    match answer {
        AccountAnswer::Registered(signed) => words::frame(&mut heard.reply, |line| {
            let line = line.source(&door.house.settings.name).command("REGISTER").param("SUCCESS");
            line.param(signed.account.as_str()).trailing("The account is made, and you are logged in to it")
        }),
        AccountAnswer::Refused(why) => refuse(door, name.as_str(), why, heard),
        _ => {}
    }
}

fn refuse(door: &IrcDoor, account: &str, why: &Refusal, heard: &mut Heard) {
    let code = match why {
        Refusal::AlreadySignedIn => "ALREADY_AUTHENTICATED",
        Refusal::Exists => "ACCOUNT_EXISTS",
        Refusal::LooksLike(_) | Refusal::NameBanned => "BAD_ACCOUNT_NAME",
        Refusal::Password(BadPassword::TooShort) => "WEAK_PASSWORD",
        Refusal::Password(BadPassword::TooLong) => "UNACCEPTABLE_PASSWORD",
        _ => "TEMPORARILY_UNAVAILABLE",
    };
    fail(door, "REGISTER", code, account, &door.reason_of(why), heard);
}

/// As IRCv3's standard-replies say it.
fn fail(door: &IrcDoor, command: &str, code: &str, account: &str, explained: &str, heard: &mut Heard) {
    words::frame(&mut heard.reply, |line| {
        let line = line.source(&door.house.settings.name).command("FAIL").param(command).param(code);
        line.param(super::said_back(account)).trailing(explained)
    });
}
