//! Copies of a store, and accounts that are put back from one: whole, or not at all.

#![allow(clippy::unwrap_used)]

mod kept;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use kept::{PATIENCE, Place, all, append, bare, basis, change, found, history, name, token, verifier, words};
use rusqlite::Connection;
use throng_store::accounts::{Account, Change};
use throng_store::testing::{Scripted, said};
use throng_store::{BackupFault, Backups, Durability, Fault, OpenFault, OpenOptions, Opened, Time};

fn backup(backups: &dyn Backups) -> Result<PathBuf, BackupFault> {
    let (told, heard) = sync_channel(1);
    backups.backup(Box::new(move |answer| told.send(answer).unwrap()));
    heard.recv_timeout(PATIENCE).unwrap()
}

fn restore(backups: &dyn Backups, from: &Path) -> Result<usize, BackupFault> {
    let (told, heard) = sync_channel(1);
    backups.restore_accounts(from.to_owned(), Box::new(move |answer| told.send(answer).unwrap()));
    heard.recv_timeout(PATIENCE).unwrap()
}

/// A store with two accounts that have everything, and a message.
fn opened(place: &Place, durability: Durability) -> Opened {
    let options = OpenOptions::new(durability).clock(Arc::new(|| Time(1_767_225_600_000)));
    let opened = options.open(place.folder()).unwrap();
    for (number, typed) in [(1, "ana"), (2, "Олена")] {
        let account = Account {
            verifier: Some(verifier("one scram")),
            certificates: vec![[number; 32], [number + 100; 32]],
            recognised: true,
            ..bare(typed)
        };
        for each in [
            Change::Create(account),
            Change::AddToken(name(typed), token(number, 5), basis()),
            Change::AddToken(name(typed), token(number + 100, 6), basis()),
            Change::RevokeToken(name(typed), 2),
            Change::Seen(name(typed), Time(7), Some(format!("10.0.0.{number}").into())),
        ] {
            assert_eq!(change(&*opened.accounts, each), Ok(Ok(())));
        }
    }
    append(&*opened.store, vec![said("#a", "before")]).unwrap();
    opened
}

#[test]
fn what_was_cleared_comes_back_from_the_backup_and_history_stays() {
    for durability in [Durability::Strict, Durability::Relaxed] {
        let place = Place::new();
        let opened = opened(&place, durability);
        let before = all(&*opened.accounts);
        let first = backup(&*opened.backups).unwrap();
        let second = backup(&*opened.backups).unwrap();
        let named =
            |path: &Path| path.strip_prefix(place.folder().path()).unwrap().to_str().unwrap().to_owned();
        assert_eq!(named(&first), "backups/throng-20260101T000000Z.db");
        assert_eq!(named(&second), "backups/throng-20260101T000000Z-2.db");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&first), mode(first.parent().unwrap())), (0o600, 0o700));

        assert_eq!(change(&*opened.accounts, Change::Clear), Ok(Ok(())));
        assert_eq!(change(&*opened.accounts, Change::Create(bare("eve"))), Ok(Ok(())));
        append(&*opened.store, vec![said("#a", "after")]).unwrap();
        let bytes = fs::read(&first).unwrap();
        assert_eq!(restore(&*opened.backups, &first).unwrap(), 2);
        let check = |opened: &Opened| {
            assert!(all(&*opened.accounts) == before, "eve is gone, the others are back");
            let greeted = found(|done| opened.accounts.by_address("10.0.0.2".into(), done));
            assert_eq!(greeted, Some(name("Олена")));
            assert_eq!(words(&history(&*opened.store, "#a", 9, 9)), ["before", "after"]);
        };
        check(&opened);
        opened.store.close();
        assert!(fs::read(&first).unwrap() == bytes, "the backup is as it was");
        assert_eq!(fs::read_dir(first.parent().unwrap()).unwrap().count(), 2, "and has no files beside it");
        let again = place.open();
        check(&again);
        assert_eq!(change(&*again.accounts, Change::AddToken(name("ana"), token(9, 9), basis())), Ok(Ok(())));
        let tokens = found(|done| again.accounts.tokens(name("ana"), done));
        assert_eq!(tokens.iter().map(|token| token.number).collect::<Vec<_>>(), [1, 3], "never given twice");
    }
}

