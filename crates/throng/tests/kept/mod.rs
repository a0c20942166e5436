//! What is in a data folder when its server is gone.

#![allow(clippy::unwrap_used)]

use std::sync::mpsc::sync_channel;

use throng_store::{DataFolder, Durability, Entry, History, RoomName};

/// The whole history of the lobby.
pub fn lobby(data: &std::path::Path) -> Vec<Entry> {
    let folder = DataFolder::open(data).unwrap();
    let opened = throng_store::open(&folder, Durability::Strict).unwrap();
    let mut pages = Vec::new();
    let mut upto = u64::MAX;
    loop {
        let (told, found) = sync_channel(1);
        let query = History { room: RoomName::lobby(), upto, limit: throng_store::HISTORY_MAX };
        opened.store.history(query, Box::new(move |page| told.send(page).unwrap()));
        let page = found.recv().unwrap().unwrap();
        let Some(first) = page.first() else { break };
        upto = first.stamp.seq - 1;
        pages.push(page);
        if upto == 0 {
            break;
        }
    }
    opened.store.close();
    pages.into_iter().rev().flatten().collect()
}
