//! What the files of the event log tell of the past, newest first. Lines that are no whole event are passed over and counted:
//! a crash tears the last one, and anybody may have written into a file. Looks at so many bytes and no more.

use std::io::{Read, Result, Seek, SeekFrom};

use super::event::Event;
use super::files::Opened;
use super::json::{self, LINE_BYTES_MAX};
use super::segments::CLEARED;

/// The event that tells of lines that are no events: those before it were told of.
pub const TORN: &str = "log.torn";

/// How much is read at once.
const PIECE_BYTES: u64 = 64 << 10;

/// Lines of one file that are no events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// `events.1.jsonl`.
    pub file: String,
    /// How many.
    pub lines: u64,
}

/// The events, newest first.
pub struct Past {
    /// Oldest first; the last is being read.
    files: Vec<Backwards>,
    bytes_left: u64,
    torn: Vec<Torn>,
    /// What is torn from here on was told of at an earlier start.
    is_told: bool,
    /// Something older was not looked at.
    is_cut: bool,
}

impl Past {
    /// Of these files, newest first, of which at most so many bytes are looked at.
    pub fn new(files: Vec<Opened>, bytes_max: u64) -> Past {
        let files = files.into_iter().rev().map(Backwards::new).collect();
        Past { files, bytes_left: bytes_max, torn: Vec::new(), is_told: false, is_cut: false }
    }

    /// Whether there may be older events that were not looked at. While it still gives events, that is not known.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// What was passed over so far and not told of before, oldest file first.
    pub fn torn(mut self) -> Vec<Torn> {
        self.torn.reverse();
        self.torn
    }

    fn count_torn(&mut self) {
        let Some(file) = self.files.last().filter(|_| !self.is_told) else { return };
        match self.torn.last_mut().filter(|torn| torn.file == file.opened.name) {
            Some(torn) => torn.lines += 1,
            None => self.torn.push(Torn { file: file.opened.name.clone(), lines: 1 }),
        }
    }
}

impl Iterator for Past {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        while let Some(file) = self.files.last_mut() {
            let line = match file.line(&mut self.bytes_left) {
                Ok(Found::Line(line)) => line,
                Ok(Found::Beginning) => {
                    self.files.pop();
                    continue;
                }
                Ok(Found::TooMuch) | Err(_) => {
                    self.is_cut = true;
                    self.files.clear();
                    return None;
                }
            };
            if line.is_empty() {
                continue;
            }
            let Some(event) = json::read(&line) else {
                self.count_torn();
                continue;
            };
            self.is_told |= event.kind == TORN;
            if event.kind == CLEARED {
                self.files.clear();
            }
            return Some(event);
        }
        None
    }
}

/// One file, line by line from its end.
struct Backwards {
    opened: Opened,
    /// Up to here nothing was read.
    unread: u64,
    /// What was read and not given yet.
    held: Vec<u8>,
    /// A line that is longer than any event: what is left of it to its beginning is passed over.
    is_too_long: bool,
}

enum Found {
    Line(Vec<u8>),
    Beginning,
    TooMuch,
}

impl Backwards {
    fn new(opened: Opened) -> Backwards {
        Backwards { unread: opened.bytes, opened, held: Vec::new(), is_too_long: false }
    }

    fn line(&mut self, bytes_left: &mut u64) -> Result<Found> {
        let mut searched = 0;
        loop {
            let fresh = self.held.len() - searched;
            if let Some(end) = self.held[..fresh].iter().rposition(|byte| *byte == b'\n') {
                let line = self.held.split_off(end + 1);
                self.held.pop();
                return Ok(Found::Line(self.whole(line)));
            }
            if self.unread == 0 {
                let line = std::mem::take(&mut self.held);
                let is_over = line.is_empty() && !self.is_too_long;
                return Ok(if is_over { Found::Beginning } else { Found::Line(self.whole(line)) });
            }
            if self.held.len() > LINE_BYTES_MAX {
                self.is_too_long = true;
                self.held.clear();
            }
            searched = self.held.len();
            let bytes = self.unread.min(PIECE_BYTES);
            if bytes > *bytes_left {
                return Ok(Found::TooMuch);
            }
            *bytes_left -= bytes;
            self.read(bytes)?;
        }
    }

