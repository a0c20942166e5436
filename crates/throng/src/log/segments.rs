//! The files of the event log as its one writer has them: bounded in size and number.
//!
//! A full file is synced and becomes `events.1.jsonl`, the one before that `events.2.jsonl`, and so on; the oldest is deleted.
//! A line that a crash tore stays, and the next one begins on a line of its own. To clear, a new file that says so takes the
//! place of the newest by one rename, and what is older than a file that begins so is as good as gone: a crash leaves the log
//! either as it was or cleared, and the next start deletes what that left lying.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Result, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use super::files::Files;
use super::json;

/// The event that a log begins with that was cleared.
pub const CLEARED: &str = "log.cleared";

/// One file could hold nothing but the event that made it, and then even the numbers would be lost with it in a crash.
const FILES_MIN: usize = 2;

/// How large the log may become.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes of one file.
    pub bytes: u64,
    /// Files, the one being written included; two at least.
    pub files: usize,
}

/// 16 MiB in all: about 100 000 events, a busy day, and small beside any history.
pub const BOUNDS: Bounds = Bounds { bytes: 4 * 1024 * 1024, files: 4 };

impl Bounds {
    /// The bytes of all files together. A line that is longer than a file has one of its own.
    pub fn total(self) -> u64 {
        let files = self.files.max(FILES_MIN) as u64;
        files.saturating_mul(self.bytes.max(json::LINE_BYTES_MAX as u64))
    }
}

/// The files, open for writing.
pub struct Segments {
    files: Arc<Files>,
    bounds: Bounds,
    file: File,
    bytes: u64,
    /// The last write failed, and a part of it may stand behind those bytes.
    is_torn: bool,
}

impl Segments {
    /// Opens the log in its folder, which is made, for this user only, when it is not there.
    pub fn open(files: Arc<Files>, bounds: Bounds) -> Result<Segments> {
        DirBuilder::new().recursive(true).mode(0o700).create(files.folder())?;
        let bounds = Bounds { files: bounds.files.max(FILES_MIN), ..bounds };
        tidy(&files, bounds)?;
        let (mut file, mut bytes) = open(&files.path(0))?;
        if !ends_a_line(&mut file, bytes)? {
            file.write_all(b"\n")?;
            bytes += 1;
        }
        let mut segments = Segments { files, bounds, file, bytes, is_torn: false };
        if segments.bytes >= bounds.bytes {
            segments.rotate()?;
        }
        Ok(segments)
    }

    /// Writes whole lines. They may be more than one file holds; they are never torn over two.
    pub fn write(&mut self, lines: &str) -> Result<()> {
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

    /// Lets everything go, and begins again with this line. Inside is why something of the old log is still there, which
    /// nobody is shown any more; outside why nothing was cleared.
    pub fn clear(&mut self, line: &str) -> Result<Result<()>> {
        let path = self.files.path_of_new();
        remove(&path)?;
        let (mut file, _) = open(&path)?;
        file.write_all(line.as_bytes())?;
        file.sync_data()?;
        {
            let _turn = self.files.turn();
            std::fs::rename(&path, self.files.path(0))?;
        }
        (self.file, self.bytes, self.is_torn) = (file, line.len() as u64, false);
        Ok(sync(&self.files).and_then(|()| self.let_go()))
    }

    /// Deletes what is older than the file that is written.
    fn let_go(&self) -> Result<()> {
        {
            let _turn = self.files.turn();
            for older in self.files.present()?.into_iter().filter(|older| *older > 0) {
                remove(&self.files.path(older))?;
            }
        }
        sync(&self.files)
    }

    /// Appends the beginning of the lines, and gives the rest.
    fn append<'a>(&mut self, lines: &'a str, bytes: usize) -> Result<&'a str> {
        let (now, later) = lines.split_at(bytes);
        if self.is_torn {
            // A full disk takes a part, and no line may begin within another.
            self.file.set_len(self.bytes)?;
        }
        self.is_torn = true;
        self.file.write_all(now.as_bytes())?;
        self.is_torn = false;
        self.bytes += bytes as u64;
        Ok(later)
    }

    fn rotate(&mut self) -> Result<()> {
        self.file.sync_data()?;
        {
            let _turn = self.files.turn();
            // The oldest goes only when all places are taken: a crash may have left one free.
            let is_free = |older: &usize| !self.files.path(*older).exists();
            let last = (0..self.bounds.files).find(is_free).unwrap_or(self.bounds.files - 1);
            for older in (1..=last).rev() {
                std::fs::rename(self.files.path(older - 1), self.files.path(older))?;
            }
            (self.file, self.bytes) = open(&self.files.path(0))?;
        }
        sync(&self.files)
    }
}

/// Ends what a crash cut short, and deletes what is beyond bounds that were made smaller.
fn tidy(files: &Files, bounds: Bounds) -> Result<()> {
    remove(&files.path_of_new())?;
    let mut is_gone = false;
    for older in files.present()? {
        if is_gone || older >= bounds.files {
            remove(&files.path(older))?;
        } else {
            is_gone = begins_cleared(&files.path(older))?;
        }
    }
    Ok(())
}

