//! What was typed before, for the arrow keys: a file of this user's alone, bounded, written line by line so that two
//! conversations at once lose nothing. A line that begins with a space is not kept.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// So many lines are offered, and kept when the file is cut.
pub const LINES_MAX: usize = 500;

/// A file with more bytes is cut to the last lines; one can be read as a whole.
const BYTES_MAX: u64 = 256 * 1024;

/// A longer line is not kept.
const LINE_BYTES_MAX: usize = 2048;

/// The history, or none.
#[derive(Debug)]
pub struct History {
    file: Option<File>,
    /// What was typed before, the oldest first.
    pub lines: Vec<String>,
}

impl History {
    /// Opens the usual file. A history that cannot be had is not worth a word.
    pub fn open(none: bool) -> History {
        let path = if none { None } else { usual() };
        path.and_then(|path| at(&path).ok()).unwrap_or(History { file: None, lines: Vec::new() })
    }

    /// Keeps a line, or each of several that were pasted as one.
    pub fn keep(&mut self, lines: &str) {
        let Some(file) = &mut self.file else { return };
        for line in lines.lines() {
            if !line.trim().is_empty() && !line.starts_with(' ') && line.len() <= LINE_BYTES_MAX {
                let _ = file.write_all(format!("{line}\n").as_bytes());
            }
        }
    }
}

/// `$XDG_STATE_HOME/throng/connect_history`, which is below `~/.local/state` where that is not set (XDG Base Directory 0.8).
fn usual() -> Option<PathBuf> {
    let path = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = path("XDG_STATE_HOME").or_else(|| path("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("throng/connect_history"))
}

fn at(path: &Path) -> std::io::Result<History> {
    if let Some(folder) = path.parent() {
        std::os::unix::fs::DirBuilderExt::mode(std::fs::DirBuilder::new().recursive(true), 0o700)
            .create(folder)?;
    }
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    let size = file.metadata()?.len();
    let mut bytes = Vec::new();
    if size > BYTES_MAX {
        std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(size - BYTES_MAX))?;
    }
    Read::by_ref(&mut file).take(BYTES_MAX).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    // The first line may be cut.
    let all: Vec<&str> = text.lines().skip(usize::from(size > BYTES_MAX)).collect();
    let lines: Vec<String> =
        all[all.len().saturating_sub(LINES_MAX)..].iter().map(|line| (*line).to_owned()).collect();
    if size > BYTES_MAX {
        let beside = path.with_extension("new");
        let mut cut = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        cut.write_all(lines.iter().map(|line| format!("{line}\n")).collect::<String>().as_bytes())?;
        std::fs::rename(&beside, path)?;
        file = OpenOptions::new().append(true).open(path)?;
    }
    Ok(History { file: Some(file), lines })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_are_kept_for_this_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/history");
        let mut first = at(&path).unwrap();
        let mut second = at(&path).unwrap();
        first.keep("one");
        second.keep("two");
        first.keep("three\n four\nfive");
        for unwanted in [" secret", "", "  ", &"x".repeat(LINE_BYTES_MAX + 1)] {
            first.keep(unwanted);
        }
        assert_eq!(at(&path).unwrap().lines, ["one", "two", "three", "five"]);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        // Whoever opened it to others did not know what is in it.
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        at(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn a_file_that_grew_is_cut_to_its_last_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let many: String = (0..40_000).map(|number| format!("line {number}\n")).collect();
        std::fs::write(&path, many).unwrap();
        let mut history = at(&path).unwrap();
        assert_eq!(history.lines.len(), LINES_MAX);
        history.keep("the last");
        let again = at(&path).unwrap();
        assert_eq!(again.lines.last().unwrap(), "the last");
        assert_eq!(again.lines[LINES_MAX - 2], "line 39999");
        let kept = std::fs::metadata(&path).unwrap();
        assert!(kept.len() < BYTES_MAX / 2);
        assert_eq!(kept.permissions().mode() & 0o777, 0o600);
    }
}
