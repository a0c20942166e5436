//! What goes of the past, and what stays: sequences and ids above all.

#![allow(clippy::unwrap_used)]

mod kept;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use kept::{PATIENCE, Place, append, found, history, name, said_by, seqs, sweep, until, whole, words};
use rusqlite::Connection;
use throng_chat::{Kind, Record};
use throng_store::past::{Holding, Keep, Tally, Which};
use throng_store::testing::{STARTED, Scripted, said, topic_set};
use throng_store::{BackupFault, Durability, Fault, OpenOptions, Opened, Past, Time};

/// What a message comes to besides its words and its name.
const MESSAGE: u64 = 80;

/// A clock that stands until it is set.
fn a_clock(at: Time) -> (Arc<AtomicI64>, throng_store::Clock) {
    let millis = Arc::new(AtomicI64::new(at.0));
    let clock = Arc::clone(&millis);
    (millis, Arc::new(move || Time(clock.load(Ordering::Relaxed))))
}

/// Each kind of store, with a clock where it has none of its own.
fn each_store() -> Vec<(&'static str, Opened, Arc<AtomicI64>, Place)> {
    let disk = |which, durability| {
        let (place, (millis, clock)) = (Place::new(), a_clock(STARTED));
        let opened = OpenOptions::new(durability).clock(clock).open(place.folder()).unwrap();
        (which, opened, millis, place)
    };
    let (millis, clock) = a_clock(STARTED);
    vec![
        disk("strict", Durability::Strict),
        disk("relaxed", Durability::Relaxed),
        ("memory", throng_store::memory::memory_at(clock), millis, Place::new()),
        ("scripted", Scripted::new().opened(), Arc::default(), Place::new()),
    ]
}

fn by(typed: &str) -> Which {
    Which::By(name(typed))
}

fn count(past: &dyn Past, which: Which) -> Tally {
    found(|done| past.count(which, done))
}

fn holding(past: &dyn Past) -> Holding {
    found(|done| past.holding(done))
}

#[test]
fn what_somebody_said_goes_from_every_room_and_the_rest_is_read_across_the_gaps() {
    for (which, opened, _millis, _place) in each_store() {
        let (store, past) = (&*opened.store, &*opened.past);
        let mut batch = Vec::new();
        for number in 1..=6 {
            batch.push(said_by(["ana", "Zoë", "ZOË"][number % 3], "#a", &number.to_string()));
            batch.push(said_by("zoe", "#b", &number.to_string()));
        }
        batch.push(Record { kind: Kind::Action, ..said_by("zoË", "#b", "7") });
        append(store, batch).unwrap();
        let going = count(past, by("zoË"));
        assert_eq!((going.messages, going.topics), (5, 0), "{which}");
        assert_eq!(going.rooms, [("#a".to_owned(), 4), ("#b".to_owned(), 1)], "{which}");
        let swept = sweep(past, by("zoË")).unwrap();
        assert!(swept.tally == going && swept.is_overwritten, "{which}: {swept:?}");
        assert_eq!(words(&whole(store, "#a")), ["3", "6"], "{which}");
        assert_eq!(words(&whole(store, "#b")), ["1", "2", "3", "4", "5", "6"], "{which}");
        for (upto, limit, expected) in
            [(5, 9, vec![3]), (2, 9, vec![]), (6, 1, vec![6]), (u64::MAX, 9, vec![3, 6])]
        {
            let read: Vec<_> =
                history(store, "#a", upto, limit).iter().map(|entry| entry.stamp.seq).collect();
            assert_eq!(read, expected, "{which}: the last {limit} up to {upto}");
        }
        let stamps = append(store, vec![said("#a", "on"), said("#b", "on")]).unwrap();
        assert_eq!(seqs(&stamps), [7, 8], "{which}: the newest one of #b has gone, its number stays taken");
        assert!(sweep(past, by("zoË")).unwrap().tally.is_nothing(), "{which}");
    }
}

