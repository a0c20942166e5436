//! A crowd of IRC clients on one thread.
//!
//! The crowd costs little: readiness from the kernel, one read buffer for all, no allocation per message. [`names`] gives
//! each client a name that says its number; [`line`](mod@line) reads what comes; [`tally`] keeps who has heard what, and finds what
//! was lost, repeated, reordered or damaged; [`talk`] is the measured run.

pub mod line;
pub mod names;
pub mod talk;
pub mod tally;

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use line::Heard;
use tally::Tally;

/// Clients that come at once: some servers queue no more than ten unaccepted connections.
const COMING_MAX: usize = 50;

/// How long the whole crowd may take for one step.
const STEP_MAX: Duration = Duration::from_secs(180);

/// How much is read at once.
const READ_BYTES: usize = 256 << 10;

/// A line longer than this is no IRC.
const LINE_MAX: usize = 16 << 10;

/// The crowd.
pub struct Crowd {
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    buffer: Vec<u8>,
    progress: Progress,
    tally: Option<Tally>,
}

/// How far everybody is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Progress {
    welcomed: usize,
    listed: usize,
    joins_heard: u64,
}

struct Client {
    stream: TcpStream,
    /// What was read of a line whose end has not come yet.
    begun: Vec<u8>,
    /// What is to be sent.
    unsent: Vec<u8>,
    waits_to_write: bool,
}

/// What went wrong.
#[derive(Debug)]
pub enum Trouble {
    /// The network or the kernel.
    Io(&'static str, io::Error),
    /// A client was closed by the server, after these words.
    Closed(usize, String),
    /// The server refused something.
    Refused(String),
    /// The crowd did not come to the end of a step in time.
    Late(&'static str),
    /// Something that was told is not what was said.
    Wrong(tally::Wrong),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Io(what, why) => write!(f, "cannot {what}: {why}"),
            Trouble::Closed(client, words) => write!(f, "client {client} was closed by the server: {words}"),
            Trouble::Refused(line) => write!(f, "the server refused: {line}"),
            Trouble::Late(step) => write!(f, "{step} was not done within {} s", STEP_MAX.as_secs()),
            Trouble::Wrong(wrong) => write!(f, "{wrong}"),
        }
    }
}

impl std::error::Error for Trouble {}

impl From<tally::Wrong> for Trouble {
    fn from(wrong: tally::Wrong) -> Trouble {
        Trouble::Wrong(wrong)
    }
}

impl Crowd {
    /// So many clients come and get their names.
    ///
    /// # Errors
    /// When the server does not take them.
    pub fn come(address: SocketAddr, count: usize) -> Result<Crowd, Trouble> {
        let poll = Poll::new().map_err(|why| Trouble::Io("watch sockets", why))?;
        let mut crowd = Crowd {
            poll,
            events: Events::with_capacity(4096),
            clients: Vec::with_capacity(count),
            buffer: vec![0; READ_BYTES],
            progress: Progress::default(),
            tally: None,
        };
        while crowd.clients.len() < count {
            for _ in 0..COMING_MAX.min(count - crowd.clients.len()) {
                crowd.connect(address)?;
            }
            let here = crowd.clients.len();
            crowd.run_until("coming in", |progress| progress.welcomed == here)?;
        }
        Ok(crowd)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.clients.len()
    }

    /// Everybody joins a room: `room_of` gives its number. How long it took until each had heard the end of its list of
    /// names and everybody's coming; `sizes` are the rooms' sizes in the end.
    ///
    /// # Errors
    /// When the server does not let them, or not in time.
    pub fn join(&mut self, room_of: impl Fn(usize) -> usize, sizes: &[u64]) -> Result<Duration, Trouble> {
        let begun = now();
        // Whoever comes as the n-th is told to n people, itself included.
        let joins: u64 = sizes.iter().map(|size| size * (size + 1) / 2).sum();
        for index in 0..self.clients.len() {
            self.send(index, format!("JOIN #{}\r\n", names::room(room_of(index))).as_bytes())?;
        }
        let count = self.clients.len();
        self.run_until("joining", |progress| progress.listed == count && progress.joins_heard >= joins)?;
        Ok(begun.elapsed())
    }

