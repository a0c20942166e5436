//! What is counted of a load: who came and who was lost, why, and how much was said and heard.

use std::io;

/// Why a connection was not made, or was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Nobody listens there.
    Refused,
    /// It was not made in time.
    ConnectTimeout,
    /// There is no way there.
    Unreachable,
    /// This machine had no descriptor, port or memory left: the server is not to blame.
    Local,
    /// The server broke it off.
    Reset,
    /// The server ended it before its time.
    Closed,
    /// An answer did not come in time.
    Unanswered,
    /// What came back was not what was sent.
    Wrong,
    /// The server said no to what a chat needs.
    Denied,
    /// Something else.
    Other,
}

/// All of them, in the order in which they are told.
pub const WHYS: [Why; 10] = [
    Why::Refused,
    Why::ConnectTimeout,
    Why::Unreachable,
    Why::Local,
    Why::Reset,
    Why::Closed,
    Why::Unanswered,
    Why::Wrong,
    Why::Denied,
    Why::Other,
];

impl Why {
    /// As it is told.
    pub fn name(self) -> &'static str {
        match self {
            Why::Refused => "refused",
            Why::ConnectTimeout => "connect timeout",
            Why::Unreachable => "unreachable",
            Why::Local => "no descriptor or port left here",
            Why::Reset => "reset",
            Why::Closed => "closed by the server",
            Why::Unanswered => "no answer in time",
            Why::Wrong => "wrong bytes",
            Why::Denied => "denied by the server",
            Why::Other => "other error",
        }
    }

    /// What an error of the kernel says.
    pub fn of(error: &io::Error) -> Why {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::ConnectionRefused => Why::Refused,
            Kind::TimedOut => Why::ConnectTimeout,
            Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown => Why::Unreachable,
            Kind::ConnectionReset | Kind::BrokenPipe | Kind::ConnectionAborted => Why::Reset,
            Kind::AddrNotAvailable | Kind::AddrInUse | Kind::OutOfMemory => Why::Local,
            _ => match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
                Some(
                    rustix::io::Errno::MFILE
                    | rustix::io::Errno::NFILE
                    | rustix::io::Errno::NOBUFS
                    | rustix::io::Errno::AGAIN,
                ) => Why::Local,
                _ => Why::Other,
            },
        }
    }
}

/// How often each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reasons([u64; WHYS.len()]);

impl Reasons {
    /// One more.
    pub fn add(&mut self, why: Why) {
        self.add_many(why, 1);
    }

    /// So many more.
    pub fn add_many(&mut self, why: Why, count: u64) {
        self.0[why as usize] += count;
    }

    /// How often this one.
    pub fn of(&self, why: Why) -> u64 {
        self.0[why as usize]
    }

    /// All together.
    pub fn sum(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Those that happened.
    pub fn happened(&self) -> impl Iterator<Item = (Why, u64)> + '_ {
        WHYS.into_iter().map(|why| (why, self.of(why))).filter(|(_, count)| *count > 0)
    }
}

/// What all have done together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that were asked for.
    pub asked: u64,
    /// Those that were made.
    pub reached: u64,
    /// Those of them that had at least one message back; when they come and go, those that ended well;
    /// in a chat, those that came into their room.
    pub answered: u64,
    /// Those that were not made, and why.
    pub failed: Reasons,
    /// Those that were made and lost before their time, and why.
    pub lost: Reasons,
    /// Those that the server did not end when they had said that nothing more comes.
    pub unended: u64,
    /// Messages that were begun.
    pub begun: u64,
    /// Messages that came back whole; in a chat, how often messages were heard.
    pub heard: u64,
    /// Messages whose time came and that were never sent, since the answers before them did not come.
    pub unsent: u64,
    /// Bytes that were sent.
    pub bytes_sent: u64,
    /// Bytes that came.
    pub bytes_heard: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_has_its_name() {
        for (errno, expected) in [
            (rustix::io::Errno::CONNREFUSED, Why::Refused),
            (rustix::io::Errno::TIMEDOUT, Why::ConnectTimeout),
            (rustix::io::Errno::HOSTUNREACH, Why::Unreachable),
            (rustix::io::Errno::MFILE, Why::Local),
            (rustix::io::Errno::ADDRNOTAVAIL, Why::Local),
            (rustix::io::Errno::CONNRESET, Why::Reset),
            (rustix::io::Errno::PIPE, Why::Reset),
            (rustix::io::Errno::INVAL, Why::Other),
        ] {
            assert_eq!(Why::of(&errno.into()), expected, "{errno:?}");
        }
    }

    #[test]
    fn each_reason_has_a_place_of_its_own() {
        let mut reasons = Reasons::default();
        for (index, why) in WHYS.into_iter().enumerate() {
            assert_eq!(why as usize, index);
            reasons.add_many(why, index as u64);
        }
        assert_eq!(reasons.sum(), (0..WHYS.len() as u64).sum::<u64>());
        assert_eq!(reasons.happened().count(), WHYS.len() - 1);
    }
}
