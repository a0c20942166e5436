//! A person at a door: what they may ask, in which state, and what comes of it. A seat has one and waits for its answers;
//! doors never see it.
//!
//! Each command looks first whether it may be asked in this state ([`super::standing`]), and a person who is signed in is
//! looked up anew each time: who was suspended, whose account is gone, whose token was revoked, is signed out by it.

use std::sync::Arc;

use throng_chat::{Name, Time};
use throng_store::accounts::{Account, Basis, Change};

use super::asking::{change, change_and_tell, find};
use super::core::Core;
use super::notice::{Notice, Which};
use super::operator::Operator;
use super::origin::Origin;
use super::password;
use super::proving;
use super::refusal::Refusal;
use super::scram::{Challenged, Opened, exchange};
use super::secret::{Secret, Unable};
use super::sign_in::{By, Present, Proven, Signed, complete};
use super::standing::{Command, Standing};
use super::throttle::Network;
use super::token;

/// By what somebody says that an account is theirs. SCRAM has commands of its own, since it takes two.
#[derive(Clone, Debug)]
pub enum Proof {
    /// By its password.
    Password(Secret<String>),
    /// By a token.
    Token(Secret<String>),
    /// By the SHA-256 of the client certificate that was shown in the handshake of TLS.
    Certificate([u8; 32]),
}

impl Proof {
    /// What was typed where a password or a token may be: a token is known by how it begins.
    pub fn typed(words: Secret<String>) -> Proof {
        if token::is_one(words.expose()) { Proof::Token(words) } else { Proof::Password(words) }
    }
}

/// A device that is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its number, by which it is revoked.
    pub number: u64,
    /// What its owner calls it. Printable, but somebody else's words.
    pub name: Arc<str>,
    /// When it was signed in.
    pub created: Time,
    /// When it was last used.
    pub used: Time,
    /// Until when it is good.
    pub expires: Time,
    /// It is the one that asks.
    pub this: bool,
}

/// A person at a door.
pub struct Session {
    core: Arc<Core>,
    origin: Origin,
    /// What notices call it.
    number: Option<u64>,
    state: State,
}

#[derive(Debug)]
enum State {
    Stranger,
    Exchanging(Box<Exchange>),
    Signed(Box<Present>),
}

#[derive(Debug)]
struct Exchange {
    challenged: Challenged,
    /// As it is counted by the throttle.
    folded: Box<str>,
    account: Option<Account>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("origin", &self.origin).field("state", &self.state).finish()
    }
}

impl Session {
    pub(super) fn new(core: Arc<Core>, origin: Origin) -> Session {
        Session { core, origin, number: None, state: State::Stranger }
    }

    /// With the number of its seat, by which a [`Notice`] says who made an account.
    pub fn numbered(mut self, number: u64) -> Session {
        self.number = Some(number);
        self
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        match &self.state {
            State::Stranger => Standing::Stranger,
            State::Exchanging(_) => Standing::Exchanging,
            State::Signed(present) if present.operator => Standing::Operating,
            State::Signed(_) => Standing::Signed,
        }
    }

    /// To which account somebody is signed in here, as far as this session has heard.
    pub fn account(&self) -> Option<&Name> {
        match &self.state {
            State::Signed(present) => Some(&present.account),
            _ => None,
        }
    }

    /// Makes an account and signs in to it. `scram`: its owner wants keys for SCRAM-SHA-256 too. A device that gives its
    /// name gets a token.
    pub async fn register(
        &mut self,
        name: &Name,
        password: Secret<String>,
        scram: bool,
        device: Option<&str>,
    ) -> Result<Signed, Refusal> {
        self.may(Command::Register)?;
        self.may_send_secrets()?;
        password::check(&password).map_err(Refusal::Password)?;
        let place = self.core.place(self.network())?;
        // Names are no secret, and who asks for one that is taken costs no hash.
        if self.core.account(name).await?.is_some() {
            return Err(Refusal::Exists);
        }
        let begun = self.core.registrations.begin(self.network())?;
        let verifier = match self.core.verifier(place, password, scram).await {
            Ok(verifier) => verifier,
            Err(why) => {
                begun.forgive();
                return Err(why);
            }
        };
        let account = Account {
            name: name.clone(),
            created: (self.core.now)(),
            seen: None,
            verifier: Some(verifier.clone()),
            suspended: false,
            operator: false,
            recognised: false,
            certificates: Vec::new(),
        };
        let place = self.core.notices.reserve().await;
        let create = Change::Create(account.clone());
        let notice = Notice::Registered { account: name.clone(), by: self.number };
        if let Err(why) = change_and_tell(&*self.core.accounts, create, place, notice).await {
            begun.forgive();
            return Err(why);
        }
        self.enter(Proven { account, by: By::Password(verifier) }, device).await
    }

