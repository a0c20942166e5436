//! What is asked of somebody who says who they are, and what becomes of each answer.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use throng_chat::event::Joined;
use throng_chat::{Command, Event, Guests, Name, Names, RoomName, Time};

use super::super::LineDoor;
use crate::chat::door::{AccountAnswer, AccountAsk, Ask, Door, Footing, Heard};
use crate::chat::house::{Changeable, House, Settings};
use crate::chat::notes::Notes;
use crate::identity::{Refusal, Secret, Signed};

const WITH_ACCOUNTS: Footing = Footing { accounts: true, secrets: true, certificate: false };

/// A door with somebody at it, and what they see.
struct Scene {
    door: LineDoor,
    seen: String,
}

impl Scene {
    fn new(guests: Guests, footing: Footing) -> Scene {
        let (since, now) = (Time(0), (|| Time(0)) as fn() -> Time);
        let guests = Changeable::of(guests);
        let settings = Settings { guests, accounts: true, ..Settings::default() };
        let house = House { settings, since, now, notes: Notes::default() };
        Scene { door: LineDoor::new(Arc::new(house), footing), seen: String::new() }
    }

    fn usual() -> Scene {
        Scene::new(Guests::UnregisteredNames, WITH_ACCOUNTS)
    }

    /// Types this. What is asked, in words.
    fn types(&mut self, typed: &str) -> Vec<String> {
        let mut heard = Heard::default();
        self.door.hear(typed.as_bytes(), &mut heard);
        self.asks(&heard)
    }

    /// Hears what came of what was asked about accounts.
    fn learns(&mut self, answer: AccountAnswer) -> Vec<String> {
        let mut heard = Heard::default();
        self.door.learn(answer, &mut heard);
        self.asks(&heard)
    }

    fn tells(&mut self, event: &Event) {
        let mut out = Vec::new();
        self.door.tell(event, &mut out);
        self.see(&out);
    }

    fn see(&mut self, out: &[u8]) {
        let shown: Vec<u8> = out.iter().copied().filter(|byte| byte.is_ascii() && *byte != 1).collect();
        self.seen = String::from_utf8(shown).unwrap();
    }

    fn asks(&mut self, heard: &Heard) -> Vec<String> {
        self.see(&heard.reply);
        let world = heard.asks.iter().map(|ask| match ask {
            Ask::World(Command::Enter(name)) => format!("enter {}", name.as_str()),
            Ask::World(Command::Join(room)) => format!("join {}", room.as_str()),
            Ask::World(Command::Rename(name)) => format!("rename {}", name.as_str()),
            Ask::World(Command::Say(_, _, text)) => format!("say {}", text.as_str()),
            other => panic!("{other:?}"),
        });
        let account = heard.account.iter().map(|ask| match &**ask {
            AccountAsk::Owner(name) => format!("owner {}", name.as_str()),
            AccountAsk::Register { name, password, .. } => {
                format!("register {} {}", name.as_str(), password.expose())
            }
            AccountAsk::Login { name, words } => {
                format!("login {} {}", name.as_ref().unwrap().as_str(), words.expose())
            }
            AccountAsk::ChangePassword { old, new, scram } => {
                format!("change {} {} {scram}", old.expose(), new.expose())
            }
            AccountAsk::Tokens => "tokens".to_owned(),
            other => panic!("{other:?}"),
        });
        world.chain(account).collect()
    }

    /// The world lets somebody in, who goes into the lobby.
    fn comes_in(&mut self, who: &str) {
        self.tells(&Event::Welcomed { you: name(who) });
        assert_eq!(self.types(""), ["join #lobby"]);
        let room = RoomName::lobby();
        let joined = Joined { room, members: [].into(), topic: None, account: None, seq: 0 };
        self.tells(&Event::Joined(Box::new(joined)));
    }

    /// Somebody is in the lobby, signed in.
    fn signed_in() -> Scene {
        let mut scene = Scene::usual();
        scene.types("ana\n");
        scene.learns(AccountAnswer::Owner(Some(name("ana"))));
        scene.types("right horse\n");
        scene.tells(&Event::SignedIn { account: name("ana") });
        scene.learns(AccountAnswer::SignedIn(signed("ana")));
        scene.tells(&Event::Welcomed { you: name("ana") });
        let room = RoomName::lobby();
        let joined = Joined { room, members: [].into(), topic: None, account: None, seq: 0 };
        scene.tells(&Event::Joined(Box::new(joined)));
        scene
    }
}

