//! `throng load --irc` and `--chat`: a crowd in rooms, of whom some talk.

use throng_client::crowd::Trouble;
use throng_client::crowd::speech::Speech;
use throng_client::crowd::tally::Shape;
use throng_client::load::chatter::{Chatter, run};
use throng_wire::printable::printable;

use super::asked::Load;
use super::live::Live;
use super::table::Done;
use super::{CLIENTS_MAX, DURATION, Whom, clients, raise_descriptors, tell};
use crate::fault::Fault;

/// Pairs of a receiver and a talker that one process keeps count of.
const PAIRS_MAX: usize = 1 << 26;

/// Does it. Gives the exit code.
pub fn load(asked: &Load, whom: &Whom) -> Result<u8, Fault> {
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
    let chatter = Chatter {
        target: whom.target,
        speech: if asked.irc { Speech::Irc } else { Speech::Lines },
        shape,
        first_room: fresh_room(),
        duration: asked.duration.unwrap_or(DURATION),
        warm_up: asked.warm_up.unwrap_or_default(),
        patience: asked.timeout,
    };
    raise_descriptors(clients(asked));
    let mut live = Live::begin();
    let outcome = run(&chatter, &mut live);
    live.end();
    let outcome = outcome.map_err(|trouble| {
        let exit_code = exit_code(&trouble);
        let what = printable(&trouble.to_string()).into_owned();
        let fault = Fault { exit_code, ..Fault::failed(what) };
        match trouble {
            Trouble::Late(..) => {
                fault.hint("a server that paces its clients needs --timeout 60s, or throng serve --pace off")
            }
            _ => fault,
        }
    })?;
    tell(asked, whom, Done::Chatter(&chatter), &outcome)
}

/// As in the table of `main`.
fn exit_code(trouble: &Trouble) -> u8 {
    match trouble {
        Trouble::Io("connect", _) => 3,
        Trouble::Wrong(_) | Trouble::Refused(_) | Trouble::Io(..) => 1,
        Trouble::Closed(..) | Trouble::Late(..) => 5,
    }
}

/// A number that no load had before, most likely: what was said in a room may come again to whoever joins it.
fn fresh_room() -> usize {
    let micros = jiff::Timestamp::now().as_microsecond();
    (micros as usize) & 0xffff_ffff_ffff
}
