//! Accounts kept in memory: what the memory store and the scripted store stand on, and what the tables on the disk are
//! compared with. Pure: no lock, no thread, no clock. What belongs to an account lies with it; beside that are tables by which
//! it is found, and each change keeps both.

use std::collections::BTreeMap;
use std::sync::Arc;

use throng_chat::Name;

use super::{
    ADDRESSES_MAX, Account, Basis, CERTIFICATES_MAX, Census, Change, Denied, PAGE_MAX, TOKENS_MAX, Token,
    remembered,
};

/// How many accounts are kept at most. At half a kilobyte each without devices that is 50 MB: a server that forgets everything
/// at its end needs no more.
pub const ACCOUNTS_MEMORY_MAX: usize = 100_000;

/// All accounts, by folded name.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Register {
    accounts: BTreeMap<Name, Kept>,
    /// So many may there be.
    room: usize,
    /// Whose name looks so.
    by_look: BTreeMap<Box<str>, Name>,
    by_certificate: BTreeMap<[u8; 32], Name>,
    by_token: BTreeMap<[u8; 32], Name>,
    /// Who came from there last.
    by_address: BTreeMap<Arc<str>, Name>,
}

/// An account with what belongs to it.
#[derive(Clone, PartialEq, Eq)]
struct Kept {
    account: Account,
    /// The last number that was given to a token.
    last_token: u64,
    /// By number.
    tokens: Vec<Token>,
    /// The latest at the end.
    addresses: Vec<Arc<str>>,
}

impl Default for Register {
    fn default() -> Register {
        Register::with_room(ACCOUNTS_MEMORY_MAX)
    }
}

impl Register {
    /// An empty one for so many accounts.
    fn with_room(room: usize) -> Register {
        Register {
            accounts: BTreeMap::new(),
            room,
            by_look: BTreeMap::new(),
            by_certificate: BTreeMap::new(),
            by_token: BTreeMap::new(),
            by_address: BTreeMap::new(),
        }
    }

    /// Makes a change, or says why it may not be made.
    pub(crate) fn make(&mut self, change: &Change) -> Result<(), Denied> {
        match change {
            Change::Create(account) => self.create(account)?,
            Change::SetVerifier(name, verifier, before) => {
                let kept = self.kept(name)?;
                if before.is_some() && kept.account.verifier != *before {
                    return Err(Denied::Changed);
                }
                kept.account.verifier = Some(verifier.clone());
                self.revoke_all(name)?;
            }
            Change::Rehash(name, before, after) => {
                let verifier = &mut self.kept(name)?.account.verifier;
                if verifier.as_ref() != Some(before) {
                    return Err(Denied::Changed);
                }
                *verifier = Some(after.clone());
            }
            Change::SetSuspended(name, suspended) => {
                self.kept(name)?.account.suspended = *suspended;
                if *suspended {
                    self.revoke_all(name)?;
                }
            }
            Change::SetOperator(name, operator) => self.kept(name)?.account.operator = *operator,
            Change::SetRecognised(name, recognised) => {
                self.kept(name)?.account.recognised = *recognised;
                if !recognised {
                    self.forget_addresses(name)?;
                }
            }
            Change::AddCertificate(name, fingerprint) => self.add_certificate(name, *fingerprint)?,
            Change::RemoveCertificate(name, fingerprint) => {
                let certificates = &mut self.kept(name)?.account.certificates;
                let at = certificates.iter().position(|one| one == fingerprint).ok_or(Denied::NoSuch)?;
                certificates.remove(at);
                self.by_certificate.remove(fingerprint);
            }
            Change::Seen(name, at, address) => {
                let account = &mut self.kept(name)?.account;
                account.seen = Some(*at);
                if account.recognised
                    && let Some(address) = remembered(address.as_ref())
                {
                    self.remember(name, address)?;
                }
            }
            Change::AddToken(name, token, basis) => self.add_token(name, token, basis)?,
            Change::UseToken(hash, at) => self.token_mut(hash).ok_or(Denied::NoSuch)?.used = *at,
            Change::RevokeToken(name, number) => {
                let tokens = &mut self.kept(name)?.tokens;
                let at = tokens.iter().position(|token| token.number == *number).ok_or(Denied::NoSuch)?;
                let gone = tokens.remove(at);
                self.by_token.remove(&gone.hash);
            }
            Change::RevokeTokens(name) => self.revoke_all(name)?,
            Change::Delete(name) => self.delete(name)?,
            Change::Clear => *self = Register::with_room(self.room),
        }
        Ok(())
    }

    /// The account of this name.
    pub(crate) fn account(&self, name: &Name) -> Option<Account> {
        self.accounts.get(name).map(|kept| kept.account.clone())
    }

