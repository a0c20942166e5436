//! AUTHENTICATE and PASS, each numeric of them.

use data_encoding::BASE64;
use throng_chat::{Command, Event, Refusal as Denial};

use super::{asked, enter, footed, hear, learn, name, refused, replies, safe, signed, signed_in, told};
use crate::chat::door::{AccountAnswer, AccountAsk, Ask, Door, Footing};
use crate::identity::Refusal;

fn plain(acts_for: &str, typed: &str, password: &str) -> String {
    format!("AUTHENTICATE {}\r\n", BASE64.encode(format!("{acts_for}\0{typed}\0{password}").as_bytes()))
}

fn text(heard: &crate::chat::door::Heard) -> String {
    replies(heard).join("\n")
}

#[test]
fn what_can_be_done_from_there_is_offered_and_nothing_else() {
    let listed = |secrets, certificate, request: &str| {
        let footing = Footing { accounts: true, secrets, certificate };
        text(&hear(&mut footed(true, footing), request))
    };
    let safe = listed(true, false, "CAP LS 302\r\n");
    assert!(
        safe.contains(" sasl=PLAIN,SCRAM-SHA-256 ") || safe.ends_with(" sasl=PLAIN,SCRAM-SHA-256"),
        "{safe}"
    );
    assert!(safe.contains(" draft/account-registration=before-connect,custom-account-name "), "{safe}");
    assert!(listed(true, true, "CAP LS 302\r\n").contains(" sasl=PLAIN,SCRAM-SHA-256,EXTERNAL "));
    let old = listed(true, false, "CAP LS\r\n");
    assert!(old.contains(" sasl ") && !old.contains('='), "{old}");
    assert!(listed(true, false, "CAP REQ :sasl draft/account-registration\r\n").contains(" ACK "));
    for request in ["CAP LS 302\r\n", "CAP REQ :sasl\r\n", "CAP REQ :draft/account-registration\r\n"] {
        let open = listed(false, true, request);
        assert!(
            !open.contains("PLAIN") && !open.contains(" ACK ") && !open.contains("before-connect"),
            "{open}"
        );
    }
    let failed = listed(false, false, "AUTHENTICATE PLAIN\r\n");
    assert!(failed.contains(" 904 * :") && failed.contains("connect with TLS"), "{failed}");
}

#[test]
fn plain_says_900_and_then_903_whichever_answer_is_first() {
    for world_first in [false, true] {
        for mut door in [safe(), enter(safe())] {
            let began = hear(&mut door, "AUTHENTICATE plain\r\n");
            assert_eq!(replies(&began), ["AUTHENTICATE +"]);
            assert!(door.is_signing_in());
            let heard = hear(&mut door, &(plain("", "ana", "correct horse") + "PING x\r\n"));
            assert_eq!(asked(&heard), "login ana correct horse");
            assert!(heard.reply.is_empty() && door.is_waiting());
            let mut said = String::new();
            let event = Event::SignedIn { account: name("ana") };
            if world_first {
                said += &told(&mut door, &event);
            }
            said += &text(&learn(&mut door, AccountAnswer::SignedIn(signed("ana"))));
            if !world_first {
                assert!(said.is_empty() && door.is_waiting(), "{said}");
                said += &told(&mut door, &event);
            }
            let (logged_in, successful) = (said.find(" 900 ").unwrap(), said.find(" 903 ").unwrap());
            assert!(logged_in < successful, "{said}");
            assert!(!door.is_waiting() && !door.is_signing_in());
            assert!(text(&hear(&mut door, "")).contains(" PONG "), "what waited is heard");
            let again = text(&hear(&mut door, "AUTHENTICATE PLAIN\r\n"));
            assert!(again.contains(" 907 "), "{again}");
        }
    }
}

#[test]
fn what_plain_says_is_taken_apart_with_care() {
    let token = format!("throng_{}", "A".repeat(43));
    for (acts_for, typed, password, expected) in [
        ("", "ana", "correct horse", "login ana correct horse"),
        ("ANA", "ana", "correct horse", "login ana correct horse"),
        ("", "ana", &token, &format!("login ana {token}")),
        ("", "", &token, &format!("login - {token}")),
    ] {
        let mut door = safe();
        hear(&mut door, "AUTHENTICATE PLAIN\r\n");
        assert_eq!(asked(&hear(&mut door, &plain(acts_for, typed, password))), expected);
    }
    let not_utf8 = format!("AUTHENTICATE {}\r\n", BASE64.encode(b"\0ana\0\xff"));
    let two = format!("AUTHENTICATE {}\r\n", BASE64.encode(b"ana\0correct horse"));
    let four = format!("AUTHENTICATE {}\r\n", BASE64.encode(b"\0ana\0correct\0horse"));
    for line in [
        &plain("bo", "ana", "correct horse"),
        &plain("", "a!b", "correct horse"),
        &not_utf8,
        &two,
        &four,
        "AUTHENTICATE +\r\n",
        "AUTHENTICATE not-base64\r\n",
        "AUTHENTICATE YQ=\r\n",
    ] {
        let mut door = safe();
        hear(&mut door, "AUTHENTICATE PLAIN\r\n");
        let heard = hear(&mut door, line);
        assert!(
            heard.account.is_none() && text(&heard).contains(" 904 * :SASL authentication failed: "),
            "{line}"
        );
        assert!(!text(&heard).contains("horse") && !door.is_signing_in());
    }
}

