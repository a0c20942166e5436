//! How long things may take. All are looked at by one sweep per worker, the last words ten times a second and every
//! connection once a second, so none is more exact than that, and none costs anything while data flows.

use std::time::Duration;

/// How often a worker sweeps.
pub const SWEEP_EVERY: Duration = Duration::from_millis(100);

/// How long things may take; `None` is for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the accept to [`crate::Conn::established`]. None unless set, since only a handler that says when it knows
    /// its peer can want it.
    pub handshake: Option<Duration>,
    /// Without a byte from the peer. None unless set: what the server sends does not count as life.
    pub idle: Option<Duration>,
    /// From the last word to the peer until it must have taken it all.
    pub farewell: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts { handshake: None, idle: None, farewell: Duration::from_secs(10) }
    }
}
