//! One IRC message (RFC 1459 §2.3.1, modern.ircdocs.horse) with its tags (IRCv3 message-tags).
//!
//! [`Message::parse`] looks into a line without copying it; [`write()`] appends one to a buffer, and nothing that is
//! put into a field can begin a second message.

use std::borrow::Cow;

/// The longest message without its tags, its CRLF included.
pub const LINE_MAX: usize = 512;
/// The longest tags that a client may send, `@` and the space included.
pub const CLIENT_TAGS_MAX: usize = 4096;
/// The longest tags in all, `@` and the space included.
pub const TAGS_MAX: usize = 8191;
/// The longest line that can be meant, without its end.
pub const INPUT_MAX: usize = CLIENT_TAGS_MAX + LINE_MAX - 2;

const PARAMS_MAX: usize = 15;

/// A parsed message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The tags as they came, without the `@`.
    pub raw_tags: Option<&'a str>,
    /// Who it says it is from, without the `:`.
    pub source: Option<&'a str>,
    /// A word or three digits.
    pub command: &'a str,
    /// At most 15.
    pub params: Vec<&'a str>,
}

/// Why a line is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It is not UTF-8.
    NotUtf8,
    /// It holds a NUL or a bare CR.
    BadByte,
    /// It has no command.
    NoCommand,
}

impl<'a> Message<'a> {
    /// Looks into a line without its end.
    pub fn parse(line: &'a [u8]) -> Result<Message<'a>, Malformed> {
        let line = std::str::from_utf8(line).map_err(|_| Malformed::NotUtf8)?;
        if line.contains(['\0', '\r', '\n']) {
            return Err(Malformed::BadByte);
        }
        let (raw_tags, rest) = prefixed(line.trim_start_matches(' '), '@');
        let (source, rest) = prefixed(rest, ':');
        let (command, mut rest) = word(rest);
        if command.is_empty() || !command.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Malformed::NoCommand);
        }
        let mut params = Vec::new();
        while !rest.is_empty() {
            if let Some(trailing) = rest.strip_prefix(':') {
                params.push(trailing);
                break;
            }
            if params.len() + 1 == PARAMS_MAX {
                params.push(rest);
                break;
            }
            let (param, after) = word(rest);
            params.push(param);
            rest = after;
        }
        Ok(Message { raw_tags, source, command, params })
    }

    /// The tags, their values unescaped; a tag without a value has an empty one.
    pub fn tags(&self) -> impl Iterator<Item = (&'a str, Cow<'a, str>)> {
        self.raw_tags.unwrap_or("").split(';').filter(|tag| !tag.is_empty()).map(|tag| {
            let (key, value) = tag.split_once('=').unwrap_or((tag, ""));
            (key, unescape(value))
        })
    }

    /// A parameter, if it is there.
    pub fn param(&self, place: usize) -> Option<&'a str> {
        self.params.get(place).copied()
    }
}

/// Is this line, without its end, longer than a client may send?
pub fn too_long(line: &[u8]) -> bool {
    let tags = match line.first() {
        Some(b'@') => line.iter().position(|byte| *byte == b' ').map_or(line.len(), |space| space + 1),
        _ => 0,
    };
    tags > CLIENT_TAGS_MAX || line.len() - tags > LINE_MAX - 2
}

/// Begins a message at the end of a buffer.
pub fn write(out: &mut Vec<u8>) -> Writer<'_> {
    Writer { start: out.len(), out }
}

/// Writes one message: tags, source, command, parameters, in that order, and then [`Writer::end`].
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
}

