//! What one may type after a slash: one row each, and one function that carries it out.

use throng_chat::{Command, Kind, Name, RoomName, Target, Text};

use super::signing::Pending;
use super::{LineDoor, words};
use crate::chat::door::{AccountAsk, Ask, Errand, Heard};
use crate::identity::{Refusal, Secret, Which};

/// One slash command.
pub struct Row {
    /// Its name, without the slash.
    pub name: &'static str,
    /// What follows it, for the help.
    pub arguments: &'static str,
    /// One line that says what it does.
    pub help: &'static str,
    run: fn(&mut LineDoor, &str, &mut Heard) -> Result<(), String>,
}

/// All of them, in the order of the help.
pub const ROWS: &[Row] = &[
    Row { name: "help", arguments: "", help: "shows this list", run: help },
    Row { name: "who", arguments: "[#room]", help: "shows who is here, or in a room", run: who },
    Row { name: "rooms", arguments: "", help: "shows the rooms", run: rooms },
    Row { name: "join", arguments: "#room", help: "enters a room; what you type goes there", run: join },
    Row { name: "part", arguments: "[#room] [words]", help: "leaves a room", run: part },
    Row { name: "msg", arguments: "name words", help: "says something to one person, or to #room", run: msg },
    Row { name: "me", arguments: "words", help: "says what you do", run: me },
    Row { name: "nick", arguments: "name", help: "takes another name", run: nick },
    Row {
        name: "topic",
        arguments: "[words]",
        help: "shows or sets the topic; /topic - clears it",
        run: topic,
    },
    Row { name: "history", arguments: "[N]", help: "shows the last N messages of the room", run: history },
    Row {
        name: "echo",
        arguments: "on|off",
        help: "off: your own words come back as one mark, +",
        run: echo,
    },
    Row {
        name: "register",
        arguments: "[scram]",
        help: "registers your name, by a password; scram: for SASL SCRAM-SHA-256 too",
        run: register,
    },
    Row {
        name: "login",
        arguments: "[name] [token TOKEN]",
        help: "signs in by a password, or by a token",
        run: login,
    },
    Row { name: "logout", arguments: "", help: "signs out", run: logout },
    Row { name: "password", arguments: "[scram]", help: "changes your password", run: password },
    Row { name: "token", arguments: "DEVICE", help: "gives a token by which a device signs in", run: token },
    Row { name: "sessions", arguments: "", help: "shows your devices that have a token", run: sessions },
    Row { name: "revoke", arguments: "N|all", help: "takes a device's token away", run: revoke },
    Row {
        name: "greet",
        arguments: "on|off",
        help: "on: you are greeted by name where you came from before",
        run: greet,
    },
    Row {
        name: "operator",
        arguments: "CODE",
        help: "makes you the first operator, by the code",
        run: operator,
    },
    Row { name: "quit", arguments: "[words]", help: "leaves", run: quit },
];

/// How many entries `/history` shows unless told.
const HISTORY_USUAL: usize = 20;

/// Carries out what was typed after the slash.
pub(super) fn run(door: &mut LineDoor, typed: &str, heard: &mut Heard) {
    let (name, rest) = typed.split_once(' ').unwrap_or((typed, ""));
    let name = name.to_lowercase();
    let Some(row) = ROWS.iter().find(|row| row.name == name) else {
        return words::say(&mut heard.reply, &unknown(&name));
    };
    if let Err(why) = (row.run)(door, rest.trim(), heard) {
        words::say(&mut heard.reply, &format!("! {why}"));
    }
}

fn unknown(typed: &str) -> String {
    let typed = throng_wire::printable::printable(typed).into_owned();
    let nearest = ROWS.iter().min_by_key(|row| throng_chat::name::distance(row.name, &typed));
    match nearest.filter(|row| throng_chat::name::distance(row.name, &typed) <= 2) {
        Some(row) => format!("! There is no /{typed}. Did you mean /{}? /help lists all.", row.name),
        None => format!("! There is no /{typed}. /help lists what there is."),
    }
}

fn usage(name: &str) -> String {
    let row = ROWS.iter().find(|row| row.name == name).expect("usage is asked for rows of the table");
    format!("Say it so: /{} {}", row.name, row.arguments)
}

fn help(_: &mut LineDoor, _: &str, heard: &mut Heard) -> Result<(), String> {
    for row in ROWS {
        let call = format!("/{} {}", row.name, row.arguments);
        words::say(&mut heard.reply, &format!("  {call:<24} {}", row.help));
    }
    words::say(&mut heard.reply, "Anything else that you type is said to the room you are in.");
    Ok(())
}

