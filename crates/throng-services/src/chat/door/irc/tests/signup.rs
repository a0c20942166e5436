//! REGISTER and VERIFY, each code of them.

use throng_chat::Event;

use super::{asked, enter, footed, hear, learn, name, refused, replies, safe, signed, signed_in, told};
use crate::chat::door::{AccountAnswer, Door, Footing};
use crate::identity::Refusal;
use crate::identity::password::BadPassword;

#[test]
fn an_account_is_made_of_a_name_given_or_of_ones_own() {
    let mut named = safe();
    hear(&mut named, "CAP LS 302\r\nNICK bo\r\n");
    for (mut door, typed, expected) in [
        (safe(), "Bob", "register Bob correct horse false"),
        (named, "*", "register bo correct horse false"),
        (enter(safe()), "*", "register ana correct horse false"),
        (enter(safe()), "Bob", "register Bob correct horse false"),
    ] {
        let heard = hear(&mut door, &format!("REGISTER {typed} me@example.org :correct horse\r\n"));
        assert_eq!(asked(&heard), expected);
        assert!(heard.reply.is_empty() && door.is_waiting());
        let said = replies(&learn(&mut door, AccountAnswer::Registered(signed("Bob"))));
        assert_eq!(said.len(), 1);
        assert!(said[0].starts_with(":throng.localhost REGISTER SUCCESS Bob :"), "{said:?}");
        assert!(!door.is_waiting());
        assert!(told(&mut door, &Event::SignedIn { account: name("Bob") }).contains(" 900 "));
    }
}

#[test]
fn what_cannot_be_made_has_its_code() {
    let fail = |code: &str| format!(":throng.localhost FAIL REGISTER {code} ");
    for (why, code) in [
        (Refusal::Exists, "ACCOUNT_EXISTS"),
        (Refusal::LooksLike(name("bo")), "BAD_ACCOUNT_NAME"),
        (Refusal::Password(BadPassword::TooShort), "WEAK_PASSWORD"),
        (Refusal::Password(BadPassword::TooLong), "UNACCEPTABLE_PASSWORD"),
        (Refusal::AlreadySignedIn, "ALREADY_AUTHENTICATED"),
        (Refusal::Busy, "TEMPORARILY_UNAVAILABLE"),
    ] {
        let mut door = safe();
        hear(&mut door, "REGISTER Bob * correct\r\n");
        let said = replies(&refused(&mut door, why.clone()));
        assert!(said.len() == 1 && said[0].starts_with(&(fail(code) + "Bob :")), "{why:?}: {said:?}");
    }
    let open = Footing { accounts: true, ..Footing::default() };
    for (mut door, line, code) in [
        (safe(), "REGISTER * * correct", "NEED_NICK"),
        (safe(), "REGISTER a!b * correct", "BAD_ACCOUNT_NAME"),
        (safe(), "REGISTER NickServ * correct", "BAD_ACCOUNT_NAME"),
        (signed_in(), "REGISTER Bob * correct", "ALREADY_AUTHENTICATED"),
        (footed(true, open), "REGISTER Bob * correct", "TEMPORARILY_UNAVAILABLE"),
    ] {
        let heard = hear(&mut door, &format!("{line}\r\n"));
        let said = replies(&heard);
        assert!(heard.account.is_none() && said[0].starts_with(&fail(code)), "{line}: {said:?}");
        assert!(!said[0].contains("correct"), "{said:?}");
    }
    assert!(replies(&hear(&mut safe(), "REGISTER Bob *\r\n"))[0].contains(" 461 * REGISTER "));
    let said = replies(&hear(&mut safe(), "VERIFY Bob 123\r\n"));
    assert!(said[0].starts_with(":throng.localhost FAIL VERIFY INVALID_CODE Bob :"), "{said:?}");
}
