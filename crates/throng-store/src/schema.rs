//! What the file looks like, and how a new one is made.
//!
//! A new file is made under another name and moved to its own when it is complete, so that a crash at any moment
//! leaves either no store or a whole one, and never a file that looks like somebody else's.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Result};

use crate::OpenFault;
use crate::header::beside;
use crate::past::MESSAGE_BYTES;
use crate::store::Durability;

/// Marks the file as ours: the letters `thrg`.
pub(crate) const APPLICATION_ID: u32 = u32::from_be_bytes(*b"thrg");

/// The version of the tables below. A later program may raise it; we refuse what is higher, and `migration` brings what is
/// lower up to it.
pub(crate) const VERSION: u32 = 5;

/// The first version that has the tables of accounts.
pub(crate) const ACCOUNTS_SINCE: u32 = 2;

/// The first version whose accounts are told apart by the look of their names in any case.
pub(crate) const LOOKS_SINCE: u32 = 3;

/// The first version that has the table of bans.
pub(crate) const BANS_SINCE: u32 = 4;

/// The first version whose rooms know how many messages they have: before it, none had ever gone.
pub(crate) const HOLDINGS_SINCE: u32 = 5;

/// How long one waits for another program that holds the file (somebody looks at it with `sqlite3`).
pub(crate) const BUSY_WAIT: Duration = Duration::from_secs(2);

/// Enough for every statement we have; none is ever prepared twice.
const STATEMENTS_MAX: usize = 64;

/// `rooms` has where the sequence of each room has come to, how many messages are there and what they come to: messages go,
/// sequences never go back. `messages` has no row id: its rows lie in the order of room and sequence, so history is one range. The index
/// on `msgid` only grows at its end, since ids grow.
const TABLES: &str = "
CREATE TABLE rooms (
    id INTEGER PRIMARY KEY, folded TEXT UNIQUE NOT NULL, name TEXT NOT NULL, last_seq INTEGER NOT NULL,
    last_at INTEGER NOT NULL, topic TEXT, topic_by TEXT, topic_at INTEGER, messages INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE messages (
    room INTEGER NOT NULL, seq INTEGER NOT NULL, msgid BLOB NOT NULL, at INTEGER NOT NULL, author TEXT NOT NULL,
    kind INTEGER NOT NULL, body TEXT, PRIMARY KEY (room, seq)) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX messages_by_msgid ON messages (msgid);
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
";

/// Who may call themselves what. What belongs to an account has its number; a token lies under its hash, by which it is asked
/// for. The numbers of certificates and addresses grow, so they are the order in which these came.
pub(crate) const ACCOUNT_TABLES: &str = "
CREATE TABLE accounts (
    id INTEGER PRIMARY KEY, folded TEXT UNIQUE NOT NULL, skeleton TEXT UNIQUE NOT NULL, name TEXT NOT NULL,
    created INTEGER NOT NULL, seen INTEGER, argon2 TEXT, scram TEXT, suspended INTEGER NOT NULL,
    operator INTEGER NOT NULL, recognised INTEGER NOT NULL, last_token INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE certificates (
    id INTEGER PRIMARY KEY, account INTEGER NOT NULL,
    fingerprint BLOB UNIQUE NOT NULL CHECK (length(fingerprint) = 32)) STRICT;
CREATE INDEX certificates_by_account ON certificates (account);
CREATE TABLE tokens (
    hash BLOB PRIMARY KEY CHECK (length(hash) = 32), account INTEGER NOT NULL, number INTEGER NOT NULL,
    device TEXT NOT NULL, created INTEGER NOT NULL, used INTEGER NOT NULL,
    expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX tokens_by_account ON tokens (account, number);
CREATE TABLE addresses (
    id INTEGER PRIMARY KEY, account INTEGER NOT NULL, address TEXT UNIQUE NOT NULL) STRICT;
CREATE INDEX addresses_by_account ON addresses (account);
";

/// Who is not wanted. By the key of its target, which is one for all ways to write it.
pub(crate) const BAN_TABLE: &str = "
CREATE TABLE bans (
    key TEXT PRIMARY KEY, target TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER, reason TEXT,
    by TEXT NOT NULL) STRICT, WITHOUT ROWID;
";

/// Fails to prepare when that or a column is not there.
const BAN_COLUMNS: &str = "SELECT key, target, since, until, reason, by FROM bans LIMIT 0";

/// What rooms get that had nothing of it. All messages are read once.
pub(crate) fn count_messages() -> String {
    format!(
        "ALTER TABLE rooms ADD COLUMN messages INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE rooms ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
        UPDATE rooms SET (messages, bytes) = (
            SELECT count(*), ifnull(sum({MESSAGE_BYTES} + octet_length(author) + ifnull(octet_length(body), 0)), 0)
            FROM messages WHERE room = rooms.id);"
    )
}

/// Fails to prepare when one of these is not there.
const HOLDING_COLUMNS: &str = "SELECT messages, bytes FROM rooms LIMIT 0";

/// The tables of accounts with all their columns: what must be there, and what is put back from a backup.
pub(crate) const ACCOUNT_COLUMNS: [(&str, &str); 4] = [
    (
        "accounts",
        "id, folded, skeleton, name, created, seen, argon2, scram, suspended, operator, recognised, last_token",
    ),
    ("certificates", "id, account, fingerprint"),
    ("tokens", "hash, account, number, device, created, used, expires"),
    ("addresses", "id, account, address"),
];

/// Fails to prepare when a table or column is not there. Reads nothing.
const COLUMNS: &str = "
SELECT r.id, r.folded, r.name, r.last_seq, r.last_at, r.topic, r.topic_by, r.topic_at, m.room, m.seq, m.msgid,
m.at, m.author, m.kind, m.body, x.key, x.value FROM rooms r, messages m, meta x LIMIT 0";

/// Makes a new, complete, empty store at the path, where nothing or an empty file is.
pub(crate) fn create(path: &Path) -> Result<(), OpenFault> {
    let draft = beside(path, ".new");
    // What a crash left of an earlier try; nothing of it was ever used.
    remove(&draft);
    let made = draw(&draft).and_then(|()| {
        let moved = std::fs::rename(&draft, path).and_then(|()| keep_name(path));
        moved.map_err(|error| OpenFault::of_system(path, &error))
    });
    made.inspect_err(|_| remove(&draft))
}

fn remove(draft: &Path) {
    for suffix in ["", "-journal", "-wal", "-shm"] {
        // It is not there, or making it will tell what is wrong.
        let _ = std::fs::remove_file(beside(draft, suffix));
    }
}

fn draw(draft: &Path) -> Result<(), OpenFault> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft);
    made.map_err(|error| OpenFault::of_system(draft, &error))?;
    fill(draft).map_err(|error| OpenFault::of_sqlite(draft, &error))
}

fn fill(path: &Path) -> Result<()> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    db.pragma_update(None, "synchronous", "full")?;
    db.execute_batch(&format!(
        "BEGIN; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; {TABLES} {ACCOUNT_TABLES}
        {BAN_TABLE} COMMIT;"
    ))?;
    db.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    db.close().map_err(|(_, error)| error)
}

