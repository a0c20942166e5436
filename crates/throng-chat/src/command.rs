//! All that a person may ask, from whichever door. A door builds these; only [`crate::World`] answers them.

use crate::{Kind, ModeChange, Name, RoomName, SeatKey, Text};

/// One thing asked by one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Become a person of this name. The first ask of any session, and the only one before it is granted.
    Enter(Name),
    /// The same, by a client that may come back: if the name is held with the same key, the session takes its seat over.
    EnterAs(Name, SeatKey),
    /// Take another name.
    Rename(Name),
    /// Enter a room, which is made if it does not exist.
    Join(RoomName),
    /// Leave a room.
    Part(RoomName, Option<Text>),
    /// Say something to a room or to one person.
    Say(Target, Kind, Text),
    /// What is the topic of this room?
    AskTopic(RoomName),
    /// Change the topic; `None` clears it.
    SetTopic(RoomName, Option<Text>),
    /// Put somebody out of a room.
    Kick(RoomName, Name, Option<Text>),
    /// Which modes does this room have?
    AskModes(RoomName),
    /// Change modes of a room, all or none.
    SetModes(RoomName, Vec<ModeChange>),
    /// Who is in this room?
    Names(RoomName),
    /// Which rooms are there?
    Rooms,
    /// Who is in this room, in the words of IRC's WHO: the same list, asked for by another command.
    WhoRoom(RoomName),
    /// Is this person here, and in which rooms that the asker shares or that are open?
    WhoIs(Name),
    /// Who is here at all?
    People,
    /// Goodbye, in the person's own words.
    Quit(Option<Text>),
    /// The session ended without a goodbye; the words say how (`connection lost`, `timed out`).
    Gone(Text),
}

/// Whom words are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Everybody in a room.
    Room(RoomName),
    /// One person. Such words are delivered and never stored.
    Person(Name),
}
/// What an operator of the server asks, from the prompt. These need no rights and are never refused for pace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperatorCommand {
    /// Say something to everybody who is here, as the server.
    Announce(Text),
    /// End all sessions of a person.
    Kick(Name, Option<Text>),
}
impl Command {
    /// Asks that no failure of the store may take back: the session leaves whether anybody likes it or not.
    pub fn is_farewell(&self) -> bool {
        matches!(self, Command::Quit(_) | Command::Gone(_))
    }
}
