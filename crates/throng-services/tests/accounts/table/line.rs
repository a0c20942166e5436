//! The words of the line door.

use throng_services::identity::{Command, Standing};

use super::{Door, Script, Step, Visitor};
use crate::line::Client;
use crate::{OTHER, PASSWORD, Place};

pub const DOOR: Door = Door { name: "line", come, words };

fn come(place: &Place, standing: Standing) -> Box<dyn Visitor> {
    let is_signed = matches!(standing, Standing::Signed | Standing::Operating);
    Box::new(match is_signed {
        true => Client::signed_in(place.address(), "ana"),
        false => Client::guest(place.address(), "bo"),
    })
}

impl Visitor for Client {
    fn follow(&mut self, script: &Script) -> String {
        let mut said = String::new();
        for step in script {
            let Step::Say(line, answer) = step else { panic!("there is no SCRAM at this door") };
            said.push_str(&self.asks(line, answer));
        }
        said
    }

    fn stands(&mut self, standing: Standing) {
        assert_eq!(self.is_signed_in(), standing != Standing::Stranger);
    }

    fn leave(mut self: Box<Self>) {
        self.say("/quit");
        self.read_to_end();
    }
}

fn words(command: Command, standing: Standing, code: &str) -> Result<Script, &'static str> {
    if standing == Standing::Exchanging {
        return Err("SCRAM is for programs, so nobody is in an exchange here");
    }
    let is_allowed = command.check(standing).is_ok();
    let may = |done, refused| if is_allowed { done } else { refused };
    let say = |line: &str, answer| Step::Say(line.to_owned(), answer);
    let (line, answer) = match command {
        Command::Register if is_allowed => {
            return Ok(vec![
                say("/register", "New password for bo (not shown): "),
                say(OTHER, "The same once more: "),
                say(OTHER, "Registered."),
            ]);
        }
        Command::Register => ("/register".to_owned(), "! You are signed in as ana already."),
        Command::Login => (
            format!("/login ana {PASSWORD}"),
            // Whoever signs in takes the name of the account.
            may("* You are ana now.", "! You are signed in as ana already: /logout first."),
        ),
        Command::ScramFirst | Command::ScramFinal | Command::Cancel => {
            return Err("SCRAM is for programs, and people type passwords here");
        }
        Command::Logout => ("/logout".to_owned(), may("* You are signed out.", "! Not done: sign in first")),
        Command::ChangePassword if is_allowed => {
            return Ok(vec![
                say("/password", "up to now (not shown): "),
                say(PASSWORD, "The new one (not shown): "),
                say(OTHER, "The same once more: "),
                say(OTHER, "Your password is another one now"),
            ]);
        }
        Command::ChangePassword => ("/password".to_owned(), "! You are not signed in."),
        Command::NewToken => ("/token tablet".to_owned(), may("throng_", "! Not done: sign in first")),
        Command::Tokens => ("/sessions".to_owned(), may("  1  phone: since ", "! Not done: sign in first")),
        Command::Revoke => {
            ("/revoke all".to_owned(), may("All your devices are signed out.", "! Not done: sign in first"))
        }
        Command::SetCertificate => return Err("there is no command for certificates here"),
        Command::SetRecognised => {
            ("/greet on".to_owned(), may("From now on you are greeted", "! Not done: sign in first"))
        }
        Command::BecomeOperator => {
            (format!("/operator {code}"), may("You operate this server now.", "! Not done: sign in first"))
        }
        Command::Operate => return Err("there is no operator's command here"),
    };
    Ok(vec![say(&line, answer)])
}
