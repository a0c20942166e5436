//! What `--irc` and `--chat` ask for: a crowd in rooms, of whom some talk.

use throng_client::crowd::speech::Speech;
use throng_client::crowd::tally::Shape;
use throng_client::load::plan::{Chat, Pace};

use super::asked::Load;
use super::{CLIENTS_MAX, clients};
use crate::fault::Fault;

/// Pairs of a receiver and a talker that one process keeps count of.
const PAIRS_MAX: usize = 1 << 26;

/// The chat that is asked for, if one process can do it.
pub fn chat(asked: &Load, pace: Pace) -> Result<Chat, Fault> {
    let shape = Shape {
        rooms: asked.rooms as usize,
        members: asked.members as usize,
        talkers: asked.talkers as usize,
        window: usize::from(asked.depth),
    };
    if shape.talkers > shape.members {
        return Err(Fault::usage(format!(
            "{} talkers are more than {} members",
            shape.talkers, shape.members
        )));
    }
    if clients(asked) > CLIENTS_MAX || shape.clients() * shape.talkers > PAIRS_MAX {
        return Err(Fault::usage(format!("{} clients are too many for one process", shape.clients())));
    }
    let speech = if asked.irc { Speech::Irc } else { Speech::Lines };
    Ok(Chat { speech, shape, first_room: fresh_room(), pace })
}

/// A number that no load had before, most likely: what was said in a room may come again to whoever joins it.
fn fresh_room() -> usize {
    let micros = jiff::Timestamp::now().as_microsecond();
    (micros as usize) & 0xffff_ffff_ffff
}
