//! What the world answers to one ask, in the order in which it must reach people.

use std::sync::Arc;

use crate::{Event, Name, Record, Text};

/// One connection of a person, numbered by the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// One person, numbered by the world and never again in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonId(pub u64);

/// One room, numbered by the world and never again in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomId(pub u64);

/// One step of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant's line names its fields")]
pub enum Output {
    /// Tell one session.
    Reply(SessionId, Event),
    /// Tell many.
    Told(Audience, Event),
    /// Store first; when it is stored, tell the audience [`Event::Entry`]. `by` is the session that said it:
    /// its door takes the entry as a confirmation. `account` is the author's.
    Stored { to: Audience, by: SessionId, account: Option<Name>, record: Record },
    /// This session belongs to this person from here on.
    Became(SessionId, PersonId),
    /// From here on the session hears the room.
    Entered(SessionId, RoomId),
    /// From here on it does not.
    Departed(SessionId, RoomId),
    /// The session is over: flush what it was told and close. After it nothing is told to it.
    Closed(SessionId, Text),
}

/// Those who hear something: the sessions in any of the rooms, each once, but for one person's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audience {
    /// Where they are.
    pub rooms: Rooms,
    /// Whose sessions are left out (they get a [`Output::Reply`] of their own).
    pub except: Option<PersonId>,
}

/// The rooms of an audience.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rooms {
    /// One room.
    One(RoomId),
    /// Several; who is in more than one of them still hears it once.
    Several(Arc<[RoomId]>),
    /// Everybody who has a name, in a room or not.
    Everybody,
}
