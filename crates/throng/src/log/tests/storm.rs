//! More than the log can take, and no place for its files.

use super::*;

#[test]
fn a_storm_of_events_is_kept_in_bounds_and_what_was_dropped_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path(), Bounds { bytes: 65_536, files: 2 });
    let told = 4 * desk::WAITING_MAX as u64;
    (0..told).for_each(|n| log.tell(said(n)));
    log.settle(PATIENCE);
    let last = log.last(usize::MAX);
    let dropped: u64 = last
        .iter()
        .filter(|event| event.kind == "log.dropped")
        .map(|event| event.values("n").next().unwrap().parse::<u64>().unwrap())
        .sum();
    assert!(
        dropped > 0 || numbers(&last).last() == Some(&(told - 1)),
        "all was written, or it was told what was not"
    );
    assert_eq!(last.len(), kept::KEPT_MAX);
    let size = log.size().unwrap();
    assert!(size.files == 2 && size.bytes <= 2 * 65_536, "{size:?}");
    assert_eq!(log.last(3).len(), 3);
}

#[test]
fn a_log_without_a_file_still_keeps_what_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events");
    std::fs::write(&file, "in the way").unwrap();
    let log = open(&file, segments::BOUNDS);
    log.tell(Event::info("client.joined").with("name", "ana"));
    log.settle(PATIENCE);
    assert_eq!(log.last(10).len(), 1);
    assert_eq!(log.show(&Query::last(10)).events.len(), 1);
    assert!(log.clear("console").unwrap_err().to_string().contains("could not be opened"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "in the way");
}

#[test]
fn a_log_in_memory_alone_is_shown_and_cleared_too() {
    let log = Log::open(None, segments::BOUNDS, Sight::Prompt, Screen::start());
    tell_all(&log, (0..3).map(said));
    assert_eq!(log.size().unwrap(), Size { events: Some(3), bytes: 0, files: 0 });
    assert_eq!(log.clear("console").unwrap(), Cleared { events: Some(3), bytes: 0 });
    let shown = log.show(&Query::last(10));
    assert_eq!((shown.events[0].seq, shown.events[0].kind.as_ref()), (4, "log.cleared"));
    assert!(!shown.older_not_looked_at);
    tell_all(&log, (0..kept::KEPT_MAX as u64).map(said));
    let shown = log.show(&Query::last(usize::MAX));
    assert_eq!(
        (shown.events.len(), shown.older_not_looked_at),
        (kept::KEPT_MAX, true),
        "what went is not hidden"
    );
}
