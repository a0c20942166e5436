//! Any bytes, torn anywhere: nothing panics, nothing grows, and the tearing changes nothing.

use bolero::check;
use throng_wire::irc::{self, Message};
use throng_wire::line::{Line, Lines};
use throng_wire::printable::{printable, printable_bytes, strip_irc_formatting};
use throng_wire::sniff::{Verdict, sniff};
use throng_wire::telnet::Filter;

const TRIES: usize = 20_000;
const MAX: usize = 64;

/// The same bytes in pieces whose lengths the bytes themselves choose.
fn torn(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut left = bytes;
    std::iter::from_fn(move || {
        let first = *left.first()?;
        let (piece, rest) = left.split_at((usize::from(first) % 7 + 1).min(left.len()));
        left = rest;
        Some(piece)
    })
}

#[test]
fn lines() {
    check!().with_iterations(TRIES).for_each(|bytes: &[u8]| {
        let read = |pieces: &mut dyn Iterator<Item = &[u8]>| {
            let (mut lines, mut found) = (Lines::new(MAX), Vec::new());
            for piece in pieces {
                lines.feed(piece, |line| match line {
                    Line::Whole(line) => {
                        assert!(line.len() <= MAX && !line.contains(&b'\n'));
                        found.push(Some(line.to_vec()));
                    }
                    Line::TooLong => found.push(None),
                });
                assert!(lines.pending() <= MAX + 1);
            }
            found
        };
        assert_eq!(read(&mut torn(bytes)), read(&mut std::iter::once(bytes)));
    });
}

#[test]
fn telnet() {
    check!().with_iterations(TRIES).for_each(|bytes: &[u8]| {
        let read = |pieces: &mut dyn Iterator<Item = &[u8]>| {
            let (mut filter, mut data, mut answer) = (Filter::default(), Vec::new(), Vec::new());
            pieces.for_each(|piece| filter.hear(piece, &mut data, &mut answer));
            assert!(data.len() <= bytes.len() && answer.len() <= 4 * bytes.len());
            (data, answer)
        };
        assert_eq!(read(&mut torn(bytes)), read(&mut std::iter::once(bytes)));
    });
}

#[test]
fn first_bytes() {
    check!().with_iterations(TRIES).for_each(|bytes: &[u8]| {
        let mut sure = None;
        for end in 0..=bytes.len() {
            let verdict = sniff(&bytes[..end]);
            if let Some(sure) = sure {
                assert_eq!(verdict, sure, "at {end}");
            } else if verdict != Verdict::NeedMore {
                sure = Some(verdict);
            }
        }
    });
}

#[test]
fn messages() {
    check!().with_iterations(TRIES).for_each(|bytes: &[u8]| {
        let Ok(message) = Message::parse(bytes) else { return };
        assert!(message.params.len() <= 15);
        message.tags().for_each(drop);
        // Written again it means the same, but for the spaces between.
        let mut out = Vec::new();
        let mut line = irc::write(&mut out);
        if let Some(source) = message.source.filter(|source| !source.is_empty()) {
            line = line.source(source);
        }
        line = line.command(message.command);
        if let Some((last, params)) = message.params.split_last() {
            line = params.iter().fold(line, |line, param| line.param(param));
            line = line.trailing(last);
        }
        line.end();
        let again =
            Message::parse(out.strip_suffix(b"\r\n").expect("a message ends")).expect("it was one before");
        assert_eq!((again.command, again.params), (message.command, message.params));
    });
}

#[test]
fn text_for_a_terminal() {
    check!().with_iterations(TRIES).for_each(|bytes: &[u8]| {
        let shown = printable_bytes(bytes);
        assert!(!shown.chars().any(|letter| letter.is_control()), "{shown:?}");
        assert_eq!(printable(&shown), shown, "what is printable stays as it is");
        if let Ok(text) = std::str::from_utf8(bytes) {
            assert!(strip_irc_formatting(text).len() <= text.len());
        }
    });
}
