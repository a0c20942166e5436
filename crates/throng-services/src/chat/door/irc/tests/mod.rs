//! The IRC door by itself: lines in, asks and replies out. No socket, no hub.

mod accounts;
mod nickserv;
mod oper;
mod sasl;
mod signup;

use std::sync::Arc;

use jiff::tz::TimeZone;
use throng_chat::{Command, Event, Kind, Name, Names, RoomName, Target, Text, Time};

use super::{IrcDoor, table};
use crate::chat::door::{AccountAnswer, AccountAsk, Ask, Door, Footing, Heard, Probe};
use crate::chat::house::{House, Settings};
use crate::chat::notes::Notes;
use crate::identity::{Refusal, Signed};

fn door() -> IrcDoor {
    housed(false)
}

/// A door of a house where one can sign in, or cannot.
fn housed(accounts: bool) -> IrcDoor {
    footed(accounts, Footing::default())
}

/// A door of a house with accounts, for a client of this machine or under TLS.
fn safe() -> IrcDoor {
    footed(true, Footing { accounts: true, secrets: true, ..Footing::default() })
}

fn footed(accounts: bool, footing: Footing) -> IrcDoor {
    let settings = Settings { zone: TimeZone::UTC, accounts, ..Settings::default() };
    let (since, now) = (Time(0), (|| Time(0)) as fn() -> Time);
    let house = House { settings, since, now, notes: Notes::default() };
    IrcDoor::new(Arc::new(house), footing)
}

/// A door behind which somebody is called ana.
fn here() -> IrcDoor {
    enter(door())
}

fn enter(mut door: IrcDoor) -> IrcDoor {
    hear(&mut door, "NICK ana\r\nUSER a 0 * :Ana\r\n");
    door.tell(&Event::Welcomed { you: name("ana") }, &mut Vec::new());
    door
}

fn name(shown: &str) -> Name {
    Name::new(shown, Names::Unicode).unwrap()
}

fn room(shown: &str) -> RoomName {
    RoomName::new(shown, Names::Unicode).unwrap()
}

fn hear(door: &mut IrcDoor, lines: &str) -> Heard {
    let mut heard = Heard::default();
    door.hear(lines.as_bytes(), &mut heard);
    heard
}

/// What the door says when this came of what it asked.
fn learn(door: &mut IrcDoor, answer: AccountAnswer) -> Heard {
    let mut heard = Heard::default();
    door.learn(answer, &mut heard);
    heard
}

fn refused(door: &mut IrcDoor, why: Refusal) -> Heard {
    learn(door, AccountAnswer::Refused(why))
}

fn told(door: &mut IrcDoor, event: &Event) -> String {
    let mut out = Vec::new();
    door.tell(event, &mut out);
    String::from_utf8(out).unwrap()
}

fn signed(account: &str) -> Signed {
    Signed { account: name(account), operator: false, device: None, token: None }
}

/// A door behind which ana is signed in.
fn signed_in() -> IrcDoor {
    let mut door = enter(safe());
    told(&mut door, &Event::SignedIn { account: name("ana") });
    door
}

/// What was asked about accounts, as a test reads it.
fn asked(heard: &Heard) -> String {
    let shown = |name: &Option<Name>| name.as_ref().map_or("-".to_owned(), ToString::to_string);
    match heard.account.as_deref().expect("something is asked") {
        AccountAsk::Login { name, words } => format!("login {} {}", shown(name), words.expose()),
        AccountAsk::LoginByCertificate { name } => format!("certificate {}", shown(name)),
        AccountAsk::Register { name, password, scram } => {
            format!("register {name} {} {scram}", password.expose())
        }
        AccountAsk::ChangePassword { old, new, scram } => {
            format!("change {} {} {scram}", old.expose(), new.expose())
        }
        AccountAsk::ScramFirst(message) => format!("first {}", String::from_utf8_lossy(message)),
        AccountAsk::ScramFinal(message) => format!("final {}", String::from_utf8_lossy(message)),
        AccountAsk::BecomeOperator(code) => format!("code {}", code.expose()),
        other => format!("{other:?}"),
    }
}

