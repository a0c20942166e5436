//! How a server is put together: a handler, addresses, a model, limits, timeouts; and started.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::claim::{BindError, Claim};
use crate::event::{Event, Sink};
use crate::handler::{Everywhere, Handler, LocalHandler};
use crate::limits::Limits;
use crate::listener::{self, Listener, ORDERS_MAX};
use crate::running::{Running, Threads};
use crate::shared::Shared;
use crate::timeouts::Timeouts;
use crate::worker::{self, Arrival, Plan, Worker};

/// Sockets that may wait for one worker to take them over.
const ARRIVALS_MAX: usize = 1024;

/// How long the workers may take to make their handlers.
const READY_MAX: Duration = Duration::from_secs(60);

/// By what means many clients are served at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Model {
    /// One event loop per worker, each on a thread of its own; a connection stays on the worker that it was given to.
    Events {
        /// How many.
        workers: Workers,
    },
}

/// How many workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// One for each core that this process may use.
    Auto,
    /// So many; at least one.
    Count(usize),
}

impl Workers {
    fn count(self) -> usize {
        match self {
            Workers::Auto => std::thread::available_parallelism().map_or(1, usize::from),
            Workers::Count(count) => count.max(1),
        }
    }
}

/// A server could not be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// No address was given.
    NoAddress,
    /// An address was not understood.
    Address {
        /// As it was given.
        given: String,
        /// What is wrong with it.
        source: io::Error,
    },
    /// A port could not be had.
    Bind(BindError),
    /// A thread or its event loop could not be made.
    Thread(io::Error),
    /// The factory of a worker's handler panicked, or took longer than a minute.
    Factory,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::NoAddress => f.write_str("no address to listen on was given"),
            StartError::Address { given, source } => write!(f, "cannot listen on {given}: {source}"),
            StartError::Bind(error) => error.fmt(f),
            StartError::Thread(error) => write!(f, "cannot start a thread: {error}"),
            StartError::Factory => f.write_str("a worker's handler could not be made"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<BindError> for StartError {
    fn from(error: BindError) -> StartError {
        StartError::Bind(error)
    }
}

type Factory<H> = Box<dyn Fn(&Worker) -> H + Send + Sync>;

/// A server to be.
pub struct Server<H> {
    factory: Factory<H>,
    claims: Result<Vec<Claim>, StartError>,
    workers: Workers,
    limits: Limits,
    timeouts: Timeouts,
    sink: Sink,
}

impl Server<()> {
    /// Serves every connection with this handler. What it needs from elsewhere it captures.
    pub fn new<H: Handler>(handler: H) -> Server<impl LocalHandler> {
        let handler = Arc::new(handler);
        Server::local(move |_| Everywhere(Arc::clone(&handler)))
    }

    /// Serves the connections of each worker with a handler of its own, made on the worker's thread.
    pub fn local<H: LocalHandler>(factory: impl Fn(&Worker) -> H + Send + Sync + 'static) -> Server<H> {
        Server {
            factory: Box::new(factory),
            claims: Ok(Vec::new()),
            workers: Workers::Auto,
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            sink: Sink::default(),
        }
    }
}

impl<H: LocalHandler> Server<H> {
    /// Listens on an address, such as `127.0.0.1:50007` or `[::1]:0`. May be said several times.
    pub fn listen(mut self, address: &str) -> Server<H> {
        let claim = resolve(address).and_then(|address| Claim::bind(address).map_err(StartError::from));
        self.claims = match (self.claims, claim) {
            (Ok(mut claims), Ok(claim)) => {
                claims.push(claim);
                Ok(claims)
            }
            (Err(first), _) | (Ok(_), Err(first)) => Err(first),
        };
        self
    }

    /// Listens on a port that was claimed before.
    pub fn listen_on(mut self, claim: Claim) -> Server<H> {
        if let Ok(claims) = &mut self.claims {
            claims.push(claim);
        }
        self
    }

    /// Serves by these means.
    pub fn model(mut self, model: Model) -> Server<H> {
        let Model::Events { workers } = model;
        self.workers = workers;
        self
    }

    /// Allows so much.
    pub fn limits(mut self, limits: Limits) -> Server<H> {
        self.limits = limits;
        self
    }

    /// Waits so long.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Server<H> {
        self.timeouts = timeouts;
        self
    }

    /// Tells what happens. Called on the server's threads: it must return at once.
    pub fn events(mut self, sink: impl Fn(&Event) + Send + Sync + 'static) -> Server<H> {
        self.sink = Sink(Arc::new(sink));
        self
    }

    /// Starts, and takes clients from here on.
    ///
    /// # Errors
    /// When an address cannot be had, or a thread cannot be started; nothing runs then.
    pub fn start(self) -> Result<Running, StartError> {
        let claims = self.claims?;
        if claims.is_empty() {
            return Err(StartError::NoAddress);
        }
        let addresses = claims.iter().map(Claim::address).collect();
        let count = self.workers.count();
        let backlog = self.limits.backlog;
        let shared = Arc::new(Shared::new(self.limits, self.timeouts, self.sink, count));
        let mut threads = Threads::default();
        let arrivals = start_workers(self.factory, count, &shared, &mut threads)?;
        let workers = listener::Workers { arrivals, shared: Arc::clone(&shared) };
        let orders = start_acceptor(claims, backlog, workers, &mut threads)?;
        Ok(Running::new(shared, addresses, orders, threads))
    }
}

