//! What is appended is there afterwards: in order, once, and after the store was opened again.

#![allow(clippy::unwrap_used)]

mod kept;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use kept::{PATIENCE, Place, append, history, room, seqs, words};
use throng_chat::{Kind, Record};
use throng_store::testing::{Scripted, said, topic_set};
use throng_store::{
    Durability, Fault, HISTORY_MAX, Health, History, MEMORY_KEEPS, OpenOptions, Opened, Time,
};

fn each_store() -> Vec<(&'static str, Opened, Place)> {
    let (strict, relaxed) = (Place::new(), Place::new());
    let opened = throng_store::open(relaxed.folder(), Durability::Relaxed).unwrap();
    vec![
        ("strict", strict.open(), strict),
        ("relaxed", opened, relaxed),
        ("memory", throng_store::memory(), Place::new()),
        ("scripted", Scripted::new().opened(), Place::new()),
    ]
}

#[test]
fn every_store_gives_sequences_without_gaps_and_growing_ids_and_reads_them_back() {
    for (which, opened, _place) in each_store() {
        let store = &*opened.store;
        let first = append(store, vec![said("#a", "1"), said("#b", "1"), said("#A", "2")]).unwrap();
        let second = append(store, vec![said("#a", "3")]).unwrap();
        assert_eq!((seqs(&first), seqs(&second)), (vec![1, 1, 2], vec![3]), "{which}");
        let ids: Vec<_> = first.iter().chain(&second).map(|stamp| stamp.msgid).collect();
        assert!(ids.is_sorted_by(|a, b| a < b), "{which}: {ids:?}");

        let entries = history(store, "#a", u64::MAX, 10);
        assert_eq!(words(&entries), ["1", "2", "3"], "{which}");
        let stamps: Vec<_> = entries.iter().map(|entry| entry.stamp).collect();
        assert_eq!(stamps, [first[0], first[2], second[0]], "{which}: what was told is what is kept");
        assert_eq!(entries[0].record, said("#a", "1"), "{which}");
        assert_eq!(append(store, Vec::new()), Ok(Vec::new()), "{which}: an empty batch is stored at once");
    }
}

#[test]
fn every_store_limits_history_by_upto_and_by_count() {
    for (which, opened, _place) in each_store() {
        let store = &*opened.store;
        let batch = (1..=700).map(|n| said("#a", &n.to_string())).collect();
        append(store, batch).unwrap();
        let check = |upto, limit, first: usize, last: usize| {
            let entries = history(store, "#a", upto, limit);
            let expected: Vec<String> = (first..=last).map(|n| n.to_string()).collect();
            assert_eq!(words(&entries), expected, "{which}: the last {limit} up to {upto}");
        };
        check(u64::MAX, 3, 698, 700);
        check(700, 1, 700, 700);
        check(5, 3, 3, 5);
        check(2, 100, 1, 2);
        check(u64::MAX, usize::MAX, 701 - HISTORY_MAX, 700);
        assert!(history(store, "#a", 0, 10).is_empty(), "{which}");
        assert!(history(store, "#a", 10, 0).is_empty(), "{which}");
        assert!(history(store, "#none", u64::MAX, 10).is_empty(), "{which}");
    }
}

#[test]
fn every_kind_is_read_back_as_it_was_said_whatever_its_words() {
    let place = Place::new();
    let opened = place.open();
    let kinds = [Kind::Message, Kind::Action, Kind::Notice, Kind::Topic];
    let mut batch: Vec<_> = kinds.map(|kind| Record { kind, ..said("#a", "Ελένη 'quoted' \"; --") }).into();
    batch.push(topic_set("#a", None));
    append(&*opened.store, batch.clone()).unwrap();
    let records: Vec<_> = history(&*opened.store, "#a", 9, 9).into_iter().map(|entry| entry.record).collect();
    assert_eq!(records, batch);
}

