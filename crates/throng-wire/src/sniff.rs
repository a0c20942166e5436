//! Which protocol do these first bytes speak? They choose the door.

/// A protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// An IRC client.
    Irc,
    /// A browser.
    Http,
    /// A TLS hello (RFC 8446 §5.1). Nothing serves it yet; its place is kept.
    Tls,
    /// A person.
    Line,
}

/// What is known after some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is this one, whatever follows.
    Sure(Speaks),
    /// Nothing is certain yet.
    NeedMore,
}

/// After so many bytes without a line's end it is a person, whatever they type.
pub const UNDECIDED_MAX: usize = 512;

/// The commands with which IRC clients begin, and whether they stand alone.
const IRC: &[&[u8]] = &[
    b"CAP",
    b"NICK",
    b"USER",
    b"PASS",
    b"AUTHENTICATE",
    b"PING",
    b"PONG",
    b"JOIN",
    b"QUIT",
    b"WEBIRC",
    b"STARTTLS",
];

const HTTP: &[&[u8]] =
    &[b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE", b"CONNECT", b"PRI"];

/// Judges the bytes of a connection so far.
pub fn sniff(first: &[u8]) -> Verdict {
    match first.first() {
        None => return Verdict::NeedMore,
        Some(0x16) => return if first.len() == 1 { Verdict::NeedMore } else { tls(first[1]) },
        Some(_) => {}
    }
    if let Some(end) = first.iter().position(|byte| *byte == b'\n') {
        let line = &first[..end];
        return Verdict::Sure(speaks(line.strip_suffix(b"\r").unwrap_or(line)));
    }
    if first.len() >= UNDECIDED_MAX {
        return Verdict::Sure(Speaks::Line);
    }
    let word = first.split(|byte| *byte == b' ').next().unwrap_or(first);
    let spaced = word.len() < first.len();
    let could_be = |known: &[&[u8]]| {
        known.iter().any(|known| match spaced {
            true => known.eq_ignore_ascii_case(word),
            false => known.len() >= word.len() && known[..word.len()].eq_ignore_ascii_case(word),
        })
    };
    match first[0] {
        b'@' | b':' => Verdict::NeedMore,
        _ if spaced && could_be(IRC) => Verdict::Sure(Speaks::Irc),
        _ if could_be(IRC) || could_be(HTTP) => Verdict::NeedMore,
        _ => Verdict::Sure(Speaks::Line),
    }
}

/// Judges one complete first line, without its end.
pub fn speaks(line: &[u8]) -> Speaks {
    let mut words = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).peekable();
    while words.peek().is_some_and(|word| matches!(word[0], b'@' | b':')) {
        words.next();
    }
    let (command, rest) = (words.next().unwrap_or_default(), words.next());
    if rest.is_some() && IRC.iter().any(|known| known.eq_ignore_ascii_case(command)) {
        return Speaks::Irc;
    }
    let last = line.split(|byte| *byte == b' ').next_back().unwrap_or_default();
    let is_request = rest.is_some_and(|target| target.starts_with(b"/")) || last.starts_with(b"HTTP/");
    match HTTP.contains(&command) && is_request {
        true => Speaks::Http,
        false => Speaks::Line,
    }
}

fn tls(second: u8) -> Verdict {
    Verdict::Sure(if second == 3 { Speaks::Tls } else { Speaks::Line })
}
