//! The look at every connection's timeouts, once a second for each worker: who is too late, too silent, too old, or takes
//! nothing of what it is told, is ended here.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::clock::{self, millis};
use crate::end::End;
use crate::shared::Shared;
use crate::ticket::{ESTABLISHED, EXPIRING, Ticket};
use crate::timeouts::Timeouts;

/// How often the timeouts of every connection are looked at.
pub(crate) const INSPECT_EVERY: Duration = Duration::from_secs(1);

/// Looks at the connections of one table. Where nobody can be late they are left alone: to look at ten thousand takes a
/// millisecond.
pub(crate) fn inspect(shared: &Shared, table: usize, now_ms: u64) {
    let timeouts = shared.timeouts();
    let is_stalled = timeouts.write_stall.is_some() && shared.registry.has_stalled(table);
    if timeouts.handshake.is_none() && timeouts.idle.is_none() && timeouts.age.is_none() && !is_stalled {
        return;
    }
    let mut someone_expires = false;
    shared.registry.each_of(table, |ticket| match verdict(ticket, &timeouts, now_ms) {
        Verdict::Fine => {}
        Verdict::Over(end) => {
            ticket.cut(end);
        }
        Verdict::Expires => {
            ticket.set(EXPIRING);
            ticket.reader.wake();
            someone_expires = true;
        }
    });
    if someone_expires {
        shared.look_again();
    }
}

enum Verdict {
    Fine,
    Over(End),
    /// It is old enough to end, and has not been told.
    Expires,
}

fn verdict(ticket: &Ticket, timeouts: &Timeouts, now_ms: u64) -> Verdict {
    let over =
        |lasted_ms: u64, limit: Option<Duration>| limit.is_some_and(|limit| lasted_ms >= millis(limit));
    let age_ms = now_ms.saturating_sub(ticket.opened_ms);
    let silent_ms = now_ms.saturating_sub(ticket.heard_ms.load(Relaxed));
    if !ticket.has(ESTABLISHED) && over(age_ms, timeouts.handshake) || over(silent_ms, timeouts.idle) {
        return Verdict::Over(End::TimedOut);
    }
    if ticket.stall.lasted_ms(now_ms).is_some_and(|lasted_ms| over(lasted_ms, timeouts.write_stall)) {
        return Verdict::Over(End::Stalled);
    }
    let cut_at = timeouts.age.map(|age| age.saturating_add(timeouts.farewell));
    if ticket.has(EXPIRING) && over(age_ms, cut_at) {
        return Verdict::Over(End::Expired);
    }
    if !ticket.has(EXPIRING) && over(age_ms, timeouts.age) {
        return Verdict::Expires;
    }
    Verdict::Fine
}

/// Inspects for as long as the runtime lives, for the models that have one table.
pub(crate) async fn inspect_all(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(INSPECT_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        inspect(&shared, 0, clock::now_ms());
    }
}
