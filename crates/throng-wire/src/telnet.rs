//! Telnet's own bytes (RFC 854, RFC 855): taken out of what a person types, each option refused once, but for one: that
//! what is typed is not shown while a password is asked for (RFC 857).
//!
//! Somebody at nc never sends any, and pays nothing for the filter.

/// Interpret as command.
pub const IAC: u8 = 255;
/// No operation.
pub const NOP: u8 = 241;
/// What makes the network find out whether a telnet client is there; it prints nothing.
pub const PROBE: &[u8] = &[IAC, NOP];

const SE: u8 = 240;
const AYT: u8 = 246;
const SB: u8 = 250;
const WILL: u8 = 251;
const WONT: u8 = 252;
const DO: u8 = 253;
const DONT: u8 = 254;

/// The option by which one side shows what the other types (RFC 857).
const ECHO: u8 = 1;

/// How often "are you there" is answered: a person asks now and then, a storm gets no further answer.
const ANSWERS_MAX: u8 = 10;

/// Takes telnet's commands out of a stream.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    state: State,
    /// What was refused, made at the first negotiation.
    refused: Option<Box<Refused>>,
    seen: bool,
    answered: u8,
    hiding: bool,
    /// Words of ours about the echo that are not agreed to yet.
    offered: u8,
    /// The other side may say that it shows what is typed, and then we do not.
    heeds: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Data,
    Return,
    Command,
    Negotiation(u8),
    Sub,
    SubCommand,
}

#[derive(Clone, Debug, Default)]
struct Refused {
    theirs: [u32; 8],
    ours: [u32; 8],
}

impl Filter {
    /// For who shows what is typed: the other side may say when that must not be seen.
    pub fn heeding() -> Filter {
        Filter { heeds: true, ..Filter::default() }
    }

    /// Shall what is typed not be seen?
    pub fn hides(&self) -> bool {
        self.heeds && self.hiding
    }

    /// Takes bytes; appends what the person typed to `data`, and what telnet wants to hear to `answer`.
    pub fn hear(&mut self, bytes: &[u8], data: &mut Vec<u8>, answer: &mut Vec<u8>) {
        if self.state == State::Data && !bytes.iter().any(|byte| matches!(*byte, IAC | b'\r')) {
            return data.extend_from_slice(bytes);
        }
        for byte in bytes {
            self.hear_byte(*byte, data, answer);
        }
    }

    /// Says that we show from here on what is typed, and we do not: so nobody does. What a client at nc sees of it is
    /// overwritten by what is said next, since a return stands behind it.
    pub fn hide(&mut self, out: &mut Vec<u8>) {
        self.offer(WILL, out);
    }

    /// The client shows again what is typed.
    pub fn show(&mut self, out: &mut Vec<u8>) {
        self.offer(WONT, out);
    }

    fn offer(&mut self, verb: u8, out: &mut Vec<u8>) {
        let hiding = verb == WILL;
        if self.hiding == hiding {
            return;
        }
        self.hiding = hiding;
        self.offered = self.offered.saturating_add(1);
        out.extend_from_slice(&[IAC, verb, ECHO]);
        if !self.seen {
            out.extend_from_slice(b"\r\0");
        }
    }

    /// Does this peer speak telnet?
    pub fn seen(&self) -> bool {
        self.seen
    }

    fn hear_byte(&mut self, byte: u8, data: &mut Vec<u8>, answer: &mut Vec<u8>) {
        self.state = match (self.state, byte) {
            // A return is CR NUL on the wire (RFC 854).
            (State::Return, 0) => State::Data,
            (State::Data | State::Return, IAC) => State::Command,
            (State::Data | State::Return, byte) => {
                data.push(byte);
                if byte == b'\r' { State::Return } else { State::Data }
            }
            (State::Command, command) => self.hear_command(command, data, answer),
            (State::Negotiation(verb), option) => {
                self.refuse(verb, option, answer);
                State::Data
            }
            (State::Sub, IAC) => State::SubCommand,
            (State::Sub, _) => State::Sub,
            (State::SubCommand, SE) => State::Data,
            (State::SubCommand, _) => State::Sub,
        };
    }

    fn hear_command(&mut self, command: u8, data: &mut Vec<u8>, answer: &mut Vec<u8>) -> State {
        if command == IAC {
            data.push(IAC);
            return State::Data;
        }
        self.seen = true;
        match command {
            WILL | WONT | DO | DONT => State::Negotiation(command),
            SB => State::Sub,
            AYT if self.answered < ANSWERS_MAX => {
                self.answered += 1;
                answer.extend_from_slice(b"[yes]\r\n");
                State::Data
            }
            _ => State::Data,
        }
    }

    fn refuse(&mut self, verb: u8, option: u8, answer: &mut Vec<u8>) {
        if option == ECHO && self.heeds && matches!(verb, WILL | WONT) {
            // Each change is agreed to once, so that nobody goes on for ever.
            if self.hiding != (verb == WILL) {
                self.hiding = verb == WILL;
                answer.extend_from_slice(&[IAC, if self.hiding { DO } else { DONT }, ECHO]);
            }
            return;
        }
        // To what we offered, yes and no are answers and no demands (RFC 1143 §7 has the whole automaton; since we offer
        // one option only and mean every word, counting is enough).
        if option == ECHO && matches!(verb, DO | DONT) && self.offered > 0 {
            self.offered -= 1;
            return;
        }
        let refused = self.refused.get_or_insert_default();
        let (set, no) = match verb {
            WILL => (&mut refused.theirs, DONT),
            DO => (&mut refused.ours, WONT),
            _ => return,
        };
        let (word, bit) = (usize::from(option) / 32, 1_u32 << (option % 32));
        if set[word] & bit == 0 {
            set[word] |= bit;
            answer.extend_from_slice(&[IAC, no, option]);
        }
    }
}

