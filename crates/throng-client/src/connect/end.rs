//! Why a conversation ended.

use std::fmt;
use std::io;

/// Exactly one of these.
#[derive(Debug)]
pub enum End {
    /// The server closed its side.
    Server,
    /// We did, and had all that we waited for.
    Ours,
    /// We closed our side, and the server did not close its own within the time that we give it.
    Lingered,
    /// Somebody pressed Ctrl-C, or a signal came.
    Interrupted,
    /// The server cut the connection (a reset).
    Reset,
    /// The server did not answer any more.
    TimedOut,
    /// The connection ended without TLS saying so: something may be missing.
    Truncated,
    /// TLS failed, as when the server does not accept our certificate.
    Tls(String),
    /// This did not come within its time.
    Unmet(String),
    /// The connection ended before this came.
    Unanswered(String),
    /// What came cannot be handed on: standard output is gone, or full.
    Output(io::Error),
    /// Anything else.
    Broken(String),
}

impl End {
    /// What an error of reading means.
    pub fn of_read(why: &io::Error) -> End {
        match why.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
                End::Reset
            }
            io::ErrorKind::TimedOut => End::TimedOut,
            io::ErrorKind::UnexpectedEof => End::Truncated,
            io::ErrorKind::InvalidData => End::Tls(why.to_string()),
            _ => End::Broken(super::dial::plain(why)),
        }
    }

    /// Did it end as conversations do?
    pub fn is_well(&self) -> bool {
        matches!(self, End::Server | End::Ours | End::Lingered)
    }

    /// Was it the server, or the network, that ended it?
    pub fn is_lost(&self) -> bool {
        matches!(self, End::Server | End::Reset | End::TimedOut | End::Truncated | End::Broken(_))
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = throng_wire::printable::printable;
        match self {
            End::Server => f.write_str("closed by the server"),
            End::Ours => f.write_str("closed"),
            End::Lingered => f.write_str("closed, without waiting longer for the server to do the same"),
            End::Interrupted => f.write_str("interrupted"),
            End::Reset => f.write_str("the server cut the connection (reset)"),
            End::TimedOut => f.write_str("the server does not answer any more"),
            End::Truncated => f.write_str(
                "the connection ended without the end that TLS requires: something may be missing",
            ),
            End::Tls(why) => write!(f, "TLS failed: {}", shown(why)),
            End::Unmet(text) => write!(f, "\"{}\" did not come in time", shown(text)),
            End::Unanswered(text) => write!(f, "the connection ended before \"{}\" came", shown(text)),
            End::Output(why) => write!(f, "cannot write to standard output: {}", super::dial::plain(why)),
            End::Broken(why) => write!(f, "the connection broke: {}", shown(why)),
        }
    }
}
