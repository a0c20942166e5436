//! The server's clock: milliseconds since the process first asked. The one place of this crate where time is read.
//!
//! It is the runtime's clock, so that a test which pauses that one ([`crate::testing`]) has a server that waits with it.

use std::sync::OnceLock;
use std::time::Duration;

static BEGUN: OnceLock<std::time::Instant> = OnceLock::new();

/// Now, in milliseconds.
pub(crate) fn now_ms() -> u64 {
    millis(now())
}

/// So many milliseconds.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Now, exactly.
#[expect(clippy::disallowed_methods, reason = "the one place where the server's time comes from")]
pub(crate) fn now() -> Duration {
    let begun = BEGUN.get_or_init(std::time::Instant::now);
    // Not of the runtime's clock, which may stand still or have gone ahead.
    tokio::time::Instant::now().into_std().saturating_duration_since(*begun)
}
