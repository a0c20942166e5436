//! Which command may be asked in which state: the whole table, in one place, for all doors.

use super::refusal::Refusal;

/// How a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody is signed in.
    Stranger,
    /// SCRAM has begun, and a proof is awaited.
    Exchanging,
    /// Somebody is.
    Signed,
    /// Somebody is who may operate the server.
    Operating,
}

impl Standing {
    /// All of them.
    pub const ALL: [Standing; 4] =
        [Standing::Stranger, Standing::Exchanging, Standing::Signed, Standing::Operating];
}

/// What may be asked of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// A new account.
    Register,
    /// Sign in by a password, a token or a certificate.
    Login,
    /// Begin SCRAM.
    ScramFirst,
    /// End it, by a proof.
    ScramFinal,
    /// End it without one.
    Cancel,
    /// Sign out.
    Logout,
    /// Another password.
    ChangePassword,
    /// A token for a device.
    NewToken,
    /// Which devices are signed in?
    Tokens,
    /// Sign one of them out, or all.
    Revoke,
    /// A certificate is as good as the password, or no longer.
    SetCertificate,
    /// Be greeted by address, or not.
    SetRecognised,
    /// Become the first operator, by the code.
    BecomeOperator,
    /// What operators do.
    Operate,
}

impl Command {
    /// All of them.
    pub const ALL: [Command; 14] = [
        Command::Register,
        Command::Login,
        Command::ScramFirst,
        Command::ScramFinal,
        Command::Cancel,
        Command::Logout,
        Command::ChangePassword,
        Command::NewToken,
        Command::Tokens,
        Command::Revoke,
        Command::SetCertificate,
        Command::SetRecognised,
        Command::BecomeOperator,
        Command::Operate,
    ];

    /// May this be asked now?
    pub fn check(self, standing: Standing) -> Result<(), Refusal> {
        use Standing::{Exchanging, Operating, Signed, Stranger};
        match (self, standing) {
            (Command::Register | Command::Login | Command::ScramFirst, Stranger)
            | (Command::ScramFinal | Command::Cancel, Exchanging)
            | (Command::Operate, Operating) => Ok(()),
            (Command::Register | Command::Login | Command::ScramFirst, Exchanging) => {
                Err(Refusal::InExchange)
            }
            (Command::Register | Command::Login | Command::ScramFirst, Signed | Operating) => {
                Err(Refusal::AlreadySignedIn)
            }
            (Command::ScramFinal | Command::Cancel, _) => Err(Refusal::NoExchange),
            (_, Stranger | Exchanging) => Err(Refusal::NotSignedIn),
            (Command::Operate, Signed) => Err(Refusal::NotOperator),
            (
                Command::Logout
                | Command::ChangePassword
                | Command::NewToken
                | Command::Tokens
                | Command::Revoke
                | Command::SetCertificate
                | Command::SetRecognised
                | Command::BecomeOperator,
                Signed | Operating,
            ) => Ok(()),
        }
    }
}
