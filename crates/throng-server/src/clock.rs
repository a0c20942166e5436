//! The server's clock: milliseconds since the process first asked. The one place of this crate where time is read.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

static BEGUN: OnceLock<Instant> = OnceLock::new();

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
    let now = Instant::now();
    now.duration_since(*BEGUN.get_or_init(|| now))
}
