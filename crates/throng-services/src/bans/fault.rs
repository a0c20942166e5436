//! Why a ban was not set or not taken away.

use std::fmt;

use throng_chat::ban::{BANS_MAX, Target};
use throng_store::Fault;

use super::Deaf;

/// Why a ban was not set or not taken away. Shown to people: lower case, no full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BanFault {
    /// Nobody has a name or an account in this service.
    OnlyAddresses(Target),
    /// There are as many as there may be.
    Full,
    /// The store could not keep it.
    Store(Fault),
    /// The store has not answered. It may still keep it; when it does, it is in force.
    Late,
    /// The chat takes no more at this moment, or has ended.
    Deaf(Deaf),
}

impl BanFault {
    /// What the person who asked for it can do.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            BanFault::OnlyAddresses(_) => Some("give an address or a network, such as 203.0.113.0/24"),
            BanFault::Full => Some("take one away: bans lists them, unban TARGET"),
            BanFault::Store(Fault::Full) => Some("free some space, then try again"),
            BanFault::Store(Fault::Busy) | BanFault::Deaf(Deaf::Busy) => Some("try again in a moment"),
            BanFault::Late => Some("look whether it is there: bans"),
            BanFault::Store(_) | BanFault::Deaf(Deaf::Over) => None,
        }
    }
}

impl fmt::Display for BanFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BanFault::OnlyAddresses(target) => {
                write!(f, "{target} is no address, and this service knows nobody by name")
            }
            BanFault::Full => write!(f, "there are {BANS_MAX} bans, and that is as many as there may be"),
            BanFault::Store(why) => why.fmt(f),
            BanFault::Late => f.write_str("the store has not answered yet"),
            BanFault::Deaf(Deaf::Busy) => f.write_str("the chat is busy: it waits for its store"),
            BanFault::Deaf(Deaf::Over) => f.write_str("the chat has ended"),
        }
    }
}

impl std::error::Error for BanFault {}
