//! How the server is: the snapshot that programs are told too, and what only an operator asks for.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use serde_json::{Value, json};
use throng_store::Past;
use throng_store::past::Holding;

use super::{Console, Served};
use crate::accounts::clerk::Clerk;
use crate::watching::Facts;
use crate::watching::snapshot::Snapshot;

/// How long the store may take to add up what its rooms hold, before the status is told without it.
const HOLDING_MAX: Duration = Duration::from_millis(300);

/// How many files of the data folder are looked at.
const FILES_MAX: usize = 10_000;

/// All of it.
pub struct Status {
    /// What is counted, of each service, and the processes that serve it, where there are some.
    pub services: Vec<(Snapshot, Vec<u32>)>,
    /// How many accounts there are, where the store says so soon.
    pub accounts: Option<u64>,
    /// How much history is kept, where the store says so soon.
    pub history: Option<Holding>,
    /// How large the data folder is.
    pub folder_bytes: Option<u64>,
}

impl Status {
    /// As these services of it are now.
    pub fn of(console: &Console, chosen: &[&Served]) -> Status {
        let is_chosen = |facts: &&Arc<Facts>| chosen.iter().any(|served| served.label == facts.service);
        let snapshots = console.facts.each().iter().filter(is_chosen);
        Status {
            services: snapshots.map(|facts| (facts.snapshot(), facts.running.processes())).collect(),
            accounts: console.clerk.as_ref().and_then(Clerk::census).map(|census| census.accounts),
            history: console.past.as_ref().and_then(|past| held(&**past)),
            folder_bytes: console.data.as_deref().map(size),
        }
    }

    /// As one object; field names stay. Of several services the first one's fields stand as if it were alone, and all of them
    /// stand under `services`.
    pub fn data(&self) -> Value {
        let services: Vec<_> = self.services.iter().map(|(snapshot, pids)| one(snapshot, pids)).collect();
        let mut data = services.first().cloned().unwrap_or_else(|| json!({}));
        data["accounts"] = json!(self.accounts);
        data["history"] =
            json!(self.history.map(|held| {
                json!({ "messages": held.messages, "rooms": held.rooms, "bytes": held.bytes })
            }));
        data["folder_bytes"] = json!(self.folder_bytes);
        data["services"] = json!(services);
        data
    }
}

fn held(past: &dyn Past) -> Option<Holding> {
    let (answer, waits) = sync_channel(1);
    // Who asked may have lost patience.
    past.holding(Box::new(move |found| drop(answer.try_send(found))));
    waits.recv_timeout(HOLDING_MAX).ok()?.ok()
}

fn one(snapshot: &Snapshot, processes: &[u32]) -> Value {
    let mut data = serde_json::to_value(snapshot).expect("plain values can be written as JSON");
    let server = &snapshot.server;
    data["clients"] = json!({ "total": server.open, "limit": server.limit, "came": server.accepted });
    data["processes"] = json!(processes);
    data
}

/// What the files of a folder and of those in it take, as far as they can be looked at.
fn size(folder: &Path) -> u64 {
    let mut folders = vec![folder.to_owned()];
    let (mut bytes, mut seen) = (0, 0);
    while let Some(folder) = folders.pop() {
        let Ok(files) = std::fs::read_dir(folder) else { continue };
        for file in files.flatten() {
            seen += 1;
            if seen > FILES_MAX {
                return bytes;
            }
            match file.metadata() {
                Ok(found) if found.is_dir() => folders.push(file.path()),
                Ok(found) => bytes += found.len(),
                Err(_) => {}
            }
        }
    }
    bytes
}