/// A new name is on the disk only when its folder is.
pub(crate) fn keep_name(path: &Path) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// The connection that writes, to a file whose tables were checked. It checkpoints when we say so: SQLite's own
/// checkpoint at commit would hide the error of a failed flush.
pub(crate) fn writing(path: &Path, durability: Durability) -> Result<Connection, OpenFault> {
    let fault = |error| OpenFault::of_sqlite(path, &error);
    let log = std::fs::metadata(beside(path, "-wal")).map_or(0, |log| log.len());
    let db = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(fault)?;
    // When it is refused below, what is in the log must stay there; a log that we made now should not.
    keep_log(&db, log > 0).map_err(fault)?;
    check(&db, path)?;
    let prepare = || -> Result<()> {
        let synchronous = if durability == Durability::Strict { "full" } else { "normal" };
        db.pragma_update(None, "synchronous", synchronous)?;
        db.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
        // What was deleted is written over, so that the verifier of an old password does not stay in a free page.
        db.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
        // It is so from its making; if somebody took it out of WAL, it goes back.
        db.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))
    };
    prepare().map_err(fault)?;
    Ok(db)
}

/// Whether the log stays as it is when this connection ends. SQLite's last connection would write it into the
/// database, also behind a fault, where nothing may be written any more.
pub(crate) fn keep_log(db: &Connection, keep: bool) -> Result<()> {
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep).map(|_| ())
}

/// A connection that reads.
pub(crate) fn reading(path: &Path) -> Result<Connection> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// Whether version and tables are ours, by a connection that cannot change anything.
pub(crate) fn check_read_only(path: &Path) -> Result<(), OpenFault> {
    let db = reading(path).map_err(|error| OpenFault::of_sqlite(path, &error))?;
    check(&db, path)
}

fn connect(path: &Path, access: OpenFlags) -> Result<Connection> {
    let db = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.busy_timeout(BUSY_WAIT)?;
    db.pragma_update(None, "temp_store", "memory")?;
    db.pragma_update(None, "trusted_schema", false)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(db)
}

/// Whether version and tables are ours; changes nothing. The header's version may be older than the log's, so it is asked again.
pub(crate) fn check(db: &Connection, path: &Path) -> Result<(), OpenFault> {
    let fault = |error| OpenFault::of_sqlite(path, &error);
    let theirs = version(db).map_err(fault)?;
    if theirs > VERSION {
        return Err(OpenFault::Newer { path: path.to_owned(), theirs, ours: VERSION });
    }
    db.prepare(COLUMNS).map_err(fault)?;
    if theirs >= ACCOUNTS_SINCE {
        for (table, columns) in ACCOUNT_COLUMNS {
            db.prepare(&format!("SELECT {columns} FROM {table} LIMIT 0")).map_err(fault)?;
        }
    }
    if theirs >= BANS_SINCE {
        db.prepare(BAN_COLUMNS).map_err(fault)?;
    }
    if theirs >= HOLDINGS_SINCE {
        db.prepare(HOLDING_COLUMNS).map_err(fault)?;
    }
    Ok(())
}

/// The version of the tables.
pub(crate) fn version(db: &Connection) -> Result<u32> {
    db.pragma_query_value(None, "user_version", |row| row.get(0))
}
