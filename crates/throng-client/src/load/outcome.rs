//! What came of a load, and what is told while it goes on.

use std::time::Duration;

use super::counts::Counts;
use super::diagnosis::Fault;
use super::watch::Own;
use crate::crowd::trouble::Wrong;
use crate::times::Times;

/// Faults that are kept with all that is known of them; the others are counted.
pub const FAULTS_KEPT_MAX: usize = 8;

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// Everything from the first connection to the last byte.
    pub counts: Counts,
    /// How long the window was in which it counted.
    pub lasted: Duration,
    /// Messages that came back whole in the window; when they come and go, connections that ended well.
    pub in_window: u64,
    /// Bytes that came in the window.
    pub bytes_in_window: u64,
    /// From when a message was meant to be sent to its last byte; of those that were sent in the window.
    pub response: Times,
    /// From when it was sent.
    pub service: Times,
    /// How long it took to connect; when they come and go, from a connection's coming to its end.
    pub connect: Times,
    /// The first streams that came back wrong.
    pub faults: Vec<Fault>,
    /// The first words of a chat that were wrong.
    pub words: Vec<Wrong>,
    /// How many bytes were changed, missing, repeated, extra; and how many streams were garbled.
    pub damaged: Damaged,
    /// The first error of the kernel that has no name here.
    pub strange: Option<String>,
    /// How busy the generator was.
    pub own: Own,
    /// Somebody ended it before its time.
    pub is_interrupted: bool,
}

/// How many bytes of all streams came back wrong; in a chat, how many words at all receivers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damaged {
    /// Streams.
    pub streams: u64,
    /// Others came.
    pub changed: u64,
    /// They did not come.
    pub missing: u64,
    /// They came after others before which they were sent. Told of the words of a chat only.
    pub late: u64,
    /// They came a second time.
    pub repeated: u64,
    /// They were never sent.
    pub extra: u64,
    /// Streams of which nothing could be told.
    pub garbled: u64,
}

/// What is told once a second.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Since everybody came; nothing while they are coming.
    pub since: Option<Duration>,
    /// Connections that are there.
    pub here: u64,
    /// Connections that were asked for.
    pub asked: u64,
    /// Messages a second, since the last moment.
    pub per_s: f64,
    /// Bytes that came a second, since the last moment.
    pub bytes_per_s: f64,
    /// Of the messages since the last moment.
    pub p50: Duration,
    /// The same.
    pub p99: Duration,
    /// The same.
    pub longest: Duration,
    /// Connections that failed or were lost so far.
    pub errors: u64,
}

/// Who hears of it while it goes on, and may end it.
pub trait Observer {
    /// Told once a second.
    fn tell(&mut self, moment: &Moment);

    /// Asked ten times a second and more: whether to end now.
    fn is_interrupted(&self) -> bool;
}

/// Nobody.
pub struct Nobody;

impl Observer for Nobody {
    fn tell(&mut self, _: &Moment) {}

    fn is_interrupted(&self) -> bool {
        false
    }
}
