//! Who is connected, as the operator sees them: what the server knows of a connection, and what the chat knows of who is on it.

use serde::Serialize;

use super::{Console, Served};

/// By what a list may be sorted.
pub const SORTS: &[&str] = &["id", "name", "age", "silent", "in", "out", "queue"];

/// One client.
#[derive(Clone, Debug, Serialize)]
pub struct Guest {
    /// The number of its connection.
    pub id: u64,
    /// The service that it came to.
    pub service: String,
    /// Its name, once it has one.
    pub name: Option<String>,
    /// The account that it is signed in to.
    pub account: Option<String>,
    /// Through which door it came.
    pub door: Option<&'static str>,
    /// From where.
    pub address: String,
    /// At which of our addresses.
    pub local: String,
    /// The proxy that passed it on.
    pub proxy: Option<String>,
    /// Which TLS it speaks.
    pub tls: Option<String>,
    /// Who serves it.
    pub served_by: String,
    /// For how long it has been here.
    pub age_secs: u64,
    /// For how long nothing came from it.
    pub silent_secs: u64,
    /// Bytes that came from it.
    pub bytes_in: u64,
    /// Bytes that were sent to it.
    pub bytes_out: u64,
    /// Bytes that wait until it reads.
    pub queued_bytes: u64,
}

impl Guest {
    /// Does it have this in its name, account, address, door or service, in whatever case?
    pub fn has(&self, part: &str) -> bool {
        let part = part.to_lowercase();
        let texts = [
            self.name.as_deref(),
            self.account.as_deref(),
            Some(&*self.address),
            self.door,
            Some(&*self.service),
        ];
        texts.into_iter().flatten().any(|text| text.to_lowercase().contains(&part))
    }

    /// Is this its name, in whatever case?
    pub fn is_called(&self, name: &str) -> bool {
        self.name.as_ref().is_some_and(|own| own.to_lowercase() == name.to_lowercase())
    }
}

/// Everybody who is connected.
pub fn all(console: &Console) -> Vec<Guest> {
    console.services.iter().flat_map(|served| of(served, console)).collect()
}

/// Everybody who came to this service.
pub fn of(served: &Served, console: &Console) -> Vec<Guest> {
    let Served { label, running } = served;
    let model = running.model();
    let workers = running.workers();
    let process = |worker: usize| workers.get(worker).and_then(|worker| worker.process);
    let conns = running.conns().into_iter().map(|conn| {
        let client = console.directory.client(conn.id);
        let (door, name, account) =
            client.map_or((None, None, None), |client| (Some(client.door), client.name, client.account));
        Guest {
            id: conn.id.0,
            service: label.clone(),
            name,
            account,
            door,
            address: conn.peer.address.to_string(),
            local: conn.peer.local.to_string(),
            proxy: conn.peer.proxy.as_ref().map(|proxied| proxied.by.to_string()),
            tls: conn.peer.tls().map(|secured| secured.version.to_string()),
            served_by: server_of(model, conn.worker, process(conn.worker)),
            age_secs: conn.age.as_secs(),
            silent_secs: conn.silent.as_secs(),
            bytes_in: conn.bytes_in,
            bytes_out: conn.bytes_out,
            queued_bytes: conn.queued as u64,
        }
    });
    conns.collect()
}

/// Puts them in order.
pub fn sort(guests: &mut [Guest], by: &str) {
    use std::cmp::Reverse;
    match by {
        "name" => guests
            .sort_by_key(|guest| (guest.name.is_none(), guest.name.as_ref().map(|name| name.to_lowercase()))),
        "age" => guests.sort_by_key(|guest| Reverse(guest.age_secs)),
        "silent" => guests.sort_by_key(|guest| Reverse(guest.silent_secs)),
        "in" => guests.sort_by_key(|guest| Reverse(guest.bytes_in)),
        "queue" => guests.sort_by_key(|guest| Reverse(guest.queued_bytes)),
        "out" => guests.sort_by_key(|guest| Reverse(guest.bytes_out)),
        _ => guests.sort_by_key(|guest| guest.id),
    }
}

/// The thread that serves a connection, as `ps -T` and a debugger name it, and its process if that is another one.
fn server_of(model: &str, worker: usize, process: Option<u32>) -> String {
    match (model, process) {
        ("threads", _) => format!("thread-{worker}"),
        ("pool", _) => "the pool".to_owned(),
        (_, Some(process)) => format!("throng-worker-{worker}, process {process}"),
        (_, None) => format!("throng-worker-{worker}"),
    }
}
