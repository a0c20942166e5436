//! Accounts at the doors, over real sockets: from making one to being put out of it.

#![allow(clippy::unwrap_used)]

mod banned;
#[path = "../identity/client.rs"]
mod client;
mod deadline;
mod ends;
mod irc;
mod line;
mod look_alikes;
mod operators;
mod services;
mod sign_in;
mod table;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use throng_chat::{Name, Names, OperatorCommand};
use throng_server::{Conn, Events, LocalHandler, Running, Server, Workers};
use throng_services::chat::worker::ChatWorker;
use throng_services::chat::{Chat, House, Note, Notes, PaceSettings, Settings, house};
use throng_services::identity::password::Cost;
use throng_services::identity::{self, Channel, Identity, Origin, Proof, Secret};
use throng_store::accounts::{Account, Accounts, Change, Token};
use throng_store::backup::Backups;
use throng_store::{Durability, Opened};

use self::irc::Client;

/// No answer takes this long; a test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);
const PASSWORD: &str = "correct-horse";
/// Notes that a test may leave unread.
const NOTES_MAX: usize = 1 << 16;
const OTHER: &str = "battery-staple";

/// A chat with accounts on a free port of this machine.
struct Place {
    chat: Arc<Chat>,
    /// What the chat tells its operator.
    notes: Receiver<Note>,
    running: Running,
    identity: Identity,
    accounts: Arc<dyn Accounts>,
    backups: Arc<dyn Backups>,
    /// So many milliseconds the workers' clocks are ahead.
    ahead: Arc<AtomicU64>,
    waits: tokio::runtime::Runtime,
}

/// A worker of the chat whose clock is ahead.
struct Ahead {
    worker: ChatWorker,
    millis: Arc<AtomicU64>,
}

impl LocalHandler for Ahead {
    async fn serve(&self, conn: Conn) -> throng_server::Result {
        self.worker.serve(conn).await
    }

    fn sweep(&self, now_ms: u64) {
        self.worker.sweep(now_ms + self.millis.load(Ordering::Relaxed));
    }
}

impl Place {
    fn open() -> Place {
        Place::open_on(throng_store::memory(), |_| ())
    }

    fn open_on(opened: Opened, change: impl FnOnce(&mut Settings)) -> Place {
        let (accounts, backups) = (Arc::clone(&opened.accounts), Arc::clone(&opened.backups));
        let light = identity::Settings {
            cost: Cost { memory_kib: 64, rounds: 1, lanes: 1 },
            scram_rounds: 4096.try_into().unwrap(),
            hashing_threads: 2,
            ..identity::Settings::default()
        };
        let secret = Secret::new([9; 32]);
        let known = Identity::start(Arc::clone(&accounts), light, house::wall_clock, secret).unwrap();
        let identity = known.0.clone();
        let mut settings =
            Settings { pace: PaceSettings::off(), zone: jiff::tz::TimeZone::UTC, ..Settings::default() };
        change(&mut settings);
        let (noted, notes) = sync_channel(NOTES_MAX);
        let sink = Notes::to(move |note| noted.try_send(note).expect("a test has few notes"));
        let house = House { settings, since: house::wall_clock(), now: house::wall_clock, notes: sink };
        let chat = Chat::open(house, opened, Durability::Memory, 2, Some(known)).unwrap();
        let (factory, ahead) = (Arc::clone(&chat), Arc::<AtomicU64>::default());
        let millis = Arc::clone(&ahead);
        let ahead_of = move |worker: &throng_server::Worker| Ahead {
            worker: factory.worker(worker),
            millis: Arc::clone(&millis),
        };
        let running = Server::local(ahead_of)
            .model(Events { workers: Workers::Count(2) })
            .denied(chat.bans().denied())
            .listen("127.0.0.1:0")
            .start()
            .unwrap();
        let waits = tokio::runtime::Builder::new_current_thread().build().unwrap();
        chat.bans().serve(&running);
        Place { notes, chat, running, identity, accounts, backups, ahead, waits }
    }

    /// With an account that has keys for SCRAM-SHA-256 too.
    fn with(typed: &str) -> Place {
        let place = Place::open();
        place.register(typed);
        place
    }

    fn register(&self, typed: &str) {
        let local = Origin { address: None, channel: Channel { tls: false, loopback: true } };
        self.waits.block_on(async {
            let mut session = self.identity.session(local);
            session.register(&name(typed), PASSWORD.into(), true, None).await.unwrap();
            // The world hears of it by another way, and by this one at the latest.
            let (told, heard) = tokio::sync::oneshot::channel();
            let reserve = OperatorCommand::Reserve(name(typed), None);
            self.chat.hub().operate_then(reserve, move |done| told.send(done).unwrap()).await;
            assert!(heard.await.unwrap().is_ok());
        });
    }

    fn address(&self) -> SocketAddr {
        self.running.addresses()[0].tcp().unwrap()
    }

    /// Somebody who has said nothing yet.
    fn client(&self) -> Client {
        Client::connect(self.address())
    }

    /// A guest of this name.
    fn guest(&self, nick: &str) -> Client {
        let mut client = self.client();
        client.say(&format!("NICK {nick}"));
        client.say("USER u 0 * :somebody");
        client.until(" 422 ");
        client
    }

    /// Somebody signed in, under the name of the account.
    fn signed_in(&self, typed: &str) -> Client {
        let mut client = self.client();
        client.say(&format!("PASS {typed}:{PASSWORD}"));
        client.say(&format!("NICK {typed}"));
        client.say("USER u 0 * :somebody");
        client.until(" 422 ");
        client
    }

    fn set_operator(&self, typed: &str, operator: bool) {
        self.waits.block_on(self.identity.operator().set_operator(&name(typed), operator)).unwrap();
    }

    fn suspend(&self, typed: &str) {
        self.waits.block_on(self.identity.operator().suspend(&name(typed), true)).unwrap();
    }

    /// What the store is asked for by nobody at a door.
    fn change(&self, change: Change) {
        let (told, heard) = std::sync::mpsc::sync_channel(1);
        self.accounts.change(change, Box::new(move |done| told.send(done).unwrap()));
        heard.recv_timeout(PATIENCE).unwrap().unwrap().unwrap();
    }

    /// A token by which a device signs in.
    fn token(&self, typed: &str) -> String {
        let local = Origin { address: None, channel: Channel { tls: false, loopback: true } };
        self.waits.block_on(async {
            let mut session = self.identity.session(local);
            let proof = Proof::Password(PASSWORD.into());
            session.login(Some(&name(typed)), proof, None).await.unwrap();
            session.new_token("phone").await.unwrap().expose().clone()
        })
    }

    /// All accounts with their tokens.
    fn kept(&self) -> Vec<(Account, Vec<Token>)> {
        let accounts = self.waits.block_on(self.identity.operator().page(None)).unwrap();
        let tokens = |account: &Account| {
            let (told, heard) = std::sync::mpsc::sync_channel(1);
            self.accounts
                .tokens(account.name.clone(), Box::new(move |found| told.send(found.unwrap()).unwrap()));
            heard.recv_timeout(PATIENCE).unwrap()
        };
        accounts.into_iter().map(|account| (account.clone(), tokens(&account))).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.chat.say_farewell(throng_services::chat::text("over").unwrap(), PATIENCE);
        self.running.drain(Duration::from_secs(5)).wait();
    }
}

fn name(typed: &str) -> Name {
    Name::new(typed, Names::Unicode).unwrap()
}
