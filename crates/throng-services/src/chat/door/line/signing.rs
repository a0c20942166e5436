//! How somebody at a terminal says who they are: what the next line is an answer to, and what is said of what came of it.
//!
//! A password is asked for with the echo off, and what was typed goes into a [`Secret`] and nowhere else. A name that is free
//! is offered for registration once, before its owner comes in; who has typed on by then is in a hurry, or a script, and what
//! they typed is no password.

use throng_chat::{Command, Guests, Name, RoomName};
use throng_wire::printable::printable;

use super::{LineDoor, State, words};
use crate::chat::door::{AccountAnswer, AccountAsk, Heard};
use crate::identity::{Refusal, Secret};

/// How often a password may be wrong before another name is asked for.
const TRIES_MAX: u32 = 3;

/// What the next line is an answer to.
#[derive(Debug)]
pub(super) enum Question {
    /// The password of an account.
    Password(SignIn),
    /// A password for a name that becomes an account.
    New(SignUp),
    /// The same once more.
    Again(SignUp, Secret<String>),
    /// The password that somebody has.
    Old { scram: bool },
    /// The one that they want instead.
    Next { old: Secret<String>, scram: bool },
    /// That once more.
    NextAgain { old: Secret<String>, new: Secret<String>, scram: bool },
}

/// Somebody signs in.
#[derive(Clone, Debug)]
pub(super) struct SignIn {
    /// To which account.
    account: Name,
    /// Under which name they come in then; none for who is here.
    enter: Option<Name>,
    /// How often the password was wrong.
    wrong: u32,
}

/// Somebody registers.
#[derive(Clone, Debug)]
pub(super) struct SignUp {
    name: Name,
    /// Keys for SCRAM-SHA-256 are wanted.
    scram: bool,
    /// They have no name yet, and come in by it: where there are no guests.
    enter: bool,
}

/// What was asked about accounts, until the answer comes.
#[derive(Clone, Debug)]
pub(super) enum Pending {
    Owner(Name),
    SignIn(SignIn),
    SignUp(SignUp),
    /// A token for the device of this name.
    Token(String),
    Change,
    Other,
}

/// How far somebody with a name has come into the house.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arriving {
    /// They are in, or have no name yet.
    No,
    /// Their name can be registered; they have not been asked.
    Offer,
    /// Nothing is left to be asked: they go into the lobby.
    Now,
}

impl LineDoor {
    /// Somebody says their name: whose is it?
    pub(super) fn ask_owner(&mut self, name: Name, heard: &mut Heard) {
        // In plain text over a network nobody can sign in, so the world's refusal says all there is to say.
        if !self.footing.accounts || !self.footing.secrets || self.account.as_ref() == Some(&name) {
            return self.enter_as(name, Arriving::Now, heard);
        }
        self.ask_account(Pending::Owner(name.clone()), AccountAsk::Owner(name), heard);
    }

    /// Asks the world for the name; the lobby comes behind.
    pub(super) fn enter_as(&mut self, name: Name, arriving: Arriving, heard: &mut Heard) {
        let refused = if let State::Nameless { refused } = self.state { refused } else { 0 };
        self.state = State::Asking { refused };
        self.arriving = arriving;
        heard.ask(Command::Enter(name));
        if arriving == Arriving::Now {
            self.go_in(heard);
        }
    }

    /// Whoever has a name goes into the lobby, unless there is a question first.
    pub(super) fn go_on(&mut self, heard: &mut Heard) {
        if self.question.is_some() || self.is_asking() || !matches!(self.state, State::Here { .. }) {
            return;
        }
        match self.arriving {
            Arriving::No => {}
            Arriving::Offer if self.later.is_empty() && self.lines.pending() == 0 => {
                let Some(name) = self.me().cloned() else { return };
                let shown = words::name(&name).into_owned();
                let said = format!(
                    "{shown} is free. Register it? A password for it (not shown), or an empty line to stay a guest: "
                );
                let sign_up = SignUp { name, scram: false, enter: false };
                self.put(Question::New(sign_up), &said, &mut heard.reply);
            }
            Arriving::Offer | Arriving::Now => self.go_in(heard),
        }
    }

    fn go_in(&mut self, heard: &mut Heard) {
        self.arriving = Arriving::No;
        self.entering = true;
        heard.ask(Command::Join(RoomName::lobby()));
    }

    /// Asks for a line that is not shown.
    fn put(&mut self, question: Question, said: &str, out: &mut Vec<u8>) {
        self.telnet.hide(out);
        out.extend_from_slice(said.as_bytes());
        self.question = Some(question);
    }

    pub(super) fn ask_account(&mut self, pending: Pending, ask: AccountAsk, heard: &mut Heard) {
        self.pending = Some(pending);
        heard.account = Some(Box::new(ask));
    }