    /// The account that has this certificate.
    pub(crate) fn by_certificate(&self, fingerprint: &[u8; 32]) -> Option<Account> {
        self.account(self.by_certificate.get(fingerprint)?)
    }

    /// The account and the token of which this is the hash.
    pub(crate) fn by_token(&self, hash: &[u8; 32]) -> Option<(Account, Token)> {
        let kept = self.accounts.get(self.by_token.get(hash)?)?;
        let token = kept.tokens.iter().find(|token| token.hash == *hash)?;
        Some((kept.account.clone(), token.clone()))
    }

    /// The tokens of an account, by number.
    pub(crate) fn tokens(&self, name: &Name) -> Vec<Token> {
        self.accounts.get(name).map_or_else(Vec::new, |kept| kept.tokens.clone())
    }

    /// The accounts behind this one, by folded name.
    pub(crate) fn page(&self, after: Option<&Name>) -> Vec<Account> {
        use std::ops::Bound::{Excluded, Unbounded};
        let behind = self.accounts.range((after.map_or(Unbounded, Excluded), Unbounded));
        behind.take(PAGE_MAX).map(|(_, kept)| kept.account.clone()).collect()
    }

    /// How many there are of everything.
    pub(crate) fn census(&self) -> Census {
        let all = || self.accounts.values();
        Census {
            accounts: self.accounts.len() as u64,
            tokens: all().map(|kept| kept.tokens.len() as u64).sum(),
            certificates: all().map(|kept| kept.account.certificates.len() as u64).sum(),
            addresses: all().map(|kept| kept.addresses.len() as u64).sum(),
        }
    }

    /// Who came from this address last.
    pub(crate) fn by_address(&self, address: &str) -> Option<Name> {
        self.by_address.get(address).cloned()
    }

    fn kept(&mut self, name: &Name) -> Result<&mut Kept, Denied> {
        self.accounts.get_mut(name).ok_or(Denied::Unknown)
    }

    fn create(&mut self, account: &Account) -> Result<(), Denied> {
        let name = &account.name;
        if self.accounts.contains_key(name) {
            return Err(Denied::Exists);
        }
        if let Some(like) = self.by_look.get(name.skeleton()) {
            return Err(Denied::LooksLike(like.clone()));
        }
        let certificates = account.certificates_once();
        if certificates.len() > CERTIFICATES_MAX || self.accounts.len() >= self.room {
            return Err(Denied::TooMany);
        }
        if certificates.iter().any(|fingerprint| self.by_certificate.contains_key(fingerprint)) {
            return Err(Denied::Foreign);
        }
        self.by_look.insert(name.skeleton().into(), name.clone());
        self.by_certificate.extend(certificates.iter().map(|fingerprint| (*fingerprint, name.clone())));
        let account = Account { certificates, ..account.clone() };
        let kept = Kept { account, last_token: 0, tokens: Vec::new(), addresses: Vec::new() };
        self.accounts.insert(name.clone(), kept);
        Ok(())
    }

    fn delete(&mut self, name: &Name) -> Result<(), Denied> {
        let Kept { account, tokens, addresses, .. } = self.accounts.remove(name).ok_or(Denied::Unknown)?;
        self.by_look.remove(account.name.skeleton());
        account.certificates.iter().for_each(|fingerprint| drop(self.by_certificate.remove(fingerprint)));
        tokens.iter().for_each(|token| drop(self.by_token.remove(&token.hash)));
        addresses.iter().for_each(|address| drop(self.by_address.remove(address)));
        Ok(())
    }

    fn add_certificate(&mut self, name: &Name, fingerprint: [u8; 32]) -> Result<(), Denied> {
        let owner = self.by_certificate.get(&fingerprint).cloned();
        let account = &mut self.kept(name)?.account;
        match owner {
            Some(owner) if owner == *name => Ok(()),
            Some(_) => Err(Denied::Foreign),
            None if account.certificates.len() >= CERTIFICATES_MAX => Err(Denied::TooMany),
            None => {
                account.certificates.push(fingerprint);
                let name = account.name.clone();
                self.by_certificate.insert(fingerprint, name);
                Ok(())
            }
        }
    }

