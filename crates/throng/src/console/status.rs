//! How the server is: the snapshot that programs are told too, and what only an operator asks for.

use std::path::Path;

use serde_json::{Value, json};

use super::Console;
use crate::accounts::clerk::Clerk;
use crate::watching::snapshot::Snapshot;

/// How many files of the data folder are looked at.
const FILES_MAX: usize = 10_000;

/// All of it.
pub struct Status {
    /// What is counted.
    pub snapshot: Snapshot,
    /// How many accounts there are, where the store says so soon.
    pub accounts: Option<u64>,
    /// How large the data folder is.
    pub folder_bytes: Option<u64>,
    /// The processes that serve, where there are some.
    pub processes: Vec<u32>,
}

impl Status {
    /// As it is now.
    pub fn of(console: &Console) -> Status {
        Status {
            snapshot: console.facts.snapshot(),
            accounts: console.clerk.as_ref().and_then(Clerk::census).map(|census| census.accounts),
            folder_bytes: console.data.as_deref().map(size),
            processes: console.running.processes(),
        }
    }

    /// As one object; field names stay.
    pub fn data(&self) -> Value {
        let mut data = serde_json::to_value(&self.snapshot).expect("plain values can be written as JSON");
        let server = &self.snapshot.server;
        data["clients"] = json!({ "total": server.open, "limit": server.limit, "came": server.accepted });
        data["accounts"] = json!(self.accounts);
        data["folder_bytes"] = json!(self.folder_bytes);
        data["processes"] = json!(self.processes);
        data
    }
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
