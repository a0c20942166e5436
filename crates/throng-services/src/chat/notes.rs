//! What the chat tells its operator while it runs: who came, where they went, *that* something was said but not what.
//!
//! Notes go to one sink that the roof hands in. It is called on the hub's and the workers' threads, so it must
//! return at once; a sink that cannot keep up drops and counts.

use std::fmt;
use std::sync::Arc;

use throng_chat::{Kind, Name, RoomName, SessionId, Text};
use throng_server::{Address, ConnId};

use super::rendering::Face;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Note {
    /// The first bytes of a connection chose its door.
    Opened {
        /// The connection, as the server library numbers it.
        conn: ConnId,
        /// The session, as the chat numbers it.
        session: SessionId,
        /// From where.
        from: Address,
        /// Through which door.
        door: Face,
    },
    /// A session has a name, its first or another.
    Named(SessionId, Name),
    /// Somebody came into a room.
    Joined(SessionId, RoomName),
    /// Somebody went out of a room, or was put out.
    Left(SessionId, RoomName),
    /// Somebody said something to a room, and it is stored.
    Said(SessionId, RoomName, Kind),
    /// Somebody said something to one person.
    Whispered(SessionId),
    /// Something was refused, in a word for machines.
    Refused(SessionId, &'static str),
    /// Somebody made an account.
    Registered(SessionId, Name),
    /// Somebody signed in to this account, by what.
    SignedIn(SessionId, Name, &'static str),
    /// Somebody signed out, or was signed out.
    SignedOut(SessionId),
    /// Somebody was not let in to an account. Not to which one: what was typed there may have been a password.
    NotSignedIn {
        /// Where.
        session: SessionId,
        /// By what it was tried.
        by: &'static str,
        /// Why not, in a word for machines.
        why: &'static str,
    },
    /// An operator who came as a client ended all connections of somebody (KILL).
    Killed {
        /// Of whom.
        name: Name,
        /// The operator's account.
        by: Name,
    },
    /// An operator who came as a client said something to everybody, as the server (WALLOPS).
    Announced {
        /// The operator's account.
        by: Name,
    },
    /// A session is over, and why.
    Gone(SessionId, Text),
    /// The store can write, or cannot and why.
    Store(Result<(), Arc<str>>),
}

/// Where notes go.
#[derive(Clone)]
pub struct Notes(Arc<dyn Fn(Note) + Send + Sync>);

impl Notes {
    /// To this sink.
    pub fn to(sink: impl Fn(Note) + Send + Sync + 'static) -> Notes {
        Notes(Arc::new(sink))
    }

    /// Takes one note.
    pub fn take(&self, note: Note) {
        (self.0)(note);
    }
}

impl Default for Notes {
    /// Nobody reads them.
    fn default() -> Notes {
        Notes::to(|_| ())
    }
}

impl fmt::Debug for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Notes")
    }
}
