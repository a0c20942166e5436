//! What the IRC door says of accounts, and to whom.

use throng_chat::event::Joined;
use throng_chat::{Command, Entry, Event, Kind, ModeChange, MsgId, Record, Refusal, Stamp, Text, Time};

use super::{door, enter, hear, here, housed, name, replies, room};
use crate::chat::door::{Ask, Door};
use crate::chat::rendering::{View, render};

/// What a client with these abilities is shown of what many hear.
fn shown(caps: &str, event: &Event) -> String {
    let mut door = enter(housed(true));
    hear(&mut door, &format!("CAP REQ :{caps}\r\n"));
    let (mut out, view) = (Vec::new(), View { look: door.look(), own: false, here: false });
    render(view, event, &door.house, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn abilities_about_accounts_are_there_where_one_can_sign_in() {
    for (accounts, expected) in [(false, "NAK"), (true, "ACK")] {
        let listed = replies(&hear(&mut enter(housed(accounts)), "CAP LS 302\r\n")).join("");
        for ability in ["account-notify", "account-tag", "extended-join"] {
            let said = replies(&hear(&mut enter(housed(accounts)), &format!("CAP REQ :{ability}\r\n")));
            assert!(said[0].contains(&format!("{expected} :{ability}")), "{said:?}");
            assert_eq!(listed.contains(ability), accounts, "{listed}");
        }
        assert!(listed.contains("server-time"));
    }
}

#[test]
fn who_comes_is_shown_with_the_account_to_those_who_asked_for_it() {
    let of = |account: Option<&str>| Event::Arrived {
        room: room("#tea"),
        who: name("bo"),
        account: account.map(name),
    };
    for (caps, account, expected) in [
        ("batch", Some("Bob"), ":bo!~u@throng JOIN #tea\r\n"),
        ("extended-join", Some("Bob"), ":bo!~u@throng JOIN #tea Bob :bo\r\n"),
        ("extended-join", None, ":bo!~u@throng JOIN #tea * :bo\r\n"),
        ("account-tag", Some("Bob"), "@account=Bob :bo!~u@throng JOIN #tea\r\n"),
        ("account-tag", None, ":bo!~u@throng JOIN #tea\r\n"),
    ] {
        assert_eq!(shown(caps, &of(account)), expected, "{caps} {account:?}");
    }
    // One's own JOIN looks the same.
    let mut door = enter(housed(true));
    hear(&mut door, "CAP REQ :extended-join account-tag\r\n");
    let (members, account) = ([].into(), Some(name("Bob")));
    let joined = Joined { room: room("#tea"), members, topic: None, account, seq: 0 };
    let mut out = Vec::new();
    door.tell(&Event::Joined(Box::new(joined)), &mut out);
    assert!(out.starts_with(b"@account=Bob :ana!~u@throng JOIN #tea Bob :ana\r\n"), "{out:?}");
}

#[test]
fn every_line_of_somebody_with_an_account_has_its_tag() {
    let (who, account, text) = (name("bo"), Some(name("Bob")), Text::new("hi").unwrap());
    let record =
        Record { room: room("#tea"), author: who.clone(), kind: Kind::Message, text: Some(text.clone()) };
    let stamp = Stamp { seq: 1, msgid: MsgId(1), at: Time(0) };
    let events = [
        Event::Entry(Entry { record, stamp, account: account.clone() }),
        Event::Left { room: room("#tea"), who: who.clone(), account: account.clone(), reason: None },
        Event::Kicked {
            room: room("#tea"),
            who: name("cyd"),
            by: Some(who.clone()),
            account: account.clone(),
            reason: None,
        },
        Event::Quit { who: who.clone(), account: account.clone(), reason: text.clone() },
        Event::Renamed { from: who.clone(), to: name("cyd"), account: account.clone() },
        Event::Moded {
            room: room("#tea"),
            by: Some(who.clone()),
            account: account.clone(),
            changes: vec![ModeChange::NoExternal(true)],
        },
        Event::Whispered {
            from: who.clone(),
            account: account.clone(),
            to: name("ana"),
            kind: Kind::Message,
            text,
            at: Time(0),
        },
        Event::AccountChanged { who, account },
    ];
    for event in events {
        let line = shown("account-tag account-notify", &event);
        assert!(line.starts_with("@account=Bob :bo!~u@throng "), "{event:?}: {line}");
        assert!(!shown("account-notify", &event).contains("@account"), "{event:?}");
    }
}

#[test]
fn signing_in_and_out_is_told_in_numbers_and_to_those_who_asked_by_account() {
    let changed =
        |account: Option<&str>| Event::AccountChanged { who: name("bo"), account: account.map(name) };
    assert_eq!(shown("account-notify", &changed(Some("Bob"))), ":bo!~u@throng ACCOUNT Bob\r\n");
    assert_eq!(shown("account-notify", &changed(None)), ":bo!~u@throng ACCOUNT *\r\n");
    assert_eq!(shown("account-tag", &changed(None)), "");
    for (mut door, who) in [(here(), "ana"), (door(), "*")] {
        let mut out = Vec::new();
        door.tell(&Event::SignedIn { account: name("Bob") }, &mut out);
        door.tell(&Event::SignedOut, &mut out);
        let said = String::from_utf8(out).unwrap();
        let expected = format!(
            ":throng.localhost 900 {who} {who}!~u@throng Bob :You are now logged in as Bob\r\n\
             :throng.localhost 901 {who} {who}!~u@throng :You are now logged out\r\n"
        );
        assert_eq!(said, expected);
    }
}

#[test]
fn whois_says_whose_somebody_is() {
    for (account, expected) in [(Some("Bob"), true), (None, false)] {
        let mut door = here();
        hear(&mut door, "WHOIS bo\r\n");
        let mut out = Vec::new();
        let event = Event::PersonIs { who: name("bo"), account: account.map(name), rooms: vec![] };
        door.tell(&event, &mut out);
        let said = String::from_utf8(out).unwrap();
        assert_eq!(said.contains(" 330 ana bo Bob :is logged in as\r\n"), expected, "{said}");
        assert!(said.contains(" 318 ana bo "), "{said}");
    }
}

#[test]
fn what_is_refused_about_names_and_accounts_has_its_number() {
    let (bo, ana) = (name("bo"), name("ana"));
    for (refusal, expected) in [
        (
            Refusal::NameRegistered { name: bo.clone(), alternatives: vec![name("bo_")] },
            " 433 ana bo :Nickname is registered, or looks like one that is; bo_ is free",
        ),
        (Refusal::AccountNeeded, " FAIL * ACCOUNT_REQUIRED_TO_CONNECT :"),
        (Refusal::NoSuchAccount(bo.clone()), " 400 ana * :There is no account bo"),
        (Refusal::AlreadySignedIn { account: ana.clone() }, " 907 ana :You are already logged in as ana"),
        (Refusal::NotSignedIn, " 400 ana * :You are not logged in"),
        (Refusal::NotYourName(bo.clone()), " 400 ana * :bo is not a nickname of your account"),
        (Refusal::TooManySessions { name: bo, max: 2 }, " 433 ana bo :bo has 2 connections"),
    ] {
        let mut out = Vec::new();
        here().tell(&Event::Refused(refusal.clone()), &mut out);
        let said = String::from_utf8(out).unwrap();
        assert!(said.contains(expected) && said.lines().count() == 1, "{refusal:?}: {said}");
    }
    let mut out = Vec::new();
    here().tell(&Event::NameWithdrawn { name: ana }, &mut out);
    assert!(out.starts_with(b":throng.localhost NOTICE ana :ana belongs to an account"), "{out:?}");
}

#[test]
fn a_refused_sign_in_leaves_the_name_that_was_asked_for() {
    let mut door = door();
    hear(&mut door, "CAP LS 302\r\nNICK ana\r\nUSER a 0 * :Ana\r\n");
    door.tell(&Event::Refused(Refusal::NoSuchAccount(name("bo"))), &mut Vec::new());
    assert_eq!(hear(&mut door, "CAP END\r\n").asks, [Ask::World(Command::Enter(name("ana")))]);
    door.tell(&Event::Refused(Refusal::AccountNeeded), &mut Vec::new());
    assert!(!door.is_waiting(), "the client may try again");
}
