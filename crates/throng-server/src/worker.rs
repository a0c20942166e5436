//! A worker: one core's event loop, on a thread of its own, and the connections that live on it.
//!
//! What a worker shares among its connections stays on its thread: the outboxes that are dirty, spare storage, the coarse
//! clock. A connection finds it through the thread, since a [`crate::Conn`] itself may travel.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use crate::arrival::{self, Admission, Arrival, Begun, Thread};
use crate::clock::{self, millis};
use crate::conn::Conn;
use crate::end::End;
use crate::flusher::{self, Dirty};
use crate::handler::LocalHandler;
use crate::inspection::{self, INSPECT_EVERY};
use crate::seats::Turn;
use crate::shared::Shared;
use crate::ticket::{Open, PARTING, Ticket};
use crate::timeouts::SWEEP_EVERY;
use crate::watchdog;

/// Spare outbox storage that a worker keeps in all, and the largest that it keeps.
const SPARE_BYTES_MAX: usize = 8 << 20;
const SPARE_QUEUE_BYTES_MAX: usize = 8 << 10;

/// New storage of an outbox has at least so much.
const QUEUE_BYTES_MIN: usize = 512;

/// One worker, for the one who makes its handler ([`crate::Server::local`]). It is given to the factory, on the worker's
/// thread.
///
/// ```
/// use std::{cell::Cell, rc::Rc};
/// use throng_server::{Conn, LocalHandler, Server, Worker};
///
/// /// What everybody on this worker is told, and how often a task of its own has run.
/// struct Local {
///     greeting: String,
///     ticks: Rc<Cell<u64>>,
/// }
///
/// impl Local {
///     fn new(worker: &Worker) -> Local {
///         let ticks = Rc::new(Cell::new(0));
///         let ticking = Rc::clone(&ticks);
///         worker.spawn_local(async move { ticking.set(ticking.get() + 1) });
///         let greeting = format!("worker {} of {}\r\n", worker.index() + 1, worker.count());
///         assert!(worker.now_ms() < u64::MAX);
///         Local { greeting, ticks }
///     }
/// }
///
/// impl LocalHandler for Local {
///     async fn serve(&self, mut conn: Conn) -> throng_server::Result {
///         assert_eq!(self.ticks.get(), 1);
///         conn.write_all(self.greeting.as_bytes()).await?;
///         Ok(())
///     }
/// }
///
/// # fn main() -> throng_server::Result {
/// # let model = throng_server::Events { workers: throng_server::Workers::Count(1) };
/// let running = Server::local(Local::new).listen("127.0.0.1:0")
/// #     .model(model)
///     .start()?;
/// # let client = std::net::TcpStream::connect(&running.addresses()[0])?;
/// # assert_eq!(std::io::read_to_string(client)?, "worker 1 of 1\r\n");
/// # Ok(())
/// # }
/// ```
pub struct Worker {
    context: Rc<Context>,
    count: usize,
}

impl Worker {
    /// Its number, from 0. Another process may have had the same before ([`crate::Processes`]). Example: [`Worker`].
    pub fn index(&self) -> usize {
        self.context.index
    }

    /// How many workers there are, this one included. Example: [`Worker`].
    pub fn count(&self) -> usize {
        self.count
    }

    /// Its clock in milliseconds, as [`crate::Reader::now_ms`]: only differences mean something. Example: [`Worker`].
    pub fn now_ms(&self) -> u64 {
        self.context.now_ms.get()
    }

    /// Runs a task on this worker for as long as the worker lives; dropped where it waits when that ends. It need not be
    /// `Send`. Nothing counts them: a factory starts a few. Example: [`Worker`].
    pub fn spawn_local(&self, task: impl Future<Output = ()> + 'static) {
        let context = Rc::clone(&self.context);
        tokio::task::spawn_local(async move {
            let mut task = pin!(task);
            poll_fn(|cx| context.watched(|| task.as_mut().poll(cx))).await;
        });
    }
}

