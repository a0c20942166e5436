//! NickServ: what each verb asks, and the words of each answer.

use throng_chat::{Command, Event, Refusal as Denial, Time};

use super::{asked, enter, footed, hear, learn, name, refused, replies, safe, signed, signed_in, told};
use crate::chat::door::{AccountAnswer, Ask, Door, Footing};
use crate::identity::session::Device;
use crate::identity::{Refusal, Secret, Which};

const TOKEN: &str = "throng_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn to_it(words: &str) -> String {
    format!("PRIVMSG NickServ :{words}\r\n")
}

#[test]
fn each_verb_asks_for_one_thing() {
    let digits = "c7".repeat(32);
    for (words, expected) in [
        ("REGISTER correct", "register ana correct false"),
        ("register correct me@example.org", "register ana correct false"),
        ("IDENTIFY correct", "login ana correct"),
        ("identify Bob correct", "login Bob correct"),
        (&format!("IDENTIFY {TOKEN}"), &format!("login - {TOKEN}")),
        ("LOGOUT", "Logout"),
        ("SET PASSWORD correct battery", "change correct battery false"),
        ("SET SCRAM correct", "change correct correct true"),
        ("SET GREETING on", "SetRecognised(true)"),
        ("set greeting OFF", "SetRecognised(false)"),
        ("CERT ADD", "SetCertificate { fingerprint: None, good: true }"),
        ("CERT DEL", "SetCertificate { fingerprint: None, good: false }"),
        ("INFO", "Owner(Name(Inner { shown: \"ana\", folded: \"ana\", skeleton: \"ana\" }))"),
        ("TOKEN my phone", "NewToken(\"my phone\")"),
        ("SESSIONS", "Tokens"),
        ("REVOKE 3", "Revoke(Number(3))"),
        ("REVOKE all", "Revoke(All)"),
        ("OPERATOR ABCDE-FGHIJ", "code ABCDE-FGHIJ"),
    ] {
        for line in [to_it(words), format!("NS {words}\r\n"), format!("NICKSERV :{words}\r\n")] {
            let mut door = enter(safe());
            let heard = hear(&mut door, &line);
            assert!(heard.reply.is_empty() && heard.asks.is_empty() && door.is_waiting(), "{line}");
            assert_eq!(asked(&heard), expected, "{line}");
        }
    }
    let with_digits = asked(&hear(&mut enter(safe()), &to_it(&format!("CERT ADD {digits}"))));
    assert!(with_digits.contains("Some([199, 199, "), "{with_digits}");
    let with_server = "PRIVMSG NickServ@throng.localhost :LOGOUT\r\n";
    assert_eq!(asked(&hear(&mut enter(safe()), with_server)), "Logout");
}

#[test]
fn what_it_does_not_understand_it_says_without_saying_it_back() {
    for (words, expected) in [
        ("IDENTFY ana hunter2", "Did you mean IDENTIFY? /msg NickServ HELP"),
        ("hunter2", "I do not know that. /msg NickServ HELP"),
        ("IDENTIFY", "Say it like this: IDENTIFY [account] password"),
        ("SET PASSWORD hunter2", "Say it like this: SET PASSWORD old new"),
        ("SET hunter2 hunter2", "Say it like this: SET PASSWORD old new"),
        ("CERT hunter2", "Say it like this: CERT ADD|DEL [fingerprint]"),
        ("CERT ADD hunter2", "A fingerprint is SHA-256"),
        ("REVOKE hunter2", "Say it like this: REVOKE number|all"),
        ("IDENTIFY a!b hunter2", "That cannot be a name"),
        ("HELP hunter2", "I do not know that verb"),
    ] {
        let heard = hear(&mut enter(safe()), &to_it(words));
        let said = replies(&heard).join("\n");
        assert!(said.starts_with(":NickServ!NickServ@throng.localhost NOTICE ana :"), "{said}");
        assert!(said.contains(expected) && !said.contains("hunter2"), "{words}: {said}");
        assert!(heard.account.is_none() && heard.asks.is_empty());
    }
}

