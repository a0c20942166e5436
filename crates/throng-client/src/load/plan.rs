//! What is asked of a load: whom to call, how many call, what they do, at what pace, and how long.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::crowd::speech::Speech;
use crate::crowd::tally::Shape;

/// Connections that are being made at once: so few that no server's queue is too short.
pub const COMING_MAX: usize = 64;

/// The same for a chat: some of its servers queue no more than ten unaccepted connections, and one that is dropped there comes
/// again only after a second.
pub const CHAT_COMING_MAX: usize = 8;

/// Everything that is asked.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Whom they call.
    pub target: SocketAddr,
    /// Addresses that they come from, in turn; empty leaves it to the kernel.
    pub sources: Vec<IpAddr>,
    /// Connections at a time, at least one.
    pub clients: usize,
    /// What they do.
    pub task: Task,
    /// When it ends; the first of both.
    pub until: Until,
    /// Their coming is spread over this time; zero lets them come as fast as they are taken.
    pub ramp: Duration,
    /// What happens in this time after everybody came is not counted.
    pub warm_up: Duration,
    /// How long one may take to connect.
    pub connect_timeout: Duration,
    /// How long one waits for an answer, and for the end that it asked for.
    pub answer_timeout: Duration,
}

/// What they do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Task {
    /// They send messages and want every byte of them back.
    Echo(Echo),
    /// They connect, say that nothing comes, wait for the server's end, and come again.
    Churn,
    /// They connect and stay.
    Hold,
    /// They come into rooms, where some of them talk and all others hear every word of it.
    Chat(Chat),
    /// They send as much as is taken, and read no more than so many bytes a second each.
    SlowReader {
        /// What they send.
        messages: Messages,
        /// How much each reads.
        bytes_per_s: usize,
    },
}

/// A chat.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chat {
    /// What is spoken.
    pub speech: Speech,
    /// Rooms, members, talkers, and how many messages each talker has under way. The plan has as many clients as it has.
    pub shape: Shape,
    /// The number of the first room: in others somebody may have talked before.
    pub first_room: usize,
    /// When the next one is said: in a closed loop, when all others have heard an earlier one.
    pub pace: Pace,
}

/// Messages that come back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Echo {
    /// What they are.
    pub messages: Messages,
    /// When the next one is sent.
    pub pace: Pace,
    /// How many one connection has under way, at least one.
    pub depth: usize,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Messages {
    /// Its form.
    pub framing: Framing,
    /// Its bytes, those of the form included; at least [`Framing::bytes_min`].
    pub bytes: usize,
    /// Other seeds, other bytes.
    pub seed: u64,
    /// Whether what comes back is compared. Without it only its length counts: to measure what comparing costs.
    pub verify: bool,
}

/// The form of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Any bytes.
    Raw,
    /// Letters and digits, with LF behind them.
    Line,
    /// Four bytes tell how many follow, the highest first.
    LengthPrefixed,
}

impl Framing {
    /// The shortest message of this form.
    pub fn bytes_min(self) -> usize {
        match self {
            Framing::Raw | Framing::Line => 1,
            Framing::LengthPrefixed => 4,
        }
    }
}

/// When the next message is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// A closed loop: so long after the answer to the last one.
    Closed {
        /// Zero sends at once.
        think: Duration,
    },
    /// An open loop: all connections together send so many a second, whether answers come or not.
    Open {
        /// More than zero.
        rate: f64,
    },
}

/// When it ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Until {
    /// After this time.
    pub duration: Option<Duration>,
    /// After so many messages of all; with churn, so many connections.
    pub messages: Option<u64>,
}

impl Plan {
    /// The messages, where there are any.
    pub fn messages(&self) -> Option<Messages> {
        match self.task {
            Task::Echo(echo) => Some(echo.messages),
            Task::SlowReader { messages, .. } => Some(messages),
            Task::Churn | Task::Hold | Task::Chat(_) => None,
        }
    }

    /// When messages are sent, where somebody waits for them.
    pub fn pace(&self) -> Option<Pace> {
        match self.task {
            Task::Echo(echo) => Some(echo.pace),
            Task::Chat(chat) => Some(chat.pace),
            Task::Churn | Task::Hold | Task::SlowReader { .. } => None,
        }
    }

    /// Whether it is a chat.
    pub fn is_chat(&self) -> bool {
        matches!(self.task, Task::Chat(_))
    }

    /// Whether messages are sent by the clock.
    pub fn is_open_loop(&self) -> bool {
        matches!(self.pace(), Some(Pace::Open { .. }))
    }

    /// How many connections are made at once.
    pub fn coming_max(&self) -> usize {
        match self.task {
            Task::Chat(_) => CHAT_COMING_MAX,
            _ => COMING_MAX,
        }
    }

    /// How many messages a connection may have under way.
    pub fn depth(&self) -> usize {
        match self.task {
            Task::Echo(echo) => echo.depth,
            _ => 1,
        }
    }
}
