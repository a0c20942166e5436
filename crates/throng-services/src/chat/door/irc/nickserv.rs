//! NickServ: what one does with an account by words to a person whom nobody can be. What it answers is said by
//! [`super::service`].
//!
//! One verb is one row of [`VERBS`], which is also what HELP shows. NOTICEs to it are not answered, so that it never talks to
//! another service.

use throng_chat::name::distance;
use throng_chat::{Command, Name};
use throng_wire::irc::Message;

use super::IrcDoor;
use super::accounts::Purpose;
use super::awaited::{self, Asked};
use super::service::{About, NICKSERV, say};
use crate::chat::door::{AccountAsk, Heard};
use crate::identity::{Secret, Which};

/// One thing that it does.
struct Verb {
    name: &'static str,
    /// What follows the name.
    usage: &'static str,
    says: &'static str,
    /// How many words must follow.
    words_min: usize,
    run: fn(&mut IrcDoor, &[&str], &mut Heard),
}

const fn verb(
    name: &'static str,
    usage: &'static str,
    words_min: usize,
    says: &'static str,
    run: fn(&mut IrcDoor, &[&str], &mut Heard),
) -> Verb {
    Verb { name, usage, says, words_min, run }
}

const VERBS: &[Verb] = &[
    verb("REGISTER", "password [email]", 1, "makes an account of your present nick", register),
    verb("IDENTIFY", "[account] password", 1, "logs you in; a token may stand for the password", identify),
    verb("LOGOUT", "", 0, "logs you out", logout),
    verb("GHOST", "nick", 1, "ends other connections of yours with that nick", ghost),
    verb("REGAIN", "nick", 1, "gives you a nick of your account, whoever has it", regain),
    verb("SET", "PASSWORD old new | SCRAM password | GREETING on|off", 2, SET_SAYS, set),
    verb(
        "CERT",
        "ADD|DEL [fingerprint]",
        1,
        "a client certificate that logs you in: the one you show",
        certificate,
    ),
    verb("INFO", "[nick]", 0, "tells to which account a nick belongs", info),
    verb(
        "TOKEN",
        "device",
        1,
        "a token that logs a device in for 30 days, in the place of the password",
        token,
    ),
    verb("SESSIONS", "", 0, "lists your devices that have a token", sessions),
    verb("REVOKE", "number|all", 1, "makes tokens void, and ends what stands on them", revoke),
    verb("OPERATOR", "code", 1, "makes you the first operator, by the code that the server shows", operator),
    verb("HELP", "[verb]", 0, "shows this", help),
];

const SET_SAYS: &str =
    "changes your password and voids all tokens; keeps keys for SCRAM-SHA-256 of it; greets you, or not";

/// Is it that NickServ is spoken to? Careful people write `NickServ@server`, so that nobody else can be meant.
pub(super) fn is_called(door: &IrcDoor, target: &str) -> bool {
    let (name, server) = target.split_once('@').map_or((target, None), |(name, server)| (name, Some(server)));
    door.footing.accounts
        && name.eq_ignore_ascii_case(NICKSERV)
        && server.is_none_or(|server| server.eq_ignore_ascii_case(&door.house.settings.name))
}

/// `NS words` and `NICKSERV words`.
pub(super) fn command(door: &mut IrcDoor, message: &Message<'_>, heard: &mut Heard) {
    let said = Secret::new(message.params.join(" "));
    hear(door, said.expose(), heard);
}

/// Hears what somebody says to it.
pub(super) fn hear(door: &mut IrcDoor, said: &str, heard: &mut Heard) {
    let mut said = said.split_ascii_whitespace();
    let typed = said.next().unwrap_or("HELP");
    let rest: Vec<&str> = said.collect();
    let Some(verb) = VERBS.iter().find(|verb| verb.name.eq_ignore_ascii_case(typed)) else {
        let nearest =
            VERBS.iter().map(|verb| (distance(verb.name, &typed.to_ascii_uppercase()), verb.name)).min();
        let meant =
            nearest.filter(|(steps, _)| *steps <= 2).map(|(_, name)| format!(" Did you mean {name}?"));
        // Not said back: somebody may have left out the verb, and this be a password.
        let explained = format!("I do not know that.{} /msg NickServ HELP", meant.unwrap_or_default());
        return say(door, &explained, &mut heard.reply);
    };
    if rest.len() < verb.words_min {
        return say_usage(door, verb.name, &mut heard.reply);
    }
    (verb.run)(door, &rest, heard);
}

fn ask(door: &mut IrcDoor, ask: AccountAsk, heard: &mut Heard) {
    door.ask_account(Purpose::Service(About::Whatever), ask, heard);
}

fn register(door: &mut IrcDoor, words: &[&str], heard: &mut Heard) {
    if let Some(name) = door.me().cloned() {
        ask(door, AccountAsk::Register { name, password: words[0].into(), scram: false }, heard);
    }
}

fn identify(door: &mut IrcDoor, words: &[&str], heard: &mut Heard) {
    let (name, words) = match words {
        [typed, words, ..] => match named(door, typed, heard) {
            Some(name) => (Some(name), Secret::from(*words)),
            None => return,
        },
        _ => {
            let words = Secret::from(words[0]);
            // A token says by itself whose it is.
            (door.me().cloned().filter(|_| !crate::identity::token::is_one(words.expose())), words)
        }
    };
    ask(door, AccountAsk::Login { name, words }, heard);
}

