//! Looks at the files before SQLite does, and changes nothing.
//!
//! SQLite would take an empty file for a new database, and on opening would roll back or replay logs that lie
//! beside it. So it is only let near a file whose first hundred bytes (sqlite.org/fileformat2.html §1.3) say that
//! it is ours. Called before any connection is open: closing a file drops this process's locks on it.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::OpenFault;
use crate::schema::{APPLICATION_ID, VERSION};

const BYTES: usize = 100;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const VERSION_AT: usize = 60;
const APPLICATION_ID_AT: usize = 68;

/// What is at the path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing, or a file without a byte.
    Nothing,
    /// A store of ours, by its header.
    Ours,
}

/// Looks.
pub(crate) fn look(path: &Path) -> Result<Found, OpenFault> {
    let bytes = match start_of(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) if error.kind() == ErrorKind::IsADirectory => return Err(foreign(path, "it is a folder")),
        Err(error) => return Err(OpenFault::of_system(path, &error)),
    };
    if bytes.is_empty() {
        alone(path).map(|()| Found::Nothing)
    } else {
        judge(path, &bytes).map(|()| Found::Ours)
    }
}

/// Whether a file that is only read from is a store of ours, by its header.
pub(crate) fn look_only(path: &Path) -> Result<(), OpenFault> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(BYTES as u64).read_to_end(&mut bytes));
    read.map_err(|error| OpenFault::of_system(path, &error))?;
    judge(path, &bytes)
}

/// Reads the first bytes. It opens for writing too, so that a file that cannot be written is found out now.
fn start_of(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file: File = OpenOptions::new().read(true).write(true).open(path)?;
    file.take(BYTES as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A log without its database holds somebody's messages: a new database must not be laid beside it.
fn alone(path: &Path) -> Result<(), OpenFault> {
    for suffix in ["-wal", "-journal"] {
        let log = beside(path, suffix);
        if std::fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
            let why = format!("it is missing or empty, but its log {} is there", log.display());
            return Err(OpenFault::Corrupt { path: path.to_owned(), why });
        }
    }
    Ok(())
}

fn judge(path: &Path, bytes: &[u8]) -> Result<(), OpenFault> {
    let ours = number(bytes, APPLICATION_ID_AT) == Some(APPLICATION_ID);
    if !bytes.starts_with(MAGIC) {
        let torn = ours || bytes.iter().all(|byte| *byte == 0) || MAGIC.starts_with(bytes);
        return Err(if torn {
            damaged(path, "its header is torn")
        } else {
            foreign(path, "it is no SQLite file")
        });
    }
    if bytes.len() < BYTES {
        return Err(damaged(path, "its header is cut off"));
    }
    if !ours {
        return Err(foreign(path, "it is another program's SQLite file"));
    }
    match number(bytes, VERSION_AT) {
        Some(theirs) if theirs > VERSION => {
            Err(OpenFault::Newer { path: path.to_owned(), theirs, ours: VERSION })
        }
        _ => Ok(()),
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?.try_into().expect("a range of four has four bytes");
    Some(u32::from_be_bytes(four))
}

/// The file beside it whose name goes on with the suffix.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn foreign(path: &Path, why: &str) -> OpenFault {
    OpenFault::Foreign { path: path.to_owned(), why: why.to_owned() }
}

fn damaged(path: &Path, why: &str) -> OpenFault {
    OpenFault::Corrupt { path: path.to_owned(), why: why.to_owned() }
}
