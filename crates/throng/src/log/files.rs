//! Which files the event log has, by what name, and in which order: `events.jsonl` is the newest, `events.1.jsonl` the one
//! before it, and so on. Names change when the log turns to a new file; whoever opens several is kept from seeing half of that.

use std::fs::File;
use std::io::{ErrorKind, Read, Result};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many names in the folder are looked at: it is the log's own, and has a few.
const NAMES_MAX: usize = 100_000;

/// Up to so many bytes the lines are counted when somebody asks how many there are.
const COUNTED_BYTES_MAX: u64 = 64 << 20;

/// The folder.
pub struct Files {
    folder: PathBuf,
    /// Held while names change, and while files are opened by several names. Never while anything is written or read.
    turning: Mutex<()>,
}

/// One file, open, as long as it was then. It stays the same file whatever becomes of its name.
pub struct Opened {
    /// `events.1.jsonl`.
    pub name: String,
    /// The file.
    pub file: File,
    /// How much of it is looked at.
    pub bytes: u64,
}

/// How large the log is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// How many events it has, unless that takes too long to count.
    pub events: Option<u64>,
    /// Bytes.
    pub bytes: u64,
    /// How many files.
    pub files: usize,
}

impl Files {
    /// The log in this folder, which need not be there yet.
    pub fn new(folder: &Path) -> Files {
        Files { folder: folder.to_owned(), turning: Mutex::new(()) }
    }

    /// Where they are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file that so many are newer than.
    pub fn path(&self, older: usize) -> PathBuf {
        self.folder.join(name(older))
    }

    /// A new log is written under this name until it takes the place of the old one.
    pub fn path_of_new(&self) -> PathBuf {
        self.folder.join("events.new.jsonl")
    }

    /// Nobody opens a file while this is held. Who panicked with it had changed some names; each file is whole.
    pub fn turn(&self) -> MutexGuard<'_, ()> {
        self.turning.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// By how many newer ones each of those is told that are there, newest first. A crash may leave one out.
    pub fn present(&self) -> Result<Vec<usize>> {
        let mut present = Vec::new();
        for entry in std::fs::read_dir(&self.folder)?.take(NAMES_MAX) {
            let found = entry?.file_name();
            present.extend(found.to_str().and_then(number).filter(|older| found == *name(*older)));
        }
        present.sort_unstable();
        Ok(present)
    }

    /// All of them, newest first, as they are at one moment.
    pub fn open(&self) -> Result<Vec<Opened>> {
        let _turn = self.turn();
        let opened = self.present()?.into_iter().map(|older| {
            let file = File::open(self.path(older))?;
            Ok(Opened { name: name(older), bytes: file.metadata()?.len(), file })
        });
        opened.collect()
    }

    /// How large they are together.
    pub fn size(&self) -> Result<Size> {
        let opened = match self.open() {
            Err(why) if why.kind() == ErrorKind::NotFound => Vec::new(),
            opened => opened?,
        };
        let bytes = opened.iter().map(|opened| opened.bytes).sum();
        let files = opened.len();
        let events = if bytes <= COUNTED_BYTES_MAX {
            Some(opened.into_iter().map(lines).sum::<Result<u64>>()?)
        } else {
            None
        };
        Ok(Size { events, bytes, files })
    }
}

fn name(older: usize) -> String {
    match older {
        0 => "events.jsonl".to_owned(),
        older => format!("events.{older}.jsonl"),
    }
}

fn number(name: &str) -> Option<usize> {
    match name.strip_prefix("events.")?.strip_suffix("jsonl")? {
        "" => Some(0),
        older => older.strip_suffix('.')?.parse().ok(),
    }
}

fn lines(Opened { file, bytes, .. }: Opened) -> Result<u64> {
    let (mut left, mut lines, mut piece) = (file.take(bytes), 0, vec![0; 64 << 10]);
    loop {
        match left.read(&mut piece)? {
            0 => return Ok(lines),
            bytes => lines += piece[..bytes].iter().filter(|byte| **byte == b'\n').count() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_log_has_the_files_of_its_names_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let others = [
            "events.01.jsonl",
            "events.new.jsonl",
            "events.jsonl.gz",
            "events.-1.jsonl",
            "notes",
            "events.x.jsonl",
        ];
        for name in ["events.10.jsonl", "events.jsonl", "events.2.jsonl"].iter().chain(&others) {
            std::fs::write(folder.path().join(name), "a\nb\n").unwrap();
        }
        let files = Files::new(folder.path());
        assert_eq!(files.present().unwrap(), [0, 2, 10]);
        assert_eq!(files.size().unwrap(), Size { events: Some(6), bytes: 12, files: 3 });
        let none = Files::new(&folder.path().join("none"));
        assert_eq!(none.size().unwrap(), Size { events: Some(0), bytes: 0, files: 0 });
    }
}
