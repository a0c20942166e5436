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

/// Judges the bytes of a connection so far. A judgement that is sure never changes, however the bytes were torn.
pub fn sniff(first: &[u8]) -> Verdict {
    let first = &first[..first.len().min(UNDECIDED_MAX)];
    match first {
        [] | [0x16] => return Verdict::NeedMore,
        [0x16, second, ..] => return tls(*second),
        _ => {}
    }
    if let Some(end) = first.iter().position(|byte| *byte == b'\n') {
        let line = &first[..end];
        return Verdict::Sure(speaks(line.strip_suffix(b"\r").unwrap_or(line)));
    }
    match begins(first) {
        Verdict::NeedMore if first.len() == UNDECIDED_MAX => Verdict::Sure(Speaks::Line),
        verdict => verdict,
    }
}

/// Judges the beginning of a line.
fn begins(first: &[u8]) -> Verdict {
    let end = first.iter().position(|byte| *byte == b' ').unwrap_or(first.len());
    let (word, rest) = first.split_at(end);
    let follows = rest.iter().copied().find(|byte| *byte != b' ');
    let known = |known: &[&[u8]]| known.iter().any(|known| known.eq_ignore_ascii_case(word));
    let could_become = |known: &[&[u8]]| {
        let begins =
            |known: &&[u8]| known.len() >= word.len() && known[..word.len()].eq_ignore_ascii_case(word);
        rest.is_empty() && known.iter().any(begins)
    };
    match (first[0], follows) {
        (b'@' | b':', _) => Verdict::NeedMore,
        // A lone return may still be the line's end, and then the command stands alone.
        (_, Some(follows)) if follows != b'\r' && known(IRC) => Verdict::Sure(Speaks::Irc),
        (_, Some(b'/')) if HTTP.contains(&word) => Verdict::Sure(Speaks::Http),
        _ if known(IRC) || known(HTTP) || could_become(IRC) || could_become(HTTP) => Verdict::NeedMore,
        _ => Verdict::Sure(Speaks::Line),
    }
}

/// Judges one complete first line, without its end.
pub fn speaks(line: &[u8]) -> Speaks {
    if line.first() == Some(&b' ') {
        return Speaks::Line;
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &[(&str, Speaks)] = &[
        ("NICK ana\r\n", Speaks::Irc),
        ("nick ana\n", Speaks::Irc),
        ("CAP LS 302\r\n", Speaks::Irc),
        (":x NICK ana\r\n", Speaks::Irc),
        ("@a=b USER a 0 * :b\r\n", Speaks::Irc),
        ("NICK\r\n", Speaks::Line),
        ("NICK \r\n", Speaks::Line),
        ("NICKY ana\r\n", Speaks::Line),
        (" NICK ana\r\n", Speaks::Line),
        ("nicholas\n", Speaks::Line),
        ("ana\n", Speaks::Line),
        ("Олена\n", Speaks::Line),
        ("\r\n", Speaks::Line),
        ("\n", Speaks::Line),
        ("/help\n", Speaks::Line),
        ("GET / HTTP/1.1\r\n", Speaks::Http),
        ("GET http://localhost/ HTTP/1.1\r\n", Speaks::Http),
        ("PRI * HTTP/2.0\r\n", Speaks::Http),
        ("GET off my lawn\r\n", Speaks::Line),
        ("get / HTTP/1.1\r\n", Speaks::Line),
        ("GET\n", Speaks::Line),
        ("\u{16}\u{3}\u{1}", Speaks::Tls),
        ("\u{16}x\n", Speaks::Line),
    ];

    #[test]
    fn the_first_line_says_how_a_client_speaks() {
        for (line, expected) in LINES {
            assert_eq!(sniff(line.as_bytes()), Verdict::Sure(*expected), "{line:?}");
        }
    }

    #[test]
    fn a_verdict_does_not_depend_on_how_the_bytes_were_torn() {
        let long = format!("GET {} HTTP/1.1\r\n", "x".repeat(2 * UNDECIDED_MAX));
        let tagged = format!("@{} NICK ana\r\n", "x".repeat(UNDECIDED_MAX));
        let lines = LINES.iter().map(|(line, _)| *line).chain([long.as_str(), tagged.as_str()]);
        for line in lines {
            let last = sniff(line.as_bytes());
            for end in 0..line.len() {
                let verdict = sniff(&line.as_bytes()[..end]);
                assert!(
                    verdict == last || verdict == Verdict::NeedMore,
                    "{line:?} at {end}: {verdict:?}, then {last:?}"
                );
            }
        }
    }

    #[test]
    fn the_first_bytes_are_waited_for_only_as_long_as_they_can_matter() {
        use Verdict::{NeedMore, Sure};
        for (given, expected) in [
            (&b""[..], NeedMore),
            (b"N", NeedMore),
            (b"NICK", NeedMore),
            (b"NICK ", NeedMore),
            (b"NICK  \r", NeedMore),
            (b"NICK a", Sure(Speaks::Irc)),
            (b"NICKY", Sure(Speaks::Line)),
            (b"NICK\tana", Sure(Speaks::Line)),
            (b"@a=b :c CAP", NeedMore),
            (b"GET ", NeedMore),
            (b"GET /", Sure(Speaks::Http)),
            (b"GET http://localhost/ HTTP/1.1", NeedMore),
            (b"GETTING", Sure(Speaks::Line)),
            (b"\x16", NeedMore),
            (b"\x16\x03", Sure(Speaks::Tls)),
            (b"\x16\x02", Sure(Speaks::Line)),
            (b"\xff", Sure(Speaks::Line)),
            (b"\0", Sure(Speaks::Line)),
            (b" ", Sure(Speaks::Line)),
        ] {
            assert_eq!(sniff(given), expected, "{}", given.escape_ascii());
        }
    }

    #[test]
    fn a_sure_verdict_stays_whatever_follows() {
        const PIECES: [&[u8]; 14] = [
            b"NICK", b"nick", b"P", b"GET", b" ", b"/", b"x", b"HTTP/1", b"@a", b":b", b"\r", b"\n", b"\x16",
            b"\x03",
        ];
        for number in 0..PIECES.len().pow(4) {
            let piece = |place: u32| PIECES[number / PIECES.len().pow(place) % PIECES.len()];
            let bytes = [piece(0), piece(1), piece(2), piece(3)].concat();
            let mut before = Verdict::NeedMore;
            for end in 0..=bytes.len() {
                let verdict = sniff(&bytes[..end]);
                assert!(before == Verdict::NeedMore || before == verdict, "{}", bytes.escape_ascii());
                before = verdict;
            }
        }
    }

    #[test]
    fn nobody_is_undecided_for_ever() {
        for byte in [b'@', b':', b'N', b'G', b'x', 0, 0xff] {
            assert_ne!(sniff(&[byte; UNDECIDED_MAX]), Verdict::NeedMore, "{byte}");
        }
    }
}
