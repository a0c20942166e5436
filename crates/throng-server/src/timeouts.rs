//! How long things may take. All are looked at by one sweep per worker, the last words ten times a second and every
//! connection once a second, so none is more exact than that, and none costs anything while data flows.

use std::time::Duration;

/// How often a worker sweeps: the step of its clock, and of [`crate::LocalHandler::sweep`].
///
/// ```
/// assert_eq!(throng_server::timeouts::SWEEP_EVERY.as_millis(), 100);
/// ```
pub const SWEEP_EVERY: Duration = Duration::from_millis(100);

/// How long things may take; `None` is for ever. All may be changed while the server runs ([`crate::Running::set_timeouts`]).
/// They are looked at once a second, and `farewell` ten times, so each may come that much late.
///
/// ```
/// use std::time::Duration;
/// use throng_server::{Conn, End, Timeouts, testing::drive_with};
///
/// async fn listen(mut conn: Conn) -> throng_server::Result {
///     let mut buffer = conn.buffer();
///     while conn.read_into(&mut buffer).await? > 0 {
///         buffer.clear();
///     }
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let idle = Timeouts { idle: Some(Duration::from_secs(300)), ..Timeouts::default() };
/// let (_silent, driven) = drive_with(listen, idle);
/// assert_eq!(driven.end().await, End::TimedOut);
///
/// let age = Timeouts { age: Some(Duration::from_secs(3600)), ..Timeouts::default() };
/// let (_client, driven) = drive_with(listen, age);
/// assert_eq!(driven.end().await, End::Expired);
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the accept to [`crate::Conn::established`]. None unless set, since only a handler that says when it knows
    /// its peer can want it.
    pub handshake: Option<Duration>,
    /// Without a byte from the peer; then it ends as [`crate::End::TimedOut`]. None unless set: what the server sends does not
    /// count as life, so it is for protocols in which clients speak (a PING, a keepalive of their own).
    pub idle: Option<Duration>,
    /// While bytes wait for the peer, without one that it takes: a write that waits, an outbox that is not empty. Then it
    /// ends as [`crate::End::Stalled`]. A minute unless set, as nginx has it (`send_timeout`); a peer that takes a little now
    /// and then is not ended by this, but by the limit of its outbox. Of TLS, what the peer takes is seen in steps of at most
    /// 64 KiB.
    pub write_stall: Option<Duration>,
    /// From the accept. Then it ends as [`crate::End::Expired`], as in a drain of this one connection: with an end-of-file
    /// where nothing is under way, and cut when that has not come `farewell` later. None unless set; services behind a
    /// balancer set it, so that their clients spread over new servers.
    pub age: Option<Duration>,
    /// From the last word to the peer ([`crate::Outbox::finish`], the handler's end) until it must have taken it all; else it
    /// ends as [`crate::End::TooSlow`]. 10 s unless set.
    pub farewell: Duration,
    /// What a drain takes at most, when nothing else is said ([`crate::Running::shutdown`]); who is left is cut. 30 s unless
    /// set, well below the 90 s after which systemd kills (systemd.service(5), `TimeoutStopSec`).
    pub drain: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            handshake: None,
            idle: None,
            write_stall: Some(Duration::from_secs(60)),
            age: None,
            farewell: Duration::from_secs(10),
            drain: Duration::from_secs(30),
        }
    }
}
