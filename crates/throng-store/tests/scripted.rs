//! The scripted store does what its script says, and the same each time.

#![allow(clippy::unwrap_used)]

mod kept;

use std::sync::mpsc::{Receiver, sync_channel};

use kept::{append, history, room, seqs, words};
use throng_store::testing::{STARTED, Scripted, said};
use throng_store::{Fault, Health, History, Stamp, Store};

fn ask(store: &Scripted, words: &str) -> Receiver<Result<Vec<Stamp>, Fault>> {
    let (told, heard) = sync_channel(1);
    store.append(vec![said("#a", words)], Box::new(move |answer| told.send(answer).unwrap()));
    heard
}

#[test]
fn what_is_held_is_answered_when_it_is_released_in_order() {
    let store = Scripted::new();
    store.hold();
    let answers = ["1", "2", "3"].map(|words| ask(&store, words));
    assert_eq!(store.waiting(), 3);
    assert!(answers.iter().all(|answer| answer.try_recv().is_err()));
    assert!(store.entries(&room("#a")).is_empty(), "not even stored");
    assert_eq!(store.release(2), 2);
    assert_eq!(seqs(&answers[1].try_recv().unwrap().unwrap()), [2]);
    assert!(answers[2].try_recv().is_err());
    assert_eq!(store.release(9), 1, "only one was left");
    let fourth = ask(&store, "4");
    assert_eq!(store.waiting(), 1, "still holding");
    store.flow();
    assert!(fourth.try_recv().unwrap().is_ok());
    assert_eq!(words(&store.entries(&room("#a"))), ["1", "2", "3", "4"]);
}

#[test]
fn a_fault_refuses_once_or_until_recovery() {
    let store = Scripted::new();
    let (told, health) = sync_channel(10);
    store.on_health(Box::new(move |health| told.send(health).unwrap()));
    store.fail_next(Fault::Busy);
    assert_eq!(append(&*store, vec![said("#a", "no")]), Err(Fault::Busy));
    assert_eq!(seqs(&append(&*store, vec![said("#a", "1")]).unwrap()), [1]);
    assert!(health.try_recv().is_err(), "being busy is not being read-only");

    store.fail_next(Fault::Full);
    assert_eq!(append(&*store, vec![said("#a", "no")]), Err(Fault::Full));
    assert_eq!(append(&*store, vec![said("#a", "no")]), Err(Fault::Full));
    assert_eq!(health.try_iter().collect::<Vec<_>>(), [Health::ReadOnly { why: "the disk is full".into() }]);
    store.recover();
    assert_eq!(health.try_recv(), Ok(Health::Writable));
    assert_eq!(seqs(&append(&*store, vec![said("#a", "2")]).unwrap()), [2]);
    assert_eq!(words(&history(&*store, "#a", u64::MAX, 10)), ["1", "2"]);
}

#[test]
fn reads_that_are_held_are_answered_from_what_is_stored_then() {
    let store = Scripted::new();
    store.hold_reads();
    let (told, heard) = sync_channel(1);
    let query = History { room: room("#a"), upto: 9, limit: 9 };
    store.history(query, Box::new(move |answer| told.send(answer.unwrap().len()).unwrap()));
    append(&*store, vec![said("#a", "1")]).unwrap();
    assert!(heard.try_recv().is_err());
    assert_eq!((store.waiting_reads(), store.release_reads(5)), (1, 1));
    assert_eq!(heard.try_recv(), Ok(1));
}

#[test]
fn a_callback_may_append_while_the_script_releases() {
    let store = Scripted::new();
    store.hold();
    let again = std::sync::Arc::clone(&store);
    let (told, heard) = sync_channel(1);
    let second = Box::new(move |answer| told.send(answer).unwrap());
    store.append(vec![said("#a", "1")], Box::new(move |_| again.append(vec![said("#a", "2")], second)));
    store.flow();
    assert_eq!(seqs(&heard.try_recv().unwrap().unwrap()), [2]);
    store.hold();
    let held = ask(&store, "3");
    store.close();
    assert_eq!(seqs(&held.try_recv().unwrap().unwrap()), [3], "closing answers what is queued");
    assert_eq!(ask(&store, "late").try_recv().unwrap(), Err(Fault::Closed));
}

#[test]
fn two_runs_of_one_script_are_the_same() {
    let run = || {
        let store = Scripted::new();
        let mut stamps = append(&*store, vec![said("#a", "1"), said("#a", "2")]).unwrap();
        stamps.extend(append(&*store, vec![said("#b", "1")]).unwrap());
        stamps
    };
    assert_eq!(run(), run());
    assert_eq!(run()[0].at, STARTED);
    assert!(run()[2].at > STARTED, "each batch is later");
}
