//! One line that a server tells, as far as a crowd must understand it. No allocation.

use super::names;

/// What a line means to the crowd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    /// Somebody said this to a room. The number is the client's; other people's words are [`Heard::Other`].
    Said {
        /// Who.
        from: usize,
        /// What.
        body: &'a [u8],
    },
    /// 001: the name is ours.
    Welcome,
    /// Somebody came into a room where we are.
    Join,
    /// 366: we are in, and know who else is.
    EndOfNames,
    /// The server wants a sign of life; this is its token.
    Ping(&'a [u8]),
    /// The sign of life that we wanted.
    Pong,
    /// ERROR, or a numeric from 400 to 599 but for 422: nothing that a crowd asks for may be refused.
    Refusal,
    /// Anything else.
    Other,
}

/// Reads a line, without its end.
pub fn hear(line: &[u8]) -> Heard<'_> {
    let line = untagged(line);
    let Some(sourced) = line.strip_prefix(b":") else {
        return match line {
            [b'P', b'I', b'N', b'G', b' ', token @ ..] => Heard::Ping(token),
            [b'P', b'O', b'N', b'G', ..] => Heard::Pong,
            [b'E', b'R', b'R', b'O', b'R', ..] => Heard::Refusal,
            _ => Heard::Other,
        };
    };
    let Some(space) = memchr::memchr(b' ', sourced) else { return Heard::Other };
    let (source, rest) = (&sourced[..space], &sourced[space + 1..]);
    if let Some(said) = rest.strip_prefix(b"PRIVMSG ") {
        return said_by(source, said).unwrap_or(Heard::Other);
    }
    match rest {
        [b'J', b'O', b'I', b'N', b' ', ..] => Heard::Join,
        [b'P', b'O', b'N', b'G', b' ', ..] => Heard::Pong,
        [b'0', b'0', b'1', b' ', ..] => Heard::Welcome,
        [b'3', b'6', b'6', b' ', ..] => Heard::EndOfNames,
        [b'4', b'2', b'2', b' ', ..] => Heard::Other,
        [b'4' | b'5', b'0'..=b'9', b'0'..=b'9', b' ', ..] => Heard::Refusal,
        _ => Heard::Other,
    }
}

fn untagged(line: &[u8]) -> &[u8] {
    match line.first() {
        Some(b'@') => memchr::memchr(b' ', line).map_or(line, |space| &line[space + 1..]),
        _ => line,
    }
}

fn said_by<'a>(source: &[u8], said: &'a [u8]) -> Option<Heard<'a>> {
    let name = &source[..memchr::memchr(b'!', source)?];
    let body = &said[memchr::memchr(b' ', said)? + 1..];
    Some(Heard::Said { from: names::number(name)?, body: body.strip_prefix(b":").unwrap_or(body) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_understood_as_far_as_a_crowd_must() {
        let said = |from, body| Heard::Said { from, body };
        for (line, expected) in [
            (":zb!~u@throng PRIVMSG #a :hello there", said(1, &b"hello there"[..])),
            (":zb!~zb@127.0.0.1 PRIVMSG #a word", said(1, b"word")),
            ("@time=x;msgid=y :zb!u@h PRIVMSG #a ::)", said(1, b":)")),
            (":bob!u@h PRIVMSG #a :hello", Heard::Other),
            (":irc.example PRIVMSG #a :hello", Heard::Other),
            (":irc.example 001 zb :Welcome", Heard::Welcome),
            (":zb!u@h JOIN #a", Heard::Join),
            (":zb!u@h JOIN :#a", Heard::Join),
            (":irc.example 353 zb = #a :za zb", Heard::Other),
            (":irc.example 366 zb #a :End of NAMES list", Heard::EndOfNames),
            (":irc.example 422 zb :MOTD file is missing", Heard::Other),
            (":irc.example 433 * zb :Nickname is already in use", Heard::Refusal),
            ("PING :token", Heard::Ping(b":token")),
            (":irc.example PONG irc.example :token", Heard::Pong),
            ("PONG :token", Heard::Pong),
            ("ERROR :Closing link", Heard::Refusal),
            ("", Heard::Other),
            (":", Heard::Other),
            ("@", Heard::Other),
            (":zb!u@h PRIVMSG", Heard::Other),
            (":zb!u@h PRIVMSG ", Heard::Other),
        ] {
            assert_eq!(hear(line.as_bytes()), expected, "{line:?}");
        }
    }
}