impl Writer<'_> {
    /// A tag; before everything else.
    pub fn tag(self, key: &str, value: &str) -> Self {
        let first = self.out.len() == self.start;
        self.out.push(if first { b'@' } else { b';' });
        // Nothing stands for a bad byte in a key as an escape does in a value, so it becomes an underscore.
        self.out.extend(key.bytes().map(|byte| if is_of_a_key(byte) { byte } else { b'_' }));
        if !value.is_empty() {
            self.out.push(b'=');
            value.bytes().for_each(|byte| escape(byte, self.out));
        }
        self
    }

    /// Who says it.
    pub fn source(mut self, source: &str) -> Self {
        self.space();
        self.out.push(b':');
        self.put(source, true);
        self
    }

    /// What.
    pub fn command(mut self, command: &str) -> Self {
        self.space();
        self.put(command, true);
        self
    }

    /// A parameter of one word. One that cannot stand there is written as a last one.
    pub fn param(mut self, param: &str) -> Self {
        let one_word = !param.is_empty() && !param.starts_with(':') && !param.contains(' ');
        debug_assert!(one_word, "{param:?} is only good as the last parameter");
        if !one_word {
            return self.trailing(param);
        }
        self.space();
        self.put(param, true);
        self
    }

    /// The last parameter, of any words.
    pub fn trailing(mut self, words: &str) -> Self {
        self.space();
        self.out.push(b':');
        self.put(words, false);
        self
    }

    /// Ends the message.
    pub fn end(self) {
        self.out.extend_from_slice(b"\r\n");
    }

    fn space(&mut self) {
        if self.out.len() > self.start {
            self.out.push(b' ');
        }
    }

    /// CR, LF and NUL would end the message and begin another, so they become spaces, and in a word underscores. A
    /// space would end the word, and what follows it would be taken for the command or a parameter.
    fn put(&mut self, text: &str, one_word: bool) {
        let from = self.out.len();
        self.out.extend_from_slice(text.as_bytes());
        for byte in &mut self.out[from..] {
            match *byte {
                b'\r' | b'\n' | 0 | b' ' if one_word => *byte = b'_',
                b'\r' | b'\n' | 0 => *byte = b' ',
                _ => {}
            }
        }
    }
}

fn prefixed(text: &str, mark: char) -> (Option<&str>, &str) {
    match text.strip_prefix(mark) {
        Some(text) => {
            let (prefix, rest) = word(text);
            (Some(prefix), rest)
        }
        None => (None, text),
    }
}

fn word(text: &str) -> (&str, &str) {
    match text.split_once(' ') {
        Some((word, rest)) => (word, rest.trim_start_matches(' ')),
        None => (text, ""),
    }
}

/// The grammar of keys: `+example.com/name-2` (IRCv3 message-tags).
fn is_of_a_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'/')
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    match byte {
        b';' => out.extend_from_slice(b"\\:"),
        b' ' => out.extend_from_slice(b"\\s"),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\n' => out.extend_from_slice(b"\\n"),
        0 => {}
        byte => out.push(byte),
    }
}