fn begins_cleared(path: &Path) -> Result<bool> {
    let mut beginning = Vec::new();
    BufReader::new(File::open(path)?.take(json::LINE_BYTES_MAX as u64)).read_until(b'\n', &mut beginning)?;
    Ok(json::read(&beginning).is_some_and(|event| event.kind == CLEARED))
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(why) if why.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Makes the names last: a rename is on the disk when its folder is (fsync(2)).
fn sync(files: &Files) -> Result<()> {
    File::open(files.folder())?.sync_all()
}

fn open(path: &Path) -> Result<(File, u64)> {
    let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    let bytes = file.metadata()?.len();
    Ok((file, bytes))
}

fn ends_a_line(file: &mut File, bytes: u64) -> Result<bool> {
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

    fn open(folder: &Path, bounds: Bounds) -> Segments {
        Segments::open(Arc::new(Files::new(folder)), bounds).unwrap()
    }

    /// What the files hold, newest first, with a gap where one is missing.
    fn contents(folder: &Path) -> Vec<String> {
        let files = Files::new(folder);
        (0..10).filter_map(|older| std::fs::read_to_string(files.path(older)).ok()).collect()
    }

    #[test]
    fn the_log_is_bounded_and_keeps_the_newest_in_whole_lines() {
        let folder = tempfile::tempdir().unwrap();
        let mut segments = open(&folder.path().join("events"), SMALL);
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
        let mut segments = open(&events, SMALL);
        let modes = |expected: [u32; 2]| {
            for (path, mode) in [&events, &events.join("events.jsonl")].into_iter().zip(expected) {
                let found = std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
                assert_eq!(found, mode, "{}", path.display());
            }
        };
        modes([0o700, 0o600]);
        segments.clear("cleared\n").unwrap().unwrap();
        modes([0o700, 0o600]);
    }

    #[test]
    fn the_log_goes_on_where_it_was_and_after_a_torn_line_on_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        for (given, expected) in [("a\n", "a\nb\n"), ("a\nto", "a\nto\nb\n"), ("", "b\n")] {
            std::fs::write(folder.path().join("events.jsonl"), given).unwrap();
            open(folder.path(), SMALL).write("b\n").unwrap();
            assert_eq!(contents(folder.path()), [expected]);
        }
    }

    #[test]
    fn a_line_longer_than_a_file_has_one_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let mut segments = open(folder.path(), SMALL);
        let long = format!("{}\n", "x".repeat(150));
        segments.write(&format!("a\n{long}b\n")).unwrap();
        assert_eq!(contents(folder.path()), ["b\n".to_owned(), long, "a\n".to_owned()]);
    }

    #[test]
    fn the_oldest_goes_only_when_all_places_are_taken() {
        // Each is what a crash leaves at some moment of a rotation, and what the next rotation makes of it.
        for (found, expected) in [
            (["0", "1", ""], ["new", "0", "1"]),
            (["0", "", "2"], ["new", "0", "2"]),
            (["", "1", "2"], ["new", "1", "2"]),
            (["0", "1", "2"], ["new", "0", "1"]),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let files = Files::new(folder.path());
            for (older, name) in found.into_iter().enumerate().filter(|(_, name)| !name.is_empty()) {
                std::fs::write(files.path(older), format!("{name}{}\n", "x".repeat(100))).unwrap();
            }
            open(folder.path(), SMALL).write("new\n").unwrap();
            let names: Vec<_> = contents(folder.path())
                .iter()
                .map(|file| file.trim_end().trim_end_matches('x').to_owned())
                .collect();
            assert_eq!(names, expected, "{found:?}");
        }
    }

    #[test]
    fn what_a_crash_left_of_a_clear_and_what_is_beyond_the_bounds_is_deleted_at_the_start() {
        let cleared = format!("{}\n", super::super::Event::info(CLEARED).json());
        let folder = tempfile::tempdir().unwrap();
        let files = Files::new(folder.path());
        for (older, content) in ["b\n", &cleared, "a\n"].into_iter().enumerate() {
            std::fs::write(files.path(older), content).unwrap();
        }
        std::fs::write(files.path_of_new(), "begun").unwrap();
        open(folder.path(), SMALL);
        assert_eq!(contents(folder.path()), ["b\n", &cleared]);
        assert!(!files.path_of_new().exists());
        for older in 0..6 {
            std::fs::write(files.path(older), format!("{older}\n")).unwrap();
        }
        open(folder.path(), SMALL);
        assert_eq!(contents(folder.path()), ["0\n", "1\n", "2\n"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_write_that_fails_half_way_leaves_no_half_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let mut segments = open(folder.path(), Bounds { bytes: 1 << 20, files: 2 });
        segments.write("a\n").unwrap();
        // The disk is full (full(4)); the half that it took is put there by hand.
        let full = OpenOptions::new().append(true).open("/dev/full").unwrap();
        let file = std::mem::replace(&mut segments.file, full);
        segments.write("half\n").unwrap_err();
        segments.file = file;
        std::fs::write(folder.path().join("events.jsonl"), "a\nhal").unwrap();
        segments.write("b\n").unwrap();
        assert_eq!(contents(folder.path()), ["a\nb\n"]);
    }
}