#[test]
fn help_shows_every_verb_or_one() {
    let all = replies(&hear(&mut enter(safe()), &to_it("HELP")));
    assert_eq!(all.len(), 13);
    assert!(all.iter().all(|line| line.len() < 400 && line.contains(" - ")), "{all:#?}");
    assert_eq!(replies(&hear(&mut enter(safe()), &to_it("help cert"))).len(), 1);
    assert_eq!(replies(&hear(&mut enter(safe()), "NS\r\n")), all);
}

#[test]
fn nobody_else_hears_what_is_said_to_it() {
    for line in ["PRIVMSG NickServ,bo :IDENTIFY hunter2\r\n", "PRIVMSG bo,nickserv :IDENTIFY hunter2\r\n"] {
        let heard = hear(&mut enter(safe()), line);
        let said = replies(&heard).join("\n");
        assert!(said.contains(" 407 ana ") && !said.contains("hunter2"), "{said}");
        assert!(heard.asks.is_empty() && heard.account.is_none());
    }
    for line in ["NOTICE NickServ :IDENTIFY hunter2\r\n", "PRIVMSG NickServ :\u{1}VERSION\u{1}\r\n"] {
        let heard = hear(&mut enter(safe()), line);
        assert!(heard.reply.is_empty() && heard.asks.is_empty() && heard.account.is_none(), "{line}");
    }
    // Where there are no accounts it is nobody.
    assert!(replies(&hear(&mut super::here(), &to_it("HELP")))[0].contains(" 401 ana NickServ "));
}

#[test]
fn nobody_can_be_called_so_and_whois_shows_it() {
    for typed in ["NickServ", "NICKSERV"] {
        let said = replies(&hear(&mut safe(), &format!("NICK {typed}\r\n")));
        assert!(said[0].contains(&format!(" 432 * {typed} ")), "{said:?}");
    }
    let heard = hear(&mut enter(safe()), "WHOIS nickserv\r\n");
    let numerics: Vec<_> =
        replies(&heard).iter().map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect();
    assert_eq!(numerics, ["311", "312", "318"]);
    assert!(heard.asks.is_empty());
}

#[test]
fn each_answer_has_its_words() {
    let device = Device {
        number: 3,
        name: "phone".into(),
        created: Time(0),
        used: Time(0),
        expires: Time(1),
        this: true,
    };
    for (words, answer, expected) in [
        ("REGISTER p", AccountAnswer::Registered(signed("ana")), "The account ana is made"),
        ("IDENTIFY p", AccountAnswer::SignedIn(signed("ana")), "You are logged in as ana."),
        ("SET PASSWORD a b", AccountAnswer::PasswordChanged, "Your password is the new one."),
        ("SET SCRAM a", AccountAnswer::PasswordChanged, "Keys for SCRAM-SHA-256 are kept"),
        ("TOKEN x", AccountAnswer::NewToken(Secret::from(TOKEN)), TOKEN),
        ("SESSIONS", AccountAnswer::Tokens(vec![]), "No device has a token."),
        (
            "SESSIONS",
            AccountAnswer::Tokens(vec![device.clone()]),
            "3: phone, this one, last used 1970-01-01T",
        ),
        ("SESSIONS", AccountAnswer::Tokens(vec![device; 25]), "and 5 more"),
        ("REVOKE 3", AccountAnswer::Revoked(Which::Number(3)), "Token 3 is void."),
        ("REVOKE all", AccountAnswer::Revoked(Which::All), "All tokens are void."),
        ("CERT ADD", AccountAnswer::CertificateSet(true), "That certificate logs you in from now on."),
        ("CERT DEL", AccountAnswer::CertificateSet(false), "That certificate no longer logs you in."),
        ("SET GREETING on", AccountAnswer::RecognisedSet(true), "You are greeted by your address"),
        ("SET GREETING off", AccountAnswer::RecognisedSet(false), "You are no longer greeted"),
        ("OPERATOR x", AccountAnswer::Operator, " 381 ana :"),
        ("INFO bo", AccountAnswer::Owner(None), "bo is not registered."),
        ("INFO bo", AccountAnswer::Owner(Some(name("Bob"))), "bo belongs to the account Bob."),
        ("LOGOUT", AccountAnswer::Refused(Refusal::NotSignedIn), "No: sign in first: /msg NickServ IDENTIFY"),
        ("REGISTER p", AccountAnswer::Refused(Refusal::AlreadySignedIn), "LOGOUT first"),
        ("IDENTIFY p", AccountAnswer::Refused(Refusal::Wrong), "No: the name or the password is wrong."),
        ("IDENTIFY p", AccountAnswer::Refused(Refusal::PlaintextRefused), "connect with TLS."),
    ] {
        let mut door = enter(safe());
        hear(&mut door, &to_it(words));
        let said = replies(&learn(&mut door, answer)).join("\n");
        assert!(said.contains(expected), "{words}: {said}");
        assert!(!door.is_waiting(), "{words}");
    }
}

