//! Accounts kept in memory: what the memory store and the scripted store stand on, and what the tables on the disk are
//! compared with. Pure: no lock, no thread, no clock. It looks at all accounts to find one by anything but its name, which is
//! what a server without a disk has time for.

use std::collections::BTreeMap;
use std::sync::Arc;

use throng_chat::Name;

use super::{
    ADDRESSES_MAX, Account, CERTIFICATES_MAX, Census, Change, Denied, PAGE_MAX, TOKENS_MAX, Token, remembered,
};

/// All accounts, by folded name.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Register {
    accounts: BTreeMap<String, Kept>,
    /// From where somebody came and who it was, by folded name; the latest at the end.
    addresses: Vec<(Arc<str>, String)>,
}

/// An account with what belongs to it.
#[derive(Clone, PartialEq, Eq)]
struct Kept {
    account: Account,
    /// The last number that was given to a token.
    last_token: u64,
    /// By number.
    tokens: Vec<Token>,
}

impl Register {
    /// Makes a change, or says why it may not be made.
    pub(crate) fn make(&mut self, change: &Change) -> Result<(), Denied> {
        match change {
            Change::Create(account) => self.create(account)?,
            Change::SetVerifier(name, verifier) => {
                let kept = self.kept(name)?;
                kept.account.verifier = Some(verifier.clone());
                kept.tokens.clear();
            }
            Change::Rehash(name, before, after) => {
                let verifier = &mut self.kept(name)?.account.verifier;
                if verifier.as_ref() != Some(before) {
                    return Err(Denied::Changed);
                }
                *verifier = Some(after.clone());
            }
            Change::SetSuspended(name, suspended) => {
                let kept = self.kept(name)?;
                kept.account.suspended = *suspended;
                if *suspended {
                    kept.tokens.clear();
                }
            }
            Change::SetOperator(name, operator) => self.kept(name)?.account.operator = *operator,
            Change::SetRecognised(name, recognised) => {
                self.kept(name)?.account.recognised = *recognised;
                if !recognised {
                    self.forget_addresses(name);
                }
            }
            Change::AddCertificate(name, fingerprint) => self.add_certificate(name, *fingerprint)?,
            Change::RemoveCertificate(name, fingerprint) => {
                let certificates = &mut self.kept(name)?.account.certificates;
                let at = certificates.iter().position(|one| one == fingerprint).ok_or(Denied::NoSuch)?;
                certificates.remove(at);
            }
            Change::Seen(name, at, address) => {
                let account = &mut self.kept(name)?.account;
                account.seen = Some(*at);
                if account.recognised
                    && let Some(address) = remembered(address.as_ref())
                {
                    self.remember(name, address);
                }
            }
            Change::AddToken(name, token) => self.add_token(name, token)?,
            Change::UseToken(hash, at) => self.token_mut(hash).ok_or(Denied::NoSuch)?.used = *at,
            Change::RevokeToken(name, number) => {
                let tokens = &mut self.kept(name)?.tokens;
                let at = tokens.iter().position(|token| token.number == *number).ok_or(Denied::NoSuch)?;
                tokens.remove(at);
            }
            Change::RevokeTokens(name) => self.kept(name)?.tokens.clear(),
            Change::Delete(name) => {
                self.accounts.remove(name.folded()).ok_or(Denied::Unknown)?;
                self.forget_addresses(name);
            }
            Change::Clear => *self = Register::default(),
        }
        Ok(())
    }

    /// The account of this name.
    pub(crate) fn account(&self, name: &Name) -> Option<Account> {
        self.accounts.get(name.folded()).map(|kept| kept.account.clone())
    }

    /// The account that has this certificate.
    pub(crate) fn by_certificate(&self, fingerprint: &[u8; 32]) -> Option<Account> {
        let mut all = self.accounts.values().map(|kept| &kept.account);
        all.find(|account| account.certificates.contains(fingerprint)).cloned()
    }

    /// The account and the token of which this is the hash.
    pub(crate) fn by_token(&self, hash: &[u8; 32]) -> Option<(Account, Token)> {
        self.accounts.values().find_map(|kept| {
            let token = kept.tokens.iter().find(|token| token.hash == *hash)?;
            Some((kept.account.clone(), token.clone()))
        })
    }

    /// The tokens of an account, by number.
    pub(crate) fn tokens(&self, name: &Name) -> Vec<Token> {
        self.accounts.get(name.folded()).map_or_else(Vec::new, |kept| kept.tokens.clone())
    }

