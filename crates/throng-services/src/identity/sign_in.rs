//! What follows a proof, whichever it was: it is stored that somebody is here, and then looked once more whether they may be.
//!
//! The account is looked up before the password is hashed, and much may happen until the hash is done: another password, a
//! suspension. So the last look comes after the last change of ours. What was acknowledged before it is seen by it; what
//! comes after it takes away what we stored. Either way, what an old password opened is closed.

use std::net::IpAddr;

use throng_chat::{Name, Time};
use throng_store::accounts::{Account, Basis, Change, Verifier};

use super::asking::{change, find};
use super::core::Core;
use super::refusal::Refusal;
use super::secret::Secret;
use super::token;

/// Somebody is signed in.
#[derive(Clone, Debug)]
pub struct Signed {
    /// To which account, written as its owner writes it.
    pub account: Name,
    /// They may operate the server.
    pub operator: bool,
    /// On which token this stands, by its number: when that is revoked, this ends.
    pub device: Option<u64>,
    /// A new token, which is shown now and never again. None if none was asked for, or it could not be stored.
    pub token: Option<Secret<String>>,
}

/// An account that somebody has proven to be theirs.
#[derive(Clone, Debug)]
pub struct Proven {
    /// As it was when it was looked up.
    pub account: Account,
    /// By what.
    pub by: By,
}

/// By what somebody has proven it.
#[derive(Clone, Debug)]
pub enum By {
    /// By the password of which this is kept.
    Password(Verifier),
    /// By a certificate.
    Certificate([u8; 32]),
    /// By a token, of which this is the hash.
    Token([u8; 32]),
}

/// Who is signed in at a session.
#[derive(Clone, Debug)]
pub struct Present {
    /// To which account.
    pub account: Name,
    /// When that was made: another one of the same name is another account.
    pub created: Time,
    /// They may operate the server.
    pub operator: bool,
    /// On which token this stands: its hash and its number.
    pub token: Option<([u8; 32], u64)>,
    /// On what further devices sign in: who proved it by a password that was replaced meanwhile can make no token any more.
    pub basis: Basis,
}

impl Proven {
    /// Is what was proven still so?
    fn holds(&self, now: &Account) -> bool {
        let proof = match &self.by {
            By::Password(verifier) => now.verifier.as_ref() == Some(verifier),
            By::Certificate(fingerprint) => now.certificates.contains(fingerprint),
            // It was found by its hash just now.
            By::Token(_) => true,
        };
        proof && now.created == self.account.created && !now.suspended
    }

    /// On what a device signs in by this.
    fn basis(&self) -> Basis {
        let verifier = match &self.by {
            By::Password(verifier) => Some(verifier.clone()),
            By::Certificate(_) | By::Token(_) => None,
        };
        Basis { created: self.account.created, verifier }
    }
}

/// Signs somebody in; a device that gave its name gets a token, unless it came by one.
pub async fn complete(
    core: &Core,
    proven: Proven,
    device: Option<&str>,
    address: Option<IpAddr>,
) -> Result<(Present, Option<Secret<String>>), Refusal> {
    let (accounts, now) = (&*core.accounts, (core.now)());
    let name = &proven.account.name;
    let address = address.filter(|_| proven.account.recognised);
    let address = address.map(|address| address.to_canonical().to_string().into());
    // Nobody is kept out because the disk is full and it cannot be noted when they came.
    let _ = change(accounts, Change::Seen(name.clone(), now, address)).await;
    let mut issued = None;
    let hash = match (&proven.by, device) {
        (By::Token(hash), _) => {
            let _ = change(accounts, Change::UseToken(*hash, now)).await;
            Some(*hash)
        }
        (_, None) => None,
        (_, Some(device)) => {
            issued = issue(core, &proven, device, now).await;
            issued.as_ref().and_then(|token| token::hash_of(token.expose()))
        }
    };
    let (again, number) = match hash {
        None => (core.account(name).await?, None),
        Some(hash) => match find(|done| accounts.by_token(hash, done)).await? {
            None => (None, None),
            Some((account, token)) => (Some(account), Some((hash, token.number))),
        },
    };
    match again {
        Some(again) if proven.holds(&again) => {
            let Account { name: account, created, operator, .. } = again;
            let basis = proven.basis();
            Ok((Present { account, created, operator, token: number, basis }, issued))
        }
        _ => {
            if let (Some(_), Some((_, number))) = (issued, number) {
                let _ = change(accounts, Change::RevokeToken(name.clone(), number)).await;
            }
            Err(Refusal::Wrong)
        }
    }
}

async fn issue(core: &Core, proven: &Proven, device: &str, now: Time) -> Option<Secret<String>> {
    let token = token::generate().ok()?;
    let kept = token::kept(token::hash_of(token.expose())?, device, now);
    let stored =
        change(&*core.accounts, Change::AddToken(proven.account.name.clone(), kept, proven.basis())).await;
    matches!(stored, Ok(Ok(()))).then_some(token)
}
