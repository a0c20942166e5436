//! Who is not wanted: by name, by a mask of names, by account, or by address; since when, until when, why, and who said so.
//!
//! The world knows those of names and accounts, and keeps to them ([`crate::World`]); addresses are known where connections
//! are taken. Who sets a ban keeps it elsewhere first, and keeps their number within bounds.

mod mask;
mod table;
mod target;

pub use mask::{BadMask, MASK_CHARS_MAX, Mask};
pub use table::Bans;
pub use target::{BadTarget, Target};

use crate::{Text, Time};

/// How many bans there may be at a time; one more is refused where they are kept. At 10,000 masks a name is compared for about
/// a millisecond.
pub const BANS_MAX: usize = 10_000;

/// One ban.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// Whom it is for.
    pub target: Target,
    /// Since when.
    pub since: Time,
    /// From when on it has no effect; none lasts until it is taken away.
    pub until: Option<Time>,
    /// Why, in words for the banned one.
    pub reason: Option<Text>,
    /// Who set it.
    pub by: Text,
}

impl Ban {
    /// Has it no effect any more?
    pub fn is_over(&self, now: Time) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// In the words of a farewell: `banned`, or `banned: flood`.
    pub fn farewell(&self) -> Text {
        let words = self.reason.as_ref().map_or("banned".to_owned(), |reason| format!("banned: {reason}"));
        Text::fitted(&words, crate::text::TEXT_BYTES_MAX).expect("there are words in it")
    }
}
