//! Why a data folder or its store could not be opened. Nothing in the folder was changed when one of these is told.
//!
//! The roof prints the message, then the hint, and ends with the exit code.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::fault::{Fault, Step, told};
use crate::folder::RunningInfo;

/// Why a data folder or its store could not be opened.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields are where, why, and whose, as their names say")]
pub enum OpenFault {
    /// The path, or a part of it, is not a folder.
    NotAFolder { path: PathBuf },
    /// The folder is not there and cannot be made.
    CannotCreate { path: PathBuf, why: String },
    /// It is there, but this user may not write in it.
    ReadOnly { path: PathBuf, why: String },
    /// Another process holds it; `running` is what that one said of itself, when it did.
    Held { running: Option<RunningInfo> },
    /// The file is not a store of ours.
    Foreign { path: PathBuf, why: String },
    /// The file was ours, and is damaged.
    Corrupt { path: PathBuf, why: String },
    /// The file was written by a later version.
    Newer { path: PathBuf, theirs: u32, ours: u32 },
    /// There is no space to open it.
    Full { path: PathBuf },
    /// Anything else that the system said.
    Io { path: PathBuf, why: String },
}

impl OpenFault {
    /// What the person who started the program can do.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            OpenFault::NotAFolder { .. } => "give a folder: --data DIR".to_owned(),
            OpenFault::CannotCreate { .. } => "give a folder that you may write: --data DIR".to_owned(),
            OpenFault::ReadOnly { .. } => {
                "make it writable for this user, or give another: --data DIR".to_owned()
            }
            OpenFault::Held { running: Some(running) } if !running.addresses.is_empty() => {
                format!("join that one at {}, or start another: --data DIR", running.listed(" or "))
            }
            OpenFault::Held { .. } => "end that one first, or start another: --data DIR".to_owned(),
            OpenFault::Foreign { .. } => "move that file away, or give another folder: --data DIR".to_owned(),
            OpenFault::Corrupt { .. } => {
                "keep a copy of the folder, then put a backup in its place, or give another: --data DIR"
                    .to_owned()
            }
            OpenFault::Newer { .. } => {
                "start the later version of the program, or give another: --data DIR".to_owned()
            }
            OpenFault::Full { .. } => "free some space, or give a folder elsewhere: --data DIR".to_owned(),
            OpenFault::Io { .. } => {
                "see what the system says of that disk, or give another: --data DIR".to_owned()
            }
        })
    }

    /// 2 when the path is wrong, as other wrong usage; 1 when what is there cannot be used.
    pub fn exit_code(&self) -> u8 {
        match self {
            OpenFault::NotAFolder { .. } | OpenFault::CannotCreate { .. } => 2,
            _ => 1,
        }
    }

    /// What the system's error means for something that is there.
    pub(crate) fn of_system(path: &Path, error: &std::io::Error) -> OpenFault {
        use std::io::ErrorKind;
        let (path, why) = (path.to_owned(), error.to_string());
        match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => OpenFault::ReadOnly { path, why },
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => OpenFault::Full { path },
            ErrorKind::NotADirectory => OpenFault::NotAFolder { path },
            _ => OpenFault::Io { path, why },
        }
    }

    /// What SQLite's error means for a file that looks like ours.
    pub(crate) fn of_sqlite(path: &Path, error: &rusqlite::Error) -> OpenFault {
        use rusqlite::ErrorCode;
        let (path, why) = (path.to_owned(), told(error));
        match error.sqlite_error_code() {
            _ if Fault::of(error, Step::Before) == Fault::Full => OpenFault::Full { path },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) | None => {
                OpenFault::Corrupt { path, why }
            }
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => OpenFault::ReadOnly { path, why },
            // "No such table" or "no such column": the number is right, but these are not our tables.
            Some(ErrorCode::Unknown) => OpenFault::Foreign { path, why },
            Some(_) => OpenFault::Io { path, why },
        }
    }
}

impl fmt::Display for OpenFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenFault::NotAFolder { path } => write!(f, "{} is not a folder", path.display()),
            OpenFault::CannotCreate { path, why } => {
                write!(f, "cannot create the data folder {}: {why}", path.display())
            }
            OpenFault::ReadOnly { path, why } => write!(f, "cannot write {}: {why}", path.display()),
            OpenFault::Held { running } => {
                f.write_str("the data folder is held by a running server")?;
                running.as_ref().map_or(Ok(()), |running| write!(f, ": {running}"))
            }
            OpenFault::Foreign { path, why } => {
                write!(f, "{} is not a store of this program: {why}", path.display())
            }
            OpenFault::Corrupt { path, why } => write!(f, "{} is damaged: {why}", path.display()),
            OpenFault::Newer { path, theirs, ours } => {
                let path = path.display();
                write!(f, "{path} has schema version {theirs}, and this program knows versions up to {ours}")
            }
            OpenFault::Full { path } => write!(f, "cannot open {}: the disk is full", path.display()),
            OpenFault::Io { path, why } => write!(f, "cannot open {}: {why}", path.display()),
        }
    }
}

impl std::error::Error for OpenFault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_and_sqlite_say_at_opening_has_its_own_message() {
        use rusqlite::ffi as codes;
        use std::io::ErrorKind;
        let path = Path::new("data/throng.db");
        let system = |kind: ErrorKind| OpenFault::of_system(path, &kind.into()).to_string();
        let sqlite = |code: i32| {
            let error = rusqlite::Error::SqliteFailure(codes::Error::new(code), Some("words".to_owned()));
            OpenFault::of_sqlite(path, &error).to_string()
        };
        let check = |said: String, expected: &str| assert!(said.starts_with(expected), "{said}");
        let full = "cannot open data/throng.db: the disk is full";
        check(system(ErrorKind::StorageFull), full);
        check(sqlite(codes::SQLITE_FULL), full);
        // What a start on a full disk meets: the shared memory file cannot be made.
        check(sqlite(codes::SQLITE_IOERR_SHMSIZE), full);
        check(system(ErrorKind::ReadOnlyFilesystem), "cannot write data/throng.db: ");
        check(sqlite(codes::SQLITE_READONLY), "cannot write data/throng.db: ");
        check(sqlite(codes::SQLITE_CORRUPT), "data/throng.db is damaged: ");
        check(sqlite(codes::SQLITE_NOTADB), "data/throng.db is damaged: ");
        check(sqlite(codes::SQLITE_ERROR), "data/throng.db is not a store of this program: ");
        check(sqlite(codes::SQLITE_CANTOPEN), "cannot open data/throng.db: ");
        check(sqlite(codes::SQLITE_IOERR_READ), "cannot open data/throng.db: ");
    }
}
