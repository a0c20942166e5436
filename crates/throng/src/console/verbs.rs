//! The operator's commands: one row each, and one function that carries it out.

use std::fmt::Write;

use throng_server::{ConnId, Pause};
use throng_services::chat::{Name, Names, OperatorCommand, Refusal, text};
use throng_wire::printable::printable;

use super::{Answer, Console, accounts, tables, unanswered};
use crate::log::Event;
use crate::signals::{Asked, Asker, Wish};

/// What a command answers, or what is wrong with it.
pub type Outcome = Result<Answer, String>;

/// One command.
pub struct Row {
    /// What is typed.
    pub name: &'static str,
    /// What may follow.
    pub arguments: &'static str,
    /// One line that says what it does.
    pub help: &'static str,
    /// Which services have it.
    pub serves: Serves,
    /// Carries it out, with what followed.
    pub run: fn(&Console, &str) -> Outcome,
}

/// Which services have a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serves {
    /// All.
    All,
    /// The chat.
    Chat,
    /// Those where nobody has a name.
    Plain,
}

impl Serves {
    /// Does the service have it?
    pub fn fits(self, has_chat: bool) -> bool {
        match self {
            Serves::All => true,
            Serves::Chat => has_chat,
            Serves::Plain => !has_chat,
        }
    }
}

/// All of them, in the order of the help.
pub const ROWS: &[Row] = &[
    row("help", "[COMMAND]", "lists the commands, or explains one", Serves::All, help),
    row("status", "", "how the server is", Serves::All, status),
    row("clients", "", "who is connected, from where, through which door", Serves::Chat, clients),
    row("clients", "", "who is connected, from where, and who serves them", Serves::Plain, plain_clients),
    row("rooms", "", "the rooms with somebody in them", Serves::Chat, rooms),
    row("say", "WORDS", "tells everybody something, as the server", Serves::Chat, say),
    row("kick", "NAME [REASON]", "ends all connections of a person", Serves::Chat, kick),
    row("kick", "ID", "ends a connection; clients shows their numbers", Serves::Plain, kick_number),
    row(
        "account",
        "VERB [NAME]",
        "who may sign in; account alone says what it can do",
        Serves::Chat,
        accounts::account,
    ),
    row(
        "identities",
        "clear|restore",
        "removes all accounts, or puts those of a backup back",
        Serves::Chat,
        accounts::identities,
    ),
    row("pause", "[hold]", "refuses new clients, or lets them wait; who is here stays", Serves::All, pause),
    row("resume", "", "takes new clients again, on the same ports", Serves::All, resume),
    row("logs", "show [N]", "shows the last N events, 20 unless told", Serves::All, logs),
    row(
        "restart",
        "",
        "starts the program anew, on the same ports; who is here is told",
        Serves::All,
        restart,
    ),
    row("shutdown", "[--now]", "says goodbye to everybody and ends; --now: at once", Serves::All, shutdown),
];

const fn row(
    name: &'static str,
    arguments: &'static str,
    help: &'static str,
    serves: Serves,
    run: fn(&Console, &str) -> Outcome,
) -> Row {
    Row { name, arguments, help, serves, run }
}

/// How many events `logs show` shows unless told, and at most.
const EVENTS_USUAL: usize = 20;
const EVENTS_MAX: usize = 1000;

fn help(console: &Console, rest: &str) -> Outcome {
    if rest.is_empty() {
        let mut text = String::new();
        for row in console.rows() {
            let call = format!("{} {}", row.name, row.arguments);
            writeln!(text, "  {call:<25} {}", row.help).expect("a String takes all that is written to it");
        }
        text.push_str("Ctrl-C is shutdown; a second one does not wait.");
        return Ok(Answer::say(text));
    }
    let row = console.rows().find(|row| row.name == rest).ok_or_else(|| console.unknown(rest))?;
    Ok(Answer::say(format!("  {} {}\n  {}", row.name, row.arguments, row.help)))
}

/// Nothing may follow these.
fn nothing(name: &str, rest: &str) -> Result<(), String> {
    match rest {
        "" => Ok(()),
        _ => Err(usage(name)),
    }
}

fn usage(name: &str) -> String {
    let row = ROWS.iter().find(|row| row.name == name).expect("usage is asked for rows of the table");
    format!("Type it so: {} {}", row.name, row.arguments)
}

fn status(console: &Console, rest: &str) -> Outcome {
    nothing("status", rest)?;
    let chat = console.hub.as_ref().map(|hub| hub.status().map_err(unanswered)).transpose()?;
    Ok(Answer::say(tables::status(console, chat.as_ref())))
}

fn clients(console: &Console, rest: &str) -> Outcome {
    nothing("clients", rest)?;
    Ok(Answer::say(tables::clients(console)))
}

fn plain_clients(console: &Console, rest: &str) -> Outcome {
    nothing("clients", rest)?;
    Ok(Answer::say(tables::plain_clients(console)))
}