#[test]
fn long_messages_come_in_pieces_and_longer_ones_not_at_all() {
    let password = "p".repeat(1024);
    let letters = BASE64.encode(format!("\0ana\0{password}").as_bytes());
    let lines = |letters: &str| -> String {
        let mut lines = String::new();
        let mut rest = letters;
        while rest.len() >= 400 {
            lines += &format!("AUTHENTICATE {}\r\n", &rest[..400]);
            rest = &rest[400..];
        }
        lines + &format!("AUTHENTICATE {}\r\n", if rest.is_empty() { "+" } else { rest })
    };
    let mut door = safe();
    hear(&mut door, "AUTHENTICATE PLAIN\r\n");
    assert_eq!(asked(&hear(&mut door, &lines(&letters))), format!("login ana {password}"));
    // So long that the last piece is a full one, and nothing follows.
    let exact = BASE64.encode(format!("\0ana\0{}", "p".repeat(295)).as_bytes());
    assert_eq!(exact.len(), 400);
    let mut door = safe();
    hear(&mut door, "AUTHENTICATE PLAIN\r\n");
    assert!(hear(&mut door, &format!("AUTHENTICATE {exact}\r\n")).account.is_none());
    assert!(asked(&hear(&mut door, "AUTHENTICATE +\r\n")).starts_with("login ana ppp"));

    for lines in [format!("AUTHENTICATE {}\r\n", "A".repeat(401)), lines(&"A".repeat(2800))] {
        let mut door = safe();
        hear(&mut door, "AUTHENTICATE PLAIN\r\n");
        let heard = hear(&mut door, &lines);
        assert!(heard.account.is_none() && text(&heard).contains(" 905 * :"), "{}", text(&heard));
        assert!(!door.is_signing_in());
    }
}

#[test]
fn scram_takes_two_messages_and_the_clients_last_word() {
    let mut door = safe();
    assert_eq!(replies(&hear(&mut door, "AUTHENTICATE SCRAM-SHA-256\r\n")), ["AUTHENTICATE +"]);
    let send = |words: &str| format!("AUTHENTICATE {}\r\n", BASE64.encode(words.as_bytes()));
    assert_eq!(asked(&hear(&mut door, &send("n,,n=ana,r=x"))), "first n,,n=ana,r=x");
    let challenge = learn(&mut door, AccountAnswer::Challenge("r=xy,s=QQ==,i=4096".into()));
    assert_eq!(replies(&challenge), [send("r=xy,s=QQ==,i=4096").trim_end()]);
    assert!(!door.is_waiting() && door.is_signing_in());
    assert_eq!(asked(&hear(&mut door, &send("c=biws,r=xy,p=QQ=="))), "final c=biws,r=xy,p=QQ==");
    let proven = learn(&mut door, AccountAnswer::Proven(signed("ana"), "v=QQ==".into()));
    assert_eq!(replies(&proven), [send("v=QQ==").trim_end()]);
    assert!(door.is_waiting(), "until the world has said it too");
    let said = told(&mut door, &Event::SignedIn { account: name("ana") });
    assert!(said.contains(" 900 ") && !said.contains(" 903 "), "{said}");
    assert!(text(&hear(&mut door, "AUTHENTICATE +\r\n")).contains(" 903 "));
    // What fills its pieces has an empty one behind it.
    let mut door = safe();
    hear(&mut door, "AUTHENTICATE SCRAM-SHA-256\r\n");
    hear(&mut door, &send("n,,n=ana,r=x"));
    let long = replies(&learn(&mut door, AccountAnswer::Challenge("x".repeat(600))));
    assert_eq!(long.iter().map(String::len).collect::<Vec<_>>(), [413, 413, 14], "{long:?}");
}

