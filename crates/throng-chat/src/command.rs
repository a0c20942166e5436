//! All that a person may ask, from whichever door. A door builds these; only [`crate::World`] answers them.

use crate::ban::{self, Ban};
use crate::{Guests, Kind, ModeChange, Name, RoomName, SeatKey, SessionId, Text};

/// One thing asked by one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Become a person of this name. The first ask of any session, and the only one before it is granted.
    Enter(Name),
    /// The same, by a client that may come back: if the name is held with the same key, the session takes its seat over.
    EnterAs(Name, SeatKey),
    /// Take another name.
    Rename(Name),
    /// The session has shown elsewhere that it is of this account; before it has a name, or after. Only its own seat asks
    /// this, so that it never comes behind the session's goodbye.
    SignIn(Name),
    /// The session has just made this account: its name is registered, and the session signed in to it, in one step, so
    /// that somebody who registers the name that they have keeps it.
    SignUp(Name),
    /// The session is of no account from here on.
    SignOut,
    /// Take a name of one's own account, from whoever has it.
    Regain(Name),
    /// Whoever has this name of one's own account loses it: further connections of one's own end, a stranger is renamed.
    Ghost(Name),
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
    /// There is an account of this name. Whoever has the name and is not of that account is renamed at once. Said again of
    /// the same name it changes nothing. Whose session has just made it is no stranger, and signs in by itself.
    Reserve(Name, Option<SessionId>),
    /// This account is no more: its name is anybody's, and who was signed in to it is signed out.
    Release(Name),
    /// Nobody is signed in to this account any more, wherever they were; it goes on, and its name stays its own. So who has
    /// the name is renamed, or their session ends where guests are not let in.
    SignOutAll(Name),
    /// There are no accounts any more.
    ReleaseAll,
    /// This name, mask or account is banned, in the place of the ban that it has. Whom it hits is closed at once. Of an address
    /// the world knows nothing, and does nothing.
    Ban(Box<Ban>),
    /// It is banned no longer.
    Unban(ban::Target),
    /// From here on people come in without an account as this says. Who is here stays; who has a name that is an account's by it
    /// is renamed.
    SetGuests(Guests),
    /// What was said under this name is forgotten: rooms whose topic it set have none. Nobody is told.
    Forget(Name),
}
impl Command {
    /// Asks that no failure of the store may take back: the session leaves whether anybody likes it or not.
    pub fn is_farewell(&self) -> bool {
        matches!(self, Command::Quit(_) | Command::Gone(_))
    }

    /// Asks that say what has happened elsewhere already: no failure of the store can take that back either, so such an ask
    /// is done once more after a rollback.
    pub fn is_fact(&self) -> bool {
        self.is_farewell() || matches!(self, Command::SignIn(_) | Command::SignUp(_) | Command::SignOut)
    }
}

impl OperatorCommand {
    /// As [`Command::is_fact`].
    pub fn is_fact(&self) -> bool {
        match self {
            OperatorCommand::Reserve(..)
            | OperatorCommand::Release(_)
            | OperatorCommand::SignOutAll(_)
            | OperatorCommand::ReleaseAll
            | OperatorCommand::Ban(_)
            | OperatorCommand::Unban(_)
            | OperatorCommand::SetGuests(_)
            | OperatorCommand::Forget(_) => true,
            OperatorCommand::Announce(_) | OperatorCommand::Kick(..) => false,
        }
    }
}