fn name(typed: &str) -> Name {
    Name::new(typed, Names::Unicode).unwrap()
}

fn signed(account: &str) -> Signed {
    Signed { account: name(account), operator: false, device: None, token: None }
}

#[test]
fn a_free_name_is_offered_before_its_owner_comes_in() {
    let mut scene = Scene::usual();
    assert_eq!(scene.types("ana\n"), ["owner ana"]);
    assert!(scene.door.is_waiting());
    assert_eq!(scene.learns(AccountAnswer::Owner(None)), ["enter ana"]);
    scene.tells(&Event::Welcomed { you: name("ana") });
    assert_eq!(scene.types(""), [""; 0]);
    assert!(scene.seen.contains("ana is free. Register it?"), "{}", scene.seen);
    assert!(scene.door.is_signing_in());
    assert_eq!(scene.types("short\n"), [""; 0]);
    assert!(scene.seen.contains("at least 8 bytes"), "{}", scene.seen);
    assert_eq!(scene.types("long enough\n"), [""; 0]);
    assert_eq!(scene.types("long enough\n"), ["register ana long enough"]);
    assert_eq!(scene.learns(AccountAnswer::Registered(signed("ana"))), ["join #lobby"]);
    assert!(scene.seen.starts_with("Registered."), "{}", scene.seen);
}

#[test]
fn who_wants_no_account_is_a_guest() {
    for (typed, expected) in [("\n", ""), ("one password\ntwo passwords\n", "! These were two different")] {
        let mut scene = Scene::usual();
        scene.types("ana\n");
        scene.learns(AccountAnswer::Owner(None));
        scene.tells(&Event::Welcomed { you: name("ana") });
        scene.types("");
        assert_eq!(scene.types(typed), ["join #lobby"], "{typed:?}");
        assert!(scene.seen.contains(expected), "{}", scene.seen);
    }
}

#[test]
fn who_has_typed_on_is_a_guest_and_says_it() {
    let mut scene = Scene::usual();
    assert_eq!(scene.types("ana\nthis is no password\n"), ["owner ana"]);
    assert_eq!(scene.learns(AccountAnswer::Owner(None)), ["enter ana"]);
    scene.comes_in("ana");
    assert_eq!(scene.types(""), ["say this is no password"]);
}

#[test]
fn a_registered_name_wants_its_password_and_takes_one_typed_ahead() {
    let mut scene = Scene::usual();
    assert_eq!(scene.types("Ana\nwrong\n"), ["owner Ana"]);
    assert_eq!(scene.learns(AccountAnswer::Owner(Some(name("ana")))), [""; 0]);
    assert!(scene.seen.contains("Ana is registered."), "{}", scene.seen);
    assert_eq!(scene.types(""), ["login ana wrong"]);
    for _ in 0..2 {
        assert_eq!(scene.learns(AccountAnswer::Refused(Refusal::Wrong)), [""; 0]);
        assert!(scene.seen.contains("Password for ana (not shown):"), "{}", scene.seen);
        assert_eq!(scene.types("wrong again\n"), ["login ana wrong again"]);
    }
    assert_eq!(scene.learns(AccountAnswer::Refused(Refusal::Wrong)), [""; 0]);
    assert!(scene.seen.ends_with("Pick another name:\r\n") && !scene.door.is_signing_in(), "{}", scene.seen);
    scene.types("ana\n");
    scene.learns(AccountAnswer::Owner(Some(name("ana"))));
    scene.types("right horse\n");
    let entered = scene.learns(AccountAnswer::SignedIn(signed("ana")));
    assert_eq!(entered, ["enter ana", "join #lobby"]);
}

#[test]
fn an_empty_line_instead_of_a_password_leads_on() {
    for (guests, asked, seen) in [
        (Guests::UnregisteredNames, &[][..], "Pick another name:"),
        (Guests::No, &[], "Pick another name:"),
        (Guests::Yes, &["enter ana", "join #lobby"], ""),
    ] {
        let mut scene = Scene::new(guests, WITH_ACCOUNTS);
        scene.types("ana\n");
        scene.learns(AccountAnswer::Owner(Some(name("ana"))));
        assert_eq!(scene.types("\n"), asked, "{guests:?}");
        assert!(scene.seen.contains(seen), "{}", scene.seen);
    }
}

