//! Accounts without a disk: what a store promises, in a map, with a hand on what goes wrong and when.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use throng_chat::{Name, Time};
use throng_services::identity::Settings;
use throng_services::identity::password::Cost;
use throng_store::Fault;
use throng_store::accounts::{
    Account, Accounts, Basis, Census, Change, Changed, Denied, Found, PAGE_MAX, Token,
};

type Hook = Box<dyn FnMut(&Kept, &Change) + Send>;
type Waiting = Box<dyn FnOnce(&Kept) + Send>;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    pub accounts: BTreeMap<String, Account>,
    pub tokens: BTreeMap<String, Vec<Token>>,
    pub addresses: BTreeMap<String, String>,
    given: u64,
}

#[derive(Default)]
pub struct Kept {
    pub rows: Mutex<Rows>,
    /// What was asked, in a word each.
    pub asked: Mutex<Vec<&'static str>>,
    fault: Mutex<Option<Fault>>,
    /// The disk is full for the next change.
    full: Mutex<bool>,
    /// Called before each change is made.
    before: Mutex<Option<Hook>>,
    /// While this is there, what is asked waits in it.
    held: Mutex<Option<Vec<Waiting>>>,
    forgets: Mutex<bool>,
}

impl Kept {
    pub fn fail_with(&self, fault: impl Into<Option<Fault>>) {
        *self.fault.lock().unwrap() = fault.into();
    }

    pub fn fail_next_change(&self) {
        *self.full.lock().unwrap() = true;
    }

    pub fn before_changes(&self, hook: impl FnMut(&Kept, &Change) + Send + 'static) {
        *self.before.lock().unwrap() = Some(Box::new(hook));
    }

    pub fn hold(&self) {
        *self.held.lock().unwrap() = Some(Vec::new());
    }

    pub fn held(&self) -> usize {
        self.held.lock().unwrap().as_ref().map_or(0, Vec::len)
    }

    pub fn release(&self) {
        let held = self.held.lock().unwrap().take();
        held.into_iter().flatten().for_each(|waiting| waiting(self));
    }

    /// From now on no callback is called.
    pub fn forget(&self) {
        *self.forgets.lock().unwrap() = true;
    }

    pub fn snapshot(&self) -> Rows {
        self.rows.lock().unwrap().clone()
    }

    pub fn account_now(&self, name: &str) -> Account {
        self.rows.lock().unwrap().accounts[name].clone()
    }

    pub fn take_asked(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// Makes a change as somebody else, whatever is broken or held.
    pub fn apply(&self, change: &Change) -> Result<(), Denied> {
        apply(&mut self.rows.lock().unwrap(), change)
    }

    fn serve(&self, word: &'static str, work: impl FnOnce(&Kept) + Send + 'static) {
        self.asked.lock().unwrap().push(word);
        if *self.forgets.lock().unwrap() {
            return;
        }
        if let Some(held) = self.held.lock().unwrap().as_mut() {
            held.push(Box::new(work));
            return;
        }
        work(self);
    }

    fn find<T: 'static>(
        &self,
        word: &'static str,
        done: Found<T>,
        look: impl FnOnce(&Rows) -> T + Send + 'static,
    ) {
        self.serve(word, move |kept| {
            let fault = kept.fault.lock().unwrap().clone();
            done(fault.map_or_else(|| Ok(look(&kept.rows.lock().unwrap())), Err));
        });
    }
}

impl Accounts for Kept {
    fn change(&self, change: Change, done: Changed) {
        self.serve("change", move |kept| {
            let hook = kept.before.lock().unwrap().take();
            if let Some(mut hook) = hook {
                hook(kept, &change);
                kept.before.lock().unwrap().get_or_insert(hook);
            }
            let full = std::mem::take(&mut *kept.full.lock().unwrap()).then_some(Fault::Full);
            let fault = full.or_else(|| kept.fault.lock().unwrap().clone());
            done(fault.map_or_else(|| Ok(kept.apply(&change)), Err));
        });
    }

    fn account(&self, name: Name, done: Found<Option<Account>>) {
        self.find("account", done, move |rows| rows.accounts.get(name.folded()).cloned());
    }

    fn by_certificate(&self, fingerprint: [u8; 32], done: Found<Option<Account>>) {
        self.find("by_certificate", done, move |rows| {
            rows.accounts.values().find(|account| account.certificates.contains(&fingerprint)).cloned()
        });
    }

    fn by_token(&self, hash: [u8; 32], done: Found<Option<(Account, Token)>>) {
        self.find("by_token", done, move |rows| {
            let mut all =
                rows.tokens.iter().flat_map(|(name, tokens)| tokens.iter().map(move |token| (name, token)));
            let (name, token) = all.find(|(_, token)| token.hash == hash)?;
            Some((rows.accounts[name].clone(), token.clone()))
        });
    }

    fn tokens(&self, name: Name, done: Found<Vec<Token>>) {
        self.find("tokens", done, move |rows| rows.tokens.get(name.folded()).cloned().unwrap_or_default());
    }

    fn page(&self, after: Option<Name>, done: Found<Vec<Account>>) {
        self.find("page", done, move |rows| {
            let behind = |account: &&Account| {
                after.as_ref().is_none_or(|after| account.name.folded() > after.folded())
            };
            rows.accounts.values().filter(behind).take(PAGE_MAX).cloned().collect()
        });
    }

