//! WebSocket frames (RFC 6455 §5), without a socket: bytes in, messages out, and what answers by itself.
//!
//! The library takes frames apart, with buffers far smaller than its own choice: one seat holds what is not complete
//! of one message, at most [`MESSAGE_MAX`]. Frames to the client need no state, so many can share them.

use std::io::{self, ErrorKind, Read, Write};

use tungstenite::error::{CapacityError, Error};
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, FrameHeader};
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Message, Utf8Bytes};

/// The longest message that is taken, over all its fragments. A line of IRC with all its tags is 4606 bytes.
pub const MESSAGE_MAX: usize = 16 << 10;

/// What a socket holds while nothing is under way; lines of people fit.
const BUFFER_BYTES: usize = 512;

/// The longest reason of a close (RFC 6455 §5.5: 125 bytes, less the code).
const REASON_MAX: usize = 123;

/// How messages are framed: the two subprotocols of IRCv3's websocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// `text.ircv3.net`: UTF-8 only.
    Text,
    /// `binary.ircv3.net`.
    Binary,
}

impl Speech {
    /// The subprotocol of this name.
    pub fn named(name: &str) -> Option<Speech> {
        [Speech::Text, Speech::Binary].into_iter().find(|speech| speech.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Speech::Text => "text.ircv3.net",
            Speech::Binary => "binary.ircv3.net",
        }
    }

    fn opcode(self) -> OpCode {
        OpCode::Data(match self {
            Speech::Text => Data::Text,
            Speech::Binary => Data::Binary,
        })
    }
}

/// How a socket ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Who takes the messages has heard enough.
    Enough,
    /// The client closed it, and was answered.
    ByClient,
    /// The client broke a rule. The close frame with this code is still to be sent.
    Broken(CloseCode, &'static str),
}

/// The client's side of one socket.
pub struct Socket {
    speech: Speech,
    frames: WebSocketContext,
}

impl Socket {
    /// A socket that was just agreed on.
    pub fn new(speech: Speech) -> Socket {
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(MESSAGE_MAX)
            .max_message_size(Some(MESSAGE_MAX))
            .max_frame_size(Some(MESSAGE_MAX));
        Socket { speech, frames: WebSocketContext::new(Role::Server, Some(config)) }
    }

    /// Takes bytes and gives each message that they complete. Answers to pings and closes are appended to `out`.
    pub fn hear(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        mut each: impl FnMut(&[u8]) -> Result<(), Ended>,
    ) -> Result<(), Ended> {
        let mut wire = Wire { bytes, out };
        loop {
            match self.frames.read(&mut wire) {
                Ok(Message::Text(text)) if self.speech == Speech::Text => each(text.as_bytes())?,
                Ok(Message::Binary(bytes)) if self.speech == Speech::Binary => each(&bytes)?,
                Ok(Message::Text(_) | Message::Binary(_)) => {
                    return Err(Ended::Broken(
                        CloseCode::Unsupported,
                        "this kind of frame was not agreed on",
                    ));
                }
                // The next read sends the answer, and then says that the socket is closed.
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_)) => {}
                Err(Error::Io(why)) if why.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(why) => return Err(ended(&why)),
            }
        }
    }
}

fn ended(why: &Error) -> Ended {
    match why {
        Error::ConnectionClosed | Error::AlreadyClosed => Ended::ByClient,
        Error::Utf8(_) => Ended::Broken(CloseCode::Invalid, "text must be UTF-8"),
        Error::Capacity(CapacityError::MessageTooLong { .. }) => {
            Ended::Broken(CloseCode::Size, "a message is at most 16 KiB")
        }
        _ => Ended::Broken(CloseCode::Protocol, "these are no frames of a client"),
    }
}

/// What was read, and where answers go. Nothing more to read is no end.
struct Wire<'a> {
    bytes: &'a [u8],
    out: &'a mut Vec<u8>,
}

impl Read for Wire<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.bytes.is_empty() {
            true => Err(ErrorKind::WouldBlock.into()),
            false => self.bytes.read(into),
        }
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Puts each line into a frame of its own, without its end.
pub fn frame_lines(speech: Speech, lines: &[u8], out: &mut Vec<u8>) {
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        frame(speech.opcode(), line.strip_suffix(b"\r").unwrap_or(line), out);
    }
}

/// A ping without words; whoever lives answers it.
pub fn ping(out: &mut Vec<u8>) {
    frame(OpCode::Control(Control::Ping), b"", out);
}

/// The last frame.
pub fn close(code: CloseCode, reason: &str, out: &mut Vec<u8>) {
    let reason = Utf8Bytes::from(&reason[..reason.floor_char_boundary(REASON_MAX)]);
    let payload = tungstenite::protocol::frame::Frame::close(Some(CloseFrame { code, reason }));
    frame(OpCode::Control(Control::Close), payload.payload(), out);
}

fn frame(opcode: OpCode, payload: &[u8], out: &mut Vec<u8>) {
    let header = FrameHeader { opcode, ..FrameHeader::default() };
    header.format(payload.len() as u64, out).expect("memory takes what is written to it");
    out.extend_from_slice(payload);
}
