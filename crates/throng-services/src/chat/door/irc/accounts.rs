//! What this door asks about accounts: one thing at a time, and who says what came of it.
//!
//! Two answers come: that of [`crate::identity`], through [`IrcDoor::learn_of`], and the world's word that somebody is signed
//! in or out, as an event, which is shown as 900 or 901. Either may be first. What must stand behind the world's word (903
//! behind 900) waits for both, and so does what the client says meanwhile.

use throng_chat::{Event, Name, OperatorCommand, Refusal};

use super::sasl::Sasl;
use super::{IrcDoor, oper, registration, sasl, service, signup};
use crate::chat::door::{AccountAnswer, AccountAsk, Heard};
use crate::identity;

/// What a door knows about accounts.
#[derive(Default)]
pub(super) struct Accounts {
    /// What was asked and is not over.
    asking: Option<Box<Asking>>,
    /// How far AUTHENTICATE has come.
    pub(super) sasl: Option<Box<Sasl>>,
    /// Somebody is signed in here.
    pub(super) signed_in: bool,
    /// They were told that they are an operator of the server.
    pub(super) operator: bool,
    /// SCRAM was given up, but nobody could be told: that comes before the next thing asked.
    pub(super) left_open: bool,
}

/// One thing asked.
struct Asking {
    purpose: Purpose,
    /// What is asked once an exchange that was left open is over.
    behind: Option<AccountAsk>,
    /// What the world said of it.
    world: Option<Word>,
    /// Identity has answered, and only the world's word is missing.
    answered: bool,
}

/// What the world says of a sign-in, or a sign-out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Done,
    Refused,
}

/// For what something is asked.
pub(super) enum Purpose {
    /// AUTHENTICATE.
    Sasl,
    /// To sign out whom SCRAM signed in, since the client does not take us for ourselves.
    Undo,
    /// PASS, before the name is asked for.
    Pass,
    /// REGISTER of this account.
    Register(Name),
    /// NickServ.
    Service(service::About),
    /// OPER, or OPERATOR of NickServ.
    Oper,
    /// KILL and WALLOPS.
    Operate,
    /// GHOST of this name: the world is asked, not identity.
    Ghost(Name),
}

impl Purpose {
    /// Is that event the world's word on this?
    fn word(&self, event: &Event) -> Option<Word> {
        match (self, event) {
            (Purpose::Sasl, Event::SignedIn { .. }) | (Purpose::Undo, Event::SignedOut) => Some(Word::Done),
            (Purpose::Sasl, Event::Refused(Refusal::NoSuchAccount(_) | Refusal::AlreadySignedIn { .. })) => {
                Some(Word::Refused)
            }
            (Purpose::Service(service::About::Logout), Event::SignedOut) => Some(Word::Done),
            // It had signed them out by itself before.
            (
                Purpose::Undo | Purpose::Service(service::About::Logout),
                Event::Refused(Refusal::NotSignedIn),
            ) => Some(Word::Done),
            (Purpose::Ghost(_), Event::Refused(Refusal::NotSignedIn)) => Some(Word::Refused),
            (
                Purpose::Ghost(name),
                Event::Refused(Refusal::NotYourName(other) | Refusal::NoSuchPerson(other)),
            ) => (name == other).then_some(Word::Refused),
            _ => None,
        }
    }

    /// Must the world's word be there before anything else is heard?
    fn waits_for_world(&self, answer: &AccountAnswer) -> bool {
        match self {
            Purpose::Sasl => matches!(answer, AccountAnswer::SignedIn(_) | AccountAnswer::Proven(..)),
            Purpose::Undo | Purpose::Service(service::About::Logout) => {
                matches!(answer, AccountAnswer::SignedOut)
            }
            _ => false,
        }
    }
}

impl IrcDoor {
    /// Asks. The caller is here because nothing else is being asked: while something is, no line is heard.
    pub(super) fn ask_account(&mut self, purpose: Purpose, ask: AccountAsk, heard: &mut Heard) {
        let left_open = std::mem::take(&mut self.accounts.left_open);
        let (ask, behind) = if left_open { (AccountAsk::Cancel, Some(ask)) } else { (ask, None) };
        self.accounts.asking = Some(Box::new(Asking { purpose, behind, world: None, answered: false }));
        heard.account = Some(Box::new(ask));
    }

