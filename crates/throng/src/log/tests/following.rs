//! Those who are told events as they happen.

use super::*;

fn is_said(event: &Event) -> Option<u64> {
    numbers(&[Arc::new(event.clone())]).first().copied()
}

#[test]
fn across_rotation_a_follower_hears_everything_or_how_many_it_missed() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path(), Bounds { bytes: 9000, files: 2 });
    tell_all(&log, (1..=50).map(said));
    let mut follower = log.follow(&Query { kind: Some("client".to_owned()), ..Query::last(5) }).unwrap();
    let told = 20_000;
    let teller = std::thread::spawn({
        let log = Arc::clone(&log);
        move || {
            for n in 51..=told {
                log.tell(said(n));
                if n % 500 == 0 {
                    log.settle(PATIENCE);
                }
            }
        }
    });
    let mut expected = 46;
    while expected <= told {
        match follower.next(PATIENCE) {
            Followed::Event(event) => {
                assert_eq!((event.seq, is_said(&event)), (expected, Some(expected)));
                expected += 1;
            }
            Followed::Skipped(count) => expected += count,
            other => panic!("{other:?} when {expected} was due"),
        }
    }
    teller.join().unwrap();
    assert_eq!(follower.next(Duration::ZERO), Followed::Nothing);
    close(log);
}

#[test]
fn a_fast_follower_is_told_everything() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path(), Bounds { bytes: 9000, files: 2 });
    let mut follower = log.follow(&Query::default()).unwrap();
    for piece in 0..40 {
        let numbers = piece * 500..(piece + 1) * 500;
        tell_all(&log, numbers.clone().map(said));
        for n in numbers {
            assert!(
                matches!(follower.next(PATIENCE), Followed::Event(event) if is_said(&event) == Some(n)),
                "{n}"
            );
        }
    }
    assert_eq!(Files::new(folder.path()).present().unwrap(), [0, 1], "the log turned many times meanwhile");
    log.clear("console").unwrap();
    assert!(matches!(follower.next(PATIENCE), Followed::Event(event) if event.kind == "log.cleared"));
    close(log);
    assert_eq!(follower.next(PATIENCE), Followed::Closed);
}

#[test]
fn a_slow_follower_is_told_exactly_how_many_it_missed() {
    let log = Log::open(None, segments::BOUNDS, Sight::Prompt, Screen::start());
    let mut slow = log.follow(&Query { kind: Some("client".to_owned()), ..Query::default() }).unwrap();
    let waiting = follower::WAITING_MAX as u64;
    // What it did not ask for is neither told nor counted.
    let unasked = || Event::info("tls.certificate_read");
    tell_all(&log, (0..3000).flat_map(|n| [said(n), unasked()]));
    let mut told = Vec::new();
    let mut take = |count: u64| {
        for _ in 0..count {
            told.push(slow.next(Duration::ZERO));
        }
    };
    take(2);
    tell_all(&log, (3000..3005).map(said));
    take(waiting);
    tell_all(&log, [said(3005)]);
    take(2);
    let (mut expected, mut skipped) = (0, Vec::new());
    for followed in &told {
        match followed {
            Followed::Event(event) => {
                assert_eq!(is_said(event), Some(expected));
                expected += 1;
            }
            Followed::Skipped(count) => {
                skipped.push((expected, *count));
                expected += count;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(expected, 3006, "all were told, or counted");
    // When two had been taken there was a place again, for one beside the count.
    assert_eq!(skipped, [(waiting, 3000 - waiting), (3001, 4)]);
    assert_eq!(slow.next(Duration::ZERO), Followed::Nothing);
}

#[test]
fn no_more_may_follow_than_the_limit_and_who_ends_makes_room() {
    let log = Log::open(None, segments::BOUNDS, Sight::Prompt, Screen::start());
    let follow = || log.follow(&Query::default());
    let mut all: Vec<_> = (0..follower::FOLLOWERS_MAX).map(|_| follow().unwrap()).collect();
    assert!(follow().err().unwrap().to_string().starts_with("32 follow the log already"));
    all.pop();
    all.push(follow().unwrap());
    assert_eq!(follow().err(), Some(TooMany));
    tell_all(&log, [said(1)]);
    for follower in &mut all {
        assert!(matches!(follower.next(PATIENCE), Followed::Event(_)));
    }
}
