//! The web door: a page over HTTP, and then IRC in the frames of a WebSocket.
//!
//! A browser's connection begins with [`http`], which serves the [`pages`] and agrees to a socket ([`upgrade`]) when
//! `Host` and `Origin` are ours ([`host`]). The HTTP library has the connection only until then ([`stream`]); behind it
//! everything is an [`IrcDoor`] whose lines go into frames ([`socket`]), one each, through the outbox as at any door.

pub mod host;
pub mod http;
pub mod pages;
pub mod socket;
pub mod stream;
pub mod upgrade;

use throng_chat::{Command, Entry, Event, Name, Text};
use throng_server::End;
use throng_store::Fault;
use tungstenite::protocol::frame::coding::CloseCode;

pub use self::host::Entrance;
use self::socket::{Ended, Socket, Speech};
use super::irc::{self, IrcDoor};
use super::{AccountAnswer, Ask, Door, Errand, Heard, Probe};
use crate::chat::house::House;
use crate::chat::rendering::{Face, Look, View};

/// The mark of binary frames beside the abilities of IRC, in a [`Look`].
const BINARY: u16 = 1 << 15;

/// A client in a WebSocket.
pub struct WebDoor {
    irc: IrcDoor,
    socket: Socket,
    speech: Speech,
    /// The client said goodbye, or the world ended its session: its page should not come back by itself.
    sent_away: bool,
    /// The close frame was written, or answered.
    closed: bool,
}

impl WebDoor {
    /// A door for a socket that was just agreed on.
    pub fn new(irc: IrcDoor, speech: Speech) -> WebDoor {
        WebDoor { irc, socket: Socket::new(speech), speech, sent_away: false, closed: false }
    }

    /// What the door inside writes, in frames.
    fn framed<T>(&mut self, out: &mut Vec<u8>, write: impl FnOnce(&mut IrcDoor, &mut Vec<u8>) -> T) -> T {
        let mut lines = Vec::new();
        let answer = write(&mut self.irc, &mut lines);
        socket::frame_lines(self.speech, &lines, out);
        answer
    }

    fn hear_messages(&mut self, bytes: &[u8], inner: &mut Heard, out: &mut Vec<u8>) -> Result<(), Ended> {
        let irc = &mut self.irc;
        // What was kept while the name was asked for comes first.
        irc.hear(b"", inner);
        if inner.over.is_some() {
            return Err(Ended::Enough);
        }
        self.socket.hear(bytes, out, |message| {
            let message = message.strip_suffix(b"\n").unwrap_or(message);
            let message = message.strip_suffix(b"\r").unwrap_or(message);
            if message.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
                return Err(Ended::Broken(CloseCode::Policy, "one message of IRC in one of WebSocket"));
            }
            irc.hear(message, inner);
            irc.hear(b"\r\n", inner);
            if inner.over.is_some() { Err(Ended::Enough) } else { Ok(()) }
        })
    }

    fn say_close(&mut self, code: CloseCode, reason: &str, out: &mut Vec<u8>) {
        if !self.closed {
            self.closed = true;
            socket::close(code, reason, out);
        }
    }
}

impl Door for WebDoor {
    fn hear(&mut self, bytes: &[u8], heard: &mut Heard) {
        if self.closed {
            return;
        }
        let mut inner = Heard::default();
        let outcome = self.hear_messages(bytes, &mut inner, &mut heard.reply);
        socket::frame_lines(self.speech, &inner.reply, &mut heard.reply);
        self.sent_away |= inner.asks.iter().any(|ask| matches!(ask, Ask::World(Command::Quit(_))));
        heard.asks.append(&mut inner.asks);
        heard.account = inner.account.take();
        heard.over = inner.over;
        match outcome {
            Ok(()) => {}
            Err(Ended::Enough) => self.say_close(CloseCode::Normal, "quit", &mut heard.reply),
            Err(Ended::ByClient) => {
                self.closed = true;
                heard.over = Some(End::PeerClosed);
            }
            Err(Ended::Broken(code, why)) => {
                self.say_close(code, why, &mut heard.reply);
                heard.over = Some(End::Failed(format!("a WebSocket that broke a rule: {why}")));
            }
        }
    }