    /// The accounts behind this one, by folded name.
    pub(crate) fn page(&self, after: Option<&Name>) -> Vec<Account> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, |name| Excluded(name.folded()));
        let behind = self.accounts.range::<str, _>((from, Unbounded));
        behind.take(PAGE_MAX).map(|(_, kept)| kept.account.clone()).collect()
    }

    /// How many there are of everything.
    pub(crate) fn census(&self) -> Census {
        let all = || self.accounts.values();
        Census {
            accounts: self.accounts.len() as u64,
            tokens: all().map(|kept| kept.tokens.len() as u64).sum(),
            certificates: all().map(|kept| kept.account.certificates.len() as u64).sum(),
            addresses: self.addresses.len() as u64,
        }
    }

    /// Who came from this address last.
    pub(crate) fn by_address(&self, address: &str) -> Option<Name> {
        let (_, folded) = self.addresses.iter().find(|(from, _)| &**from == address)?;
        self.accounts.get(folded).map(|kept| kept.account.name.clone())
    }

    fn kept(&mut self, name: &Name) -> Result<&mut Kept, Denied> {
        self.accounts.get_mut(name.folded()).ok_or(Denied::Unknown)
    }

    fn create(&mut self, account: &Account) -> Result<(), Denied> {
        let name = &account.name;
        if self.accounts.contains_key(name.folded()) {
            return Err(Denied::Exists);
        }
        let mut names = self.accounts.values().map(|kept| &kept.account.name);
        if let Some(like) = names.find(|like| like.skeleton() == name.skeleton()) {
            return Err(Denied::LooksLike(like.clone()));
        }
        let certificates = account.certificates_once();
        if certificates.len() > CERTIFICATES_MAX {
            return Err(Denied::TooMany);
        }
        if certificates.iter().any(|fingerprint| self.by_certificate(fingerprint).is_some()) {
            return Err(Denied::Foreign);
        }
        let account = Account { certificates, ..account.clone() };
        let folded = name.folded().to_owned();
        self.accounts.insert(folded, Kept { account, last_token: 0, tokens: Vec::new() });
        Ok(())
    }

    fn add_certificate(&mut self, name: &Name, fingerprint: [u8; 32]) -> Result<(), Denied> {
        let owner = self.by_certificate(&fingerprint).map(|account| account.name);
        let certificates = &mut self.kept(name)?.account.certificates;
        match owner {
            Some(owner) if owner == *name => Ok(()),
            Some(_) => Err(Denied::Foreign),
            None if certificates.len() >= CERTIFICATES_MAX => Err(Denied::TooMany),
            None => {
                certificates.push(fingerprint);
                Ok(())
            }
        }
    }

    fn add_token(&mut self, name: &Name, token: &Token) -> Result<(), Denied> {
        let owner = self.by_token(&token.hash).map(|(account, _)| account.name);
        let kept = self.kept(name)?;
        match owner {
            _ if kept.account.suspended => return Err(Denied::Changed),
            Some(owner) if owner == *name => return Err(Denied::Exists),
            Some(_) => return Err(Denied::Foreign),
            None => {}
        }
        if kept.tokens.len() >= TOKENS_MAX {
            // Of two that were used at the same time the older one goes.
            let oldest = (0..kept.tokens.len()).min_by_key(|at| (kept.tokens[*at].used, *at));
            oldest.map(|at| kept.tokens.remove(at));
        }
        kept.last_token += 1;
        let device = Arc::from(token.device_kept());
        kept.tokens.push(Token { number: kept.last_token, device, ..token.clone() });
        Ok(())
    }

    fn token_mut(&mut self, hash: &[u8; 32]) -> Option<&mut Token> {
        let mut all = self.accounts.values_mut().flat_map(|kept| &mut kept.tokens);
        all.find(|token| token.hash == *hash)
    }

    fn forget_addresses(&mut self, name: &Name) {
        self.addresses.retain(|(_, folded)| folded != name.folded());
    }

    fn remember(&mut self, name: &Name, address: &Arc<str>) {
        self.addresses.retain(|(from, _)| from != address);
        let theirs = self.addresses.iter().filter(|(_, folded)| folded == name.folded()).count();
        if theirs >= ADDRESSES_MAX {
            let first = self.addresses.iter().position(|(_, folded)| folded == name.folded());
            first.map(|at| self.addresses.remove(at));
        }
        self.addresses.push((Arc::clone(address), name.folded().to_owned()));
    }
}