/// What the connections of one worker share.
pub(crate) struct Context {
    pub index: usize,
    pub dirty: Dirty,
    now_ms: Cell<u64>,
    spare_queues: RefCell<Vec<Vec<u8>>>,
    spare_bytes: Cell<usize>,
    /// Who was told the last word, with the time by which it must have been taken, oldest first.
    farewells: RefCell<VecDeque<(u64, Arc<Ticket>)>>,
    /// How long a last word may wait, looked up at each sweep.
    farewell_ms: Cell<u64>,
    shared: Arc<Shared>,
}

impl Context {
    fn new(index: usize, shared: &Arc<Shared>) -> Context {
        Context {
            index,
            dirty: Dirty::default(),
            now_ms: Cell::new(clock::now_ms()),
            spare_queues: RefCell::default(),
            spare_bytes: Cell::new(0),
            farewells: RefCell::default(),
            farewell_ms: Cell::new(millis(shared.timeouts().farewell)),
            shared: Arc::clone(shared),
        }
    }

    /// Bytes that may wait for one connection.
    pub(crate) fn queue_max(&self) -> usize {
        self.shared.queue_max()
    }

    /// Runs one poll of what is neither a handler's nor a connection's, watched.
    fn watched<T>(&self, poll: impl FnOnce() -> T) -> T {
        watchdog::watched(&self.shared.watchdog, self.index, None, poll)
    }

    /// Storage for an outbox that has none.
    pub(crate) fn spare_queue(&self, bytes: usize) -> Vec<u8> {
        match self.spare_queues.borrow_mut().pop() {
            Some(spare) => {
                self.spare_bytes.set(self.spare_bytes.get() - spare.capacity());
                spare
            }
            None => Vec::with_capacity(bytes.max(QUEUE_BYTES_MIN)),
        }
    }

    /// An outbox is empty: its storage serves another.
    pub(crate) fn keep_queue(&self, mut storage: Vec<u8>) {
        let spare_bytes = self.spare_bytes.get() + storage.capacity();
        if (1..=SPARE_QUEUE_BYTES_MAX).contains(&storage.capacity()) && spare_bytes <= SPARE_BYTES_MAX {
            storage.clear();
            self.spare_bytes.set(spare_bytes);
            self.spare_queues.borrow_mut().push(storage);
        }
    }

    /// A connection that was told its last word is cut when it does not take it.
    pub(crate) fn watch_farewell(&self, ticket: Arc<Ticket>) {
        ticket.set(PARTING);
        let deadline = self.now_ms.get().saturating_add(self.farewell_ms.get());
        self.farewells.borrow_mut().push_back((deadline, ticket));
    }

    fn end_farewells(&self, now_ms: u64) {
        let mut farewells = self.farewells.borrow_mut();
        while farewells.front().is_some_and(|(deadline, _)| *deadline <= now_ms) {
            // Who has taken it is not ended: somebody may still have more to tell.
            if let Some((_, ticket)) = farewells.pop_front().filter(|(_, ticket)| ticket.has(PARTING)) {
                ticket.cut(End::TooSlow);
            }
        }
    }
}

thread_local! {
    static CONTEXT: RefCell<Option<Rc<Context>>> = const { RefCell::new(None) };
}

/// The worker of this thread.
///
/// # Panics
/// When this thread is no worker.
pub(crate) fn context() -> Rc<Context> {
    let context = CONTEXT.with(|context| context.borrow().clone());
    context.expect("a connection is split on the worker that serves it")
}

/// Is this thread a worker that still runs?
pub(crate) fn is_serving() -> bool {
    CONTEXT.try_with(|context| context.borrow().is_some()).unwrap_or(false)
}

/// The time, as coarse as the worker's sweep; exact on other threads.
pub(crate) fn now_ms() -> u64 {
    let coarse = CONTEXT.try_with(|context| context.borrow().as_ref().map(|context| context.now_ms.get()));
    coarse.ok().flatten().unwrap_or_else(clock::now_ms)
}