#[test]
fn the_topics_that_somebody_set_go_too() {
    for (which, opened, _millis, place) in each_store() {
        let (store, past) = (&*opened.store, &*opened.past);
        let topic = |author: &str, room, words| Record { author: name(author), ..topic_set(room, words) };
        let batch = vec![
            topic("eve", "#a", Some("hers")),
            topic("eve", "#b", Some("hers")),
            topic("bo", "#b", Some("his")),
            topic("eve", "#c", None),
        ];
        append(store, batch).unwrap();
        assert_eq!((count(past, by("Eve")).topics, count(past, by("Eve")).messages), (1, 3), "{which}");
        assert_eq!(sweep(past, by("Eve")).unwrap().tally.topics, 1, "{which}");
        assert!(count(past, by("eve")).is_nothing(), "{which}");
        store.close();
        if ["strict", "relaxed"].contains(&which) {
            let topics: Vec<_> = place.open().rooms.into_iter().map(|room| room.topic.is_some()).collect();
            assert_eq!(topics, [false, true, false]);
        }
    }
}

#[test]
fn what_is_older_goes_and_what_is_no_older_stays() {
    for (which, opened, millis, _place) in each_store().into_iter().take(3) {
        let (store, past) = (&*opened.store, &*opened.past);
        for at in 0..10 {
            millis.store(STARTED.0 + at * 1_000, Ordering::Relaxed);
            append(store, vec![said("#a", &at.to_string()), said(if at < 5 { "#b" } else { "#c" }, "x")])
                .unwrap();
        }
        let beyond = |secs| Which::Beyond(Keep::Age(Duration::from_secs(secs)));
        assert!(count(past, beyond(9)).is_nothing(), "{which}");
        let going = count(past, beyond(6));
        assert_eq!((going.messages, going.rooms.len()), (6, 2), "{which}: {going:?}");
        assert_eq!(going.between, Some((STARTED, Time(STARTED.0 + 2_000))), "{which}");
        assert_eq!(sweep(past, beyond(6)).unwrap().tally, going, "{which}");
        assert_eq!(words(&whole(store, "#a")), ["3", "4", "5", "6", "7", "8", "9"], "{which}");
        assert_eq!(whole(store, "#b").len(), 2, "{which}");
        let left = Holding {
            messages: 14,
            bytes: 14 * (MESSAGE + 4),
            rooms: 3,
            oldest: Some(Time(STARTED.0 + 3_000)),
        };
        assert_eq!(holding(past), left, "{which}");
        sweep(past, beyond(0)).unwrap();
        assert_eq!(
            (holding(past).messages, whole(store, "#b").len()),
            (2, 0),
            "{which}: said at this moment"
        );
    }
}

#[test]
fn the_oldest_of_all_rooms_go_until_the_rest_is_small_enough() {
    for (which, opened, _millis, _place) in each_store() {
        let (store, past) = (&*opened.store, &*opened.past);
        // Each comes to 90: a name of three letters, and seven of words.
        let batch = (0..1_500).map(|n| said(["#a", "#b", "#c"][n % 3], &format!("w {n:05}"))).collect();
        append(store, batch).unwrap();
        assert_eq!(holding(past).bytes, 1_500 * 90, "{which}");
        let size = |messages: u64| Which::Beyond(Keep::Size(messages * 90));
        assert!(count(past, size(1_500)).is_nothing(), "{which}");
        // So small a size that the last one that goes is not needed as a whole.
        let almost = Which::Beyond(Keep::Size(1_500 * 90 - 1));
        assert_eq!(count(past, almost).messages, 1, "{which}");
        assert_eq!(count(past, size(300)).messages, 1_200, "{which}");
        assert_eq!(sweep(past, size(300)).unwrap().tally.messages, 1_200, "{which}");
        assert_eq!(holding(past).bytes, 300 * 90, "{which}");
        let first: Vec<_> = ["#a", "#b", "#c"].map(|room| whole(store, room)[0].stamp.seq).into();
        assert_eq!(first, [401, 401, 401], "{which}");
        assert_eq!(sweep(past, size(0)).unwrap().tally.messages, 300, "{which}");
        assert_eq!(holding(past), Holding::default(), "{which}");
        assert_eq!(seqs(&append(store, vec![said("#b", "on")]).unwrap()), [501], "{which}");
    }
}

