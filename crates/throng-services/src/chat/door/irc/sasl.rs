//! AUTHENTICATE: signing in by SASL (IRCv3 sasl-3.2), before the name is given or after.
//!
//! What is sent is Base64 in pieces of [`PIECE`] letters, the last of which is shorter. PLAIN takes one message, and so does
//! EXTERNAL; SCRAM-SHA-256 takes two, and then the client says that it takes us for ourselves too.

use data_encoding::BASE64;
use throng_chat::Name;
use throng_wire::irc::Message;
use throng_wire::numeric::{
    ERR_SASLABORTED, ERR_SASLALREADY, ERR_SASLFAIL, ERR_SASLTOOLONG, RPL_SASLMECHS, RPL_SASLSUCCESS,
};

use super::IrcDoor;
use super::accounts::Purpose;
use super::words::frame;
use crate::chat::door::{AccountAnswer, AccountAsk, Footing, Heard};
use crate::identity::{Refusal, Secret};

/// How many letters one line carries; who sends as many goes on in the next.
const PIECE: usize = 400;

/// How many letters one message has at most, in all its pieces: the longest password with two names is below, and so is
/// the longest message of SCRAM.
const LETTERS_MAX: usize = 2400;

/// What a client says that sends nothing, or nothing more.
const EMPTY: &str = "+";

/// A way to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mechanism {
    Plain,
    ScramSha256,
    External,
}

impl Mechanism {
    const ALL: [Mechanism; 3] = [Mechanism::Plain, Mechanism::ScramSha256, Mechanism::External];

    fn name(self) -> &'static str {
        match self {
            Mechanism::Plain => "PLAIN",
            Mechanism::ScramSha256 => "SCRAM-SHA-256",
            Mechanism::External => "EXTERNAL",
        }
    }

    /// May it be used from there? A certificate is no secret, but it is shown by TLS only.
    fn is_possible(self, footing: Footing) -> bool {
        let shown = self != Mechanism::External || footing.certificate;
        footing.accounts && footing.secrets && shown
    }
}

/// How far a client has come.
pub(super) struct Sasl {
    mechanism: Mechanism,
    step: Step,
    /// What came of its message so far.
    letters: Secret<String>,
}

/// Which message is awaited.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The first one.
    First,
    /// The second one of SCRAM, which proves who it is.
    Proof,
    /// The word that it takes us for ourselves: whoever it is, is signed in.
    Trust,
}

/// The mechanisms that a client may use, as CAP and 908 name them; nothing where there is none.
pub(super) fn mechanisms(footing: Footing) -> String {
    let possible = Mechanism::ALL.into_iter().filter(|mechanism| mechanism.is_possible(footing));
    possible.map(Mechanism::name).collect::<Vec<_>>().join(",")
}

pub(super) fn authenticate(door: &mut IrcDoor, message: &Message<'_>, heard: &mut Heard) {
    let word = message.params[0];
    match (door.accounts.sasl.as_deref(), word) {
        (None, "*") => say_aborted(door, &mut heard.reply),
        (None, _) => begin(door, word, heard),
        (Some(Sasl { step: Step::Trust, .. }), EMPTY) => {
            door.accounts.sasl = None;
            say_success(door, &mut heard.reply);
        }
        (Some(Sasl { step: Step::Trust, .. }), _) | (Some(_), "*") => abort(door, heard),
        (Some(_), _) => go_on(door, word, heard),
    }
}