fn who(_: &mut LineDoor, rest: &str, heard: &mut Heard) -> Result<(), String> {
    heard.ask(if rest.is_empty() { Command::People } else { Command::Names(room(rest)?) });
    Ok(())
}

fn rooms(_: &mut LineDoor, _: &str, heard: &mut Heard) -> Result<(), String> {
    heard.ask(Command::Rooms);
    Ok(())
}

fn join(door: &mut LineDoor, rest: &str, heard: &mut Heard) -> Result<(), String> {
    if rest.is_empty() {
        return Err(usage("join"));
    }
    let room = room(rest)?;
    if door.rooms.contains(&room) {
        words::say(&mut heard.reply, &format!("What you type goes to {} now.", words::room(&room)));
    } else {
        heard.ask(Command::Join(room.clone()));
    }
    door.current = Some(room);
    Ok(())
}

fn part(door: &mut LineDoor, rest: &str, heard: &mut Heard) -> Result<(), String> {
    let (first, words) = rest.split_once(' ').unwrap_or((rest, ""));
    let (room, words) = match first.starts_with('#') {
        true => (room(first)?, words),
        false => (door.current.clone().ok_or("You are in no room.")?, rest),
    };
    heard.ask(Command::Part(room, text(words)?));
    Ok(())
}

fn msg(door: &mut LineDoor, rest: &str, heard: &mut Heard) -> Result<(), String> {
    let (to, words) = rest.split_once(' ').ok_or_else(|| usage("msg"))?;
    let to = match to.starts_with('#') {
        true => Target::Room(room(to)?),
        false => Target::Person(person(door, to)?),
    };
    door.say_to(&to, words.trim_start(), Kind::Message, heard);
    Ok(())
}

fn me(door: &mut LineDoor, rest: &str, heard: &mut Heard) -> Result<(), String> {
    if rest.is_empty() {
        return Err(usage("me"));
    }
    door.say(rest, Kind::Action, heard);
    Ok(())
}

fn nick(door: &mut LineDoor, rest: &str, heard: &mut Heard) -> Result<(), String> {
    if rest.is_empty() {
        return Err(usage("nick"));
    }
    heard.ask(Command::Rename(person(door, rest)?));
    Ok(())
}

fn topic(door: &mut LineDoor, rest: &str, heard: &mut Heard) -> Result<(), String> {
    let room = door.current.clone().ok_or("You are in no room.")?;
    heard.ask(match rest {
        "" => Command::AskTopic(room),
        "-" => Command::SetTopic(room, None),
        words => Command::SetTopic(room, text(words)?),
    });
    Ok(())
}

fn history(door: &mut LineDoor, rest: &str, heard: &mut Heard) -> Result<(), String> {
    let room = door.current.clone().ok_or("You are in no room.")?;
    let limit = match rest {
        "" => HISTORY_USUAL,
        number => number.parse().ok().filter(|limit| *limit > 0).ok_or_else(|| usage("history"))?,
    };
    let limit = limit.min(throng_store::HISTORY_MAX);
    heard.asks.push(Ask::History(Errand { room, upto: u64::MAX, limit, asked: true }));
    Ok(())
}

fn echo(door: &mut LineDoor, rest: &str, heard: &mut Heard) -> Result<(), String> {
    door.marks = match rest {
        "on" => false,
        "off" => true,
        _ => return Err(usage("echo")),
    };
    let said = if door.marks {
        "Your own words come back as a + once they are stored."
    } else {
        "Your own words come back."
    };
    words::say(&mut heard.reply, said);
    Ok(())
}

fn quit(_: &mut LineDoor, rest: &str, heard: &mut Heard) -> Result<(), String> {
    heard.ask(Command::Quit(text(rest)?));
    Ok(())
}

/// What is about accounts is asked where there are some.
fn with_accounts(door: &LineDoor) -> Result<(), String> {
    if door.footing.accounts { Ok(()) } else { Err("This server has no accounts.".to_owned()) }
}

/// Secrets come only where nobody can read them on the way.
fn with_secrets(door: &LineDoor) -> Result<(), String> {
    with_accounts(door)?;
    if door.footing.secrets { Ok(()) } else { Err(format!("Not here: {}.", Refusal::PlaintextRefused)) }
}