fn unescape(value: &str) -> Cow<'_, str> {
    if !value.contains('\\') {
        return Cow::Borrowed(value);
    }
    let mut text = String::with_capacity(value.len());
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some(':') => text.push(';'),
                Some('s') => text.push(' '),
                Some('r') => text.push('\r'),
                Some('n') => text.push('\n'),
                Some(other) => text.push(other),
                // A lone backslash at the end is dropped.
                None => {}
            },
            letter => text.push(letter),
        }
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_are_read_as_messages() {
        let check = |line: &str, source: Option<&str>, command: &str, params: &[&str]| {
            let message = Message::parse(line.as_bytes()).unwrap();
            assert_eq!(
                (message.source, message.command, &message.params[..]),
                (source, command, params),
                "{line:?}"
            );
        };
        check("PING", None, "PING", &[]);
        check("PING x", None, "PING", &["x"]);
        check("PRIVMSG #a :hello there", None, "PRIVMSG", &["#a", "hello there"]);
        check("PRIVMSG   #a    hi", None, "PRIVMSG", &["#a", "hi"]);
        check("PRIVMSG #a :", None, "PRIVMSG", &["#a", ""]);
        check("PRIVMSG #a ::)", None, "PRIVMSG", &["#a", ":)"]);
        check(":ana!u@h QUIT", Some("ana!u@h"), "QUIT", &[]);
        check("@a=b;c :ana  JOIN #a", Some("ana"), "JOIN", &["#a"]);
        let many = "X 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16";
        assert_eq!(Message::parse(many.as_bytes()).unwrap().params[14], "15 16");
    }

    #[test]
    fn what_is_no_message_is_told_apart() {
        for (line, expected) in [
            (&b""[..], Malformed::NoCommand),
            (b"   ", Malformed::NoCommand),
            (b":source", Malformed::NoCommand),
            (b"@tags", Malformed::NoCommand),
            (b"PRIV:MSG a", Malformed::NoCommand),
            (b"PING \xff", Malformed::NotUtf8),
            (b"PING a\0b", Malformed::BadByte),
            (b"PING a\rb", Malformed::BadByte),
        ] {
            assert_eq!(Message::parse(line), Err(expected), "{line:?}");
        }
    }

    #[test]
    fn tags_are_unescaped() {
        let message = Message::parse(b"@a=x\\:y\\s\\\\z;b;c=\\;d=\\r\\n PING").unwrap();
        let tags: Vec<_> = message.tags().map(|(key, value)| (key, value.into_owned())).collect();
        let expected = [("a", "x;y \\z"), ("b", ""), ("c", ""), ("d", "\r\n")];
        assert_eq!(tags, expected.map(|(key, value)| (key, value.to_owned())));
    }

    #[test]
    fn a_line_has_512_bytes_beside_its_tags() {
        for (line, expected) in [
            ("x".repeat(510), false),
            ("x".repeat(511), true),
            (format!("@{} {}", "t".repeat(4094), "x".repeat(510)), false),
            (format!("@{} x", "t".repeat(4095)), true),
            ("@".repeat(5000), true),
        ] {
            assert_eq!(too_long(line.as_bytes()), expected, "{} bytes", line.len());
        }
    }

    #[test]
    fn nothing_that_is_put_into_a_field_begins_a_second_message() {
        for evil in ["a\r\nQUIT", "a\nQUIT", "a\0b", "\r", "\u{2028}", "a b", " ", "a;b=c d", ":a", "@a", ""]
        {
            let mut out = b"before".to_vec();
            write(&mut out)
                .tag("time", evil)
                .tag(evil, "x")
                .source(evil)
                .command("X")
                .param("y")
                .trailing(evil)
                .end();
            let line = out.strip_prefix(b"before").unwrap().strip_suffix(b"\r\n").unwrap();
            assert!(!line.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)), "{evil:?}: {line:?}");
            let message = Message::parse(line).unwrap();
            assert_eq!((message.command, message.params.len()), ("X", 2), "{evil:?}");
            let values: Vec<_> = message.tags().map(|(_, value)| value.into_owned()).collect();
            assert_eq!(values, [evil.replace('\0', ""), "x".to_owned()], "{evil:?}");
        }
    }

    #[test]
    fn a_word_stays_one_word() {
        for evil in ["a\r\nQUIT", "a\0b", "\r"] {
            let mut out = Vec::new();
            write(&mut out).command(evil).param(evil).param("last").end();
            assert_eq!(out.iter().filter(|byte| **byte == b' ').count(), 2, "{evil:?}: {out:?}");
            assert_eq!(
                out.iter().filter(|byte| matches!(byte, b'\r' | b'\n' | 0)).count(),
                2,
                "{evil:?}: {out:?}"
            );
        }
    }

    #[test]
    fn messages_are_written_as_they_are_read() {
        let check = |write_it: &dyn Fn(Writer<'_>), expected: &str| {
            let mut out = Vec::new();
            write_it(write(&mut out));
            assert_eq!(String::from_utf8(out).unwrap(), format!("{expected}\r\n"));
        };
        check(&|line| line.command("PING").trailing("").end(), "PING :");
        check(&|line| line.source("ana").command("QUIT").end(), ":ana QUIT");
        check(&|line| line.command("JOIN").param("#a").end(), "JOIN #a");
        check(&|line| line.command("X").param("a").trailing("b c").end(), "X a :b c");
        check(&|line| line.tag("a", "").tag("+b.org/c", "d").command("X").end(), "@a;+b.org/c=d X");
        check(&|line| line.tag("a", "; \\\r\n").command("X").end(), "@a=\\:\\s\\\\\\r\\n X");
    }
}
