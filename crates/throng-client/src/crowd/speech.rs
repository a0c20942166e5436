//! What a crowd speaks: IRC, or the lines that people type at throng's own chat. What it says to come in, to join and to
//! talk, and what it understands.

use super::line::{self, Heard};
use super::names;

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// Any IRC server.
    Irc,
    /// The door for telnet and nc.
    Lines,
}

impl Speech {
    /// Comes in, under a name that says the number.
    pub fn coming(self, client: usize) -> String {
        let name = names::client(client);
        match self {
            Speech::Irc => format!("NICK {name}\r\nUSER {name} 0 * :{name}\r\n"),
            // The empty line stays a guest, where a free name is offered for registration.
            Speech::Lines => format!("{name}\r\n\r\n"),
        }
    }

    /// Joins this room.
    pub fn joining(self, room: usize) -> String {
        match self {
            Speech::Irc => format!("JOIN #{}\r\n", names::room(room)),
            Speech::Lines => format!("/join #{}\r\n", names::room(room)),
        }
    }

    /// What stands before words to this room.
    pub fn beginning(self, room: usize) -> String {
        match self {
            Speech::Irc => format!("PRIVMSG #{} :", names::room(room)),
            // Whoever joins talks there.
            Speech::Lines => String::new(),
        }
    }

    /// Asks for a sign of life.
    pub fn settling(self) -> &'static [u8] {
        match self {
            Speech::Irc => b"PING :settle\r\n",
            Speech::Lines => b"/who #lobby\r\n",
        }
    }

    /// Whether one's own words come back.
    pub fn hears_itself(self) -> bool {
        self == Speech::Lines
    }

    /// Reads a line, without its end.
    pub fn hear(self, line: &[u8]) -> Heard<'_> {
        match self {
            Speech::Irc => line::hear(line),
            Speech::Lines => hear(line),
        }
    }
}

/// A line of the door for telnet and nc.
fn hear(line: &[u8]) -> Heard<'_> {
    if line.starts_with(b"What you type goes to ") {
        Heard::Welcome
    } else if line.starts_with(b"You are in #") {
        Heard::EndOfNames
    } else if line.starts_with(b"In #") {
        Heard::Pong
    } else if line.starts_with(b"! ") || line.starts_with(b"Bye") {
        Heard::Refusal
    } else {
        said(line).unwrap_or(Heard::Other)
    }
}

/// `19:02 <ana> hello`, with the room before the name where that is not the one in which one talks.
fn said(line: &[u8]) -> Option<Heard<'_>> {
    let begins = memchr::memchr(b'<', line)?;
    let is_clock = |place: &[u8]| {
        let digits = place.iter().all(|byte| byte.is_ascii_digit() || *byte == b':');
        place.len() == 5 && digits
    };
    if !is_clock(line[..begins].strip_suffix(b" ")?) {
        return None;
    }
    let rest = &line[begins + 1..];
    let ends = memchr::memchr(b'>', rest)?;
    let body = rest[ends + 1..].strip_prefix(b" ")?;
    Some(Heard::Said { from: names::number(&rest[..ends])?, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_chat_are_understood_as_far_as_a_crowd_must() {
        for (line, expected) in [
            ("19:02 <zb> hello there", Heard::Said { from: 1, body: b"hello there" }),
            ("19:02 <bo> hello", Heard::Other),
            ("19:02 #other <zb> hello", Heard::Other),
            ("19:02 * zb waves <zb> hello", Heard::Other),
            ("Hello zb. You are in #lobby with za.", Heard::Other),
            ("What you type goes to #lobby. /help lists commands, /quit leaves.", Heard::Welcome),
            ("You are in #rooma with za. What you type goes there.", Heard::EndOfNames),
            ("In #rooma: za, zb.", Heard::Pong),
            ("! zb is taken. Try zb_ or zb2.", Heard::Refusal),
            ("* zb came into #rooma.", Heard::Other),
            ("--- last 2 messages ---", Heard::Other),
            ("19:02 <zb>", Heard::Other),
            ("<", Heard::Other),
            ("", Heard::Other),
        ] {
            assert_eq!(Speech::Lines.hear(line.as_bytes()), expected, "{line:?}");
        }
    }
}
