//! What waits for one seat's history is bounded, whatever the client asks meanwhile and however long its store takes.

#![allow(clippy::unwrap_used)]

mod guests;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use guests::{Door, PATIENCE, Place};
use throng_services::chat::seats::HOLD_MAX;
use throng_store::{Appended, Durability, History, Opened, Read as Answer, Record, Store, Told};

/// A store that never answers a question about history.
struct Silent {
    store: Arc<dyn Store>,
    asked: Mutex<Vec<Answer>>,
}

impl Store for Silent {
    fn append(&self, batch: Vec<Record>, done: Appended) {
        self.store.append(batch, done);
    }

    fn history(&self, _: History, done: Answer) {
        self.asked.lock().unwrap().push(done);
    }

    fn on_health(&self, told: Told) {
        self.store.on_health(told);
    }

    fn close(&self) {
        self.store.close();
    }
}

#[test]
fn who_asks_for_history_without_end_is_cut_and_the_others_talk_on() {
    let opened = throng_store::memory();
    let store = Arc::new(Silent { store: Arc::clone(&opened.store), asked: Mutex::default() });
    let place = Place::open_with(Opened { store, ..opened }, Durability::Memory, |_| ());
    let mut bo = place.enter(Door::Irc, "bo");

    let mut asker = TcpStream::connect(place.address()).unwrap();
    asker.set_read_timeout(Some(PATIENCE)).unwrap();
    asker.write_all(b"ana\n").unwrap();
    let mut seen = Vec::new();
    let mut dropped = [0; 4096];
    // What is asked before somebody is in a room is refused at once, and waits for nothing.
    while !seen.windows(18).any(|words| words == b"What you type goes") {
        let read = asker.read(&mut dropped).unwrap();
        seen.extend_from_slice(&dropped[..read]);
    }
    // The server may cut before it has read everything.
    let _ = asker.write_all(&b"/history 1\n".repeat(2 * HOLD_MAX));
    let ended = loop {
        match asker.read(&mut dropped) {
            Ok(0) => break true,
            Ok(_) => {}
            Err(why) => break why.kind() == std::io::ErrorKind::ConnectionReset,
        }
    };
    assert!(ended, "more than {HOLD_MAX} questions wait");

    let mut cy = place.enter(Door::Irc, "cy");
    bo.say("still here");
    cy.hear_until("still here");
}
