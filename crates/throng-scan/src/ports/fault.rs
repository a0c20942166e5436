//! What is wrong with what is written of ports, and what would be right.

use std::fmt;

use super::{PIECES_MAX, TEXT_BYTES_MAX};
use crate::services;

/// As much of a wrong piece as is shown.
const SHOWN_MAX: usize = 60;

/// Ports that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortsFault {
    /// The piece that is wrong, as it was written; empty if it is the whole. Never safe for a terminal as it is.
    pub piece: String,
    /// Why.
    pub why: PortsWhy,
}

/// Why ports cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PortsWhy {
    /// There is no text.
    Nothing,
    /// Nothing stands between two commas, or at an end.
    EmptyPiece,
    /// Nothing stands after a `!`.
    NothingExcluded,
    /// All that was wanted was taken out again.
    NothingLeft,
    /// 0 is no port.
    Zero,
    /// It is beyond the last one.
    TooHigh,
    /// A range whose end comes first.
    Backwards {
        /// What stands first.
        first: u16,
        /// And last.
        last: u16,
    },
    /// A range in other signs.
    Range {
        /// Its first port, as it was written.
        first: String,
        /// And its last.
        last: String,
    },
    /// Digits in no form that means anything.
    Form,
    /// Several that are not separated by commas.
    Separator,
    /// A protocol was named.
    Protocol,
    /// `top` without a good number.
    Top,
    /// More than are known.
    TopBeyond {
        /// How many are.
        known: usize,
    },
    /// A name that nobody knows.
    Unknown {
        /// What was probably meant.
        alike: Option<&'static str>,
    },
    /// The text is longer than any that is needed.
    TooLong,
    /// It has more pieces than are ever needed.
    TooMany,
}

impl std::error::Error for PortsFault {}

impl fmt::Display for PortsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.piece.is_empty() {
            let shown: String = self.piece.chars().take(SHOWN_MAX).collect();
            let more = if shown.len() < self.piece.len() { "…" } else { "" };
            write!(f, "{shown}{more}: ")?;
        }
        match &self.why {
            PortsWhy::Nothing => f.write_str("no port is named: such as 22,80,8000-8100, or all"),
            PortsWhy::EmptyPiece => {
                f.write_str("nothing stands between two commas, or before the first or after the last")
            }
            PortsWhy::NothingExcluded => f.write_str("nothing stands after the !: such as !9100"),
            PortsWhy::NothingLeft => {
                f.write_str("nothing is left to ask: every port that is named is excluded too")
            }
            PortsWhy::Zero => f.write_str(
                "port 0 cannot be asked: it is no port, but means \"any that is free\"; the first is 1",
            ),
            PortsWhy::TooHigh => f.write_str("the last port is 65,535"),
            PortsWhy::Backwards { first, last } => {
                write!(f, "the range ends before it begins: write {last}-{first}")
            }
            PortsWhy::Range { first, last } => write!(f, "a range is written {first}-{last}"),
            PortsWhy::Form => f.write_str("a port is written 22, a range 8000-8100, -1024 or 60000-"),
            PortsWhy::Separator => f.write_str("ports are separated by commas: 22,80"),
            PortsWhy::Protocol => f.write_str("only TCP is asked, and ports are written without it: 80"),
            PortsWhy::Top => write!(
                f,
                "the first of our list are written top:100, from top:1 to top:{}",
                services::known()
            ),
            PortsWhy::TopBeyond { known } => {
                write!(f, "our list has {known} ports: write top:{known}, or all for every port")
            }
            PortsWhy::Unknown { alike: Some(alike) } => {
                write!(f, "no service of this name is known: did you mean {alike}?")
            }
            PortsWhy::Unknown { alike: None } => {
                f.write_str("no service of this name is known: write its port instead")
            }
            PortsWhy::TooLong => write!(f, "more than {TEXT_BYTES_MAX} bytes of ports are never needed"),
            PortsWhy::TooMany => write!(f, "more than {PIECES_MAX} ports and ranges are never needed"),
        }
    }
}
