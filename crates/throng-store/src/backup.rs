//! Copies of the whole file, in the folder `backups` beside it, and accounts that are put back from one.
//!
//! A copy is made by SQLite's backup API from one look at the file, under another name, and gets its own when it is complete
//! and on the disk. So what has the name of a backup is one. A copy is a plain file without a log, for its owner only; it has
//! the words of the rooms and the verifiers of passwords in it. Nothing here ever removes one that is complete.

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::types::Value;
use rusqlite::{Connection, Error, ErrorCode, OpenFlags, Result, ffi, params_from_iter};
use throng_chat::Time;

use crate::accounts::{amend, looks};
use crate::fault::told;
use crate::header::{self, beside};
use crate::schema::{ACCOUNT_COLUMNS, ACCOUNTS_SINCE, keep_name};
use crate::transaction::transact_to_disk;
use crate::{Fault, OpenFault, schema};

/// The folder of backups, in the data folder.
pub const FOLDER: &str = "backups";

/// How the name of a backup begins that was asked for.
pub(crate) const BEGINS: &str = "throng";

/// How many backups may have the same second in their name.
const PER_SECOND_MAX: u32 = 100;

/// What a copy is called while it is not complete.
const DRAFT: &str = ".db.new";

/// Called once with where the backup is.
pub type BackedUp = Box<dyn FnOnce(Result<PathBuf, BackupFault>) + Send>;

/// Called once: so many accounts are those of the backup, and on the disk; or why not, and then nothing has changed.
pub type Restored = Box<dyn FnOnce(Result<usize, BackupFault>) + Send>;

/// Called once with what is wrong in the file, at most [`FLAWS_MAX`] of it; nothing where it is sound.
pub type Checked = Box<dyn FnOnce(Result<Vec<String>, BackupFault>) + Send>;

/// How many flaws of a file are told.
pub const FLAWS_MAX: usize = 100;

/// What makes copies of a store, looks whether it is sound, and puts accounts back. The callbacks run on the store's own threads: they must be short and
/// must not panic.
pub trait Backups: Send + Sync {
    /// Copies the whole store as it is after all changes and batches whose `done` was called, while others go on. One at a
    /// time: a second one is [`Fault::Busy`].
    fn backup(&self, done: BackedUp);

    /// All accounts go, and those of the backup come in their place with all that belongs to them, tokens too. In the order
    /// of the changes; messages and rooms stay as they are. The file is not changed.
    fn restore_accounts(&self, from: PathBuf, done: Restored);

    /// Copies the whole store, and only when that is on the disk, all accounts go; history stays. In the order of the changes,
    /// and nothing is changed in between: what comes after the copy comes after the clearing too. Talk waits for as long as
    /// the copy takes. Where it fails, nothing was cleared; where there is no file, never is.
    fn clear_accounts(&self, done: BackedUp) {
        done(Err(BackupFault::NoFile));
    }

    /// Reads the whole file and looks whether it is sound, while others go on (SQLite's integrity_check). One look at a time takes
    /// one of the threads that read.
    fn check(&self, done: Checked) {
        done(Err(BackupFault::NoFile));
    }
}

/// What is wrong with the file behind this connection.
pub(crate) fn flaws(db: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut found = db.prepare(&format!("pragma integrity_check({FLAWS_MAX})"))?;
    let lines = found.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

/// Why there is no backup, or why its accounts were not put back.
#[derive(Debug)]
pub enum BackupFault {
    /// Its file cannot be written, or is not a backup of ours.
    File(OpenFault),
    /// The store cannot be read or written.
    Store(Fault),
    /// The store is kept in memory and has no file.
    NoFile,
}

impl BackupFault {
    /// What the person who asked for it can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            BackupFault::File(OpenFault::Full { .. }) | BackupFault::Store(Fault::Full) => {
                Some("free some space, then try again".to_owned())
            }
            BackupFault::File(OpenFault::Newer { .. }) => {
                Some("start the later version of the program, or give another backup".to_owned())
            }
            BackupFault::File(_) => Some(format!("backups are in the folder {FOLDER} of the data folder")),
            BackupFault::Store(Fault::Busy) => Some("try again in a moment".to_owned()),
            BackupFault::Store(_) => None,
            BackupFault::NoFile => Some("keep the store on a disk: --durability strict".to_owned()),
        }
    }
}

