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

#[cfg(test)]
mod tests {
    use super::*;

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
