//! Sessions that end: by who runs the server, by the owner at another place, by the owner's own hand. Who may not stay signed in
//! does not, who may is not disturbed.

use throng_services::identity::Secret;
use throng_store::Durability;

use crate::line::{Client, FREE, IN_LOBBY};
use crate::{OTHER, PASSWORD, Place, name};

/// The names of those who are here.
fn people(place: &Place) -> Vec<String> {
    place.chat.hub().status().unwrap().who.iter().map(|person| person.name.as_str().to_owned()).collect()
}

/// What who runs the server does to an account.
struct Deed {
    what: &'static str,
    done: fn(&Place),
    /// What somebody is asked who says the name then.
    asked: &'static str,
    /// Who signs in by these words, if anybody does.
    opens: Option<&'static str>,
}

const OWNED: &str = "ana is registered. Its password (not shown)";

#[test]
fn what_is_done_to_an_account_is_done_to_its_sessions_at_every_door() {
    for deed in [
        Deed { what: "suspend", done: |place| place.suspend("ana"), asked: OWNED, opens: None },
        Deed {
            what: "reset",
            done: |place| {
                let reset = place.identity.operator();
                place.waits.block_on(reset.reset(&name("ana"), Secret::from(OTHER))).unwrap();
            },
            asked: OWNED,
            opens: Some(OTHER),
        },
        Deed {
            what: "delete",
            done: |place| place.waits.block_on(place.identity.operator().delete(&name("ana"))).unwrap(),
            asked: FREE,
            opens: None,
        },
    ] {
        let place = Place::with("ana");
        let token = place.token("ana");
        let mut bo = Client::guest(place.address(), "bo");
        let mut by_line = Client::signed_in(place.address(), "ana");
        let mut by_token = Client::by_token(place.address(), "ana", &token);
        let mut by_irc = place.signed_in("ana");
        assert_eq!(people(&place), ["ana", "bo"]);

        (deed.done)(&place);
        by_line.until("* You are signed out.");
        by_irc.until(" 901 ");
        by_token.until("* You are signed out.");
        // The world may have signed it out, and identity too; and all of them are guests now.
        for client in [&mut by_line, &mut by_token] {
            assert!(!client.is_signed_in(), "{}", deed.what);
            client.asks("/join #lobby", IN_LOBBY);
        }
        assert!(by_irc.ask("NS SESSIONS").join("\n").contains("No: sign in first"), "{}", deed.what);
        by_line.say("still here");
        bo.until("still here");
        assert_eq!(people(&place).len(), 4, "{}: each goes its own way", deed.what);
        let owned = people(&place).contains(&"ana".to_owned());
        assert!(!owned || deed.what == "delete", "{}: {:?}", deed.what, people(&place));

        let mut late = Client::connect(place.address());
        late.asks(&format!("/login ana token {token}"), "! Not signed in: ");
        let mut late = Client::connect(place.address());
        if !owned {
            late.asks("ana", deed.asked);
        }
        if deed.asked == OWNED {
            late.asks(PASSWORD, "! Not signed in: the name or the password is wrong");
        }
        if let Some(words) = deed.opens {
            late.asks(words, "You are signed in as ana.");
        }
    }
}

#[test]
fn a_revoked_token_ends_what_stands_on_it_and_nothing_else() {
    let place = Place::with("ana");
    let (first, second) = (place.token("ana"), place.token("ana"));
    let mut by_password = Client::signed_in(place.address(), "ana");
    let mut on_first = Client::by_token(place.address(), "ana", &first);
    let mut on_second = place.client();
    on_second.say(&format!("PASS ana:{second}"));
    on_second.say("NICK ana");
    on_second.say("USER u 0 * :Ana");
    on_second.until(" 422 ");

    by_password.asks("/revoke 1", "Device 1 is signed out.");
    assert!(on_first.read_to_end().contains("this device was signed out"));
    assert!(on_second.ask("NS SESSIONS").join("\n").contains("2: phone, this one"));
    by_password.asks("/revoke all", "All your devices are signed out.");
    assert!(on_second.to_the_end().join("\n").contains("this device was signed out"));
    assert!(by_password.is_signed_in());
    assert_eq!(people(&place), ["ana"]);
}

