//! NickServ, as people talk to it.

use crate::{OTHER, PASSWORD, Place};

fn answer(lines: &[String]) -> String {
    let notices =
        lines.iter().filter_map(|line| line.strip_prefix(":NickServ!NickServ@throng.localhost NOTICE "));
    notices.filter_map(|line| line.split_once(" :")).map(|(_, words)| words).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_nick_is_registered_and_everything_of_it_can_be_changed() {
    let place = Place::open();
    let mut ana = place.guest("ana");
    let mut ask = |words: &str| answer(&ana.ask(&format!("PRIVMSG NickServ :{words}")));
    assert_eq!(ask("REGISTER short"), "No: a password has at least 8 bytes.");
    assert_eq!(ask(&format!("REGISTER {PASSWORD}")), "The account ana is made, and you are logged in to it.");
    assert_eq!(ask("INFO"), "ana belongs to the account ana.");
    assert_eq!(ask("INFO bo"), "bo is not registered.");
    let token = ask("TOKEN my phone").lines().nth(1).unwrap().to_owned();
    assert!(token.starts_with("throng_"), "{token}");
    assert!(ask("SESSIONS").starts_with("1: my phone, last used "));
    assert_eq!(ask("SET GREETING on"), "You are greeted by your address from now on.");
    assert!(ask("CERT ADD").contains("you showed no client certificate"));

    let mut phone = place.client();
    phone.say(&format!("PASS ana:{token}"));
    phone.say("NICK ana");
    phone.say("USER u 0 * :Ana");
    phone.until(" 001 ana ");
    assert!(answer(&phone.ask("NS SESSIONS")).starts_with("1: my phone, this one, "));
    assert_eq!(ask("REVOKE 1"), "Token 1 is void.");
    assert!(phone.rest().last().unwrap().contains("this device was signed out"));

    assert!(
        ask(&format!("SET SCRAM {PASSWORD}"))
            .starts_with("Keys for SCRAM-SHA-256 are kept of your password now.")
    );
    let mut tablet = place.client();
    let challenge = tablet.scram_first("ana");
    let (said, expected) = tablet.scram_final("ana", PASSWORD, &challenge);
    assert!(said.contains(&expected), "{said:#?}");
    assert!(
        ask(&format!("SET PASSWORD {OTHER} {PASSWORD}")).starts_with("No: the name or the password is wrong")
    );
    assert_eq!(
        ask(&format!("SET PASSWORD {PASSWORD} {OTHER}")),
        "Your password is the new one. All tokens are void."
    );
    assert_eq!(ask("LOGOUT"), "You are logged out.");
    assert!(ask(&format!("IDENTIFY ana {PASSWORD}")).starts_with("No: "));
    assert_eq!(ask(&format!("IDENTIFY ana {OTHER}")), "You are logged in as ana.");
}

#[test]
fn a_nick_is_taken_back_from_whoever_has_it() {
    let place = Place::with("ana");
    let mut here = place.signed_in("ana");
    let mut ghost = place.signed_in("ana");
    assert_eq!(answer(&here.ask("NS GHOST ana")), "ana is free of other connections.");
    assert!(ghost.rest().last().unwrap().contains("another connection of yours"));

    let mut guest = place.guest("bo");
    let said = guest.ask("NS GHOST ana").join("\n");
    assert!(said.contains(" 400 bo ") && answer(&[said]).is_empty());
    let mut second = place.guest("cyd");
    second.ask(&format!("NS IDENTIFY ana {PASSWORD}"));
    let said = second.ask("NS REGAIN ana").join("\n");
    assert!(said.contains(":cyd!~u@throng NICK"), "{said}");
}
