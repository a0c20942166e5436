//! What is wrong with what is written of targets, and what would be right.

use std::fmt;
use std::io;

use super::list::{BYTES_MAX, NAMES_MAX, SPANS_MAX};
use super::one::SPAN_V6_MAX;

/// As much of a wrong target as is shown.
const SHOWN_MAX: usize = 80;

/// A target that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetFault {
    /// As it was written. Never safe for a terminal as it is.
    pub target: String,
    /// Why.
    pub why: TargetWhy,
}

/// Why a target cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetWhy {
    /// There is no text.
    Nothing,
    /// A list where none may be.
    List,
    /// A URL.
    Url {
        /// The host in it.
        host: String,
    },
    /// A name with somebody's in front.
    User {
        /// The host in it.
        host: String,
    },
    /// A host with a port.
    Port {
        /// The host.
        host: String,
        /// The port, as it was written.
        port: String,
    },
    /// An address with the name of an interface.
    Zone,
    /// Something like an IPv4 address that is none.
    NotIpv4,
    /// Something like an IPv6 address that is none.
    NotIpv6,
    /// A name with the bits of a network.
    NameNetwork,
    /// Bits that no network has.
    Bits {
        /// How many one may have.
        most: u8,
    },
    /// A star.
    Wildcard,
    /// What stands after the hyphen of a range is no end of it.
    RangeEnd,
    /// A range whose end comes first.
    Backwards,
    /// A range from one family of addresses to the other.
    Families,
    /// More addresses of IPv6 than can be asked.
    TooManyV6,
    /// A name of letters that names on the wire do not have.
    NotAscii,
    /// Nothing that could be a name.
    NotName,
    /// More addresses, networks and ranges than a list may have.
    TooManySpans,
    /// More names than a list may have.
    TooManyNames,
}

/// A list that cannot be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum ListFault {
    /// The system says so.
    Unreadable(io::Error),
    /// It is longer than a list may be.
    TooLong,
    /// A target in it cannot be understood.
    Wrong {
        /// On which line, from 1.
        line: usize,
        /// Which, and why.
        fault: TargetFault,
    },
}

/// Targets that are understood and yet cannot be asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum FindFault {
    /// A name that is excluded has no address: it might be asked then.
    ExcludedNotFound {
        /// Which.
        name: String,
        /// Why.
        why: io::Error,
    },
    /// They are too many.
    TooMany {
        /// How many.
        asked: u128,
    },
}

impl std::error::Error for TargetFault {}
impl std::error::Error for ListFault {}
impl std::error::Error for FindFault {}

impl fmt::Display for TargetFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.target.is_empty() {
            return self.why.fmt(f);
        }
        write!(f, "{}: {}", short(&self.target), self.why)
    }
}

impl fmt::Display for TargetWhy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TargetWhy::Nothing => {
                f.write_str("nothing stands where a host should: a name, an address, or 10.0.0.0/24")
            }
            TargetWhy::List => f.write_str("a list cannot name another list"),
            TargetWhy::Url { host } => write!(f, "a URL is no host: write {}", short(host)),
            TargetWhy::User { host } => write!(f, "a host has nobody's name in front: write {}", short(host)),
            TargetWhy::Port { host, port } => {
                write!(f, "a host has no port: write {}, and its port with -p {}", short(host), short(port))
            }
            TargetWhy::Zone => f.write_str("an address with a zone (%) cannot be asked"),
            TargetWhy::NotIpv4 => {
                f.write_str("an IPv4 address is four numbers from 0 to 255, without zeros in front")
            }
            TargetWhy::NotIpv6 => f.write_str("this is no IPv6 address: such as ::1, [::1] or 2001:db8::1"),
            TargetWhy::NameNetwork => f.write_str("a network begins with an address, such as 10.0.0.0/24"),
            TargetWhy::Bits { most } => write!(f, "the bits of a network are a number, /0 to /{most}"),
            TargetWhy::Wildcard => f.write_str("a star stands for nothing here: write 10.0.0.0/24"),
            TargetWhy::RangeEnd => f.write_str("a range is written 10.0.0.1-50 or 10.0.0.1-10.0.2.7"),
            TargetWhy::Backwards => f.write_str("the range ends before it begins"),
            TargetWhy::Families => f.write_str("no range leads from IPv4 to IPv6"),
            TargetWhy::TooManyV6 => write!(
                f,
                "at most {} addresses of IPv6 are asked at once, a /{}: a larger network would never end",
                grouped(SPAN_V6_MAX),
                128 - SPAN_V6_MAX.ilog2()
            ),
            TargetWhy::NotAscii => {
                f.write_str("write the name as it is on the wire, with xn-- in front of such letters")
            }
            TargetWhy::NotName => f.write_str("a name has letters, digits and hyphens between its dots"),
            TargetWhy::TooManySpans => {
                write!(f, "at most {SPANS_MAX} addresses, networks and ranges can be listed")
            }
            TargetWhy::TooManyNames => write!(f, "at most {NAMES_MAX} names can be listed"),
        }
    }
}

impl fmt::Display for ListFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListFault::Unreadable(why) => write!(f, "cannot read it: {why}"),
            ListFault::TooLong => write!(f, "it is longer than {} MiB", BYTES_MAX >> 20),
            ListFault::Wrong { line, fault } => write!(f, "line {line}: {fault}"),
        }
    }
}

impl fmt::Display for FindFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FindFault::ExcludedNotFound { name, why } => {
                write!(f, "cannot find {name}, which is to be left out: {why}")
            }
            FindFault::TooMany { asked } => {
                write!(f, "{} addresses are more than can be asked, which are all of IPv4", grouped(*asked))
            }
        }
    }
}

/// With commas between thousands.
fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// As much as is shown.
fn short(text: &str) -> String {
    let shown: String = text.chars().take(SHOWN_MAX).collect();
    if shown.len() < text.len() { shown + "…" } else { shown }
}