    /// The line, unless only its beginning is left. That is no event, but it is no empty line either.
    fn whole(&mut self, line: Vec<u8>) -> Vec<u8> {
        if std::mem::take(&mut self.is_too_long) { b"too long".to_vec() } else { line }
    }

    /// Puts what stands before it in front of what is held.
    fn read(&mut self, bytes: u64) -> Result<()> {
        self.unread -= bytes;
        let mut piece = vec![0; bytes as usize];
        self.opened.file.seek(SeekFrom::Start(self.unread))?;
        self.opened.file.read_exact(&mut piece)?;
        piece.append(&mut self.held);
        self.held = piece;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::files::Files;
    use super::*;

    fn line(kind: &'static str, seq: u64) -> String {
        format!("{}\n", Event { seq, ..Event::info(kind) }.json())
    }

    /// The numbers in these files, newest first, the first of which is the newest; and what is known then.
    fn read(contents: &[String], bytes_max: u64) -> (Vec<u64>, bool, Vec<Torn>) {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::new(folder.path());
        for (older, content) in contents.iter().enumerate() {
            std::fs::write(files.path(older), content).unwrap();
        }
        let mut past = Past::new(files.open().unwrap(), bytes_max);
        let numbers = past.by_ref().map(|event| event.seq).collect();
        (numbers, past.is_cut(), past.torn())
    }

    fn some(numbers: impl Iterator<Item = u64>) -> String {
        numbers.map(|seq| line("client.said", seq)).collect()
    }

    #[test]
    fn files_are_read_from_the_newest_line_to_the_oldest() {
        // More than a piece, so that lines lie across two of them.
        let (new, old) = (some(2001..=3000), some(1..=2000));
        assert!(old.len() as u64 > 2 * PIECE_BYTES);
        let (numbers, is_cut, torn) = read(&[new, old], u64::MAX);
        assert!(numbers.into_iter().eq((1..=3000).rev()));
        assert_eq!((is_cut, torn), (false, vec![]));
    }

    #[test]
    fn what_was_cleared_is_not_read_though_its_file_is_still_there() {
        let new = line(CLEARED, 7) + &some(8..=9);
        assert_eq!(read(&[new, some(1..=6)], u64::MAX), (vec![9, 8, 7], false, vec![]));
    }

    #[test]
    fn what_was_torn_is_counted_by_its_file_unless_it_was_told_of() {
        let torn = |file: &str, lines| Torn { file: file.to_owned(), lines };
        let newest = some(5..=6) + "x\n";
        let middle = "x\n".to_owned() + &some(3..=4) + "x\nx";
        let oldest = some(1..=1) + "x\n" + &some(2..=2);
        let files = [newest.clone(), middle, oldest.clone()];
        let (numbers, _, found) = read(&files, u64::MAX);
        assert!(numbers.into_iter().eq((1..=6).rev()));
        assert_eq!(found, [torn("events.2.jsonl", 1), torn("events.1.jsonl", 3), torn("events.jsonl", 1)]);
        let (_, _, found) = read(&[newest, "x\n".to_owned() + &line(TORN, 4), oldest], u64::MAX);
        assert_eq!(found, [torn("events.jsonl", 1)]);
    }

    #[test]
    fn no_more_is_looked_at_than_may_be() {
        let file = some(1..=2000);
        let (numbers, is_cut, _) = read(std::slice::from_ref(&file), PIECE_BYTES);
        assert!(is_cut && numbers.first() == Some(&2000) && numbers.len() < 1000, "{}", numbers.len());
        assert!(!read(std::slice::from_ref(&file), file.len() as u64).1);
    }

    #[test]
    fn a_line_that_is_too_long_is_one_line_wherever_it_stands() {
        let long = "x".repeat(2 * LINE_BYTES_MAX);
        for (content, expected) in [
            (long.clone(), vec![]),
            (format!("{long}\n"), vec![]),
            // What is left of it is no event, though it looks like one.
            (some(1..=1).trim_end().to_owned() + &" ".repeat(long.len()), vec![]),
            (format!("{long}\n{}", some(1..=2)), vec![2, 1]),
            (format!("{}{long}\n{}", some(1..=2), some(3..=4)), vec![4, 3, 2, 1]),
        ] {
            let (numbers, is_cut, torn) = read(&[content], u64::MAX);
            assert_eq!((numbers, is_cut, torn[0].lines), (expected, false, 1));
        }
    }
}
