//! What all sessions share: what is kept, what protects it, and the work on passwords. Made by [`super::registrar`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use throng_chat::{Name, Time};
use throng_store::accounts::{Account, Accounts, Verifier};

use super::admission::Admission;
use super::asking::find;
use super::first_operator::Code;
use super::notice::Notices;
use super::password;
use super::pool::{Place, Pool};
use super::refusal::Refusal;
use super::registrations::Registrations;
use super::scram::Keys;
use super::secret::{Secret, Unable};
use super::settings::Settings;
use super::throttle::Network;

/// What all sessions share.
pub(super) struct Core {
    pub(super) accounts: Arc<dyn Accounts>,
    /// As at the start; what of it may change is beside it.
    pub(super) begun_with: Settings,
    /// Written by the operator, read at each use.
    pub(super) allow_plaintext: AtomicBool,
    pub(super) scram: AtomicBool,
    pub(super) now: fn() -> Time,
    pub(super) pool: Pool,
    pub(super) admission: Arc<Admission>,
    pub(super) registrations: Arc<Registrations>,
    pub(super) notices: Notices,
    pub(super) code: Code,
    /// From which the salts of those are made who do not exist. It outlives the process, else they would change with it.
    pub(super) secret: Secret<[u8; 32]>,
    /// Against which passwords are hashed for which there is no account.
    pub(super) decoy: Arc<str>,
}

/// A password that was checked.
pub(super) struct Checked {
    /// Is it the one?
    pub(super) right: bool,
    /// What to keep of it from now on, where that has risen.
    pub(super) better: Option<Verifier>,
}

impl Core {
    /// How accounts are kept now.
    pub(super) fn settings(&self) -> Settings {
        let (allow_plaintext, scram) =
            (self.allow_plaintext.load(Ordering::Relaxed), self.scram.load(Ordering::Relaxed));
        Settings { allow_plaintext, scram, ..self.begun_with }
    }

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
        let settings = self.settings();
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
        let (settings, decoy) = (self.settings(), Arc::clone(&self.decoy));
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
        let decoy = Keys::decoy(&self.secret, name, self.begun_with.scram_rounds);
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
