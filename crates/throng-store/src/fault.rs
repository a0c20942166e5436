//! Why something was not stored or not read, and which of SQLite's many codes mean which.

use std::fmt;

use rusqlite::ffi::{SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_VNODE};
use rusqlite::{Error, ErrorCode};

/// Why something was not stored or not read. Shown to people: lower case, no full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No space left. The store is read-only until a probe write succeeds.
    Full,
    /// The disk or the system said no. The store is read-only until a restart.
    Io(String),
    /// The disk failed in the middle of a commit. The batch was refused, and in this process nobody ever reads it,
    /// but a restart may find it stored: its frames with their commit mark may lie in the log although the flush
    /// failed, and a flush that failed must not be tried again to find out. The store is read-only until a restart.
    Unsure(String),
    /// What was read cannot be right. The store is read-only until a restart.
    Corrupt(String),
    /// Too much was asked at a time, or another program holds the file. Asking again may help.
    Busy,
    /// The store is closed.
    Closed,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Full => f.write_str("the disk is full"),
            Fault::Io(why) => write!(f, "the disk failed: {why}"),
            Fault::Unsure(why) => write!(f, "the disk failed in the middle of storing: {why}"),
            Fault::Corrupt(why) => write!(f, "the stored data is damaged: {why}"),
            Fault::Busy => f.write_str("the store is busy"),
            Fault::Closed => f.write_str("the store is closed"),
        }
    }
}

impl std::error::Error for Fault {}

/// Where in a transaction something failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Before its commit: it is rolled back, and no frame of it carries a commit mark.
    Before,
    /// At its commit.
    Commit,
}

impl Fault {
    /// What SQLite's error means. All that is not known to be harmless is lasting: a second try of a flush that
    /// failed may succeed although the pages of the first are lost, so a disk that failed once is not trusted.
    pub(crate) fn of(error: &Error, step: Step) -> Fault {
        let said = told(error);
        let Some(code) = error.sqlite_error_code() else {
            return Fault::Corrupt(said);
        };
        match code {
            ErrorCode::DiskFull => Fault::Full,
            // The shared memory file could not grow: the reason is no space. At a commit the frames may lie in the
            // log already, but the first probe that succeeds writes over them.
            _ if extended(error) == SQLITE_IOERR_SHMSIZE => Fault::Full,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Fault::Busy,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Fault::Corrupt(said),
            // Somebody else wrote rows: our sequences are no longer the file's.
            ErrorCode::ConstraintViolation => Fault::Corrupt(said),
            ErrorCode::SystemIoFailure if step == Step::Commit => Fault::Unsure(said),
            _ if extended(error) == SQLITE_IOERR_VNODE => {
                Fault::Io("the file was moved or deleted".to_owned())
            }
            _ => Fault::Io(said),
        }
    }

    /// Whether the store is read-only after it.
    pub(crate) fn stops_writing(&self) -> bool {
        !matches!(self, Fault::Busy | Fault::Closed)
    }
}

fn extended(error: &Error) -> i32 {
    error.sqlite_error().map_or(0, |inner| inner.extended_code)
}

/// SQLite's own words with the number that its documentation lists.
pub(crate) fn told(error: &Error) -> String {
    match error {
        Error::SqliteFailure(inner, Some(words)) => format!("{words} (sqlite {})", inner.extended_code),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(code: i32) -> Error {
        Error::SqliteFailure(rusqlite::ffi::Error::new(code), Some("words".to_owned()))
    }

    #[test]
    fn each_code_means_what_its_cure_is() {
        use rusqlite::ffi as codes;
        let said = |code: i32| format!("words (sqlite {code})");
        let check = |code: i32, step, expected: Fault| assert_eq!(Fault::of(&failed(code), step), expected);
        check(codes::SQLITE_FULL, Step::Before, Fault::Full);
        check(codes::SQLITE_FULL, Step::Commit, Fault::Full);
        check(codes::SQLITE_IOERR_SHMSIZE, Step::Before, Fault::Full);
        check(codes::SQLITE_BUSY, Step::Before, Fault::Busy);
        let flush = codes::SQLITE_IOERR_FSYNC;
        check(flush, Step::Commit, Fault::Unsure(said(flush)));
        check(flush, Step::Before, Fault::Io(said(flush)));
        let write = codes::SQLITE_IOERR_WRITE;
        check(write, Step::Before, Fault::Io(said(write)));
        let readonly = codes::SQLITE_READONLY;
        check(readonly, Step::Before, Fault::Io(said(readonly)));
        let torn = codes::SQLITE_CORRUPT;
        check(torn, Step::Before, Fault::Corrupt(said(torn)));
        let clash = codes::SQLITE_CONSTRAINT_PRIMARYKEY;
        check(clash, Step::Before, Fault::Corrupt(said(clash)));
    }

    #[test]
    fn only_what_passes_by_itself_leaves_the_store_writable() {
        assert!(!Fault::Busy.stops_writing());
        assert!(Fault::Full.stops_writing());
        assert!(Fault::Unsure(String::new()).stops_writing());
    }
}
