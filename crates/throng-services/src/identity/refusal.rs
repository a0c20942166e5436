//! Why something was not done, in words for the one who asked. No refusal tells more than the asker may know, and none has
//! a secret in it.

use std::fmt;
use std::time::Duration;

use throng_chat::Name;
use throng_store::Fault;
use throng_store::accounts::Denied;

use super::password::BadPassword;
use super::scram::message::BadMessage;

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody is signed in by that. It is the same for a name that is unknown, a proof that is wrong and an account that is
    /// suspended.
    Wrong,
    /// Too many want their password checked at the moment.
    Busy,
    /// Too often wrong, or too many accounts made.
    Throttled {
        /// How long this lasts.
        again_in: Duration,
    },
    /// A password must not come in plain text over a network.
    PlaintextRefused,
    /// A password that nobody may have.
    Password(BadPassword),
    /// There is an account of this name.
    Exists,
    /// There is an account whose name looks like it.
    LooksLike(Name),
    /// Nobody may be called so: it is banned.
    NameBanned,
    /// There is no such account: only who runs the server is told.
    NoAccount,
    /// Only for those who signed in.
    NotSignedIn,
    /// Only for those who did not.
    AlreadySignedIn,
    /// Signing in by SCRAM has begun, and its next message is awaited.
    InExchange,
    /// No exchange has begun.
    NoExchange,
    /// What came was no message of SCRAM.
    Scram(BadMessage),
    /// Only for operators.
    NotOperator,
    /// There is none such of yours.
    NoSuch,
    /// The certificate belongs to another account.
    Foreign,
    /// There are as many as there may be: certificates of yours, or accounts where none is on a disk.
    TooMany,
    /// No client certificate was shown.
    NoCertificate,
    /// It could not be stored or read.
    Store(Fault),
}

impl Refusal {
    /// In a word for machines.
    pub fn word(&self) -> &'static str {
        match self {
            Refusal::Wrong => "wrong",
            Refusal::Busy => "busy",
            Refusal::Throttled { .. } => "throttled",
            Refusal::PlaintextRefused => "plaintext-refused",
            Refusal::Password(_) => "bad-password",
            Refusal::Exists => "exists",
            Refusal::LooksLike(_) => "looks-like",
            Refusal::NameBanned => "name-banned",
            Refusal::NoAccount => "no-account",
            Refusal::NotSignedIn => "not-signed-in",
            Refusal::AlreadySignedIn => "already-signed-in",
            Refusal::InExchange => "in-exchange",
            Refusal::NoExchange => "no-exchange",
            Refusal::Scram(_) => "bad-scram",
            Refusal::NotOperator => "not-operator",
            Refusal::NoSuch => "no-such",
            Refusal::Foreign => "foreign",
            Refusal::TooMany => "too-many",
            Refusal::NoCertificate => "no-certificate",
            Refusal::Store(_) => "store",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Refusal::Wrong => "the name or the password is wrong",
            Refusal::Busy => "too many are signing in at the moment: try again in a few seconds",
            Refusal::Throttled { again_in } => {
                // Rounded up: who comes then is let in.
                let secs = again_in.as_millis().div_ceil(1000);
                return write!(f, "too many tries: try again in {secs} s");
            }
            Refusal::PlaintextRefused => {
                "passwords are not taken in plain text over a network: connect with TLS"
            }
            Refusal::Password(why) => return why.fmt(f),
            Refusal::Exists => "there is an account of that name",
            Refusal::LooksLike(name) => {
                return write!(f, "that name looks like {}, which belongs to an account", name.as_str());
            }
            Refusal::NameBanned => "that name is banned",
            Refusal::NoAccount => "there is no such account",
            Refusal::NotSignedIn => "sign in first",
            Refusal::AlreadySignedIn => "you are signed in already: log out first",
            Refusal::InExchange => "signing in has begun: end it first",
            Refusal::NoExchange => "signing in has not begun",
            Refusal::Scram(why) => return why.fmt(f),
            Refusal::NotOperator => "only operators may do that",
            Refusal::NoSuch => "there is none such",
            Refusal::Foreign => "that certificate belongs to another account",
            Refusal::TooMany => "there are as many as there may be: remove one first",
            Refusal::NoCertificate => "you showed no client certificate: connect with one",
            Refusal::Store(why) => return why.fmt(f),
        };
        f.write_str(words)
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Refusal {
        if fault == Fault::Busy { Refusal::Busy } else { Refusal::Store(fault) }
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Refusal {
        match denied {
            Denied::Unknown => Refusal::NoAccount,
            Denied::Exists => Refusal::Exists,
            Denied::LooksLike(name) => Refusal::LooksLike(name),
            // What was proven is so no more.
            Denied::Changed => Refusal::Wrong,
            Denied::NoSuch => Refusal::NoSuch,
            Denied::Foreign => Refusal::Foreign,
            Denied::TooMany => Refusal::TooMany,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_told_in_whole_seconds_that_suffice() {
        let check = |millis: u64, expected: &str| {
            let again_in = Duration::from_millis(millis);
            assert!(Refusal::Throttled { again_in }.to_string().ends_with(expected), "{millis}");
        };
        check(1, " 1 s");
        check(1000, " 1 s");
        check(59_001, " 60 s");
    }
}
