//! A line that is typed on a terminal and not shown: a password. The terminal is as it was before on every way out, Ctrl-C too,
//! since that is read here as a key.

use std::io::{IsTerminal, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios};
use throng_services::identity::Secret;
use throng_services::identity::password::BYTES_MAX;
use zeroize::Zeroizing;

const INTERRUPT: u8 = 0x03;
const END: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7f;
const ERASE_LINE: u8 = 0x15;

/// What was typed.
#[derive(Debug)]
pub(super) enum Typed {
    /// This, at most one byte more than a password may have.
    Line(Secret<String>),
    /// Ctrl-C.
    Interrupted,
    /// Nothing: Ctrl-D, or the terminal went away.
    Over,
    /// Something that is not UTF-8.
    NoText,
}

/// A terminal that shows nothing of what is typed for as long as this lives: between two questions too, since people type ahead.
pub(super) struct Unseen(Termios);

impl Unseen {
    /// The terminal, if there is one with somebody who could type.
    pub(super) fn begin() -> Option<Unseen> {
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return None;
        }
        let before = rustix::termios::tcgetattr(std::io::stdin()).ok()?;
        let mut unseen = before.clone();
        unseen
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN);
        rustix::termios::tcsetattr(std::io::stdin(), OptionalActions::Now, &unseen).ok()?;
        Some(Unseen(before))
    }

    /// Asks for a line, on standard error.
    #[expect(clippy::unused_self, reason = "it can be asked only while nothing is shown")]
    pub(super) fn ask(&self, question: &str) -> Typed {
        say(question);
        let mut line = Line::default();
        let typed = loop {
            let mut byte = [0];
            match rustix::io::read(std::io::stdin(), &mut byte) {
                Err(rustix::io::Errno::INTR) => {}
                Ok(0) | Err(_) => break Typed::Over,
                Ok(_) => {
                    if let Some(typed) = line.press(byte[0]) {
                        break typed;
                    }
                }
            }
        };
        say("\n");
        typed
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        // A terminal that is gone needs no restoring.
        let _ = rustix::termios::tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// A line while it is typed.
struct Line(Zeroizing<Vec<u8>>);

impl Default for Line {
    fn default() -> Line {
        // As long as it can become, so that it never moves and leaves a copy behind.
        Line(Zeroizing::new(Vec::with_capacity(BYTES_MAX + 1)))
    }
}

impl Line {
    /// Takes a key; what was typed, when that ends it.
    fn press(&mut self, key: u8) -> Option<Typed> {
        match key {
            b'\r' | b'\n' => return Some(self.whole()),
            INTERRUPT => return Some(Typed::Interrupted),
            END if self.0.is_empty() => return Some(Typed::Over),
            END => {}
            BACKSPACE | DELETE => self.drop_letter(),
            ERASE_LINE => self.0.clear(),
            // What is too long is read to its end, and kept only so far that it is seen to be.
            key if self.0.len() <= BYTES_MAX => self.0.push(key),
            _ => {}
        }
        None
    }

    fn whole(&self) -> Typed {
        // Cut where a letter may have been cut before: it is too long in any case.
        match std::str::from_utf8(&self.0) {
            Ok(text) => Typed::Line(Secret::from(text)),
            Err(_) => Typed::NoText,
        }
    }

    fn drop_letter(&mut self) {
        while self.0.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
    }
}

fn say(text: &str) {
    let mut terminal = std::io::stderr().lock();
    // A terminal that went away is found out by the read.
    let _ = terminal.write_all(text.as_bytes()).and_then(|()| terminal.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[u8]) -> Option<Typed> {
        let mut line = Line::default();
        keys.iter().find_map(|key| line.press(*key))
    }

    #[test]
    fn keys_make_a_line() {
        let check = |keys: &[u8], expected: &str| match typed(keys) {
            Some(Typed::Line(line)) => assert_eq!(line.expose(), expected),
            other => panic!("{keys:?} gave {other:?}"),
        };
        check(b"secret words\r", "secret words");
        check("cor\u{7f}ré\u{8}éct\n".as_bytes(), "coréct");
        check(b"\x7f\x7fa\r", "a");
        check(b"wrong\x15right\r", "right");
        check(b"a\x04b\r", "ab");
        assert!(matches!(typed(b"half\x03"), Some(Typed::Interrupted)));
        assert!(matches!(typed(b"\x04"), Some(Typed::Over)));
        assert!(matches!(typed(b"\xff\r"), Some(Typed::NoText)));
        assert!(typed(b"half").is_none());
    }

    #[test]
    fn a_line_without_end_is_kept_in_bounds() {
        let mut line = Line::default();
        let before = line.0.capacity();
        (0..3 * BYTES_MAX).for_each(|_| drop(line.press(b'x')));
        assert_eq!((line.0.len(), line.0.capacity()), (BYTES_MAX + 1, before));
    }
}