    fn by_address(&self, address: Arc<str>, done: Found<Option<Name>>) {
        self.find("by_address", done, move |rows| {
            rows.addresses.get(&*address).map(|name| rows.accounts[name].name.clone())
        });
    }

    fn census(&self, done: Found<Census>) {
        self.find("census", done, |rows| Census {
            accounts: rows.accounts.len() as u64,
            tokens: rows.tokens.values().map(|tokens| tokens.len() as u64).sum(),
            certificates: rows.accounts.values().map(|account| account.certificates.len() as u64).sum(),
            addresses: rows.addresses.len() as u64,
        });
    }
}

fn apply(rows: &mut Rows, change: &Change) -> Result<(), Denied> {
    let of = |name: &Name| name.folded().to_owned();
    let mut changed = |name: &Name, how: &dyn Fn(&mut Account) -> Result<(), Denied>| {
        rows.accounts.get_mut(name.folded()).ok_or(Denied::Unknown).and_then(how)
    };
    match change {
        Change::Create(account) => {
            if rows.accounts.contains_key(account.name.folded()) {
                return Err(Denied::Exists);
            }
            let alike = rows.accounts.values().find(|other| other.name.skeleton() == account.name.skeleton());
            if let Some(other) = alike {
                return Err(Denied::LooksLike(other.name.clone()));
            }
            rows.accounts.insert(of(&account.name), account.clone());
        }
        Change::SetVerifier(name, verifier, before) => {
            changed(name, &|account| {
                if before.is_some() && account.verifier != *before {
                    return Err(Denied::Changed);
                }
                account.verifier = Some(verifier.clone());
                Ok(())
            })?;
            rows.tokens.remove(name.folded());
        }
        Change::Rehash(name, had, better) => changed(name, &|account| {
            if account.verifier.as_ref() != Some(had) {
                return Err(Denied::Changed);
            }
            account.verifier = Some(better.clone());
            Ok(())
        })?,
        Change::SetSuspended(name, suspended) => {
            changed(name, &|account| {
                account.suspended = *suspended;
                Ok(())
            })?;
            if *suspended {
                rows.tokens.remove(name.folded());
            }
        }
        Change::SetOperator(name, operator) => changed(name, &|account| {
            account.operator = *operator;
            Ok(())
        })?,
        Change::SetRecognised(name, recognised) => {
            changed(name, &|account| {
                account.recognised = *recognised;
                Ok(())
            })?;
            if !recognised {
                rows.addresses.retain(|_, owner| owner != name.folded());
            }
        }
        Change::AddCertificate(name, fingerprint) => {
            if rows
                .accounts
                .values()
                .any(|other| other.name != *name && other.certificates.contains(fingerprint))
            {
                return Err(Denied::Foreign);
            }
            let account = rows.accounts.get_mut(name.folded()).ok_or(Denied::Unknown)?;
            if !account.certificates.contains(fingerprint) {
                account.certificates.push(*fingerprint);
            }
        }
        Change::RemoveCertificate(name, fingerprint) => changed(name, &|account| {
            let place =
                account.certificates.iter().position(|one| one == fingerprint).ok_or(Denied::NoSuch)?;
            account.certificates.remove(place);
            Ok(())
        })?,
        Change::Seen(name, at, address) => {
            changed(name, &|account| {
                account.seen = Some(*at);
                Ok(())
            })?;
            if let Some(address) = address {
                rows.addresses.insert(address.to_string(), of(name));
            }
        }
        Change::AddToken(name, token, Basis { created, verifier }) => {
            let account = rows.accounts.get(name.folded()).ok_or(Denied::Unknown)?;
            let other = verifier.is_some() && account.verifier != *verifier;
            if account.suspended || account.created != *created || other {
                return Err(Denied::Changed);
            }
            rows.given += 1;
            let token = Token { number: rows.given, ..token.clone() };
            rows.tokens.entry(of(name)).or_default().push(token);
        }
        Change::UseToken(hash, at) => {
            let mut all = rows.tokens.values_mut().flatten();
            all.find(|token| token.hash == *hash).ok_or(Denied::NoSuch)?.used = *at;
        }
        Change::RevokeToken(name, number) => {
            let tokens = rows.tokens.get_mut(name.folded()).ok_or(Denied::NoSuch)?;
            let place = tokens.iter().position(|token| token.number == *number).ok_or(Denied::NoSuch)?;
            tokens.remove(place);
        }
        Change::RevokeTokens(name) => {
            rows.tokens.remove(name.folded());
        }
        Change::Delete(name) => {
            rows.accounts.remove(name.folded()).ok_or(Denied::Unknown)?;
            rows.tokens.remove(name.folded());
        }
        Change::Clear => *rows = Rows { given: rows.given, ..Rows::default() },
    }
    Ok(())
}

/// The time of day in these tests, which only they move.
pub fn now() -> Time {
    Time(NOW.with(std::cell::Cell::get))
}

/// Moves it.
pub fn set_now(at: i64) {
    NOW.with(|now| now.set(at));
}

thread_local! {
    // Sessions run on the thread of their test.
    static NOW: std::cell::Cell<i64> = const { std::cell::Cell::new(1_000_000) };
}

/// Hashes that cost next to nothing.
pub fn light() -> Settings {
    Settings {
        cost: Cost { memory_kib: 64, rounds: 1, lanes: 1 },
        scram_rounds: 4096.try_into().unwrap(),
        hashing_threads: 2,
        ..Settings::default()
    }
}
