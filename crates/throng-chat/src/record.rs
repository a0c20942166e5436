//! What must be stored before anybody is told, and the stamp that storing gives it.

use std::fmt;

use crate::{Name, RoomName, Text};

/// Milliseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

/// A message's own id: time-ordered (UUID version 7, RFC 9562) and never given twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MsgId(pub u128);

/// What kind of words, or a new topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Ordinary words.
    Message,
    /// `/me waves`.
    Action,
    /// Words that no program may answer (IRC NOTICE).
    Notice,
    /// The new topic; empty words are no topic.
    Topic,
}

/// What a person did that a room keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where.
    pub room: RoomName,
    /// Who.
    pub author: Name,
    /// What kind.
    pub kind: Kind,
    /// The words; `None` only for a cleared topic.
    pub text: Option<Text>,
}

/// What a record gets when it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Its place in its room: 1, 2, 3 … without a gap.
    pub seq: u64,
    /// Its own id.
    pub msgid: MsgId,
    /// When it was stored; never earlier than the one before it in the room.
    pub at: Time,
}

/// A stored record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What.
    pub record: Record,
    /// Its place.
    pub stamp: Stamp,
    /// The author's account when it was said. Known while it is live; it is not stored, so history has none.
    pub account: Option<Name>,
}

impl fmt::Display for MsgId {
    /// 26 characters of base32hex (RFC 4648 §7, lower case), whose order is the order of the ids.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
        let mut shown = [0; 26];
        for (place, digit) in shown.iter_mut().rev().enumerate() {
            *digit = DIGITS[(self.0 >> (5 * place)) as usize & 31];
        }
        f.write_str(std::str::from_utf8(&shown).expect("the digits are ASCII"))
    }
}

impl fmt::Debug for MsgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MsgId({self})")
    }
}
