//! The log as a whole: what it keeps, reads back, tells its followers, and clears; in bounds, and whatever it is told.

#![allow(clippy::unwrap_used)]

mod clearing;
mod crash;
mod following;
mod hostile;
mod speed;
mod starting;
mod storm;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::*;

const PATIENCE: Duration = Duration::from_secs(60);

/// A log in this folder.
fn open(folder: &Path, bounds: Bounds) -> Arc<Log> {
    Log::open(Some(folder), bounds, Sight::Prompt, Screen::start())
}

/// A log of which nobody loses anything: tells, and lets the writer follow from time to time.
fn tell_all(log: &Log, events: impl IntoIterator<Item = Event>) {
    for (index, event) in events.into_iter().enumerate() {
        log.tell(event);
        if index % 4096 == 4095 {
            log.settle(PATIENCE);
        }
    }
    log.settle(PATIENCE);
}

/// Ends a log, and waits until its thread has let go of the files.
fn close(log: Arc<Log>) {
    log.settle(PATIENCE);
    let mut end = log.follow(&Query::default()).unwrap();
    assert_eq!(Arc::strong_count(&log), 1, "nobody else has it");
    drop(log);
    assert_eq!(end.next(PATIENCE), Followed::Closed);
}

/// The events of this kind carry a number, under this name; the events by their order.
fn said(n: u64) -> Event {
    Event::info("client.said").count("n", n)
}

/// Those numbers.
fn numbers(events: &[Arc<Event>]) -> Vec<u64> {
    let number = |event: &Arc<Event>| event.values("n").next()?.parse().ok();
    events.iter().filter(|event| event.kind == "client.said").filter_map(number).collect()
}

/// All events in the files, oldest first; each line is one.
fn on_disk(folder: &Path) -> Vec<Event> {
    let files = Files::new(folder);
    let mut events = Vec::new();
    for older in files.present().unwrap().into_iter().rev() {
        let content = std::fs::read(files.path(older)).unwrap();
        let lines = content.strip_suffix(b"\n").map(|lines| lines.split(|byte| *byte == b'\n'));
        for line in lines.into_iter().flatten() {
            let event = json::read(line);
            events.push(event.unwrap_or_else(|| panic!("no event: {}", String::from_utf8_lossy(line))));
        }
    }
    events
}

/// The numbers go up by one.
fn assert_no_gap<'a>(events: impl IntoIterator<Item = &'a Event>) {
    let mut last = None;
    for event in events {
        assert!(last.is_none_or(|last| event.seq == last + 1), "after {last:?} came {}", event.json());
        last = Some(event.seq);
    }
}
