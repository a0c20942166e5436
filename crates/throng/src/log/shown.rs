//! What was asked for, from what is kept in memory and, where that does not reach back far enough, from the files.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::event::Event;
use super::files::Files;
use super::kept::Snapshot;
use super::past::Past;
use super::query::{Looked, Query, Sieve};

/// How many are shown at most; more are read in the files themselves.
pub const SHOWN_MAX: usize = 100_000;

/// Events come into the log in an order that is a little other than that of their times. Clocks that are set back further
/// than this hide what is behind that from who asks for a time.
const DISORDER_MS_MAX: i64 = 60_000;

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub struct Shown {
    /// Oldest first.
    pub events: Vec<Arc<Event>>,
    /// Fewer were found than were asked for, and there may be others that could not be looked at.
    pub older_not_looked_at: bool,
}

/// The newest events that are asked for. Of the files, where there are any, at most so many bytes are looked at.
pub fn find(kept: &Snapshot, files: Option<(&Files, u64)>, query: &Query, zone: &TimeZone) -> Shown {
    let (sieve, wanted) = (Sieve::new(query), query.last.min(SHOWN_MAX));
    let is_wanted = |event: &Event| sieve.lets_through(&Looked::new(event, zone));
    let is_before =
        |event: &Event| query.since.is_some_and(|since| event.at_ms < since.saturating_sub(DISORDER_MS_MAX));

    let newest_first = kept.events.iter().rev();
    let mut found: Vec<_> = newest_first.filter(|event| is_wanted(event)).take(wanted).cloned().collect();
    let reaches_back = !kept.has_older || kept.events.first().is_some_and(|oldest| is_before(oldest));
    let older_not_looked_at = if found.len() == wanted {
        wanted < query.last
    } else if reaches_back {
        false
    } else if let Some((mut past, oldest)) = older(kept, files) {
        let behind =
            past.by_ref().skip_while(|event| event.seq >= oldest).take_while(|event| !is_before(event));
        let missing = wanted - found.len();
        found.extend(behind.filter(|event| is_wanted(event)).take(missing).map(Arc::new));
        past.is_cut() || (found.len() == wanted && wanted < query.last)
    } else {
        true
    };
    found.reverse();
    Shown { events: found, older_not_looked_at }
}

/// What the files tell, and which of that is kept in memory too.
fn older(kept: &Snapshot, files: Option<(&Files, u64)>) -> Option<(Past, u64)> {
    let (files, bytes_max) = files?;
    let oldest = kept.events.first().map_or(u64::MAX, |event| event.seq);
    Some((Past::new(files.open().ok()?, bytes_max), oldest))
}
