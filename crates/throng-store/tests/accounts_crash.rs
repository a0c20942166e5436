//! kill -9 around changes of accounts and bans, a hundred times: what was acknowledged holds, and of what was not there is all or
//! nothing. And kill -9 at each step of a migration, which leaves the old file or the new one.
//!
//! The child is this program again, told by variables what to do; it says on standard error how far it has come, and is
//! killed by its own pid.

#![allow(clippy::unwrap_used)]

mod child;
mod kept;

use std::path::Path;

use child::{Running, one_at_a_time, task, tell, wait_for_the_end};
use kept::{
    Place, all, append, bare, basis, change, change_ban, history, name, put, remove, token, verifier,
};
use rusqlite::Connection;
use throng_store::accounts::{Account, Change, Denied};
use throng_store::testing::said;
use throng_store::{DataFolder, Durability, OpenOptions, Opened, Time, bans};

/// How often the plug is pulled.
const CRASHES: usize = 100;

#[test]
fn the_child_that_is_killed() {
    let Some((task, folder)) = task() else { return };
    let words: Vec<&str> = task.split(' ').collect();
    let durability: Durability = words[1].parse().unwrap();
    if words[0] == "migrate" {
        let stops_at = words[2].to_owned();
        let watch = move |step: &'static str| {
            tell(step);
            if step == stops_at {
                wait_for_the_end();
            }
        };
        OpenOptions::new(durability).migrating(watch).open(&folder).unwrap();
        return tell("opened");
    }
    let opened = throng_store::open(&folder, durability).unwrap();
    for number in words[2].parse().unwrap().. {
        assert_eq!(change(&*opened.accounts, step(number)), Ok(Ok(())), "step {number}");
        assert!(change_ban(&*opened.bans, ban_step(number)).is_ok(), "step {number}");
        tell("done");
    }
}

/// The changes, one after another: each person is made, signs in, changes the password, and so on; every third one goes.
fn step(number: usize) -> Change {
    let person = number / 9;
    let typed = format!("u{person}");
    let who = || name(&typed);
    let mark = |n: usize| {
        let mut bytes = [n as u8; 32];
        bytes[..8].copy_from_slice(&(person as u64).to_be_bytes());
        bytes
    };
    let a_token = |n: usize| throng_store::accounts::Token { hash: mark(n), ..token(n as u8, n as i64) };
    match number % 9 {
        0 => Change::Create(Account {
            verifier: Some(verifier("first scram")),
            certificates: vec![mark(1), mark(2), mark(3)],
            recognised: true,
            ..bare(&typed)
        }),
        1 => Change::AddToken(who(), a_token(1), basis()),
        2 => Change::AddToken(who(), a_token(2), basis()),
        3 => Change::SetVerifier(who(), verifier("second"), None),
        4 => Change::AddToken(who(), a_token(3), basis()),
        5 => Change::AddToken(who(), a_token(4), basis()),
        6 => Change::RevokeToken(who(), 3),
        7 => Change::Seen(who(), Time(number as i64), Some(format!("10.0.0.{}", person % 200).into())),
        _ if person.is_multiple_of(3) => Change::Delete(who()),
        _ => Change::AddCertificate(who(), mark(4)),
    }
}

/// Behind each of these, of the same number: bans come, take each other's places, and go.
fn ban_step(number: usize) -> bans::Change {
    match number % 5 {
        4 => remove(&format!("t{}", number - 1)),
        0 => put("203.0.113.0/24", number as i64),
        _ => put(&format!("t{number}"), number as i64),
    }
}

/// Everything about everybody.
fn state(Opened { accounts, bans, .. }: &Opened) -> impl PartialEq + use<> {
    let greeted: Vec<_> = (0..200)
        .map(|n| kept::found(|done| accounts.by_address(format!("10.0.0.{n}").into(), done)))
        .collect();
    (all(&**accounts), greeted, kept::found(|done| bans.bans(done)))
}

#[test]
fn what_was_acknowledged_before_a_crash_holds_and_no_account_is_half() {
    let _alone = one_at_a_time();
    let mut place = Place::new();
    let path = place.folder().path().to_owned();
    drop(place.folder.take());
    let model = throng_store::memory();
    let (mut made, mut acknowledged) = (0, 0);
    for round in 0..CRASHES {
        let durability = if round % 2 == 0 { "strict" } else { "relaxed" };
        let mut child = Running::start(&format!("change {durability} {made}"), &path);
        // So many are read before the kill; no clock and no luck in it.
        let read = round * 7 % 23 + 1;
        for number in 0..read {
            let line = child.line().unwrap_or_default();
            assert_eq!(line, "done", "round {round}, {number}: {:?}", child.rest());
        }
        let more = child.kill();
        assert!(more.iter().all(|line| line == "done"), "{more:?}");
        let told = read + more.len();
        acknowledged += told;
        for number in made..made + told {
            assert_eq!(change(&*model.accounts, step(number)), Ok(Ok(())));
            assert!(change_ban(&*model.bans, ban_step(number)).is_ok());
        }
        made += told;
        let folder = DataFolder::open(&path).unwrap();
        let opened = throng_store::open(&folder, Durability::Strict).unwrap();
        let kept = state(&opened);
        if kept != state(&model) {
            // What was under way may be there; then it is whole.
            assert_eq!(change(&*model.accounts, step(made)), Ok(Ok(())));
            if kept != state(&model) {
                assert!(change_ban(&*model.bans, ban_step(made)).is_ok());
            }
            assert!(kept == state(&model), "round {round}: not as it was told, {told} steps");
            made += 1;
        }
        opened.store.close();
    }
    println!("{CRASHES} crashes: {acknowledged} acknowledged, {made} made");
}