    fn add_token(&mut self, name: &Name, token: &Token, basis: &Basis) -> Result<(), Denied> {
        let owner = self.by_token.get(&token.hash).cloned();
        let kept = self.kept(name)?;
        let Account { name, suspended, created, verifier, .. } = &kept.account;
        match owner {
            _ if *suspended || !basis.holds(*created, verifier.as_ref()) => return Err(Denied::Changed),
            Some(owner) if owner == *name => return Err(Denied::Exists),
            Some(_) => return Err(Denied::Foreign),
            None => {}
        }
        let mut gone = None;
        if kept.tokens.len() >= TOKENS_MAX {
            // Of two that were used at the same time the older one goes.
            let oldest = (0..kept.tokens.len()).min_by_key(|at| (kept.tokens[*at].used, *at));
            gone = oldest.map(|at| kept.tokens.remove(at));
        }
        kept.last_token += 1;
        let device = Arc::from(token.device_kept());
        kept.tokens.push(Token { number: kept.last_token, device, ..token.clone() });
        let name = name.clone();
        self.by_token.insert(token.hash, name);
        if let Some(gone) = gone {
            self.by_token.remove(&gone.hash);
        }
        Ok(())
    }

    fn token_mut(&mut self, hash: &[u8; 32]) -> Option<&mut Token> {
        let kept = self.accounts.get_mut(self.by_token.get(hash)?)?;
        kept.tokens.iter_mut().find(|token| token.hash == *hash)
    }

    fn revoke_all(&mut self, name: &Name) -> Result<(), Denied> {
        let gone = std::mem::take(&mut self.kept(name)?.tokens);
        gone.iter().for_each(|token| drop(self.by_token.remove(&token.hash)));
        Ok(())
    }

    fn forget_addresses(&mut self, name: &Name) -> Result<(), Denied> {
        let gone = std::mem::take(&mut self.kept(name)?.addresses);
        gone.iter().for_each(|address| drop(self.by_address.remove(address)));
        Ok(())
    }

    fn remember(&mut self, name: &Name, address: &Arc<str>) -> Result<(), Denied> {
        if let Some(before) = self.by_address.remove(address)
            && let Some(before) = self.accounts.get_mut(&before)
        {
            before.addresses.retain(|from| from != address);
        }
        let kept = self.kept(name)?;
        let first = (kept.addresses.len() >= ADDRESSES_MAX).then(|| kept.addresses.remove(0));
        kept.addresses.push(Arc::clone(address));
        let name = kept.account.name.clone();
        self.by_address.insert(Arc::clone(address), name);
        first.map(|first| self.by_address.remove(&first));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use throng_chat::{Names, Time};

    use super::*;

    fn account(typed: &str) -> Account {
        Account {
            name: Name::new(typed, Names::Unicode).unwrap(),
            created: Time(1),
            seen: None,
            verifier: None,
            suspended: false,
            operator: false,
            recognised: true,
            certificates: vec![[typed.len() as u8; 32]],
        }
    }

    #[test]
    fn when_it_is_full_nobody_more_is_taken_and_who_goes_makes_room() {
        assert_eq!(Register::default().room, ACCOUNTS_MEMORY_MAX);
        let mut register = Register::with_room(2);
        let create = |register: &mut Register, typed: &str| register.make(&Change::Create(account(typed)));
        assert_eq!(create(&mut register, "a"), Ok(()));
        assert_eq!(create(&mut register, "bb"), Ok(()));
        let before = register.clone();
        assert_eq!(create(&mut register, "ccc"), Err(Denied::TooMany));
        assert_eq!(create(&mut register, "A"), Err(Denied::Exists), "who is there hears so");
        assert!(register == before);
        register.make(&Change::Delete(account("a").name)).unwrap();
        assert_eq!(create(&mut register, "ccc"), Ok(()));
        register.make(&Change::Clear).unwrap();
        assert_eq!(create(&mut register, "a"), Ok(()));
        assert_eq!(create(&mut register, "bb"), Ok(()));
        assert_eq!(create(&mut register, "ccc"), Err(Denied::TooMany), "cleared, it is no larger");
    }

    #[test]
    fn nothing_is_left_in_any_table_of_who_has_gone() {
        let mut register = Register::with_room(9);
        let ana = account("ana");
        let token = |hash: u8| Token {
            number: 0,
            hash: [hash; 32],
            device: "phone".into(),
            created: Time(1),
            used: Time(1),
            expires: Time(9),
        };
        let empty = register.clone();
        let basis = Basis { created: Time(1), verifier: None };
        for goes in [Change::Delete(ana.name.clone()), Change::Clear] {
            register.make(&Change::Create(ana.clone())).unwrap();
            for n in 0..2 * TOKENS_MAX as u8 {
                register.make(&Change::AddToken(ana.name.clone(), token(n), basis.clone())).unwrap();
                let from = Some(format!("192.0.2.{n}").into());
                register.make(&Change::Seen(ana.name.clone(), Time(2), from)).unwrap();
            }
            assert_eq!((register.by_token.len(), register.by_address.len()), (TOKENS_MAX, ADDRESSES_MAX));
            register.make(&goes).unwrap();
            assert!(register == empty);
        }
    }
}