fn resolve(address: &str) -> Result<SocketAddr, StartError> {
    let refused = |source| StartError::Address { given: address.to_owned(), source };
    let mut found = address.to_socket_addrs().map_err(refused)?;
    found.next().ok_or_else(|| refused(io::Error::other("that name has no address")))
}

type Arrivals = Vec<mpsc::Sender<Arrival>>;

fn start_workers<H: LocalHandler>(
    factory: Factory<H>,
    count: usize,
    shared: &Arc<Shared>,
    threads: &mut Threads,
) -> Result<Arrivals, StartError> {
    let factory = Arc::new(factory);
    let (ready, readied) = sync_channel(count);
    let mut senders = Vec::with_capacity(count);
    for index in 0..count {
        let (sender, arrivals) = mpsc::channel(ARRIVALS_MAX);
        let plan = Plan { index, count, shared: Arc::clone(shared), arrivals };
        let (factory, ready) = (Arc::clone(&factory), ready.clone());
        // It is gone when it was used or when the worker failed, so that nobody waits for one that failed.
        let ready = move || {
            // Whoever starts the server may have given up already.
            let _ = ready.send(());
        };
        let body = move || worker::run(plan, factory.as_ref(), ready);
        threads.spawn(&format!("throng-worker-{index}"), body)?;
        senders.push(sender);
    }
    drop(ready);
    for _ in 0..count {
        match readied.recv_timeout(READY_MAX) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                return Err(StartError::Factory);
            }
        }
    }
    Ok(senders)
}

type Orders = Vec<mpsc::Sender<listener::Order>>;

fn start_acceptor(
    claims: Vec<Claim>,
    backlog: i32,
    workers: listener::Workers,
    threads: &mut Threads,
) -> Result<Orders, StartError> {
    let listening = claims.into_iter().map(|claim| {
        let address = claim.address();
        claim.listen(backlog).map_err(|source| BindError { address, source })
    });
    let sockets = listening.collect::<Result<Vec<_>, _>>()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let runtime = runtime.map_err(StartError::Thread)?;
    let mut orders = Vec::new();
    let mut listeners = Vec::new();
    {
        let _inside = runtime.enter();
        for socket in sockets {
            let (order, ordered) = mpsc::channel(ORDERS_MAX);
            let listener = Listener::new(socket, workers.clone()).map_err(StartError::Thread)?;
            listeners.push(listener.run(ordered));
            orders.push(order);
        }
    }
    drop(workers);
    let body = move || {
        runtime.block_on(async {
            let running: Vec<_> = listeners.into_iter().map(tokio::spawn).collect();
            for listener in running {
                // A listener that panicked has said so already; the others go on.
                let _ = listener.await;
            }
        });
    };
    threads.spawn("throng-accept", body)?;
    Ok(orders)
}
