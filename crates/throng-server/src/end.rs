//! Why a connection ended: exactly one reason for each, told in its event and counted.

use std::fmt;
use std::io::{self, ErrorKind};

/// Why a connection ended. Each has exactly one, the first that was given; it is told to `finish`, in [`Event::Closed`], and
/// counted in [`crate::Stats::ended`].
///
/// | ends as | ended by | what it tells |
/// |---|---|---|
/// | [`Done`](End::Done), [`PeerClosed`](End::PeerClosed), [`Drained`](End::Drained) | the handler, with `Ok` | all is well |
/// | [`PeerReset`](End::PeerReset) | the peer or the network | everyday, where clients are far away |
/// | [`TimedOut`](End::TimedOut), [`Stalled`](End::Stalled), [`Expired`](End::Expired) | [`crate::Timeouts`] | if often: look at their settings |
/// | [`TooSlow`](End::TooSlow) | its [`crate::Outbox`] | if often: [`crate::Limits::queue`] is small |
/// | [`Kicked`](End::Kicked) | [`crate::Running::kill`], or the handler itself | |
/// | [`TlsFailed`](End::TlsFailed) | the handshake | no TLS at all, or a client without trust in the certificate |
/// | [`Failed`](End::Failed), [`Panicked`](End::Panicked) | the handler | look into its code |
///
/// ```
/// use throng_server::{Conn, End, testing::drive};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (_client, driven) = drive(|_: Conn| async { panic!("a bug") });
/// assert_eq!(driven.end().await, End::Panicked); // nobody else notices
///
/// let end = End::Failed("no such page".to_owned());
/// assert_eq!((end.name(), &*end.to_string()), ("failed", "failed: no such page"));
/// # }
/// ```
///
/// [`Event::Closed`]: crate::Event::Closed
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The handler was done with it, before anybody else ended it.
    Done,
    /// The peer ended its side, and the handler returned `Ok` behind that, or an error of kind `UnexpectedEof`.
    PeerClosed,
    /// The peer, or the network, tore it down: a reset (RFC 9293 §3.5.3), a broken pipe, no way to it any more.
    PeerReset,
    /// Nothing was heard for too long ([`crate::Timeouts::idle`]), or not enough in time ([`crate::Timeouts::handshake`]).
    TimedOut,
    /// The peer took nothing of what it was told, for too long ([`crate::Timeouts::write_stall`]).
    Stalled,
    /// It was as old as connections may become ([`crate::Timeouts::age`]).
    Expired,
    /// The peer read slower than it was told things, up to its queue's limit ([`crate::Limits::queue`]); or did not take the
    /// last of it in time ([`crate::Timeouts::farewell`]).
    TooSlow,
    /// An operator ended it ([`crate::Running::kill`]).
    Kicked,
    /// The server ended, by a drain or because its last [`crate::Running`] was dropped.
    Drained,
    /// TLS was expected, and its handshake failed or took longer than 10 s, with this message. The handler was never called.
    TlsFailed(String),
    /// The handler failed, with this message: its error's text. A client may have a hand in it, so make it safe before it
    /// reaches a terminal.
    Failed(String),
    /// The handler panicked; the panic itself went to the hook (std::panic::set_hook), so to the standard error.
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
    /// Its name in counters and logs, such as `too_slow`; the key of [`crate::Stats::ended`]. Without the message that some
    /// have, which [`Display`](fmt::Display) adds. Example: [`End`].
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

    /// The end behind an error of a read or a write: its own if the connection was cut, else what the error says about the
    /// peer. Nothing when the error has nothing to do with how connections end. A handler that lets `?` pass errors on needs
    /// it not: the server asks it.
    ///
    /// ```
    /// use std::io::{Error, ErrorKind};
    /// use throng_server::End;
    ///
    /// assert_eq!(End::of(&Error::from(ErrorKind::ConnectionReset)), Some(End::PeerReset));
    /// assert_eq!(End::of(&Error::from(ErrorKind::UnexpectedEof)), Some(End::PeerClosed));
    /// assert_eq!(End::of(&Error::other("a disk is full")), None);
    /// ```
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
