//! The yardstick: a minimal scanner that does what the kernel allows and nothing else. `bench scan` runs it in a process of
//! its own, as it runs the others.
//!
//! Non-blocking sockets, one epoll, and the same descriptor connected again after a refusal, which Linux allows: making
//! and closing a socket would cost as much as the probe. A second connect(2) is how the result is asked for. Its window,
//! timeout and tries are told; it adapts to nothing, shows nothing, and takes no care of anybody's network.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::{Duration, Instant};

use clap::Args;
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{connect, connect_unspec};
use socket2::{Domain, Protocol, Socket, Type};

use crate::Outcome;
use crate::process::now;

/// How many events are taken at once.
const EVENTS: usize = 1024;

/// What the benchmark tells its yardstick.
#[derive(Debug, Args)]
pub struct Limit {
    /// Who is scanned
    host: Ipv4Addr,
    /// How many probes are under way at once, in each thread
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..))]
    window: u32,
    /// After how many milliseconds a probe is given up
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u64).range(1..10_000))]
    timeout: u64,
    /// How often a port that does not answer is tried
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    tries: u8,
    /// How many threads share the ports
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: u16,
}

/// Scans all ports and prints the open ones as `throng scan` does.
pub fn run(asked: &Limit) -> Outcome {
    let ports: Vec<u16> = (1..=u16::MAX).collect();
    let share = ports.len().div_ceil(usize::from(asked.threads));
    let mut open: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            ports.chunks(share).map(|ports| scope.spawn(|| Probes::new(asked, ports)?.run())).collect();
        let joined = threads.into_iter().map(|thread| thread.join().expect("it fails by a value"));
        joined.collect::<std::io::Result<Vec<_>>>()
    })?
    .concat();
    open.sort_unstable();
    open.iter().for_each(|port| println!("Port {port} is open"));
    Ok(())
}

/// A socket, and the probe that it is on.
struct Slot {
    socket: Socket,
    probe: Option<Probe>,
    /// Counts the probes of this socket: a deadline of an earlier one is none.
    turn: u64,
}

#[derive(Clone, Copy)]
struct Probe {
    port: u16,
    tries_left: u8,
}

/// All probes of one thread.
struct Probes {
    host: Ipv4Addr,
    window: usize,
    timeout: Duration,
    epoll: OwnedFd,
    due: VecDeque<Probe>,
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// The same for all, so they are due in the order they were set.
    deadlines: VecDeque<(Instant, usize, u64)>,
    open: Vec<u16>,
}

impl Probes {
    fn new(asked: &Limit, ports: &[u16]) -> std::io::Result<Probes> {
        Ok(Probes {
            host: asked.host,
            window: asked.window as usize,
            timeout: Duration::from_millis(asked.timeout),
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            due: ports.iter().map(|port| Probe { port: *port, tries_left: asked.tries }).collect(),
            slots: Vec::new(),
            free: Vec::new(),
            deadlines: VecDeque::new(),
            open: Vec::new(),
        })
    }

    fn run(mut self) -> std::io::Result<Vec<u16>> {
        let mut events = Vec::with_capacity(EVENTS);
        // One goes first: a burst at a neighbour whose address nobody knows yet is lost in our own kernel.
        let mut room = 1;
        loop {
            let moment = now();
            if !self.slots.is_empty() && self.free.len() == self.slots.len() {
                room = self.window;
            }
            while self.slots.len() - self.free.len() < room
                && let Some(probe) = self.due.pop_front()
            {
                self.send(probe, moment)?;
            }
            self.give_up(moment)?;
            if self.free.len() == self.slots.len() {
                if self.due.is_empty() {
                    return Ok(self.open);
                }
                continue;
            }
            let (deadline, ..) = self.deadlines.front().expect("what is under way has a deadline");
            let left = Timespec::try_from(deadline.saturating_duration_since(moment)).expect("it is short");
            events.clear();
            match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&left)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(why) => return Err(why.into()),
            }
            for event in &events {
                self.ask(event.data.u64() as usize)?;
            }
        }
    }

    /// Puts a probe on its way.
    fn send(&mut self, probe: Probe, moment: Instant) -> std::io::Result<()> {
        let at = match self.free.pop() {
            Some(at) => at,
            None => {
                let slot = Slot { socket: self.socket(self.slots.len())?, probe: None, turn: 0 };
                self.slots.push(slot);
                self.slots.len() - 1
            }
        };
        self.slots[at].turn += 1;
        self.slots[at].probe = Some(probe);
        self.deadlines.push_back((moment + self.timeout, at, self.slots[at].turn));
        self.ask(at)
    }

    fn socket(&self, at: usize) -> std::io::Result<Socket> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM.nonblocking().cloexec(), Some(Protocol::TCP))?;
        socket.set_linger(Some(Duration::ZERO))?;
        let flags = epoll::EventFlags::OUT | epoll::EventFlags::ET;
        epoll::add(&self.epoll, &socket, epoll::EventData::new_u64(at as u64), flags)?;
        Ok(socket)
    }

    /// The first connect(2) sends the probe, the next ones tell what came of it.
    fn ask(&mut self, at: usize) -> std::io::Result<()> {
        let Some(probe) = self.slots[at].probe else { return Ok(()) };
        let there = SocketAddrV4::new(self.host, probe.port);
        match connect(&self.slots[at].socket, &there) {
            Err(Errno::INPROGRESS | Errno::ALREADY | Errno::INTR) => return Ok(()),
            Ok(()) => self.connected(at, probe)?,
            Err(Errno::CONNREFUSED) => {}
            Err(why) => return Err(why.into()),
        }
        self.slots[at].probe = None;
        self.free.push(at);
        Ok(())
    }

    /// A connection is an open port, unless it is one to itself. Its socket is of no more use.
    fn connected(&mut self, at: usize, probe: Probe) -> std::io::Result<()> {
        let here = self.slots[at].socket.local_addr()?.as_socket();
        if here == Some(SocketAddr::V4(SocketAddrV4::new(self.host, probe.port))) {
            self.due.push_back(probe);
        } else {
            self.open.push(probe.port);
        }
        self.slots[at].socket = self.socket(at)?;
        Ok(())
    }

    /// Probes whose time is over are tried again, after all others, or not at all.
    fn give_up(&mut self, moment: Instant) -> std::io::Result<()> {
        while let Some((_, at, turn)) = self.deadlines.pop_front_if(|(deadline, at, turn)| {
            let is_past = self.slots[*at].probe.is_none() || self.slots[*at].turn != *turn;
            is_past || *deadline <= moment
        }) {
            if self.slots[at].turn != turn {
                continue;
            }
            let Some(Probe { port, tries_left }) = self.slots[at].probe.take() else { continue };
            connect_unspec(&self.slots[at].socket)?;
            self.free.push(at);
            if tries_left > 1 {
                self.due.push_back(Probe { port, tries_left: tries_left - 1 });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn what_listens_is_found_and_what_does_not_is_not() {
        let listeners: Vec<TcpListener> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let mut open: Vec<u16> = listeners.iter().map(|one| one.local_addr().unwrap().port()).collect();
        open.sort_unstable();
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let ports = [open.as_slice(), &[closed]].concat();
        for window in [1, 2, 100] {
            let asked = Limit { host: Ipv4Addr::LOCALHOST, window, timeout: 5_000, tries: 1, threads: 1 };
            let mut found = Probes::new(&asked, &ports).unwrap().run().unwrap();
            found.sort_unstable();
            assert_eq!(found, open, "window {window}");
        }
    }
}
