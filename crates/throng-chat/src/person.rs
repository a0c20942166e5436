//! One person: a name, perhaps an account, one or more sessions, and the rooms they are in. Rights are the room's to keep.

use std::fmt;

use crate::{Name, RoomId, SessionId};

/// A secret of a client's own making, by which it can take its seat over when it comes back before its old connection is
/// known to be dead. Compared, and never shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SeatKey(u128);

impl SeatKey {
    /// From 32 hexadecimal digits.
    pub fn from_hex(digits: &str) -> Option<SeatKey> {
        let good = digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        good.then(|| u128::from_str_radix(digits, 16).ok().map(SeatKey))?
    }
}

impl fmt::Debug for SeatKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeatKey")
    }
}

/// One person who is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// How they are called.
    pub name: Name,
    /// Whose they are. Who has none has one session.
    pub account: Option<Name>,
    /// Their connections, the oldest first; never empty.
    pub sessions: Vec<SessionId>,
    /// Where they are, in the order of their coming.
    pub rooms: Vec<RoomId>,
}
