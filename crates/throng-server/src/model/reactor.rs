//! The one event loop beside serving threads: it takes arrivals over, gives each to a thread, watches sockets for handlers
//! that wait, looks at the timeouts, and closes politely.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{mpsc, watch};

use super::{ARRIVALS_MAX, cut_all, run_on, sealed::Ground};
use crate::arrival::{self, Admission, Arrival, Over, Thread, Visitor};
use crate::blocking::BlockingConn;
use crate::conn::Conn;
use crate::end::End;
use crate::handler::{BlockingHandler, Handler};
use crate::inspection;
use crate::limits::Rejected;
use crate::peer::{ConnId, Peer};
use crate::seats::Turn;
use crate::shared::Shared;
use crate::start_error::StartError;
use crate::ticket::Open;

/// How long serving threads have to notice that the server is over, before the event loop ends under them.
const OVER_MAX: Duration = Duration::from_millis(500);

/// A client for a serving thread.
pub(super) struct Client {
    visitor: Visitor,
    open: Arc<Open>,
    turn: Turn,
    reactor: Handle,
    /// Comes true when the server is over.
    over: watch::Receiver<bool>,
    /// Each thread that serves has one. Nothing is ever sent.
    _alive: mpsc::Sender<()>,
}

impl Client {
    /// Its worker's number.
    pub(super) fn worker(&self) -> usize {
        self.open.ticket.worker
    }

    /// Its own number.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "there are no worker processes"))]
    pub(super) fn id(&self) -> ConnId {
        self.open.ticket.id
    }

    /// Serves it on this thread, which waits whenever the handler does.
    pub(super) fn serve<H: Handler>(self, handler: Arc<H>) {
        let Client { visitor, open, turn, reactor, mut over, _alive } = self;
        let served = async move {
            let Some(socket) = arrival::begin(visitor, &open).ready().await else { return };
            let finishing = Arc::clone(&handler);
            let served = || arrival::steps(handler, Conn::new(socket));
            arrival::run(open, Thread::Own, served, |conn, end| finishing.finish(conn, end)).await;
        };
        reactor.block_on(async move {
            tokio::select! {
                // The server is over, and whoever is left is dropped.
                _ = over.wait_for(|over| *over) => {}
                () = served => {}
            }
        });
        drop(turn);
    }

    /// Serves it on this thread with blocking code.
    pub(super) fn serve_blocking<H: BlockingHandler>(self, handler: &H) {
        let Client { visitor, open, turn, reactor, over: _, _alive } = self;
        let over = Over { open: &open, finish: Some(|conn: &_, end: &_| handler.finish(conn, end)) };
        let served = catch_unwind(AssertUnwindSafe(|| {
            let mut conn = BlockingConn::new(visitor, Arc::clone(&open), reactor)?;
            handler.setup(&mut conn)?;
            conn.set_up();
            handler.serve(conn)
        }));
        open.ticket.conclude_served(served);
        drop(over);
        // The next one's turn is when this one has left.
        drop(open);
        drop(turn);
    }
}

/// Starts the event loop, on a thread of its own. `hire` gets a thread for a client, or says why not; `word` is what a
/// rejected peer hears.
pub(super) fn start(
    ground: &mut Ground<'_>,
    hire: impl FnMut(Client) -> io::Result<()> + Send + 'static,
    word: impl Fn(&Peer, Rejected) -> Vec<u8> + Send + 'static,
) -> Result<mpsc::Sender<Arrival>, StartError> {
    let (way, arrivals) = mpsc::channel(ARRIVALS_MAX);
    let shared = Arc::clone(ground.shared);
    let body = move |runtime: Runtime| runtime.block_on(run(shared, arrivals, hire, word, OVER_MAX));
    run_on(Builder::new_current_thread(), "throng-reactor", ground, body)?;
    Ok(way)
}

/// The event loop, in this thread's runtime, until nobody can send it arrivals any more. The threads that still serve then
/// have so long to notice.
pub(super) async fn run(
    shared: Arc<Shared>,
    mut arrivals: mpsc::Receiver<Arrival>,
    mut hire: impl FnMut(Client) -> io::Result<()>,
    word: impl Fn(&Peer, Rejected) -> Vec<u8>,
    patience: Duration,
) {
    let (tell_over, over) = watch::channel(false);
    let (alive, mut ended) = mpsc::channel::<()>(1);
    tokio::spawn(inspection::inspect_all(Arc::clone(&shared)));
    while let Some(Arrival { visitor, admission }) = arrivals.recv().await {
        match admission {
            Admission::Served(open, turn) => {
                let open = Arc::new(open);
                let (reactor, over, _alive) = (Handle::current(), over.clone(), alive.clone());
                let client = Client { visitor, open: Arc::clone(&open), turn, reactor, over, _alive };
                if let Err(why) = hire(client) {
                    open.ticket.conclude(End::Failed(format!("no thread to serve it: {why}")));
                }
            }
            Admission::Rejected(refusal) => {
                let word = refusal.word(&word);
                tokio::spawn(arrival::reject(visitor, refusal, word));
            }
        }
    }
    cut_all(&shared);
    drop((alive, hire));
    tell_over.send_replace(true);
    // One that blocks is left behind: nothing can end a thread that does not want to.
    let _ = tokio::time::timeout(patience, ended.recv()).await;
}
