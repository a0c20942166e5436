//! A crowd of IRC clients on one thread.
//!
//! The crowd costs little: readiness from the kernel, one read buffer for all, no allocation per message. [`names`] gives
//! each client a name that says its number; [`lines`] cuts what comes into lines and [`line`](mod@line) reads them;
//! [`tally`] keeps who has heard what, and finds what was lost, repeated, reordered or damaged; [`talk`] is the measured run.

pub mod line;
pub mod lines;
pub mod names;
pub mod speech;
pub mod talk;
pub mod tally;
pub mod trouble;

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use line::Heard;
use lines::Lines;
use speech::Speech;
use tally::Tally;

pub use trouble::Trouble;

/// What this crowd speaks.
const SPEECH: Speech = Speech::Irc;

/// Clients that connect at once: some servers queue no more than ten unaccepted connections, and one that is dropped
/// there comes again only after a second.
const COMING_MAX: usize = 8;

/// A server that names nobody for so long does it by a timer: then others come without waiting for it.
const QUIET: Duration = Duration::from_millis(10);

/// When so many wait for their names, nobody else comes, however quiet the server is.
const NAMELESS_MAX: usize = 2_000;

/// How long the crowd sleeps at most before it looks at the clock.
const TURN_MAX: Duration = Duration::from_millis(100);

/// How much is read at once.
const READ_BYTES: usize = 256 << 10;

/// The crowd.
pub struct Crowd {
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    buffer: Vec<u8>,
    patience: Duration,
    progress: Progress,
    tally: Option<Tally>,
}

/// How far everybody is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Progress {
    welcomed: usize,
    listed: usize,
    joins_heard: u64,
    answered: usize,
}

struct Client {
    stream: TcpStream,
    lines: Lines,
    /// What is to be sent.
    unsent: Vec<u8>,
    waits_to_write: bool,
}

impl Crowd {
    /// So many clients come and get their names. The crowd never waits longer than `patience` for one step.
    ///
    /// # Errors
    /// When the server does not take them.
    pub fn come(address: SocketAddr, count: usize, patience: Duration) -> Result<Crowd, Trouble> {
        let poll = Poll::new().map_err(|why| Trouble::Io("watch sockets", why))?;
        let mut crowd = Crowd {
            poll,
            events: Events::with_capacity(4096),
            clients: Vec::with_capacity(count),
            buffer: vec![0; READ_BYTES],
            patience,
            progress: Progress::default(),
            tally: None,
        };
        let deadline = now() + patience;
        while crowd.clients.len() < count {
            for _ in 0..COMING_MAX.min(count - crowd.clients.len()) {
                crowd.connect(address)?;
            }
            crowd.let_in(deadline)?;
        }
        crowd.run_until("coming in", deadline, |progress| progress.welcomed == count)?;
        Ok(crowd)
    }

    /// Waits until all who came have their names, or the server names nobody for a while.
    fn let_in(&mut self, deadline: Instant) -> Result<(), Trouble> {
        let here = self.clients.len();
        let (mut welcomed, mut heard) = (self.progress.welcomed, now());
        while self.progress.welcomed < here && now() < deadline {
            self.turn(QUIET)?;
            if self.progress.welcomed > welcomed {
                (welcomed, heard) = (self.progress.welcomed, now());
            }
            if heard.elapsed() >= QUIET && here - welcomed < NAMELESS_MAX {
                return Ok(());
            }
        }
        Ok(())
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
        let (begun, deadline) = (now(), now() + self.patience);
        // Whoever comes as the n-th is told to n people, itself included.
        let joins: u64 = sizes.iter().map(|size| size * (size + 1) / 2).sum();
        for index in 0..self.clients.len() {
            self.send(index, SPEECH.joining(room_of(index)).as_bytes())?;
        }
        let count = self.clients.len();
        self.run_until("joining", deadline, |progress| {
            progress.listed == count && progress.joins_heard >= joins
        })?;
        Ok(begun.elapsed())
    }

    /// Everybody asks for a sign of life and waits for it. What a server had for a client comes before its answer, so
    /// nothing that was told once too often stays unheard.
    fn settle(&mut self) -> Result<(), Trouble> {
        let (count, deadline) = (self.clients.len(), now() + self.patience);
        self.progress.answered = 0;
        for index in 0..count {
            self.send(index, SPEECH.settling())?;
        }
        self.run_until("settling", deadline, |progress| progress.answered == count)
    }

    fn connect(&mut self, address: SocketAddr) -> Result<(), Trouble> {
        let why = |what| move |why| Trouble::Io(what, why);
        let stream = std::net::TcpStream::connect_timeout(&address, self.patience).map_err(why("connect"))?;
        stream.set_nodelay(true).map_err(why("set TCP_NODELAY"))?;
        stream.set_nonblocking(true).map_err(why("make a socket non-blocking"))?;
        let mut stream = TcpStream::from_std(stream);
        let index = self.clients.len();
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(index), interest).map_err(why("watch a socket"))?;
        self.clients.push(Client {
            stream,
            lines: Lines::default(),
            unsent: Vec::new(),
            waits_to_write: false,
        });
        self.send(index, SPEECH.coming(index).as_bytes())
    }

    fn run_until(
        &mut self,
        step: &'static str,
        deadline: Instant,
        is_done: impl Fn(&Progress) -> bool,
    ) -> Result<(), Trouble> {
        while !is_done(&self.progress) {
            let left = deadline.saturating_duration_since(now());
            if left.is_zero() {
                return Err(Trouble::Late(step, self.patience));
            }
            self.turn(left.min(TURN_MAX))?;
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
                outcome = outcome.and_then(|()| self.read(index, event.is_read_closed()));
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
                Err(why) => return Err(Trouble::Closed(index, why.to_string())),
            }
        }
        client.waits_to_write = !client.unsent.is_empty();
        Ok(())
    }

    /// Reads all that is there: the kernel tells of it only once. Of the end, too, which may have come with the last
    /// words: when it has, it is read to.
    fn read(&mut self, index: usize, has_ended: bool) -> Result<(), Trouble> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let outcome = loop {
            match self.clients[index].stream.read(&mut buffer) {
                Ok(0) => {
                    let words = String::from_utf8_lossy(self.clients[index].lines.begun()).into_owned();
                    break Err(Trouble::Closed(index, words));
                }
                Ok(read) => {
                    if let Err(trouble) = self.hear_bytes(index, &buffer[..read]) {
                        break Err(trouble);
                    }
                    if read < buffer.len() && !has_ended {
                        // More may come, and then the kernel tells it anew.
                        break Ok(());
                    }
                }
                Err(why) if why.kind() == ErrorKind::WouldBlock => break Ok(()),
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                Err(why) => break Err(Trouble::Closed(index, why.to_string())),
            }
        };
        self.buffer = buffer;
        outcome
    }

    fn hear_bytes(&mut self, index: usize, bytes: &[u8]) -> Result<(), Trouble> {
        let mut lines = std::mem::take(&mut self.clients[index].lines);
        let outcome = lines.take(bytes, |line| self.hear_line(index, line));
        self.clients[index].lines = lines;
        outcome
    }

    fn hear_line(&mut self, index: usize, line: &[u8]) -> Result<(), Trouble> {
        match SPEECH.hear(line) {
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
            Heard::Pong => {
                self.progress.answered += 1;
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
