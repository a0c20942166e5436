//! A thousand names that look like registered ones, at each door of a running chat: none is anybody's, as a guest or as an
//! account.

use std::collections::BTreeMap;

use throng_chat::Time;
use throng_store::accounts::{Account, Change};
use throng_store::testing::look_alikes;

use crate::line::{Client, IN_LOBBY};
use crate::{OTHER, PASSWORD, Place, name};

const PAIRS: usize = 1000;
/// As often as one may ask for a name at the line door, and some less.
const ASKED_ON_ONE_CONNECTION: usize = 10;

/// Strangers make no more than thirty accounts in ten minutes.
const MADE_BY_STRANGERS: usize = 25;

/// The registered one and the one that looks like it, in either alphabet.
fn pair(number: usize) -> (String, String) {
    let (latin, cyrillic) = look_alikes(number);
    if number.is_multiple_of(2) { (latin, cyrillic) } else { (cyrillic, latin) }
}

fn account(typed: &str) -> Account {
    Account {
        name: name(typed),
        created: Time(1),
        seen: None,
        verifier: None,
        suspended: false,
        operator: false,
        recognised: false,
        certificates: Vec::new(),
    }
}

/// A chat in which the first of each pair is registered, before it began.
fn place() -> Place {
    let opened = throng_store::memory();
    for number in 0..PAIRS {
        let (told, heard) = std::sync::mpsc::sync_channel(1);
        let create = Change::Create(account(&pair(number).0));
        opened.accounts.change(create, Box::new(move |done| told.send(done).unwrap()));
        heard.recv().unwrap().unwrap().unwrap();
    }
    Place::open_on(opened, |_| ())
}

/// No two names look alike, of those who are here and of all accounts.
fn nobody_looks_like_another(place: &Place) {
    let here = place.chat.hub().status().unwrap().who.into_iter().map(|person| (person.name, "here"));
    let accounts = place.waits.block_on(place.identity.names()).unwrap();
    let mut looks = BTreeMap::new();
    for (name, kind) in here.chain(accounts.into_iter().map(|account| (account, "registered"))) {
        let before = looks.insert(name.skeleton().to_owned(), (name.clone(), kind));
        assert!(before.is_none(), "{name} is {kind}, and {before:?}");
    }
}

#[test]
fn of_a_thousand_look_alikes_nobody_comes_in_or_takes_one() {
    let place = place();
    let mut here = Client::guest(place.address(), "bo");
    let mut over_irc = place.guest("cyd");
    let mut comes = Client::connect(place.address());
    let mut refused = [0; 5];
    for number in 0..PAIRS {
        let (registered, other) = pair(number);
        assert_ne!(name(&registered), name(&other));
        if number % ASKED_ON_ONE_CONNECTION == 0 {
            comes = Client::connect(place.address());
        }
        comes.asks(&other, "is registered, or looks like a name that is.");
        comes.until("Pick another:");
        refused[0] += 1;
        here.asks(&format!("/nick {other}"), "is registered, or looks like a name that is.");
        refused[1] += 1;
        let said = over_irc.ask(&format!("NICK {other}")).join("\n");
        refused[2] += usize::from(said.contains(" 433 ") || said.contains(" 437 "));
        let said = over_irc.ask(&format!("REGISTER {other} * {OTHER}")).join("\n");
        refused[3] += usize::from(said.contains("FAIL REGISTER BAD_ACCOUNT_NAME"));
        let created = place.waits.block_on(place.identity.operator().create(&name(&other), None));
        refused[4] += usize::from(created.is_err());
    }
    assert_eq!(refused, [PAIRS; 5], "coming, renaming, renaming over IRC, registering, at the console");
    nobody_looks_like_another(&place);
}

#[test]
fn who_comes_over_irc_under_a_look_alike_gets_another_name_or_none() {
    let place = place();
    let mut refused = 0;
    for number in 0..PAIRS {
        let mut client = place.client();
        client.say(&format!("NICK {}", pair(number).1));
        client.say("USER u 0 * :somebody");
        let said = client.ask("PING here").join("\n");
        assert!(!said.contains(" 001 "), "{said}");
        refused += usize::from(said.contains(" 433 "));
    }
    assert_eq!(refused, PAIRS);
    nobody_looks_like_another(&place);
}

#[test]
fn who_has_the_look_of_a_name_loses_it_when_that_is_registered() {
    let place = Place::open();
    for number in 0..MADE_BY_STRANGERS {
        let (registered, other) = pair(number);
        let mut guest = Client::guest(place.address(), &other);
        let mut owner = Client::connect(place.address());
        // While somebody is here who looks like it, the name cannot be registered by coming with it.
        owner.asks(&registered, "looks like");
        place.register(&registered);
        guest.until("* You are ");
        let mut owner = Client::connect(place.address());
        owner.asks(&format!("/login {registered} {PASSWORD}"), IN_LOBBY);
        let who = place.chat.hub().status().unwrap().who;
        let looks = who.iter().filter(|person| person.name.skeleton() == name(&registered).skeleton());
        assert_eq!(looks.count(), 1, "{registered} and {other}");
    }
}
