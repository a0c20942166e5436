//! The ticket of a connection: what every thread may know and do about it. Its counters and flags are atomics; the reason
//! of its end is behind a lock that is held for a moment, when it is set and when it is read.

use std::future::poll_fn;
use std::io;
use std::sync::atomic::{
    AtomicU16, AtomicU64, AtomicUsize, Ordering::AcqRel, Ordering::Acquire, Ordering::Relaxed,
};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::task::JoinSet;

use crate::clock;
use crate::end::{End, cut_error};
use crate::event::Event;
use crate::peer::{ConnId, Peer};
use crate::report::ConnInfo;
use crate::seats::{AddressSeat, Seat};
use crate::shared::Shared;
use crate::stall::Stall;

/// Something was read since the last completed write.
pub(crate) const BUSY: u16 = 1;
/// A drain does not end it at an idle point.
pub(crate) const PROTECTED: u16 = 1 << 1;
/// The handshake is over.
pub(crate) const ESTABLISHED: u16 = 1 << 2;
/// Nothing more is read or written.
pub(crate) const CUT: u16 = 1 << 3;
/// Nothing more is read; what waits is still written.
pub(crate) const FINISHING: u16 = 1 << 4;
/// The peer ended its side.
pub(crate) const PEER_ENDED: u16 = 1 << 5;
/// A drain gave it its end-of-file.
pub(crate) const DRAINED: u16 = 1 << 6;
/// Its outbox waits for the socket.
pub(crate) const STALLED: u16 = 1 << 7;
/// What its outbox holds is its last word, which it has to take in time.
pub(crate) const PARTING: u16 = 1 << 8;
/// Its handler is over.
pub(crate) const SERVED: u16 = 1 << 9;

/// Its `setup` succeeded, so its `finish` is due.
pub(crate) const SET_UP: u16 = 1 << 10;
/// It is as old as connections may become, and ends as in a drain.
pub(crate) const EXPIRING: u16 = 1 << 11;

/// Tasks that a connection may have at the same time.
const TASKS_MAX: usize = 64;

/// What is known of one connection. What every read and write looks at comes first and lies together: where a room is
/// large, each line of memory that is not in the cache costs a delivery as much as all our own work for it.
#[repr(C)]
pub(crate) struct Ticket {
    flags: AtomicU16,
    pub stall: Stall,
    pub shared: Arc<Shared>,
    pub heard_ms: AtomicU64,
    pub bytes_in: AtomicU64,
    pub bytes_out: AtomicU64,
    pub id: ConnId,
    pub peer: Peer,
    pub worker: usize,
    pub opened_ms: u64,
    /// What its outbox holds that the kernel does not take.
    queued: AtomicUsize,
    end: Mutex<Option<End>>,
    /// Woken when the one who reads has to look at the flags again.
    pub reader: AtomicWaker,
    /// The same for the one who waits to write.
    pub writer: AtomicWaker,
}

impl Ticket {
    pub(crate) fn new(id: ConnId, peer: Peer, worker: usize, shared: Arc<Shared>) -> Ticket {
        let opened_ms = clock::now_ms();
        Ticket {
            id,
            peer,
            worker,
            opened_ms,
            queued: AtomicUsize::new(0),
            heard_ms: AtomicU64::new(opened_ms),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            shared,
            flags: AtomicU16::new(0),
            stall: Stall::default(),
            end: Mutex::new(None),
            reader: AtomicWaker::new(),
            writer: AtomicWaker::new(),
        }
    }

    pub(crate) fn has(&self, flag: u16) -> bool {
        self.flags.load(Acquire) & flag != 0
    }

    pub(crate) fn set(&self, flag: u16) {
        self.flags.fetch_or(flag, AcqRel);
    }

    pub(crate) fn clear(&self, flag: u16) {
        self.flags.fetch_and(!flag, AcqRel);
    }

    /// Ends the connection now: every read and write fails from here on. `true` when that is its end.
    pub(crate) fn cut(&self, end: End) -> bool {
        let is_its_end = self.conclude(end);
        self.set(CUT);
        self.reader.wake();
        self.writer.wake();
        is_its_end
    }

