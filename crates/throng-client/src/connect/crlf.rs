//! Line ends for services that want CR LF, as many protocols of the Internet do.

/// Puts a CR before each LF that has none.
#[derive(Debug, Default)]
pub struct Crlf {
    after_cr: bool,
}

impl Crlf {
    /// The next bytes of a stream, which may be torn anywhere.
    pub fn apply(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 16);
        for byte in bytes {
            if *byte == b'\n' && !self.after_cr {
                out.push(b'\r');
            }
            self.after_cr = *byte == b'\r';
            out.push(*byte);
        }
        out
    }
}

/// A line with this end. What was pasted may be several: each of them ends so.
pub fn ended(line: &str, line_end: &str) -> Vec<u8> {
    let whole = format!("{line}{line_end}").into_bytes();
    if line_end == "\r\n" { Crlf::default().apply(&whole) } else { whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_were_pasted_as_one_end_alike() {
        for (given, line_end, expected) in
            [("a\nb", "\r\n", "a\r\nb\r\n"), ("a\nb", "\n", "a\nb\n"), ("", "\r\n", "\r\n")]
        {
            assert_eq!(ended(given, line_end), expected.as_bytes(), "{given:?}");
        }
    }

    #[test]
    fn each_line_ends_with_one_cr_and_lf() {
        for (given, expected) in
            [("a\nb\r\n", "a\r\nb\r\n"), ("\n\n", "\r\n\r\n"), ("a\rb", "a\rb"), ("\r\r\n", "\r\r\n")]
        {
            for end in 0..=given.len() {
                let (one, two) = given.as_bytes().split_at(end);
                let mut crlf = Crlf::default();
                let found = [crlf.apply(one), crlf.apply(two)].concat();
                assert_eq!(found, expected.as_bytes(), "{given:?} torn at {end}");
            }
        }
    }
}