#[test]
fn whom_the_client_does_not_trust_it_is_not_signed_in_by() {
    let mut door = enter(safe());
    hear(&mut door, "AUTHENTICATE SCRAM-SHA-256\r\n");
    hear(&mut door, "AUTHENTICATE YQ==\r\n");
    learn(&mut door, AccountAnswer::Challenge("r=x".into()));
    hear(&mut door, "AUTHENTICATE YQ==\r\n");
    learn(&mut door, AccountAnswer::Proven(signed("ana"), "v=QQ==".into()));
    told(&mut door, &Event::SignedIn { account: name("ana") });
    let heard = hear(&mut door, "AUTHENTICATE *\r\n");
    assert!(text(&heard).contains(" 906 ") && matches!(heard.account.as_deref(), Some(AccountAsk::Logout)));
    learn(&mut door, AccountAnswer::SignedOut);
    assert!(door.is_waiting(), "until the world has said it too");
    assert!(told(&mut door, &Event::SignedOut).contains(" 901 "));
    assert!(!door.is_waiting() && !door.is_signing_in());
}

#[test]
fn external_names_an_account_or_leaves_it_to_the_certificate() {
    for (line, expected) in [
        ("AUTHENTICATE +\r\n".to_owned(), "certificate -"),
        (format!("AUTHENTICATE {}\r\n", BASE64.encode(b"ana")), "certificate ana"),
    ] {
        let mut door = footed(true, Footing { accounts: true, secrets: true, certificate: true });
        assert_eq!(replies(&hear(&mut door, "AUTHENTICATE EXTERNAL\r\n")), ["AUTHENTICATE +"]);
        assert_eq!(asked(&hear(&mut door, &line)), expected);
    }
    let said = text(&hear(&mut safe(), "AUTHENTICATE EXTERNAL\r\n"));
    assert!(said.contains(" 908 * PLAIN,SCRAM-SHA-256 :") && said.contains(" 904 * :"), "{said}");
}

#[test]
fn what_is_refused_says_why() {
    for (why, expected) in [
        (Refusal::Wrong, " 904 * :SASL authentication failed: the name or the password is wrong"),
        (Refusal::Busy, " 904 * :SASL authentication failed: too many are signing in"),
        (Refusal::AlreadySignedIn, " 907 * :"),
    ] {
        let mut door = safe();
        hear(&mut door, "AUTHENTICATE PLAIN\r\n");
        hear(&mut door, &plain("", "ana", "correct horse"));
        let said = text(&refused(&mut door, why.clone()));
        assert!(said.contains(expected), "{why:?}: {said}");
        assert!(!door.is_waiting() && !door.is_signing_in());
    }
    // The world has the last word.
    let mut door = safe();
    hear(&mut door, "AUTHENTICATE PLAIN\r\n");
    hear(&mut door, &plain("", "ana", "correct horse"));
    learn(&mut door, AccountAnswer::SignedIn(signed("ana")));
    let said = told(&mut door, &Event::Refused(Denial::NoSuchAccount(name("ana"))));
    assert!(said.contains(" 904 ") && !door.is_waiting() && !door.is_signing_in(), "{said}");
}

/// A door that has been challenged.
fn challenged(mut door: crate::chat::door::irc::IrcDoor) -> crate::chat::door::irc::IrcDoor {
    hear(&mut door, "AUTHENTICATE SCRAM-SHA-256\r\n");
    hear(&mut door, "AUTHENTICATE YQ==\r\n");
    learn(&mut door, AccountAnswer::Challenge("r=x".into()));
    door
}

#[test]
fn what_was_given_up_is_over_before_anything_else_is_asked() {
    let mut door = challenged(enter(safe()));
    assert!(text(&hear(&mut door, "AUTHENTICATE *\r\n")).contains(" 906 ana "));
    hear(&mut door, "AUTHENTICATE PLAIN\r\n");
    let heard = hear(&mut door, &plain("", "ana", "correct horse"));
    assert!(matches!(heard.account.as_deref(), Some(AccountAsk::Cancel)), "{heard:?}");
    let then = learn(&mut door, AccountAnswer::Cancelled);
    assert_eq!(asked(&then), "login ana correct horse");
    assert!(
        text(&hear(&mut safe(), "AUTHENTICATE *\r\n")).contains(" 906 * "),
        "also where nothing had begun"
    );

    let mut late = challenged(enter(safe()));
    let mut out = Vec::new();
    late.give_up_signing(&mut out);
    assert!(String::from_utf8(out).unwrap().contains(" 906 ana ") && !late.is_signing_in());
    let mut out = Vec::new();
    late.give_up_signing(&mut out);
    assert!(out.is_empty(), "once");
    // What identity is at work on comes to its end.
    let mut door = enter(safe());
    hear(&mut door, "AUTHENTICATE PLAIN\r\n");
    hear(&mut door, &plain("", "ana", "correct horse"));
    door.give_up_signing(&mut out);
    assert!(out.is_empty() && door.is_signing_in());
}

