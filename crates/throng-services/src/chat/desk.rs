//! The desk of one seat: what its door asks about accounts is asked of [`crate::identity`] here, and what the world must know
//! of it is said in the same order. Made when somebody first asks, since most who come never do.
//!
//! The world hears of it before the door does, so that what the door asks next is asked by somebody who is signed in. And
//! when it has heard, the account is looked at once more: a change that was acknowledged in between was told to the hub
//! before it heard of the sign-in, and would have found nobody.

use throng_chat::{Command, Name, OperatorCommand, SessionId};
use throng_server::{Address, Peer};
use tokio::sync::oneshot;

use super::door::{AccountAnswer, AccountAsk, Footing};
use super::mailbox::HubHandle;
use super::notes::{Note, Notes};
use crate::bans::Bans;
use crate::identity::{Channel, Identity, Origin, Proof, Refusal, Session, Signed};

/// Who a client is before it says anything, beside its address.
#[derive(Debug)]
pub struct Bearer {
    /// It came by TLS.
    tls: bool,
    /// SHA-256 of the certificate that it showed.
    certificate: Option<Box<[u8; 32]>>,
}

impl Bearer {
    /// Of this connection. A proxy that may pass clients on is believed when it says that they came to it by TLS.
    pub fn of(peer: &Peer) -> Bearer {
        let secured = peer.tls();
        let certificate = secured.and_then(|secured| secured.certificates.first());
        let by_proxy = peer.proxy.as_ref().is_some_and(|proxy| proxy.facts.tls.is_some());
        Bearer {
            tls: secured.is_some() || by_proxy,
            certificate: certificate.map(|der| Box::new(crate::identity::fingerprint(der))),
        }
    }

    /// From where it speaks.
    fn origin(&self, from: &Address) -> Origin {
        let channel = Channel { tls: self.tls, loopback: from.is_local() };
        Origin { address: from.ip(), channel }
    }

    /// What it may do about accounts in this house, from this address.
    pub fn footing(&self, from: &Address, identity: Option<&Identity>) -> Footing {
        identity.map_or(Footing::default(), |identity| Footing {
            accounts: true,
            secrets: self.origin(from).channel.carries_secrets(identity.settings().allow_plaintext),
            certificate: self.certificate.is_some(),
        })
    }
}

/// The desk of one seat.
pub struct Desk {
    session: Session,
    certificate: Option<Box<[u8; 32]>>,
    seat: SessionId,
    hub: HubHandle,
    notes: Notes,
    identity: Identity,
    bans: Bans,
}

impl Desk {
    /// For this seat.
    pub fn new(
        (identity, bans): (&Identity, &Bans),
        (bearer, from): (&Bearer, &Address),
        seat: SessionId,
        hub: HubHandle,
        notes: Notes,
    ) -> Desk {
        Desk {
            session: identity.session(bearer.origin(from)).numbered(seat.0),
            certificate: bearer.certificate.clone(),
            seat,
            hub,
            notes,
            identity: identity.clone(),
            bans: bans.clone(),
        }
    }

    /// The world has signed this seat out by itself.
    pub fn forget(&mut self) {
        self.session.forget();
    }

    /// Asks, and tells the world; what came of it is for the door. `stand_on` hears on which device's token the seat stands from
    /// here on: before the account is looked at once more, so that a device that is signed out behind that look is found here.
    pub async fn ask(&mut self, ask: AccountAsk, stand_on: impl Fn(Option<(Name, u64)>)) -> AccountAnswer {
        let before = self.session.account().is_some();
        let tried = tried(&ask);
        let mut answer = self.carry_out(ask).await.unwrap_or_else(AccountAnswer::Refused);
        if let Some((signed, command)) = entered(&answer) {
            let account = signed.account.clone();
            let device = signed.device.map(|number| (account.clone(), number));
            self.hub.ask(self.seat, command).await;
            stand_on(device);
            if self.session.check().await.is_err() {
                self.session.forget();
                self.hub.ask(self.seat, Command::SignOut).await;
                stand_on(None);
                answer = AccountAnswer::Refused(Refusal::Wrong);
            } else {
                self.notes.take(match &answer {
                    AccountAnswer::Registered(_) => Note::Registered(self.seat, account),
                    _ => Note::SignedIn(self.seat, account, tried.unwrap_or_default()),
                });
            }
        } else if before && self.session.account().is_none() {
            // Signed out by asking for it, or found to be by asking for something else.
            self.hub.ask(self.seat, Command::SignOut).await;
            self.notes.take(Note::SignedOut(self.seat));
        }
        if let (AccountAnswer::Refused(why), Some(by)) = (&answer, tried) {
            self.notes.take(Note::NotSignedIn { session: self.seat, by, why: why.word() });
        }
        answer
    }

