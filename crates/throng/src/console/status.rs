//! How the server is, for programs.

use serde_json::{Value, json};
use throng_server::State;
use throng_services::chat::Status;

use super::Console;
use crate::accounts::clerk::Clerk;

/// What state a server is in, in a word.
pub fn state_name(state: State) -> &'static str {
    match state {
        State::Open => "accepting",
        State::Paused => "paused",
        State::Held => "held",
        State::LetGo => "restarting",
        State::Draining => "draining",
        State::Closed => "closed",
    }
}

/// The status as one object.
pub fn data(console: &Console, chat: Option<&Status>) -> Value {
    let stats = console.running.stats();
    let mut data = json!({
        "state": state_name(console.running.state()),
        "addresses": console.running.addresses().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "up_secs": console.begun.elapsed().as_secs(),
        "model": console.running.model(),
        "clients": {
            "total": stats.open, "came": stats.accepted, "refused": stats.rejected, "shed": stats.shed,
            "refused_for": stats.rejected_for, "ended": stats.ended,
        },
        "bytes": { "in": stats.bytes_in, "out": stats.bytes_out },
        "blocked": stats.blocked,
    });
    if let Some(chat) = chat {
        data["people"] = chat.people.into();
        data["rooms"] = chat.rooms.len().into();
        data["stored"] = chat.stored.into();
        data["store"] = chat.read_only.as_ref().map_or(json!("ok"), |why| json!(format!("read-only: {why}")));
        data["accounts"] =
            json!(console.clerk.as_ref().and_then(Clerk::census).map(|census| census.accounts));
    }
    data
}
