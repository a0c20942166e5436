//! Rooms, and words in them.

#![allow(clippy::unwrap_used)]

use throng_chat::Names;
use throng_chat::event::Joined;

use super::super::*;
use crate::chat::door::Ask;
use crate::chat::house::Settings;
use crate::chat::notes::Notes;

fn door() -> LineDoor {
    let (since, now) = (Time(0), (|| Time(0)) as fn() -> Time);
    let house = House { settings: Settings::default(), since, now, notes: Notes::default() };
    LineDoor::new(Arc::new(house), Footing::default())
}

/// What is asked when these bytes are typed, said words only.
fn said(door: &mut LineDoor, typed: &str) -> Vec<String> {
    let mut heard = Heard::default();
    door.hear(typed.as_bytes(), &mut heard);
    assert!(heard.reply.is_empty(), "{}", String::from_utf8_lossy(&heard.reply));
    let said = heard.asks.iter().filter_map(|ask| match ask {
        Ask::World(Command::Say(_, _, text)) => Some(text.as_str().to_owned()),
        _ => None,
    });
    said.collect()
}

#[test]
fn what_is_typed_ahead_waits_until_the_lobby_was_entered() {
    let mut door = door();
    let (ana, mut out) = (Name::new("ana", Names::Unicode).unwrap(), Vec::new());
    assert!(said(&mut door, "ana\nhello all\n").is_empty() && door.is_waiting());
    door.tell(&Event::Welcomed { you: ana }, &mut out);
    // The lobby of a new house is stored first, so the answer comes later.
    assert!(door.is_waiting() && said(&mut door, "").is_empty());
    let joined = Joined { room: RoomName::lobby(), members: [].into(), topic: None, account: None, seq: 0 };
    door.tell(&Event::Joined(Box::new(joined)), &mut out);
    assert!(!door.is_waiting());
    assert_eq!(said(&mut door, ""), ["hello all"]);
}

fn name(shown: &str) -> Name {
    Name::new(shown, Names::Unicode).unwrap()
}

/// A door behind which somebody is called ana, in the lobby.
fn here() -> LineDoor {
    let mut door = door();
    said(&mut door, "ana\n");
    shown(&mut door, &Event::Welcomed { you: name("ana") });
    shown(&mut door, &entered("#lobby"));
    door
}

fn entered(room: &str) -> Event {
    let room = RoomName::new(room, Names::Unicode).unwrap();
    Event::Joined(Box::new(Joined { room, members: [].into(), topic: None, account: None, seq: 0 }))
}

fn shown(door: &mut LineDoor, event: &Event) -> String {
    let mut out = Vec::new();
    door.tell(event, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn what_becomes_of_accounts_is_said_in_words() {
    let changed =
        |who, account: Option<&str>| Event::AccountChanged { who: name(who), account: account.map(name) };
    let refused = Event::Refused;
    for (event, expected) in [
        (Event::SignedIn { account: name("ana") }, "* You are signed in as ana.\r\n"),
        (Event::SignedOut, "* You are signed out.\r\n"),
        (changed("ana", None), ""),
        (changed("bo", Some("Bo")), "* bo is signed in.\r\n"),
        (changed("bo", Some("Bob")), "* bo is signed in as Bob.\r\n"),
        (changed("bo", None), "* bo is signed out.\r\n"),
        (
            Event::NameWithdrawn { name: name("ana") },
            "* ana belongs to an account that you are not signed in to.\r\n",
        ),
        (
            Event::PersonIs { who: name("bo"), account: Some(name("Bob")), rooms: vec![] },
            "bo is in no room, signed in as Bob.\r\n",
        ),
        (
            refused(Refusal::NameRegistered { name: name("bo"), alternatives: vec![name("bo_")] }),
            "! bo is registered, or looks like a name that is. Try bo_.\r\n",
        ),
        (refused(Refusal::AccountNeeded), "! Only those who have an account come in here.\r\n"),
        (refused(Refusal::NotSignedIn), "! You are not signed in.\r\n"),
        (refused(Refusal::NotYourName(name("bo"))), "! bo is not a name of your account.\r\n"),
        (refused(Refusal::NoSuchAccount(name("bo"))), "! There is no account bo.\r\n"),
        (
            refused(Refusal::AlreadySignedIn { account: name("bo") }),
            "! You are signed in as bo already; sign out first.\r\n",
        ),
        (
            refused(Refusal::TooManySessions { name: name("bo"), max: 3 }),
            "! bo is here 3 times, and that is as often as one may be.\r\n",
        ),
    ] {
        assert_eq!(shown(&mut here(), &event), expected, "{event:?}");
    }
}

#[test]
fn a_refused_sign_in_leaves_the_name_that_was_asked_for() {
    let mut door = door();
    said(&mut door, "ana\n");
    shown(&mut door, &Event::Refused(Refusal::NoSuchAccount(name("bo"))));
    assert!(door.is_waiting(), "the name is not answered yet");
    shown(&mut door, &Event::Refused(Refusal::AccountNeeded));
    assert!(!door.is_waiting(), "the next line is a name again");
}

#[test]
fn a_room_that_another_connection_enters_takes_nobody_s_words() {
    let mut door = here();
    let told = shown(&mut door, &entered("#tea"));
    assert_eq!(told, "You are in #tea; nobody else is here. What you type goes to #lobby.\r\n");
    assert_eq!(door.focus(), Some(&RoomName::lobby()));
    said(&mut door, "/join #den\n");
    let told = shown(&mut door, &entered("#den"));
    assert_eq!(told, "You are in #den; nobody else is here. What you type goes there.\r\n");
}