    async fn carry_out(&mut self, ask: AccountAsk) -> Result<AccountAnswer, Refusal> {
        let session = &mut self.session;
        Ok(match ask {
            AccountAsk::Owner(name) => AccountAnswer::Owner(self.identity.owner(&name).await?),
            AccountAsk::Register { name, .. } if self.bans.hits_name(&name) => {
                return Err(Refusal::NameBanned);
            }
            AccountAsk::Register { name, password, scram } => {
                AccountAnswer::Registered(session.register(&name, password, scram, None).await?)
            }
            AccountAsk::Login { name, words } => {
                AccountAnswer::SignedIn(session.login(name.as_ref(), Proof::typed(words), None).await?)
            }
            AccountAsk::LoginByCertificate { name } => {
                let shown = self.certificate.as_deref().ok_or(Refusal::NoCertificate)?;
                let proof = Proof::Certificate(*shown);
                AccountAnswer::SignedIn(session.login(name.as_ref(), proof, None).await?)
            }
            AccountAsk::ScramFirst(message) => AccountAnswer::Challenge(session.scram_first(&message).await?),
            AccountAsk::ScramFinal(message) => {
                let (signed, ours) = session.scram_final(&message, None).await?;
                AccountAnswer::Proven(signed, ours)
            }
            AccountAsk::Cancel => session.cancel().map(|()| AccountAnswer::Cancelled)?,
            AccountAsk::Logout => session.logout().await.map(|()| AccountAnswer::SignedOut)?,
            AccountAsk::ChangePassword { old, new, scram } => {
                session.change_password(old, new, scram).await?;
                AccountAnswer::PasswordChanged
            }
            AccountAsk::NewToken(device) => AccountAnswer::NewToken(session.new_token(&device).await?),
            AccountAsk::Tokens => AccountAnswer::Tokens(session.tokens().await?),
            AccountAsk::Revoke(which) => {
                session.revoke(which).await?;
                AccountAnswer::Revoked(which)
            }
            AccountAsk::SetCertificate { fingerprint, good } => {
                let shown = self.certificate.as_deref().copied();
                session.set_certificate(fingerprint.or(shown).ok_or(Refusal::NoCertificate)?, good).await?;
                AccountAnswer::CertificateSet(good)
            }
            AccountAsk::SetRecognised(recognised) => {
                session.set_recognised(recognised).await?;
                AccountAnswer::RecognisedSet(recognised)
            }
            AccountAsk::BecomeOperator(code) => {
                session.become_operator(code).await?;
                AccountAnswer::Operator
            }
            AccountAsk::MayOperate => session.operate().await.map(|_| AccountAnswer::Operator)?,
            AccountAsk::Operate(command) => {
                session.operate().await?;
                let deed = session.account().and_then(|by| deed(by, &command));
                let (done, heard) = oneshot::channel();
                self.hub
                    .operate_then(command, move |outcome| {
                        // A seat that is gone has no further wish.
                        let _ = done.send(outcome);
                    })
                    .await;
                match heard.await {
                    Ok(Ok(())) => {
                        deed.into_iter().for_each(|deed| self.notes.take(deed));
                        AccountAnswer::Operated
                    }
                    Ok(Err(refused)) => AccountAnswer::OperateRefused(refused.why),
                    Err(_) => AccountAnswer::Refused(Refusal::Busy),
                }
            }
        })
    }
}

/// What an operator did who came as a client, for the log: never the words.
fn deed(by: &Name, command: &OperatorCommand) -> Option<Note> {
    match command {
        OperatorCommand::Kick(name, _) => Some(Note::Killed { name: name.clone(), by: by.clone() }),
        OperatorCommand::Announce(_) => Some(Note::Announced { by: by.clone() }),
        _ => None,
    }
}

/// Is somebody signed in by this, and what must the world hear?
fn entered(answer: &AccountAnswer) -> Option<(&Signed, Command)> {
    match answer {
        AccountAnswer::Registered(signed) => Some((signed, Command::SignUp(signed.account.clone()))),
        AccountAnswer::SignedIn(signed) | AccountAnswer::Proven(signed, _) => {
            Some((signed, Command::SignIn(signed.account.clone())))
        }
        _ => None,
    }
}

/// By what somebody tries to sign in, for the log.
fn tried(ask: &AccountAsk) -> Option<&'static str> {
    Some(match ask {
        AccountAsk::Register { .. } => "register",
        AccountAsk::Login { .. } => "password",
        AccountAsk::LoginByCertificate { .. } => "certificate",
        AccountAsk::ScramFirst(_) | AccountAsk::ScramFinal(_) => "scram",
        AccountAsk::BecomeOperator(_) => "code",
        _ => return None,
    })
}
