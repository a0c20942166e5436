//! The data folder. One process holds it at a time, by a lock on `throng.lock`, until it drops it.
//!
//! The system lets a lock go when its process ends, however it ends, so a lock file that is left behind holds
//! nothing. What stands in the file only tells a second process who the first one is.

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use crate::OpenFault;

/// The name of the lock file.
const LOCK: &str = "throng.lock";

/// What is read of another's lock file at most: it may be anything.
const INFO_BYTES_MAX: u64 = 16 * 1024;

/// A data folder that this process holds, until it and the store in it are dropped.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    lock: Arc<Lock>,
}

/// The lock file, locked.
#[derive(Debug)]
struct Lock {
    file: File,
    /// Whether a store of this process is open in the folder.
    taken: AtomicBool,
}

/// What the one open store in a folder holds on to.
#[derive(Debug)]
pub(crate) struct Taken(Arc<Lock>);

/// What a running server tells others about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningInfo {
    /// Its process.
    pub pid: u32,
    /// Where it listens.
    pub addresses: Vec<String>,
    /// When it was started, in milliseconds since 1970-01-01 UTC.
    pub started: i64,
    /// The socket at which it takes commands, if it has one and the path is text. An earlier throng says nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<String>,
}

impl DataFolder {
    /// Opens the folder and takes its lock; makes it, for this user only, when it is not there.
    pub fn open(path: &Path) -> Result<DataFolder, OpenFault> {
        make(path)?;
        let at = path.join(LOCK);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut lock = options.open(&at).map_err(|error| OpenFault::of_system(&at, &error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenFault::Held { running: told_by(&mut lock) });
            }
            Err(TryLockError::Error(error)) => return Err(OpenFault::of_system(&at, &error)),
        }
        let lock = Lock { file: lock, taken: AtomicBool::new(false) };
        // Whoever wrote there is gone.
        lock.clear().map_err(|error| OpenFault::of_system(&at, &error))?;
        Ok(DataFolder { path: path.to_owned(), lock: Arc::new(lock) })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Tells other processes who holds the folder. It is a courtesy: when it cannot be written, they only hear that
    /// somebody does.
    pub fn publish(&self, running: &RunningInfo) {
        let told =
            serde_json::to_string(running).expect("numbers and addresses can always be written as JSON");
        let _ = self.lock.clear().and_then(|()| (&self.lock.file).write_all(told.as_bytes()));
    }

    /// What stands in the folder about who holds it. It takes no lock, so that it stands in nobody's way; so it may be of a
    /// server that was killed.
    pub fn published(path: &Path) -> Option<RunningInfo> {
        File::open(path.join(LOCK)).ok().and_then(|mut file| told_by(&mut file))
    }

    /// For a store that is opened in it; nothing while another one is.
    pub(crate) fn take(&self) -> Option<Taken> {
        let taken = self.lock.taken.swap(true, Ordering::AcqRel);
        (!taken).then(|| Taken(Arc::clone(&self.lock)))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.taken.store(false, Ordering::Release);
    }
}

impl Lock {
    fn clear(&self) -> std::io::Result<()> {
        self.file.set_len(0)?;
        (&self.file).seek(SeekFrom::Start(0)).map(|_| ())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // What is left would be taken for a running server's only while the lock is held, so a failure is harmless.
        let _ = self.clear();
    }
}

impl fmt::Display for RunningInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.pid)?;
        if !self.addresses.is_empty() {
            write!(f, ", listening on {}", self.listed(" and "))?;
        }
        Ok(())
    }
}

impl RunningInfo {
    /// Its addresses in one line.
    pub(crate) fn listed(&self, between: &str) -> String {
        self.addresses.join(between)
    }
}

fn make(path: &Path) -> Result<(), OpenFault> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => return Err(OpenFault::NotAFolder { path: path.to_owned() }),
        Err(_) => {}
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| match path.ancestors().find(|above| above.exists() && !above.is_dir()) {
        Some(file) => OpenFault::NotAFolder { path: file.to_owned() },
        None => OpenFault::CannotCreate { path: path.to_owned(), why: error.to_string() },
    })
}

/// What the holder wrote; nothing while it is just being written, or when it is not ours to understand.
fn told_by(lock: &mut File) -> Option<RunningInfo> {
    let mut told = String::new();
    lock.take(INFO_BYTES_MAX).read_to_string(&mut told).ok()?;
    serde_json::from_str(&told).ok()
}
