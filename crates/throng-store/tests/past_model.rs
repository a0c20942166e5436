//! The tables on the disk against the shelves in memory: the same is said, kept, forgotten and opened again in the same order,
//! whatever it is, and both answer and hold the same. Of the disk, sequences and ids never go back.

#![allow(clippy::unwrap_used)]

mod kept;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use kept::{Place, append, found, history, name, said_by, sweep, whole};
use proptest::prelude::*;
use throng_chat::{Kind, Record, Text};
use throng_store::past::{Keep, Which};
use throng_store::testing::STARTED;
use throng_store::{Durability, Entry, MsgId, OpenOptions, Opened, Time};

const ROOMS: [&str; 4] = ["#a", "#b", "#c", "#d"];
/// Two are one name.
const NAMES: [&str; 4] = ["ana", "Ana", "bo", "zoë"];

#[derive(Clone, Debug)]
enum Act {
    /// This is said, and so much later it is then.
    Say(Vec<Record>, i64),
    Sweep(Which),
    /// Looks at a part of a room.
    Read(&'static str, u64, usize),
    OpenAgain,
}

fn a_record() -> impl Strategy<Value = Record> {
    let kinds = prop_oneof![6 => Just(Kind::Message), 1 => Just(Kind::Action), 2 => Just(Kind::Topic)];
    let words = prop_oneof![8 => "[a-zé]{1,40}".prop_map(Some), 1 => Just(None)];
    (prop::sample::select(&NAMES[..]), prop::sample::select(&ROOMS[..]), kinds, words).prop_map(
        |(author, room, kind, words)| Record {
            kind,
            text: words
                .filter(|_| kind == Kind::Topic)
                .or(Some("said".to_owned()))
                .map(|words| Text::new(&words).unwrap()),
            ..said_by(author, room, "x")
        },
    )
}

fn an_act() -> impl Strategy<Value = Act> {
    let which = prop_oneof![
        prop::sample::select(&NAMES[..]).prop_map(|typed| Which::By(name(typed))),
        (0..40u64).prop_map(|secs| Which::Beyond(Keep::Age(Duration::from_secs(secs)))),
        (0..9_000u64).prop_map(|bytes| Which::Beyond(Keep::Size(bytes))),
        Just(Which::Beyond(Keep::All)),
    ];
    prop_oneof![
        8 => (prop::collection::vec(a_record(), 1..30), -3_000..10_000i64).prop_map(|(batch, later)| Act::Say(batch, later)),
        3 => which.prop_map(Act::Sweep),
        3 => (prop::sample::select(&ROOMS[..]), 0..300u64, 0..50usize).prop_map(|(room, upto, limit)| Act::Read(room, upto, limit)),
        1 => Just(Act::OpenAgain),
    ]
}

/// All but the ids, which are made by chance.
fn shown(entries: &[Entry]) -> Vec<(u64, Time, Record)> {
    entries.iter().map(|entry| (entry.stamp.seq, entry.stamp.at, entry.record.clone())).collect()
}

fn state(opened: &Opened) -> impl PartialEq + std::fmt::Debug + use<> {
    let rooms: Vec<_> = ROOMS.iter().map(|room| shown(&whole(&*opened.store, room))).collect();
    (rooms, found(|done| opened.past.holding(done)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
    #[test]
    fn the_disk_and_the_memory_keep_and_forget_the_same(acts in prop::collection::vec(an_act(), 1..60), is_strict in any::<bool>()) {
        let millis = Arc::new(AtomicI64::new(STARTED.0));
        let clock = || {
            let millis = Arc::clone(&millis);
            Arc::new(move || Time(millis.load(Ordering::Relaxed)))
        };
        let (place, memory) = (Place::new(), throng_store::memory::memory_at(clock()));
        let durability = if is_strict { Durability::Strict } else { Durability::Relaxed };
        let open = || OpenOptions::new(durability).clock(clock()).open(place.folder()).unwrap();
        let mut disk = open();
        let (mut last, mut heads) = (MsgId(0), BTreeMap::new());
        for (number, act) in acts.into_iter().enumerate() {
            let told = format!("act {number}: {act:?}");
            match act {
                Act::Say(batch, later) => {
                    let expected = append(&*memory.store, batch.clone()).unwrap();
                    let stamps = append(&*disk.store, batch.clone()).unwrap();
                    for ((stamp, expected), record) in stamps.iter().zip(&expected).zip(&batch) {
                        prop_assert_eq!((stamp.seq, stamp.at), (expected.seq, expected.at), "{}", told);
                        prop_assert!(stamp.msgid > last, "ids grow; {}", told);
                        last = stamp.msgid;
                        let head = heads.insert(record.room.folded().to_owned(), stamp.seq).unwrap_or(0);
                        prop_assert_eq!(stamp.seq, head + 1, "{}", told);
                    }
                    millis.fetch_add(later, Ordering::Relaxed);
                }
                Act::Sweep(which) => {
                    let expected = found(|done| memory.past.count(which.clone(), done));
                    prop_assert_eq!(&found(|done| disk.past.count(which.clone(), done)), &expected, "{}", told);
                    prop_assert_eq!(&sweep(&*memory.past, which.clone()).unwrap().tally, &expected, "{}", told);
                    prop_assert_eq!(&sweep(&*disk.past, which).unwrap().tally, &expected, "{}", told);
                }
                Act::Read(room, upto, limit) => prop_assert_eq!(
                    shown(&history(&*disk.store, room, upto, limit)),
                    shown(&history(&*memory.store, room, upto, limit)),
                    "{}", told
                ),
                Act::OpenAgain => {
                    disk.store.close();
                    disk = open();
                    for room in &disk.rooms {
                        prop_assert_eq!(room.last_seq, heads[room.name.folded()], "{}", told);
                    }
                    prop_assert_eq!(disk.rooms.len(), heads.len(), "{}", told);
                    prop_assert_eq!(disk.messages, found(|done| memory.past.holding(done)).messages, "{}", told);
                }
            }
            prop_assert_eq!(state(&disk), state(&memory), "{}", told);
        }
    }
}