#[test]
fn sequences_ids_and_times_go_on_after_a_restart_when_nothing_is_left() {
    let (place, (millis, clock)) = (Place::new(), a_clock(STARTED));
    let open =
        || OpenOptions::new(Durability::Strict).clock(Arc::clone(&clock)).open(place.folder()).unwrap();
    let opened = open();
    let before = append(&*opened.store, vec![said("#a", "1"), said("#a", "2"), said("#b", "1")]).unwrap();
    assert_eq!(sweep(&*opened.past, by("ana")).unwrap().tally.messages, 3);
    opened.store.close();
    // So that a new id would be less than that of a message that has gone, if nobody remembered it.
    millis.store(STARTED.0 - 1_000_000, Ordering::Relaxed);
    let opened = open();
    assert_eq!(opened.messages, 0);
    let rooms: Vec<_> = opened.rooms.iter().map(|room| (room.name.as_str(), room.last_seq)).collect();
    assert_eq!(rooms, [("#a", 2), ("#b", 1)]);
    let after = append(&*opened.store, vec![said("#a", "3"), said("#b", "2")]).unwrap();
    assert_eq!(seqs(&after), [3, 2]);
    assert!(after[0].msgid > before[2].msgid && after[0].at == STARTED, "{after:?}");
    opened.store.close();
    assert_eq!(open().messages, 2);
}

/// How often these words are in the file.
fn times(file: &Path, words: &str) -> usize {
    let bytes = std::fs::read(file).unwrap_or_default();
    bytes.windows(words.len()).filter(|window| *window == words.as_bytes()).count()
}

#[test]
fn nothing_of_what_was_forgotten_is_left_in_the_file_or_its_log() {
    for durability in [Durability::Strict, Durability::Relaxed] {
        let place = Place::new();
        let opened = throng_store::open(place.folder(), durability).unwrap();
        let mut seed = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = |below: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed % below
        };
        // Rooms grow side by side, so that pages are split again and again and rows move.
        for _ in 0..60 {
            let batch = (0..50).map(|_| {
                let mallory = random(3) == 0;
                let (author, word) = if mallory { ("mallory", "sesame ") } else { ("bo", "tea ") };
                let words = word.repeat(1 + random(if mallory { 50 } else { 30 }) as usize);
                said_by(author, &format!("#r{}", random(7)), &words)
            });
            append(&*opened.store, batch.collect()).unwrap();
        }
        append(&*opened.store, vec![Record { author: name("mallory"), ..topic_set("#r1", Some("sesame")) }])
            .unwrap();
        let there: usize = (0..7).map(|room| whole(&*opened.store, &format!("#r{room}")).len()).sum();
        let log = place.file().with_file_name("throng.db-wal");
        assert!(times(&place.file(), "sesame") + times(&log, "sesame") > 0);
        let swept = sweep(&*opened.past, by("Mallory")).unwrap();
        assert!(swept.is_overwritten && swept.tally.messages > 900 && swept.tally.topics == 1, "{swept:?}");
        for file in [place.file(), log] {
            let left = (times(&file, "sesame"), times(&file, "mallory"));
            assert_eq!(left, (0, 0), "{durability}: {}", file.display());
        }
        assert!(times(&place.file(), "tea") > 900);
        let left: usize = (0..7).map(|room| whole(&*opened.store, &format!("#r{room}")).len()).sum();
        assert_eq!(left as u64, there as u64 - swept.tally.messages);
        let copy = swept.backup.unwrap();
        assert!(times(&copy, "sesame") > 900, "what is in backups stays there");
        let flaws = found(|done| opened.backups.check(Box::new(|flaws| done(Ok(flaws.unwrap())))));
        assert!(flaws.is_empty(), "{flaws:?}");
    }
}

/// A store whose sweeps wait after each turn until the test lets them go on; the turns tell how many have gone.
struct Slow {
    /// Dropped first, so that the writer does not wait for it.
    go: SyncSender<()>,
    turns: Receiver<u64>,
    opened: Opened,
    place: Place,
}

fn slow() -> Slow {
    let place = Place::new();
    let (tells, turns) = sync_channel(100);
    let (go, goes) = sync_channel(100);
    let watch = move |gone| {
        let _ = tells.send(gone);
        // When the test is over, nobody lets it go on any more.
        let _ = goes.recv();
    };
    let opened = OpenOptions::new(Durability::Strict).sweeping(watch).open(place.folder()).unwrap();
    append(&*opened.store, (0..1_200).map(|n| said("#a", &n.to_string())).collect()).unwrap();
    Slow { go, turns, opened, place }
}