fn begin(door: &mut IrcDoor, word: &str, heard: &mut Heard) {
    let out = &mut heard.reply;
    if door.accounts.signed_in {
        return door.say(ERR_SASLALREADY, &[], &door.reason_of(&Refusal::AlreadySignedIn), out);
    }
    let offered = mechanisms(door.footing);
    if offered.is_empty() {
        return say_failed(door, &Refusal::PlaintextRefused.to_string(), out);
    }
    let mut possible = Mechanism::ALL.into_iter().filter(|mechanism| mechanism.is_possible(door.footing));
    let Some(mechanism) = possible.find(|mechanism| mechanism.name().eq_ignore_ascii_case(word)) else {
        door.say(RPL_SASLMECHS, &[&offered], "are available SASL mechanisms", out);
        return say_failed(door, "that mechanism is not possible here", out);
    };
    let letters = Secret::new(String::new());
    door.accounts.sasl = Some(Box::new(Sasl { mechanism, step: Step::First, letters }));
    say_piece(EMPTY, out);
}

fn go_on(door: &mut IrcDoor, word: &str, heard: &mut Heard) {
    let Some(sasl) = &mut door.accounts.sasl else { return };
    let so_far = sasl.letters.expose();
    let piece = if word == EMPTY { "" } else { word };
    if piece.len() > PIECE || so_far.len() + piece.len() > LETTERS_MAX {
        let explained = format!("SASL message too long: {PIECE} letters in a line, {LETTERS_MAX} in all");
        door.say(ERR_SASLTOOLONG, &[], &explained, &mut heard.reply);
        return leave(door);
    }
    // A new one each time, since the old one is wiped where it was; growing would leave a copy.
    let mut letters = String::with_capacity(so_far.len() + piece.len());
    letters.push_str(so_far);
    letters.push_str(piece);
    sasl.letters = Secret::new(letters);
    if piece.len() == PIECE {
        return;
    }
    let letters = std::mem::replace(&mut sasl.letters, Secret::new(String::new()));
    let (mechanism, step) = (sasl.mechanism, sasl.step);
    let ask = BASE64.decode(letters.expose().as_bytes()).map_err(|_| NOT_BASE64).map(Secret::new);
    match ask.and_then(|said| asked_by(mechanism, step, &said, door)) {
        Ok(ask) => door.ask_account(Purpose::Sasl, ask, heard),
        Err(why) => {
            say_failed(door, why, &mut heard.reply);
            leave(door);
        }
    }
}

const NOT_BASE64: &str = "that is not Base64";
const NOT_PLAIN: &str =
    "PLAIN is an empty word or the account, the account and the password, with NUL between";
const NOT_A_NAME: &str = "the name or the password is wrong";
const FOR_ANOTHER: &str = "one can only sign in as oneself";

fn asked_by(
    mechanism: Mechanism,
    step: Step,
    said: &Secret<Vec<u8>>,
    door: &IrcDoor,
) -> Result<AccountAsk, &'static str> {
    let named = |typed: &str| Name::new(typed, door.house.settings.names).map_err(|_| NOT_A_NAME);
    match mechanism {
        // What is in these proves something, but it is not the password.
        Mechanism::ScramSha256 if step == Step::First => Ok(AccountAsk::ScramFirst(said.expose().clone())),
        Mechanism::ScramSha256 => Ok(AccountAsk::ScramFinal(said.expose().clone())),
        Mechanism::External => {
            let typed = std::str::from_utf8(said.expose()).map_err(|_| NOT_A_NAME)?;
            let name = (!typed.is_empty()).then(|| named(typed)).transpose()?;
            Ok(AccountAsk::LoginByCertificate { name })
        }
        Mechanism::Plain => {
            let said = std::str::from_utf8(said.expose()).map_err(|_| NOT_PLAIN)?;
            let mut words = said.split('\0');
            let (Some(acts_for), Some(typed), Some(password), None) =
                (words.next(), words.next(), words.next(), words.next())
            else {
                return Err(NOT_PLAIN);
            };
            let words = Secret::from(password);
            // A token says by itself whose it is.
            let name = (!typed.is_empty()).then(|| named(typed)).transpose()?;
            if !acts_for.is_empty() && Some(named(acts_for)?) != name {
                return Err(FOR_ANOTHER);
            }
            Ok(AccountAsk::Login { name, words })
        }
    }
}

