//! Where everything that a connection is told is put, and from where it is written once per turn.
//!
//! An [`Outbox`] is a cheap handle that lives on its worker. Whoever has one appends, and nobody waits: the worker writes
//! all outboxes that have something, each with one write, when the ready tasks have had their turn. What the kernel does
//! not take waits for the socket; above the queue's limit, and only after a write was tried, the peer is too slow.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::ErrorKind;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};

use bytes::Bytes;

use crate::end::End;
use crate::peer::ConnId;
use crate::socket::Socket;
use crate::ticket::{BUSY, CUT, FINISHING, PARTING, SERVED, STALLED};
use crate::worker::{self, Context};

/// Sends to one connection, without waiting: whoever has it, on the same worker, appends. All clones send to the same, and the
/// connection stays open while there is one or its [`crate::Reader`]. [`crate::Conn::split`] makes it; it is not `Send`.
///
/// At most [`crate::Limits::queue`] bytes wait in it (1 MiB unless set). Who would make it more is not refused: the peer is too
/// slow, one write is tried, and then it is cut as [`End::TooSlow`] and all that waits is lost. So nobody who sends ever waits
/// for one who does not read.
///
/// ```
/// use std::cell::RefCell;
/// use throng_server::{Conn, ConnInfo, End, Events, LocalHandler, Outbox, Server, Workers};
///
/// /// Tells every line to everybody on this worker: with one worker, to everybody.
/// #[derive(Default)]
/// struct Room {
///     here: RefCell<Vec<Outbox>>,
/// }
///
/// impl LocalHandler for Room {
///     async fn serve(&self, conn: Conn) -> throng_server::Result {
///         let (mut reader, outbox) = conn.split();
///         outbox.push(b"welcome\r\n");
///         self.here.borrow_mut().push(outbox);
///         let mut lines = reader.lines(1024);
///         while let Some(line) = reader.read_line(&mut lines).await? {
///             let told = [line, b"\r\n"].concat();
///             self.here.borrow().iter().for_each(|outbox| outbox.push(&told));
///         }
///         Ok(())
///     }
///
///     /// Whatever ended it: an outbox that stayed here would keep its connection open.
///     fn finish(&self, conn: &ConnInfo, _end: &End) {
///         self.here.borrow_mut().retain(|outbox| outbox.id() != conn.id);
///     }
/// }
///
/// # use std::io::{BufRead, BufReader, Write};
/// # fn main() -> throng_server::Result {
/// let one = Events { workers: Workers::Count(1) };
/// let running = Server::local(|_| Room::default()).model(one).listen("127.0.0.1:0").start()?;
/// # let connect = || std::net::TcpStream::connect(&running.addresses()[0]);
/// # let (mut ana, ben) = (connect()?, connect()?);
/// # let mut ben = BufReader::new(ben).lines();
/// # assert_eq!(ben.next().unwrap()?, "welcome");
/// # ana.write_all(b"hello\n")?;
/// # assert_eq!(ben.next().unwrap()?, "hello");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Outbox {
    link: Rc<Link>,
}

/// A connection that was split: its socket, and what waits to be written to it. What each delivery looks at lies together.
#[repr(C)]
pub(crate) struct Link {
    waiting: RefCell<Vec<u8>>,
    context: Rc<Context>,
    /// Is it in the flusher's list?
    pub dirty: Cell<bool>,
    /// Does it wait for the socket?
    pub stalled: Cell<bool>,
    /// Nothing more is taken.
    over: Cell<bool>,
    /// Does somebody wait until nothing waits here?
    awaited: Cell<bool>,
    pub socket: Socket,
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
    pub(crate) fn new(link: Rc<Link>) -> Outbox {
        Outbox { link }
    }

    /// The number of the connection, as [`crate::Conn::id`]. Example: [`Outbox`].
    pub fn id(&self) -> ConnId {
        self.link.socket.ticket().id
    }