fn begin(past: &dyn Past, which: Which, told: &SyncSender<String>) {
    let told = told.clone();
    let words = |answer: Result<throng_store::past::Swept, throng_store::past::Halted>| match answer {
        Ok(swept) => format!("{} gone", swept.tally.messages),
        Err(halted) => format!("{} gone, then: {}", halted.gone, halted.why),
    };
    past.sweep(which, Box::new(move |answer| told.send(words(answer)).unwrap()));
}

#[test]
fn talk_waits_for_a_part_of_a_sweep_only_and_a_second_sweep_is_refused() {
    let slow = slow();
    let (told, heard) = sync_channel(10);
    begin(&*slow.opened.past, by("ana"), &told);
    assert_eq!(slow.turns.recv_timeout(PATIENCE), Ok(500));
    let (talks, talk) = (told.clone(), vec![said("#a", "meanwhile")]);
    slow.opened
        .store
        .append(talk, Box::new(move |stored| talks.send(format!("stored {}", stored.is_ok())).unwrap()));
    begin(&*slow.opened.past, by("bo"), &told);
    (0..9).for_each(|_| slow.go.send(()).unwrap());
    let heard: Vec<_> = (0..3).map(|_| heard.recv_timeout(PATIENCE).unwrap()).collect();
    assert_eq!(heard, ["stored true", "0 gone, then: the store is busy", "1200 gone"]);
    assert_eq!(words(&whole(&*slow.opened.store, "#a")), ["meanwhile"], "what was said after it began stays");
}

#[test]
fn a_sweep_that_is_cut_short_says_how_far_it_came_and_the_next_one_goes_on() {
    let slow = slow();
    let (told, heard) = sync_channel(10);
    begin(&*slow.opened.past, by("ana"), &told);
    assert_eq!(slow.turns.recv_timeout(PATIENCE), Ok(500));
    let Slow { go, opened, place, .. } = slow;
    let closing = std::thread::spawn(move || opened.store.close());
    // The first turn ends when this is dropped; the store may have begun to close before or not.
    drop(go);
    closing.join().unwrap();
    let ended = heard.recv_timeout(PATIENCE).unwrap();
    let gone: u64 = ended.split_once(" gone").unwrap().0.parse().unwrap();
    let whole_turns = [500, 1_000, 1_200].contains(&gone);
    assert!(ended == "1200 gone" || ended.ends_with("then: the store is closed") && whole_turns, "{ended}");
    let opened = place.open();
    assert_eq!(opened.messages, 1_200 - gone);
    assert_eq!(holding(&*opened.past).messages, 1_200 - gone);
    assert_eq!(sweep(&*opened.past, by("ana")).unwrap().tally.messages, 1_200 - gone);
    assert_eq!(seqs(&append(&*opened.store, vec![said("#a", "on")]).unwrap()), [1_201]);
}

#[test]
fn nothing_goes_when_there_is_no_backup() {
    let place = Place::new();
    let opened = place.open();
    append(&*opened.store, vec![said("#a", "1")]).unwrap();
    std::fs::write(place.folder().path().join("backups"), "in the way").unwrap();
    let halted = sweep(&*opened.past, by("ana")).unwrap_err();
    assert!(halted.gone == 0 && matches!(halted.why, BackupFault::File(_)), "{halted:?}");
    assert_eq!(words(&whole(&*opened.store, "#a")), ["1"]);
    opened.store.close();
    let halted = sweep(&*opened.past, by("ana")).unwrap_err();
    assert!(matches!(halted.why, BackupFault::Store(Fault::Closed)), "{halted:?}");
}