    /// Signs in. Who came by a certificate need not say the name; a device that gives its own name gets a token, unless it
    /// came by one.
    pub async fn login(
        &mut self,
        name: Option<&Name>,
        proof: Proof,
        device: Option<&str>,
    ) -> Result<Signed, Refusal> {
        self.may(Command::Login)?;
        self.may_send_secrets()?;
        let proven = match (proof, name) {
            (Proof::Password(password), Some(name)) => {
                proving::by_password(&self.core, self.network(), name, password).await?
            }
            (Proof::Password(_), None) => return Err(Refusal::Wrong),
            (Proof::Token(token), name) => {
                proving::by_token(&self.core, self.network(), name, &token).await?
            }
            (Proof::Certificate(_), _) if !self.origin.channel.tls => return Err(Refusal::NoCertificate),
            (Proof::Certificate(fingerprint), name) => {
                proving::by_certificate(&self.core, self.network(), name, fingerprint).await?
            }
        };
        self.enter(proven, device).await
    }

    /// Begins SCRAM-SHA-256: hears the client's first message, answers with our challenge. An unknown name gets one too.
    pub async fn scram_first(&mut self, message: &[u8]) -> Result<String, Refusal> {
        self.may(Command::ScramFirst)?;
        self.may_send_secrets()?;
        let opened = Opened::hear(message).map_err(Refusal::Scram)?;
        let names = self.core.begun_with.names;
        let name = Name::new(opened.name(), names).ok();
        let acts_for = opened.acts_for().map(|typed| Name::new(typed, names).ok());
        if acts_for.is_some_and(|other| other.is_none() || other != name) {
            return Err(Refusal::Wrong);
        }
        let account = match &name {
            Some(name) => self.core.account(name).await?,
            // Nobody can have it, so there is nobody to be looked up.
            None => None,
        };
        let folded: Box<str> = name.as_ref().map_or(opened.name(), |name| name.folded()).into();
        let keys = self.core.keys(&folded, account.as_ref());
        let nonce = exchange::nonce().map_err(|Unable| Refusal::Busy)?;
        let (challenge, challenged) = opened.challenge(keys, &nonce);
        self.state = State::Exchanging(Box::new(Exchange { challenged, folded, account }));
        Ok(challenge)
    }

    /// Ends SCRAM-SHA-256: hears the client's proof; signs in and answers with ours, or the exchange is over.
    pub async fn scram_final(
        &mut self,
        message: &[u8],
        device: Option<&str>,
    ) -> Result<(Signed, String), Refusal> {
        self.may(Command::ScramFinal)?;
        let State::Exchanging(exchange) = std::mem::replace(&mut self.state, State::Stranger) else {
            return Err(Refusal::NoExchange);
        };
        let Exchange { challenged, folded, account } = *exchange;
        let attempt = self.core.admission.begin(Some(&folded), self.network()).await?;
        let ours = challenged.hear(message).map_err(Refusal::Scram)?.ok_or(Refusal::Wrong)?;
        let account = account.filter(|account| !account.suspended).ok_or(Refusal::Wrong)?;
        let verifier = account.verifier.clone().ok_or(Refusal::Wrong)?;
        attempt.forgive();
        let signed = self.enter(Proven { account, by: By::Password(verifier) }, device).await?;
        Ok((signed, ours))
    }

    /// Gives up an exchange of SCRAM.
    pub fn cancel(&mut self) -> Result<(), Refusal> {
        self.may(Command::Cancel)?;
        self.state = State::Stranger;
        Ok(())
    }

