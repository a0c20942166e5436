//! What a scan tells, each thing once and as soon as it is certain: the ports of a host in ascending order.
//!
//! Nothing is claimed that was not seen. A port that was never asked, or whose asking failed on this machine, is
//! [`Verdict::Unknown`]; it is never called closed.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Something that is certain now.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// It begins; the first of all.
    Started(Started),
    /// A port of a host; the ports of one host come in ascending order.
    Port(Port),
    /// How far it is; a few times a second, for people.
    Progress(Progress),
    /// All that will be told of this host has been told.
    Host(HostReport),
    /// It is over; the last of all, however it ended.
    Ended(Ended),
}

/// Ports that are told one by one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tell {
    /// Those that are open; the others are counted.
    #[default]
    Open,
    /// All of them.
    All,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    /// How many addresses.
    pub hosts: u64,
    /// How many ports of each.
    pub ports: u32,
}

/// One address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host {
    /// Where it is.
    pub address: IpAddr,
    /// By what name it was asked for, if by one.
    pub name: Option<Box<str>>,
}

/// One port of a host.
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    /// Of whom.
    pub host: Arc<Host>,
    /// Which.
    pub number: u16,
    /// What it is.
    pub verdict: Verdict,
    /// Why we say so.
    pub reason: Reason,
    /// From the question to the answer, if there was one.
    pub round_trip: Option<Duration>,
    /// How often it was asked.
    pub tries: u8,
    /// What it said of itself, at most [`BANNER_MAX`] bytes as they came; never safe for a terminal as they are.
    pub banner: Option<Arc<[u8]>>,
}

/// How much of what an open port says is kept.
pub const BANNER_MAX: usize = 1024;

/// What a port is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Somebody takes connections there.
    Open,
    /// Nobody does, and the host said so.
    Closed,
    /// No answer came, however often it was asked.
    Filtered,
    /// Somebody on the way said that it cannot be reached, however often it was asked.
    Unreachable,
    /// It was not asked, or only in vain on this machine.
    Unknown,
}

/// By what a verdict was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The connection was made: `SYN`, then `SYN, ACK`.
    Accepted,
    /// It was refused: `RST`.
    Reset,
    /// Nothing came.
    Silence,
    /// `EHOSTUNREACH`.
    HostUnreachable,
    /// `ENETUNREACH`.
    NetworkUnreachable,
    /// `EACCES` or `EPERM`: a rule, of this machine or on the way, forbids it.
    Prohibited,
    /// The scan ended before it was asked often enough.
    NotAsked,
    /// This machine could not ask it.
    Local(Trouble),
}

/// What this machine did not have. Never a verdict on a port: it is asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Trouble {
    /// `EMFILE` or `ENFILE`: a descriptor.
    Descriptors,
    /// `EADDRNOTAVAIL` or `EADDRINUSE`: a port of its own to ask from.
    Ports,
    /// `ENOBUFS`, `ENOMEM` or `EAGAIN`: memory for it.
    Buffers,
    /// Some other error of this machine's.
    Other,
}

/// How many ports are what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// [`Verdict::Open`].
    pub open: u64,
    /// [`Verdict::Closed`].
    pub closed: u64,
    /// [`Verdict::Filtered`].
    pub filtered: u64,
    /// [`Verdict::Unreachable`].
    pub unreachable: u64,
    /// [`Verdict::Unknown`].
    pub unknown: u64,
}

impl Counts {
    /// One more of them.
    pub fn count(&mut self, verdict: Verdict) {
        *match verdict {
            Verdict::Open => &mut self.open,
            Verdict::Closed => &mut self.closed,
            Verdict::Filtered => &mut self.filtered,
            Verdict::Unreachable => &mut self.unreachable,
            Verdict::Unknown => &mut self.unknown,
        } += 1;
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.open + self.closed + self.filtered + self.unreachable + self.unknown
    }
}

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    /// Ports whose verdict is final, of all hosts.
    pub done: u64,
    /// Of how many.
    pub of: u64,
    /// How many of them are open.
    pub open: u64,
    /// Questions per second of late.
    pub rate: f64,
    /// Questions that wait for an answer.
    pub in_flight: u32,
    /// How many may wait.
    pub window: u32,
    /// What part of the questions to a port that answers got lost, 0 to 1.
    pub loss: f64,
    /// From a question to its answer, smoothed; of the slowest host under way.
    pub round_trip: Option<Duration>,
    /// Since the start.
    pub elapsed: Duration,
    /// Until the end, as it looks now.
    pub left: Option<Duration>,
}

/// What was found out about a host.
#[derive(Clone, Debug, PartialEq)]
pub struct HostReport {
    /// Which.
    pub host: Arc<Host>,
    /// Its ports.
    pub counts: Counts,
    /// How it ended.
    pub end: HostEnd,
    /// Smoothed, if it ever answered.
    pub round_trip: Option<Duration>,
    /// From its first question to its last verdict.
    pub elapsed: Duration,
    /// It limits how many resets it sends: ports that are called filtered may be closed.
    pub resets_limited: bool,
}

/// How the scan of one host ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostEnd {
    /// Every port has a verdict.
    Complete,
    /// There is no way to it.
    Unreachable,
    /// It answered, and then no more; what was not known by then is not known.
    Vanished,
    /// The scan was ended before.
    Stopped,
    /// This machine could not ask all its ports.
    Local(Trouble),
}

/// What came of it all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ended {
    /// Hosts of which anything was asked.
    pub hosts: u64,
    /// Hosts that answered at least once.
    pub answered: u64,
    /// All ports of all hosts, those that were never asked included.
    pub counts: Counts,
    /// How long it took.
    pub elapsed: Duration,
    /// How many questions were sent.
    pub probes: u64,
    /// Questions that this machine could not send at the first attempt.
    pub troubles: u64,
    /// Why it ended.
    pub end: End,
}

impl Ended {
    /// Has every port of every host a verdict?
    pub fn is_complete(&self) -> bool {
        self.counts.unknown == 0 && self.end == End::Complete
    }
}

/// Why a scan ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// There was nothing left to ask.
    Complete,
    /// Somebody stopped it.
    Stopped,
    /// Its time was up.
    Deadline,
}