#[test]
fn what_is_beyond_what_is_kept_goes_at_once_and_from_time_to_time_without_a_backup() {
    let (place, (millis, clock)) = (Place::new(), a_clock(STARTED));
    let options = OpenOptions::new(Durability::Strict).clock(clock).sweep_every(Duration::from_millis(1));
    let opened = options.open(place.folder()).unwrap();
    let (store, past) = (&*opened.store, &*opened.past);
    let (told, heard) = sync_channel(100);
    past.on_trimmed(Box::new(move |trimmed| told.send(trimmed.unwrap().clone()).unwrap()));
    append(store, vec![said("#a", "1"), said("#a", "2")]).unwrap();
    past.keep(Keep::Size(85));
    assert_eq!(heard.recv_timeout(PATIENCE).unwrap().messages, 1);
    append(store, vec![said("#a", "3")]).unwrap();
    assert_eq!(heard.recv_timeout(PATIENCE).unwrap().messages, 1, "nobody asked again");
    past.keep(Keep::Age(Duration::from_secs(60)));
    append(store, vec![said("#a", "4")]).unwrap();
    millis.fetch_add(60_001, Ordering::Relaxed);
    assert_eq!(heard.recv_timeout(PATIENCE).unwrap().messages, 2);
    past.keep(Keep::All);
    append(store, vec![said("#a", "5")]).unwrap();
    millis.fetch_add(1 << 40, Ordering::Relaxed);
    store.close();
    assert!(heard.try_recv().is_err(), "all is kept again");
    assert!(!place.folder().path().join("backups").exists());
    assert_eq!(place.open().messages, 1);
}

#[test]
fn memory_looks_from_time_to_time_when_something_is_said() {
    let (millis, clock) = a_clock(STARTED);
    let opened = throng_store::memory::memory_at(clock);
    let (told, heard) = sync_channel(10);
    opened.past.on_trimmed(Box::new(move |trimmed| told.send(trimmed.unwrap().messages).unwrap()));
    opened.past.keep(Keep::Age(Duration::from_secs(60)));
    append(&*opened.store, vec![said("#a", "1")]).unwrap();
    millis.fetch_add(599_999, Ordering::Relaxed);
    append(&*opened.store, vec![said("#a", "2")]).unwrap();
    assert!(heard.try_recv().is_err());
    millis.fetch_add(1, Ordering::Relaxed);
    append(&*opened.store, vec![said("#a", "3")]).unwrap();
    assert_eq!(heard.try_recv(), Ok(1));
    assert_eq!(words(&whole(&*opened.store, "#a")), ["2", "3"]);
}

#[test]
fn a_log_that_somebody_reads_is_emptied_when_they_are_done() {
    let place = Place::new();
    let opened = place.open();
    append(&*opened.store, vec![said_by("mallory", "#a", "sesame"), said("#a", "tea")]).unwrap();
    let other = Connection::open(place.file()).unwrap();
    other.execute_batch("BEGIN").unwrap();
    let _: i64 = other.query_row("SELECT count(*) FROM messages", [], |row| row.get(0)).unwrap();
    let swept = sweep(&*opened.past, by("mallory")).unwrap();
    assert!(!swept.is_overwritten && swept.tally.messages == 1);
    let log = place.file().with_file_name("throng.db-wal");
    assert!(times(&log, "sesame") > 0);
    other.execute_batch("COMMIT").unwrap();
    drop(other);
    until(&*opened.store, "an empty log", || times(&log, "sesame") + times(&place.file(), "sesame") == 0);
    assert_eq!(words(&whole(&*opened.store, "#a")), ["tea"]);
}

#[test]
fn a_file_of_version_4_gets_to_know_what_its_rooms_hold() {
    let place = Place::new();
    let opened = place.open();
    append(&*opened.store, vec![said("#a", "12345"), said("#a", "é"), topic_set("#b", None)]).unwrap();
    opened.store.close();
    let sql = "ALTER TABLE rooms DROP COLUMN messages; ALTER TABLE rooms DROP COLUMN bytes; PRAGMA user_version = 4";
    Connection::open(place.file()).unwrap().execute_batch(sql).unwrap();
    let opened = place.open();
    assert_eq!(opened.messages, 3);
    let Holding { messages, bytes, rooms, .. } = holding(&*opened.past);
    assert_eq!((messages, bytes, rooms), (3, 3 * (MESSAGE + 3) + 7, 2));
    assert_eq!(sweep(&*opened.past, Which::Beyond(Keep::Size(MESSAGE + 3))).unwrap().tally.messages, 2);
    append(&*opened.store, vec![said("#b", "x")]).unwrap();
    assert_eq!(holding(&*opened.past).bytes, 2 * (MESSAGE + 3) + 1);
    opened.store.close();
    let names: Vec<_> = std::fs::read_dir(place.folder().path().join("backups"))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(names.iter().any(|name| name.starts_with("throng-v4-")), "{names:?}");
    assert_eq!(place.open().messages, 2);
}
