//! Why a connection ended: exactly one reason for each, told in its event and counted.

use std::fmt;
use std::io::{self, ErrorKind};

/// Why a connection ended. The first reason counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The handler was done with it.
    Done,
    /// The peer ended its side.
    PeerClosed,
    /// The peer, or the network, tore it down.
    PeerReset,
    /// Nothing was heard for too long, or not enough in time.
    TimedOut,
    /// The peer took nothing of what it was told, for too long.
    Stalled,
    /// It was as old as connections may become.
    Expired,
    /// The peer read slower than it was told things, up to its queue's limit.
    TooSlow,
    /// An operator ended it.
    Kicked,
    /// The server ended, by a drain.
    Drained,
    /// TLS was expected, and its handshake failed, with this message.
    TlsFailed(String),
    /// The handler failed, with this message.
    Failed(String),
    /// The handler panicked.
    Panicked,
}

/// How many kinds of ends there are.
pub(crate) const KINDS: usize = 12;

/// The names of the kinds, in the order of their numbers.
pub(crate) const NAMES: [&str; KINDS] = [
    "done",
    "peer_closed",
    "peer_reset",
    "timed_out",
    "stalled",
    "expired",
    "too_slow",
    "kicked",
    "drained",
    "tls_failed",
    "failed",
    "panicked",
];

impl End {
    /// Its name in counters and logs, such as `too_slow`.
    pub fn name(&self) -> &'static str {
        NAMES[self.kind()]
    }

    pub(crate) fn kind(&self) -> usize {
        match self {
            End::Done => 0,
            End::PeerClosed => 1,
            End::PeerReset => 2,
            End::TimedOut => 3,
            End::Stalled => 4,
            End::Expired => 5,
            End::TooSlow => 6,
            End::Kicked => 7,
            End::Drained => 8,
            End::TlsFailed(_) => 9,
            End::Failed(_) => 10,
            End::Panicked => 11,
        }
    }

    /// The end of this number, without the message that some have.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "there are no worker processes"))]
    pub(crate) fn of_kind(kind: usize) -> Option<End> {
        Some(match kind {
            0 => End::Done,
            1 => End::PeerClosed,
            2 => End::PeerReset,
            3 => End::TimedOut,
            4 => End::Stalled,
            5 => End::Expired,
            6 => End::TooSlow,
            7 => End::Kicked,
            8 => End::Drained,
            9 => End::TlsFailed(String::new()),
            10 => End::Failed(String::new()),
            11 => End::Panicked,
            _ => return None,
        })
    }

    /// Was the end the server's doing, against a peer that should hear nothing more?
    pub(crate) fn is_abrupt(&self) -> bool {
        matches!(self, End::PeerReset | End::TooSlow | End::Stalled)
    }

    /// The end behind an error of a read or a write: its own if the connection was cut, else what the error says
    /// about the peer. Nothing when the error has nothing to do with how connections end.
    pub fn of(error: &io::Error) -> Option<End> {
        if let Some(cut) = error.get_ref().and_then(|inner| inner.downcast_ref::<Cut>()) {
            return Some(cut.0.clone());
        }
        match error.kind() {
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted => {
                Some(End::PeerReset)
            }
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
                Some(End::PeerReset)
            }
            ErrorKind::TimedOut => Some(End::TimedOut),
            ErrorKind::UnexpectedEof => Some(End::PeerClosed),
            _ => None,
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Failed(why) => write!(f, "failed: {why}"),
            End::TlsFailed(why) => write!(f, "TLS failed: {why}"),
            other => f.write_str(&other.name().replace('_', " ")),
        }
    }
}

/// What a read or a write of a cut connection fails with; see [`End::of`].
#[derive(Debug)]
struct Cut(End);

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the connection was cut: {}", self.0)
    }
}

impl std::error::Error for Cut {}

/// The error that a cut connection's reads and writes give.
pub(crate) fn cut_error(end: End) -> io::Error {
    let kind = if end == End::TimedOut { ErrorKind::TimedOut } else { ErrorKind::ConnectionAborted };
    io::Error::new(kind, Cut(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_survives_its_way_through_an_error() {
        for end in
            [End::Done, End::TimedOut, End::TooSlow, End::Kicked, End::Drained, End::Failed("x".into())]
        {
            assert_eq!(End::of(&cut_error(end.clone())), Some(end));
        }
    }

    #[test]
    fn errors_of_the_network_are_the_peers_and_others_are_nobodys() {
        let check =
            |kind: ErrorKind, expected| assert_eq!(End::of(&io::Error::from(kind)), expected, "{kind}");
        check(ErrorKind::ConnectionReset, Some(End::PeerReset));
        check(ErrorKind::BrokenPipe, Some(End::PeerReset));
        check(ErrorKind::TimedOut, Some(End::TimedOut));
        check(ErrorKind::UnexpectedEof, Some(End::PeerClosed));
        check(ErrorKind::InvalidData, None);
    }

    #[test]
    fn every_end_has_a_name_of_its_own() {
        let ends = [
            End::Done,
            End::PeerClosed,
            End::PeerReset,
            End::TimedOut,
            End::Stalled,
            End::Expired,
            End::TooSlow,
            End::Kicked,
            End::Drained,
            End::TlsFailed(String::new()),
            End::Failed(String::new()),
            End::Panicked,
        ];
        let names: std::collections::BTreeSet<_> = ends.iter().map(End::name).collect();
        assert_eq!(names.len(), KINDS);
        for end in ends {
            assert_eq!(End::of_kind(end.kind()), Some(end));
        }
        assert_eq!(End::of_kind(KINDS), None);
    }
}
