//! What cannot be opened is told in its own clear words, and not a byte of it is changed.

#![allow(clippy::unwrap_used)]

mod kept;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use kept::{Place, append};
use rusqlite::Connection;
use throng_store::testing::said;
use throng_store::{DataFolder, Durability, OpenFault, RunningInfo};

/// Every file of the folder but the lock, with its bytes.
fn bytes_of(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let named = files.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path));
    named
        .filter(|(name, path)| name != "throng.lock" && path.is_file())
        .map(|(n, p)| (n, fs::read(p).unwrap()))
        .collect()
}

/// Prepares a folder, expects that its store cannot be opened, twice, and that nothing of it changed.
fn check(prepare: impl FnOnce(&Path), exit_code: u8, words: &str, is_expected: fn(&OpenFault) -> bool) {
    let place = Place::new();
    prepare(&place.file());
    let before = bytes_of(place.folder().path());
    // A look finds it too, unless it takes reading everything.
    if let Err(fault) = throng_store::check(place.folder().path()) {
        assert!(is_expected(&fault), "{fault:?}");
    }
    assert!(bytes_of(place.folder().path()) == before, "a look changed something");
    for durability in [Durability::Strict, Durability::Relaxed] {
        let fault = throng_store::open(place.folder(), durability).unwrap_err();
        assert!(is_expected(&fault), "{fault:?}");
        assert!(fault.to_string().contains(words), "{fault} should say {words:?}");
        assert_eq!(fault.exit_code(), exit_code, "{fault}");
        assert!(fault.hint().is_some());
        let after = bytes_of(place.folder().path());
        assert!(after == before, "changed although it was refused: {fault}, {:?}", after.keys());
    }
}

/// A store of ours with some messages, closed.
fn ours(file: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(folder.path()).unwrap();
    let opened = throng_store::open(&folder, Durability::Strict).unwrap();
    append(&*opened.store, vec![said("#a", "words"); 500]).unwrap();
    opened.store.close();
    fs::copy(folder.path().join("throng.db"), file).unwrap();
}

/// The same with some of its bytes changed.
fn ours_but(change: impl FnOnce(&mut Vec<u8>)) -> impl FnOnce(&Path) {
    move |file| {
        ours(file);
        let mut bytes = fs::read(file).unwrap();
        change(&mut bytes);
        fs::write(file, bytes).unwrap();
    }
}

fn with_sql(sql: &'static str) -> impl FnOnce(&Path) {
    move |file| Connection::open(file).unwrap().execute_batch(sql).unwrap()
}

