//! Callers of an echo service on one thread.
//!
//! They cost little: readiness from the kernel, one read buffer for all, no allocation per message. [`pattern`] is what they
//! send, [`exchange`] checks every byte that comes back, [`latencies`] counts how long it took; [`talk`] is the measured run.

pub mod exchange;
pub mod latencies;
pub mod pattern;
pub mod talk;
pub mod trouble;

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Protocol, Socket, Type};

use exchange::Exchange;
use latencies::Latencies;
use pattern::Pattern;

pub use trouble::{Trouble, Wrong};

/// Callers that come at once: all of them have been served when the next ones come, so no server's queue is too short.
const COMING_MAX: usize = 64;

/// Sockets that one look at the kernel brings.
const EVENTS_MAX: usize = 1024;

/// How long the callers sleep at most before they look at the clock.
const TURN_MAX: Duration = Duration::from_millis(100);

/// How much is read at once.
const READ_BYTES: usize = 256 << 10;

/// Addresses that callers who come and go come from: each has so many ports that none is asked for twice in its
/// TIME_WAIT.
const SOURCES: usize = 64;

/// How many call, and what they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Connections at a time.
    pub connections: usize,
    /// Bytes of a message.
    pub bytes: usize,
    /// Messages that a connection has under way.
    pub depth: usize,
    /// How long a caller stays.
    pub stay: Stay,
}

/// How long a caller stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// Until the end.
    Long,
    /// For one message; then another one comes.
    OneMessage,
}

/// The callers.
pub struct Callers {
    address: SocketAddr,
    shape: Shape,
    patience: Duration,
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    pattern: Pattern,
    callers: Vec<Caller>,
    /// When each message under way was begun, by caller and by number modulo the depth.
    begun_at: Vec<Instant>,
    /// How many messages a connection may begin in all.
    messages_max: u64,
    tally: Tally,
}

/// What all have done together.
#[derive(Default)]
struct Tally {
    came: u64,
    gone: u64,
    begun: u64,
    heard: u64,
    /// Messages heard, or, when callers stay for one, connections that came to their end.
    round_trips: u64,
    latencies: Latencies,
}

struct Caller {
    stream: TcpStream,
    exchange: Exchange,
    came_at: Instant,
    waits_to_write: bool,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// It talks, or may.
    Here,
    /// It has said that nothing more comes, and waits for the server to say so too.
    Leaving,
    /// Both have.
    Gone,
}

impl Callers {
    /// All who stay come, and each has one message back. The callers never wait longer than `patience` for one step.
    ///
    /// # Errors
    /// When the server does not serve them.
    pub fn come(address: SocketAddr, shape: Shape, patience: Duration) -> Result<Callers, Trouble> {
        let poll = Poll::new().map_err(|why| Trouble::Io("watch sockets", why))?;
        let mut callers = Callers {
            address,
            shape,
            patience,
            poll,
            events: Events::with_capacity(EVENTS_MAX),
            buffer: vec![0; READ_BYTES],
            pattern: Pattern::new(shape.bytes),
            callers: Vec::with_capacity(shape.connections),
            begun_at: vec![now(); shape.connections * shape.depth],
            messages_max: 1,
            tally: Tally::default(),
        };
        if shape.stay == Stay::Long {
            callers.let_all_in()?;
        }
        Ok(callers)
    }

    fn let_all_in(&mut self) -> Result<(), Trouble> {
        let deadline = now() + self.patience;
        while self.callers.len() < self.shape.connections {
            self.connect_some(COMING_MAX)?;
            let all = self.callers.len() as u64;
            if !self.run_until(deadline, |tally| tally.heard == all)? {
                return Err(self.late("coming in"));
            }
        }
        Ok(())
    }

    /// So many of those who are missing come.
    fn connect_some(&mut self, most: usize) -> Result<(), Trouble> {
        let missing = self.shape.connections - self.callers.len();
        for _ in 0..missing.min(most) {
            let index = self.callers.len();
            let caller = self.connect(index)?;
            self.callers.push(caller);
            self.flush(index, now())?;
        }
        Ok(())
    }