#[test]
fn after_opening_again_everything_goes_on_where_it_was() {
    let place = Place::new();
    let clock = Arc::new(AtomicI64::new(5_000));
    let open = || {
        let clock = Arc::clone(&clock);
        let options = OpenOptions::new(Durability::Strict);
        options.clock(Arc::new(move || Time(clock.load(Ordering::Relaxed)))).open(place.folder()).unwrap()
    };
    let opened = open();
    assert!(opened.created && opened.rooms.is_empty() && opened.messages == 0, "{opened:?}");
    let before = append(&*opened.store, vec![said("#Lobby", "1"), topic_set("#lobby", Some("tea"))]).unwrap();
    append(&*opened.store, vec![said("#b", "1"), topic_set("#b", Some("x")), topic_set("#b", None)]).unwrap();
    opened.store.close();

    clock.store(1_000, Ordering::Relaxed);
    let opened = open();
    assert!(!opened.created);
    assert_eq!(opened.messages, 5);
    let rooms: Vec<_> = opened.rooms.iter().map(|room| (room.name.as_str(), room.last_seq)).collect();
    assert_eq!(rooms, [("#Lobby", 2), ("#b", 3)]);
    let topic = opened.rooms[0].topic.as_ref().unwrap();
    assert_eq!((topic.text.as_str(), topic.by.as_str(), topic.at), ("tea", "ana", Time(5_000)));
    assert_eq!(opened.rooms[1].topic, None);

    let after = append(&*opened.store, vec![said("#lobby", "3"), said("#c", "1")]).unwrap();
    assert_eq!(seqs(&after), [3, 1]);
    assert!(after[0].msgid > before[1].msgid, "ids grow although the clock went back");
    assert_eq!((after[0].at, after[1].at), (Time(5_000), Time(1_000)), "a room's times do not go back");
    let entries = history(&*opened.store, "#LOBBY", u64::MAX, 10);
    assert_eq!(words(&entries), ["1", "tea", "3"]);
    assert_eq!(entries[0].record.room.as_str(), "#Lobby", "spelled as its maker spelled it");
}

#[test]
fn closing_answers_everything_that_is_queued_and_refuses_what_comes_later() {
    let place = Place::new();
    let opened = place.open();
    let (told, heard) = sync_channel(64);
    for n in 0..8 {
        let told = told.clone();
        let batch = vec![said("#a", &n.to_string()); 50];
        opened.store.append(batch, Box::new(move |answer| told.send(answer.map(|s| s.len())).unwrap()));
    }
    opened.store.close();
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), vec![Ok(50); 8], "answered before close returned");
    opened.store.close();
    assert_eq!(append(&*opened.store, vec![said("#a", "late")]), Err(Fault::Closed));
    let (told, heard) = sync_channel(1);
    let query = History { room: room("#a"), upto: 1, limit: 1 };
    opened.store.history(query, Box::new(move |answer| told.send(answer).unwrap()));
    assert_eq!(heard.recv_timeout(PATIENCE).unwrap(), Err(Fault::Closed));
    let left: Vec<_> =
        std::fs::read_dir(place.folder().path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == "throng.db" || name == "throng.lock"), "no log is left: {left:?}");
    assert_eq!(place.open().messages, 400);
}

#[test]
fn when_somebody_else_wrote_to_the_file_the_batch_is_undone_and_nothing_more_is_written() {
    let place = Place::new();
    let opened = place.open();
    append(&*opened.store, vec![said("#a", "1")]).unwrap();
    let (told, health) = sync_channel(10);
    opened.store.on_health(Box::new(move |health| told.send(health).unwrap()));
    let other = rusqlite::Connection::open(place.file()).unwrap();
    other.execute("INSERT INTO messages VALUES (1, 3, x'00', 0, 'eve', 0, 'mine')", []).unwrap();
    // The first of these could be stored; the second cannot.
    let refused = append(&*opened.store, vec![said("#a", "2"), said("#a", "3")]).unwrap_err();
    assert!(matches!(refused, Fault::Corrupt(_)), "{refused:?}");
    assert_eq!(append(&*opened.store, vec![said("#b", "1")]), Err(refused.clone()), "refused without a try");
    assert_eq!(health.recv_timeout(PATIENCE).unwrap(), Health::ReadOnly { why: refused.to_string().into() });
    let kept: i64 =
        other.query_row("SELECT count(*) FROM messages WHERE seq = 2", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 0, "nothing of the batch is there");
}

