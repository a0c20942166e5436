//! What who runs the server does to accounts. Whoever has this may: the console and the command line by where they are, a
//! session by its account ([`super::Session::operate`]). Asking back is theirs.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use throng_chat::Name;
use throng_store::accounts::{Account, Change};
use throng_store::{BackupFault, Backups, Fault};
use tokio::sync::oneshot;

use super::asking::{change_and_tell, find};
use super::core::Core;
use super::notice::{Notice, Which};
use super::refusal::Refusal;
use super::secret::Secret;
use super::throttle::Network;

/// What who runs the server does.
#[derive(Clone)]
pub struct Operator(Arc<Core>);

impl fmt::Debug for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Operator")
    }
}

impl Operator {
    pub(super) fn new(core: Arc<Core>) -> Operator {
        Operator(core)
    }

    /// The account of this name.
    pub async fn account(&self, name: &Name) -> Result<Account, Refusal> {
        self.0.account(name).await?.ok_or(Refusal::NoAccount)
    }

    /// The accounts behind this one, a page of them, by name.
    pub async fn page(&self, after: Option<Name>) -> Result<Vec<Account>, Refusal> {
        Ok(find(|done| self.0.accounts.page(after, done)).await?)
    }

    /// Makes an account. [`super::password::generate`] makes a password for it; without one, nobody can sign in until there is
    /// one or a certificate.
    pub async fn create(&self, name: &Name, password: Option<Secret<String>>) -> Result<(), Refusal> {
        let verifier = match password {
            None => None,
            Some(password) => Some(self.0.verifier(self.0.place(Network::Local)?, password, false).await?),
        };
        let account = Account {
            name: name.clone(),
            created: (self.0.now)(),
            seen: None,
            verifier,
            suspended: false,
            operator: false,
            recognised: false,
            certificates: Vec::new(),
        };
        self.make(Change::Create(account), Notice::Registered { account: name.clone(), by: None }).await
    }

    /// Another password for who has forgotten theirs. All tokens go; certificates stay.
    pub async fn reset(&self, name: &Name, password: Secret<String>) -> Result<(), Refusal> {
        let account = self.account(name).await?;
        let scram = account.verifier.is_some_and(|had| had.scram.is_some());
        let verifier = self.0.verifier(self.0.place(Network::Local)?, password, scram).await?;
        let notice = Notice::PasswordChanged { account: name.clone(), reset: true, by: None };
        self.make(Change::SetVerifier(name.clone(), verifier, None), notice).await
    }

    /// Nobody may sign in to it any more, or somebody may again.
    pub async fn suspend(&self, name: &Name, suspended: bool) -> Result<(), Refusal> {
        let notice = if suspended { Notice::Suspended } else { Notice::Restored };
        self.make(Change::SetSuspended(name.clone(), suspended), notice(name.clone())).await
    }

    /// Its owner may operate the server, or not.
    pub async fn set_operator(&self, name: &Name, operator: bool) -> Result<(), Refusal> {
        let notice = Notice::Operator(name.clone(), operator);
        self.make(Change::SetOperator(name.clone(), operator), notice).await
    }

    /// Signs all its devices out.
    pub async fn revoke(&self, name: &Name) -> Result<(), Refusal> {
        let notice = Notice::Revoked { account: name.clone(), which: Which::All, by: None };
        self.make(Change::RevokeTokens(name.clone()), notice).await
    }

    /// The account goes, with all that belongs to it, and its name is free.
    pub async fn delete(&self, name: &Name) -> Result<(), Refusal> {
        self.make(Change::Delete(name.clone()), Notice::Unregistered(name.clone())).await
    }

    /// Copies the whole store and then clears all accounts, in one piece: nothing is cleared that is not in the backup, whose
    /// path this gives. History stays.
    pub async fn clear_with_backup(&self, backups: &dyn Backups) -> Result<PathBuf, BackupFault> {
        self.whole(Notice::Cleared, |done| backups.clear_accounts(done)).await
    }

    /// All accounts go, and those of a backup come in their place, with passwords, certificates and tokens as they were then;
    /// how many. Where it fails nothing has changed.
    pub async fn restore(&self, backups: &dyn Backups, from: PathBuf) -> Result<usize, BackupFault> {
        self.whole(Notice::Replaced, |done| backups.restore_accounts(from, done)).await
    }

    /// All accounts go, without a backup. History stays.
    pub async fn clear(&self) -> Result<(), Refusal> {
        self.make(Change::Clear, Notice::Cleared).await
    }

    /// Changes all accounts at once, and tells others of it by the store's own answer.
    async fn whole<T: Send + 'static>(
        &self,
        notice: Notice,
        ask: impl FnOnce(Box<dyn FnOnce(Result<T, BackupFault>) + Send>),
    ) -> Result<T, BackupFault> {
        let place = self.0.notices.reserve().await;
        let (answer, answered) = oneshot::channel();
        ask(Box::new(move |made| {
            if made.is_ok() {
                place.send(notice);
            }
            let _ = answer.send(made);
        }));
        answered.await.unwrap_or(Err(BackupFault::Store(Fault::Closed)))
    }

    async fn make(&self, change: Change, notice: Notice) -> Result<(), Refusal> {
        let place = self.0.notices.reserve().await;
        change_and_tell(&*self.0.accounts, change, place, notice).await
    }
}
