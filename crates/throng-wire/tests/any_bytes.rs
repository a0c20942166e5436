//! Any bytes, torn anywhere: nothing panics, nothing grows, and the tearing changes nothing.
//!
//! Each parser has one body. Bolero feeds it bytes that know nothing of a protocol, and can be turned into a fuzzer
//! of it; proptest feeds it what a protocol is made of, in any order.

use bolero::check;
use proptest::prelude::*;
use throng_wire::irc::{self, Message};
use throng_wire::line::{Line, Lines};
use throng_wire::printable::{printable, printable_bytes, strip_irc_formatting};
use throng_wire::sniff::{UNDECIDED_MAX, Verdict, sniff};
use throng_wire::telnet::Filter;

const TRIES: usize = 20_000;
const LIKELY_TRIES: u32 = 2_000;
const MAX: usize = 64;
/// What a telnet peer can be answered at most in its life: each of 256 options refused twice in three bytes, and
/// ten times `[yes]` with its line's end.
const ANSWER_MAX: usize = 2 * 256 * 3 + 10 * 7;

/// What the protocols are made of.
const PIECES: &[&[u8]] = &[
    b"NICK",
    b"PRIVMSG",
    b"GET",
    b"HTTP/1.1",
    b"ana",
    b"#lobby",
    b" ",
    b"  ",
    b":",
    b"@",
    b";",
    b"=",
    b"\\",
    b"/",
    b"\r",
    b"\n",
    b"\r\n",
    b"\0",
    b"\xff",
    b"\xff\xff",
    b"\xff\xfb",
    b"\xff\xfd\x01",
    b"\xff\xfa",
    b"\xff\xf0",
    b"\xff\xf6",
    b"\x16",
    b"\x03",
    b"\x0304,12",
    b"\x1b[2J",
    b"\xd0",
    b"\xd0\xbe",
    b"\xe2\x80\xae",
    b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
];

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

/// The bytes whole, torn, and one by one must be read alike.
fn alike<T: PartialEq + std::fmt::Debug>(bytes: &[u8], read: impl Fn(&mut dyn Iterator<Item = &[u8]>) -> T) {
    let whole = read(&mut std::iter::once(bytes));
    assert_eq!(read(&mut torn(bytes)), whole, "torn: {}", bytes.escape_ascii());
    assert_eq!(read(&mut bytes.chunks(1)), whole, "one by one: {}", bytes.escape_ascii());
}

fn lines(bytes: &[u8]) {
    alike(bytes, |pieces| {
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
    });
}

fn telnet(bytes: &[u8]) {
    alike(bytes, |pieces| {
        let (mut filter, mut data, mut answer) = (Filter::default(), Vec::new(), Vec::new());
        pieces.for_each(|piece| filter.hear(piece, &mut data, &mut answer));
        assert!(data.len() <= bytes.len() && answer.len() <= ANSWER_MAX);
        (data, answer, filter.seen())
    });
}

fn first_bytes(bytes: &[u8]) {
    let mut before = Verdict::NeedMore;
    for end in 0..=bytes.len().min(2 * UNDECIDED_MAX) {
        let verdict = sniff(&bytes[..end]);
        assert!(before == Verdict::NeedMore || before == verdict, "at {end}: {}", bytes.escape_ascii());
        assert!(verdict != Verdict::NeedMore || end < UNDECIDED_MAX);
        before = verdict;
    }
}

/// A message that is written again means the same, but for the spaces between and what no tag can be.
fn messages(bytes: &[u8]) {
    let Ok(message) = Message::parse(bytes) else { return };
    assert!(message.params.len() <= 15);
    message.tags().for_each(drop);
    let mut out = Vec::new();
    let mut line = irc::write(&mut out);
    // A tag without a key is read, and is nothing that could be written.
    let named = |message: &Message<'_>| -> Vec<String> {
        message.tags().filter(|(key, _)| !key.is_empty()).map(|(_, value)| value.into_owned()).collect()
    };
    for (key, value) in message.tags().filter(|(key, _)| !key.is_empty()) {
        line = line.tag(key, &value);
    }
    if let Some(source) = message.source.filter(|source| !source.is_empty()) {
        line = line.source(source);
    }
    line = line.command(message.command);
    if let Some((last, params)) = message.params.split_last() {
        line = params.iter().fold(line, |line, param| line.param(param)).trailing(last);
    }
    line.end();
    let again =
        Message::parse(out.strip_suffix(b"\r\n").expect("a message ends")).expect("it was one before");
    assert_eq!((again.command, &again.params), (message.command, &message.params));
    assert_eq!(named(&again), named(&message));
}

fn text_for_a_terminal(bytes: &[u8]) {
    let shown = printable_bytes(bytes);
    assert!(!shown.chars().any(|letter| letter.is_control()), "{shown:?}");
    assert_eq!(printable(&shown), shown, "what is printable stays as it is");
    if let Ok(text) = std::str::from_utf8(bytes) {
        let bare = strip_irc_formatting(text);
        assert!(bare.len() <= text.len());
        assert_eq!(strip_irc_formatting(&bare), bare, "nothing is left to be stripped");
    }
}

#[test]
fn any_bytes_make_lines_within_the_cap() {
    check!().with_iterations(TRIES).for_each(lines);
}

#[test]
fn any_bytes_pass_the_telnet_filter() {
    check!().with_iterations(TRIES).for_each(telnet);
}

#[test]
fn any_first_bytes_are_judged_once() {
    check!().with_iterations(TRIES).for_each(first_bytes);
}

#[test]
fn any_bytes_are_a_message_or_none() {
    check!().with_iterations(TRIES).for_each(messages);
}

#[test]
fn any_bytes_are_safe_for_a_terminal() {
    check!().with_iterations(TRIES).for_each(text_for_a_terminal);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: LIKELY_TRIES, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn pieces_of_the_protocols_in_any_order_do_no_harm(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..60),
    ) {
        let bytes = pieces.concat();
        lines(&bytes);
        telnet(&bytes);
        first_bytes(&bytes);
        messages(&bytes);
        text_for_a_terminal(&bytes);
        let command = [b"@a=".as_slice(), &bytes, b" NICK ", &bytes].concat();
        messages(&command);
        first_bytes(&command);
    }
}

#[test]
fn storms_leave_nothing_behind() {
    const STORM: usize = 1_000_000;
    for piece in PIECES {
        let storm = piece.repeat(STORM / piece.len());
        let (mut filter, mut lines) = (Filter::default(), Lines::new(MAX));
        let (mut data, mut answer, mut answered) = (Vec::new(), Vec::new(), 0);
        for read in storm.chunks(4096) {
            filter.hear(read, &mut data, &mut answer);
            assert!(data.len() <= read.len());
            lines.feed(&data, |_| ());
            assert!(lines.pending() <= MAX + 1);
            answered += answer.len();
            data.clear();
            answer.clear();
        }
        assert!(answered <= ANSWER_MAX, "{}: {answered}", piece.escape_ascii());
    }
}