    /// Begins to sign in to an account; with words that were typed already, if they were.
    pub(super) fn begin_sign_in(&mut self, account: Name, words: Option<Secret<String>>, heard: &mut Heard) {
        let enter = self.me().is_none().then(|| account.clone());
        let sign_in = SignIn { account, enter, wrong: 0 };
        match words {
            Some(words) => self.sign_in(sign_in, words, heard),
            None => self.ask_password(sign_in, heard),
        }
    }

    fn ask_password(&mut self, sign_in: SignIn, heard: &mut Heard) {
        let said = format!("Password for {} (not shown): ", words::name(&sign_in.account));
        self.put(Question::Password(sign_in), &said, &mut heard.reply);
    }

    fn sign_in(&mut self, sign_in: SignIn, words: Secret<String>, heard: &mut Heard) {
        let ask = AccountAsk::Login { name: Some(sign_in.account.clone()), words };
        self.ask_account(Pending::SignIn(sign_in), ask, heard);
    }

    /// Begins to register one's own name.
    pub(super) fn begin_sign_up(&mut self, scram: bool, heard: &mut Heard) {
        let Some(name) = self.me().cloned() else { return };
        let said = format!("New password for {} (not shown): ", words::name(&name));
        self.put(Question::New(SignUp { name, scram, enter: false }), &said, &mut heard.reply);
    }

    /// Begins to change one's password.
    pub(super) fn begin_change(&mut self, scram: bool, heard: &mut Heard) {
        self.put(Question::Old { scram }, "Your password up to now (not shown): ", &mut heard.reply);
    }

    /// Hears the answer to a question.
    pub(super) fn hear_answer(&mut self, question: Question, typed: &str, heard: &mut Heard) {
        let typed = Secret::new(words::without_edits(typed).into_owned());
        let out = &mut heard.reply;
        if self.telnet.seen() {
            // The end of the line was not shown either.
            out.extend_from_slice(b"\r\n");
        }
        let is_empty = typed.expose().is_empty();
        match question {
            Question::Password(sign_in) if is_empty => self.give_up_sign_in(&sign_in, heard),
            Question::Password(sign_in) => self.sign_in(sign_in, typed, heard),
            Question::New(sign_up) if is_empty => self.stay_guest(&sign_up, heard),
            Question::New(sign_up) => match crate::identity::password::check(&typed) {
                Ok(()) => self.put(Question::Again(sign_up, typed), "The same once more: ", out),
                Err(why) => {
                    words::say(out, &format!("! Not registered: {why}."));
                    let said = "Another one (not shown), or an empty line for none: ";
                    self.put(Question::New(sign_up), said, out);
                }
            },
            Question::Again(sign_up, first) if first.expose() == typed.expose() => {
                let SignUp { name, scram, .. } = sign_up.clone();
                let ask = AccountAsk::Register { name, password: typed, scram };
                self.ask_account(Pending::SignUp(sign_up), ask, heard);
            }
            Question::Again(sign_up, _) => {
                words::say(out, "! These were two different passwords, so nothing was registered.");
                self.stay_guest(&sign_up, heard);
            }
            Question::Old { .. } | Question::Next { .. } if is_empty => {
                words::say(out, "Nothing was changed.");
            }
            Question::Old { scram } => {
                self.put(Question::Next { old: typed, scram }, "The new one (not shown): ", out);
            }
            Question::Next { old, scram } => {
                self.put(Question::NextAgain { old, new: typed, scram }, "The same once more: ", out);
            }
            Question::NextAgain { old, new, scram } if new.expose() == typed.expose() => {
                let ask = AccountAsk::ChangePassword { old, new, scram };
                self.ask_account(Pending::Change, ask, heard);
            }
            Question::NextAgain { .. } => {
                words::say(out, "! These were two different passwords, so nothing was changed.");
            }
        }
        if self.question.is_none() {
            self.telnet.show(&mut heard.reply);
            self.go_on(heard);
        }
    }

    fn give_up_sign_in(&mut self, sign_in: &SignIn, heard: &mut Heard) {
        let is_guests = *self.house.settings.guests.now() == Guests::Yes;
        match &sign_in.enter {
            Some(name) if is_guests && sign_in.wrong == 0 => {
                self.enter_as(name.clone(), Arriving::Now, heard);
            }
            Some(_) => self.ask_name_again(heard),
            None => words::say(&mut heard.reply, "Not signed in."),
        }
    }

    fn ask_name_again(&mut self, heard: &mut Heard) {
        words::say(&mut heard.reply, "Pick another name:");
    }

    fn stay_guest(&mut self, sign_up: &SignUp, heard: &mut Heard) {
        match (sign_up.enter, self.arriving) {
            (true, _) => self.ask_name_again(heard),
            (false, Arriving::No) => {}
            (false, _) => self.arriving = Arriving::Now,
        }
    }

