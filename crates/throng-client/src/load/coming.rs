//! How connections are made and lost.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Interest, Token};
use socket2::{Domain, Protocol, Socket, Type};

use super::caller::State;
use super::counts::Why;
use super::diagnosis::{Damage, Fault, diagnose};
use super::engine::{Engine, Phase, due};
use super::now;
use super::outcome::FAULTS_KEPT_MAX;
use super::plan::Task;
use super::stream::Stream;

/// One who could not come comes again after this.
const COME_AGAIN: Duration = Duration::from_millis(100);

impl Engine<'_> {
    /// Begins a connection in this place.
    pub fn come(&mut self, index: usize) {
        let (number, now) = (self.number, now());
        self.number += 1;
        self.counts.asked += 1;
        let caller = &mut self.callers[index];
        (caller.stream, caller.since, caller.waits_to_write) = (Stream::new(number), now, false);
        match self.begin_connection(index, number) {
            Ok(socket) => {
                let caller = &mut self.callers[index];
                (caller.socket, caller.state) = (Some(socket), State::Coming);
                self.coming_now += 1;
                self.coming.push_back((now + self.plan.connect_timeout, index, number));
            }
            Err(why) => {
                let why = self.named(&why);
                self.counts.failed.add(why);
                self.come_again_later(index, number);
            }
        }
    }

    fn begin_connection(&self, index: usize, number: u64) -> io::Result<TcpStream> {
        let target = self.plan.target;
        let socket = Socket::new(Domain::for_address(target), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if !self.plan.sources.is_empty() {
            let source = self.plan.sources[number as usize % self.plan.sources.len()];
            socket.bind(&SocketAddr::new(source, 0).into())?;
        }
        match socket.connect(&target.into()) {
            Err(why) if !is_under_way(&why) => return Err(why),
            _ => {}
        }
        let mut stream = TcpStream::from_std(socket.into());
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(index), interest)?;
        Ok(stream)
    }

    /// The kernel says that the connection was made, or that it will not be.
    pub fn arrive(&mut self, index: usize, now: Instant) {
        let Some(socket) = &self.callers[index].socket else { return };
        let outcome = match socket.take_error() {
            Ok(None) => socket.peer_addr().and_then(|peer| Ok((peer, socket.local_addr()?))),
            Ok(Some(why)) | Err(why) => Err(why),
        };
        match outcome {
            Err(why) if why.kind() == io::ErrorKind::NotConnected => {}
            Err(why) => {
                let why = self.named(&why);
                self.lose(index, why);
            }
            // Where nobody listens on a port that callers may get, a socket can meet itself.
            Ok((peer, own)) if peer == own => self.lose(index, Why::Refused),
            Ok(_) => self.arrived(index, now),
        }
    }

    fn arrived(&mut self, index: usize, now: Instant) {
        self.coming_now -= 1;
        self.counts.reached += 1;
        self.here += 1;
        let caller = &mut self.callers[index];
        caller.state = State::Here;
        let took = now.saturating_duration_since(caller.since);
        if self.plan.task == Task::Churn {
            self.leave(index);
        } else {
            self.connect.add(took);
            self.callers[index].since = now;
            self.greet(index);
        }
    }

    /// Says that nothing more comes from this one.
    pub fn leave(&mut self, index: usize) {
        let caller = &mut self.callers[index];
        caller.state = State::Leaving;
        if let Some(Err(why)) = caller.socket.as_ref().map(|socket| socket.shutdown(Shutdown::Write)) {
            self.broken(index, &why);
        }
    }

    /// The server ended its side.
    pub fn ended(&mut self, index: usize) {
        if self.callers[index].evidence.is_some() {
            return self.convict(index, true);
        }
        if self.callers[index].state != State::Leaving {
            return self.lose(index, Why::Closed);
        }
        let came = self.callers[index].since;
        self.forget(index);
        if self.plan.task == Task::Churn {
            self.counts.answered += 1;
            let now = now();
            self.connect.add(now.saturating_duration_since(came));
            self.record(came, came, now);
            if self.may_come_again() {
                self.come(index);
            }
        }
    }

    /// The kernel says that a connection is no more.
    pub fn broken(&mut self, index: usize, why: &io::Error) {
        if self.callers[index].evidence.is_some() {
            return self.convict(index, true);
        }
        // Whoever has heard all that was due may be sent away roughly.
        if self.phase == Phase::Leaving && self.callers[index].state == State::Leaving {
            return self.forget(index);
        }
        let why = self.named(why);
        // What a connection that was made can time out on is the other side's silence.
        self.lose(index, if why == Why::ConnectTimeout { Why::Unanswered } else { why });
    }

    /// A connection is not made, or lost before its time.
    pub fn lose(&mut self, index: usize, why: Why) {
        let caller = &self.callers[index];
        let number = caller.stream.connection;
        match caller.state {
            State::Gone => return,
            State::Coming => self.counts.failed.add(why),
            State::Here | State::Leaving => self.counts.lost.add(why),
        }
        if why == Why::Unanswered && matches!(self.plan.task, Task::Echo(_)) {
            self.miss(index);
        }
        self.forget(index);
        self.come_again_later(index, number);
    }

    /// A message of which a part came back, and then nothing, has lost the rest.
    fn miss(&mut self, index: usize) {
        let stream = self.callers[index].stream;
        if !stream.heard.is_multiple_of(self.payload.bytes() as u64) {
            let missing = stream.sent - stream.heard;
            let expected = self.payload.piece(stream.connection, stream.heard).first().copied();
            let (connection, offset) = (stream.connection, stream.heard);
            self.note(Fault { connection, offset, expected, came: None, damage: Damage::Missing(missing) });
        }
    }

    /// Says what happened to a stream of which a wrong byte came, and ends it.
    pub fn convict(&mut self, index: usize, is_all: bool) {
        let Some(evidence) = self.callers[index].evidence.take() else { return };
        let fault = diagnose(&self.callers[index].stream, &self.payload, &evidence, is_all);
        self.note(fault);
        self.lose(index, Why::Wrong);
    }

    fn note(&mut self, fault: Fault) {
        let damaged = &mut self.damaged;
        damaged.streams += 1;
        match fault.damage {
            Damage::Changed(count) => damaged.changed += count,
            Damage::Missing(count) => damaged.missing += count,
            Damage::Repeated(count) => damaged.repeated += count,
            Damage::Extra(count) => damaged.extra += count,
            Damage::Garbled => damaged.garbled += 1,
        }
        if self.faults.len() < FAULTS_KEPT_MAX {
            self.faults.push(fault);
        }
    }

    /// Closes the socket.
    pub fn forget(&mut self, index: usize) {
        let caller = &mut self.callers[index];
        match caller.state {
            State::Gone => return,
            State::Coming => self.coming_now -= 1,
            State::Here | State::Leaving => {
                self.here -= 1;
                self.under_way -= caller.stream.under_way(&self.payload);
                self.owed -= caller.owed;
                if self.plan.is_open_loop() {
                    self.counts.unsent += caller.owed;
                }
                if let Some(chat) = &mut self.chat {
                    chat.lose(index);
                }
            }
        }
        (caller.state, caller.owed, caller.evidence) = (State::Gone, 0, None);
        caller.socket = None;
    }

    fn may_come_again(&self) -> bool {
        let is_enough = self.plan.until.messages.is_some_and(|most| self.counts.asked >= most);
        self.plan.task == Task::Churn && self.phase == Phase::Talking && !is_enough
    }

    fn come_again_later(&mut self, index: usize, number: u64) {
        if self.may_come_again() {
            self.waiting.push_back((now() + COME_AGAIN, index, number));
        }
    }

    /// Those who have thought say the next thing; those who come and go come.
    pub fn go_on_waiting(&mut self, now: Instant) {
        let comes = self.plan.task == Task::Churn;
        while (!comes || self.coming_now < self.plan.coming_max())
            && let Some((index, number)) = due(&mut self.waiting, now)
        {
            if comes {
                if self.may_come_again() {
                    self.come(index);
                }
            } else if self.is_there(index, number) && self.phase == Phase::Talking {
                self.owe(index, 1);
                self.flush(index, now);
            }
        }
    }

    /// What an error means. The first that has no name is kept in its own words.
    fn named(&mut self, error: &io::Error) -> Why {
        let why = Why::of(error);
        if why == Why::Other && self.strange.is_none() {
            self.strange = Some(error.to_string());
        }
        why
    }
}

/// A connection that is being made.
fn is_under_way(why: &io::Error) -> bool {
    why.kind() == io::ErrorKind::WouldBlock
        || why.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error())
}