    /// Signs out, and the device that this stands on with it.
    pub async fn logout(&mut self) -> Result<(), Refusal> {
        let present = self.present(Command::Logout).await?;
        if let Some((_, number)) = present.token {
            self.revoke_number(&present.account, number).await?;
        }
        self.state = State::Stranger;
        Ok(())
    }

    /// Nobody is signed in here any more, since whoever keeps the seat says so. No device is signed out by it.
    pub fn forget(&mut self) {
        self.state = State::Stranger;
    }

    /// Is somebody still signed in here, after all that was acknowledged before?
    pub async fn check(&mut self) -> Result<(), Refusal> {
        self.present(Command::Tokens).await.map(drop)
    }

    /// A token for a device of this name, by which it signs in from now on. Shown this once.
    pub async fn new_token(&mut self, device: &str) -> Result<Secret<String>, Refusal> {
        let present = self.present(Command::NewToken).await?;
        self.may_send_secrets()?;
        let token = token::generate().map_err(|Unable| Refusal::Busy)?;
        let hash = token::hash_of(token.expose()).ok_or(Refusal::Busy)?;
        let kept = token::kept(hash, device, (self.core.now)());
        change(&*self.core.accounts, Change::AddToken(present.account, kept, present.basis)).await??;
        Ok(token)
    }

    /// Another password, for who knows the one before. All tokens go with that; who is signed in here stays.
    pub async fn change_password(
        &mut self,
        old: Secret<String>,
        new: Secret<String>,
        scram: bool,
    ) -> Result<(), Refusal> {
        let present = self.present(Command::ChangePassword).await?;
        self.may_send_secrets()?;
        password::check(&new).map_err(Refusal::Password)?;
        let proven = proving::by_password(&self.core, self.network(), &present.account, old).await?;
        let By::Password(had) = &proven.by else { return Err(Refusal::Wrong) };
        // Who asked for keys once keeps them.
        let scram = scram || had.scram.is_some();
        let verifier = self.core.verifier(self.core.place(self.network())?, new, scram).await?;
        let place = self.core.notices.reserve().await;
        let account = present.account.clone();
        // Of two changes at once, and of a reset in between, one is told that the old password is wrong by now.
        let set = Change::SetVerifier(account.clone(), verifier.clone(), Some(had.clone()));
        let notice = Notice::PasswordChanged { account, reset: false, by: self.number };
        change_and_tell(&*self.core.accounts, set, place, notice).await?;
        let basis = Basis { created: present.created, verifier: Some(verifier) };
        self.state = State::Signed(Box::new(Present { token: None, basis, ..present }));
        Ok(())
    }

    /// Which devices are signed in.
    pub async fn tokens(&mut self) -> Result<Vec<Device>, Refusal> {
        let present = self.present(Command::Tokens).await?;
        let now = (self.core.now)();
        let tokens = find(|done| self.core.accounts.tokens(present.account.clone(), done)).await?;
        let good = tokens.into_iter().filter(|kept| token::is_good(kept, now));
        let this = present.token.map(|(_, number)| number);
        Ok(good
            .map(|kept| Device {
                number: kept.number,
                name: kept.device,
                created: kept.created,
                used: kept.used,
                expires: kept.expires,
                this: Some(kept.number) == this,
            })
            .collect())
    }

    /// Signs a device out, or all of them. Who takes away what this stands on is signed out here too.
    pub async fn revoke(&mut self, which: Which) -> Result<(), Refusal> {
        let present = self.present(Command::Revoke).await?;
        let this = match which {
            Which::Number(number) => {
                self.revoke_number(&present.account, number).await?;
                present.token.is_some_and(|(_, this)| this == number)
            }
            Which::All => {
                let place = self.core.notices.reserve().await;
                let notice = Notice::Revoked { account: present.account.clone(), which, by: self.number };
                let revoke = Change::RevokeTokens(present.account.clone());
                change_and_tell(&*self.core.accounts, revoke, place, notice).await?;
                present.token.is_some()
            }
        };
        if this {
            self.state = State::Stranger;
        }
        Ok(())
    }

