//! Carries out what who runs the server wishes of accounts. It asks nobody back: that is for those who call it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use throng_services::chat::{HubHandle, Name, OperatorCommand};
use throng_services::identity::{Operator, Refusal, Secret, password};
use throng_store::accounts::{Account, Accounts, Census, Change, Found, Token};
use throng_store::{Backups, Fault as StoreFault};
use throng_wire::printable::printable;
use tokio::sync::oneshot;

use super::wish::{Done, NewPassword, Wish};
use super::{clearing, export, import};
use crate::fault::Fault;

/// What it works with.
pub struct Office {
    /// By which most changes are made.
    pub operator: Operator,
    /// What is kept.
    pub kept: Arc<dyn Accounts>,
    /// Copies of it.
    pub backups: Arc<dyn Backups>,
    /// The data folder.
    pub folder: PathBuf,
    /// The chat that must hear of names that are somebody's now, if one runs.
    pub hub: Option<HubHandle>,
}

impl Office {
    /// Carries it out, or says why not.
    pub async fn carry_out(&self, wish: Wish) -> Result<Done, Fault> {
        match wish {
            Wish::List(most) => self.list(most).await,
            Wish::Show(name) => {
                let account = self.account(&name).await?;
                let tokens = self.tokens(&name).await?;
                Ok(Done::Shown(account, tokens))
            }
            Wish::Create { name, password, operator } => self.create(name, password, operator).await,
            Wish::Reset(name, password) => {
                let (password, shown) = chosen(password)?;
                self.operator.reset(&name, password).await.map_err(|why| refused(&name, &why))?;
                Ok(Done::Reset(self.account(&name).await?.name, shown))
            }
            Wish::Suspend(name) => {
                self.operator.suspend(&name, true).await.map_err(|why| refused(&name, &why))?;
                Ok(Done::Suspended(name))
            }
            Wish::Unsuspend(name) => {
                self.operator.suspend(&name, false).await.map_err(|why| refused(&name, &why))?;
                Ok(Done::Unsuspended(name))
            }
            Wish::Delete(name) => {
                self.operator.delete(&name).await.map_err(|why| refused(&name, &why))?;
                Ok(Done::Deleted(name))
            }
            Wish::SetOperator(name, may) => {
                self.operator.set_operator(&name, may).await.map_err(|why| refused(&name, &why))?;
                Ok(Done::OperatorSet(name, may))
            }
            Wish::Revoke(name) => {
                self.operator.revoke(&name).await.map_err(|why| refused(&name, &why))?;
                Ok(Done::Revoked(name))
            }
            Wish::Export(to) => export::export(self, to).await,
            Wish::Import { from, replace } => import::import(self, from, replace).await,
            Wish::Clear => clearing::clear(self).await,
            Wish::Restore(from) => clearing::restore(self, &from).await,
        }
    }

    async fn list(&self, most: usize) -> Result<Done, Fault> {
        let mut found: Vec<Account> = Vec::new();
        while found.len() < most {
            let page = self.page(found.last().map(|account| account.name.clone())).await?;
            if page.is_empty() {
                break;
            }
            found.extend(page);
        }
        found.truncate(most);
        Ok(Done::Listed(found, self.census().await?.accounts))
    }

    async fn create(&self, name: Name, password: NewPassword, operator: bool) -> Result<Done, Fault> {
        let (password, shown) = chosen(password)?;
        self.operator.create(&name, Some(password)).await.map_err(|why| refused(&name, &why))?;
        if operator {
            self.operator.set_operator(&name, true).await.map_err(|why| {
                let word = printable(name.as_str()).into_owned();
                refused(&name, &why).hint(format!("{word} is made, but operates nothing yet"))
            })?;
        }
        Ok(Done::Created { name, password: shown, operator })
    }

    /// The account of this name.
    pub async fn account(&self, name: &Name) -> Result<Account, Fault> {
        self.operator.account(name).await.map_err(|why| refused(name, &why))
    }

