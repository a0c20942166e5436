//! A connection from its admission to its end, whoever serves it: by which model is all the same here.

use std::future::{Future, poll_fn};
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::io::AsyncWriteExt;

use crate::clock;
use crate::conn::Conn;
use crate::end::End;
use crate::handler::{Handler, LocalHandler};
use crate::handshake::Speaks;
use crate::limits::Rejected;
use crate::peer::Peer;
use crate::report::ConnInfo;
use crate::seats::{AddressSeat, Place, Turn};
use crate::shared::Shared;
use crate::socket::Socket;
use crate::stream::Stream;
use crate::ticket::{Open, SERVED, SET_UP, STALLED, Ticket};
use crate::watchdog;
use crate::wire::Wire;
use crate::worker;

/// How long a rejected peer may keep its socket.
const REJECTED_MAX: Duration = Duration::from_millis(500);

/// A connection on its way to the one who serves it, with its places in the limits.
pub(crate) struct Arrival {
    pub visitor: Visitor,
    pub admission: Admission,
}

/// Who knocked: a socket that does not block, and what is spoken where it came in.
pub(crate) struct Visitor {
    pub socket: OwnedFd,
    /// The number of the listening place where it came in.
    pub place: u16,
    pub speaks: Speaks,
}

/// Is it served?
pub(crate) enum Admission {
    /// Yes: its places, its number and its table are taken.
    Served(Open, Turn),
    /// No; it hears why.
    Rejected(Refusal),
}

/// A peer that is not served.
pub(crate) struct Refusal {
    pub peer: Peer,
    pub why: Rejected,
    /// What it is told in the place of the handler's word.
    pub word: Option<Arc<[u8]>>,
    /// Its place among those who are told, or whoever gives that back; kept until its socket is closed.
    pub _place: Box<dyn Send>,
}

impl Arrival {
    /// A connection that is to be served.
    pub(crate) fn served(
        visitor: Visitor,
        peer: Peer,
        worker: usize,
        shared: &Arc<Shared>,
        places: (Place, AddressSeat),
    ) -> Arrival {
        let ticket = Ticket::new(shared.next_id(), peer, worker, Arc::clone(shared));
        let (Place { total, turn }, address) = places;
        Arrival { visitor, admission: Admission::Served(Open::new(ticket, total, address), turn) }
    }
}

/// A connection in the event loop of this thread's runtime.
pub(crate) enum Begun {
    /// It can be served.
    Ready(Socket),
    /// Something comes first: a handshake, or finding out whether one does. Nothing when that went wrong.
    ///
    /// It is a future of its own, so that a connection which speaks plain has no room for a handshake in its task.
    Shakes(Pin<Box<dyn Future<Output = Option<Socket>> + Send>>),
    /// It could not even begin.
    Over,
}

/// Takes the connection into the event loop.
pub(crate) fn begin(visitor: Visitor, open: &Arc<Open>) -> Begun {
    let Visitor { socket, speaks, .. } = visitor;
    let wire = match Wire::watch(socket, &open.ticket.peer.local) {
        Ok(wire) => wire,
        Err(why) => {
            open.ticket.conclude(End::Failed(why.to_string()));
            return Begun::Over;
        }
    };
    if speaks.is_plain() {
        return Begun::Ready(Socket::new(Stream::Plain(wire), Arc::clone(open)));
    }
    let open = Arc::clone(open);
    Begun::Shakes(Box::pin(async move {
        match speaks.stream(wire, &open.ticket).await {
            Ok(stream) => Some(Socket::new(stream, open)),
            Err(end) => {
                open.ticket.conclude(end);
                None
            }
        }
    }))
}

impl Begun {
    /// Waits for what comes first.
    pub(crate) async fn ready(self) -> Option<Socket> {
        match self {
            Begun::Ready(socket) => Some(socket),
            Begun::Shakes(shaking) => shaking.await,
            Begun::Over => None,
        }
    }
}

