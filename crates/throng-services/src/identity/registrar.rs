//! The handle that all share: what is kept, what protects it, and the sessions that are made from it.

use std::fmt;
use std::io;
use std::sync::Arc;

use throng_chat::{Name, Time};
use throng_store::accounts::{Account, Accounts, Verifier};
use tokio::sync::mpsc;

use super::admission::Admission;
use super::asking::find;
use super::first_operator::Code;
use super::notice::{Notice, Notices};
use super::operator::Operator;
use super::origin::Origin;
use super::password;
use super::pool::{Place, Pool};
use super::refusal::Refusal;
use super::registrations::Registrations;
use super::scram::Keys;
use super::secret::{Secret, Unable};
use super::session::Session;
use super::settings::Settings;
use super::throttle::Network;

/// Who is who. Cheap to clone; when the last one goes, the threads that hash end.
#[derive(Clone)]
pub struct Identity(Arc<Core>);

/// What all sessions share.
pub(super) struct Core {
    pub(super) accounts: Arc<dyn Accounts>,
    pub(super) settings: Settings,
    pub(super) now: fn() -> Time,
    pub(super) pool: Pool,
    pub(super) admission: Arc<Admission>,
    pub(super) registrations: Arc<Registrations>,
    pub(super) notices: Notices,
    pub(super) code: Code,
    /// From which the salts of those are made who do not exist. It outlives the process, else they would change with it.
    secret: Secret<[u8; 32]>,
    /// Against which passwords are hashed for which there is no account.
    decoy: Arc<str>,
}

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
        let core =
            Core { accounts, settings, now, pool, admission, registrations, notices, code, secret, decoy };
        Ok((Identity(Arc::new(core)), told))
    }

    /// How accounts are kept.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
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

/// A password that was checked.
pub(super) struct Checked {
    /// Is it the one?
    pub(super) right: bool,
    /// What to keep of it from now on, where that has risen.
    pub(super) better: Option<Verifier>,
}

impl Core {
    pub(super) async fn account(&self, name: &Name) -> Result<Option<Account>, Refusal> {
        Ok(find(|done| self.accounts.account(name.clone(), done)).await?)
    }

    /// A place among those whose password is hashed, for somebody from there, at once or not at all.
    pub(super) fn place(&self, network: Network) -> Result<Place, Refusal> {
        self.pool.place(network).ok_or(Refusal::Busy)
    }

    /// What is kept of a new password.
    pub(super) async fn verifier(
        &self,
        place: Place,
        password: Secret<String>,
        scram: bool,
    ) -> Result<Verifier, Refusal> {
        password::check(&password).map_err(Refusal::Password)?;
        let settings = self.settings;
        let made = self.pool.run(place, move || make(&password, &settings, scram || settings.scram)).await;
        made.and_then(Result::ok).ok_or(Refusal::Busy)
    }

    /// Is this the password? Where there is none to compare with, the work is the same and the answer no.
    pub(super) async fn check(
        &self,
        place: Place,
        password: Secret<String>,
        verifier: Option<Verifier>,
    ) -> Result<Checked, Refusal> {
        let (settings, decoy) = (self.settings, Arc::clone(&self.decoy));
        let work = move || {
            let phc = verifier.as_ref().map_or(&decoy, |verifier| &verifier.argon2);
            let right = password::verify(&password, phc) && verifier.is_some();
            let had = verifier.filter(|had| right && falls_short(had, &settings));
            let better = had.and_then(|had| {
                let scram = settings.scram || had.scram.is_some();
                make(&password, &settings, scram).ok()
            });
            Checked { right, better }
        };
        self.pool.run(place, work).await.ok_or(Refusal::Busy)
    }

    /// By what this name's password is proven in SCRAM; of those who have none, something that looks alike.
    pub(super) fn keys(&self, name: &str, account: Option<&Account>) -> Keys {
        let verifier = account.and_then(|account| account.verifier.as_ref());
        let real = verifier.and_then(|verifier| Keys::from_stored(verifier.scram.as_ref()?));
        // Made in any case, so that the work is the same.
        let decoy = Keys::decoy(&self.secret, name, self.settings.scram_rounds);
        real.unwrap_or(decoy)
    }
}

fn make(password: &Secret<String>, settings: &Settings, scram: bool) -> Result<Verifier, Unable> {
    let argon2 = password::hash(password, settings.cost)?;
    let keys = scram.then(|| Keys::new(password, settings.scram_rounds)).transpose()?;
    Ok(Verifier { argon2, scram: keys.map(|keys| keys.to_stored().into()) })
}

/// Have the parameters risen since this was made, or is something kept now that was not?
fn falls_short(had: &Verifier, settings: &Settings) -> bool {
    let weak =
        |stored: &Arc<str>| Keys::from_stored(stored).is_none_or(|keys| keys.rounds < settings.scram_rounds);
    password::needs_rehash(&had.argon2, settings.cost) || had.scram.as_ref().map_or(settings.scram, weak)
}