#[test]
fn who_logs_out_is_heard_again_when_the_world_knows() {
    let mut door = signed_in();
    hear(&mut door, &to_it("LOGOUT"));
    let said = replies(&learn(&mut door, AccountAnswer::SignedOut));
    assert!(said[0].ends_with(":You are logged out."), "{said:?}");
    assert!(door.is_waiting());
    assert!(told(&mut door, &Event::SignedOut).contains(" 901 ") && !door.is_waiting());
    // The world may be first, or have done it by itself.
    let mut door = signed_in();
    hear(&mut door, &to_it("LOGOUT"));
    told(&mut door, &Event::SignedOut);
    learn(&mut door, AccountAnswer::SignedOut);
    assert!(!door.is_waiting());
    hear(&mut door, &to_it("LOGOUT"));
    refused(&mut door, Refusal::NotSignedIn);
    assert!(!door.is_waiting());
}

#[test]
fn ghost_and_regain_are_asked_of_the_world() {
    let ask = |command| Ask::World(command);
    let ghost = |door: &mut _| hear(door, &to_it("GHOST bo"));
    let here = || Event::PersonIs { who: name("ana"), account: None, rooms: vec![] };
    let mut door = signed_in();
    assert_eq!(ghost(&mut door).asks, [ask(Command::Ghost(name("bo"))), ask(Command::WhoIs(name("ana")))]);
    assert!(door.is_waiting());
    let said = told(&mut door, &here());
    assert!(said.contains("bo is free of other connections.") && !said.contains(" 311 "), "{said}");
    assert!(!door.is_waiting());
    for refusal in [Denial::NotSignedIn, Denial::NotYourName(name("bo")), Denial::NoSuchPerson(name("bo"))] {
        let mut door = signed_in();
        ghost(&mut door);
        let said = told(&mut door, &Event::Refused(refusal.clone())) + &told(&mut door, &here());
        assert!(!said.contains("free") && said.lines().count() == 1, "{refusal:?}: {said}");
        assert!(!door.is_waiting());
    }
    let mut door = signed_in();
    ghost(&mut door);
    told(&mut door, &Event::Refused(Denial::NotStored { why: "full".into() }));
    assert!(!door.is_waiting(), "what was taken back is not waited for");
    assert_eq!(hear(&mut door, &to_it("REGAIN bo")).asks, [ask(Command::Regain(name("bo")))]);
    assert_eq!(hear(&mut door, &to_it("REGAIN ana")).asks[0], ask(Command::Ghost(name("ana"))));
}

#[test]
fn where_no_secret_may_come_the_answer_says_the_way_out() {
    let mut door = enter(footed(true, Footing { accounts: true, ..Footing::default() }));
    hear(&mut door, &to_it("IDENTIFY hunter2"));
    let said = replies(&refused(&mut door, Refusal::PlaintextRefused)).join("");
    assert!(said.contains("connect with TLS"), "{said}");
}