    fn is_waiting(&self) -> bool {
        self.irc.is_waiting()
    }

    fn tell(&mut self, event: &Event, out: &mut Vec<u8>) -> Option<Errand> {
        self.sent_away |= matches!(event, Event::Closing { .. });
        self.framed(out, |irc, lines| irc.tell(event, lines))
    }

    fn learn(&mut self, answer: AccountAnswer, heard: &mut Heard) {
        let mut inner = Heard::default();
        self.irc.learn(answer, &mut inner);
        let lines = std::mem::take(&mut inner.reply);
        socket::frame_lines(self.speech, &lines, &mut heard.reply);
        let reply = std::mem::take(&mut heard.reply);
        *heard = Heard { reply, ..inner };
    }

    fn is_signing_in(&self) -> bool {
        self.irc.is_signing_in()
    }

    fn give_up_signing(&mut self, out: &mut Vec<u8>) {
        self.framed(out, IrcDoor::give_up_signing);
    }

    fn show_history(&mut self, errand: &Errand, found: Result<&[Entry], &Fault>, out: &mut Vec<u8>) {
        self.framed(out, |irc, lines| irc.show_history(errand, found, lines));
    }

    fn look(&self) -> Look {
        let binary = if self.speech == Speech::Binary { BINARY } else { 0 };
        Look { face: Face::Web, abilities: self.irc.look().abilities | binary }
    }

    /// Nothing: a page speaks first.
    fn greet(&mut self, _: Option<&Name>, _: &mut Vec<u8>) {}

    fn probe(&mut self, out: &mut Vec<u8>) -> Probe {
        socket::ping(out);
        Probe::Answers
    }

    fn close(&mut self, why: &Text, out: &mut Vec<u8>) {
        if self.closed {
            return;
        }
        self.framed(out, |irc, lines| irc.close(why, lines));
        // A page comes back by itself after 1001 (going away), and not after 1000.
        let code = if self.sent_away { CloseCode::Normal } else { CloseCode::Away };
        self.say_close(code, why.as_str(), out);
    }
}

/// Shows what many hear: the lines of IRC, each in a frame.
pub fn tell(view: View, event: &Event, house: &House, out: &mut Vec<u8>) {
    let speech = if view.look.abilities & BINARY == 0 { Speech::Text } else { Speech::Binary };
    let look = Look { abilities: view.look.abilities & !BINARY, ..view.look };
    let mut lines = Vec::new();
    irc::words::tell(View { look, ..view }, event, house, &mut lines);
    socket::frame_lines(speech, &lines, out);
}

/// The door of a browser that loads the page. The HTTP library hears and answers; chat has nothing to say in HTTP.
pub struct PageDoor;

impl Door for PageDoor {
    fn hear(&mut self, _: &[u8], _: &mut Heard) {}

    fn is_waiting(&self) -> bool {
        false
    }

    fn tell(&mut self, _: &Event, _: &mut Vec<u8>) -> Option<Errand> {
        None
    }

    fn learn(&mut self, _: AccountAnswer, _: &mut Heard) {}

    fn show_history(&mut self, _: &Errand, _: Result<&[Entry], &Fault>, _: &mut Vec<u8>) {}

    fn look(&self) -> Look {
        Look { face: Face::Web, abilities: 0 }
    }

    fn greet(&mut self, _: Option<&Name>, _: &mut Vec<u8>) {}

    fn probe(&mut self, _: &mut Vec<u8>) -> Probe {
        Probe::Silent
    }

    fn close(&mut self, _: &Text, _: &mut Vec<u8>) {}
}