    /// Appends bytes. They are written when the worker's turn is over, all of one turn by one write; after the end they go
    /// nowhere. Above [`crate::Limits::queue`] the connection is cut ([`End::TooSlow`]). Example: [`Outbox`].
    pub fn push(&self, bytes: &[u8]) {
        let link = &*self.link;
        if bytes.is_empty() || link.over.get() {
            return;
        }
        let waiting = {
            let mut waiting = link.waiting.borrow_mut();
            if waiting.capacity() == 0 {
                *waiting = link.context.spare_queue(bytes.len());
            }
            waiting.extend_from_slice(bytes);
            waiting.len()
        };
        if waiting > link.context.queue_max() {
            link.relieve();
        }
        if link.stalled.get() {
            link.note_queued();
        }
        self.mark(bytes.len());
    }

    /// Appends bytes that many are told, as [`Outbox::push`] does. Short ones are copied: that costs no more than to count who
    /// shares them. Example: [`Outbox::queued`].
    pub fn push_shared(&self, bytes: &Bytes) {
        self.push(bytes);
    }

    /// Bytes that wait here: those of this turn, and what the kernel did not take of earlier ones.
    ///
    /// ```
    /// # use throng_server::{Conn, End, LocalHandler, Server};
    /// struct Bulk;
    ///
    /// impl LocalHandler for Bulk {
    ///     async fn serve(&self, conn: Conn) -> throng_server::Result {
    ///         let (_reader, outbox) = conn.split();
    ///         outbox.push_shared(&bytes::Bytes::from_static(b"."));
    ///         assert_eq!(outbox.queued(), 1);
    ///         for _ in 0..64 {
    ///             outbox.push(&[b'x'; 4096]);
    ///             if outbox.queued() >= 64 << 10 {
    ///                 outbox.flushed().await; // its own pace, instead of the limit's
    ///             }
    ///         }
    ///         outbox.finish(End::Done);
    ///         Ok(())
    ///     }
    /// }
    /// # fn main() -> throng_server::Result {
    /// let running = Server::local(|_| Bulk).listen("127.0.0.1:0").start()?;
    /// let client = std::net::TcpStream::connect(&running.addresses()[0])?;
    /// assert_eq!(std::io::read_to_string(client)?.len(), 64 * 4096 + 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn queued(&self) -> usize {
        self.link.waiting.borrow().len()
    }

    /// Ends the connection now; what waits is lost. Its reads fail from here on. The first reason that is given counts.
    ///
    /// ```
    /// # use throng_server::{Conn, End, LocalHandler, Server};
    /// # struct Rude;
    /// # impl LocalHandler for Rude {
    /// #     async fn serve(&self, conn: Conn) -> throng_server::Result {
    /// let (mut reader, outbox) = conn.split();
    /// outbox.push(b"nobody hears this");
    /// outbox.cut(End::Kicked);
    /// assert!(outbox.is_over());
    /// let error = reader.read_into(&mut reader.buffer()).await.unwrap_err();
    /// assert_eq!(End::of(&error), Some(End::Kicked));
    /// #         Ok(())
    /// #     }
    /// # }
    /// # fn main() -> throng_server::Result {
    /// # let running = Server::local(|_| Rude).listen("127.0.0.1:0").start()?;
    /// # let client = std::net::TcpStream::connect(&running.addresses()[0])?;
    /// # assert_eq!(std::io::read_to_string(client).unwrap_or_default(), "");
    /// # running.shutdown().wait();
    /// # assert_eq!(running.stats().ended.get("kicked"), Some(&1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn cut(&self, end: End) {
        self.link.over.set(true);
        self.link.socket.ticket().cut(end);
        self.mark(0);
    }

    /// Ends the connection behind what waits here: the goodbye. The reader is told the end at once, its next read gives 0. Who
    /// has not taken it all within [`crate::Timeouts::farewell`] is cut. Example: [`Outbox::queued`].
    pub fn finish(&self, end: End) {
        self.link.over.set(true);
        let ticket = self.link.socket.ticket();
        ticket.finish(end);
        self.link.context.watch_farewell(Arc::clone(ticket));
        self.mark(0);
    }

    /// Was the connection cut or finished? What is pushed then goes nowhere. Example: [`Outbox::cut`].
    pub fn is_over(&self) -> bool {
        self.link.over.get() || self.link.socket.ticket().has(CUT)
    }

    /// Waits until nothing waits here, or nothing more can be sent. The kernel has it then, the peer perhaps not yet.
    /// Cancel-safe. Example: [`Outbox::queued`].
    pub async fn flushed(&self) {
        poll_fn(|cx| {
            let link = &self.link;
            if link.waiting.borrow().is_empty() || link.socket.ticket().has(CUT) {
                return Poll::Ready(());
            }
            link.awaited.set(true);
            let mut waiters = link.flushed.borrow_mut();
            // One who looks often still waits once.
            if !waiters.iter().any(|waiter| waiter.will_wake(cx.waker())) {
                waiters.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    fn mark(&self, bytes: usize) {
        self.link.context.dirty.mark(&self.link, bytes);
    }
}

impl Link {
    /// Only on a worker's thread.
    pub(crate) fn new(socket: Socket) -> Link {
        Link {
            waiting: RefCell::default(),
            context: worker::context(),
            dirty: Cell::new(false),
            stalled: Cell::new(false),
            over: Cell::new(false),
            awaited: Cell::new(false),
            socket,
            flushed: RefCell::default(),
        }
    }

    /// Writes once.
    pub(crate) fn flush(&self) -> Flushed {
        let outcome = self.write();
        let ticket = self.socket.ticket();
        match outcome {
            Flushed::Over => {
                // It is another line of memory than what each write looks at.
                if self.stalled.get() {
                    self.note_queued();
                }
                ticket.note_written(BUSY | STALLED | PARTING);
                ticket.end_stall();
                if ticket.has(FINISHING) {
                    self.socket.shut_write();
                }
                if self.awaited.replace(false) {
                    self.flushed.borrow_mut().drain(..).for_each(Waker::wake);
                }
            }
            Flushed::Stalled => {
                self.note_queued();
                ticket.set(STALLED);
                ticket.begin_stall(worker::now_ms);
                if ticket.has(SERVED) && !ticket.has(PARTING) {
                    self.context.watch_farewell(Arc::clone(ticket));
                }
            }
        }
        outcome
    }

    /// Lets other threads know what waits for the peer.
    fn note_queued(&self) {
        self.socket.ticket().note_queued(self.waiting.borrow().len());
    }

    fn write(&self) -> Flushed {
        let mut waiting = self.waiting.borrow_mut();
        let written = match waiting.is_empty() {
            true => Ok(0),
            false => self.socket.try_write(&waiting),
        };
        match written {
            Ok(written) if written == waiting.len() => {
                self.context.keep_queue(std::mem::take(&mut waiting));
                // A layer may have taken all of it and hold some back.
                let flushed = self.socket.try_flush();
                if flushed.is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {
                    return Flushed::Stalled;
                }
            }
            Ok(written) => {
                // The rest moves to storage of its own size: a slow peer holds no more than it makes wait.
                let rest = waiting[written..].to_vec();
                self.context.keep_queue(std::mem::replace(&mut waiting, rest));
                return Flushed::Stalled;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Flushed::Stalled,
            Err(_) => {
                *waiting = Vec::new();
                self.over.set(true);
                // The reader finds out by its own read.
                let ticket = self.socket.ticket();
                ticket.cut(ticket.end().unwrap_or(End::PeerReset));
            }
        }
        Flushed::Over
    }

    /// The limit was passed: one write is tried, and then judged.
    fn relieve(&self) {
        self.write();
        if self.waiting.borrow().len() > self.context.queue_max() {
            *self.waiting.borrow_mut() = Vec::new();
            self.over.set(true);
            self.socket.ticket().cut(End::TooSlow);
        }
    }
}
