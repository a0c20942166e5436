//! What came, as lines that a terminal may show: telnet's own bytes are taken out, and refused but for the one that hides a password; control characters are made
//! visible, and what has no end yet is shown when nothing more comes.

use std::borrow::Cow;

use throng_wire::printable::printable_bytes;
use throng_wire::telnet;

/// A longer line is shown in pieces.
const LINE_BYTES_MAX: usize = 16 * 1024;

/// Where a tab leads to, in columns.
const TAB: usize = 8;

/// How it is shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// As it came: colours, but also whatever else moves a cursor.
    pub raw: bool,
    /// What stands before each line, such as the time.
    pub before: Option<fn() -> String>,
}

/// Makes lines of what comes.
#[derive(Debug, Default)]
pub struct Shown {
    look: Look,
    telnet: telnet::Filter,
    /// The server ends the line that was typed unseen, which the terminal did already.
    ends_line: bool,
    pending: Vec<u8>,
}

/// What came of some bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Without telnet's own bytes.
    pub data: Vec<u8>,
    /// What telnet wants to hear.
    pub answer: Vec<u8>,
    /// Whole lines, without the last one's end; nothing when there is none.
    pub lines: Option<String>,
}

impl Shown {
    /// Shows in this way.
    pub fn new(look: Look) -> Shown {
        Shown { look, telnet: telnet::Filter::heeding(), ..Shown::default() }
    }

    /// Does the server ask for something that must not be seen, such as a password?
    pub fn hides(&self) -> bool {
        self.telnet.hides()
    }

    /// Takes bytes as they came.
    pub fn hear(&mut self, bytes: &[u8]) -> Heard {
        let mut heard = Heard::default();
        self.telnet.hear(bytes, &mut heard.data, &mut heard.answer);
        let mut lines = Lines::default();
        for piece in heard.data.split_inclusive(|byte| *byte == b'\n') {
            self.pending.extend_from_slice(piece);
            if let Some(line) = self.pending.strip_suffix(b"\n") {
                let line = at_its_begin(line.strip_suffix(b"\r").unwrap_or(line));
                if !(std::mem::take(&mut self.ends_line) && line.is_empty()) {
                    lines.push(&self.look, line);
                }
                self.pending.clear();
            }
            while self.pending.len() > LINE_BYTES_MAX {
                let rest = self.pending.split_off(whole_letters(&self.pending[..LINE_BYTES_MAX]));
                lines.push(&self.look, &self.pending);
                self.pending = rest;
            }
        }
        heard.lines = lines.0;
        heard
    }

    /// A line was typed unseen: who speaks telnet ends it where it is shown, and it is ended here already.
    pub fn typed_unseen(&mut self) {
        self.ends_line = true;
    }

    /// Is there a line without an end?
    pub fn is_waiting(&self) -> bool {
        whole_letters(&self.pending) > 0
    }

    /// The line without an end, such as a question.
    pub fn rest(&mut self) -> Option<String> {
        let cut = self.pending.split_off(whole_letters(&self.pending));
        let mut lines = Lines::default();
        if !self.pending.is_empty() {
            lines.push(&self.look, at_its_begin(self.pending.strip_suffix(b"\r").unwrap_or(&self.pending)));
        }
        self.pending = cut;
        lines.0
    }
}

/// A return where a line begins leads nowhere.
fn at_its_begin(line: &[u8]) -> &[u8] {
    let returns = line.iter().take_while(|byte| **byte == b'\r').count();
    &line[returns..]
}

/// Lines, one below the other.
#[derive(Default)]
struct Lines(Option<String>);

impl Lines {
    fn push(&mut self, look: &Look, line: &[u8]) {
        let all = match &mut self.0 {
            Some(all) => {
                all.push('\n');
                all
            }
            none => none.insert(String::new()),
        };
        if let Some(before) = look.before {
            all.push_str(&before());
            all.push(' ');
        }
        match look.raw {
            true => all.push_str(&String::from_utf8_lossy(line)),
            false => all.push_str(&safe(line)),
        }
    }
}

