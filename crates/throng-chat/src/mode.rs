//! What rooms and their members may be: the modes n and t of a room, the rights o and v of a member.

use std::fmt;

use crate::Name;

/// What a member may do in a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rights {
    /// May set modes and a locked topic, and put others out (o, `@`).
    pub operator: bool,
    /// Is marked as having a voice (v, `+`).
    pub voice: bool,
}

impl Rights {
    /// The marks before a name, the highest first: `@+`.
    pub fn prefixes(self) -> &'static str {
        match (self.operator, self.voice) {
            (true, true) => "@+",
            (true, false) => "@",
            (false, true) => "+",
            (false, false) => "",
        }
    }
}

/// How a room is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RoomModes {
    /// Only members may speak (n).
    pub no_external: bool,
    /// Only operators may set the topic (t).
    pub topic_locked: bool,
}

impl fmt::Display for RoomModes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n, t) = (if self.no_external { "n" } else { "" }, if self.topic_locked { "t" } else { "" });
        write!(f, "+{n}{t}")
    }
}

/// One change of a mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModeChange {
    /// n.
    NoExternal(bool),
    /// t.
    TopicLocked(bool),
    /// o, for this member.
    Operator(Name, bool),
    /// v, for this member.
    Voice(Name, bool),
}

impl ModeChange {
    /// The letter, and whether it is set.
    pub fn letter(&self) -> (bool, char) {
        match self {
            ModeChange::NoExternal(on) => (*on, 'n'),
            ModeChange::TopicLocked(on) => (*on, 't'),
            ModeChange::Operator(_, on) => (*on, 'o'),
            ModeChange::Voice(_, on) => (*on, 'v'),
        }
    }

    /// Whom it is about, if it is about one member.
    pub fn member(&self) -> Option<&Name> {
        match self {
            ModeChange::Operator(who, _) | ModeChange::Voice(who, _) => Some(who),
            ModeChange::NoExternal(_) | ModeChange::TopicLocked(_) => None,
        }
    }
}

impl fmt::Display for ModeChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (on, letter) = self.letter();
        write!(f, "{}{letter}", if on { '+' } else { '-' })?;
        self.member().map_or(Ok(()), |who| write!(f, " {who}"))
    }
}
