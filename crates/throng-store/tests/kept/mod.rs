//! What the tests of a store on the disk share: a folder, and asking and waiting in one call.

#![allow(clippy::unwrap_used)]
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::sync::mpsc::sync_channel;
use std::time::Duration;

use throng_chat::{Ban, Name, Names, Record, Text};
use throng_store::accounts::{Account, Basis, Change, Denied, Found, Token, Verifier};
use throng_store::bans;
use throng_store::past::{Halted, Swept, Which};
use throng_store::{
    Accounts, Bans, DataFolder, Durability, Entry, Fault, History, Opened, Past, RoomName, Stamp, Store, Time,
};

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

/// Makes a change and waits for the answer.
pub(crate) fn change(accounts: &dyn Accounts, change: Change) -> Result<Result<(), Denied>, Fault> {
    let (told, heard) = sync_channel(1);
    accounts.change(change, Box::new(move |answer| told.send(answer).unwrap()));
    heard.recv_timeout(PATIENCE).unwrap()
}

/// Asks and waits for what is found: `found(|done| accounts.account(name, done))`.
pub(crate) fn found<T: Send + 'static>(ask: impl FnOnce(Found<T>)) -> T {
    try_found(ask).unwrap()
}

pub(crate) fn try_found<T: Send + 'static>(ask: impl FnOnce(Found<T>)) -> Result<T, Fault> {
    let (told, heard) = sync_channel(1);
    ask(Box::new(move |answer| told.send(answer).unwrap()));
    heard.recv_timeout(PATIENCE).unwrap()
}

/// Makes a change of bans and waits for the answer.
pub(crate) fn change_ban(bans: &dyn Bans, change: bans::Change) -> Result<bans::Made, Fault> {
    try_found(|done| bans.change_ban(change, done))
}

/// A ban of this target that tells by its number which one it is.
pub(crate) fn ban(target: &str, number: i64) -> Ban {
    Ban {
        target: target.parse().unwrap(),
        since: Time(number),
        until: (number % 3 > 0).then_some(Time(number + 60)),
        reason: (number % 2 > 0).then(|| Text::new(&format!("for {number}")).unwrap()),
        by: Text::new("console").unwrap(),
    }
}

pub(crate) fn put(target: &str, number: i64) -> bans::Change {
    bans::Change::Put(Box::new(ban(target, number)))
}

pub(crate) fn remove(target: &str) -> bans::Change {
    bans::Change::Remove(target.parse().unwrap())
}

/// All accounts with their tokens, page by page.
pub(crate) fn all(accounts: &dyn Accounts) -> Vec<(Account, Vec<Token>)> {
    let mut all: Vec<(Account, Vec<Token>)> = Vec::new();
    loop {
        let last = all.last().map(|(account, _)| account.name.clone());
        let page = found(|done| accounts.page(last, done));
        if page.is_empty() {
            return all;
        }
        for account in page {
            let tokens = found(|done| accounts.tokens(account.name.clone(), done));
            all.push((account, tokens));
        }
    }
}

pub(crate) fn name(typed: &str) -> Name {
    Name::new(typed, Names::Unicode).unwrap()
}

/// An account that has nothing yet.
pub(crate) fn bare(typed: &str) -> Account {
    Account {
        name: name(typed),
        created: Time(1_000),
        seen: None,
        verifier: None,
        suspended: false,
        operator: false,
        recognised: false,
        certificates: Vec::new(),
    }
}

/// On what a device of such an account signs in: that it is this one.
pub(crate) fn basis() -> Basis {
    Basis { created: Time(1_000), verifier: None }
}

pub(crate) fn verifier(words: &str) -> Verifier {
    let scram = words.contains("scram").then(|| format!("SCRAM-SHA-256$600000:{words}").into());
    Verifier { argon2: format!("$argon2id$v=19$m=19456,t=2,p=1${words}").into(), scram }
}

/// A token whose hash is this byte again and again, used at this time.
pub(crate) fn token(hash: u8, used: i64) -> Token {
    Token {
        number: 0,
        hash: [hash; 32],
        device: format!("device {hash}").into(),
        created: Time(used),
        used: Time(used),
        expires: Time(used + 30),
    }
}

/// Words of somebody in a room.
pub(crate) fn said_by(author: &str, room: &str, words: &str) -> Record {
    Record { author: name(author), ..throng_store::testing::said(room, words) }
}

/// Sweeps these out and waits for the answer.
pub(crate) fn sweep(past: &dyn Past, which: Which) -> Result<Swept, Halted> {
    let (told, heard) = sync_channel(1);
    past.sweep(which, Box::new(move |answer| told.send(answer).unwrap()));
    heard.recv_timeout(PATIENCE).unwrap()
}

/// All that is there of a room, page by page.
pub(crate) fn whole(store: &dyn Store, room: &str) -> Vec<Entry> {
    let (mut all, mut upto) = (Vec::new(), u64::MAX);
    loop {
        let mut page = history(store, room, upto, throng_store::HISTORY_MAX);
        let Some(first) = page.first() else { return all };
        upto = first.stamp.seq - 1;
        page.append(&mut all);
        all = page;
    }
}

/// Looks again and again until it is so; a test that looks for so long has failed. The writer gets there by itself.
#[expect(clippy::disallowed_methods, reason = "a test that fails ends")]
pub(crate) fn until(store: &dyn Store, what: &str, is_so: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "it never came: {what}");
        // Something to wait for, that comes from the store's own threads.
        history(store, "#a", u64::MAX, 1);
    }
}