    /// Is there no account of this name?
    pub async fn is_free(&self, name: &Name) -> Result<(), Fault> {
        match self.operator.account(name).await {
            Err(Refusal::NoAccount) => Ok(()),
            Ok(_) => Err(refused(name, &Refusal::Exists)),
            Err(why) => Err(unreadable(&why)),
        }
    }

    /// The accounts behind this one, a page of them.
    pub async fn page(&self, after: Option<Name>) -> Result<Vec<Account>, Fault> {
        self.operator.page(after).await.map_err(|why| unreadable(&why))
    }

    /// How many there are of everything.
    pub async fn census(&self) -> Result<Census, Fault> {
        self.find(|done| self.kept.census(done)).await
    }

    async fn tokens(&self, name: &Name) -> Result<Vec<Token>, Fault> {
        self.find(|done| self.kept.tokens(name.clone(), done)).await
    }

    /// Makes a change of which [`Operator`] knows nothing. The chat must be told of it with [`Office::tell`].
    pub(super) async fn change(&self, change: Change) -> Result<(), Refusal> {
        let made = answered(|done| self.kept.change(change, done)).await;
        Ok(made.unwrap_or(Err(StoreFault::Closed))??)
    }

    /// Tells the chat, if one runs.
    pub(super) async fn tell(&self, command: OperatorCommand) {
        if let Some(hub) = &self.hub {
            // What the chat knows already it refuses.
            hub.operate_then(command, drop).await;
        }
    }

    async fn find<T: Send + 'static>(&self, ask: impl FnOnce(Found<T>)) -> Result<T, Fault> {
        let found = answered(ask).await.unwrap_or(Err(StoreFault::Closed));
        found.map_err(|why| unreadable(&Refusal::from(why)))
    }

    /// A backup as it may be typed: its name alone means the folder of backups.
    pub fn backup_path(&self, typed: &Path) -> PathBuf {
        match typed.parent().is_some_and(|above| above.as_os_str().is_empty()) {
            true => self.folder.join(throng_store::backup::FOLDER).join(typed),
            false => typed.to_owned(),
        }
    }
}

/// Asks for something that is answered by a callback; nothing when that is forgotten.
pub(super) async fn answered<T: Send + 'static>(ask: impl FnOnce(Box<dyn FnOnce(T) + Send>)) -> Option<T> {
    let (answer, waits) = oneshot::channel();
    ask(Box::new(move |found| drop(answer.send(found))));
    waits.await.ok()
}

fn chosen(password: NewPassword) -> Result<(Secret<String>, Option<Secret<String>>), Fault> {
    match password {
        NewPassword::Given(password) => Ok((password, None)),
        NewPassword::Generated => {
            let made = password::generate()
                .map_err(|_| Fault::failed("the system gives no random bytes for a password"))?;
            Ok((made.clone(), Some(made)))
        }
    }
}

/// Why something was not done to an account.
pub(super) fn refused(name: &Name, why: &Refusal) -> Fault {
    let shown = printable(name.as_str());
    match why {
        Refusal::NoAccount => {
            Fault::failed(format!("there is no account {shown}")).hint("which there are: account list")
        }
        Refusal::Exists => Fault::failed(format!("there is an account {shown} already"))
            .hint(format!("another password for it: account reset {shown}")),
        Refusal::LooksLike(other) => {
            let other = printable(other.as_str());
            Fault::failed(format!("{shown} looks like {other}, which is an account"))
                .hint("take another name")
        }
        Refusal::Password(why) => Fault::usage(why.to_string()),
        why => unreadable(why),
    }
}

fn unreadable(why: &Refusal) -> Fault {
    match why {
        Refusal::Busy => Fault::failed("the store is busy").hint("try again in a moment"),
        why => Fault::failed(format!("the accounts cannot be read or changed: {why}")),
    }
}
