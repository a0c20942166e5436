//! What a door asks about accounts, and what it hears of that. A door only says what its client said; who is who is decided
//! by [`crate::identity`], behind the seat's [`super::super::desk`].

use throng_chat::{Name, OperatorCommand};

use crate::identity::session::Device;
use crate::identity::{Refusal, Secret, Signed, Which};

/// What a client may do about accounts from where it is. Its door is told once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footing {
    /// There are accounts in this house.
    pub accounts: bool,
    /// Passwords and tokens may come this way: by TLS, from this machine, or since the operator allows it.
    pub secrets: bool,
    /// The client showed a certificate in the handshake of TLS.
    pub certificate: bool,
}

/// One thing asked about accounts.
#[derive(Clone, Debug)]
pub enum AccountAsk {
    /// To whom does this name belong?
    Owner(Name),
    /// Make an account of this name and sign in to it.
    Register {
        /// Its name.
        name: Name,
        /// Its password.
        password: Secret<String>,
        /// Keep keys for SCRAM-SHA-256 of it too.
        scram: bool,
    },
    /// Sign in by a password or a token, whichever these words are.
    Login {
        /// To which account; a token says that itself.
        name: Option<Name>,
        /// A password or a token.
        words: Secret<String>,
    },
    /// Sign in by the certificate that was shown.
    LoginByCertificate {
        /// To which account, if that is said.
        name: Option<Name>,
    },
    /// Begin SCRAM-SHA-256 with the client's first message.
    ScramFirst(Vec<u8>),
    /// End it with the client's last one.
    ScramFinal(Vec<u8>),
    /// Give it up.
    Cancel,
    /// Sign out.
    Logout,
    /// Another password.
    ChangePassword {
        /// The one before.
        old: Secret<String>,
        /// The one from now on.
        new: Secret<String>,
        /// Keep keys for SCRAM-SHA-256 of it.
        scram: bool,
    },
    /// A token for a device of this name.
    NewToken(String),
    /// Which devices are signed in?
    Tokens,
    /// Sign them out.
    Revoke(Which),
    /// The certificate that was shown is as good as the password, or no longer; `None` is the one that was shown.
    SetCertificate {
        /// Its SHA-256.
        fingerprint: Option<[u8; 32]>,
        /// As good, or no longer.
        good: bool,
    },
    /// Be greeted by address, or not.
    SetRecognised(bool),
    /// Become the first operator by this code.
    BecomeOperator(Secret<String>),
    /// May whoever is signed in here operate the server?
    MayOperate,
    /// Something that only operators do.
    Operate(OperatorCommand),
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum AccountAnswer {
    /// The name is this account's, or nobody's.
    Owner(Option<Name>),
    /// The account was made, and somebody is signed in to it.
    Registered(Signed),
    /// Somebody is signed in.
    SignedIn(Signed),
    /// SCRAM goes on with this message.
    Challenge(String),
    /// Somebody is signed in by SCRAM, and this message of ours proves who we are.
    Proven(Signed, String),
    /// The exchange is over.
    Cancelled,
    /// Nobody is signed in any more.
    SignedOut,
    /// The password is another one now.
    PasswordChanged,
    /// A token, shown this once.
    NewToken(Secret<String>),
    /// The devices.
    Tokens(Vec<Device>),
    /// They are signed out.
    Revoked(Which),
    /// So it is with the certificate now.
    CertificateSet(bool),
    /// So it is with the greeting now.
    RecognisedSet(bool),
    /// They may operate the server.
    Operator,
    /// It is done.
    Operated,
    /// The world would not do it.
    OperateRefused(throng_chat::Refusal),
    /// No, and why.
    Refused(Refusal),
}
