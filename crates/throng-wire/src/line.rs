//! Bytes to lines, with a cap. Called by every door that reads lines; it never keeps more than one line.

/// Splits a stream into lines. Holds only the line that is not complete yet.
#[derive(Clone, Debug)]
pub struct Lines {
    max: usize,
    pending: Vec<u8>,
    skipping: bool,
}

/// One line, without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// It was longer than the cap; nothing of it was kept.
    TooLong,
}

impl Lines {
    /// Lines of at most `max` bytes before their end.
    pub fn new(max: usize) -> Lines {
        Lines { max, pending: Vec::new(), skipping: false }
    }

    /// Takes bytes and gives each line that they complete, without its LF or CRLF.
    pub fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(Line<'_>)) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            bytes = rest;
            if self.skipping {
                self.skipping = false;
                each(Line::TooLong);
            } else if self.pending.is_empty() {
                each(self.judge(line));
            } else {
                let mut whole = std::mem::take(&mut self.pending);
                whole.extend_from_slice(line);
                each(self.judge(&whole));
            }
        }
        self.keep(bytes);
    }

    /// Bytes of the line that is not complete.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    fn judge<'a>(&self, line: &'a [u8]) -> Line<'a> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > self.max { Line::TooLong } else { Line::Whole(line) }
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.skipping || bytes.is_empty() {
            return;
        }
        // One byte more than the cap may be the CR of a line's end.
        if self.pending.len() + bytes.len() > self.max + 1 {
            self.skipping = true;
            self.pending = Vec::new();
        } else {
            self.pending.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(max: usize, pieces: &[&[u8]]) -> Vec<Option<Vec<u8>>> {
        let (mut lines, mut found) = (Lines::new(max), Vec::new());
        for piece in pieces {
            lines.feed(piece, |line| {
                found.push(match line {
                    Line::Whole(line) => Some(line.to_vec()),
                    Line::TooLong => None,
                });
            });
            assert!(lines.pending() <= max + 1);
        }
        found
    }

    #[test]
    fn lines_end_with_lf_or_crlf_and_have_a_cap() {
        let whole = |line: &str| Some(line.as_bytes().to_vec());
        for (given, expected) in [
            ("a\nb\r\n", vec![whole("a"), whole("b")]),
            ("\n\r\n", vec![whole(""), whole("")]),
            ("a\rb\n", vec![whole("a\rb")]),
            ("abcde\nabcdef\nx\n", vec![whole("abcde"), None, whole("x")]),
            ("abcde\r\nabcdef\r\n", vec![whole("abcde"), None]),
            ("never ends", vec![]),
        ] {
            assert_eq!(lines(5, &[given.as_bytes()]), expected, "{given:?}");
            for end in 0..given.len() {
                let (one, two) = given.as_bytes().split_at(end);
                assert_eq!(lines(5, &[one, two]), expected, "{given:?} torn at {end}");
            }
        }
    }
}
