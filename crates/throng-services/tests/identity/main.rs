//! Who is who, from register to clear, over a store that does what the tests want.

#![allow(clippy::unwrap_used)]

mod alike;
mod canary;
mod client;
mod crowds;
mod flows;
mod kept;
mod notices;
mod put_back;
mod races;
mod table;

use std::net::IpAddr;
use std::sync::Arc;

use kept::Kept;
use throng_chat::{Name, Names};
use throng_services::identity::{
    Channel, Identity, Notice, Origin, Proof, Refusal, Secret, Session, Settings, Signed,
};
use tokio::sync::mpsc::Receiver;

const PASSWORD: &str = "correct horse";
const OTHER: &str = "battery staple";
const FINGERPRINT: [u8; 32] = [0xc7; 32];

struct Scene {
    kept: Arc<Kept>,
    identity: Identity,
    told: Receiver<Notice>,
}

impl Scene {
    fn new() -> Scene {
        Scene::with(kept::light())
    }

    fn with(settings: Settings) -> Scene {
        Scene::over(Arc::default(), settings)
    }

    fn over(kept: Arc<Kept>, settings: Settings) -> Scene {
        let secret = Secret::new([9; 32]);
        let (identity, told) = Identity::start(kept.clone(), settings, kept::now, secret).unwrap();
        Scene { kept, identity, told }
    }

    /// Somebody under TLS, from an address of their own.
    fn session(&self, host: u8) -> Session {
        self.identity.session(under_tls(host))
    }

    /// An account with the usual password, and the session where it was made.
    async fn registered(&self, typed: &str) -> Session {
        let mut session = self.session(1);
        session.register(&name(typed), PASSWORD.into(), false, None).await.unwrap();
        session
    }

    /// Signs in from an address of its own.
    async fn login(&self, host: u8, typed: &str, proof: Proof) -> Result<Signed, Refusal> {
        self.session(host).login(Some(&name(typed)), proof, None).await
    }

    fn notices(&mut self) -> Vec<Notice> {
        std::iter::from_fn(|| self.told.try_recv().ok()).collect()
    }
}

fn name(typed: &str) -> Name {
    Name::new(typed, Names::Unicode).unwrap()
}

fn under_tls(host: u8) -> Origin {
    Origin { address: Some(IpAddr::from([192, 0, 2, host])), channel: Channel { tls: true, loopback: false } }
}

fn password(words: &str) -> Proof {
    Proof::Password(words.into())
}
