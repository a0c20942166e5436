//! The handle that all share: what is kept, what protects it, and the sessions that are made from it.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use throng_chat::{Name, Time};
use throng_store::accounts::Accounts;
use tokio::sync::mpsc;

use super::admission::Admission;
use super::asking::find;
use super::core::Core;
use super::first_operator::Code;
use super::notice::{Notice, Notices};
use super::operator::Operator;
use super::origin::Origin;
use super::password;
use super::pool::Pool;
use super::refusal::Refusal;
use super::registrations::Registrations;
use super::secret::{Secret, Unable};
use super::session::Session;
use super::settings::Settings;

/// Who is who. Cheap to clone; when the last one goes, the threads that hash end.
#[derive(Clone)]
pub struct Identity(Arc<Core>);

impl Identity {
    /// Starts the threads that hash. `secret` is the server's own, made once and kept beside the store; `now` is the time of
    /// day. The receiver is for the one who must hear what changes ([`super::notice`]); it may be dropped.
    pub fn start(
        accounts: Arc<dyn Accounts>,
        settings: Settings,
        now: fn() -> Time,
        secret: Secret<[u8; 32]>,
    ) -> io::Result<(Identity, mpsc::Receiver<Notice>)> {
        let decoy = password::decoy(settings.cost)
            .map_err(|Unable| io::Error::other("the system gives no random bytes for passwords"))?;
        let (notices, told) = Notices::channel();
        let pool = Pool::start(settings.hashing_threads)?;
        let (admission, registrations, code) = (Admission::new(), Registrations::new(), Code::default());
        let (allow_plaintext, scram) = (settings.allow_plaintext.into(), settings.scram.into());
        let core = Core {
            accounts,
            begun_with: settings,
            allow_plaintext,
            scram,
            now,
            pool,
            admission,
            registrations,
            notices,
            code,
            secret,
            decoy,
        };
        Ok((Identity(Arc::new(core)), told))
    }

    /// Passwords that are being hashed, or wait for it.
    pub fn hashing(&self) -> usize {
        self.0.pool.taken()
    }

    /// How accounts are kept.
    pub fn settings(&self) -> Settings {
        self.0.settings()
    }

    /// May passwords come in plain text over a network, from here on? Clients that came before may be shown what was true then.
    pub fn set_allow_plaintext(&self, allowed: bool) {
        self.0.allow_plaintext.store(allowed, Ordering::Relaxed);
    }

    /// Are keys for SCRAM-SHA-256 kept of every password that is set or proven from here on?
    pub fn set_scram(&self, kept: bool) {
        self.0.scram.store(kept, Ordering::Relaxed);
    }

    /// A person at a door, not signed in.
    pub fn session(&self, origin: Origin) -> Session {
        Session::new(Arc::clone(&self.0), origin)
    }

    /// For who runs the server: the console and the command line, which are trusted by where they are.
    pub fn operator(&self) -> Operator {
        Operator::new(Arc::clone(&self.0))
    }

    /// To whom this name belongs, written as its owner writes it. Doors ask a stranger for the password, or offer to register.
    pub async fn owner(&self, name: &Name) -> Result<Option<Name>, Refusal> {
        Ok(self.0.account(name).await?.map(|account| account.name))
    }

    /// Who agreed to be greeted by the address from which this one comes. A greeting, never a login: others may come from
    /// there too.
    pub async fn greeting(&self, origin: &Origin) -> Result<Option<Name>, Refusal> {
        let Some(address) = origin.address else { return Ok(None) };
        let address = address.to_canonical().to_string().into();
        Ok(find(|done| self.0.accounts.by_address(address, done)).await?)
    }

    /// The names of all accounts.
    pub async fn names(&self) -> Result<Vec<Name>, Refusal> {
        let mut names: Vec<Name> = Vec::new();
        loop {
            let page = find(|done| self.0.accounts.page(names.last().cloned(), done)).await?;
            if page.is_empty() {
                return Ok(names);
            }
            names.extend(page.into_iter().map(|account| account.name));
        }
    }

    /// A code by which somebody who is signed in becomes the first operator ([`Session::become_operator`]); none when there is
    /// an operator already. Asked for once, at the start: it looks through the accounts until it finds one.
    pub async fn first_operator_code(&self) -> Result<Option<Secret<String>>, Refusal> {
        let mut after = None;
        loop {
            let page = find(|done| self.0.accounts.page(after.clone(), done)).await?;
            if page.iter().any(|account| account.operator) {
                return Ok(None);
            }
            let Some(last) = page.last() else {
                return self.0.code.generate().map(Some).map_err(|Unable| Refusal::Busy);
            };
            after = Some(last.name.clone());
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}