#[test]
fn a_look_takes_no_lock_and_leaves_nothing_behind() {
    let place = Place::new();
    let look = || throng_store::check(place.folder().path());
    look().unwrap();
    assert!(bytes_of(place.folder().path()).is_empty(), "nothing was made");
    let opened = throng_store::open(place.folder(), Durability::Strict).unwrap();
    append(&*opened.store, vec![said("#a", "words"); 5]).unwrap();
    let before = bytes_of(place.folder().path());
    look().unwrap();
    assert_eq!(bytes_of(place.folder().path()).keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    append(&*opened.store, vec![said("#a", "more words"); 5]).unwrap();
    opened.store.close();
    let before = bytes_of(place.folder().path());
    look().unwrap();
    assert!(bytes_of(place.folder().path()) == before);
    fs::remove_file(place.file()).unwrap();
    fs::write(place.file(), "dear diary, today is a day like any other").unwrap();
    assert!(matches!(look(), Err(OpenFault::Foreign { .. })));
    assert!(throng_store::check(Path::new("/nowhere/at/all")).is_ok());
}

#[test]
fn what_was_not_made_by_us_is_foreign() {
    let foreign = |fault: &OpenFault| matches!(fault, OpenFault::Foreign { .. });
    check(|file| fs::write(file, "dear diary, today").unwrap(), 1, "no SQLite file", foreign);
    check(|file| fs::write(file, [7; 8192]).unwrap(), 1, "no SQLite file", foreign);
    check(|file| fs::create_dir(file).unwrap(), 1, "it is a folder", foreign);
    check(
        with_sql("CREATE TABLE recipes (name TEXT); INSERT INTO recipes VALUES ('soup')"),
        1,
        "another program",
        foreign,
    );
    check(with_sql("PRAGMA application_id = 7; CREATE TABLE t (a)"), 1, "another program", foreign);
    // Our number, but not our tables: 0x74687267 is `thrg`.
    check(with_sql("PRAGMA application_id = 1953002087; CREATE TABLE rooms (id)"), 1, "no such", foreign);
}

#[test]
fn a_store_of_a_later_version_is_refused_and_both_versions_are_named() {
    let newer = |fault: &OpenFault| matches!(fault, OpenFault::Newer { theirs: 7, ours: 5, .. });
    check(ours_but(|bytes| bytes[60..64].copy_from_slice(&7u32.to_be_bytes())), 1, "version 7", newer);
    check(ours_but(|bytes| bytes[60..64].copy_from_slice(&7u32.to_be_bytes())), 1, "up to 5", newer);
}

#[test]
fn a_version_that_only_the_log_tells_of_is_seen_too() {
    let only_in_the_log = |file: &Path| {
        let aside = tempfile::tempdir().unwrap();
        let first = aside.path().join("throng.db");
        ours(&first);
        let db = Connection::open(&first).unwrap();
        db.execute_batch("PRAGMA wal_autocheckpoint = 0; PRAGMA user_version = 7").unwrap();
        // As a crash would leave them: the connection is still open.
        fs::copy(&first, file).unwrap();
        fs::copy(aside.path().join("throng.db-wal"), file.with_file_name("throng.db-wal")).unwrap();
        fs::copy(aside.path().join("throng.db-shm"), file.with_file_name("throng.db-shm")).unwrap();
    };
    let place = Place::new();
    only_in_the_log(&place.file());
    let mut before = bytes_of(place.folder().path());
    let fault = throng_store::open(place.folder(), Durability::Strict).unwrap_err();
    assert!(matches!(fault, OpenFault::Newer { theirs: 7, .. }), "{fault:?}");
    let mut after = bytes_of(place.folder().path());
    // The shared memory is an index of the log, which every reader makes anew.
    [&mut before, &mut after].into_iter().for_each(|files| drop(files.remove("throng.db-shm")));
    assert!(before == after, "{:?} became {:?}", before.keys(), after.keys());
}

#[test]
fn what_was_ours_and_is_damaged_is_told_and_kept() {
    let corrupt = |fault: &OpenFault| matches!(fault, OpenFault::Corrupt { .. });
    check(ours_but(|bytes| bytes[..16].fill(0)), 1, "header is torn", corrupt);
    check(ours_but(|bytes| bytes[..4096].fill(0)), 1, "header is torn", corrupt);
    check(ours_but(|bytes| bytes.truncate(60)), 1, "header is cut off", corrupt);
    check(ours_but(|bytes| bytes.truncate(5)), 1, "header is torn", corrupt);
    check(ours_but(|bytes| bytes.truncate(4096)), 1, "damaged", corrupt);
    check(ours_but(|bytes| bytes.truncate(5000)), 1, "damaged", corrupt);
    check(ours_but(|bytes| bytes[100..4096].fill(0xee)), 1, "damaged", corrupt);
    check(ours_but(|bytes| bytes[16..18].fill(0xee)), 1, "damaged", corrupt);
}

#[test]
fn a_log_without_its_database_is_not_written_over() {
    let corrupt = |fault: &OpenFault| matches!(fault, OpenFault::Corrupt { .. });
    let log = |file: &Path| fs::write(file.with_file_name("throng.db-wal"), "somebody's words").unwrap();
    check(log, 1, "its log", corrupt);
    check(|file| (log(file), fs::write(file, "").unwrap()).1, 1, "its log", corrupt);
}

#[test]
fn no_byte_that_was_changed_makes_opening_panic() {
    let place = Place::new();
    ours(&place.file());
    let sound = fs::read(place.file()).unwrap();
    for at in (0..4096).step_by(17) {
        let mut bytes = sound.clone();
        bytes[at] ^= 0xff;
        fs::write(place.file(), &bytes).unwrap();
        let refused = throng_store::open(place.folder(), Durability::Strict).is_err();
        if refused {
            assert!(fs::read(place.file()).unwrap() == bytes, "changed although it was refused, byte {at}");
        }
        for log in ["throng.db-wal", "throng.db-shm"] {
            let _ = fs::remove_file(place.file().with_file_name(log));
        }
    }
}

#[test]
fn an_empty_file_becomes_a_new_store() {
    let place = Place::new();
    fs::write(place.file(), "").unwrap();
    // What a crash left of an earlier making.
    fs::write(place.folder().path().join("throng.db.new"), "half").unwrap();
    let opened = place.open();
    assert!(opened.created);
    append(&*opened.store, vec![said("#a", "1")]).unwrap();
    opened.store.close();
    assert_eq!(place.open().messages, 1);
}

#[test]
fn folder_and_files_are_for_their_owner_only() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("made/with its parents");
    let folder = DataFolder::open(&path).unwrap();
    let opened = throng_store::open(&folder, Durability::Strict).unwrap();
    append(&*opened.store, vec![said("#a", "1")]).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for file in ["throng.db", "throng.db-wal", "throng.db-shm", "throng.lock"] {
        assert_eq!(mode(&path.join(file)), 0o600, "{file}");
    }
}

