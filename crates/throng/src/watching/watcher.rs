//! The thread that looks once a second, from the moment the server serves until it has ended.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use throng_server::{Address, Claim, State};

use super::listener::Listener;
use super::{All, Facts};
use crate::fault::Fault;
use crate::notify;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(1);

/// How often the service manager is told at most, unless the state is another one.
const STATUS_EVERY: Duration = Duration::from_secs(5);

/// A watched server. Whoever is done with it says [`Watcher::end`]; dropped, it ends as well.
pub struct Watcher {
    facts: Arc<All>,
    /// Dropped, it ends the thread.
    end: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    /// Watches, and answers at these addresses.
    ///
    /// # Errors
    /// When it cannot answer there.
    pub fn start(facts: Arc<All>, (claims, later): (Vec<Claim>, Vec<Address>)) -> Result<Watcher, Fault> {
        let listener = Listener::start(Arc::clone(&facts), claims, later)?;
        for own in facts.each() {
            if let Some(chat) = own.chat.as_ref().and_then(|chat| chat.chat.upgrade()) {
                let asked = Arc::clone(own);
                chat.health().told_by(move || asked.findings());
            }
        }
        let (end, ended) = sync_channel(1);
        let looks = Arc::clone(&facts);
        let thread = std::thread::Builder::new().name("throng-watch".to_owned());
        let thread = thread.spawn(move || Looks::new(looks, listener).run(&ended));
        let thread = thread.map_err(|why| Fault::failed(format!("cannot watch the server: {why}")))?;
        Ok(Watcher { facts, end: Some(end), thread: Some(thread) })
    }

    /// What it goes by.
    pub fn facts(&self) -> &Arc<All> {
        &self.facts
    }

    /// Answers nobody any more.
    pub fn end(self) {}
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}

/// What the thread does.
struct Looks {
    facts: Arc<All>,
    listener: Listener,
    /// What the service manager was told last, and when.
    told: (Duration, Vec<State>, String),
}

impl Looks {
    fn new(facts: Arc<All>, listener: Listener) -> Looks {
        // What is told when it is ready says where it serves, and must come first.
        let told = (facts.process().uptime(), vec![State::Open; facts.each().len()], String::new());
        Looks { facts, listener, told }
    }

    fn run(mut self, ended: &Receiver<()>) {
        loop {
            self.look();
            if ended.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
                return self.listener.end();
            }
        }
    }

    fn look(&mut self) {
        let at = self.facts.process().uptime();
        self.facts.each().iter().for_each(|facts| facts.look(at));
        self.listener.look();
        self.tell_status(at);
    }

    fn tell_status(&mut self, at: Duration) {
        let (states, status) = (self.facts.states(), self.facts.status());
        let (when, before, words) = &self.told;
        let is_another = states != *before;
        if is_another || (status != *words && at.saturating_sub(*when) >= STATUS_EVERY) {
            notify::status(&status);
            self.told = (at, states, status);
        }
    }
}

impl Facts {
    /// Looks once more, at this time since the start.
    fn look(&self, at: Duration) {
        self.rates().look(at, self.totals());
        let Some(chat) = &self.chat else { return };
        let is_due = self.delivery().is_due(at);
        if is_due {
            let times = chat.figures.delivery();
            self.delivery().look(at, times);
        }
        self.pulse().look(at, || chat.hub.knock());
    }

    /// How it is, in a line for people.
    pub fn status(&self) -> String {
        let count = |count: u64, one: &str, many: &str| match count {
            1 => format!("1 {one}"),
            count => format!("{count} {many}"),
        };
        let clients = count(self.running.stats().open, "client", "clients");
        let rooms = self.chat.as_ref().map(|chat| count(chat.figures.hub.rooms.read(), "room", "rooms"));
        let rooms = rooms.map_or(String::new(), |rooms| format!(", {rooms}"));
        let addresses: Vec<_> = self.running.addresses().iter().map(ToString::to_string).collect();
        let at = addresses.join(" and ");
        match self.running.state() {
            State::Open => format!("serving at {at}: {clients}{rooms}"),
            State::Paused => format!("paused at {at}, new clients are refused: {clients}{rooms}"),
            State::Held => format!("paused at {at}, new clients wait: {clients}{rooms}"),
            State::LetGo => format!("restarting: {clients} left"),
            State::Draining => format!("draining: {clients} left"),
            State::Closed => "over".to_owned(),
        }
    }
}
