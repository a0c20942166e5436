//! Telnet's own bytes (RFC 854, RFC 855): taken out of what a person types, each option refused once.
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
    /// Takes bytes; appends what the person typed to `data`, and what telnet wants to hear to `answer`.
    pub fn hear(&mut self, bytes: &[u8], data: &mut Vec<u8>, answer: &mut Vec<u8>) {
        if self.state == State::Data && !bytes.iter().any(|byte| matches!(*byte, IAC | b'\r')) {
            return data.extend_from_slice(bytes);
        }
        for byte in bytes {
            self.hear_byte(*byte, data, answer);
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