impl fmt::Display for BackupFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BackupFault::File(fault) => fault.fmt(f),
            BackupFault::Store(fault) => fault.fmt(f),
            BackupFault::NoFile => f.write_str("the store is kept in memory and has no file"),
        }
    }
}

impl std::error::Error for BackupFault {}

/// Copies what the connection sees to a new file in the folder of backups beside the store, whose name begins so and goes on
/// with the time. `drafted` is called when all is copied, and the copy has no name yet.
pub(crate) fn copy(
    db: &Connection,
    store: &Path,
    begins: &str,
    now: Time,
    drafted: impl FnOnce(),
) -> Result<PathBuf, OpenFault> {
    let folder = folder_beside(store);
    make_folder(&folder)?;
    let (path, draft) = names(&folder, begins, &written(db, now))?;
    let system = |error| OpenFault::of_system(&path, &error);
    let copied = fill(db, &draft).map_err(|error| OpenFault::of_sqlite(&draft, &error)).and_then(|()| {
        drafted();
        File::open(&draft).and_then(|file| file.sync_all()).map_err(system)?;
        std::fs::rename(&draft, &path).and_then(|()| keep_name(&path)).map_err(system)
    });
    copied.inspect_err(|_| remove(&draft)).map(|()| path)
}

/// Removes what a crash left of copies that were never complete.
pub(crate) fn tidy(store: &Path) {
    let files = std::fs::read_dir(folder_beside(store)).into_iter().flatten().flatten();
    for file in files.filter(|file| file.file_name().to_string_lossy().contains(DRAFT)) {
        // It stays where it cannot be removed: then the next copy has another name.
        let _ = std::fs::remove_file(file.path());
    }
}

/// Removes a backup that is of no use, or a part of one.
pub(crate) fn remove(path: &Path) {
    for suffix in ["", "-journal", "-wal", "-shm"] {
        // It is not there, or it stays: then the next one has another name.
        let _ = std::fs::remove_file(beside(path, suffix));
    }
}

/// Puts the accounts of a backup in the place of those that are there; how many. The writer calls it.
pub(crate) fn restore(db: &Connection, from: &Path) -> Result<usize, BackupFault> {
    let backup = open(from).map_err(BackupFault::File)?;
    let mut damaged = None;
    let replaced = transact_to_disk(db, |db| {
        amend::clear(db)?;
        for (table, columns) in ACCOUNT_COLUMNS {
            put_back(&backup, db, table, columns).map_err(|flaw| match flaw {
                Flaw::Store(error) => error,
                Flaw::Backup(error) => {
                    damaged = Some(OpenFault::Corrupt { path: from.to_owned(), why: told(&error) });
                    error
                }
            })?;
        }
        // The backup may be of a version that told looks in another way.
        looks::renew(db)?;
        db.query_row("SELECT count(*) FROM accounts", [], |row| row.get::<_, i64>(0))
    });
    match (replaced, damaged) {
        (Ok(accounts), _) => Ok(accounts as usize),
        (Err(_), Some(damaged)) => Err(BackupFault::File(damaged)),
        (Err(fault), None) => Err(BackupFault::Store(fault)),
    }
}

/// Copies what the connection sees, then clears all accounts; where the copy is. The writer calls it, so that nobody writes in
/// between.
pub(crate) fn clear(db: &Connection, store: &Path, now: Time) -> Result<PathBuf, BackupFault> {
    let path = copy(db, store, BEGINS, now, || ()).map_err(BackupFault::File)?;
    transact_to_disk(db, amend::clear).map_err(BackupFault::Store)?;
    Ok(path)
}

