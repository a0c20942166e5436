//! State × command × door: what may not be asked is refused, stores nothing, and leaves who is signed in as they were.
//!
//! Another door takes part by its own [`Door`].

use throng_services::identity::{Command, Standing};

use crate::irc::Client;
use crate::{OTHER, PASSWORD, Place};

/// A door at which each command can be typed.
struct Door {
    /// Somebody who stands so, with the challenge where one was given.
    come: fn(&Place, Standing) -> (Client, Option<String>),
    /// What is typed for that, and a part of the refusal. Nothing where it cannot be typed.
    typed: fn(Command, Standing) -> Option<(String, &'static str)>,
    /// They stand as before.
    stands: fn(&mut Client, Standing, Option<String>),
}

const DOORS: [Door; 1] = [Door { come: come_by_irc, typed: typed_in_irc, stands: stands_in_irc }];

fn come_by_irc(place: &Place, standing: Standing) -> (Client, Option<String>) {
    match standing {
        Standing::Stranger => (place.guest("bo"), None),
        Standing::Exchanging => {
            let mut client = place.guest("bo");
            let challenge = client.scram_first("ana");
            (client, Some(challenge))
        }
        Standing::Signed | Standing::Operating => (place.signed_in("ana"), None),
    }
}

fn typed_in_irc(command: Command, standing: Standing) -> Option<(String, &'static str)> {
    let signed = matches!(standing, Standing::Signed | Standing::Operating);
    let typed = match command {
        Command::Register => (format!("REGISTER new * {OTHER}"), "FAIL REGISTER "),
        Command::Login if standing == Standing::Exchanging => {
            (format!("NS IDENTIFY ana {PASSWORD}"), "No: signing in has begun")
        }
        Command::Login => (format!("NS IDENTIFY ana {PASSWORD}"), "No: you are signed in already"),
        // In an exchange it would be heard as the proof, and end it.
        Command::ScramFirst if standing == Standing::Exchanging => return None,
        Command::ScramFirst => ("AUTHENTICATE SCRAM-SHA-256".to_owned(), " 907 "),
        Command::ScramFinal => ("AUTHENTICATE Yz1iaXdz".to_owned(), if signed { " 907 " } else { " 908 " }),
        Command::Cancel => ("AUTHENTICATE *".to_owned(), " 906 "),
        Command::Logout => ("NS LOGOUT".to_owned(), "No: sign in first"),
        Command::ChangePassword => (format!("NS SET PASSWORD {PASSWORD} {OTHER}"), "No: sign in first"),
        Command::NewToken => ("NS TOKEN phone".to_owned(), "No: sign in first"),
        Command::Tokens => ("NS SESSIONS".to_owned(), "No: sign in first"),
        Command::Revoke => ("NS REVOKE all".to_owned(), "No: sign in first"),
        Command::SetCertificate => (format!("NS CERT ADD {}", "c7".repeat(32)), "No: sign in first"),
        Command::SetRecognised => ("NS SET GREETING on".to_owned(), "No: sign in first"),
        Command::BecomeOperator => ("NS OPERATOR AAAAA".to_owned(), "No: sign in first"),
        Command::Operate => ("WALLOPS :hello".to_owned(), " 481 "),
    };
    Some(typed)
}

fn stands_in_irc(client: &mut Client, standing: Standing, challenge: Option<String>) {
    if let Some(challenge) = challenge {
        let (answer, expected) = client.scram_final("ana", PASSWORD, &challenge);
        return assert!(answer.contains(&expected), "the exchange goes on: {answer:#?}");
    }
    let sessions = client.ask("NS SESSIONS").join("\n");
    assert_eq!(sessions.contains("No: sign in first"), standing == Standing::Stranger, "{sessions}");
    let operates = !client.ask("WALLOPS :still").join("\n").contains(" 481 ");
    assert_eq!(operates, standing == Standing::Operating);
}

#[test]
fn what_may_not_be_asked_is_refused_at_every_door_and_changes_nothing() {
    let mut walked = 0;
    for door in DOORS {
        for standing in Standing::ALL {
            let place = Place::with("ana");
            place.set_operator("ana", standing == Standing::Operating);
            for command in Command::ALL.into_iter().filter(|command| command.check(standing).is_err()) {
                let Some((line, refusal)) = (door.typed)(command, standing) else { continue };
                let (mut client, challenge) = (door.come)(&place, standing);
                let before = place.kept();
                let said = client.ask(&line).join("\n");
                assert!(said.contains(refusal), "{command:?} as {standing:?}: {said}");
                assert!(place.kept() == before, "{command:?} as {standing:?} changed something");
                (door.stands)(&mut client, standing, challenge);
                client.say("QUIT");
                client.rest();
                walked += 1;
            }
        }
    }
    assert_eq!(walked, 11 + 11 + 6 + 5, "all that is forbidden, but for what cannot be typed");
}
