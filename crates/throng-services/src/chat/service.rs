//! The chat as one value: made from settings and an opened store, joined to a server, and ended.

use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use throng_chat::{Guests, OperatorCommand, Text};
use throng_server::Worker;
use throng_store::{Durability, Opened, Past, Store};
use tokio::sync::mpsc;

use super::delivery::{Delivery, TURNS_WAITING_MAX};
use super::figures::{Figures, steady_clock};
use super::herald;
use super::house::House;
use super::hub::{Hub, Parts};
use super::live::Live;
use super::mailbox::{HubHandle, NoAnswer};
use super::worker::{ChatWorker, Shared};
use crate::bans::Bans;
use crate::identity::{Identity, Notice};
use crate::watching::Health;

/// Who is who, and what is told of it.
pub type Known = (Identity, mpsc::Receiver<Notice>);

/// A running chat.
pub struct Chat {
    house: Arc<House>,
    live: Arc<Live>,
    hub: HubHandle,
    identity: Option<Identity>,
    bans: Bans,
    store: Arc<dyn Store>,
    past: Arc<dyn Past>,
    shared: Shared,
    /// Where each worker takes its deliveries from, until it has begun.
    deliveries: Mutex<Vec<Option<mpsc::Receiver<Vec<Delivery>>>>>,
    /// Who may come without an account, as the hub has it; nothing while that is not known. Held while it is asked.
    guests: Mutex<Option<Guests>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// How a chat ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Farewell {
    /// Everything asked before is stored and told; so many people were told goodbye.
    Told(usize),
    /// The hub still waits for its store.
    Late,
}