/// Hears identity's answer.
pub(super) fn learn(door: &mut IrcDoor, answer: AccountAnswer, heard: &mut Heard) {
    let out = &mut heard.reply;
    let step = match answer {
        AccountAnswer::SignedIn(_) => return,
        AccountAnswer::Challenge(challenge) => {
            say_message(&challenge, out);
            Some(Step::Proof)
        }
        AccountAnswer::Proven(_, ours) => {
            say_message(&ours, out);
            Some(Step::Trust)
        }
        AccountAnswer::Refused(Refusal::AlreadySignedIn) => {
            door.say(ERR_SASLALREADY, &[], &door.reason_of(&Refusal::AlreadySignedIn), out);
            None
        }
        AccountAnswer::Refused(why) => {
            say_failed(door, &why.to_string(), out);
            None
        }
        _ => None,
    };
    match (step, &mut door.accounts.sasl) {
        (Some(step), Some(sasl)) => sasl.step = step,
        _ => door.accounts.sasl = None,
    }
}

/// The world has said it too, or would not.
pub(super) fn conclude(door: &mut IrcDoor, done: bool, out: &mut Vec<u8>) {
    let trusted = door.accounts.sasl.as_ref().is_some_and(|sasl| sasl.step == Step::Trust);
    match done {
        // SCRAM's client has a last word.
        true if trusted => {}
        true => {
            door.accounts.sasl = None;
            say_success(door, out);
        }
        false => {
            door.accounts.sasl = None;
            say_failed(door, "the account is gone by now", out);
        }
    }
}

/// It is given up: by the client, or since it goes on without. Whom SCRAM signed in already is signed out.
pub(super) fn abort(door: &mut IrcDoor, heard: &mut Heard) {
    let signed = door.accounts.sasl.as_ref().is_some_and(|sasl| sasl.step == Step::Trust);
    say_aborted(door, &mut heard.reply);
    leave(door);
    if signed {
        door.ask_account(Purpose::Undo, AccountAsk::Logout, heard);
    }
}

impl IrcDoor {
    /// Signing in has begun, and whoever it is is not signed in.
    pub(super) fn is_in_sasl(&self) -> bool {
        self.accounts.sasl.as_ref().is_some_and(|sasl| sasl.step != Step::Trust)
    }

    /// It took too long. What is asked already comes to its end by itself.
    pub(super) fn give_up_sasl(&mut self, out: &mut Vec<u8>) {
        if self.is_in_sasl() && !self.is_asking() {
            say_aborted(self, out);
            leave(self);
        }
    }
}

/// Forgets it. Identity hears of that later, before the next thing asked.
fn leave(door: &mut IrcDoor) {
    let sasl = door.accounts.sasl.take();
    door.accounts.left_open |= sasl.is_some_and(|sasl| sasl.step == Step::Proof);
}

fn say_success(door: &IrcDoor, out: &mut Vec<u8>) {
    door.say(RPL_SASLSUCCESS, &[], "SASL authentication successful", out);
}

fn say_failed(door: &IrcDoor, why: &str, out: &mut Vec<u8>) {
    door.say(ERR_SASLFAIL, &[], &format!("SASL authentication failed: {why}"), out);
}

fn say_aborted(door: &IrcDoor, out: &mut Vec<u8>) {
    door.say(ERR_SASLABORTED, &[], "SASL authentication aborted", out);
}

fn say_message(words: &str, out: &mut Vec<u8>) {
    let letters = BASE64.encode(words.as_bytes());
    let mut rest = letters.as_str();
    while rest.len() >= PIECE {
        let (piece, behind) = rest.split_at(PIECE);
        say_piece(piece, out);
        rest = behind;
    }
    say_piece(if rest.is_empty() { EMPTY } else { rest }, out);
}

fn say_piece(piece: &str, out: &mut Vec<u8>) {
    frame(out, |line| line.command("AUTHENTICATE").param(piece));
}
