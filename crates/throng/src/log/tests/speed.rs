//! How much the log takes: `cargo test --release -p throng -- --ignored --nocapture log::tests::speed`.

use std::time::Instant;

use super::*;

const EVENTS: u64 = 500_000;
const TELLERS: u64 = 2;

#[test]
#[ignore = "a measurement, worth something in release only"]
#[expect(clippy::disallowed_methods, reason = "it measures")]
fn events_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path(), segments::BOUNDS);
    let event = |n| {
        let event = Event::info("client.said").count("n", n).with("name", "ana");
        event.with("room", "#lobby").with("form", "text")
    };
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..TELLERS {
            scope.spawn(|| tell_all(&log, (0..EVENTS / TELLERS).map(event)));
        }
    });
    let lasted = begun.elapsed();
    let dropped = log.show(&Query { kind: Some("log.dropped".to_owned()), ..Query::last(9) }).events.len();
    println!("{:.0} events a second, dropped {dropped} times", EVENTS as f64 / lasted.as_secs_f64());
    let begun = Instant::now();
    (0..desk::WAITING_MAX as u64 / 2 - 1).for_each(|n| log.tell(event(n)));
    println!("{:.0} ns to tell one", begun.elapsed().as_nanos() as f64 / (desk::WAITING_MAX / 2 - 1) as f64);
    let begun = Instant::now();
    let shown = log.show(&Query { search: Some("nobody".to_owned()), ..Query::last(usize::MAX) });
    println!("{:?} to search all {:?}", begun.elapsed(), log.size().unwrap());
    assert!(shown.events.is_empty());
    close(log);
    let begun = Instant::now();
    let log = open(folder.path(), segments::BOUNDS);
    log.settle(PATIENCE);
    println!("{:?} to begin with {} events", begun.elapsed(), log.last(usize::MAX).len());
    assert!(EVENTS as f64 / lasted.as_secs_f64() > 10_000.0);
}
