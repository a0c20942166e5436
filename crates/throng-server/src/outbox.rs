//! Where everything that a connection is told is put, and from where it is written once per turn.
//!
//! An [`Outbox`] is a cheap handle that lives on its worker. Whoever has one appends, and nobody waits: the worker writes
//! all outboxes that have something, each with one write, when the ready tasks have had their turn. What the kernel does
//! not take waits for the socket; above the queue's limit, and only after a write was tried, the peer is too slow.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::task::{Poll, Waker};

use bytes::Bytes;

use crate::conn::{ConnId, Socket};
use crate::end::End;
use crate::ticket::{BUSY, CUT, FINISHING, PARTING, WAITING};
use crate::worker::{self, Context};

/// Sends to one connection. All clones send to the same.
#[derive(Clone)]
pub struct Outbox {
    queue: Rc<Queue>,
}

/// What waits for one connection.
pub(crate) struct Queue {
    pub socket: Rc<Socket>,
    context: Rc<Context>,
    waiting: RefCell<Vec<u8>>,
    /// Is it in the flusher's list?
    pub dirty: Cell<bool>,
    /// Does it wait for the socket?
    pub stalled: Cell<bool>,
    flushed: RefCell<Vec<Waker>>,
}

/// What came of a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flushed {
    /// Nothing waits any more, or nothing more can be sent.
    Over,
    /// The socket is full.
    Stalled,
}

impl Outbox {
    pub(crate) fn new(socket: Rc<Socket>) -> Outbox {
        let queue = Queue {
            socket,
            context: worker::context(),
            waiting: RefCell::default(),
            dirty: Cell::new(false),
            stalled: Cell::new(false),
            flushed: RefCell::default(),
        };
        Outbox { queue: Rc::new(queue) }
    }

    /// The number of the connection.
    pub fn id(&self) -> ConnId {
        self.queue.socket.ticket().id
    }

    /// Appends bytes. They are written when the worker's turn is over; after the end they go nowhere.
    pub fn push(&self, bytes: &[u8]) {
        if bytes.is_empty() || self.is_over() {
            return;
        }
        let queue = &self.queue;
        let waiting = {
            let mut waiting = queue.waiting.borrow_mut();
            if waiting.is_empty() {
                queue.socket.ticket().set(WAITING);
            }
            if waiting.capacity() == 0 {
                *waiting = queue.context.spare_queue(bytes.len());
            }
            waiting.extend_from_slice(bytes);
            waiting.len()
        };
        if waiting > queue.socket.ticket().shared.limits.queue {
            queue.relieve();
        }
        self.mark(bytes.len());
    }

    /// Appends bytes that many are told. Short ones are copied: that costs no more than to count who shares them.
    pub fn push_shared(&self, bytes: &Bytes) {
        self.push(bytes);
    }

    /// Bytes that wait here.
    pub fn queued(&self) -> usize {
        self.queue.waiting.borrow().len()
    }

    /// Ends the connection now; what waits is lost.
    pub fn cut(&self, end: End) {
        self.queue.socket.ticket().cut(end);
        self.mark(0);
    }

    /// Ends the connection behind what waits here. The reader is told the end at once.
    pub fn finish(&self, end: End) {
        let ticket = self.queue.socket.ticket();
        ticket.finish(end);
        self.queue.context.watch_farewell(self.queue.socket.ticket_handle());
        self.mark(0);
    }

    /// Was the connection cut or finished?
    pub fn is_over(&self) -> bool {
        self.queue.socket.ticket().has(CUT | FINISHING)
    }

    /// Waits until nothing waits here, or nothing more can be sent.
    pub async fn flushed(&self) {
        poll_fn(|cx| {
            if self.queue.waiting.borrow().is_empty() || self.queue.socket.ticket().has(CUT) {
                return Poll::Ready(());
            }
            let mut waiters = self.queue.flushed.borrow_mut();
            // One who looks often still waits once.
            if !waiters.iter().any(|waiter| waiter.will_wake(cx.waker())) {
                waiters.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    fn mark(&self, bytes: usize) {
        self.queue.context.dirty.mark(&self.queue, bytes);
    }
}

impl Queue {
    /// Writes once.
    pub(crate) fn flush(&self) -> Flushed {
        let outcome = self.write(Socket::try_write);
        if outcome == Flushed::Over {
            self.stalled.set(false);
            let ticket = self.socket.ticket();
            ticket.note_written(BUSY | WAITING | PARTING);
            if ticket.has(FINISHING) {
                self.socket.shut_write();
            }
            self.flushed.borrow_mut().drain(..).for_each(Waker::wake);
        }
        outcome
    }

    fn write(&self, once: impl FnOnce(&Socket, &[u8]) -> io::Result<usize>) -> Flushed {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.is_empty() {
            return Flushed::Over;
        }
        match once(&self.socket, &waiting) {
            Ok(written) if written == waiting.len() => self.context.keep_queue(std::mem::take(&mut waiting)),
            Ok(written) => {
                // The rest moves to storage of its own size: a slow peer holds no more than it makes wait.
                let rest = waiting[written..].to_vec();
                self.context.keep_queue(std::mem::replace(&mut waiting, rest));
                return Flushed::Stalled;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Flushed::Stalled,
            Err(_) => {
                *waiting = Vec::new();
                // The reader finds out by its own read.
                let ticket = self.socket.ticket();
                ticket.cut(ticket.end().unwrap_or(End::PeerReset));
            }
        }
        Flushed::Over
    }

    /// The limit was passed: one write is tried, and then judged.
    fn relieve(&self) {
        self.write(Socket::write_now);
        let ticket = self.socket.ticket();
        if self.waiting.borrow().len() > ticket.shared.limits.queue {
            *self.waiting.borrow_mut() = Vec::new();
            ticket.cut(End::TooSlow);
        }
    }
}
