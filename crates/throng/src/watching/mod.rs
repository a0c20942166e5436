//! What is known of a running server, for whoever watches it: [`Facts`] are those of one service, and [`all`] has those of every
//! service of the process. [`snapshot`] is all of it at one moment, which the console shows and [`metrics`] writes down;
//! [`readiness`] says whether a client would be served.
//!
//! One thread looks once a second ([`watcher`]): it keeps the [`rates`] and latencies of the last minute, knocks at the hub
//! ([`pulse`]), and tells the service manager how it is. Programs ask at the addresses of [`listener`]; they are answered from
//! counters, and nobody waits for them.

pub mod all;
pub mod exposition;
pub mod listener;
pub mod metrics;
pub mod process;
pub mod pulse;
pub mod rates;
pub mod readiness;
pub mod snapshot;
pub mod watcher;

use std::sync::atomic::{AtomicBool, Ordering::Acquire, Ordering::Release};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use throng_server::{Running, Tls};
use throng_services::Bans;
use throng_services::chat::house::wall_clock;
use throng_services::chat::{Chat, Figures, HubHandle};

use crate::log::Log;
use pulse::Pulse;
use rates::{Lately, Rates};

pub use all::All;

/// What everything that watches one service goes by.
pub struct Facts {
    /// What the service is called.
    pub service: String,
    /// When the process began.
    pub begun: Instant,
    /// The same, in seconds of the wall clock.
    pub begun_at: f64,
    /// The server.
    pub running: Running,
    /// The chat, if that is the service.
    pub chat: Option<ChatFacts>,
    /// Its certificate, if it has one.
    pub tls: Option<Tls>,
    /// Who is not wanted.
    pub bans: Option<Bans>,
    /// The event log.
    pub log: Arc<Log>,
    /// Set when the end begins, which is before anything is closed.
    ending: AtomicBool,
    /// Written once a second, read by who looks; held for a moment. So are the next two.
    rates: Mutex<Rates>,
    delivery: Mutex<Lately>,
    pulse: Mutex<Pulse>,
}

/// The same of the chat.
pub struct ChatFacts {
    /// What is counted.
    pub figures: Arc<Figures>,
    /// The way to the hub.
    pub hub: HubHandle,
    /// The chat itself knows of us, so that we must not keep it.
    pub chat: Weak<Chat>,
}

impl ChatFacts {
    /// Of this chat.
    pub fn of(chat: &Arc<Chat>) -> ChatFacts {
        let (figures, hub) = (Arc::clone(chat.figures()), chat.hub().clone());
        ChatFacts { figures, hub, chat: Arc::downgrade(chat) }
    }
}

impl Facts {
    /// Of this server.
    pub fn new(
        service: String,
        begun: Instant,
        running: Running,
        chat: Option<ChatFacts>,
        log: Arc<Log>,
    ) -> Facts {
        let begun_at = wall_clock().0 as f64 / 1000.0 - begun.elapsed().as_secs_f64();
        let (ending, rates) = (AtomicBool::new(false), Mutex::default());
        let (delivery, pulse) = (Mutex::default(), Mutex::default());
        let (tls, bans) = (None, None);
        Facts { service, begun, begun_at, running, chat, tls, bans, log, ending, rates, delivery, pulse }
    }

    /// How long the process has run.
    pub fn uptime(&self) -> Duration {
        self.begun.elapsed()
    }

    /// The end begins.
    pub fn begin_end(&self) {
        self.ending.store(true, Release);
    }

    /// Has the end begun?
    pub fn is_ending(&self) -> bool {
        self.ending.load(Acquire)
    }

    fn rates(&self) -> MutexGuard<'_, Rates> {
        lock(&self.rates)
    }

    fn delivery(&self) -> MutexGuard<'_, Lately> {
        lock(&self.delivery)
    }

    fn pulse(&self) -> MutexGuard<'_, Pulse> {
        lock(&self.pulse)
    }
}

/// What these locks guard is whole at every moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
