//! What is said to people, and who must go.

use std::sync::Arc;

use serde_json::json;
use throng_server::ConnId;
use throng_services::chat::{Name, Names, OperatorCommand, Refusal, Text, text};
use throng_wire::printable::printable;

use super::super::arguments::{Given, Value, flag, maybe, word};
use super::super::operator::Operator;
use super::super::reply::{Answer, Outcome};
use super::super::{Console, unanswered};
use super::{Serves, USUAL, Verb, counted};
use crate::fault::Fault;
use crate::log::Event;

pub const VERBS: &[Verb] = &[
    Verb {
        name: "say",
        arguments: &[word("WORDS", Value::Words, "what; at most 400 bytes")],
        help: "tells everybody something, as the server",
        example: "say the disk is changed at noon",
        serves: Serves::Chat,
        run: say,
        ..USUAL
    },
    Verb {
        name: "kick",
        arguments: &[
            word("CLIENT", Value::Client, "a name, or the number of a connection as clients shows it"),
            flag("--number", "CLIENT is the number of a connection, whatever names there are"),
            maybe("REASON", Value::Words, "what they and others are told; at most 400 bytes"),
        ],
        help: "ends all connections of a person, or one by its number",
        more: "Whoever is kicked can come again at once; ban keeps them out.",
        example: "kick ana take a break",
        run: kick,
        ..USUAL
    },
];

fn say(console: &Arc<Console>, given: &Given, by: &Operator) -> Outcome {
    let words = words_of(given.of("WORDS"))?;
    console
        .hub()?
        .operate(OperatorCommand::Announce(words))
        .map_err(unanswered)?
        .map_err(|refused| refusal(&refused.why))?;
    console.log.tell(Event::info("console.said").with("by", by.name()));
    Ok(Answer::say("Said to everybody.", json!({})))
}

/// What is said to people: bounded, and without control characters.
fn words_of(typed: &str) -> Result<Text, Fault> {
    text(typed).ok_or_else(|| Fault::usage("that is longer than 400 bytes, or has control characters in it"))
}

fn kick(console: &Arc<Console>, given: &Given, by: &Operator) -> Outcome {
    let typed = given.of("CLIENT");
    let reason = given.get("REASON").map(words_of).transpose()?;
    let number = typed.parse().ok().map(ConnId);
    let Some(hub) = console.hub.as_ref().filter(|_| !given.has("--number")) else {
        let id = number.ok_or_else(|| {
            Fault::usage("here nobody has a name: a client is kicked by its number")
                .hint("clients shows the numbers")
        })?;
        return kick_number(console, id, by);
    };
    let name = Name::new(typed, Names::Unicode);
    let name = match (name, number) {
        (Ok(name), _) => name,
        (Err(_), Some(id)) => return kick_number(console, id, by),
        (Err(why), None) => {
            return Err(Fault::usage(format!("{} cannot be a name: {why}", printable(typed))));
        }
    };
    let connections = console.directory.connections_of(name.as_str());
    let shown = reason.as_ref().map(|words| printable(words.as_str()).into_owned());
    match hub.operate(OperatorCommand::Kick(name.clone(), reason)).map_err(unanswered)? {
        Ok(()) => {
            let event = Event::info("client.kicked").with("name", name.as_str()).with("by", by.name());
            console.log.tell(event.with_some("reason", shown.as_ref()));
            let why = shown.as_ref().map_or(String::new(), |words| format!(": {words}"));
            let text =
                format!("Kicked {} ({}){why}", printable(name.as_str()), counted(connections, "connection"));
            Ok(Answer::say(
                text,
                json!({ "kicked": name.as_str(), "connections": connections, "reason": shown }),
            ))
        }
        Err(refused) => {
            if let (Refusal::NoSuchPerson(_), Some(id)) = (&refused.why, number) {
                return kick_number(console, id, by);
            }
            let nearest = refused.nearest.iter().map(|name| format!("kick {}", printable(name.as_str())));
            let nearest: Vec<_> = nearest.collect();
            let fault = Fault::failed(format!("nobody called {} is here", printable(typed)));
            Err(match nearest.is_empty() {
                true => fault.hint("clients shows who is"),
                false => fault.hint(format!("did you mean: {}", nearest.join(", "))),
            })
        }
    }
}

fn kick_number(console: &Console, id: ConnId, by: &Operator) -> Outcome {
    if !console.kill(id) {
        return Err(Fault::failed(format!("there is no connection {id}")).hint("clients shows who is here"));
    }
    console.log.tell(Event::info("client.kicked").count("conn", id.0).with("by", by.name()));
    Ok(Answer::say(format!("Kicked {id} (1 connection)"), json!({ "kicked": id.0, "connections": 1 })))
}

fn refusal(why: &Refusal) -> Fault {
    Fault::failed(format!("refused: {why:?}"))
}
