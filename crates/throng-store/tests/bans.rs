//! Bans: kept over a restart, the same on the disk and in memory, and left alone by whatever becomes of accounts.

#![allow(clippy::unwrap_used)]

mod kept;

use std::path::PathBuf;

use kept::{Place, all, bare, change, change_ban, found, put, remove, try_found};
use proptest::prelude::*;
use rusqlite::Connection;
use throng_chat::Ban;
use throng_store::accounts::Change;
use throng_store::bans::{self, BANS_MAX, Made};
use throng_store::testing::Scripted;
use throng_store::{Bans, Durability, Fault, Opened, Time};

fn kept_bans(opened: &Opened) -> Vec<Ban> {
    found(|done| opened.bans.bans(done))
}

#[test]
fn a_ban_holds_over_a_restart_and_is_one_however_it_is_written() {
    for durability in [Durability::Strict, Durability::Relaxed] {
        let place = Place::new();
        let opened = throng_store::open(place.folder(), durability).unwrap();
        let change = |change| change_ban(&*opened.bans, change).unwrap();
        for target in ["Troll", "account:Bo", "tr*", "203.0.113.0/24", "2001:db8::1"] {
            assert_eq!(change(put(target, 1)), Made::Unknown, "{target}");
        }
        assert_eq!(change(put("troll", 2)), Made::Known);
        assert_eq!(change(put("203.0.113.9/24", 4)), Made::Known);
        assert_eq!(change(remove("TR*")), Made::Known);
        assert_eq!(change(remove("TR*")), Made::Unknown);
        let expected = [
            kept::ban("2001:db8::1", 1),
            kept::ban("203.0.113.0/24", 4),
            kept::ban("account:Bo", 1),
            kept::ban("troll", 2),
        ];
        assert_eq!(kept_bans(&opened), expected);
        opened.store.close();
        assert_eq!(try_found(|done| opened.bans.bans(done)), Err(Fault::Closed));
        assert_eq!(kept_bans(&place.open()), expected);
    }
}

#[test]
fn one_more_than_fit_is_refused_and_another_one_of_the_same_target_is_not() {
    let memory = throng_store::memory();
    let place = Place::new();
    let disk = place.open();
    for opened in [&memory, &disk] {
        let change = |change| change_ban(&*opened.bans, change).unwrap();
        if std::ptr::eq(opened, &disk) {
            // One flush for each would take long.
            opened.store.close();
            let db = Connection::open(place.file()).unwrap();
            db.execute_batch(&format!(
                "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {BANS_MAX})
                INSERT INTO bans SELECT 't' || n, 't' || n, 1, NULL, NULL, 'console' FROM n"
            ))
            .unwrap();
            continue;
        }
        for number in 1..=BANS_MAX {
            assert_eq!(change(put(&format!("t{number}"), 1)), Made::Unknown);
        }
    }
    let disk = place.open();
    for opened in [&memory, &disk] {
        let change = |change| change_ban(&*opened.bans, change).unwrap();
        assert_eq!(change(put("t0", 2)), Made::Full);
        assert_eq!(kept_bans(opened).len(), BANS_MAX);
        assert_eq!(change(put("T7", 2)), Made::Known);
        assert_eq!(change(remove("t7")), Made::Known);
        assert_eq!(change(put("t0", 2)), Made::Unknown);
    }
}

#[test]
fn whatever_becomes_of_accounts_bans_stay() {
    let place = Place::new();
    let opened = place.open();
    assert_eq!(change(&*opened.accounts, Change::Create(bare("ana"))), Ok(Ok(())));
    assert_eq!(change_ban(&*opened.bans, put("account:ana", 1)), Ok(Made::Unknown));
    let path = |ask: &dyn Fn(throng_store::backup::BackedUp)| -> PathBuf {
        let (told, heard) = std::sync::mpsc::sync_channel(1);
        ask(Box::new(move |answer| told.send(answer).unwrap()));
        heard.recv_timeout(kept::PATIENCE).unwrap().unwrap()
    };
    let copy = path(&|done| opened.backups.backup(done));
    assert_eq!(change_ban(&*opened.bans, put("troll*", 2)), Ok(Made::Unknown));
    let expected = kept_bans(&opened);
    path(&|done| opened.backups.clear_accounts(done));
    assert!(all(&*opened.accounts).is_empty());
    assert_eq!(kept_bans(&opened), expected);
    let (told, heard) = std::sync::mpsc::sync_channel(1);
    opened.backups.restore_accounts(copy, Box::new(move |answer| told.send(answer).unwrap()));
    assert_eq!(heard.recv_timeout(kept::PATIENCE).unwrap().unwrap(), 1);
    assert_eq!(kept_bans(&opened), expected);
    assert_eq!(change(&*opened.accounts, Change::Clear), Ok(Ok(())));
    assert_eq!(kept_bans(&opened), expected);
}

