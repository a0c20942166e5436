//! What is kept of who may call themselves what, and how it is asked for. Always strict: an answer means that it is on the
//! disk, whatever is promised of messages.

use std::fmt;
use std::sync::Arc;

use throng_chat::{Name, Time};

use crate::Fault;

pub(crate) mod amend;
pub(crate) mod looks;
pub(crate) mod register;
pub(crate) mod rows;

pub use register::ACCOUNTS_MEMORY_MAX;

/// Called once: the change is on the disk; or why it may not be made, and then nothing has changed; or the store failed.
pub type Changed = Box<dyn FnOnce(Result<Result<(), Denied>, Fault>) + Send>;

/// Called once with what was found.
pub type Found<T> = Box<dyn FnOnce(Result<T, Fault>) + Send>;

/// How many sign-ins by token one account may have; the one that was used longest ago makes room.
pub const TOKENS_MAX: usize = 32;
/// How many client certificates one account may have.
pub const CERTIFICATES_MAX: usize = 8;
/// The longest name of a device, in bytes; of a longer one the beginning is kept.
pub const DEVICE_BYTES_MAX: usize = 64;
/// How many addresses are remembered of one account; the one from which its owner came longest ago makes room.
pub const ADDRESSES_MAX: usize = 8;
/// The longest address that is remembered, in bytes: those of IP are shorter. A longer one greets nobody.
pub const ADDRESS_BYTES_MAX: usize = 64;
/// How many accounts one page of a list has at most.
pub const PAGE_MAX: usize = 500;

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name, as it was typed when it was made. Unique folded, and by its skeleton: no other account looks like it.
    pub name: Name,
    /// When it was made.
    pub created: Time,
    /// When somebody last signed in.
    pub seen: Option<Time>,
    /// How a password is checked; none, if it has none (a certificate may be enough).
    pub verifier: Option<Verifier>,
    /// Nobody may sign in.
    pub suspended: bool,
    /// May its owner operate the server?
    pub operator: bool,
    /// Its owner agreed to be greeted by the address they came from last.
    pub recognised: bool,
    /// SHA-256 of each client certificate that is as good as the password.
    pub certificates: Vec<[u8; 32]>,
}

/// By what a password is checked. Never shown: it has no `Debug` of its own.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    /// An Argon2id hash in the PHC string format.
    pub argon2: Arc<str>,
    /// What SCRAM-SHA-256 needs (RFC 5803), where that was asked for.
    pub scram: Option<Arc<str>>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier")
    }
}

/// On what a device signs in: what was so when its owner proved who they are, and must still be so when the token is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basis {
    /// When the account was made: another one of the same name is another account.
    pub created: Time,
    /// By what the password was checked; none, where it was no password that proved it.
    pub verifier: Option<Verifier>,
}

/// A device that stays signed in. Its `Debug` leaves the hash out.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// Its number in its account, for those who list and revoke: 1, 2, 3 …, never given twice.
    pub number: u64,
    /// SHA-256 of the secret that the device keeps; the secret itself is kept nowhere.
    pub hash: [u8; 32],
    /// What its owner calls the device, at most [`DEVICE_BYTES_MAX`] bytes.
    pub device: Arc<str>,
    /// When it was given.
    pub created: Time,
    /// When it was last used.
    pub used: Time,
    /// Until when it is good.
    pub expires: Time,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Token { number, hash: _, device, created, used, expires } = self;
        let mut shown = f.debug_struct("Token");
        shown.field("number", number).field("device", device).field("created", created);
        shown.field("used", used).field("expires", expires).finish_non_exhaustive()
    }
}

/// How many there are of everything that belongs to accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Accounts.
    pub accounts: u64,
    /// Devices that are signed in.
    pub tokens: u64,
    /// Client certificates.
    pub certificates: u64,
    /// Addresses by which somebody is greeted.
    pub addresses: u64,
}

/// A change. Each is made whole or not at all. Its `Debug` says which one it is and of whose account, no more.
#[derive(Clone, PartialEq, Eq)]
pub enum Change {
    /// A new account. Denied where one has that name, or looks like it; or has one of its certificates, or there are too
    /// many of them; or without a disk there are [`ACCOUNTS_MEMORY_MAX`] accounts.
    Create(Account),
    /// Another password; all tokens go with the old one. Denied where there is a third part, and the verifier is no longer
    /// that one: what somebody sets who knows the password before is not set over what came between. An operator gives none.
    SetVerifier(Name, Verifier, Option<Verifier>),
    /// The same password, checked in another way: its parameters have risen. Nothing else changes. Denied where the
    /// verifier is no longer the first one.
    Rehash(Name, Verifier, Verifier),
    /// Nobody may sign in any more, or somebody may again; suspending takes the tokens away.
    SetSuspended(Name, bool),
    /// Its owner may operate the server, or not.
    SetOperator(Name, bool),
    /// Its owner is greeted by address, or not; not takes the addresses away.
    SetRecognised(Name, bool),
    /// One more certificate is as good as the password. Denied where another account has it, or there are too many;
    /// one that the account has already changes nothing.
    AddCertificate(Name, [u8; 32]),
    /// One is no longer.
    RemoveCertificate(Name, [u8; 32]),
    /// Somebody signed in; from this address, which is remembered where they agreed to be recognised by it. Whoever came
    /// from it before is no longer greeted by it.
    Seen(Name, Time, Option<Arc<str>>),
    /// A device stays signed in: the number is given by the store, whatever it is here. Denied where a token of this
    /// hash is there already, or the account is suspended by now or what it is given on has changed ([`Denied::Changed`]).
    AddToken(Name, Token, Basis),
    /// A token was used.
    UseToken([u8; 32], Time),
    /// A device is signed out. Denied where there is none of this number.
    RevokeToken(Name, u64),
    /// All are.
    RevokeTokens(Name),
    /// The account goes, with all that belongs to it.
    Delete(Name),
    /// All accounts go, with all that belongs to them; history stays.
    Clear,
}