fn clear(backups: &dyn Backups) -> Result<PathBuf, BackupFault> {
    let (told, heard) = sync_channel(1);
    backups.clear_accounts(Box::new(move |answer| told.send(answer).unwrap()));
    heard.recv_timeout(PATIENCE).unwrap()
}

#[test]
fn what_is_cleared_is_in_a_backup_whatever_is_changed_at_the_same_time() {
    for durability in [Durability::Strict, Durability::Relaxed] {
        let place = Place::new();
        let opened = opened(&place, durability);
        let (go, wait) = sync_channel::<()>(1);
        // The writer is held, so that all of these wait for it at once.
        opened
            .accounts
            .change(Change::SetOperator(name("ana"), true), Box::new(move |_| wait.recv().unwrap()));
        let (told, heard) = sync_channel(9);
        let hand = |typed: &str| {
            let told = told.clone();
            let made = Change::Create(bare(typed));
            opened.accounts.change(made, Box::new(move |answer| told.send(answer.is_ok()).unwrap()));
        };
        hand("before");
        let (cleared, path) = sync_channel(1);
        opened.backups.clear_accounts(Box::new(move |answer| cleared.send(answer).unwrap()));
        hand("after");
        let busy = clear(&*opened.backups);
        assert!(matches!(busy, Err(BackupFault::Store(Fault::Busy))), "one at a time: {busy:?}");
        go.send(()).unwrap();
        let path = path.recv_timeout(PATIENCE).unwrap().unwrap();
        assert_eq!([heard.recv_timeout(PATIENCE), heard.recv_timeout(PATIENCE)], [Ok(true), Ok(true)]);
        let names =
            || all(&*opened.accounts).iter().map(|(account, _)| account.name.to_string()).collect::<Vec<_>>();
        assert_eq!(names(), ["after"]);
        assert_eq!(words(&history(&*opened.store, "#a", 9, 9)), ["before"], "history stays");
        assert_eq!(restore(&*opened.backups, &path).unwrap(), 3);
        assert_eq!(names(), ["ana", "before", "Олена"]);
        let ana = found(|done| opened.accounts.account(name("ana"), done)).unwrap();
        assert!(ana.operator, "what was acknowledged before is in it");
    }
}

#[test]
fn nothing_is_cleared_that_is_in_no_backup() {
    let place = Place::new();
    let opened = opened(&place, Durability::Strict);
    let before = all(&*opened.accounts);
    fs::write(place.folder().path().join("backups"), "a file").unwrap();
    let fault = clear(&*opened.backups).unwrap_err();
    assert!(matches!(fault, BackupFault::File(OpenFault::Io { .. })), "{fault:?}");
    assert!(all(&*opened.accounts) == before);
    fs::remove_file(place.folder().path().join("backups")).unwrap();
    clear(&*opened.backups).unwrap();
    assert!(all(&*opened.accounts).is_empty(), "the store goes on");
    opened.store.close();
    assert!(matches!(clear(&*opened.backups), Err(BackupFault::Store(Fault::Closed))));
}

fn check(backups: &dyn Backups) -> Result<Vec<String>, BackupFault> {
    let (told, heard) = sync_channel(1);
    backups.check(Box::new(move |answer| told.send(answer).unwrap()));
    heard.recv_timeout(PATIENCE).unwrap()
}

