//! State × command × door: what may be asked is done, and leaves who asked as it should; what may not is refused, stores
//! nothing, and leaves all as they were. What a door has no words for is said with the reason, so the table has no holes.
//!
//! Another door takes part by its own [`Door`].

mod irc;
mod line;

use throng_services::identity::{Command, Standing};
use throng_store::accounts::Change;

use crate::{Place, name};

/// What a certificate is known by that ana has.
const FINGERPRINT: [u8; 32] = [0xc7; 32];

/// A door, by what is said at it.
struct Door {
    name: &'static str,
    /// Somebody who stands so: as a stranger or in an exchange they are called bo, else they are ana.
    come: fn(&Place, Standing) -> Box<dyn Visitor>,
    /// What is said for a command, by somebody who knows the code for the first operator; or why there are no words for it.
    words: fn(Command, Standing, &str) -> Result<Script, &'static str>,
}

/// Somebody at a door.
trait Visitor {
    /// Says these, each when the answer to the one before has come; gives what came.
    fn follow(&mut self, script: &Script) -> String;
    /// Does this visitor stand so? Ends an exchange, if there is one.
    fn stands(&mut self, standing: Standing);
    /// Goes, and the server knows.
    fn leave(self: Box<Self>);
}

/// What is done, one thing after the other.
type Script = Vec<Step>;

enum Step {
    /// This is said, and a part of what is answered.
    Say(String, &'static str),
    /// SCRAM begins.
    Begin,
    /// SCRAM ends by the proof.
    Prove,
}

const DOORS: [Door; 2] = [line::DOOR, irc::DOOR];

/// A place with ana, who has a token and a certificate, and the code that it shows.
fn place(standing: Standing) -> (Place, String) {
    let place = Place::with("ana");
    let code = place.waits.block_on(place.identity.first_operator_code()).unwrap().unwrap();
    place.change(Change::AddCertificate(name("ana"), FINGERPRINT));
    place.token("ana");
    if standing == Standing::Operating {
        place.set_operator("ana", true);
    }
    (place, code.expose().clone())
}

/// How somebody stands after what they were allowed.
fn after(command: Command, standing: Standing) -> Standing {
    match command {
        Command::Register | Command::Login | Command::ScramFinal => Standing::Signed,
        Command::ScramFirst => Standing::Exchanging,
        Command::Cancel | Command::Logout => Standing::Stranger,
        Command::BecomeOperator => Standing::Operating,
        Command::ChangePassword
        | Command::NewToken
        | Command::Tokens
        | Command::Revoke
        | Command::SetCertificate
        | Command::SetRecognised
        | Command::Operate => standing,
    }
}

/// Does what is allowed change what is stored?
fn is_stored(command: Command, standing: Standing) -> bool {
    match command {
        Command::Register
        | Command::ChangePassword
        | Command::NewToken
        | Command::Revoke
        | Command::SetCertificate
        | Command::SetRecognised => true,
        // When they came.
        Command::Login | Command::ScramFinal => true,
        Command::BecomeOperator => standing != Standing::Operating,
        Command::ScramFirst | Command::Cancel | Command::Logout | Command::Tokens | Command::Operate => false,
    }
}

/// Who is here, by which sessions, in which rooms.
fn here(place: &Place) -> String {
    format!("{:?}", place.chat.hub().status().unwrap().who)
}

#[test]
fn each_command_in_each_state_is_done_or_refused_at_each_door() {
    let (mut done, mut refused, mut wordless) = (0, 0, 0);
    for door in DOORS {
        for standing in Standing::ALL {
            let (shared, code) = place(standing);
            for command in Command::ALL {
                let what = format!("{command:?} as {standing:?} at the {} door", door.name);
                let allowed = command.check(standing).is_ok();
                let own = allowed.then(|| place(standing));
                let (place, code) = own.as_ref().map_or((&shared, &code), |(place, code)| (place, code));
                let script = match (door.words)(command, standing, code) {
                    Ok(script) => script,
                    Err(why) => {
                        println!("{what}: {why}");
                        wordless += 1;
                        continue;
                    }
                };
                let mut visitor = (door.come)(place, standing);
                let (kept, before) = (place.kept(), here(place));
                println!("{what}");
                let said = visitor.follow(&script);
                if allowed {
                    let changed = place.kept() != kept;
                    assert_eq!(changed, is_stored(command, standing), "{what}: {said}");
                    visitor.stands(after(command, standing));
                    done += 1;
                } else {
                    assert!(place.kept() == kept, "{what} changed what is stored: {said}");
                    assert_eq!(here(place), before, "{what} changed who is here: {said}");
                    visitor.stands(standing);
                    refused += 1;
                }
                visitor.leave();
            }
        }
    }
    let pairs = DOORS.len() * Standing::ALL.len() * Command::ALL.len();
    assert_eq!(done + refused + wordless, pairs);
    assert_eq!((done, refused, wordless), (16 + 22, 11 + 33, 29 + 1), "at the line door, and over IRC");
}