#[test]
fn a_file_of_version_3_gets_the_table_and_loses_nothing() {
    let place = Place::new();
    let opened = place.open();
    assert_eq!(change(&*opened.accounts, Change::Create(bare("ana"))), Ok(Ok(())));
    opened.store.close();
    Connection::open(place.file())
        .unwrap()
        .execute_batch(
            "DROP TABLE bans; ALTER TABLE rooms DROP COLUMN messages; ALTER TABLE rooms DROP COLUMN bytes;
            PRAGMA user_version = 3",
        )
        .unwrap();
    throng_store::check(place.folder().path()).unwrap();
    let opened = place.open();
    assert_eq!(all(&*opened.accounts).len(), 1);
    assert!(kept_bans(&opened).is_empty());
    assert_eq!(change_ban(&*opened.bans, put("troll*", 1)), Ok(Made::Unknown));
    opened.store.close();
    let version = |path: &std::path::Path| {
        let db = Connection::open(path).unwrap();
        db.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0)).unwrap()
    };
    let copies: Vec<_> = std::fs::read_dir(place.folder().path().join("backups"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    let [copy] = &copies[..] else { panic!("{copies:?}") };
    assert!(copy.file_name().unwrap().to_str().unwrap().starts_with("throng-v3-"));
    assert_eq!((version(copy), version(&place.file())), (3, 5));
    let again = place.open();
    assert_eq!(kept_bans(&again).len(), 1);
    // Accounts of the copy can be put back, whatever it lacks.
    let (told, heard) = std::sync::mpsc::sync_channel(1);
    again.backups.restore_accounts(copy.clone(), Box::new(move |answer| told.send(answer).unwrap()));
    assert_eq!(heard.recv_timeout(kept::PATIENCE).unwrap().unwrap(), 1);
    assert_eq!(kept_bans(&again).len(), 1);
}

#[test]
fn a_target_that_nobody_can_name_stays_in_the_file_and_is_told_to_nobody() {
    let place = Place::new();
    place.open().store.close();
    let db = Connection::open(place.file()).unwrap();
    db.execute_batch(
        "INSERT INTO bans VALUES ('x y', 'x y', 1, NULL, NULL, 'console');
        INSERT INTO bans VALUES ('bo', 'bo', 1, NULL, 'two' || char(10) || 'lines', '');",
    )
    .unwrap();
    drop(db);
    let opened = place.open();
    let [ban] = &kept_bans(&opened)[..] else { panic!("one of them") };
    assert_eq!(ban.reason.as_ref().unwrap().as_str(), "twolines");
    opened.store.close();
    let db = Connection::open(place.file()).unwrap();
    assert_eq!(db.query_row("SELECT count(*) FROM bans", [], |row| row.get(0)), Ok(2));
}

#[test]
fn the_scripted_store_holds_and_fails_what_is_asked_of_bans() {
    let scripted = Scripted::new();
    let opened = scripted.opened();
    scripted.hold();
    let (told, heard) = std::sync::mpsc::sync_channel(2);
    for number in [1, 2] {
        let told = told.clone();
        opened.bans.change_ban(put("bo", number), Box::new(move |answer| told.send(answer).unwrap()));
    }
    assert!(heard.try_recv().is_err());
    scripted.fail_next(Fault::Busy);
    assert_eq!(scripted.release(2), 2);
    assert_eq!([heard.recv().unwrap(), heard.recv().unwrap()], [Err(Fault::Busy), Ok(Made::Unknown)]);
    scripted.flow();
    assert_eq!(kept_bans(&opened), [kept::ban("bo", 2)]);
    opened.store.close();
    assert_eq!(change_ban(&*opened.bans, remove("bo")), Err(Fault::Closed));
}

/// So few that changes meet.
const TARGETS: [&str; 9] =
    ["bo", "Bo", "bo*", "BO*", "account:bo", "account:BO", "10.0.0.0/8", "10.1.2.3/8", "::ffff:10.0.0.0/104"];

fn a_change() -> impl Strategy<Value = bans::Change> {
    let target = || prop::sample::select(&TARGETS[..]);
    prop_oneof![
        3 => (target(), 0..9i64).prop_map(|(target, number)| put(target, number)),
        1 => target().prop_map(remove),
        1 => (60..70i64).prop_map(|now| bans::Change::RemoveOver(Time(now))),
    ]
}

fn state(bans: &dyn Bans) -> (Vec<Ban>, Vec<String>) {
    let all = found(|done| bans.bans(done));
    let shown = all.iter().map(|ban| ban.target.to_string()).collect();
    (all, shown)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]
    #[test]
    fn the_disk_and_the_memory_say_and_keep_the_same(changes in prop::collection::vec(a_change(), 1..60)) {
        let (place, memory) = (Place::new(), throng_store::memory());
        let disk = place.open();
        for (number, each) in changes.into_iter().enumerate() {
            let shown = format!("change {number}: {each:?}");
            let expected = change_ban(&*memory.bans, each.clone());
            prop_assert_eq!(change_ban(&*disk.bans, each), expected, "{}", &shown);
            prop_assert_eq!(state(&*disk.bans), state(&*memory.bans), "{}", &shown);
        }
        disk.store.close();
        prop_assert_eq!(state(&*place.open().bans), state(&*memory.bans), "opened again");
    }
}