#[test]
fn a_file_that_is_not_sound_is_found_out() {
    let place = Place::new();
    let open = || OpenOptions::new(Durability::Strict).open(place.folder()).unwrap();
    {
        let opened = opened(&place, Durability::Strict);
        assert_eq!(check(&*opened.backups).unwrap(), Vec::<String>::new());
        opened.store.close();
    }
    // Rows go while the file says nothing of an index on them; then it is told of again.
    const INDEX: &str = "certificates_by_account";
    let file = place.folder().path().join("throng.db");
    let db = Connection::open(&file).unwrap();
    let get = "select rootpage, sql from sqlite_schema where name = ?1";
    let (page, sql): (i64, String) =
        db.query_row(get, [INDEX], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    db.execute_batch("pragma writable_schema = on").unwrap();
    db.execute("delete from sqlite_schema where name = ?1", [INDEX]).unwrap();
    drop(db);
    let db = Connection::open(&file).unwrap();
    db.execute_batch("delete from certificates; pragma writable_schema = on").unwrap();
    let put = "insert into sqlite_schema values ('index', ?1, 'certificates', ?2, ?3)";
    db.execute(put, rusqlite::params![INDEX, page, sql]).unwrap();
    drop(db);
    let opened = open();
    let found = check(&*opened.backups);
    assert!(found.unwrap().iter().any(|flaw| flaw.contains(INDEX)), "the index has more than its table");
    assert!(matches!(check(&*throng_store::memory().backups), Err(BackupFault::NoFile)));
}

#[test]
fn a_backup_is_a_store_of_its_own() {
    let place = Place::new();
    let opened = opened(&place, Durability::Strict);
    let before = all(&*opened.accounts);
    let copy = backup(&*opened.backups).unwrap();
    append(&*opened.store, vec![said("#a", "after")]).unwrap();
    opened.store.close();
    let other = Place::new();
    fs::copy(copy, other.file()).unwrap();
    let put_in_place = other.open();
    assert!(all(&*put_in_place.accounts) == before);
    assert_eq!(words(&history(&*put_in_place.store, "#a", 9, 9)), ["before"]);
}

#[test]
fn what_is_no_sound_backup_changes_nothing_and_the_store_goes_on() {
    let place = Place::new();
    let opened = opened(&place, Durability::Strict);
    let sound = backup(&*opened.backups).unwrap();
    let last = Change::Create(bare("bob"));
    assert_eq!(change(&*opened.accounts, last), Ok(Ok(())));
    let before = all(&*opened.accounts);
    let other = place.dir.path().join("other.db");
    type Prepare<'a> = Box<dyn Fn(&Path) + 'a>;
    let with_sql = |sql: &'static str| -> Prepare<'_> {
        let sound = sound.clone();
        Box::new(move |path| {
            fs::copy(&sound, path).unwrap();
            Connection::open(path).unwrap().execute_batch(sql).unwrap();
        })
    };
    let with_bytes = |at: usize, new: &'static [u8]| -> Prepare<'_> {
        let sound = sound.clone();
        Box::new(move |path| {
            let mut bytes = fs::read(&sound).unwrap();
            bytes[at..at + new.len()].copy_from_slice(new);
            fs::write(path, bytes).unwrap();
        })
    };
    let root: u32 = Connection::open(&sound)
        .unwrap()
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'tokens'", [], |row| row.get(0))
        .unwrap();
    // The same tables without the rules, and rows that break them.
    let lawless = "
        ALTER TABLE tokens RENAME TO old; CREATE TABLE tokens AS SELECT * FROM old; DROP TABLE old;
        INSERT INTO tokens SELECT * FROM tokens;";
    let short = "
        ALTER TABLE certificates RENAME TO old; CREATE TABLE certificates AS SELECT * FROM old; DROP TABLE old;
        UPDATE certificates SET fingerprint = x'00' WHERE id = 2;";
    let untyped = "
        ALTER TABLE addresses RENAME TO old; CREATE TABLE addresses AS SELECT * FROM old; DROP TABLE old;
        UPDATE addresses SET account = 'eve' WHERE id = 2;";
    let cases: Vec<(&str, Prepare<'_>, &str)> = vec![
        ("nothing is there", Box::new(|_| ()), "No such file"),
        ("words", Box::new(|path| fs::write(path, "dear diary").unwrap()), "no SQLite file"),
        ("empty", Box::new(|path| fs::write(path, "").unwrap()), "header is torn"),
        ("another's", with_sql("PRAGMA application_id = 7"), "another program"),
        ("later", with_sql("PRAGMA user_version = 7"), "version 7"),
        ("earlier", with_sql("PRAGMA user_version = 1"), "has no accounts"),
        ("without a table", with_sql("DROP TABLE tokens"), "no such table"),
        ("a page of rubbish", with_bytes((root as usize - 1) * 4096, &[0xee; 4096]), "damaged"),
        ("a token twice", with_sql(lawless), "UNIQUE"),
        ("a short fingerprint", with_sql(short), "CHECK"),
        ("an account that is no number", with_sql(untyped), "cannot store"),
    ];
    for (which, prepare, expected) in cases {
        prepare(&other);
        let fault = restore(&*opened.backups, &other).unwrap_err();
        assert!(matches!(fault, BackupFault::File(_)), "{which}: {fault:?}");
        assert!(fault.to_string().contains(expected), "{which}: {fault}");
        assert!(fault.hint().is_some(), "{which}");
        assert!(all(&*opened.accounts) == before, "{which}: something changed");
        assert_eq!(change(&*opened.accounts, Change::SetOperator(name("ana"), false)), Ok(Ok(())), "{which}");
        for suffix in ["", "-wal", "-shm", "-journal"] {
            let _ = fs::remove_file(format!("{}{suffix}", other.display()));
        }
    }
    assert_eq!(restore(&*opened.backups, &sound).unwrap(), 2);
}

#[test]
fn what_cannot_be_backed_up_says_so() {
    for opened in [throng_store::memory(), Scripted::new().opened()] {
        let fault = backup(&*opened.backups).unwrap_err();
        assert!(matches!(fault, BackupFault::NoFile), "{fault:?}");
        assert!(matches!(restore(&*opened.backups, Path::new("x")), Err(BackupFault::NoFile)));
        assert_eq!(change(&*opened.accounts, Change::Create(bare("ana"))), Ok(Ok(())));
        assert!(matches!(clear(&*opened.backups), Err(BackupFault::NoFile)));
        assert_eq!(all(&*opened.accounts).len(), 1, "nothing is cleared");
    }
    let place = Place::new();
    let opened = opened(&place, Durability::Strict);
    fs::write(place.folder().path().join("backups"), "a file").unwrap();
    let fault = backup(&*opened.backups).unwrap_err();
    assert!(matches!(fault, BackupFault::File(OpenFault::Io { .. })), "{fault:?}");
    opened.store.close();
    assert!(matches!(backup(&*opened.backups), Err(BackupFault::Store(Fault::Closed))));
    let refused = restore(&*opened.backups, Path::new("x"));
    assert!(matches!(refused, Err(BackupFault::Store(Fault::Closed))), "{refused:?}");
}

#[test]
fn one_backup_at_a_time_is_made() {
    let place = Place::new();
    let opened = opened(&place, Durability::Strict);
    let (go, wait) = sync_channel::<()>(0);
    let wait = Arc::new(std::sync::Mutex::new(wait));
    let (begun, held) = sync_channel(9);
    // Whoever reads is held in a callback, so that the first backup waits.
    for _ in 0..2 {
        let (wait, begun) = (Arc::clone(&wait), begun.clone());
        let hold = move |_| {
            begun.send(()).unwrap();
            wait.lock().unwrap().recv().unwrap();
        };
        opened.accounts.account(name("ana"), Box::new(hold));
    }
    (0..2).for_each(|_| held.recv_timeout(PATIENCE).unwrap());
    let (told, first) = sync_channel(1);
    opened.backups.backup(Box::new(move |answer| told.send(answer.is_ok()).unwrap()));
    assert!(matches!(backup(&*opened.backups), Err(BackupFault::Store(Fault::Busy))));
    (0..2).for_each(|_| go.send(()).unwrap());
    assert!(first.recv_timeout(PATIENCE).unwrap());
    backup(&*opened.backups).unwrap();
}

#[test]
fn what_a_crash_left_of_a_copy_is_removed_and_what_is_complete_stays() {
    let place = Place::new();
    let opened = opened(&place, Durability::Strict);
    let sound = backup(&*opened.backups).unwrap();
    opened.store.close();
    for left in ["throng-20260101T000000Z-2.db.new", "throng-20260101T000000Z-2.db.new-journal"] {
        fs::write(sound.with_file_name(left), "half").unwrap();
    }
    place.open().store.close();
    let left: Vec<_> =
        fs::read_dir(sound.parent().unwrap()).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(left, [sound]);
}