/// What a file is brought up to.
const VERSION: u32 = 5;

/// What version 1 had.
const VERSION_1: &str = "
CREATE TABLE rooms (
    id INTEGER PRIMARY KEY, folded TEXT UNIQUE NOT NULL, name TEXT NOT NULL, last_seq INTEGER NOT NULL,
    last_at INTEGER NOT NULL, topic TEXT, topic_by TEXT, topic_at INTEGER) STRICT;
CREATE TABLE messages (
    room INTEGER NOT NULL, seq INTEGER NOT NULL, msgid BLOB NOT NULL, at INTEGER NOT NULL, author TEXT NOT NULL,
    kind INTEGER NOT NULL, body TEXT, PRIMARY KEY (room, seq)) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX messages_by_msgid ON messages (msgid);
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
PRAGMA application_id = 1953002087; PRAGMA user_version = 1;";

/// How many messages a file of version 1 has here, the last of them in the log only.
const MESSAGES: u64 = 300;

/// A file of version 1 as a crash left it: the last message is in its log.
fn old_file(file: &Path) {
    let aside = tempfile::tempdir().unwrap();
    let first = aside.path().join("throng.db");
    let db = Connection::open(&first).unwrap();
    db.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())).unwrap();
    db.execute_batch(VERSION_1).unwrap();
    db.execute("INSERT INTO rooms VALUES (1, '#a', '#A', ?1, 7, 'tea', 'ana', 5)", [MESSAGES as i64])
        .unwrap();
    for seq in 1..=MESSAGES {
        if seq == MESSAGES {
            db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA wal_autocheckpoint = 0").unwrap();
        }
        let id = u128::from(seq).to_be_bytes();
        let body = format!("message {seq}");
        db.execute("INSERT INTO messages VALUES (1, ?1, ?2, 7, 'ana', 0, ?3)", (seq as i64, id, body))
            .unwrap();
    }
    std::fs::copy(&first, file).unwrap();
    std::fs::copy(aside.path().join("throng.db-wal"), file.with_file_name("throng.db-wal")).unwrap();
}

/// What a reader of the old version would see: the version, and how many messages.
fn looked_at(file: &Path) -> (u32, u64) {
    let db = Connection::open(file).unwrap();
    let sound: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    let version = db.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    let messages: i64 = db.query_row("SELECT count(*) FROM messages", [], |row| row.get(0)).unwrap();
    (version, messages as u64)
}

/// The copies of the old file; none is half, and none has a log.
fn copies(folder: &Path) -> Vec<std::path::PathBuf> {
    let files = std::fs::read_dir(folder.join("backups")).into_iter().flatten();
    let mut copies: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    copies.sort();
    copies
}

#[test]
fn a_file_of_version_1_is_brought_up_and_a_copy_of_it_kept() {
    let _alone = one_at_a_time();
    for durability in [Durability::Strict, Durability::Relaxed] {
        let place = Place::new();
        old_file(&place.file());
        throng_store::check(place.folder().path()).unwrap();
        let options = OpenOptions::new(durability).clock(std::sync::Arc::new(|| Time(1_767_225_600_000)));
        let opened = options.open(place.folder()).unwrap();
        assert_eq!((opened.messages, opened.created), (MESSAGES, false));
        assert_eq!(opened.rooms[0].topic.as_ref().unwrap().text.as_str(), "tea");
        assert_eq!(change(&*opened.accounts, Change::Create(bare("ana"))), Ok(Ok(())));
        assert_eq!(append(&*opened.store, vec![said("#a", "after")]).unwrap()[0].seq, MESSAGES + 1);
        throng_store::check(place.folder().path()).unwrap();
        opened.store.close();
        assert_eq!(looked_at(&place.file()), (VERSION, MESSAGES + 1));
        let kept = copies(place.folder().path());
        let names: Vec<_> = kept.iter().map(|copy| copy.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["throng-v1-20260101T000000Z.db"]);
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&kept[0]).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(looked_at(&kept[0]), (1, MESSAGES));
        place.open().store.close();
        assert_eq!(copies(place.folder().path()), kept, "once");
        // Going back is putting the copy in its place; and up again from there.
        std::fs::copy(&kept[0], place.file()).unwrap();
        let again = place.open();
        assert_eq!((again.messages, all(&*again.accounts).len()), (MESSAGES, 0));
        assert_eq!(copies(place.folder().path()).len(), 2);
    }
}

