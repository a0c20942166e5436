//! Counters: what happened since the start. Each worker has its own, so that none waits for another's line of memory; they
//! are summed when somebody looks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::end::{End, KINDS, NAMES};
use crate::limits::{REASONS, Rejected};

/// What happened since the start. All but `open` only grow; they are kept while the process lives, and begin at 0 in the next.
///
/// ```
/// # use throng_server::{Conn, Server};
/// # fn main() -> throng_server::Result {
/// let hello = |mut conn: Conn| async move { Ok(conn.write_all(b"Hello.").await?) };
/// let running = Server::new(hello).listen("127.0.0.1:0").start()?;
/// std::io::read_to_string(std::net::TcpStream::connect(&running.addresses()[0])?)?;
/// running.shutdown().wait();
///
/// let stats = running.stats();
/// assert_eq!((stats.accepted, stats.open, stats.rejected), (1, 0, 0));
/// assert_eq!((stats.bytes_in, stats.bytes_out), (0, 6));
/// assert_eq!(stats.ended.into_iter().collect::<Vec<_>>(), [("done", 1)]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Connections that were served.
    pub accepted: u64,
    /// Those that are open now, closing ones included.
    pub open: u64,
    /// Connections refused by a limit, for want of a proxy's header, or since their address is denied.
    pub rejected: u64,
    /// Connections closed at once since the process had no descriptor left.
    pub shed: u64,
    /// How many were refused for which reason, by [`Rejected::name`]; those of `shed` as well.
    pub rejected_for: BTreeMap<&'static str, u64>,
    /// Bytes that peers sent and handlers read. What worker processes read ([`crate::Processes`]) is told by them about once
    /// a second.
    pub bytes_in: u64,
    /// Bytes that the kernel took, likewise.
    pub bytes_out: u64,
    /// How many ended in which way, by [`End::name`].
    pub ended: BTreeMap<&'static str, u64>,
    /// How often a handler was noticed to hold its worker ([`crate::Event::Blocked`]).
    pub blocked: u64,
    /// How often an open server was paused ([`crate::Running::pause`]).
    pub pauses: u64,
}

/// The same of one worker. A model without workers of its own, as [`crate::Threads`] or [`crate::Pool`], has one for all.
///
/// ```
/// # use throng_server::{Conn, Events, Server, Workers};
/// # fn main() -> throng_server::Result {
/// # let hello = |mut conn: Conn| async move { Ok(conn.write_all(b"Hello.").await?) };
/// let two = Events { workers: Workers::Count(2) };
/// let running = Server::new(hello).model(two).listen("127.0.0.1:0").start()?;
/// for _ in 0..4 {
///     std::io::read_to_string(std::net::TcpStream::connect(&running.addresses()[0])?)?;
/// }
/// let workers = running.workers();
/// assert_eq!((workers.len(), workers[1].index), (2, 1));
/// assert_eq!(workers.iter().map(|worker| worker.accepted).sum::<u64>(), 4);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkerStats {
    /// Its number.
    pub index: usize,
    /// Its process, where it has one of its own ([`crate::Processes`]) that serves now.
    pub process: Option<u32>,
    /// Connections that were given to it.
    pub accepted: u64,
    /// Those that are open now, closing ones included.
    pub open: u64,
    /// Those that have ended.
    pub ended: u64,
    /// Bytes that peers of its connections sent.
    pub bytes_in: u64,
    /// Bytes that the kernel took for its connections.
    pub bytes_out: u64,
    /// How often a handler was noticed to hold it.
    pub blocked: u64,
}

/// The counters themselves.
#[derive(Debug)]
pub(crate) struct Counters {
    workers: Vec<Worker>,
    /// By the listener alone.
    rejected: [AtomicU64; REASONS],
    /// By who operates the server.
    pauses: AtomicU64,
}

/// Two lines of memory are fetched together, so each worker's begin at a pair of their own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Worker {
    accepted: AtomicU64,
    blocked: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    ended: [AtomicU64; KINDS],
}

impl Counters {
    pub(crate) fn new(workers: usize) -> Counters {
        let workers = (0..workers).map(|_| Worker::default()).collect();
        Counters { workers, rejected: Default::default(), pauses: AtomicU64::new(0) }
    }

    /// Where a model makes workers as they come, all count together.
    fn of(&self, worker: usize) -> &Worker {
        &self.workers[worker % self.workers.len()]
    }

    pub(crate) fn reject(&self, why: Rejected) {
        let reason = Rejected::ALL.iter().position(|reason| *reason == why);
        self.rejected[reason.expect("all reasons are listed")].fetch_add(1, Relaxed);
    }

    pub(crate) fn pause(&self) {
        self.pauses.fetch_add(1, Relaxed);
    }

    pub(crate) fn accept(&self, worker: usize) {
        self.of(worker).accepted.fetch_add(1, Relaxed);
    }

    pub(crate) fn block(&self, worker: usize) {
        self.of(worker).blocked.fetch_add(1, Relaxed);
    }

    pub(crate) fn end(&self, worker: usize, end: &End) {
        self.of(worker).ended[end.kind()].fetch_add(1, Relaxed);
    }

    pub(crate) fn receive(&self, worker: usize, bytes: u64) {
        self.of(worker).bytes_in.fetch_add(bytes, Relaxed);
    }

    pub(crate) fn send(&self, worker: usize, bytes: u64) {
        self.of(worker).bytes_out.fetch_add(bytes, Relaxed);
    }

    /// All workers together.
    pub(crate) fn read(&self, open: usize) -> Stats {
        let sum = |count: fn(&Worker) -> &AtomicU64| -> u64 {
            self.workers.iter().map(|worker| count(worker).load(Relaxed)).sum()
        };
        let ended = NAMES.iter().enumerate().map(|(kind, name)| {
            let ended = self.workers.iter().map(|worker| worker.ended[kind].load(Relaxed));
            (*name, ended.sum::<u64>())
        });
        let rejected = Rejected::ALL.iter().zip(&self.rejected);
        let rejected_for: BTreeMap<_, _> = rejected
            .map(|(why, count)| (why.name(), count.load(Relaxed)))
            .filter(|(_, count)| *count > 0)
            .collect();
        let shed = rejected_for.get(Rejected::NoDescriptor.name()).copied().unwrap_or(0);
        Stats {
            accepted: sum(|worker| &worker.accepted),
            open: open as u64,
            rejected: rejected_for.values().sum::<u64>() - shed,
            shed,
            rejected_for,
            bytes_in: sum(|worker| &worker.bytes_in),
            bytes_out: sum(|worker| &worker.bytes_out),
            ended: ended.filter(|(_, count)| *count > 0).collect(),
            blocked: sum(|worker| &worker.blocked),
            pauses: self.pauses.load(Relaxed),
        }
    }

    /// One worker after the other.
    pub(crate) fn read_each(
        &self,
        open: impl Fn(usize) -> usize,
        process: impl Fn(usize) -> Option<u32>,
    ) -> Vec<WorkerStats> {
        let read = |(index, worker): (usize, &Worker)| WorkerStats {
            index,
            process: process(index),
            accepted: worker.accepted.load(Relaxed),
            open: open(index) as u64,
            ended: worker.ended.iter().map(|count| count.load(Relaxed)).sum(),
            bytes_in: worker.bytes_in.load(Relaxed),
            bytes_out: worker.bytes_out.load(Relaxed),
            blocked: worker.blocked.load(Relaxed),
        };
        self.workers.iter().enumerate().map(read).collect()
    }
}