#[test]
fn who_changes_the_password_stays_and_devices_go() {
    let place = Place::with("ana");
    let (first, second) = (place.token("ana"), place.token("ana"));
    let mut by_password = Client::signed_in(place.address(), "ana");
    let mut on_token = Client::by_token(place.address(), "ana", &first);
    by_password.change_password();
    assert!(on_token.read_to_end().contains("this device was signed out"));
    assert!(by_password.is_signed_in());
    let mut late = Client::connect(place.address());
    late.asks(&format!("/login ana token {second}"), "! Not signed in: ");
}

#[test]
fn who_changes_the_password_stays_also_on_a_token() {
    let place = Place::with("ana");
    let (first, second) = (place.token("ana"), place.token("ana"));
    let mut mine = Client::by_token(place.address(), "ana", &first);
    let mut other = Client::by_token(place.address(), "ana", &second);
    mine.change_password();
    assert!(other.read_to_end().contains("this device was signed out"));
    assert!(mine.is_signed_in(), "it stands on the new password from here on");
    // Nothing of the old token is left that could end it.
    let mut third = Client::connect(place.address());
    third.asks(&format!("/login ana {OTHER}"), IN_LOBBY);
    third.asks("/revoke all", "All your devices are signed out.");
    assert!(mine.is_signed_in());
}

#[test]
fn who_signs_out_on_a_token_stays_as_a_guest() {
    for way in ["/logout", "/revoke 1", "/revoke all"] {
        let place = Place::with("ana");
        let token = place.token("ana");
        let mut ana = Client::by_token(place.address(), "ana", &token);
        ana.asks(way, "* You are signed out.");
        assert!(!ana.is_signed_in(), "{way}");
        let mut late = Client::connect(place.address());
        late.asks(&format!("/login ana token {token}"), "! Not signed in: ");
    }
}

#[test]
fn clearing_all_accounts_keeps_people_and_history_and_a_backup_brings_the_names_back() {
    let folder = tempfile::tempdir().unwrap();
    let folder = throng_store::DataFolder::open(folder.path()).unwrap();
    let place = Place::open_on(throng_store::open(&folder, Durability::Strict).unwrap(), |_| ());
    place.register("ana");
    place.register("bo");
    let token = place.token("bo");
    let mut ana = Client::signed_in(place.address(), "ana");
    let mut bo = place.signed_in("bo");
    bo.ask("JOIN #lobby");
    let mut cyd = Client::guest(place.address(), "cyd");
    ana.asks("before all that", "before all that");

    let operator = place.identity.operator();
    let backup = place.waits.block_on(operator.clear_with_backup(&*place.backups)).unwrap();
    ana.until("* You are signed out.");
    bo.until(" 901 ");
    assert!(place.kept().is_empty());
    ana.asks("I go on", "I go on");
    cyd.until("I go on");
    bo.say("PRIVMSG #lobby :so do I");
    cyd.until("so do I");
    // Whose it was does not matter any more.
    ana.asks("/nick dee", "* You are dee now.");
    let mut ana = Client::connect(place.address());
    ana.asks("ana", FREE);
    ana.asks("", "before all that");
    ana.until("so do I");

    assert_eq!(place.waits.block_on(operator.restore(&*place.backups, backup)).unwrap(), 2);
    ana.until("* You are ");
    let mut late = Client::connect(place.address());
    late.asks("ana", OWNED);
    late.asks(PASSWORD, "You are signed in as ana.");
    late.until(IN_LOBBY);
    let mut by_token = Client::by_token(place.address(), "bo", &token);
    assert!(by_token.is_signed_in());
    assert!(people(&place).contains(&"ana".to_owned()) && people(&place).contains(&"bo".to_owned()));
}
