//! Lines out of bytes that come in pieces: what is whole is taken from where it was read, without a copy.
//!
//! Each client has one, and holds only the beginning of a line whose end has not come yet. It knows nothing of IRC but
//! that a line ends with LF, which a CR may precede.

/// A line longer than this is no IRC.
pub const LINE_BYTES_MAX: usize = 16 << 10;

/// The beginning of a line whose end has not come yet.
#[derive(Default)]
pub struct Lines {
    begun: Vec<u8>,
}

/// A line that is too long to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endless;

impl Lines {
    /// Hands every line that these bytes end to `hear`, without its end, and keeps the rest.
    ///
    /// # Errors
    /// What `hear` says, at once; or that no line ends.
    pub fn take<E: From<Endless>>(
        &mut self,
        mut bytes: &[u8],
        mut hear: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.begun.is_empty() {
            let Some(end) = memchr::memchr(b'\n', bytes) else { return self.keep(bytes).map_err(E::from) };
            self.begun.extend_from_slice(&bytes[..end]);
            hear(without_return(&self.begun))?;
            self.begun.clear();
            bytes = &bytes[end + 1..];
        }
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            hear(without_return(&bytes[..end]))?;
            bytes = &bytes[end + 1..];
        }
        self.keep(bytes).map_err(E::from)
    }

    /// What has come of the line that has not ended.
    pub fn begun(&self) -> &[u8] {
        &self.begun
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), Endless> {
        self.begun.extend_from_slice(bytes);
        if self.begun.len() > LINE_BYTES_MAX { Err(Endless) } else { Ok(()) }
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] = b":a!u@h PRIVMSG #a :one\r\n\r\nPING :x\nlast\r\rs\r\nbegun";

    fn heard<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Vec<u8>>, Vec<u8>) {
        let (mut lines, mut heard) = (Lines::default(), Vec::new());
        for piece in pieces {
            lines
                .take(piece, |line| {
                    heard.push(line.to_vec());
                    Ok::<(), Endless>(())
                })
                .unwrap();
        }
        (heard, lines.begun().to_vec())
    }

    #[test]
    fn lines_torn_at_any_two_bytes_are_heard_as_if_they_came_whole() {
        let whole = heard([STREAM]);
        let expected = [&b":a!u@h PRIVMSG #a :one"[..], b"", b"PING :x", b"last\r\rs"];
        assert_eq!(
            (whole.0.as_slice(), whole.1.as_slice()),
            (&expected.map(<[u8]>::to_vec)[..], &b"begun"[..])
        );
        for first in 0..=STREAM.len() {
            for second in first..=STREAM.len() {
                let pieces = [&STREAM[..first], &STREAM[first..second], &STREAM[second..]];
                assert_eq!(heard(pieces), whole, "torn at {first} and {second}");
            }
        }
        assert_eq!(heard(STREAM.chunks(1)), whole, "byte by byte");
    }

    #[test]
    fn a_line_without_an_end_is_refused_however_it_comes() {
        let long = vec![b'x'; LINE_BYTES_MAX];
        for piece in [1, 7, 4096, LINE_BYTES_MAX] {
            let mut lines = Lines::default();
            let mut outcome = Ok(());
            for bytes in long.chunks(piece).chain([&b"xx"[..]]) {
                outcome = outcome.and_then(|()| lines.take(bytes, |_| Ok::<(), Endless>(())));
            }
            assert_eq!(outcome, Err(Endless), "in pieces of {piece}");
        }
    }

    #[test]
    fn what_the_hearer_says_against_a_line_is_told_at_once() {
        let mut count = 0;
        let outcome = Lines::default().take(b"one\ntwo\nthree\n", |line| {
            count += 1;
            if line == b"two" { Err(Endless) } else { Ok(()) }
        });
        assert_eq!((outcome, count), (Err(Endless), 2));
    }
}
