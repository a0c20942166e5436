//! Whatever somebody puts into a field, an event is one line, and harmless on a terminal.

use throng_wire::printable::is_dangerous;

use super::*;

const EVENTS: u64 = 100_000;

/// The seed of what is said; the same each time.
const SEED: u64 = 0x0dd_ba11;

/// Pieces of which hostile text is made.
const PIECES: [&str; 24] = [
    "\n",
    "\r\n",
    "\0",
    "\x1b[2J",
    "\x1b]0;title\x07",
    "\u{7f}",
    "\u{85}",
    "\u{9b}31m",
    "\u{2028}",
    "\u{2029}",
    "\u{202e}",
    "\u{2066}",
    "\u{200f}",
    "\u{61c}",
    "\u{feff}",
    "\u{e0041}",
    "\"",
    "\\",
    "\\u000a",
    "\\ud800",
    "\",\"kind\":\"forged\"}",
    " name=forged",
    "я",
    "\u{1f469}\u{200d}\u{1f680}",
];

/// Numbers that look as if by chance (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    /// Mostly short, and sometimes more than a value may be.
    fn text(&mut self) -> String {
        let pieces = if self.below(400) == 0 { 700 } else { self.below(9) };
        let mut text = String::new();
        for _ in 0..pieces {
            match self.below(3) {
                0 => text.push(char::from(self.below(256) as u8)),
                _ => text.push_str(PIECES[self.below(PIECES.len() as u64) as usize]),
            }
        }
        text
    }
}

#[test]
fn a_hundred_thousand_hostile_events_are_as_many_harmless_lines() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path(), Bounds { bytes: 8 << 20, files: 1000 });
    let mut dice = Dice(SEED);
    let mut hostile = move |n: u64| {
        let event = said(n).with("name", dice.text()).with("room", dice.text());
        event.with("reason", dice.text()).with("name", dice.text())
    };
    tell_all(&log, (0..EVENTS).map(&mut hostile));
    let (mut lines, files) = (0, Files::new(folder.path()));
    for older in files.present().unwrap().into_iter().rev() {
        let content = String::from_utf8(std::fs::read(files.path(older)).unwrap()).unwrap();
        assert!(!content.chars().any(|letter| letter != '\n' && is_dangerous(letter)), "file {older}");
        for line in content.lines() {
            // As others read it, and as we do.
            let value: serde_json::Value =
                serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}"));
            assert_eq!((value["n"].as_u64(), &value["kind"]), (Some(lines), &"client.said".into()), "{line}");
            let text = json::read(line.as_bytes()).unwrap().text(&TimeZone::UTC);
            assert!(!text.chars().any(is_dangerous), "{text}");
            lines += 1;
        }
    }
    assert_eq!(lines, EVENTS, "seed {SEED:#x}");
}
