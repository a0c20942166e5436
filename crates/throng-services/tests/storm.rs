//! Many at once: everybody hears the same order, the stored one, and who joins in a storm misses nothing.

#![allow(clippy::unwrap_used)]

mod guests;

use std::collections::HashSet;

use guests::{DOORS, Door, Guest, Place, Tell};
use throng_chat::RoomName;
use throng_store::{Durability, History, Store};

const SENDERS: usize = 50;
const RECEIVERS: usize = 50;
const MESSAGES: usize = 20;

/// Names that no two of which look alike, of letters only.
fn name(index: usize) -> String {
    let letters = b"abcdefghkp";
    let letter = |digit: usize| char::from(letters[digit % 10]);
    format!("z{}{}{}", letter(index / 100), letter(index / 10), letter(index))
}

fn said(tells: &[Tell]) -> Vec<String> {
    let said = tells.iter().filter_map(|tell| match tell {
        Tell::Said(_, words) => Some(words.clone()),
        _ => None,
    });
    said.collect()
}

fn stored(store: &dyn Store) -> Vec<String> {
    let (told, found) = std::sync::mpsc::sync_channel(1);
    let mut all = Vec::new();
    let mut upto = u64::MAX;
    loop {
        let query = History { room: RoomName::lobby(), upto, limit: throng_store::HISTORY_MAX };
        let told = told.clone();
        store.history(query, Box::new(move |page| told.send(page).unwrap()));
        let mut page = found.recv().unwrap().unwrap();
        let Some(first) = page.first() else { break };
        upto = first.stamp.seq - 1;
        page.append(&mut all);
        all = page;
        if upto == 0 {
            break;
        }
    }
    all.into_iter().filter_map(|entry| entry.record.text).map(|text| text.as_str().to_owned()).collect()
}

#[test]
fn fifty_senders_and_fifty_receivers_agree_on_one_order_and_so_does_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let folder = throng_store::DataFolder::open(folder.path()).unwrap();
    let opened = throng_store::open(&folder, Durability::Strict).unwrap();
    let store = std::sync::Arc::clone(&opened.store);
    let place = Place::open_with(opened, Durability::Strict, |_| ());
    let address = place.address();
    let receivers: Vec<_> = (0..RECEIVERS)
        .map(|index| {
            let mut guest = Guest::enter(address, DOORS[index % 3], &name(index));
            std::thread::spawn(move || said(&guest.hear_until("the end")))
        })
        .collect();
    let senders: Vec<_> = (0..SENDERS)
        .map(|index| {
            std::thread::spawn(move || {
                let mut guest = Guest::enter(address, DOORS[index % 3], &name(RECEIVERS + index));
                for number in 0..MESSAGES {
                    guest.say(&format!("{index}/{number}"));
                }
                guest
            })
        })
        .collect();
    let mut senders: Vec<Guest> = senders.into_iter().map(|sender| sender.join().unwrap()).collect();
    // A sender that hears itself knows that all it said was taken; the others ask the server for a sign.
    for (index, guest) in senders.iter_mut().enumerate() {
        let last = format!("{index}/{}", MESSAGES - 1);
        if guest.hears_itself() {
            guest.hear_until(&last);
        } else {
            guest.send("PING done");
            while !guest.read_line().unwrap().contains("PONG") {}
        }
    }
    let mut last = Guest::enter(address, Door::Line, "zzz");
    last.say("the end");
    let orders: Vec<Vec<String>> = receivers.into_iter().map(|receiver| receiver.join().unwrap()).collect();
    let kept = stored(&*store);
    assert_eq!(kept.len(), SENDERS * MESSAGES + 1);
    for order in &orders {
        assert_eq!(*order, kept);
    }
    drop(senders);
}

#[test]
fn who_joins_in_a_storm_sees_no_gap_and_no_repeat() {
    for door in DOORS {
        let folder = tempfile::tempdir().unwrap();
        let folder = throng_store::DataFolder::open(folder.path()).unwrap();
        let opened = throng_store::open(&folder, Durability::Strict).unwrap();
        let place =
            Place::open_with(opened, Durability::Strict, |settings| settings.history_on_entry.set(500));
        let address = place.address();
        let talker = std::thread::spawn(move || {
            let mut talker = Guest::enter(address, Door::Line, "talker");
            for number in 1..=400 {
                talker.say(&format!("n {number}"));
                // Each waits for its echo, so that the storm lasts while others come.
                talker.hear_until(&format!("n {number}"));
            }
            talker.say("the end");
            talker
        });
        let joiners: Vec<_> = (0..10)
            .map(|index| {
                std::thread::spawn(move || {
                    let mut guest = Guest::enter(address, door, &name(index));
                    let tells = guest.hear_until("the end");
                    (guest.history.clone(), tells)
                })
            })
            .collect();
        for joiner in joiners {
            let (history, live) = joiner.join().unwrap();
            let mut heard = said(&history);
            heard.extend(said(&live));
            let unique: HashSet<_> = heard.iter().collect();
            assert_eq!(unique.len(), heard.len(), "{door:?}: something came twice");
            let numbers: Vec<u32> =
                heard.iter().filter_map(|said| said.strip_prefix("n ")).map(|n| n.parse().unwrap()).collect();
            let first = numbers.first().copied().unwrap_or(401);
            assert_eq!(numbers, (first..=400).collect::<Vec<_>>(), "{door:?}: a gap");
            if door != Door::Irc && !numbers.is_empty() {
                assert_eq!(first, 1, "{door:?}: the history begins at the beginning");
            }
        }
        drop(talker.join().unwrap());
    }
}