/// The word that may follow where a password is made.
fn scram(typed: &str, name: &str) -> Result<bool, String> {
    match typed {
        "" => Ok(false),
        "scram" => Ok(true),
        _ => Err(usage(name)),
    }
}

fn register(door: &mut LineDoor, rest: &str, heard: &mut Heard) -> Result<(), String> {
    with_secrets(door)?;
    let scram = scram(rest, "register")?;
    if let Some(account) = &door.account {
        return Err(format!("You are signed in as {} already.", words::name(account)));
    }
    door.begin_sign_up(scram, heard);
    Ok(())
}

/// Also for who has no name yet.
pub(super) fn login(door: &mut LineDoor, rest: &str, heard: &mut Heard) -> Result<(), String> {
    with_secrets(door)?;
    if let Some(account) = &door.account {
        return Err(format!("You are signed in as {} already: /logout first.", words::name(account)));
    }
    let (typed, proof) = rest.split_once(' ').unwrap_or((rest, ""));
    let account = match (typed, door.me()) {
        ("", Some(me)) => me.clone(),
        ("", None) => return Err(usage("login")),
        (typed, _) => person(door, typed)?,
    };
    let proof = proof.trim();
    let proof = proof.strip_prefix("token ").unwrap_or(proof);
    door.begin_sign_in(account, Some(proof).filter(|proof| !proof.is_empty()).map(Secret::from), heard);
    Ok(())
}

fn logout(door: &mut LineDoor, _: &str, heard: &mut Heard) -> Result<(), String> {
    with_accounts(door)?;
    door.ask_account(Pending::Other, AccountAsk::Logout, heard);
    Ok(())
}

fn password(door: &mut LineDoor, rest: &str, heard: &mut Heard) -> Result<(), String> {
    with_secrets(door)?;
    let scram = scram(rest, "password")?;
    if door.account.is_none() {
        return Err("You are not signed in. /login signs in.".to_owned());
    }
    door.begin_change(scram, heard);
    Ok(())
}

fn token(door: &mut LineDoor, rest: &str, heard: &mut Heard) -> Result<(), String> {
    with_secrets(door)?;
    if rest.is_empty() {
        return Err(usage("token"));
    }
    let device = rest.to_owned();
    door.ask_account(Pending::Token(device.clone()), AccountAsk::NewToken(device), heard);
    Ok(())
}

fn sessions(door: &mut LineDoor, _: &str, heard: &mut Heard) -> Result<(), String> {
    with_accounts(door)?;
    door.ask_account(Pending::Other, AccountAsk::Tokens, heard);
    Ok(())
}

fn revoke(door: &mut LineDoor, rest: &str, heard: &mut Heard) -> Result<(), String> {
    with_accounts(door)?;
    let which = match rest {
        "all" => Which::All,
        number => Which::Number(number.parse().map_err(|_| usage("revoke"))?),
    };
    door.ask_account(Pending::Other, AccountAsk::Revoke(which), heard);
    Ok(())
}

fn greet(door: &mut LineDoor, rest: &str, heard: &mut Heard) -> Result<(), String> {
    with_accounts(door)?;
    let recognised = match rest {
        "on" => true,
        "off" => false,
        _ => return Err(usage("greet")),
    };
    door.ask_account(Pending::Other, AccountAsk::SetRecognised(recognised), heard);
    Ok(())
}

fn operator(door: &mut LineDoor, rest: &str, heard: &mut Heard) -> Result<(), String> {
    with_secrets(door)?;
    if rest.is_empty() {
        return Err(usage("operator"));
    }
    door.ask_account(Pending::Other, AccountAsk::BecomeOperator(Secret::from(rest)), heard);
    Ok(())
}

/// A room as typed; the `#` may be left out.
fn room(typed: &str) -> Result<RoomName, String> {
    let with_mark = if typed.starts_with('#') { typed.to_owned() } else { format!("#{typed}") };
    RoomName::new(&with_mark, throng_chat::Names::Unicode)
        .map_err(|why| format!("That cannot be a room: {why}."))
}

fn person(door: &LineDoor, typed: &str) -> Result<Name, String> {
    Name::new(typed, door.house.settings.names).map_err(|why| format!("That cannot be a name: {why}."))
}

fn text(words: &str) -> Result<Option<Text>, String> {
    match words {
        "" => Ok(None),
        words => Text::new(words).map(Some).map_err(|why| format!("Not sent: {why}.")),
    }
}
