//! What a door asked for, so that the answer is put into the words of the command that asked.
//!
//! The world answers one question in one way; IRC has several commands for it (WHOIS, WHO, ISON and USERHOST all ask
//! whether somebody is here). Kept by [`super::IrcDoor`]; answers come in the order of the questions.

use std::collections::VecDeque;

use throng_chat::{Name, RoomName};

/// How many questions are remembered. A client that asks more before it reads gets the plainest form of the rest.
const AWAITED_MAX: usize = 256;

/// A question under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// NAMES of a room.
    Names(RoomName),
    /// WHO of a room.
    Who(RoomName),
    /// WHO of everybody; the mask is said back.
    WhoAll(String),
    /// LUSERS.
    Lusers,
    /// LIST of these rooms, or of all if there are none.
    List(Vec<RoomName>),
    /// Something about one person.
    About(Name, Purpose),
}

/// Why a person was asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// WHOIS.
    WhoIs,
    /// WHO of one person.
    Who,
    /// A word of ISON; all of them are answered in one line, behind the last.
    IsOn { last: bool },
    /// A word of USERHOST, likewise.
    UserHost { last: bool },
    /// Nothing: that it is answered says that GHOST is done.
    Ghost,
}

/// The questions under way, oldest first.
#[derive(Debug, Default)]
pub(super) struct Awaited {
    asked: VecDeque<Asked>,
    /// Those of an ISON or USERHOST that are here, so far.
    pub(super) found: Vec<Name>,
}

impl Awaited {
    pub(super) fn push(&mut self, asked: Asked) {
        if self.asked.len() == AWAITED_MAX {
            self.asked.pop_front();
        }
        self.asked.push_back(asked);
    }

    /// The oldest question that an answer fits, which is over with it.
    pub(super) fn take(&mut self, fits: impl Fn(&Asked) -> bool) -> Option<Asked> {
        let place = self.asked.iter().position(fits)?;
        self.asked.remove(place)
    }

    /// Why this person was asked about.
    pub(super) fn purpose(&mut self, who: &Name) -> Option<Purpose> {
        match self.take(|asked| matches!(asked, Asked::About(name, _) if name == who))? {
            Asked::About(_, purpose) => Some(purpose),
            _ => None,
        }
    }

    /// The store failed, and with it all that was asked: no answer comes any more.
    pub(super) fn forget(&mut self) {
        self.asked.clear();
        self.found.clear();
    }
}