    /// Hears what came of what was asked.
    pub(super) fn hear_account(&mut self, answer: AccountAnswer, heard: &mut Heard) {
        let Some(pending) = self.pending.take() else { return };
        match (pending, answer) {
            (Pending::Owner(name), AccountAnswer::Owner(owner)) => self.hear_owner(name, owner, heard),
            (Pending::Owner(name), AccountAnswer::Refused(_)) => {
                // The store cannot be read; the world knows the registered names too.
                self.enter_as(name, Arriving::Now, heard);
            }
            (Pending::SignIn(sign_in), AccountAnswer::SignedIn(_)) => match sign_in.enter {
                Some(name) => self.enter_as(name, Arriving::Now, heard),
                // To take the name of one's own account is what most sign in for.
                None if self.me() != Some(&sign_in.account) => {
                    heard.ask(Command::Rename(sign_in.account));
                }
                None => {}
            },
            (Pending::SignIn(sign_in), AccountAnswer::Refused(why)) => {
                self.hear_wrong(sign_in, &why, heard);
            }
            (Pending::SignUp(sign_up), AccountAnswer::Registered(_)) => {
                let name = words::name(&sign_up.name);
                words::say(
                    &mut heard.reply,
                    &format!(
                        "Registered. From now on: /login {name}   (IRC: SASL PLAIN, or PASS {name}:PASSWORD)"
                    ),
                );
                match sign_up.enter {
                    true => self.enter_as(sign_up.name, Arriving::Now, heard),
                    false => self.stay_guest(&sign_up, heard),
                }
            }
            (Pending::SignUp(sign_up), AccountAnswer::Refused(why)) => {
                words::say(&mut heard.reply, &format!("! Not registered: {}.", printable(&why.to_string())));
                self.stay_guest(&sign_up, heard);
            }
            (Pending::Token(device), AccountAnswer::NewToken(token)) => {
                let account = self.account.as_ref().map(|account| words::name(account).into_owned());
                words::token(&device, account.as_deref().unwrap_or("NAME"), &token, &mut heard.reply);
            }
            (Pending::Change, AccountAnswer::Refused(Refusal::Wrong)) => {
                words::say(&mut heard.reply, "! Nothing was changed: that is not your password.");
            }
            (_, answer) => words::account(&answer, &self.house, &mut heard.reply),
        }
        self.go_on(heard);
    }

    fn hear_owner(&mut self, name: Name, owner: Option<Name>, heard: &mut Heard) {
        match owner {
            Some(account) if self.account.as_ref() == Some(&account) => {
                self.enter_as(name, Arriving::Now, heard);
            }
            Some(account) => {
                let shown = words::name(&name).into_owned();
                let otherwise = match *self.house.settings.guests.now() {
                    Guests::Yes => "an empty line to come in without it",
                    _ => "an empty line for another name",
                };
                let said = format!("{shown} is registered. Its password (not shown), or {otherwise}: ");
                let sign_in = SignIn { account, enter: Some(name), wrong: 0 };
                self.put(Question::Password(sign_in), &said, &mut heard.reply);
            }
            None if *self.house.settings.guests.now() == Guests::No && self.account.is_none() => {
                let shown = words::name(&name).into_owned();
                let said = format!(
                    "Only those who have an account come in here. {shown} is free: a password registers it (not shown): "
                );
                self.put(Question::New(SignUp { name, scram: false, enter: true }), &said, &mut heard.reply);
            }
            None if self.account.is_some() => self.enter_as(name, Arriving::Now, heard),
            None => self.enter_as(name, Arriving::Offer, heard),
        }
    }

    fn hear_wrong(&mut self, sign_in: SignIn, why: &Refusal, heard: &mut Heard) {
        words::say(&mut heard.reply, &format!("! Not signed in: {}.", printable(&why.to_string())));
        let sign_in = SignIn { wrong: sign_in.wrong + 1, ..sign_in };
        match (why, &sign_in.enter) {
            (Refusal::Wrong, _) if sign_in.wrong < TRIES_MAX => self.ask_password(sign_in, heard),
            (_, Some(_)) => self.ask_name_again(heard),
            (_, None) => {}
        }
    }

    /// The question was open for too long.
    pub(super) fn give_up_question(&mut self, out: &mut Vec<u8>) {
        if self.question.take().is_none() {
            return;
        }
        self.telnet.show(out);
        let said = match self.arriving {
            Arriving::No => "! That took too long, so nothing was changed.",
            _ => "! That took too long, so nothing was registered. An empty line brings you in as a guest.",
        };
        out.extend_from_slice(b"\r\n");
        words::say(out, said);
        if self.arriving != Arriving::No {
            self.arriving = Arriving::Now;
        }
    }

    /// Is an answer about accounts on its way?
    pub(super) fn is_asking(&self) -> bool {
        self.pending.is_some()
    }
}