fn rooms(console: &Console, rest: &str) -> Outcome {
    nothing("rooms", rest)?;
    let chat = console.hub().status().map_err(unanswered)?;
    Ok(Answer::say(tables::rooms(&chat)))
}

fn say(console: &Console, rest: &str) -> Outcome {
    if rest.is_empty() {
        return Err(usage("say"));
    }
    let words =
        text(rest).ok_or("Not said: that is longer than 400 bytes, or has control characters in it.")?;
    console
        .hub()
        .operate(OperatorCommand::Announce(words))
        .map_err(unanswered)?
        .map_err(|refused| refusal(&refused.why))?;
    console.log.tell(Event::info("console.said"));
    Ok(Answer::say("Said to everybody."))
}

fn kick(console: &Console, rest: &str) -> Outcome {
    let (typed, reason) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    if typed.is_empty() {
        return Err(usage("kick"));
    }
    let name = Name::new(typed, Names::Unicode)
        .map_err(|why| format!("{} cannot be a name: {why}", printable(typed)))?;
    let reason = match reason.trim() {
        "" => None,
        words => {
            Some(text(words).ok_or("Not kicked: that reason is too long, or has control characters in it.")?)
        }
    };
    let shown = reason.as_ref().map(|words| printable(words.as_str()).into_owned());
    match console.hub().operate(OperatorCommand::Kick(name.clone(), reason)).map_err(unanswered)? {
        Ok(()) => {
            let event = Event::info("client.kicked").with("name", name.as_str()).with("by", "console");
            console.log.tell(event.with_some("reason", shown.as_ref()));
            let why = shown.map_or(String::new(), |words| format!(": {words}"));
            Ok(Answer::say(format!("Kicked {}{why}", printable(name.as_str()))))
        }
        Err(refused) => {
            let nearest = refused.nearest.iter().map(|name| format!("kick {}", printable(name.as_str())));
            let nearest: Vec<_> = nearest.collect();
            let hint = if nearest.is_empty() {
                String::new()
            } else {
                format!(" Did you mean: {}", nearest.join(", "))
            };
            Err(format!("Nobody called {} is here.{hint}", printable(typed)))
        }
    }
}

fn kick_number(console: &Console, rest: &str) -> Outcome {
    let id = rest.parse().map(ConnId).map_err(|_| "Type it so: kick ID. clients shows the numbers.")?;
    if !console.running.kill(id) {
        return Err(format!("There is no connection {id}. clients shows who is here."));
    }
    console.log.tell(Event::info("client.kicked").count("conn", id.0).with("by", "console"));
    Ok(Answer::say(format!("Kicked {id}")))
}

fn refusal(why: &Refusal) -> String {
    format!("Refused: {why:?}")
}

fn pause(console: &Console, rest: &str) -> Outcome {
    let pause = match rest {
        "" => Pause::Refuse,
        "hold" => Pause::Hold,
        _ => return Err(usage("pause")),
    };
    let paused = console.running.pause(pause).map_err(|why| format!("Not paused: {why}"))?;
    let kind = if pause == Pause::Hold { "server.held" } else { "server.paused" };
    console.log.tell(Event::info(kind).count("taken", paused.taken).count("clients", paused.in_flight));
    let stay = match paused.in_flight {
        1 => "1 client stays".to_owned(),
        count => format!("{count} clients stay"),
    };
    Ok(Answer::say(match pause {
        Pause::Refuse => format!("Paused: new connections are refused, {stay}. resume ends it."),
        Pause::Hold => {
            format!("Held: new connections wait in the kernel's queue, {stay}. resume serves them.")
        }
    }))
}

fn resume(console: &Console, rest: &str) -> Outcome {
    nothing("resume", rest)?;
    console.running.resume().map_err(|why| format!("Still paused: {why}"))?;
    console.log.tell(Event::info("server.resumed"));
    Ok(Answer::say("Accepting again."))
}

fn logs(console: &Console, rest: &str) -> Outcome {
    let count = match rest.split_whitespace().collect::<Vec<_>>()[..] {
        ["show"] => EVENTS_USUAL,
        ["show", number] => number.parse().map_err(|_| usage("logs"))?,
        _ => return Err(usage("logs")),
    };
    console.log.settle(std::time::Duration::from_secs(1));
    let lines: Vec<_> =
        console.log.last(count.min(EVENTS_MAX)).iter().map(|event| event.text(&console.zone)).collect();
    Ok(Answer::say(if lines.is_empty() { "No events.".to_owned() } else { lines.join("\n") }))
}

fn restart(_: &Console, rest: &str) -> Outcome {
    nothing("restart", rest)?;
    let text = "Restarting, if the program can serve with what it finds now.".to_owned();
    Ok(Answer { text, asked: Some(Asked::Restart(Asker::Console)) })
}

fn shutdown(_: &Console, rest: &str) -> Outcome {
    let now = match rest {
        "" => false,
        "--now" => true,
        _ => return Err(usage("shutdown")),
    };
    Ok(Answer { text: String::new(), asked: Some(Asked::End(Wish { by: Asker::Console, now })) })
}