#[test]
fn without_guests_one_registers_first() {
    let mut scene = Scene::new(Guests::No, WITH_ACCOUNTS);
    scene.types("ana\n");
    assert_eq!(scene.learns(AccountAnswer::Owner(None)), [""; 0]);
    assert!(scene.seen.starts_with("\r\0Only those who have an account"), "{:?}", scene.seen);
    scene.types("long enough\n");
    assert_eq!(scene.types("long enough\n"), ["register ana long enough"]);
    assert_eq!(scene.learns(AccountAnswer::Registered(signed("ana"))), ["enter ana", "join #lobby"]);
}

#[test]
fn where_no_secret_may_come_none_is_asked_for() {
    let mut scene = Scene::new(Guests::UnregisteredNames, Footing { secrets: false, ..WITH_ACCOUNTS });
    assert_eq!(scene.types("ana\n"), ["enter ana", "join #lobby"]);
    let refused = throng_chat::Refusal::NameRegistered { name: name("ana"), alternatives: vec![] };
    scene.tells(&Event::Refused(refused));
    assert!(scene.seen.contains("connect with TLS"), "{}", scene.seen);
    scene.types("bo\n");
    scene.tells(&Event::Welcomed { you: name("bo") });
    let joined = Joined { room: RoomName::lobby(), members: [].into(), topic: None, account: None, seq: 0 };
    scene.tells(&Event::Joined(Box::new(joined)));
    for typed in ["/register\n", "/login ana\n", "/login ana secret words\n", "/password\n", "/token phone\n"]
    {
        assert_eq!(scene.types(typed), [""; 0], "{typed}");
        assert!(scene.seen.contains("connect with TLS"), "{}", scene.seen);
    }
}

#[test]
fn a_question_does_not_stay_open_for_ever() {
    let mut scene = Scene::usual();
    scene.types("ana\n");
    scene.learns(AccountAnswer::Owner(None));
    scene.tells(&Event::Welcomed { you: name("ana") });
    scene.types("");
    let mut out = Vec::new();
    scene.door.give_up_signing(&mut out);
    assert!(String::from_utf8_lossy(&out).contains("nothing was registered"));
    assert!(!scene.door.is_signing_in());
    assert_eq!(scene.types("long enough\n"), ["join #lobby"], "it is no password any more");
}

#[test]
fn a_password_is_changed_by_who_knows_it() {
    let mut scene = Scene::signed_in();
    assert_eq!(
        scene.types("/password scram\nold one\nnew one 1\nnew one 1\n"),
        ["change old one new one 1 true"]
    );
    scene.learns(AccountAnswer::Refused(Refusal::Wrong));
    assert!(scene.seen.contains("that is not your password"), "{}", scene.seen);
    assert_eq!(scene.types("/password\nold one\nnew one 1\nnew one 2\n"), [""; 0]);
    assert!(scene.seen.contains("nothing was changed"), "{}", scene.seen);
}

#[test]
fn who_signs_in_later_takes_the_name_of_the_account() {
    let mut scene = Scene::usual();
    scene.types("bo\n\n");
    scene.learns(AccountAnswer::Owner(None));
    scene.comes_in("bo");
    scene.types("");
    assert_eq!(scene.types("/login ana throng_token\n"), ["login ana throng_token"]);
    assert_eq!(scene.learns(AccountAnswer::SignedIn(signed("ana"))), ["rename ana"]);
    assert_eq!(scene.types("/login ana token throng_token\n"), ["login ana throng_token"]);
    scene.learns(AccountAnswer::Refused(Refusal::AlreadySignedIn));
    assert!(scene.seen.contains("signed in already"), "{}", scene.seen);
}

#[test]
fn a_token_is_shown_once_and_no_secret_is_in_what_doors_ask() {
    let mut scene = Scene::signed_in();
    let mut heard = Heard::default();
    scene.door.hear(b"/token phone\n", &mut heard);
    assert!(matches!(heard.account.as_deref(), Some(AccountAsk::NewToken(device)) if device == "phone"));
    scene.learns(AccountAnswer::NewToken(Secret::from("throng_canary")));
    assert!(scene.seen.contains("  throng_canary\r\n"), "{}", scene.seen);
    let asked = AccountAsk::Login { name: None, words: Secret::from("canary") };
    assert!(!format!("{asked:?}").contains("canary"));
    assert!(!format!("{:?}", AccountAnswer::NewToken(Secret::from("canary"))).contains("canary"));
}
