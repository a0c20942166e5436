//! Making an account and coming back to it, by each way.

use crate::{OTHER, PASSWORD, Place};

fn numerics(lines: &[String]) -> Vec<&str> {
    lines.iter().filter_map(|line| line.split(' ').nth(1)).collect()
}

#[test]
fn an_account_is_made_before_the_name_is_given_and_opens_again() {
    let place = Place::open();
    let mut ana = place.client();
    ana.say("CAP LS 302");
    let offered = ana.line().unwrap();
    assert!(offered.contains(" sasl=PLAIN,SCRAM-SHA-256"), "{offered}");
    ana.say("NICK ana");
    ana.say("USER u 0 * :Ana");
    ana.say(&format!("REGISTER * * {PASSWORD}"));
    ana.say("CAP END");
    let said = ana.until(" 001 ana ").join("\n");
    assert!(said.contains("REGISTER SUCCESS ana") && said.contains(" 900 * "), "{said}");
    ana.until(" 422 ");

    let mut taken = place.client();
    taken.say("NICK ana");
    taken.say("USER u 0 * :somebody");
    taken.until(" 433 * ana ");
    taken.until("If ana is yours, log in by SASL");
    let again = taken.ask(&format!("REGISTER ana * {OTHER}")).join("\n");
    assert!(again.contains("FAIL REGISTER ACCOUNT_EXISTS ana"), "{again}");

    let mut by_plain = place.client();
    by_plain.say("CAP REQ :sasl");
    by_plain.until(" ACK ");
    assert_eq!(numerics(&by_plain.plain("ana", PASSWORD)), ["900", "903"]);
    by_plain.say("NICK ana");
    by_plain.say("USER u 0 * :Ana");
    by_plain.say("CAP END");
    by_plain.until(" 001 ana ");

    let mut by_pass = place.client();
    by_pass.say(&format!("PASS ana:{PASSWORD}"));
    by_pass.say("NICK ana");
    by_pass.say("USER u 0 * :Ana");
    assert_eq!(numerics(&by_pass.until(" 001 ana ")), ["900", "001"]);
}

#[test]
fn scram_proves_both_sides_also_to_who_is_here_already() {
    let place = Place::with("ana");
    for mut client in [place.client(), place.guest("bo")] {
        let challenge = client.scram_first("ana");
        let (answer, expected) = client.scram_final("ana", PASSWORD, &challenge);
        assert!(answer.contains(&expected), "{answer:#?}");
        assert!(answer.iter().any(|line| line.contains(" 900 ")), "{answer:#?}");
        assert_eq!(numerics(&client.ask("AUTHENTICATE +")), ["903"]);
        assert_eq!(numerics(&client.ask("AUTHENTICATE PLAIN")), ["907"]);
    }
}

#[test]
fn what_is_wrong_opens_nothing() {
    let place = Place::with("ana");
    let mut client = place.client();
    client.say("CAP REQ :sasl");
    client.until(" ACK ");
    let said = client.plain("ana", OTHER).join("\n");
    assert!(said.contains(" 904 * :SASL authentication failed: the name or the password is wrong"), "{said}");
    assert_eq!(client.plain("nobody", OTHER).join("\n"), said, "whether there is such an account or not");
    let challenge = client.scram_first("ana");
    let (answer, _) = client.scram_final("ana", OTHER, &challenge);
    assert_eq!(answer.join("\n"), said);
    client.say("NICK bo");
    client.say("USER u 0 * :Bo");
    client.say("CAP END");
    client.until(" 001 bo ");

    let place = Place::with("ana");
    let mut client = place.client();
    client.say(&format!("PASS ana:{OTHER}"));
    client.say("NICK ana");
    client.say("USER u 0 * :Ana");
    let last = client.rest();
    assert!(last[0].contains(" 464 * :Not logged in: ") && last[1].starts_with("ERROR :"), "{last:#?}");
}

#[test]
fn nobody_signs_in_to_a_suspended_account() {
    let place = Place::with("ana");
    let mut here = place.signed_in("ana");
    place.suspend("ana");
    let said = here.ask("NS SESSIONS").join("\n");
    assert!(said.contains("No: sign in first") && said.contains(" 901 "), "{said}");
    let mut client = place.client();
    let said = client.plain("ana", PASSWORD).join("\n");
    assert!(said.contains(" 904 * :SASL authentication failed: the name or the password is wrong"), "{said}");
}
