//! kill -9 at each turn of a sweep: nothing else is lost, what has gone has gone, and the next sweep goes on from there.

#![allow(clippy::unwrap_used)]

mod child;
mod kept;

use std::path::Path;

use child::{Running, one_at_a_time, task, tell, wait_for_the_end};
use kept::{Place, append, found, name, said_by, sweep, until, whole};
use throng_store::past::{Keep, Which};
use throng_store::testing::said;
use throng_store::{DataFolder, Durability, Entry, OpenOptions, Opened};

/// How many messages there are, half of them eve's: several turns in each way.
const MESSAGES: usize = 4_000;

fn which(word: &str) -> Which {
    match word {
        "forget" => Which::By(name("eve")),
        _ => Which::Beyond(Keep::Size(100 * 90)),
    }
}

#[test]
fn the_child_that_is_killed() {
    let Some((task, folder)) = task() else { return };
    let words: Vec<&str> = task.split(' ').collect();
    let stops_at: usize = words[2].parse().unwrap();
    let mut turn = 0;
    let watch = move |gone| {
        turn += 1;
        tell(&format!("{gone}"));
        if turn == stops_at {
            wait_for_the_end();
        }
    };
    let opened = OpenOptions::new(words[1].parse().unwrap()).sweeping(watch).open(&folder).unwrap();
    let _ = sweep(&*opened.past, which(words[0]));
    tell("over");
}

fn texts(opened: &Opened) -> Vec<Vec<Entry>> {
    ["#a", "#b"].iter().map(|room| whole(&*opened.store, room)).collect()
}

fn times(file: &Path, words: &str) -> usize {
    let bytes = std::fs::read(file).unwrap_or_default();
    bytes.windows(words.len()).filter(|window| *window == words.as_bytes()).count()
}

#[test]
fn a_crash_in_the_middle_of_a_sweep_loses_nothing_else_and_it_goes_on() {
    let _alone = one_at_a_time();
    for round in 0..18 {
        let (word, durability) = (["forget", "trim"][round % 2], ["strict", "relaxed"][round / 2 % 2]);
        let stops_at = round / 2 + 1;
        let mut place = Place::new();
        let opened = place.open();
        let record = |n: usize| {
            let words = format!("{} {n:05}", if n.is_multiple_of(2) { "sesame" } else { "no" });
            said_by(if n.is_multiple_of(2) { "eve" } else { "bo" }, ["#a", "#b"][n / 7 % 2], &words)
        };
        for batch in 0..MESSAGES / 100 {
            append(&*opened.store, (batch * 100..batch * 100 + 100).map(record).collect()).unwrap();
        }
        let before = texts(&opened);
        opened.store.close();
        drop(opened);
        let path = place.folder().path().to_owned();
        drop(place.folder.take());
        let mut child = Running::start(&format!("{word} {durability} {stops_at}"), &path);
        let mut gone = 0;
        for _ in 0..stops_at {
            let line = child.line().unwrap_or_default();
            if line == "over" {
                break;
            }
            gone = line.parse().unwrap_or_else(|_| panic!("{line}: {:?}", child.rest()));
        }
        child.kill();

        let folder = DataFolder::open(&path).unwrap();
        let opened = throng_store::open(&folder, Durability::Strict).unwrap();
        let after = texts(&opened);
        let left: usize = after.iter().map(Vec::len).sum();
        assert_eq!(left, MESSAGES - gone, "round {round}: what was told gone has gone, and nothing else");
        assert_eq!(opened.messages, left as u64, "round {round}");
        assert_eq!(found(|done| opened.past.holding(done)).messages, left as u64, "round {round}");
        for (room, rest) in before.iter().zip(&after) {
            assert!(
                rest.iter().all(|entry| room.contains(entry)),
                "round {round}: what is left is as it was"
            );
        }
        let eves = after.iter().flatten().filter(|entry| entry.record.author.as_str() == "eve").count();
        assert!(word == "trim" || left - eves == MESSAGES / 2, "round {round}: {left} {eves}");
        let tally = sweep(&*opened.past, which(word)).unwrap().tally;
        let bytes = found(|done| opened.past.holding(done)).bytes;
        let is_done =
            if word == "forget" { tally.messages as usize == eves } else { (8_900..=9_000).contains(&bytes) };
        assert!(is_done, "round {round}: {tally:?}, {bytes} left");
        let heads: Vec<u64> = before.iter().map(|room| room.last().unwrap().stamp.seq).collect();
        let stamps = append(&*opened.store, vec![said("#a", "on"), said("#b", "on")]).unwrap();
        assert_eq!([stamps[0].seq, stamps[1].seq], [heads[0] + 1, heads[1] + 1], "round {round}");
        if word == "forget" {
            let file = folder.path().join("throng.db");
            // Where all had gone before the crash, the store writes the file anew by itself, some time after it is opened. One that
            // is written anew has no page that is free.
            let free = || -> i64 {
                let db = rusqlite::Connection::open(&file).unwrap();
                db.pragma_query_value(None, "freelist_count", |row| row.get(0)).unwrap()
            };
            until(&*opened.store, "written anew", || free() == 0);
            assert_eq!(times(&file, "sesame"), 0, "round {round}");
        }
        opened.store.close();
        assert_eq!(
            throng_store::open(&folder, Durability::Strict).unwrap().messages,
            left as u64 - tally.messages + 2
        );
    }
}
