//! OPER, KILL and WALLOPS.

use throng_chat::{Event, OperatorCommand, Refusal as Denial, Text};

use super::{asked, enter, hear, learn, name, refused, replies, safe, signed, signed_in, told};
use crate::chat::door::{AccountAnswer, AccountAsk, Door};
use crate::identity::Refusal;

#[test]
fn who_operates_the_server_is_told_and_shown_so() {
    let mut door = enter(safe());
    assert_eq!(asked(&hear(&mut door, "OPER ana correct\r\n")), "login ana correct");
    let then = learn(&mut door, AccountAnswer::SignedIn(signed("ana")));
    assert!(matches!(then.account.as_deref(), Some(AccountAsk::MayOperate)) && then.reply.is_empty());
    told(&mut door, &Event::SignedIn { account: name("ana") });
    let said = replies(&learn(&mut door, AccountAnswer::Operator));
    assert!(said[0].contains(" 381 ana :") && said[1] == ":ana!~u@throng MODE ana +o", "{said:?}");
    assert!(!door.is_waiting());
    assert!(replies(&hear(&mut door, "MODE ana\r\n"))[0].ends_with(" 221 ana +o"));
    assert!(told(&mut door, &Event::SignedOut).contains(":ana!~u@throng MODE ana -o\r\n"));
    assert!(replies(&hear(&mut door, "MODE ana\r\n"))[0].ends_with(" 221 ana +"));
}

#[test]
fn who_does_not_is_told_why() {
    let mut signed_already = signed_in();
    let heard = hear(&mut signed_already, "OPER ana correct\r\n");
    assert!(matches!(heard.account.as_deref(), Some(AccountAsk::MayOperate)), "nobody looks at the words");
    for (why, expected) in [
        (Refusal::Wrong, " 464 ana :Not logged in: the name or the password is wrong"),
        (Refusal::NotOperator, " 491 ana :"),
        (Refusal::NotSignedIn, " 491 ana :"),
    ] {
        let mut door = enter(safe());
        hear(&mut door, "OPER ana correct\r\n");
        let said = replies(&refused(&mut door, why));
        assert!(said.len() == 1 && said[0].contains(expected), "{said:?}");
        assert!(!door.is_waiting());
    }
    let mut door = enter(safe());
    hear(&mut door, "OPER ana correct\r\n");
    let then = refused(&mut door, Refusal::AlreadySignedIn);
    assert!(matches!(then.account.as_deref(), Some(AccountAsk::MayOperate)));
    assert!(replies(&hear(&mut enter(safe()), "OPER a!b correct\r\n"))[0].contains(" 464 ana "));
    assert!(replies(&hear(&mut enter(safe()), "OPER ana\r\n"))[0].contains(" 461 ana OPER "));
    assert!(replies(&hear(&mut safe(), "OPER ana correct\r\n"))[0].contains(" 451 * "));
}

#[test]
fn operators_end_connections_and_speak_as_the_server() {
    let text = |words: &str| Text::new(words).unwrap();
    for (line, expected) in [
        ("KILL bo :spam", OperatorCommand::Kick(name("bo"), Some(text("spam")))),
        ("KILL bo", OperatorCommand::Kick(name("bo"), None)),
        ("WALLOPS :back soon", OperatorCommand::Announce(text("back soon"))),
    ] {
        let mut door = enter(safe());
        let heard = hear(&mut door, &format!("{line}\r\n"));
        let Some(AccountAsk::Operate(asked)) = heard.account.map(|ask| *ask) else { panic!("{line}") };
        assert_eq!(asked, expected);
        assert!(learn(&mut door, AccountAnswer::Operated).reply.is_empty());
        for (answer, expected) in [
            (AccountAnswer::Refused(Refusal::NotOperator), " 481 ana :"),
            (AccountAnswer::Refused(Refusal::NotSignedIn), " 481 ana :"),
            (AccountAnswer::Refused(Refusal::Busy), " 481 ana :Not done: "),
            (AccountAnswer::OperateRefused(Denial::NoSuchPerson(name("bo"))), " 401 ana bo "),
        ] {
            let mut door = enter(safe());
            hear(&mut door, &format!("{line}\r\n"));
            let said = replies(&learn(&mut door, answer));
            assert!(said.len() == 1 && said[0].contains(expected), "{said:?}");
            assert!(!door.is_waiting());
        }
    }
    assert!(replies(&hear(&mut enter(safe()), "KILL a!b\r\n"))[0].contains(" 401 ana a!b "));
    assert!(replies(&hear(&mut enter(safe()), "WALLOPS :\r\n"))[0].contains(" 461 ana WALLOPS "));
}