/// Serves one connection to its end; whatever its handler does, it ends alone.
///
/// The connection is dropped before its handler has said how it ended; that its place is kept here meanwhile makes the
/// handler's word count.
///
/// `serve` gives the handler's future, which is made where it is waited for: each place through which it passed on its way
/// would take as much room in the task as itself.
pub(crate) async fn run<Served: Future<Output = crate::Result>>(
    open: Arc<Open>,
    thread: Thread,
    serve: impl FnOnce() -> Served,
    finish: impl FnOnce(&ConnInfo, &End),
) {
    let ticket = &open.ticket;
    let over = Over { open: &open, finish: Some(finish) };
    // Inside, so that a handler which panics before it waits is caught as well.
    let mut served = pin!(AssertUnwindSafe(async { serve().await }).catch_unwind());
    let served = poll_fn(|cx| thread.polls(ticket, || served.as_mut().poll(cx))).await;
    ticket.conclude_served(served);
    thread.polls(ticket, || drop(over));
    // What its outbox still holds is written, but not for ever. One that does not wait for its socket yet is watched from
    // the moment when it does.
    ticket.set(SERVED);
    if ticket.has(STALLED) && worker::is_serving() {
        worker::context().watch_farewell(Arc::clone(ticket));
    }
}

/// Whose time a handler takes.
#[derive(Clone, Copy)]
pub(crate) enum Thread {
    /// That of others as well, so the watchdog looks at it.
    Shared,
    /// Its own.
    Own,
}

impl Thread {
    fn polls<T>(self, ticket: &Ticket, poll: impl FnOnce() -> T) -> T {
        match self {
            Thread::Shared => {
                watchdog::watched(&ticket.shared.watchdog, ticket.worker, Some(ticket.id), poll)
            }
            Thread::Own => poll(),
        }
    }
}

/// Sees to it that `finish` comes, however the serving ends: dropped as well.
pub(crate) struct Over<'a, F: FnOnce(&ConnInfo, &End)> {
    pub open: &'a Open,
    pub finish: Option<F>,
}

impl<F: FnOnce(&ConnInfo, &End)> Drop for Over<'_, F> {
    fn drop(&mut self) {
        self.open.end_tasks();
        let ticket = &self.open.ticket;
        if !ticket.has(SET_UP) {
            return;
        }
        // Only one that was dropped has no end yet, and that is done by the server's end.
        ticket.conclude(End::Drained);
        let end = ticket.end().unwrap_or(End::Drained);
        if let Some(finish) = self.finish.take() {
            // A handler that panics here has said so already, and the end stays what it was.
            let _ = catch_unwind(AssertUnwindSafe(|| finish(&ticket.info(clock::now_ms()), &end)));
        }
    }
}

/// All steps of a handler that may travel.
pub(crate) async fn steps<H: Handler>(handler: Arc<H>, mut conn: Conn) -> crate::Result {
    Handler::setup(&*handler, &mut conn).await?;
    conn.set_up();
    Handler::serve(&*handler, conn).await
}

/// All steps of a handler that stays on its thread.
pub(crate) async fn local_steps<H: LocalHandler>(handler: Rc<H>, mut conn: Conn) -> crate::Result {
    LocalHandler::setup(&*handler, &mut conn).await?;
    conn.set_up();
    LocalHandler::serve(&*handler, conn).await
}

impl Refusal {
    /// The word for a peer that is not served: its own, or the handler's. A handler that panics here has none.
    pub(crate) fn word(&self, rejected: impl FnOnce(&Peer, Rejected) -> Vec<u8>) -> Vec<u8> {
        match &self.word {
            Some(word) => word.to_vec(),
            None => catch_unwind(AssertUnwindSafe(|| rejected(&self.peer, self.why))).unwrap_or_default(),
        }
    }
}

/// Tells a peer why it is not served; one that is gone already needs no word, and one that may speak TLS understands none.
pub(crate) async fn reject(visitor: Visitor, refusal: Refusal, word: Vec<u8>) {
    let Ok(mut wire) = Wire::watch(visitor.socket, &refusal.peer.local) else { return };
    let told = async {
        let word = if visitor.speaks.is_plain() { &word[..] } else { b"" };
        if wire.write_all(word).await.is_ok() && wire.shut_write().is_ok() {
            crate::linger::discard(&wire).await;
        }
    };
    let _ = tokio::time::timeout(REJECTED_MAX, told).await;
    // The socket first: a place is free when its descriptor is.
    drop(wire);
    drop(refusal);
}
