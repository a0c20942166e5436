//! Which connection is which session, came through which door, and has which name. For the operator's eyes.
//!
//! It learns from the chat's notes and forgets when the connection is closed, so it holds as many as there are
//! clients. Written on the workers' and the hub's threads, read by the console; held only to look or to note.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use throng_server::ConnId;
use throng_services::chat::Note;
use throng_services::chat::rendering::Face;

/// One client as the chat sees it.
#[derive(Clone, Debug)]
pub struct Client {
    /// Through which door.
    pub door: &'static str,
    /// Its name, once it has one.
    pub name: Option<String>,
    /// The account that it is signed in to.
    pub account: Option<String>,
}

/// Everybody whose door is known.
#[derive(Default)]
pub struct Directory {
    clients: Mutex<Clients>,
}

#[derive(Default)]
struct Clients {
    /// By session.
    clients: BTreeMap<u64, Client>,
    sessions: BTreeMap<ConnId, u64>,
}

impl Directory {
    /// Learns from a note.
    pub fn learn(&self, note: &Note) {
        match note {
            Note::Opened { conn, session, door, .. } => {
                let client = Client { door: door_name(*door), name: None, account: None };
                let mut clients = self.clients();
                clients.sessions.insert(*conn, session.0);
                clients.clients.insert(session.0, client);
            }
            Note::Named(session, name) => {
                if let Some(client) = self.clients().clients.get_mut(&session.0) {
                    client.name = Some(name.as_str().to_owned());
                }
            }
            Note::SignedIn(session, account, _) | Note::Registered(session, account) => {
                if let Some(client) = self.clients().clients.get_mut(&session.0) {
                    client.account = Some(account.as_str().to_owned());
                }
            }
            Note::SignedOut(session) => {
                if let Some(client) = self.clients().clients.get_mut(&session.0) {
                    client.account = None;
                }
            }
            _ => {}
        }
    }

    /// How many connections somebody of this name has, in whatever case it is written.
    pub fn connections_of(&self, name: &str) -> usize {
        let name = name.to_lowercase();
        let called = |client: &&Client| client.name.as_ref().is_some_and(|own| own.to_lowercase() == name);
        self.clients().clients.values().filter(called).count()
    }

    /// The connection is closed.
    pub fn forget(&self, conn: ConnId) {
        let mut clients = self.clients();
        if let Some(session) = clients.sessions.remove(&conn) {
            clients.clients.remove(&session);
        }
    }

    /// The name of a session, or what stands for it.
    pub fn name(&self, session: u64) -> String {
        self.clients()
            .clients
            .get(&session)
            .and_then(|client| client.name.clone())
            .unwrap_or_else(|| "-".to_owned())
    }

    /// The client on a connection.
    pub fn client(&self, conn: ConnId) -> Option<Client> {
        let clients = self.clients();
        clients.sessions.get(&conn).and_then(|session| clients.clients.get(session)).cloned()
    }

    /// The names that begin like this, in order, each once, at most so many.
    pub fn names(&self, beginning: &str, count_max: usize) -> Vec<String> {
        let clients = self.clients();
        let names = clients.clients.values().filter_map(|client| client.name.as_ref());
        let mut names: Vec<String> = names.filter(|name| name.starts_with(beginning)).cloned().collect();
        names.sort();
        names.dedup();
        names.truncate(count_max);
        names
    }

    fn clients(&self) -> MutexGuard<'_, Clients> {
        // Whoever panicked with it left at most one stale entry.
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A door as the console names it.
pub fn door_name(door: Face) -> &'static str {
    match door {
        Face::Line => "line",
        Face::Irc => "irc",
        Face::Web => "web",
    }
}