    fn connect(&mut self, address: SocketAddr) -> Result<(), Trouble> {
        let why = |what| move |why| Trouble::Io(what, why);
        let stream = std::net::TcpStream::connect(address).map_err(why("connect"))?;
        stream.set_nodelay(true).map_err(why("set TCP_NODELAY"))?;
        stream.set_nonblocking(true).map_err(why("make a socket non-blocking"))?;
        let mut stream = TcpStream::from_std(stream);
        let index = self.clients.len();
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(index), interest).map_err(why("watch a socket"))?;
        self.clients.push(Client { stream, begun: Vec::new(), unsent: Vec::new(), waits_to_write: false });
        let name = names::client(index);
        self.send(index, format!("NICK {name}\r\nUSER {name} 0 * :{name}\r\n").as_bytes())
    }

    fn run_until(&mut self, step: &'static str, is_done: impl Fn(&Progress) -> bool) -> Result<(), Trouble> {
        let deadline = now() + STEP_MAX;
        while !is_done(&self.progress) {
            if now() >= deadline {
                return Err(Trouble::Late(step));
            }
            self.turn(Duration::from_millis(500))?;
        }
        Ok(())
    }

    /// Takes what the kernel has ready, and waits for it at most so long.
    fn turn(&mut self, patience: Duration) -> Result<(), Trouble> {
        match self.poll.poll(&mut self.events, Some(patience)) {
            Err(why) if why.kind() != ErrorKind::Interrupted => {
                return Err(Trouble::Io("wait for sockets", why));
            }
            _ => {}
        }
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        let mut outcome = Ok(());
        for event in &events {
            let index = event.token().0;
            if event.is_writable() && self.clients[index].waits_to_write {
                outcome = outcome.and_then(|()| self.flush(index));
            }
            if event.is_readable() {
                outcome = outcome.and_then(|()| self.read(index));
            }
        }
        self.events = events;
        outcome
    }

    fn send(&mut self, index: usize, bytes: &[u8]) -> Result<(), Trouble> {
        self.clients[index].unsent.extend_from_slice(bytes);
        self.flush(index)
    }

    fn flush(&mut self, index: usize) -> Result<(), Trouble> {
        let client = &mut self.clients[index];
        while !client.unsent.is_empty() {
            match client.stream.write(&client.unsent) {
                Ok(written) => drop(client.unsent.drain(..written)),
                Err(why) if why.kind() == ErrorKind::WouldBlock => break,
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                Err(why) => return Err(Trouble::Io("send", why)),
            }
        }
        client.waits_to_write = !client.unsent.is_empty();
        Ok(())
    }

    /// Reads all that is there: the kernel tells of it only once.
    fn read(&mut self, index: usize) -> Result<(), Trouble> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let outcome = loop {
            match self.clients[index].stream.read(&mut buffer) {
                Ok(0) => {
                    let words = String::from_utf8_lossy(&self.clients[index].begun).into_owned();
                    break Err(Trouble::Closed(index, words));
                }
                Ok(read) => {
                    if let Err(trouble) = self.hear_bytes(index, &buffer[..read]) {
                        break Err(trouble);
                    }
                    if read < buffer.len() {
                        // More may come, and then the kernel tells it anew.
                        break Ok(());
                    }
                }
                Err(why) if why.kind() == ErrorKind::WouldBlock => break Ok(()),
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                Err(why) => break Err(Trouble::Io("read", why)),
            }
        };
        self.buffer = buffer;
        outcome
    }

    fn hear_bytes(&mut self, index: usize, mut bytes: &[u8]) -> Result<(), Trouble> {
        let begun = &mut self.clients[index].begun;
        if !begun.is_empty() {
            let Some(end) = memchr::memchr(b'\n', bytes) else {
                begun.extend_from_slice(bytes);
                return if begun.len() > LINE_MAX {
                    Err(Trouble::Refused("a line without an end".into()))
                } else {
                    Ok(())
                };
            };
            begun.extend_from_slice(&bytes[..end]);
            bytes = &bytes[end + 1..];
            let line = std::mem::take(begun);
            self.hear_line(index, &line)?;
        }
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            self.hear_line(index, &bytes[..end])?;
            bytes = &bytes[end + 1..];
        }
        self.clients[index].begun.extend_from_slice(bytes);
        Ok(())
    }

    fn hear_line(&mut self, index: usize, line: &[u8]) -> Result<(), Trouble> {
        match line::hear(line.strip_suffix(b"\r").unwrap_or(line)) {
            Heard::Said { from, body } => {
                if let Some(tally) = &mut self.tally {
                    tally.hear(index, from, body)?;
                }
                Ok(())
            }
            Heard::Welcome => {
                self.progress.welcomed += 1;
                Ok(())
            }
            Heard::Join => {
                self.progress.joins_heard += 1;
                Ok(())
            }
            Heard::EndOfNames => {
                self.progress.listed += 1;
                Ok(())
            }
            Heard::Ping(token) => {
                let pong = [b"PONG ", token, b"\r\n"].concat();
                self.send(index, &pong)
            }
            Heard::Refusal => Err(Trouble::Refused(String::from_utf8_lossy(line).into_owned())),
            Heard::Other => Ok(()),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a measuring tool reads the clock; this is its one place")]
fn now() -> Instant {
    Instant::now()
}
