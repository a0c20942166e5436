//! A hub with one worker and a store that does what the test says, so that every order of things can be tried.

#![allow(clippy::unwrap_used, dead_code)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use throng_chat::{
    Command, Entry, Event, Guests, Kind, Limits, MsgId, Name, Names, OperatorCommand, Record, RoomName,
    SessionId, Stamp, Target, Text, Time,
};
use throng_services::chat::delivery::Delivery;
use throng_services::chat::hub::{Hub, Parts};
use throng_services::chat::routes::seat_number;
use throng_services::chat::{Figures, HubHandle};
use throng_store::{Appended, Durability, Fault, Health, History, Read, Store};
use tokio::sync::mpsc;

/// A store that answers when it is told to.
#[derive(Default)]
pub struct ScriptedStore {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    waiting: VecDeque<(Vec<Record>, Appended)>,
    stored: Vec<Entry>,
    health: Option<Box<dyn Fn(Health) + Send + Sync>>,
}

impl ScriptedStore {
    /// Batches that wait for an answer.
    pub fn waiting(&self) -> usize {
        self.inner.lock().unwrap().waiting.len()
    }

    /// Records that wait for an answer.
    pub fn waiting_records(&self) -> usize {
        self.inner.lock().unwrap().waiting.iter().map(|(batch, _)| batch.len()).sum()
    }

    /// Everything stored, in order.
    pub fn stored(&self) -> Vec<Entry> {
        self.inner.lock().unwrap().stored.clone()
    }

    /// The oldest batch is stored.
    pub fn succeed(&self) {
        let mut inner = self.inner.lock().unwrap();
        let (batch, done) = inner.waiting.pop_front().expect("a batch waits");
        let mut stamps = Vec::new();
        for record in batch {
            let seq = 1 + inner.stored.iter().filter(|entry| entry.record.room == record.room).count() as u64;
            let msgid = MsgId(1 + inner.stored.len() as u128);
            let stamp = Stamp { seq, msgid, at: Time(1_000 + inner.stored.len() as i64) };
            stamps.push(stamp);
            inner.stored.push(Entry { record, stamp, account: None });
        }
        drop(inner);
        done(Ok(stamps));
    }

    /// The oldest batch is not.
    pub fn fail(&self, fault: Fault) {
        let (_, done) = self.inner.lock().unwrap().waiting.pop_front().expect("a batch waits");
        done(Err(fault));
    }

    /// The store tells how it is.
    pub fn tell_health(&self, health: Health) {
        (self.inner.lock().unwrap().health.as_ref().expect("the hub listens"))(health);
    }
}

impl Store for ScriptedStore {
    fn append(&self, batch: Vec<Record>, done: Appended) {
        self.inner.lock().unwrap().waiting.push_back((batch, done));
    }

    fn history(&self, query: History, done: Read) {
        let found = self.stored().into_iter().filter(|entry| entry.record.room == query.room).collect();
        done(Ok(found));
    }

    fn on_health(&self, told: Box<dyn Fn(Health) + Send + Sync>) {
        self.inner.lock().unwrap().health = Some(told);
    }

    fn close(&self) {}
}

/// The hub, its store, and what its one worker was sent.
pub struct Scene {
    /// The store.
    pub store: Arc<ScriptedStore>,
    /// The way in.
    pub hub: HubHandle,
    /// What is counted.
    pub figures: Arc<Figures>,
    deliveries: mpsc::Receiver<Vec<Delivery>>,
    /// Everything delivered so far.
    pub log: Vec<Delivery>,
    task: tokio::task::JoinHandle<()>,
}

impl Scene {
    /// Begins with nobody there.
    pub fn new() -> Scene {
        let store = Arc::new(ScriptedStore::default());
        let (to_worker, deliveries) = mpsc::channel(64);
        let figures = Arc::new(Figures::new(1, || std::time::Duration::ZERO));
        let (hub, handle) = Hub::new(Parts {
            limits: Limits::default(),
            names: Names::Unicode,
            guests: Guests::default(),
            store: Arc::clone(&store) as Arc<dyn Store>,
            rooms: Vec::new(),
            accounts: vec![name("olga")],
            bans: Vec::new(),
            durability: Durability::Strict,
            workers: vec![to_worker],
            now: || Time(500),
            notes: throng_services::chat::Notes::default(),
            figures: Arc::clone(&figures),
        });
        Scene { store, hub: handle, figures, deliveries, log: Vec::new(), task: tokio::spawn(hub.run()) }
    }

    /// Asks for one session.
    pub async fn ask(&mut self, session: SessionId, command: Command) {
        self.hub.ask(session, command).await;
        self.settle().await;
    }

    /// Asks as the server's operator does, who waits for the answer on a thread of its own.
    pub async fn operate(&mut self, command: OperatorCommand) {
        let hub = self.hub.clone();
        let answer = tokio::task::spawn_blocking(move || hub.operate(command));
        answer.await.unwrap().expect("the hub answers").expect("it does what was asked");
        self.settle().await;
    }

    /// Lets the hub do all that it can do; nothing here depends on time.
    pub async fn settle(&mut self) {
        for _ in 0..20 {
            tokio::task::yield_now().await;
            while let Ok(list) = self.deliveries.try_recv() {
                self.log.extend(list);
            }
        }
    }

    /// Answers every batch, also those that follow from it.
    pub async fn succeed_all(&mut self) {
        self.settle().await;
        while self.store.waiting() > 0 {
            self.store.succeed();
            self.settle().await;
        }
    }

    /// Somebody comes, and goes into the lobby.
    pub async fn enter(&mut self, place: u64, name: &str) -> SessionId {
        let session = seat_number(0, place);
        self.ask(session, Command::Enter(self::name(name))).await;
        self.ask(session, Command::Join(RoomName::lobby())).await;
        session
    }

    /// The texts of the entries told so far.
    pub fn told(&self) -> Vec<String> {
        let entries = self.log.iter().filter_map(|delivery| match delivery {
            Delivery::Told { event, .. } => match &**event {
                Event::Entry(entry) => entry.record.text.as_ref().map(|text| text.as_str().to_owned()),
                _ => None,
            },
            _ => None,
        });
        entries.collect()
    }

    /// What one session alone was told.
    pub fn told_to(&self, session: SessionId) -> Vec<&Event> {
        let own = self.log.iter().filter_map(|delivery| match delivery {
            Delivery::Tell(to, event) if *to == session => Some(event),
            _ => None,
        });
        own.collect()
    }

    /// Is the hub still running?
    pub fn runs(&self) -> bool {
        !self.task.is_finished()
    }
}

/// A name.
pub fn name(shown: &str) -> Name {
    Name::new(shown, Names::Unicode).unwrap()
}

/// A room.
pub fn room(shown: &str) -> RoomName {
    RoomName::new(shown, Names::Unicode).unwrap()
}

/// Words.
pub fn text(words: &str) -> Text {
    Text::new(words).unwrap()
}

/// Words to the lobby.
pub fn say(words: &str) -> Command {
    Command::Say(Target::Room(RoomName::lobby()), Kind::Message, text(words))
}
