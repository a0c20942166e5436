//! `clear` while everybody tells as fast as they can.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::*;

const TELLERS: u64 = 4;

/// Of each, at least.
const TOLD_MIN: u64 = 30_000;

#[test]
fn nothing_that_was_told_after_a_clear_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    // Large enough for all: what is missing was not rotated away.
    let log = open(folder.path(), Bounds { bytes: 256 * 1024, files: 1000 });
    let over = AtomicBool::new(false);
    let next: [AtomicU64; TELLERS as usize] = Default::default();
    // Of each teller, which number came after the last clear for certain.
    let mut after = Vec::new();
    std::thread::scope(|scope| {
        for (teller, next) in next.iter().enumerate() {
            let (log, over) = (&log, &over);
            scope.spawn(move || {
                let mut n = 0;
                while n < TOLD_MIN || !over.load(Ordering::Relaxed) {
                    log.tell(Event::info("client.said").count("teller", teller as u64).count("n", n));
                    n += 1;
                    next.store(n, Ordering::Release);
                    // More than the writer can write would be dropped; that is another test's.
                    if n.is_multiple_of(1000) {
                        log.settle(PATIENCE);
                    }
                }
            });
        }
        for round in 1..=10 {
            while next.iter().any(|next| next.load(Ordering::Acquire) < round * TOLD_MIN / 11) {
                std::thread::yield_now();
            }
            log.clear("console").unwrap();
            // The one that is being told now may have come before.
            after = next.iter().map(|next| next.load(Ordering::Acquire) + 1).collect();
        }
        over.store(true, Ordering::Relaxed);
    });
    log.settle(PATIENCE);
    let events = on_disk(folder.path());
    assert_eq!(events[0].kind, "log.cleared");
    assert_eq!(events[0].values("by").collect::<Vec<_>>(), ["console"]);
    assert_eq!(events.iter().filter(|event| event.kind == "log.cleared").count(), 1);
    assert_no_gap(&events);
    let value =
        |event: &Event, field: &str| event.values(field).next().and_then(|value| value.parse::<u64>().ok());
    let dropped: u64 =
        events.iter().filter(|event| event.kind == "log.dropped").filter_map(|event| value(event, "n")).sum();
    for teller in 0..TELLERS {
        let of_teller: Vec<_> = events
            .iter()
            .filter(|event| value(event, "teller") == Some(teller))
            .filter_map(|event| value(event, "n"))
            .collect();
        let told = next[teller as usize].load(Ordering::Acquire);
        assert!(told >= TOLD_MIN);
        let missing =
            (after[teller as usize]..told).filter(|n| of_teller.binary_search(n).is_err()).count() as u64;
        assert!(missing <= dropped, "{missing} of {teller} are missing, {dropped} were dropped");
        assert!(of_teller.is_sorted());
    }
    assert!(events.len() > 1000 && dropped == 0, "{} events, {dropped} dropped", events.len());
    let shown = log.show(&Query::last(usize::MAX)).events;
    assert!(shown.iter().map(Arc::as_ref).eq(&events), "it shows what is there");
}

#[test]
fn what_was_told_just_before_a_clear_goes_and_what_is_told_after_it_stays() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path(), segments::BOUNDS);
    let mut follower = log.follow(&Query { kind: Some("client".to_owned()), ..Query::default() }).unwrap();
    for n in 0..20 {
        log.tell(said(2 * n));
        // Also the event of the clear before, and what came after that.
        assert_eq!(log.clear("console").unwrap().events, Some(if n == 0 { 1 } else { 3 }));
        log.tell(said(2 * n + 1));
        assert_eq!(numbers(&log.show(&Query::last(9)).events), [2 * n + 1]);
        assert_eq!(on_disk(folder.path()).len(), 2);
        for told in [2 * n, 2 * n + 1] {
            let followed = follower.next(PATIENCE);
            assert!(
                matches!(&followed, Followed::Event(event) if numbers(&[Arc::clone(event)]) == [told]),
                "{followed:?}"
            );
        }
    }
}

#[test]
fn what_is_cleared_is_what_its_size_said() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path(), Bounds { bytes: 4000, files: 9 });
    tell_all(&log, (0..214).map(said));
    let size = log.size().unwrap();
    assert_eq!((size.events, size.files > 3), (Some(214), true));
    assert_eq!(log.clear("control uid=0").unwrap(), Cleared { events: size.events, bytes: size.bytes });
    let events = on_disk(folder.path());
    assert_eq!(events.len(), 1);
    assert!(events[0].json().contains(&format!(
        r#""kind":"log.cleared","by":"control uid=0","events":214,"bytes":{}}}"#,
        size.bytes
    )));
    assert_eq!(events[0].seq, 215, "numbers go on");
    assert_eq!(log.show(&Query::last(10)).events.len(), 1);
    assert_eq!(log.size().unwrap().files, 1);
}

#[test]
fn a_clear_that_fails_clears_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path(), Bounds { bytes: 4000, files: 9 });
    tell_all(&log, (0..100).map(said));
    let in_the_way = Files::new(folder.path()).path_of_new();
    std::fs::create_dir(&in_the_way).unwrap();
    log.clear("console").unwrap_err();
    tell_all(&log, [said(100)]);
    assert_eq!(numbers(&log.show(&Query::last(1000)).events), (0..=100).collect::<Vec<_>>());
    assert_no_gap(&on_disk(folder.path()));
    std::fs::remove_dir(in_the_way).unwrap();
    assert_eq!(log.clear("console").unwrap().events, Some(101));
}
