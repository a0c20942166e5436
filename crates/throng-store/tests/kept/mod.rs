//! What the tests of a store on the disk share: a folder, and asking and waiting in one call.

#![allow(clippy::unwrap_used)]
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::sync::mpsc::sync_channel;
use std::time::Duration;

use throng_chat::{Names, Record};
use throng_store::{DataFolder, Durability, Entry, Fault, History, Opened, RoomName, Stamp, Store};

/// Longer than any answer takes; a test that waits so long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A data folder that is gone with the test.
pub(crate) struct Place {
    pub(crate) folder: Option<DataFolder>,
    pub(crate) dir: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Place {
        let dir = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(&dir.path().join("data")).unwrap();
        Place { folder: Some(folder), dir }
    }

    pub(crate) fn folder(&self) -> &DataFolder {
        self.folder.as_ref().unwrap()
    }

    pub(crate) fn open(&self) -> Opened {
        throng_store::open(self.folder(), Durability::Strict).unwrap()
    }

    pub(crate) fn file(&self) -> std::path::PathBuf {
        self.folder().path().join("throng.db")
    }
}

pub(crate) fn room(name: &str) -> RoomName {
    RoomName::new(name, Names::Unicode).unwrap()
}

/// Appends and waits for the answer.
pub(crate) fn append(store: &dyn Store, batch: Vec<Record>) -> Result<Vec<Stamp>, Fault> {
    let (told, heard) = sync_channel(1);
    store.append(batch, Box::new(move |answer| told.send(answer).unwrap()));
    heard.recv_timeout(PATIENCE).unwrap()
}

/// Asks for history and waits for it.
pub(crate) fn history(store: &dyn Store, name: &str, upto: u64, limit: usize) -> Vec<Entry> {
    let (told, heard) = sync_channel(1);
    let query = History { room: room(name), upto, limit };
    store.history(query, Box::new(move |answer| told.send(answer).unwrap()));
    heard.recv_timeout(PATIENCE).unwrap().unwrap()
}

pub(crate) fn seqs(stamps: &[Stamp]) -> Vec<u64> {
    stamps.iter().map(|stamp| stamp.seq).collect()
}

pub(crate) fn words(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.record.text.as_ref().map_or("", |text| text.as_str())).collect()
}