/// Tabs lead on to the next stop; every other control character is made visible.
fn safe(line: &[u8]) -> Cow<'_, str> {
    if !line.contains(&b'\t') {
        return printable_bytes(line);
    }
    let mut shown = String::new();
    let mut pieces = line.split(|byte| *byte == b'\t').peekable();
    while let Some(piece) = pieces.next() {
        shown.push_str(&printable_bytes(piece));
        if pieces.peek().is_some() {
            let columns = shown.chars().count();
            shown.extend(std::iter::repeat_n(' ', TAB - columns % TAB));
        }
    }
    Cow::Owned(shown)
}

/// How many bytes there are before a last letter that is not complete.
fn whole_letters(bytes: &[u8]) -> usize {
    let invalid = bytes.utf8_chunks().last().map_or(&[][..], |last| last.invalid());
    let is_cut = std::str::from_utf8(invalid).is_err_and(|why| why.error_len().is_none());
    if is_cut { bytes.len() - invalid.len() } else { bytes.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pieces: &[&[u8]], look: Look) -> (Vec<String>, Option<String>) {
        let mut shown = Shown::new(look);
        let lines = pieces.iter().filter_map(|piece| shown.hear(piece).lines).collect::<Vec<_>>();
        (lines.iter().flat_map(|lines| lines.split('\n')).map(str::to_owned).collect(), shown.rest())
    }

    #[test]
    fn lines_are_whole_and_harmless() {
        for (given, lines, rest) in [
            ("a\nb\r\n", &["a", "b"][..], None),
            ("\n\n", &["", ""], None),
            ("login: ", &[], Some("login: ")),
            ("\x1b[2Ja\rb\n", &["\\x1b[2Ja\\x0db"], None),
            ("a\tb\t\u{7}\n", &["a       b       \\x07"], None),
            ("12345678\t9\n", &["12345678        9"], None),
            ("grüß\n日本", &["grüß"], Some("日本")),
        ] {
            for end in 0..=given.len() {
                let (one, two) = given.as_bytes().split_at(end);
                let expected =
                    (lines.iter().map(|line| (*line).to_owned()).collect(), rest.map(str::to_owned));
                assert_eq!(shown(&[one, two], Look::default()), expected, "{given:?} torn at {end}");
            }
        }
    }

    #[test]
    fn raw_is_as_it_came_and_each_line_has_what_stands_before_it() {
        let look = Look { raw: true, before: Some(|| "12:00:00".to_owned()) };
        assert_eq!(shown(&[b"\x1b[1mbold\x1b[m\na\n"], look).0, ["12:00:00 \x1b[1mbold\x1b[m", "12:00:00 a"]);
    }

    #[test]
    fn a_letter_that_is_cut_waits_for_its_other_bytes() {
        let mut shown = Shown::new(Look::default());
        assert_eq!(shown.hear(b"wie gr\xc3").lines, None);
        assert_eq!(shown.rest().as_deref(), Some("wie gr"));
        assert!(!shown.is_waiting() && shown.rest().is_none());
        shown.hear(b"\xb6\xc3\x9f?");
        assert_eq!(shown.rest().as_deref(), Some("öß?"));
        shown.hear(b"\xff\xff\xc3");
        assert_eq!(shown.rest().as_deref(), Some("\\xff"));
    }

    #[test]
    fn a_line_that_never_ends_is_shown_in_pieces() {
        let mut shown = Shown::new(Look::default());
        let mut letters = 0;
        for _ in 0..100 {
            let heard = shown.hear("ü".repeat(10_000).as_bytes());
            letters += heard.lines.map_or(0, |lines| lines.chars().filter(|letter| *letter == 'ü').count());
            assert!(shown.pending.len() <= LINE_BYTES_MAX);
        }
        letters += shown.rest().unwrap().chars().count();
        assert_eq!(letters, 1_000_000);
    }

    #[test]
    fn telnet_is_refused_and_not_shown() {
        let heard = Shown::new(Look::default()).hear(b"\xff\xfd\x18\xff\xfb\x03hello\n");
        assert_eq!(heard.answer, b"\xff\xfc\x18\xff\xfe\x03");
        assert_eq!((heard.data.as_slice(), heard.lines.as_deref()), (&b"hello\n"[..], Some("hello")));
    }
}