    /// Waits until a drain begins, or the connection has to end for another reason.
    pub(crate) fn draining(self: &Arc<Self>) -> impl Future<Output = ()> + Send + 'static {
        let mut watched = self.shared.watch_drain();
        let ticket = Arc::clone(self);
        async move {
            // An error means that the server is gone, which is as good a reason to end.
            let _ = watched.wait_for(|draining| *draining || ticket.is_ending()).await;
        }
    }

    /// Waits until the connection is cut. Only while nobody reads it yet, or any more: there is one who waits so.
    pub(crate) async fn until_cut(&self) {
        poll_fn(|cx| {
            self.reader.register(cx.waker());
            if self.has(CUT) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Ends the connection behind what waits to be written.
    pub(crate) fn finish(&self, end: End) {
        self.conclude(end);
        self.set(FINISHING);
        self.reader.wake();
    }

    /// Notes why it ended. The first reason counts; `true` when it is this one.
    pub(crate) fn conclude(&self, end: End) -> bool {
        let mut first = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = first.is_none();
        first.get_or_insert(end);
        is_first
    }

    /// Why it ended, if it did.
    pub(crate) fn end(&self) -> Option<End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why it is over when its handler had nothing to say about that.
    pub(crate) fn usual_end(&self) -> End {
        if self.has(DRAINED) {
            if self.has(EXPIRING) { End::Expired } else { End::Drained }
        } else if self.has(PEER_ENDED) {
            End::PeerClosed
        } else {
            End::Done
        }
    }

    /// Notes how the handler ended it; an end that it had before stays.
    pub(crate) fn conclude_served(&self, served: std::thread::Result<crate::Result>) {
        self.conclude(match served {
            Ok(Ok(())) => self.usual_end(),
            Ok(Err(failure)) => failure.end(),
            Err(_) => End::Panicked,
        });
    }

    /// What a read or a write of a connection that was cut fails with.
    pub(crate) fn cut_error(&self) -> io::Error {
        cut_error(self.end().unwrap_or(End::Kicked))
    }

    /// The network tore the connection: that is its end, unless it had one.
    pub(crate) fn torn(&self, error: io::Error) -> io::Error {
        self.conclude(End::of(&error).unwrap_or_else(|| End::Failed(error.to_string())));
        error
    }

    pub(crate) fn note_read(&self, bytes: usize, now_ms: u64) {
        self.bytes_in.fetch_add(bytes as u64, Relaxed);
        self.heard_ms.store(now_ms, Relaxed);
        self.shared.counters.receive(self.worker, bytes as u64);
    }

    /// The kernel took so many bytes.
    pub(crate) fn note_sent(&self, bytes: usize) {
        self.bytes_out.fetch_add(bytes as u64, Relaxed);
        self.shared.counters.send(self.worker, bytes as u64);
    }

    /// Another process serves it, and tells how many bytes came and went so far.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "there are no worker processes"))]
    pub(crate) fn note_told(&self, bytes_in: u64, bytes_out: u64) {
        let received = bytes_in.saturating_sub(self.bytes_in.swap(bytes_in, Relaxed));
        let sent = bytes_out.saturating_sub(self.bytes_out.swap(bytes_out, Relaxed));
        self.shared.counters.receive(self.worker, received);
        self.shared.counters.send(self.worker, sent);
    }

    /// And how many wait there for the peer. Whether it stalls is that process's to look at; here it is only counted.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "there are no worker processes"))]
    pub(crate) fn note_told_queued(&self, bytes: usize) {
        match (self.queued.swap(bytes, Relaxed), bytes) {
            (0, 1..) => self.shared.registry.begin_stall(self.worker),
            (1.., 0) => self.shared.registry.end_stall(self.worker),
            _ => {}
        }
    }

    /// So many bytes wait for the peer, since the kernel takes no more.
    pub(crate) fn note_queued(&self, bytes: usize) {
        self.queued.store(bytes, Relaxed);
    }

    /// How many bytes wait for the peer.
    pub(crate) fn queued(&self) -> usize {
        self.queued.load(Relaxed)
    }

    /// A line is handed out that may have been read with the one before it, which is answered: this one is not.
    pub(crate) fn take_up(&self) {
        if !self.has(BUSY) {
            self.set(BUSY);
        }
    }

    /// What was under way is written. A reader that waited while another wrote is at its idle point now, and hears of a
    /// drain.
    pub(crate) fn note_written(&self, over: u16) {
        if self.has(over) {
            self.clear(over);
        }
        if self.is_ending() {
            self.reader.wake();
        }
    }

    /// Is it to end where nothing is under way: by a drain, or by its age?
    pub(crate) fn is_ending(&self) -> bool {
        self.shared.is_draining() || self.has(EXPIRING)
    }

    /// The socket is full: what is left waits for the peer.
    pub(crate) fn begin_stall(&self, now_ms: impl FnOnce() -> u64) {
        if !self.stall.is_on() && self.stall.begin(now_ms()) {
            self.shared.registry.begin_stall(self.worker);
        }
    }

    /// The peer took something of what waited, if something did.
    pub(crate) fn go_on(&self, now_ms: impl FnOnce() -> u64) {
        if self.stall.is_on() {
            self.stall.go_on(now_ms());
        }
    }

    /// Nothing waits for the peer any more.
    pub(crate) fn end_stall(&self) {
        if self.stall.is_on() && self.stall.end() {
            self.shared.registry.end_stall(self.worker);
        }
    }

    pub(crate) fn info(&self, now_ms: u64) -> ConnInfo {
        let since = |ms: u64| Duration::from_millis(now_ms.saturating_sub(ms));
        ConnInfo {
            id: self.id,
            peer: self.peer.clone(),
            worker: self.worker,
            age: since(self.opened_ms),
            silent: since(self.heard_ms.load(Relaxed)),
            bytes_in: self.bytes_in.load(Relaxed),
            bytes_out: self.bytes_out.load(Relaxed),
            queued: self.queued(),
        }
    }
}

/// An open connection's place in all counters and limits. The socket and the handler's task share it, so it is given back
/// when the socket is closed and the handler has said how it ended, never before.
pub(crate) struct Open {
    pub ticket: Arc<Ticket>,
    _total: Seat,
    _address: AddressSeat,
    /// Its handler's tasks, once there are any. Locked for a moment when one is begun and when all are ended.
    tasks: Mutex<Option<Box<JoinSet<()>>>>,
}

impl Open {
    /// Takes the place of a connection: everybody can see it from here on.
    pub(crate) fn new(ticket: Ticket, total: Seat, address: AddressSeat) -> Open {
        let ticket = Arc::new(ticket);
        let shared = &ticket.shared;
        shared.registry.enter(&ticket);
        shared.counters.accept(ticket.worker);
        shared.tell(&Event::Opened { id: ticket.id, peer: ticket.peer.clone(), worker: ticket.worker });
        Open { ticket, _total: total, _address: address, tasks: Mutex::default() }
    }

    /// Begins a task that ends with the handler.
    pub(crate) fn begin_task(&self, begin: impl FnOnce(&mut JoinSet<()>)) -> io::Result<()> {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let tasks = tasks.get_or_insert_default();
        while tasks.try_join_next().is_some() {}
        if tasks.len() >= TASKS_MAX {
            return Err(io::Error::other(format!("a connection has at most {TASKS_MAX} tasks")));
        }
        begin(tasks);
        Ok(())
    }

    /// Ends them all.
    pub(crate) fn end_tasks(&self) {
        drop(self.tasks.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let ticket = &self.ticket;
        let end = ticket.end().unwrap_or_else(|| ticket.usual_end());
        let (bytes_in, bytes_out) = (ticket.bytes_in.load(Relaxed), ticket.bytes_out.load(Relaxed));
        let lasted = Duration::from_millis(clock::now_ms().saturating_sub(ticket.opened_ms));
        let (id, peer) = (ticket.id, ticket.peer.clone());
        ticket.end_stall();
        ticket.shared.counters.end(ticket.worker, &end);
        ticket.shared.tell(&Event::Closed { id, peer, end, bytes_in, bytes_out, lasted });
        ticket.shared.registry.leave(ticket);
    }
}