    /// From now on this certificate is as good as the password, or it no longer is.
    pub async fn set_certificate(&mut self, fingerprint: [u8; 32], good: bool) -> Result<(), Refusal> {
        let present = self.present(Command::SetCertificate).await?;
        if good && !self.origin.channel.tls {
            return Err(Refusal::NoCertificate);
        }
        let asked = match good {
            true => Change::AddCertificate(present.account, fingerprint),
            false => Change::RemoveCertificate(present.account, fingerprint),
        };
        Ok(change(&*self.core.accounts, asked).await??)
    }

    /// From now on they are greeted by their address, or no longer.
    pub async fn set_recognised(&mut self, recognised: bool) -> Result<(), Refusal> {
        let present = self.present(Command::SetRecognised).await?;
        let asked = Change::SetRecognised(present.account.clone(), recognised);
        change(&*self.core.accounts, asked).await??;
        if let (true, Some(address)) = (recognised, self.origin.address) {
            // From here they come already, so this address is the first one.
            let address = Some(address.to_canonical().to_string().into());
            change(&*self.core.accounts, Change::Seen(present.account, (self.core.now)(), address)).await??;
        }
        Ok(())
    }

    /// Becomes the first operator, by the code that was shown to whoever started the server.
    pub async fn become_operator(&mut self, code: Secret<String>) -> Result<(), Refusal> {
        let present = self.present(Command::BecomeOperator).await?;
        self.may_send_secrets()?;
        let attempt = self.core.admission.begin(None, self.network()).await?;
        let place = self.core.notices.reserve().await;
        let taken = self.core.code.take(&code).ok_or(Refusal::Wrong)?;
        attempt.forgive();
        let account = present.account.clone();
        let (set, notice) = (Change::SetOperator(account.clone(), true), Notice::Operator(account, true));
        if let Err(why) = change_and_tell(&*self.core.accounts, set, place, notice).await {
            self.core.code.put_back(taken);
            return Err(why);
        }
        self.state = State::Signed(Box::new(Present { operator: true, ..present }));
        Ok(())
    }

    /// For one thing that operators do; asked anew for the next, since one may cease to be one.
    pub async fn operate(&mut self) -> Result<Operator, Refusal> {
        self.present(Command::Operate).await?;
        Ok(Operator::new(Arc::clone(&self.core)))
    }

    fn may(&self, command: Command) -> Result<(), Refusal> {
        command.check(self.standing())
    }

    fn may_send_secrets(&self) -> Result<(), Refusal> {
        let allowed = self.origin.channel.carries_secrets(self.core.settings().allow_plaintext);
        if allowed { Ok(()) } else { Err(Refusal::PlaintextRefused) }
    }

    fn network(&self) -> Network {
        Network::of(self.origin.address)
    }

    /// Who is signed in here, and still may be; else they are signed in no more. An operator by now may do what operators do.
    async fn present(&mut self, command: Command) -> Result<Present, Refusal> {
        let State::Signed(present) = &self.state else {
            self.may(command)?;
            return Err(Refusal::NotSignedIn);
        };
        let mut present = Present::clone(present);
        let account = match present.token {
            None => self.core.account(&present.account).await?,
            Some((hash, _)) => {
                let found = find(|done| self.core.accounts.by_token(hash, done)).await?;
                found.map(|(account, _)| account)
            }
        };
        let same = account.filter(|account| account.created == present.created && !account.suspended);
        let Some(account) = same else {
            self.state = State::Stranger;
            return Err(Refusal::NotSignedIn);
        };
        present.operator = account.operator;
        self.state = State::Signed(Box::new(present.clone()));
        self.may(command)?;
        Ok(present)
    }

    async fn enter(&mut self, proven: Proven, device: Option<&str>) -> Result<Signed, Refusal> {
        let (present, token) = complete(&self.core, proven, device, self.origin.address).await?;
        let Present { account, operator, token: stands_on, .. } = present.clone();
        self.state = State::Signed(Box::new(present));
        Ok(Signed { account, operator, device: stands_on.map(|(_, number)| number), token })
    }

    async fn revoke_number(&self, account: &Name, number: u64) -> Result<(), Refusal> {
        let place = self.core.notices.reserve().await;
        let which = Which::Number(number);
        let notice = Notice::Revoked { account: account.clone(), which, by: self.number };
        let revoke = Change::RevokeToken(account.clone(), number);
        change_and_tell(&*self.core.accounts, revoke, place, notice).await
    }
}