#[test]
fn a_callback_may_append_and_close() {
    let place = Place::new();
    let store = place.open().store;
    let (told, heard) = sync_channel(1);
    let again = Arc::clone(&store);
    store.append(
        vec![said("#a", "1")],
        Box::new(move |_| {
            let last = Arc::clone(&again);
            let close = Box::new(move |answer: Result<Vec<_>, _>| {
                last.close();
                told.send(answer.map(|stamps| stamps.len())).unwrap();
            });
            again.append(vec![said("#a", "2")], close);
        }),
    );
    assert_eq!(heard.recv_timeout(PATIENCE).unwrap(), Ok(1));
}

#[test]
fn a_full_queue_answers_busy_at_once_and_the_rest_is_stored() {
    let place = Place::new();
    let opened = place.open();
    let (go, wait) = sync_channel::<()>(1);
    let (told, heard) = sync_channel(100);
    let report = |n: usize| {
        let told = told.clone();
        Box::new(move |answer: Result<Vec<_>, _>| told.send((n, answer.map(|_| ()))).unwrap())
    };
    // The writer's thread is held in a callback, so that nothing leaves the queue.
    let first = report(0);
    let held = move |answer: Result<Vec<_>, _>| {
        wait.recv().unwrap();
        first(answer);
    };
    opened.store.append(vec![said("#a", "0")], Box::new(held));
    (1..40).for_each(|n| opened.store.append(vec![said("#a", "n")], report(n)));
    let busy = heard.try_iter().inspect(|(_, answer)| assert_eq!(*answer, Err(Fault::Busy))).count();
    assert!((22..=24).contains(&busy), "a queue of 16, and one that may be on its way: {busy}");
    go.send(()).unwrap();
    opened.store.close();
    assert_eq!(heard.try_iter().filter(|(_, answer)| answer.is_ok()).count(), 40 - busy);
    assert_eq!(place.open().messages, 40 - busy as u64);
}

#[test]
fn the_memory_store_keeps_the_last_thousand_of_each_room_and_forgets_the_rest() {
    let opened = throng_store::memory();
    let batch = (1..=MEMORY_KEEPS + 5).map(|n| said("#a", &n.to_string())).collect();
    append(&*opened.store, batch).unwrap();
    append(&*opened.store, vec![said("#b", "1")]).unwrap();
    assert!(history(&*opened.store, "#a", 5, 10).is_empty(), "forgotten");
    assert_eq!(words(&history(&*opened.store, "#a", 7, 10)), ["6", "7"]);
    assert_eq!(words(&history(&*opened.store, "#b", 7, 10)), ["1"]);
    opened.store.close();
    assert_eq!(append(&*opened.store, vec![said("#a", "late")]), Err(Fault::Closed));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "how long the start takes is what this is about")]
fn a_hundred_thousand_messages_do_not_slow_the_next_start() {
    let place = Place::new();
    let opened = throng_store::open(place.folder(), Durability::Relaxed).unwrap();
    for page in 0..100 {
        append(&*opened.store, vec![said(&format!("#r{}", page % 20), "some words that are kept"); 1000])
            .unwrap();
    }
    opened.store.close();
    let began = Instant::now();
    let opened = place.open();
    let took = began.elapsed();
    assert_eq!((opened.messages, opened.rooms.len()), (100_000, 20));
    // Generous: it is a few milliseconds, and a scan of the messages on a busy machine is what must not be.
    assert!(took < Duration::from_secs(1), "opened in {took:?}");
    println!("opened 100,000 messages in {took:?}");
}