/// A store with accounts whose looks are as version 2 told them: that of the folded name alone.
fn file_of_version_2(place: &Place) {
    let opened = place.open();
    for each in [
        Change::Create(Account { verifier: Some(verifier("one")), ..bare("loggg") }),
        Change::Create(bare("НАТ")),
        Change::Create(bare("bob")),
        Change::AddToken(name("bob"), token(7, 7), basis()),
    ] {
        assert_eq!(change(&*opened.accounts, each), Ok(Ok(())));
    }
    opened.store.close();
    let db = Connection::open(place.file()).unwrap();
    db.execute_batch(
        "UPDATE accounts SET skeleton = 'ʜaᴛ' WHERE folded = 'нат';
        INSERT INTO accounts SELECT 9, 'ioggg', 'ioggg', 'Ioggg', 7, NULL, 'theirs', NULL, 0, 0, 0, 0;
        INSERT INTO tokens VALUES (zeroblob(32), 9, 1, 'phone', 1, 1, 9);
        DROP TABLE bans;
        ALTER TABLE rooms DROP COLUMN messages;
        ALTER TABLE rooms DROP COLUMN bytes;
        PRAGMA user_version = 2;",
    )
    .unwrap();
}

#[test]
fn a_file_of_version_2_gets_new_looks_and_no_account_is_lost() {
    let _alone = one_at_a_time();
    let place = Place::new();
    file_of_version_2(&place);
    let opened = place.open();
    let accounts = &*opened.accounts;
    let check = || {
        let names: Vec<_> = all(accounts).iter().map(|(account, _)| account.name.to_string()).collect();
        assert_eq!(names, ["bob", "Ioggg", "loggg", "НАТ"]);
        let found = kept::found(|done| accounts.by_token([0; 32], done)).unwrap();
        assert_eq!(found.0.name, name("Ioggg"), "what is theirs is theirs");
        for (like, older) in [("l0ggg", "loggg"), ("hat", "НАТ"), ("|oggg", "loggg")] {
            let denied = change(accounts, Change::Create(bare(like)));
            assert_eq!(denied, Ok(Err(Denied::LooksLike(name(older)))), "{like}");
        }
        assert_eq!(change(accounts, Change::Create(bare("IOGGG"))), Ok(Err(Denied::Exists)));
    };
    check();
    let version = |path: &Path| {
        let db = Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        db.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0)).unwrap()
    };
    let copy = copies(place.folder().path()).pop().unwrap();
    assert!(copy.file_name().unwrap().to_str().unwrap().starts_with("throng-v2-"));
    assert_eq!((version(&copy), version(&place.file())), (2, VERSION));
    // What is put back from a backup of version 2 gets new looks too.
    assert_eq!(change(accounts, Change::Clear), Ok(Ok(())));
    let (told, heard) = std::sync::mpsc::sync_channel(1);
    opened.backups.restore_accounts(copy, Box::new(move |answer| told.send(answer).unwrap()));
    assert_eq!(heard.recv_timeout(kept::PATIENCE).unwrap().unwrap(), 4);
    check();
    // Who has none of their own is not in the way of anybody when the older one goes.
    assert_eq!(change(accounts, Change::Delete(name("loggg"))), Ok(Ok(())));
    assert_eq!(change(accounts, Change::Delete(name("Ioggg"))), Ok(Ok(())));
    assert_eq!(change(accounts, Change::Create(bare("Ioggg"))), Ok(Ok(())));
}

#[test]
fn a_crash_at_any_step_of_a_migration_leaves_the_old_file_or_the_new_one() {
    let _alone = one_at_a_time();
    let steps = [("drafted", 1), ("copied", 1), ("changing", 1), ("changed", VERSION)];
    for (round, (stops_at, expected)) in steps.iter().cycle().take(16).enumerate() {
        let place = Place::new();
        old_file(&place.file());
        let Place { folder, dir } = place;
        let path = folder.as_ref().unwrap().path().to_owned();
        drop(folder);
        let durability = if round % 8 < 4 { "strict" } else { "relaxed" };
        // In the second half it goes on while it is killed, so that it may be anywhere behind that step.
        let waits = round < 8;
        let stop = if waits { stops_at } else { "nowhere" };
        let mut child = Running::start(&format!("migrate {durability} {stop}"), &path);
        while child.line().expect("the step comes") != *stops_at {}
        child.kill();

        let (version, messages) = looked_at(&path.join("throng.db"));
        assert_eq!(messages, MESSAGES, "{stops_at}");
        assert!(version == *expected || (!waits && version == VERSION), "{stops_at}: {version}");
        let folder = DataFolder::open(&path).unwrap();
        let opened = throng_store::open(&folder, Durability::Strict).unwrap();
        assert_eq!(opened.messages, MESSAGES);
        assert_eq!(history(&*opened.store, "#a", u64::MAX, 500).len() as u64, MESSAGES);
        assert_eq!(change(&*opened.accounts, Change::Create(bare("ana"))), Ok(Ok(())));
        opened.store.close();
        let kept = copies(&path);
        assert!(!kept.is_empty());
        for copy in kept {
            assert_eq!(looked_at(&copy), (1, MESSAGES), "{}", copy.display());
        }
        drop(dir);
    }
}