fn logout(door: &mut IrcDoor, _: &[&str], heard: &mut Heard) {
    door.ask_account(Purpose::Service(About::Logout), AccountAsk::Logout, heard);
}

/// The world says nothing when it is done, so a question that it always answers is asked behind it.
fn ghost(door: &mut IrcDoor, words: &[&str], heard: &mut Heard) {
    let (Some(name), Some(me)) = (named(door, words[0], heard), door.me().cloned()) else { return };
    door.await_ghost(name.clone());
    door.awaited.push(Asked::About(me.clone(), awaited::Purpose::Ghost));
    heard.ask(Command::Ghost(name));
    heard.ask(Command::WhoIs(me));
}

/// That it is done is seen by the new name.
fn regain(door: &mut IrcDoor, words: &[&str], heard: &mut Heard) {
    let Some(name) = named(door, words[0], heard) else { return };
    if door.me() == Some(&name) {
        return ghost(door, words, heard);
    }
    heard.ask(Command::Regain(name));
}

fn set(door: &mut IrcDoor, words: &[&str], heard: &mut Heard) {
    let what = words[0].to_ascii_uppercase();
    match (what.as_str(), &words[1..]) {
        ("PASSWORD", [old, new, ..]) => {
            let change = AccountAsk::ChangePassword { old: (*old).into(), new: (*new).into(), scram: false };
            ask(door, change, heard);
        }
        ("SCRAM", [password, ..]) => {
            let (old, new) = ((*password).into(), (*password).into());
            let change = AccountAsk::ChangePassword { old, new, scram: true };
            door.ask_account(Purpose::Service(About::Scram), change, heard);
        }
        ("GREETING", [on, ..]) if on.eq_ignore_ascii_case("on") => {
            ask(door, AccountAsk::SetRecognised(true), heard);
        }
        ("GREETING", [off, ..]) if off.eq_ignore_ascii_case("off") => {
            ask(door, AccountAsk::SetRecognised(false), heard);
        }
        _ => say_usage(door, "SET", &mut heard.reply),
    }
}

fn certificate(door: &mut IrcDoor, words: &[&str], heard: &mut Heard) {
    let good = match words[0].to_ascii_uppercase().as_str() {
        "ADD" => true,
        "DEL" => false,
        _ => return say_usage(door, "CERT", &mut heard.reply),
    };
    let fingerprint = match words.get(1) {
        None => None,
        Some(typed) => match fingerprint_of(typed) {
            Some(fingerprint) => Some(fingerprint),
            None => {
                let explained = "A fingerprint is SHA-256, 64 hexadecimal digits: openssl x509 -noout -fingerprint -sha256";
                return say(door, explained, &mut heard.reply);
            }
        },
    };
    ask(door, AccountAsk::SetCertificate { fingerprint, good }, heard);
}

/// With colons or without, as openssl and other servers write it.
fn fingerprint_of(typed: &str) -> Option<[u8; 32]> {
    let digits: String = typed.chars().filter(|letter| *letter != ':').collect();
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()?;
    bytes.try_into().ok()
}

fn info(door: &mut IrcDoor, words: &[&str], heard: &mut Heard) {
    let name = match words.first() {
        Some(typed) => named(door, typed, heard),
        None => door.me().cloned(),
    };
    if let Some(name) = name {
        door.ask_account(Purpose::Service(About::Owner(name.clone())), AccountAsk::Owner(name), heard);
    }
}

fn token(door: &mut IrcDoor, words: &[&str], heard: &mut Heard) {
    ask(door, AccountAsk::NewToken(words.join(" ")), heard);
}

fn sessions(door: &mut IrcDoor, _: &[&str], heard: &mut Heard) {
    ask(door, AccountAsk::Tokens, heard);
}

fn revoke(door: &mut IrcDoor, words: &[&str], heard: &mut Heard) {
    let which = match words[0].parse() {
        Ok(number) => Which::Number(number),
        Err(_) if words[0].eq_ignore_ascii_case("all") => Which::All,
        Err(_) => return say_usage(door, "REVOKE", &mut heard.reply),
    };
    ask(door, AccountAsk::Revoke(which), heard);
}

fn operator(door: &mut IrcDoor, words: &[&str], heard: &mut Heard) {
    ask(door, AccountAsk::BecomeOperator(Secret::new(words.concat())), heard);
}

fn help(door: &mut IrcDoor, words: &[&str], heard: &mut Heard) {
    let wanted = words.first();
    let known = |verb: &&Verb| wanted.is_none_or(|wanted| verb.name.eq_ignore_ascii_case(wanted));
    let mut shown = VERBS.iter().filter(known).peekable();
    if shown.peek().is_none() {
        return say(door, "I do not know that verb. All of them: /msg NickServ HELP", &mut heard.reply);
    }
    shown.for_each(|verb| {
        let gap = if verb.usage.is_empty() { "" } else { " " };
        say(door, &format!("{}{gap}{} - {}", verb.name, verb.usage, verb.says), &mut heard.reply);
    });
}

fn named(door: &IrcDoor, typed: &str, heard: &mut Heard) -> Option<Name> {
    match Name::new(typed, door.house.settings.names) {
        Ok(name) => Some(name),
        Err(why) => {
            say(door, &format!("That cannot be a name: {why}"), &mut heard.reply);
            None
        }
    }
}

fn say_usage(door: &IrcDoor, name: &str, out: &mut Vec<u8>) {
    for verb in VERBS.iter().filter(|verb| verb.name == name) {
        say(door, &format!("Say it like this: {} {}", verb.name, verb.usage), out);
    }
}
