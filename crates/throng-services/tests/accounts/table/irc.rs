//! The words of the IRC door.

use throng_services::identity::{Command, Standing};

use super::{Door, FINGERPRINT, Script, Step, Visitor};
use crate::irc::Client;
use crate::{OTHER, PASSWORD, Place};

pub const DOOR: Door = Door { name: "IRC", come, words };

struct Caller {
    client: Client,
    /// That of an exchange that has begun.
    challenge: Option<String>,
}

fn come(place: &Place, standing: Standing) -> Box<dyn Visitor> {
    let is_signed = matches!(standing, Standing::Signed | Standing::Operating);
    let client = if is_signed { place.signed_in("ana") } else { place.guest("bo") };
    let mut caller = Caller { client, challenge: None };
    if standing == Standing::Exchanging {
        caller.follow(&vec![Step::Begin]);
    }
    Box::new(caller)
}

impl Visitor for Caller {
    fn follow(&mut self, script: &Script) -> String {
        let mut said = String::new();
        for step in script {
            match step {
                Step::Say(line, answer) => {
                    let heard = self.client.ask(line).join("\n");
                    assert!(heard.contains(answer), "{line} was answered by {heard}");
                    said.push_str(&heard);
                }
                Step::Begin => self.challenge = Some(self.client.scram_first("ana")),
                Step::Prove => {
                    let challenge = self.challenge.take().unwrap();
                    let (heard, expected) = self.client.scram_final("ana", PASSWORD, &challenge);
                    assert!(heard.contains(&expected), "{heard:#?}");
                    self.client.ask("AUTHENTICATE +");
                }
            }
        }
        said
    }

    fn stands(&mut self, standing: Standing) {
        if standing == Standing::Exchanging {
            return drop(self.follow(&vec![Step::Prove]));
        }
        let sessions = self.client.ask("NS SESSIONS").join("\n");
        assert_eq!(sessions.contains("No: sign in first"), standing == Standing::Stranger, "{sessions}");
        let operates = !self.client.ask("WALLOPS :still").join("\n").contains(" 481 ");
        assert_eq!(operates, standing == Standing::Operating);
    }

    fn leave(mut self: Box<Self>) {
        self.client.say("QUIT");
        self.client.rest();
    }
}

/// What is said and what is answered where it may be asked, and else.
fn words(command: Command, standing: Standing, code: &str) -> Result<Script, &'static str> {
    let may = |done, refused| if command.check(standing).is_ok() { done } else { refused };
    let signed = matches!(standing, Standing::Signed | Standing::Operating);
    let (line, answer) = match command {
        Command::Register => {
            (format!("REGISTER new * {OTHER}"), may("REGISTER SUCCESS new", "FAIL REGISTER "))
        }
        Command::Login => {
            let begun = standing == Standing::Exchanging;
            let no = if begun { "No: signing in has begun" } else { "No: you are signed in already" };
            (format!("NS IDENTIFY ana {PASSWORD}"), may("You are logged in as ana.", no))
        }
        Command::ScramFirst if standing == Standing::Exchanging => {
            return Err("it would be heard as the proof, and end the exchange");
        }
        Command::ScramFirst if standing == Standing::Stranger => return Ok(vec![Step::Begin]),
        Command::ScramFirst => ("AUTHENTICATE SCRAM-SHA-256".to_owned(), " 907 "),
        Command::ScramFinal if standing == Standing::Exchanging => return Ok(vec![Step::Prove]),
        Command::ScramFinal => ("AUTHENTICATE Yz1iaXdz".to_owned(), if signed { " 907 " } else { " 908 " }),
        Command::Cancel => ("AUTHENTICATE *".to_owned(), " 906 "),
        Command::Logout => ("NS LOGOUT".to_owned(), may("You are logged out.", "No: sign in first")),
        Command::ChangePassword => (
            format!("NS SET PASSWORD {PASSWORD} {OTHER}"),
            may("Your password is the new one.", "No: sign in first"),
        ),
        Command::NewToken => ("NS TOKEN tablet".to_owned(), may(":throng_", "No: sign in first")),
        Command::Tokens => ("NS SESSIONS".to_owned(), may("1: phone", "No: sign in first")),
        Command::Revoke => ("NS REVOKE all".to_owned(), may("All tokens are void.", "No: sign in first")),
        Command::SetCertificate => (
            format!("NS CERT DEL {}", data_encoding::HEXLOWER.encode(&FINGERPRINT)),
            may("That certificate no longer logs you in.", "No: sign in first"),
        ),
        Command::SetRecognised => {
            ("NS SET GREETING on".to_owned(), may("You are greeted by your address", "No: sign in first"))
        }
        Command::BecomeOperator => (format!("NS OPERATOR {code}"), may(" 381 ", "No: sign in first")),
        Command::Operate => ("WALLOPS :hello".to_owned(), may(" NOTICE * :hello", " 481 ")),
    };
    Ok(vec![Step::Say(line, answer)])
}