    fn connect(&mut self, index: usize) -> Result<Caller, Trouble> {
        let why = |what| move |why| Trouble::Io(what, why);
        let came_at = now();
        let socket = Socket::new(Domain::for_address(self.address), Type::STREAM, Some(Protocol::TCP))
            .map_err(why("make a socket"))?;
        if self.shape.stay == Stay::OneMessage && self.address.ip() == Ipv4Addr::LOCALHOST {
            let source = Ipv4Addr::new(127, 0, 1, (index % SOURCES) as u8 + 1);
            socket.bind(&SocketAddr::from((source, 0)).into()).map_err(why("choose a source"))?;
        }
        socket.connect_timeout(&self.address.into(), self.patience).map_err(why("connect"))?;
        socket.set_tcp_nodelay(true).map_err(why("set TCP_NODELAY"))?;
        socket.set_nonblocking(true).map_err(why("make a socket non-blocking"))?;
        let mut stream = TcpStream::from_std(socket.into());
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(index), interest).map_err(why("watch a socket"))?;
        let exchange = Exchange::new(self.tally.came);
        self.tally.came += 1;
        Ok(Caller { stream, exchange, came_at, waits_to_write: false, state: State::Here })
    }

    /// Goes on until it is done, or the deadline has come: was it done?
    fn run_until(&mut self, deadline: Instant, is_done: impl Fn(&Tally) -> bool) -> Result<bool, Trouble> {
        while !is_done(&self.tally) {
            let left = deadline.saturating_duration_since(now());
            if left.is_zero() {
                return Ok(false);
            }
            self.turn(left.min(TURN_MAX))?;
        }
        Ok(true)
    }

    /// What to say when a step was not done in time.
    fn late(&self, step: &'static str) -> Trouble {
        Trouble::Late(step, self.patience, self.callers.iter().find_map(|caller| caller.exchange.unheard()))
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
        let outcome = events.iter().try_for_each(|event| self.serve(event));
        self.events = events;
        outcome
    }

    fn serve(&mut self, event: &Event) -> Result<(), Trouble> {
        let index = event.token().0;
        if event.is_writable() && self.callers[index].waits_to_write {
            self.flush(index, now())?;
        }
        if event.is_readable() { self.read(index, event.is_read_closed()) } else { Ok(()) }
    }

    /// Sends what was begun, and begins what may be begun: each message is one write, if the kernel takes it.
    fn flush(&mut self, index: usize, now: Instant) -> Result<(), Trouble> {
        let caller = &mut self.callers[index];
        caller.waits_to_write = false;
        loop {
            let unsent = caller.exchange.unsent(&self.pattern);
            if unsent.is_empty() {
                let exchange = &mut caller.exchange;
                if exchange.begun() >= self.messages_max || exchange.under_way() >= self.shape.depth as u64 {
                    return Ok(());
                }
                self.begun_at[slot(self.shape, index, exchange.begun())] = now;
                exchange.begin();
                self.tally.begun += 1;
                continue;
            }
            match caller.stream.write(unsent) {
                Ok(written) => caller.exchange.send(written),
                Err(why) if why.kind() == ErrorKind::WouldBlock => {
                    caller.waits_to_write = true;
                    return Ok(());
                }
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                Err(why) => return Err(Trouble::Closed(index, Some(why))),
            }
        }
    }

    /// Reads all that is there: the kernel tells of it only once. Of the end, too, which may have come with the last
    /// bytes: when it has, it is read to.
    fn read(&mut self, index: usize, has_ended: bool) -> Result<(), Trouble> {
        loop {
            let caller = &mut self.callers[index];
            match caller.stream.read(&mut self.buffer) {
                Ok(0) => return self.end(index),
                Ok(read) => {
                    let whole = caller.exchange.hear(&self.pattern, &self.buffer[..read])?;
                    if whole > 0 {
                        self.answered(index, whole)?;
                    }
                    if read < self.buffer.len() && !has_ended {
                        // More may come, and then the kernel tells it anew.
                        return Ok(());
                    }
                }
                Err(why) if why.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                Err(why) => return Err(Trouble::Closed(index, Some(why))),
            }
        }
    }

    /// The last so many messages of this caller came back whole, just now.
    fn answered(&mut self, index: usize, whole: u64) -> Result<(), Trouble> {
        let now = now();
        self.tally.heard += whole;
        if self.shape.stay == Stay::OneMessage {
            return self.leave(index);
        }
        let heard = self.callers[index].exchange.heard();
        for number in heard - whole..heard {
            let took = now.saturating_duration_since(self.begun_at[slot(self.shape, index, number)]);
            self.count(took);
        }
        self.flush(index, now)
    }

    fn leave(&mut self, index: usize) -> Result<(), Trouble> {
        let caller = &mut self.callers[index];
        caller.state = State::Leaving;
        caller.stream.shutdown(Shutdown::Write).map_err(|why| Trouble::Closed(index, Some(why)))
    }

    /// Everything has come that ever will.
    fn end(&mut self, index: usize) -> Result<(), Trouble> {
        match std::mem::replace(&mut self.callers[index].state, State::Gone) {
            State::Here => return Err(Trouble::Closed(index, None)),
            State::Leaving => self.tally.gone += 1,
            State::Gone => return Ok(()),
        }
        if self.shape.stay == Stay::Long || self.messages_max == 0 {
            return Ok(());
        }
        self.count(self.callers[index].came_at.elapsed());
        self.callers[index] = self.connect(index)?;
        self.flush(index, now())
    }

    fn count(&mut self, took: Duration) {
        self.tally.round_trips += 1;
        self.tally.latencies.add(took);
    }
}

/// Where the time of a message is kept.
fn slot(shape: Shape, index: usize, number: u64) -> usize {
    index * shape.depth + (number % shape.depth as u64) as usize
}

#[expect(clippy::disallowed_methods, reason = "a measuring tool reads the clock; this is its one place")]
fn now() -> Instant {
    Instant::now()
}