/// What a worker is made from.
pub(crate) struct Plan {
    pub index: usize,
    pub count: usize,
    pub shared: Arc<Shared>,
    pub arrivals: mpsc::Receiver<Arrival>,
    /// Tasks that are to run here, beside those of connections.
    pub guests: mpsc::Receiver<Guest>,
}

/// A task that another thread gives to a worker; it is begun there.
pub(crate) type Guest = Box<dyn FnOnce() -> LocalBoxFuture<'static, ()> + Send>;

/// Runs a worker on this thread until nobody can send it arrivals any more. `ready` is called when its handler is made.
pub(crate) fn run<H: LocalHandler>(mut plan: Plan, factory: &dyn Fn(&Worker) -> H, ready: impl FnOnce()) {
    let built = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build_local(Default::default());
    let runtime = match built {
        Ok(runtime) => runtime,
        // The one who starts the server sees that this worker never became ready.
        Err(_) => return,
    };
    let context = Rc::new(Context::new(plan.index, &plan.shared));
    CONTEXT.set(Some(Rc::clone(&context)));
    runtime.block_on(async {
        tokio::task::spawn_local(flusher::run(Rc::clone(&context)));
        let handler = Rc::new(factory(&Worker { context: Rc::clone(&context), count: plan.count }));
        tokio::task::spawn_local(sweep(context, Arc::clone(&plan.shared), Rc::clone(&handler)));
        tokio::task::spawn_local(entertain(plan.guests));
        ready();
        while let Some(arrival) = plan.arrivals.recv().await {
            welcome(arrival, &handler);
        }
    });
    // What is left is dropped at once, and nothing lingers any more.
    plan.shared.registry.each_of(plan.index, |ticket| {
        ticket.conclude(End::Drained);
    });
    CONTEXT.set(None);
    drop(runtime);
}

async fn entertain(mut guests: mpsc::Receiver<Guest>) {
    while let Some(guest) = guests.recv().await {
        tokio::task::spawn_local(guest());
    }
}

fn welcome<H: LocalHandler>(arrival: Arrival, handler: &Rc<H>) {
    let Arrival { visitor, admission } = arrival;
    match admission {
        Admission::Served(open, turn) => {
            let (open, handler) = (Arc::new(open), Rc::clone(handler));
            match arrival::begin(visitor, &open) {
                Begun::Ready(socket) => {
                    tokio::task::spawn_local(serve(Conn::new(socket), open, turn, handler));
                }
                begun => {
                    tokio::task::spawn_local(async move {
                        if let Some(socket) = begun.ready().await {
                            Box::pin(serve(Conn::new(socket), open, turn, handler)).await;
                        }
                    });
                }
            }
        }
        Admission::Rejected(refusal) => {
            let word = refusal.word(|peer, why| handler.rejected(peer, why).to_vec());
            tokio::task::spawn_local(arrival::reject(visitor, refusal, word));
        }
    }
}

async fn serve<H: LocalHandler>(conn: Conn, open: Arc<Open>, turn: Turn, handler: Rc<H>) {
    let finishing = Rc::clone(&handler);
    let served = || arrival::local_steps(handler, conn);
    arrival::run(open, Thread::Shared, served, |conn, end| finishing.finish(conn, end)).await;
    drop(turn);
}

async fn sweep<H: LocalHandler>(context: Rc<Context>, shared: Arc<Shared>, handler: Rc<H>) {
    let mut ticks = tokio::time::interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut inspected_ms = 0;
    loop {
        ticks.tick().await;
        let now_ms = clock::now_ms();
        context.now_ms.set(now_ms);
        context.farewell_ms.set(millis(shared.timeouts().farewell));
        context.end_farewells(now_ms);
        if u128::from(now_ms - inspected_ms) >= INSPECT_EVERY.as_millis() {
            inspected_ms = now_ms;
            inspection::inspect(&shared, context.index, now_ms);
        }
        // A handler that panics here has said so already; the timeouts go on.
        let _ = catch_unwind(AssertUnwindSafe(|| context.watched(|| handler.sweep(now_ms))));
    }
}