    /// Asks the world to free a name of one's own; what answers a question behind it ends the waiting.
    pub(super) fn await_ghost(&mut self, name: Name) {
        let purpose = Purpose::Ghost(name);
        let asking = Asking { purpose, behind: None, world: None, answered: true };
        self.accounts.asking = Some(Box::new(asking));
    }

    /// Is something being asked?
    pub(super) fn is_asking(&self) -> bool {
        self.accounts.asking.is_some()
    }

    /// Hears identity's answer.
    pub(super) fn learn_of(&mut self, answer: AccountAnswer, heard: &mut Heard) {
        let Some(mut asking) = self.accounts.asking.take() else { return };
        if let Some(behind) = asking.behind.take() {
            heard.account = Some(Box::new(behind));
            self.accounts.asking = Some(asking);
            return;
        }
        match &answer {
            AccountAnswer::Registered(_) | AccountAnswer::SignedIn(_) | AccountAnswer::Proven(..) => {
                self.accounts.signed_in = true;
            }
            AccountAnswer::SignedOut => self.accounts.signed_in = false,
            _ => {}
        }
        let waits = asking.purpose.waits_for_world(&answer);
        match &asking.purpose {
            Purpose::Sasl => sasl::learn(self, answer, heard),
            Purpose::Undo | Purpose::Ghost(_) => {}
            Purpose::Pass => registration::learn_of_pass(self, &answer, heard),
            Purpose::Register(name) => signup::learn(self, name, &answer, heard),
            Purpose::Service(about) => service::learn(self, about, answer, heard),
            Purpose::Oper => oper::learn(self, &answer, heard),
            Purpose::Operate => oper::learn_of_deed(self, &answer, heard),
        }
        match (waits, asking.world) {
            (true, None) => {
                asking.answered = true;
                self.accounts.asking = Some(asking);
            }
            (true, Some(word)) => self.conclude(&asking.purpose, word, &mut heard.reply),
            (false, _) => {}
        }
        self.enter_when_ready(heard);
    }

    /// Hears what the world tells, behind what is shown of it.
    pub(super) fn hear_of_world(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::SignedIn { .. } => self.accounts.signed_in = true,
            Event::SignedOut => {
                self.accounts.signed_in = false;
                oper::resign(self, out);
            }
            _ => {}
        }
        let Some(mut asking) = self.accounts.asking.take() else { return };
        let is_ghost = matches!(asking.purpose, Purpose::Ghost(_));
        match asking.purpose.word(event) {
            Some(word) if asking.answered && !is_ghost => return self.conclude(&asking.purpose, word, out),
            Some(word) => asking.world = Some(word),
            // What was asked is taken back, and what would have answered it with it.
            None if is_ghost && matches!(event, Event::Refused(Refusal::NotStored { .. })) => return,
            None => {}
        }
        self.accounts.asking = Some(asking);
    }

    /// The question behind GHOST is answered, so GHOST is done, or was refused before.
    pub(super) fn end_ghost(&mut self, out: &mut Vec<u8>) {
        let Some(asking) = self.accounts.asking.take_if(|asking| matches!(asking.purpose, Purpose::Ghost(_)))
        else {
            return;
        };
        if let (Purpose::Ghost(name), None) = (&asking.purpose, asking.world) {
            service::say(self, &format!("{name} is free of other connections."), out);
        }
    }

    fn conclude(&mut self, purpose: &Purpose, word: Word, out: &mut Vec<u8>) {
        if matches!(purpose, Purpose::Sasl) {
            sasl::conclude(self, word == Word::Done, out);
        }
    }

    /// What an operator does.
    pub(super) fn ask_to_operate(&mut self, command: OperatorCommand, heard: &mut Heard) {
        self.ask_account(Purpose::Operate, AccountAsk::Operate(command), heard);
    }

    /// Why something about accounts was not done, with the way out where there is one.
    pub(super) fn reason_of(&self, why: &identity::Refusal) -> String {
        match why {
            identity::Refusal::NotSignedIn => format!("{why}: /msg NickServ IDENTIFY account password"),
            identity::Refusal::AlreadySignedIn => {
                "you are signed in already: /msg NickServ LOGOUT first".to_owned()
            }
            _ => why.to_string(),
        }
    }
}
