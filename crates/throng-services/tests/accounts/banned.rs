//! Accounts that nobody wants.

use throng_services::bans::{Banned, Target};

use crate::{PASSWORD, Place};

fn ban(place: &Place, target: &str) -> Banned {
    let target: Target = target.parse().unwrap();
    let reason = throng_services::chat::text("spam");
    place.chat.bans().add(target, None, reason, throng_services::chat::text("console").unwrap()).unwrap()
}

#[test]
fn all_sessions_of_a_banned_account_end_and_nobody_signs_in_to_it() {
    let place = Place::with("ana");
    let mut bo = place.guest("bo");
    let (mut one, mut two) = (place.signed_in("ana"), place.signed_in("ana"));
    // Signed in, and without a name.
    let mut unnamed = place.client();
    unnamed.say("CAP REQ :sasl");
    unnamed.plain("ana", PASSWORD);
    assert_eq!(ban(&place, "account:ANA").closed, Some(3));
    for client in [&mut one, &mut two, &mut unnamed] {
        let last = client.rest().join("\n");
        assert!(last.contains(" :You are banned: spam\nERROR :Closing link: banned: spam"), "{last}");
    }
    let mut again = place.client();
    again.say(&format!("PASS ana:{PASSWORD}"));
    again.say("NICK anna");
    again.say("USER u 0 * :somebody");
    let last = again.rest().join("\n");
    assert!(last.contains(" 465 * :You are banned: spam"), "{last}");
    // Who is here as a guest goes as well when they sign in to it.
    bo.say(&format!("NS IDENTIFY ana {PASSWORD}"));
    let last = bo.rest().join("\n");
    assert!(last.contains(" 465 bo :You are banned: spam"), "{last}");
    assert_eq!(place.chat.hub().status().unwrap().people, 0);
    assert_eq!(place.chat.bans().remove(&"account:ana".parse().unwrap()), Ok(true));
    drop(place.signed_in("ana"));
}

#[test]
fn nobody_registers_a_banned_name() {
    let place = Place::open();
    ban(&place, "troll*");
    let mut bo = place.guest("bo");
    let said = bo.ask(&format!("REGISTER trolley * {PASSWORD}")).join("\n");
    assert!(said.contains("FAIL REGISTER") && said.contains("that name is banned"), "{said}");
    let said = bo.ask("NICK trolley").join("\n");
    assert!(said.contains(" 432 bo trolley :That name is banned: spam"), "{said}");
    assert!(place.kept().is_empty());
}