impl Chat {
    /// Opens the chat, for so many workers, with accounts if somebody knows who is who. The hub runs on a thread of its own from here on.
    pub fn open(
        mut house: House,
        opened: Opened,
        durability: Durability,
        workers: usize,
        known: Option<Known>,
    ) -> std::io::Result<Arc<Chat>> {
        house.settings.accounts = known.is_some();
        let figures = Arc::new(Figures::new(workers, steady_clock));
        house.notes = figures.counting(house.notes);
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let (identity, notices) = known.unzip();
        // The receiver is there already, so what changes from here on is told, and heard behind the pages.
        let accounts = match &identity {
            Some(identity) => {
                runtime.block_on(identity.names()).map_err(|why| std::io::Error::other(why.to_string()))?
            }
            None => Vec::new(),
        };
        // Before there is a door: so nobody comes in before they are known.
        let bans = Bans::open(&opened.bans, house.now, house.settings.zone.clone())
            .map_err(|why| std::io::Error::other(why.to_string()))?;
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..workers).map(|_| mpsc::channel(TURNS_WAITING_MAX)).map(|(to, from)| (to, Some(from))).unzip();
        let (hub, handle) = Hub::new(Parts {
            limits: house.settings.limits.clone(),
            names: house.settings.names,
            guests: *house.settings.guests.now(),
            store: Arc::clone(&opened.store),
            rooms: opened.rooms,
            accounts,
            bans: bans.of_world(),
            durability,
            workers: senders,
            now: house.now,
            notes: house.notes.clone(),
            figures: Arc::clone(&figures),
        });
        bans.tell(handle.clone());
        let told = identity
            .clone()
            .zip(notices)
            .map(|(identity, notices)| herald::tell(handle.clone(), identity, notices));
        let thread = std::thread::Builder::new().name("throng-hub".to_owned()).spawn(move || {
            let end = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                runtime.block_on(async {
                    // In one task, so that neither dies unseen; whatever becomes of the herald, the hub says when it is over.
                    let telling = async {
                        if let Some(told) = told {
                            told.await;
                        }
                        std::future::pending::<()>().await;
                    };
                    tokio::select! {
                        () = hub.run() => {}
                        () = telling => {}
                    }
                });
            }));
            if end.is_err() {
                // A world that broke its own rules must not go on; the message is out already.
                std::process::abort();
            }
        })?;
        Ok(Arc::new(Chat {
            live: Arc::new(Live::new(&house.settings)),
            guests: Mutex::new(Some(*house.settings.guests.now())),
            house: Arc::new(house),
            hub: handle,
            identity,
            bans,
            store: opened.store,
            past: opened.past,
            shared: Shared { browsers: Arc::default(), figures, health: Health::default() },
            deliveries: Mutex::new(receivers),
            thread: Mutex::new(Some(thread)),
        }))
    }

    /// The handler of one worker: the factory that `Server::local` wants.
    ///
    /// # Panics
    /// When a worker is made twice, or one more than was announced.
    pub fn worker(&self, worker: &Worker) -> ChatWorker {
        let deliveries = self
            .deliveries
            .lock()
            .expect("no one panics while holding this lock")
            .get_mut(worker.index())
            .and_then(Option::take)
            .expect("each worker begins once");
        let house = (Arc::clone(&self.house), Arc::clone(&self.live));
        ChatWorker::new(
            worker,
            house,
            (self.hub.clone(), self.bans.clone()),
            self.identity.clone(),
            Arc::clone(&self.store),
            deliveries,
            self.shared.clone(),
        )
    }

    /// From here on people come in without an account as this says; who is here stays, but under no name that is an account's by
    /// it. Blocks, so not for a seat.
    ///
    /// # Errors
    /// When the hub has ended, or waits for its store; saying it again does no harm.
    pub fn set_guests(&self, guests: Guests) -> Result<(), NoAnswer> {
        let mut agreed = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        if *agreed == Some(guests) {
            return Ok(());
        }
        // A hub that answers too late may do it all the same: until it answers nobody knows.
        *agreed = None;
        // Nobody refuses that.
        let _ = self.hub.operate(OperatorCommand::SetGuests(guests))?;
        *agreed = Some(guests);
        self.house.settings.guests.set(guests);
        Ok(())
    }

    /// What may change while the chat runs.
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// The way to the hub, for an operator.
    pub fn hub(&self) -> &HubHandle {
        &self.hub
    }

    /// What keeps history within bounds.
    pub fn past(&self) -> &Arc<dyn Past> {
        &self.past
    }

    /// What is counted.
    pub fn figures(&self) -> &Arc<Figures> {
        &self.shared.figures
    }

    /// Who must be told how this server is, for those who ask at the web door.
    pub fn health(&self) -> &Health {
        &self.shared.health
    }

    /// Passwords that are being hashed, or wait for it.
    pub fn hashing(&self) -> usize {
        self.identity.as_ref().map_or(0, Identity::hashing)
    }

    /// Who is not wanted: its list is for the server before that starts ([`Bans::denied`]), and it closes that server's clients
    /// ([`Bans::serve`]).
    pub fn bans(&self) -> &Bans {
        &self.bans
    }

    /// Ends the chat: what was asked before is stored and told, everybody hears the words once. The number of people
    /// who were told comes when that is done. The seats close by themselves afterwards.
    pub fn farewell(&self, words: Text) -> Receiver<usize> {
        self.hub.drain(words).unwrap_or_else(|| {
            let (told, hears) = sync_channel(1);
            // The place was just made; nobody is here any more.
            let _ = told.send(0);
            hears
        })
    }

    /// As [`Chat::farewell`], and waits for it, at most for `patience`.
    pub fn say_farewell(&self, words: Text, patience: std::time::Duration) -> Farewell {
        match self.farewell(words).recv_timeout(patience) {
            Ok(people) => {
                self.join_hub();
                Farewell::Told(people)
            }
            Err(_) => Farewell::Late,
        }
    }

    fn join_hub(&self) {
        let thread = self.thread.lock().expect("no one panics while holding this lock").take();
        if let Some(thread) = thread {
            // A panicking hub has ended the process already.
            let _ = thread.join();
        }
    }
}
