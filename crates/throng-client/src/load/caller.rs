//! One connection of a load, and how far it is. Small, since there are many.

use std::time::Instant;

use mio::net::TcpStream;

use super::stream::Stream;

/// A connection.
#[derive(Debug)]
pub struct Caller {
    /// Its socket; none when it is not there.
    pub socket: Option<TcpStream>,
    /// Where it stands.
    pub state: State,
    /// What it sent and heard.
    pub stream: Stream,
    /// Whether the kernel took less than it had to send.
    pub waits_to_write: bool,
    /// Messages that it may begin.
    pub owed: u64,
    /// When it came, or heard something last.
    pub since: Instant,
    /// What came from the first wrong byte on.
    pub evidence: Option<Vec<u8>>,
}

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is being made.
    Coming,
    /// It talks, or may.
    Here,
    /// It has said that nothing more comes, and waits for the server to say so too.
    Leaving,
    /// It is not there.
    Gone,
}

impl Caller {
    /// One who has not come yet.
    pub fn absent(now: Instant) -> Caller {
        Caller {
            socket: None,
            state: State::Gone,
            stream: Stream::default(),
            waits_to_write: false,
            owed: 0,
            since: now,
            evidence: None,
        }
    }
}
