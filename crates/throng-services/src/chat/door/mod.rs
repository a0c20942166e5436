//! A door: how one client speaks. Pure grammar: it turns bytes into asks, and events into bytes.
//!
//! A door never decides who may do what, never waits, and touches no socket. It is used by its seat
//! ([`super::seat`], which gives it what was read) and by its worker ([`super::worker`], which gives it what
//! is told). Events that many hear are not told to each door: they are rendered once per [`Look`] by
//! [`super::rendering`], and that is why they may change nothing in a door.

pub mod account;
pub mod irc;
pub mod line;
pub mod web;

use throng_chat::{Command, Entry, Event, Name, RoomName, Text};
use throng_server::End;
use throng_store::Fault;

pub use self::account::{AccountAnswer, AccountAsk, Footing};
use super::rendering::Look;

/// How one client speaks.
pub trait Door {
    /// Hears bytes from the client. While the door waits for an answer ([`Door::is_waiting`]) it keeps what it
    /// hears for later; the seat gives it no more than one read's bytes meanwhile, and then calls this once with
    /// none.
    fn hear(&mut self, bytes: &[u8], heard: &mut Heard);

    /// Must what follows wait until the last ask was answered? So it is while a name is being asked for.
    fn is_waiting(&self) -> bool;

    /// Tells this client alone. May remember something of it, and may send the worker for history.
    fn tell(&mut self, event: &Event, out: &mut Vec<u8>) -> Option<Errand>;

    /// Shows the history that an errand brought.
    fn show_history(&mut self, errand: &Errand, found: Result<&[Entry], &Fault>, out: &mut Vec<u8>);

    /// How events that many hear look here.
    fn look(&self) -> Look;

    /// The room that need not be named, since what is said without a room goes there.
    fn focus(&self) -> Option<&RoomName> {
        None
    }

    /// The client was silent so far: invite it to speak. Only once, and only before anything was heard. `known` agreed to be
    /// greeted by the address it comes from, which proves nothing: others may come from there too.
    fn greet(&mut self, known: Option<&Name>, out: &mut Vec<u8>);

    /// Hears what came of what it asked about accounts ([`Heard::account`]), and may ask on.
    fn learn(&mut self, answer: AccountAnswer, heard: &mut Heard);

    /// Has the client begun to sign in, and not come to an end? That may not last longer than
    /// [`crate::identity::LOGIN_DEADLINE`], whatever it says meanwhile.
    fn is_signing_in(&self) -> bool {
        false
    }

    /// It lasted too long: what was begun is given up, and the client told.
    fn give_up_signing(&mut self, _out: &mut Vec<u8>) {}

    /// Ask the client whether it is there.
    fn probe(&mut self, out: &mut Vec<u8>) -> Probe;

    /// Last words: the connection closes behind them.
    fn close(&mut self, why: &Text, out: &mut Vec<u8>);
}

/// What a door heard in some bytes.
#[derive(Debug, Default)]
pub struct Heard {
    /// What is asked of the world or of the history, in order.
    pub asks: Vec<Ask>,
    /// What is asked about accounts, behind all other asks. The door waits for the answer before it hears any more.
    pub account: Option<Box<AccountAsk>>,
    /// What the door answers by itself, at once.
    pub reply: Vec<u8>,
    /// The conversation is over, for this reason; what was asked and answered still counts.
    pub over: Option<End>,
}

impl Heard {
    /// Asks the world.
    pub fn ask(&mut self, command: Command) {
        self.asks.push(Ask::World(command));
    }
}

/// One thing asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Of the world.
    World(Command),
    /// Of the history.
    History(Errand),
}

/// Something to be fetched from the history. Until it is shown, everything told to the seat waits behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errand {
    /// Of which room.
    pub room: RoomName,
    /// Nothing after this sequence.
    pub upto: u64,
    /// The last so many.
    pub limit: usize,
    /// Was it asked for, rather than a part of entering?
    pub asked: bool,
}

/// What can be expected after a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// A living client answers.
    Answers,
    /// A living client may say nothing; the probe only makes the network find out whether it is there.
    Silent,
}