/// Appends text for a telnet client: the byte 255 is doubled.
pub fn escape(text: &[u8], out: &mut Vec<u8>) {
    for byte in text {
        out.push(*byte);
        if *byte == IAC {
            out.push(IAC);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(pieces: &[&[u8]]) -> (Vec<u8>, Vec<u8>, bool) {
        let (mut filter, mut data, mut answer) = (Filter::default(), Vec::new(), Vec::new());
        pieces.iter().for_each(|piece| filter.hear(piece, &mut data, &mut answer));
        (data, answer, filter.seen())
    }

    #[test]
    fn commands_are_taken_out_and_each_option_is_refused_once() {
        let check = |given: &[u8], data: &[u8], answer: &[u8], seen: bool| {
            let expected = (data.to_vec(), answer.to_vec(), seen);
            assert_eq!(hear(&[given]), expected, "{given:?}");
            for end in 0..given.len() {
                let (one, two) = given.split_at(end);
                assert_eq!(hear(&[one, two]), expected, "{given:?} torn at {end}");
            }
        };
        check(b"plain\r\n", b"plain\r\n", b"", false);
        check(b"a\r\0b", b"a\rb", b"", false);
        check(b"a\xff\xffb", b"a\xffb", b"", false);
        check(b"\xff\xfd\x01a", b"a", b"\xff\xfc\x01", true);
        check(b"\xff\xfb\x1f\xff\xfb\x1f", b"", b"\xff\xfe\x1f", true);
        check(b"\xff\xfe\x01\xff\xfc\x01", b"", b"", true);
        check(b"a\xff\xfa\x18\x00xterm\xff\xff\xff\xf0b", b"ab", b"", true);
        check(b"\xff\xfa\x18hidden\xff\xffhidden\xff\xf1hidden\xff\xf0b", b"b", b"", true);
        check(b"\xff\xf6", b"", b"[yes]\r\n", true);
        check(b"\xff\xf1\xff\xf4x", b"x", b"", true);
    }

    #[test]
    fn a_storm_gets_a_bounded_answer() {
        let storm: Vec<u8> = (0..300_000)
            .flat_map(|round| [DO, WILL, DONT, WONT].map(|verb| [IAC, verb, round as u8]).concat())
            .collect();
        let (data, answer, _) = hear(&[&storm, &[IAC, AYT].repeat(10_000)]);
        assert!(data.is_empty());
        assert_eq!(answer.len(), 2 * 256 * 3 + usize::from(ANSWERS_MAX) * b"[yes]\r\n".len());
        for option in 0..=255 {
            for verb in [WONT, DONT] {
                let refusals = answer.chunks(3).filter(|said| **said == [IAC, verb, option]);
                assert_eq!(refusals.count(), 1, "{verb} {option}");
            }
        }
    }

    #[test]
    fn what_is_typed_is_hidden_and_shown_again() {
        let (mut filter, mut data, mut out) = (Filter::default(), Vec::new(), Vec::new());
        filter.hide(&mut out);
        filter.hide(&mut out);
        assert_eq!(out, b"\xff\xfb\x01\r\0", "said once; a return hides it from who does not speak telnet");
        out.clear();
        filter.hear(b"\xff\xfd\x01secret\r\0", &mut data, &mut out);
        assert_eq!(
            (&data[..], &out[..]),
            (&b"secret\r"[..], &b""[..]),
            "the client agreed, and that is no question"
        );
        filter.show(&mut out);
        filter.show(&mut out);
        assert_eq!(out, b"\xff\xfc\x01");
        out.clear();
        filter.hear(b"\xff\xfe\x01", &mut data, &mut out);
        assert!(out.is_empty());
        filter.hear(b"\xff\xfd\x01", &mut data, &mut out);
        assert_eq!(out, b"\xff\xfc\x01", "a demand that answers no offer is refused");
    }

    #[test]
    fn who_heeds_hides_what_is_typed_for_as_long_as_it_is_told() {
        let (mut filter, mut data, mut out) = (Filter::heeding(), Vec::new(), Vec::new());
        filter.hear(b"\xff\xfb\x01\xff\xfb\x01Password: ", &mut data, &mut out);
        assert!(filter.hides());
        assert_eq!((&data[..], &out[..]), (&b"Password: "[..], &b"\xff\xfd\x01"[..]));
        filter.hear(b"\xff\xfc\x01\xff\xfc\x01\xff\xfb\x03", &mut data, &mut out);
        assert!(!filter.hides());
        assert_eq!(out, b"\xff\xfd\x01\xff\xfe\x01\xff\xfe\x03", "any other option is refused");
        assert!(!Filter::default().hides());
    }

    #[test]
    fn text_for_telnet_doubles_the_byte_255() {
        let mut out = Vec::new();
        escape(b"a\xffb", &mut out);
        assert_eq!(out, b"a\xff\xffb");
    }
}
