//! Bounded lines out of what is read: [`crate::Conn::lines`] begins, [`crate::Conn::read_line`] gives one after the other.

use std::io;
use std::ops::Range;

use crate::buffer::Buffer;

/// What was read of the lines to come. It holds storage only while half a line waits for its rest, and never more than one read
/// (64 KiB) beyond the limit of a line.
///
/// A line ends with LF, and a CR before it is no part of it; what comes behind the last LF is a line too, if it is not empty.
///
/// ```
/// # use throng_server::{Conn, testing::drive};
/// # use tokio::io::AsyncWriteExt;
/// async fn heard(mut conn: Conn) -> throng_server::Result {
///     let mut lines = conn.lines(3); // made once, kept as long as the connection
///     let mut heard = Vec::new();
///     while let Some(line) = conn.read_line(&mut lines).await? {
///         heard.push(line.to_vec()); // a line is borrowed from `lines`, until the next
///     }
///     assert_eq!(heard, [&b"one"[..], b"", b"two"]);
///     Ok(())
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> throng_server::Result {
/// let (mut client, driven) = drive(heard);
/// client.write_all(b"one\r\n\ntwo").await?;
/// client.shutdown().await?;
/// # assert_eq!(driven.end().await, throng_server::End::PeerClosed);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Lines {
    buffer: Buffer,
    /// Where the next line begins.
    begins: usize,
    /// From here on nobody looked for the end of that line yet.
    unseen: usize,
    max: usize,
    ended: bool,
}

/// What was found of the next line.
#[derive(Debug)]
pub(crate) enum Found {
    /// All of it, here.
    Line(Range<usize>),
    /// Not its end: more has to be read.
    Half,
    /// Nothing, and nothing more comes.
    End,
}

impl Lines {
    pub(crate) fn new(max: usize) -> Lines {
        Lines { buffer: Buffer::default(), begins: 0, unseen: 0, max, ended: false }
    }

    /// Where to read more to.
    pub(crate) fn buffer(&mut self) -> &mut Buffer {
        self.buffer.forget(self.begins);
        self.unseen -= self.begins;
        self.begins = 0;
        &mut self.buffer
    }

    /// Nothing more comes.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    /// Finds the next line, without its LF or CR LF. What is left behind the last one is a line as well.
    pub(crate) fn find(&mut self) -> io::Result<Found> {
        let bytes = &self.buffer[..];
        let newline = bytes[self.unseen..].iter().position(|byte| *byte == b'\n');
        let (end, next) = match newline.map(|at| self.unseen + at) {
            Some(at) => (at, at + 1),
            None if self.ended && self.begins < bytes.len() => (bytes.len(), bytes.len()),
            None => {
                self.unseen = bytes.len();
                // One more for a CR whose LF is still to come.
                self.check(bytes.len() - self.begins, self.max.saturating_add(1))?;
                return Ok(if self.ended { Found::End } else { Found::Half });
            }
        };
        let line = &bytes[self.begins..end];
        let line = self.begins..end - usize::from(line.ends_with(b"\r"));
        self.check(line.len(), self.max)?;
        (self.begins, self.unseen) = (next, next);
        Ok(Found::Line(line))
    }

    pub(crate) fn at(&self, line: Range<usize>) -> &[u8] {
        &self.buffer[line]
    }

    fn check(&self, bytes: usize, max: usize) -> io::Result<()> {
        match bytes <= max {
            true => Ok(()),
            false => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("a line of more than {} bytes", self.max),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(max: usize, reads: &[&str], expected: &[&str]) {
        let mut lines = Lines::new(max);
        let mut found = Vec::new();
        for read in reads {
            lines.buffer().ready().extend_from_slice(read.as_bytes());
            while let Found::Line(line) = lines.find().unwrap() {
                found.push(String::from_utf8(lines.at(line).to_vec()).unwrap());
            }
        }
        lines.end();
        while let Found::Line(line) = lines.find().unwrap() {
            found.push(String::from_utf8(lines.at(line).to_vec()).unwrap());
        }
        assert_eq!(found, expected, "{reads:?}");
    }

    #[test]
    fn lines_are_found_wherever_the_reads_are_cut() {
        check(9, &["one\ntwo\r\nthree"], &["one", "two", "three"]);
        check(9, &["on", "e\ntw", "o\r", "\n", "\n"], &["one", "two", ""]);
        check(9, &["a\rb\n"], &["a\rb"]);
        check(9, &[], &[]);
        check(3, &["one\r", "\ntwo"], &["one", "two"]);
    }

    #[test]
    fn a_line_that_is_too_long_is_found_out_before_it_ends() {
        for read in ["four", "four\n", "fou\rx"] {
            let mut lines = Lines::new(3);
            lines.buffer().ready().extend_from_slice(read.as_bytes());
            lines.end();
            assert_eq!(lines.find().unwrap_err().to_string(), "a line of more than 3 bytes", "{read:?}");
        }
        let mut lines = Lines::new(3);
        lines.buffer().ready().extend_from_slice(b"five5");
        assert!(lines.find().is_err());
    }
}