#[test]
fn who_comes_in_without_waiting_is_not_signed_in() {
    let mut door = safe();
    hear(&mut door, "CAP LS 302\r\nNICK ana\r\nUSER a 0 * :Ana\r\n");
    let mut door = challenged(door);
    let heard = hear(&mut door, "CAP END\r\n");
    assert!(text(&heard).contains(" 906 * "), "{heard:?}");
    assert_eq!(heard.asks, [Ask::World(Command::Enter(name("ana")))]);
    // SCRAM that lacks only the client's last word is undone first.
    let mut door = safe();
    hear(&mut door, "CAP LS 302\r\nNICK ana\r\nUSER a 0 * :Ana\r\n");
    let mut door = challenged(door);
    hear(&mut door, "AUTHENTICATE YQ==\r\n");
    learn(&mut door, AccountAnswer::Proven(signed("ana"), "v=QQ==".into()));
    told(&mut door, &Event::SignedIn { account: name("ana") });
    let heard = hear(&mut door, "CAP END\r\n");
    assert!(matches!(heard.account.as_deref(), Some(AccountAsk::Logout)) && heard.asks.is_empty());
    learn(&mut door, AccountAnswer::SignedOut);
    told(&mut door, &Event::SignedOut);
    assert_eq!(hear(&mut door, "").asks, [Ask::World(Command::Enter(name("ana")))]);
}

#[test]
fn pass_signs_in_before_the_name_is_asked_for() {
    let lines = "PASS ana:correct:horse\r\nNICK ana\r\nUSER a 0 * :Ana\r\n";
    let mut door = safe();
    let heard = hear(&mut door, lines);
    assert!(heard.asks.is_empty() && door.is_waiting());
    assert_eq!(asked(&heard), "login ana correct:horse");
    let then = learn(&mut door, AccountAnswer::SignedIn(signed("ana")));
    assert_eq!(then.asks, [Ask::World(Command::Enter(name("ana")))]);

    let mut door = safe();
    hear(&mut door, lines);
    let heard = refused(&mut door, Refusal::Wrong);
    assert!(
        text(&heard).starts_with(":throng.localhost 464 * :Not logged in: the name or the password is wrong")
    );
    assert!(text(&heard).contains("ERROR :") && heard.over.is_some() && heard.asks.is_empty());
    assert!(hear(&mut door, "NICK bo\r\nPING x\r\n").reply.is_empty(), "nothing more is heard");

    // Signed in by SASL already: nothing is lost.
    let mut door = safe();
    hear(&mut door, lines);
    assert_eq!(refused(&mut door, Refusal::AlreadySignedIn).asks, [Ask::World(Command::Enter(name("ana")))]);
    // What is meant for another server is ignored, and everything is where there are no accounts.
    for (mut door, pass) in [(safe(), "hunter2"), (safe(), "a!b:hunter2"), (super::door(), "ana:hunter2")] {
        let heard = hear(&mut door, &format!("PASS {pass}\r\nNICK ana\r\nUSER a 0 * :Ana\r\n"));
        assert_eq!(heard.asks, [Ask::World(Command::Enter(name("ana")))], "{pass}");
        assert!(heard.account.is_none() && heard.reply.is_empty());
    }
}

#[test]
fn a_registered_name_says_how_to_come_by_it() {
    let refusal = || Event::Refused(Denial::NameRegistered { name: name("bo"), alternatives: vec![] });
    let said = told(&mut safe(), &refusal());
    assert!(
        said.contains(" 433 * bo ")
            && said.contains("NOTICE * :If bo is yours, log in by SASL, or by PASS bo:")
    );
    let open = Footing { accounts: true, ..Footing::default() };
    let said = told(&mut footed(true, open), &refusal());
    assert!(said.contains("over TLS") && !said.contains("PASS"), "{said}");
}

#[test]
fn where_there_are_no_accounts_there_are_no_commands_for_them() {
    for line in
        ["AUTHENTICATE PLAIN", "REGISTER * * correct", "VERIFY a b", "NS HELP", "NICKSERV HELP", "OPER a b"]
    {
        let said = text(&hear(&mut super::here(), &format!("{line}\r\n")));
        assert!(said.contains(" 421 ana "), "{said}");
    }
    let asks = hear(&mut signed_in(), "QUIT\r\n").asks;
    assert_eq!(asks.len(), 1);
}
