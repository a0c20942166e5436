//! One person: a name, one or more sessions, and the rooms they are in. Rights are the room's to keep.

use crate::{Name, RoomId, SessionId};

/// One person who is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// How they are called.
    pub name: Name,
    /// Their connections, the oldest first; never empty.
    pub sessions: Vec<SessionId>,
    /// Where they are, in the order of their coming.
    pub rooms: Vec<RoomId>,
}