fn folder_beside(store: &Path) -> PathBuf {
    store.with_file_name(FOLDER)
}

fn make_folder(folder: &Path) -> Result<(), OpenFault> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.and_then(|()| keep_name(folder)).map_err(|error| OpenFault::of_system(folder, &error))
}

/// The time as it stands in a name: `20260101T000000Z`.
fn written(db: &Connection, now: Time) -> String {
    let asked = db.query_row("SELECT strftime('%Y%m%dT%H%M%SZ', ?1, 'unixepoch')", [now.0 / 1000], |row| {
        row.get::<_, Option<String>>(0)
    });
    // A clock that is beyond year 9999 has no such name.
    asked.ok().flatten().unwrap_or_else(|| now.0.to_string())
}

/// A name that no backup has, and that of its draft, which is made here, for this user only.
fn names(folder: &Path, begins: &str, at: &str) -> Result<(PathBuf, PathBuf), OpenFault> {
    for number in 1..=PER_SECOND_MAX {
        let more = if number == 1 { String::new() } else { format!("-{number}") };
        let path = folder.join(format!("{begins}-{at}{more}.db"));
        if path.exists() {
            continue;
        }
        let draft = folder.join(format!("{begins}-{at}{more}{DRAFT}"));
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft) {
            Ok(_) => return Ok((path, draft)),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(OpenFault::of_system(&draft, &error)),
        }
    }
    let why = format!("{PER_SECOND_MAX} backups of one second are there");
    Err(OpenFault::Io { path: folder.to_owned(), why })
}

fn fill(db: &Connection, draft: &Path) -> Result<()> {
    let mut copy = Connection::open_with_flags(draft, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // All pages in one step, so all are from one look at the file.
    match Backup::new(db, &mut copy)?.step(-1)? {
        StepResult::Done => {}
        _ => return Err(Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None)),
    }
    // A plain file: whoever reads it needs no log beside it.
    copy.pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(()))?;
    copy.close().map_err(|(_, error)| error)
}

/// Opens a backup for reading, when it is one, with tables of accounts. Whether they are sound shows when they are read.
fn open(path: &Path) -> Result<Connection, OpenFault> {
    header::look_only(path)?;
    let fault = |error| OpenFault::of_sqlite(path, &error);
    let db = schema::reading(path).map_err(fault)?;
    schema::check(&db, path)?;
    let version = schema::version(&db).map_err(fault)?;
    if version < ACCOUNTS_SINCE {
        let why = format!("it is of schema version {version}, which has no accounts");
        return Err(OpenFault::Foreign { path: path.to_owned(), why });
    }
    Ok(db)
}

/// What went wrong while rows were put back, and in which of the two files.
enum Flaw {
    Backup(Error),
    Store(Error),
}

/// A row that the store's tables do not take is the backup's fault: they were empty.
fn of_insert(error: Error) -> Flaw {
    match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch) => Flaw::Backup(error),
        _ => Flaw::Store(error),
    }
}

fn put_back(backup: &Connection, db: &Connection, table: &str, columns: &str) -> Result<(), Flaw> {
    let mut asked =
        backup.prepare(&format!("SELECT {columns} FROM {table} ORDER BY 1")).map_err(Flaw::Backup)?;
    let count = asked.column_count();
    let places = vec!["?"; count].join(", ");
    let insert = format!("INSERT INTO {table} ({columns}) VALUES ({places})");
    let mut insert = db.prepare(&insert).map_err(Flaw::Store)?;
    let mut rows = asked.query([]).map_err(Flaw::Backup)?;
    while let Some(row) = rows.next().map_err(Flaw::Backup)? {
        let values = (0..count).map(|at| row.get::<_, Value>(at)).collect::<Result<Vec<_>>>();
        insert.execute(params_from_iter(values.map_err(Flaw::Backup)?)).map_err(of_insert)?;
    }
    Ok(())
}
