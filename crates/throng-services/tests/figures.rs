//! What is counted in a scene that is known: so many messages to so many members, by each door.

#![allow(clippy::unwrap_used)]

mod guests;

use std::sync::Arc;
use std::time::Duration;

use guests::{Door, Place};
use throng_chat::{Name, Names, RoomName, SessionId};
use throng_services::chat::figures::Read;
use throng_services::chat::{Figures, Note, Notes};

/// How often something that ends soon is looked at.
const LOOKS_MAX: usize = 2_000_000;

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let mut looks = (0..LOOKS_MAX).inspect(|_| std::thread::yield_now());
    assert!(looks.any(|_| is_so()), "{what}");
}

/// What was counted at a door since then: said, whispered, told.
fn since(before: &Read, now: &Read, door: &str) -> (u64, u64, u64) {
    let (before, now) = (&before.doors[door], &now.doors[door]);
    (now.said - before.said, now.whispered - before.whispered, now.told - before.told)
}

#[test]
fn so_many_messages_to_so_many_members_are_told_so_often_by_each_door() {
    const MESSAGES: u64 = 10;
    let place = Place::open();
    let figures = Arc::clone(place.chat.figures());
    let doors =
        [(Door::Line, "ana"), (Door::Line, "bo"), (Door::Irc, "cy"), (Door::Irc, "dee"), (Door::Web, "eva")];
    let mut all = doors.map(|(door, name)| place.enter(door, name));
    // Everybody has heard that everybody came.
    all[0].say("begin");
    all.iter_mut().for_each(|guest| drop(guest.hear_until("begin")));

    let (before, measured) = (figures.read(), figures.delivery());
    let open = ["line", "irc", "web"].map(|door| (before.doors[door].open, before.doors[door].came));
    assert_eq!((open, before.undecided, before.people, before.rooms), ([(2, 2), (2, 2), (1, 1)], 0, 5, 1));
    for number in 0..MESSAGES {
        all[0].say(&format!("{number}"));
    }
    let last = format!("{}", MESSAGES - 1);
    all.iter_mut().for_each(|guest| drop(guest.hear_until(&last)));
    let now = figures.read();
    assert_eq!(since(&before, &now, "line"), (MESSAGES, 0, 2 * MESSAGES));
    assert_eq!(since(&before, &now, "irc"), (0, 0, 2 * MESSAGES));
    assert_eq!(since(&before, &now, "web"), (0, 0, MESSAGES));
    assert_eq!(now.stored - before.stored, MESSAGES);
    // Once for each message and worker, of which there are two.
    let delivered = figures.delivery().since(&measured);
    assert!((MESSAGES..=2 * MESSAGES).contains(&delivered.count()), "{}", delivered.count());
    assert!(delivered.percentile(0.5) > Some(Duration::ZERO));

    // Somebody whose client does not want its own words back is not told them.
    all[2].say("by IRC");
    all.iter_mut().filter(|guest| guest.name != "cy").for_each(|guest| drop(guest.hear_until("by IRC")));
    all[2].send("PRIVMSG ana :between us");
    until("it is told", || since(&now, &figures.read(), "line").2 == 3);
    let then = figures.read();
    assert_eq!(since(&now, &then, "irc"), (1, 1, 1));
    assert_eq!(since(&now, &then, "web"), (0, 0, 1));
    all[3].rename("ana");
    until("it is refused", || figures.read().refused["name_taken"] == 1);

    all[4].quit();
    until("the browser's place is free", || figures.read().doors["web"].open == 0);
    assert_eq!(figures.read().doors["web"].came, 1);
    let silent = std::net::TcpStream::connect(place.address()).unwrap();
    until("somebody is there whose door is not known", || figures.read().undecided == 1);
    drop(silent);
    until("nobody is there whose door is not known", || figures.read().undecided == 0);
}

#[test]
fn refusals_and_sign_ins_are_counted_by_a_fixed_set_of_words() {
    let figures = Arc::new(Figures::new(1, || Duration::ZERO));
    let notes = figures.counting(Notes::default());
    let (session, ana) = (SessionId(1), Name::new("ana", Names::Unicode).unwrap());
    notes.take(Note::Refused(session, "read_only"));
    notes.take(Note::Refused(session, "a word that is not known"));
    notes.take(Note::Joined(session, RoomName::lobby()));
    notes.take(Note::SignedIn(session, ana.clone(), "password"));
    notes.take(Note::Registered(session, ana));
    notes.take(Note::NotSignedIn { session, by: "password", why: "wrong" });
    notes.take(Note::Store(Err("the disk is full".into())));
    let read = figures.read();
    assert_eq!((read.refused["read_only"], read.refused["other"]), (1, 1));
    assert_eq!(read.refused.values().sum::<u64>(), 2);
    assert_eq!(
        read.sign_ins.into_iter().collect::<Vec<_>>(),
        [("refused", 1), ("registered", 1), ("signed_in", 1)]
    );
    assert_eq!(read.read_only.as_deref(), Some("the disk is full"));
    notes.take(Note::Store(Ok(())));
    assert_eq!(figures.read().read_only, None);
}