#[test]
fn a_path_that_is_no_folder_is_wrong_usage() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "mine").unwrap();
    for path in [file.clone(), file.join("below"), file.join("far/below")] {
        let fault = DataFolder::open(&path).unwrap_err();
        assert_eq!(fault.to_string(), format!("{} is not a folder", file.display()));
        assert_eq!(fault.exit_code(), 2);
    }
    assert_eq!(fs::read(&file).unwrap(), b"mine");
}

#[test]
fn what_this_user_may_not_write_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let closed = dir.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(closed.join("probe"), "").is_ok() {
        return println!("skipped: this user may write everywhere");
    }
    let fault = DataFolder::open(&closed.join("new")).unwrap_err();
    assert!(matches!(fault, OpenFault::CannotCreate { .. }), "{fault:?}");
    assert_eq!(fault.exit_code(), 2);
    let fault = DataFolder::open(&closed).unwrap_err();
    assert!(matches!(fault, OpenFault::ReadOnly { .. }), "{fault:?}");
    assert_eq!(fault.exit_code(), 1);

    let unwritable = |file: &Path| {
        ours(file);
        fs::set_permissions(file, fs::Permissions::from_mode(0o400)).unwrap();
    };
    check(unwritable, 1, "cannot write", |fault| matches!(fault, OpenFault::ReadOnly { .. }));
}

#[test]
fn a_held_folder_names_its_holder_until_that_one_lets_go() {
    let dir = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(dir.path()).unwrap();
    let held = || match DataFolder::open(dir.path()).unwrap_err() {
        OpenFault::Held { running } => running,
        other => panic!("{other:?}"),
    };
    assert_eq!(held(), None, "nothing was told yet");
    let addresses = vec!["127.0.0.1:50007".to_owned()];
    let mut running = RunningInfo { pid: 7, addresses, started: 5, control: Some("/run/c.sock".to_owned()) };
    for more in ["[::1]:50007", "127.0.0.1:6667"] {
        folder.publish(&running);
        assert_eq!(held().as_ref(), Some(&running));
        running.addresses.push(more.to_owned());
    }
    running.addresses.truncate(1);
    folder.publish(&running);
    let fault = DataFolder::open(dir.path()).unwrap_err();
    let told = "the data folder is held by a running server: process 7, listening on 127.0.0.1:50007";
    assert_eq!((fault.to_string().as_str(), fault.exit_code()), (told, 1));
    assert!(fault.hint().unwrap().starts_with("join that one at 127.0.0.1:50007, or"));
    // As an earlier throng tells it.
    fs::write(dir.path().join("throng.lock"), r#"{"pid":7,"addresses":[],"started":5}"#).unwrap();
    let earlier = RunningInfo { pid: 7, addresses: Vec::new(), started: 5, control: None };
    assert_eq!(DataFolder::published(dir.path()), Some(earlier));
    drop(folder);
    assert_eq!(fs::read(dir.path().join("throng.lock")).unwrap(), b"");
    let _again = DataFolder::open(dir.path()).unwrap();
}

#[test]
fn a_second_store_in_a_folder_waits_until_the_first_is_closed() {
    let place = Place::new();
    let opened = place.open();
    let second = throng_store::open(place.folder(), Durability::Strict).unwrap_err();
    assert!(matches!(second, OpenFault::Held { running: None }), "{second:?}");
    opened.store.close();
    place.open();
}

#[test]
fn an_open_store_holds_its_folder_also_when_the_folder_was_dropped() {
    let mut place = Place::new();
    let opened = place.open();
    let path = place.folder().path().to_owned();
    drop(place.folder.take());
    assert!(matches!(DataFolder::open(&path), Err(OpenFault::Held { .. })));
    opened.store.close();
    DataFolder::open(&path).unwrap();
}

#[test]
fn the_bundled_library_has_the_cure_for_the_reset_of_the_log() {
    // Before 3.51.3 a checkpoint beside a reset could damage a WAL database (sqlite.org/wal.html).
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
}