impl Change {
    /// Which one it is, and of whose account.
    fn outline(&self) -> (&'static str, Option<&Name>) {
        match self {
            Change::Create(account) => ("Create", Some(&account.name)),
            Change::SetVerifier(name, _, _) => ("SetVerifier", Some(name)),
            Change::Rehash(name, _, _) => ("Rehash", Some(name)),
            Change::SetSuspended(name, _) => ("SetSuspended", Some(name)),
            Change::SetOperator(name, _) => ("SetOperator", Some(name)),
            Change::SetRecognised(name, _) => ("SetRecognised", Some(name)),
            Change::AddCertificate(name, _) => ("AddCertificate", Some(name)),
            Change::RemoveCertificate(name, _) => ("RemoveCertificate", Some(name)),
            Change::Seen(name, _, _) => ("Seen", Some(name)),
            Change::AddToken(name, _, _) => ("AddToken", Some(name)),
            Change::UseToken(_, _) => ("UseToken", None),
            Change::RevokeToken(name, _) => ("RevokeToken", Some(name)),
            Change::RevokeTokens(name) => ("RevokeTokens", Some(name)),
            Change::Delete(name) => ("Delete", Some(name)),
            Change::Clear => ("Clear", None),
        }
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (which, whose) = self.outline();
        let mut shown = f.debug_tuple(which);
        if let Some(name) = whose {
            shown.field(&name.as_str());
        }
        shown.finish()
    }
}

impl Account {
    /// Its certificates, each once, in their order.
    fn certificates_once(&self) -> Vec<[u8; 32]> {
        let mut once = Vec::with_capacity(self.certificates.len());
        for fingerprint in &self.certificates {
            if !once.contains(fingerprint) {
                once.push(*fingerprint);
            }
        }
        once
    }
}

impl Token {
    /// What is kept of the device's name.
    fn device_kept(&self) -> &str {
        &self.device[..self.device.floor_char_boundary(DEVICE_BYTES_MAX)]
    }
}

impl Basis {
    /// Is it still so of this account?
    fn holds(&self, created: Time, verifier: Option<&Verifier>) -> bool {
        self.created == created && (self.verifier.is_none() || self.verifier.as_ref() == verifier)
    }
}

/// The address that is remembered, where it is not too long.
fn remembered(address: Option<&Arc<str>>) -> Option<&Arc<str>> {
    address.filter(|address| address.len() <= ADDRESS_BYTES_MAX)
}

/// Why a change may not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// There is no such account.
    Unknown,
    /// There is one of this name.
    Exists,
    /// There is one whose name looks like it.
    LooksLike(Name),
    /// It has been changed meanwhile.
    Changed,
    /// There is no such token, certificate or number.
    NoSuch,
    /// It belongs to another account.
    Foreign,
    /// It has as many as it may have.
    TooMany,
}

/// What keeps accounts. The callbacks run on the store's own threads: they must be short and must not panic.
pub trait Accounts: Send + Sync {
    /// Hands a change over and returns at once. Changes are made in the order of the calls. The queue is short, and when it
    /// is full `done` is called right here with [`Fault::Busy`].
    fn change(&self, change: Change, done: Changed);

    /// The account of this name, as it is after all changes whose `done` was called.
    fn account(&self, name: Name, done: Found<Option<Account>>);

    /// The account that has this certificate.
    fn by_certificate(&self, fingerprint: [u8; 32], done: Found<Option<Account>>);

    /// The account and the token of which this is the hash, whether it has expired or not.
    fn by_token(&self, hash: [u8; 32], done: Found<Option<(Account, Token)>>);

    /// The tokens of an account, by number.
    fn tokens(&self, name: Name, done: Found<Vec<Token>>);

    /// The accounts behind this one, by folded name, at most [`PAGE_MAX`].
    fn page(&self, after: Option<Name>, done: Found<Vec<Account>>);

    /// Who agreed to be recognised and came from this address last.
    fn by_address(&self, address: Arc<str>, done: Found<Option<Name>>);

    /// How many there are of everything, counted row by row: for people who ask now and then.
    fn census(&self, done: Found<Census>);
}