fn replies(heard: &Heard) -> Vec<String> {
    let text = std::str::from_utf8(&heard.reply).unwrap();
    assert!(text.is_empty() || text.ends_with("\r\n"), "{text:?}");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_name_is_asked_for_when_all_is_said_that_must_come_before() {
    let enter = vec![Ask::World(Command::Enter(name("ana")))];
    for (lines, expected) in [
        ("NICK ana\r\n", vec![]),
        ("NICK ana\r\nUSER a 0 * :Ana\r\n", enter.clone()),
        ("USER a 0 * :Ana\r\nNICK ana\n", enter.clone()),
        ("CAP LS 302\r\nNICK ana\r\nUSER a 0 * :Ana\r\n", vec![]),
        ("CAP LS 302\r\nNICK ana\r\nUSER a 0 * :Ana\r\nCAP REQ :batch\r\nCAP END\r\n", enter.clone()),
        ("NICK 1a\r\nUSER a 0 * :Ana\r\nNICK ana\r\n", enter),
    ] {
        assert_eq!(hear(&mut door(), lines).asks, expected, "{lines:?}");
    }
}

#[test]
fn what_follows_the_name_waits_for_its_answer() {
    let mut door = door();
    assert_eq!(hear(&mut door, "NICK ana\r\nUSER a 0 * :A\r\nJOIN #tea\r\n").asks.len(), 1);
    assert!(door.is_waiting());
    door.tell(&Event::Welcomed { you: name("ana") }, &mut Vec::new());
    assert_eq!(hear(&mut door, "").asks, [Ask::World(Command::Join(room("#tea")))]);
}

#[test]
fn what_is_wrong_is_answered_with_its_numeric() {
    let long = format!("PRIVMSG #tea :{}\r\n", "x".repeat(500));
    for (line, expected) in [
        ("FROBNICATE\r\n", " 421 ana FROBNICATE "),
        ("JOIN\r\n", " 461 ana JOIN "),
        ("JOIN tea\r\n", " 403 ana tea "),
        ("NICK\r\n", " 431 ana "),
        ("NICK a!b\r\n", " 432 ana "),
        ("USER a 0 * :A\r\n", " 462 ana "),
        ("PRIVMSG\r\n", " 411 ana "),
        ("PRIVMSG #tea\r\n", " 412 ana "),
        ("PRIVMSG #a,#b,#c,#d,#e :x\r\n", " 407 ana "),
        ("PING\r\n", " 409 ana "),
        ("CAP FOO\r\n", " 410 ana "),
        (long.as_str(), " 417 ana "),
    ] {
        let said = replies(&hear(&mut here(), line));
        assert!(said.len() == 1 && said[0].contains(expected), "{line:?}: {said:?}");
    }
    let early = replies(&hear(&mut door(), "JOIN #tea\r\n"));
    assert!(early[0].contains(" 451 * "), "{early:?}");
}

#[test]
fn a_line_that_is_not_utf8_is_refused_and_the_next_is_heard() {
    let mut heard = Heard::default();
    let mut door = here();
    door.hear(b"PRIVMSG #tea :\xff\r\nPING x\r\n", &mut heard);
    let said = replies(&heard);
    assert!(
        said[0].contains(" FAIL * INVALID_UTF8 ") && said[1].ends_with(" PONG throng.localhost :x"),
        "{said:?}"
    );
}

#[test]
fn talk_goes_to_rooms_and_people_and_actions_are_told_apart() {
    let say = |target, words: &str, kind| Ask::World(Command::Say(target, kind, Text::new(words).unwrap()));
    let tea = Target::Room(room("#tea"));
    for (line, expected) in [
        ("PRIVMSG #tea :hi there\r\n", say(tea.clone(), "hi there", Kind::Message)),
        ("privmsg bo hi\r\n", say(Target::Person(name("bo")), "hi", Kind::Message)),
        ("NOTICE #tea :psst\r\n", say(tea.clone(), "psst", Kind::Notice)),
        ("PRIVMSG #tea :\u{1}ACTION waves\u{1}\r\n", say(tea, "waves", Kind::Action)),
    ] {
        assert_eq!(hear(&mut here(), line).asks, [expected], "{line:?}");
    }
}

#[test]
fn an_old_client_gets_no_tags_and_a_new_one_what_it_asked_for() {
    let whisper = Event::Whispered {
        from: name("bo"),
        account: None,
        to: name("ana"),
        kind: Kind::Message,
        text: Text::new("hi").unwrap(),
        at: Time(0),
    };
    for (caps, expected) in [
        ("", ":bo!~u@throng PRIVMSG ana hi\r\n"),
        ("CAP REQ :server-time\r\n", "@time=1970-01-01T00:00:00.000Z :bo!~u@throng PRIVMSG ana hi\r\n"),
    ] {
        let mut door = here();
        hear(&mut door, caps);
        let mut out = Vec::new();
        door.tell(&whisper, &mut out);
        assert_eq!(String::from_utf8(out).unwrap().replace(" :hi", " hi"), expected);
    }
}

#[test]
fn a_request_for_abilities_is_granted_whole_or_not_at_all() {
    for (request, expected) in [
        ("CAP REQ :batch server-time\r\n", "ACK :batch server-time"),
        ("CAP REQ :batch sasl\r\n", "NAK :batch sasl"),
        ("CAP LIST\r\n", "LIST :"),
    ] {
        let said = replies(&hear(&mut here(), request));
        assert!(said[0].ends_with(expected), "{request:?}: {said:?}");
    }
}

#[test]
fn the_welcome_is_what_every_client_waits_for() {
    let mut door = door();
    hear(&mut door, "NICK ana\r\nUSER a 0 * :Ana\r\n");
    let mut out = Vec::new();
    door.tell(&Event::Welcomed { you: name("ana") }, &mut out);
    let text = String::from_utf8(out).unwrap();
    let numerics: Vec<_> = text.lines().map(|line| line.split(' ').nth(1).unwrap()).collect();
    assert_eq!(numerics, ["001", "002", "003", "004", "005", "005", "422"]);
    assert!(text.contains("UTF8ONLY"));
    assert!(text.lines().all(|line| line.len() <= 510 && line.split(' ').count() <= 3 + 13 + 5), "{text}");
}

#[test]
fn a_probe_is_a_ping_and_the_last_line_is_said_once() {
    let mut door = here();
    let mut out = Vec::new();
    assert_eq!(door.probe(&mut out), Probe::Answers);
    assert!(out.starts_with(b"PING "));
    out.clear();
    let why = Text::new("over").unwrap();
    door.close(&why, &mut out);
    door.close(&why, &mut out);
    assert_eq!(out, b"ERROR :Closing link: over\r\n");
}

#[test]
fn every_command_stands_in_the_table_once() {
    let mut names: Vec<_> = table::ROWS.iter().map(|row| row.name).collect();
    assert!(names.iter().all(|name| name.chars().all(|letter| letter.is_ascii_uppercase())));
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}

mod any {
    use proptest::prelude::*;

    use super::*;

    /// Pieces of the protocol, so that random input gets further than the parser.
    fn piece() -> impl Strategy<Value = Vec<u8>> {
        let names = table::ROWS.iter().map(|row| row.name.as_bytes().to_vec()).collect::<Vec<_>>();
        prop_oneof![
            prop::sample::select(names),
            prop::sample::select(vec![
                b" ".to_vec(),
                b" :".to_vec(),
                b"\r\n".to_vec(),
                b"#tea".to_vec(),
                b"NickServ".to_vec(),
                b"PLAIN".to_vec(),
                b"*".to_vec(),
                b"ana".to_vec()
            ]),
            prop::sample::select(vec![
                b"\0".to_vec(),
                b"\r".to_vec(),
                b",".to_vec(),
                b"+o-v".to_vec(),
                b"@a=b ".to_vec()
            ]),
            prop::collection::vec(any::<u8>(), 0..20),
        ]
    }

    proptest! {
        #[test]
        fn no_input_breaks_the_door_and_every_reply_is_whole_lines(pieces in prop::collection::vec(piece(), 0..200)) {
            for mut door in [door(), here(), safe(), signed_in()] {
                for piece in &pieces {
                    let mut heard = Heard::default();
                    door.hear(piece, &mut heard);
                    for line in replies(&heard) {
                        prop_assert!(line.len() <= 510, "{line}");
                        prop_assert!(!line.contains(['\0', '\r']), "{line:?}");
                    }
                    if heard.account.is_some() {
                        let mut on = Heard { account: heard.account.take(), ..Heard::default() };
                        // Each answer asks at most one thing more.
                        for _ in 0..4 {
                            if on.account.take().is_some() {
                                on = refused(&mut door, Refusal::Wrong);
                            }
                        }
                        prop_assert!(on.account.is_none());
                    }
                    if door.is_waiting() {
                        door.tell(&Event::Welcomed { you: name("ana") }, &mut Vec::new());
                    }
                }
            }
        }
    }
}
