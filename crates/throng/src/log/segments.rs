//! The files of the event log: `events.jsonl`, and older ones behind it, bounded in size and number.
//!
//! One thread writes. A full file is synced and becomes `events.1.jsonl`, the one before that `events.2.jsonl`, and
//! so on; the oldest is deleted. A line that a crash tore stays, and the next one begins on a line of its own.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How large the log may become.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes of one file.
    pub bytes: u64,
    /// Files, the one being written included.
    pub files: usize,
}

/// 16 MiB in all: about 100 000 events, a busy day, and small beside any history.
pub const BOUNDS: Bounds = Bounds { bytes: 4 * 1024 * 1024, files: 4 };

/// The files, open for writing.
pub struct Segments {
    folder: PathBuf,
    bounds: Bounds,
    file: File,
    bytes: u64,
}

impl Segments {
    /// Opens the log in this folder, which is made, for this user only, when it is not there.
    pub fn open(folder: &Path, bounds: Bounds) -> std::io::Result<Segments> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let (mut file, bytes) = open(&path(folder, 0))?;
        let mut segments = if ends_a_line(&mut file, bytes)? {
            Segments { folder: folder.to_owned(), bounds, file, bytes }
        } else {
            file.write_all(b"\n")?;
            Segments { folder: folder.to_owned(), bounds, file, bytes: bytes + 1 }
        };
        if segments.bytes >= bounds.bytes {
            segments.rotate()?;
        }
        Ok(segments)
    }

    /// Writes whole lines. They may be more than one file holds; they are never torn over two.
    pub fn write(&mut self, lines: &str) -> std::io::Result<()> {
        // Callers give many short lines at once: as many as fit are written at once.
        let mut left = lines;
        let mut fits = 0;
        for line in lines.split_inclusive('\n') {
            let bytes = self.bytes + fits as u64;
            if bytes > 0 && bytes + line.len() as u64 > self.bounds.bytes {
                left = self.append(left, fits)?;
                fits = 0;
                self.rotate()?;
            }
            fits += line.len();
        }
        self.append(left, fits).map(|_| ())
    }

    /// Appends the beginning of the lines, and gives the rest.
    fn append<'a>(&mut self, lines: &'a str, bytes: usize) -> std::io::Result<&'a str> {
        let (now, later) = lines.split_at(bytes);
        self.file.write_all(now.as_bytes())?;
        self.bytes += bytes as u64;
        Ok(later)
    }

    fn rotate(&mut self) -> std::io::Result<()> {
        self.file.sync_data()?;
        for older in (1..self.bounds.files).rev() {
            match std::fs::rename(path(&self.folder, older - 1), path(&self.folder, older)) {
                // Not so many files yet.
                Err(why) if why.kind() == std::io::ErrorKind::NotFound => {}
                renamed => renamed?,
            }
        }
        (self.file, self.bytes) = open(&path(&self.folder, 0))?;
        if self.bounds.files == 1 {
            self.file.set_len(0)?;
            self.bytes = 0;
        }
        Ok(())
    }
}

fn path(folder: &Path, older: usize) -> PathBuf {
    match older {
        0 => folder.join("events.jsonl"),
        older => folder.join(format!("events.{older}.jsonl")),
    }
}

fn open(path: &Path) -> std::io::Result<(File, u64)> {
    let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    let bytes = file.metadata()?.len();
    Ok((file, bytes))
}

fn ends_a_line(file: &mut File, bytes: u64) -> std::io::Result<bool> {
    if bytes == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const SMALL: Bounds = Bounds { bytes: 100, files: 3 };

    fn contents(folder: &Path) -> Vec<String> {
        (0..10).filter_map(|older| std::fs::read_to_string(path(folder, older)).ok()).collect()
    }

    #[test]
    fn the_log_is_bounded_and_keeps_the_newest_in_whole_lines() {
        let folder = tempfile::tempdir().unwrap();
        let mut segments = Segments::open(&folder.path().join("events"), SMALL).unwrap();
        let lines: Vec<String> = (0..1000).map(|number| format!("{{\"n\":{number}}}\n")).collect();
        for some in lines.chunks(7) {
            segments.write(&some.concat()).unwrap();
        }
        let kept = contents(&folder.path().join("events"));
        assert_eq!(kept.len(), SMALL.files);
        assert!(kept.iter().all(|file| file.len() as u64 <= SMALL.bytes && file.ends_with('\n')), "{kept:?}");
        let kept: String = kept.into_iter().rev().collect();
        assert!(lines.concat().ends_with(&kept), "{kept}");
    }

    #[test]
    fn only_this_user_reads_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let events = folder.path().join("events");
        Segments::open(&events, SMALL).unwrap();
        for (path, mode) in [(events.clone(), 0o700), (path(&events, 0), 0o600)] {
            assert_eq!(
                std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                mode,
                "{}",
                path.display()
            );
        }
    }

    #[test]
    fn the_log_goes_on_where_it_was_and_after_a_torn_line_on_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        for (given, expected) in [("a\n", "a\nb\n"), ("a\nto", "a\nto\nb\n"), ("", "b\n")] {
            std::fs::write(path(folder.path(), 0), given).unwrap();
            Segments::open(folder.path(), SMALL).unwrap().write("b\n").unwrap();
            assert_eq!(contents(folder.path()), [expected]);
        }
    }

    #[test]
    fn a_line_longer_than_a_file_has_one_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let mut segments = Segments::open(folder.path(), SMALL).unwrap();
        let long = format!("{}\n", "x".repeat(150));
        segments.write(&format!("a\n{long}b\n")).unwrap();
        assert_eq!(contents(folder.path()), ["b\n".to_owned(), long, "a\n".to_owned()]);
    }
}
