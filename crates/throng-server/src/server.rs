//! How a server is put together: a handler, addresses, a model, limits, timeouts; and started.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::claim::{BindError, Claim};
use crate::event::{Event, Sink};
use crate::handler::{BlockingHandler, Handler, LocalHandler};
use crate::limits::Limits;
use crate::listener::{self, Listener, ORDERS_MAX};
use crate::model::{
    Blocking, Events, Model, PerWorker, Shareable, Threads, Workers,
    sealed::{self, Ground},
};
use crate::running::Running;
use crate::shared::Shared;
use crate::start_error::StartError;
use crate::thread_group::ThreadGroup;
use crate::timeouts::Timeouts;
use crate::worker::Worker;

/// A server to be. `K` is the kind of its handler.
pub struct Server<K> {
    kind: K,
    model: Box<dyn sealed::Model<K>>,
    claims: Result<Vec<Claim>, StartError>,
    limits: Limits,
    timeouts: Timeouts,
    sink: Sink,
}

impl Server<()> {
    /// Serves every connection with this handler, by [`Events`] unless another model is chosen. What the handler needs from
    /// elsewhere it captures.
    pub fn new<H: Handler>(handler: H) -> Server<Shareable<H>> {
        Server::of(Shareable(Arc::new(handler)), Events { workers: Workers::Auto })
    }

    /// Serves the connections of each worker with a handler of its own, made on the worker's thread, by [`Events`] unless
    /// another model is chosen.
    pub fn local<H: LocalHandler>(
        factory: impl Fn(&Worker) -> H + Send + Sync + 'static,
    ) -> Server<PerWorker<H>> {
        Server::of(PerWorker(Box::new(factory)), Events { workers: Workers::Auto })
    }

    /// Serves every connection with plain blocking code, by [`Threads`] unless another model is chosen.
    pub fn blocking<H: BlockingHandler>(handler: H) -> Server<Blocking<H>> {
        Server::of(Blocking(Arc::new(handler)), Threads::default())
    }
}

impl<K: 'static> Server<K> {
    fn of(kind: K, model: impl Model<K>) -> Server<K> {
        Server {
            kind,
            model: Box::new(model),
            claims: Ok(Vec::new()),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            sink: Sink::default(),
        }
    }

    /// Listens on an address, such as `127.0.0.1:50007` or `[::1]:0`. May be said several times.
    pub fn listen(mut self, address: &str) -> Server<K> {
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
    pub fn listen_on(mut self, claim: Claim) -> Server<K> {
        if let Ok(claims) = &mut self.claims {
            claims.push(claim);
        }
        self
    }

    /// Serves by these means.
    pub fn model(mut self, model: impl Model<K>) -> Server<K> {
        self.model = Box::new(model);
        self
    }

    /// Allows so much.
    pub fn limits(mut self, limits: Limits) -> Server<K> {
        self.limits = limits;
        self
    }

    /// Waits so long.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Server<K> {
        self.timeouts = timeouts;
        self
    }

    /// Tells what happens. Called on the server's threads: it must return at once.
    pub fn events(mut self, sink: impl Fn(&Event) + Send + Sync + 'static) -> Server<K> {
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
        let backlog = self.limits.backlog;
        let shared = Arc::new(Shared::new(self.limits, self.timeouts, self.sink, &self.model.shape()));
        let mut threads = ThreadGroup::default();
        let gate = self.model.start(self.kind, &mut Ground { shared: &shared, threads: &mut threads })?;
        let workers = listener::Workers { gate, shared: Arc::clone(&shared) };
        let orders = start_acceptor(claims, backlog, workers, &mut threads)?;
        Ok(Running::new(shared, addresses, orders, threads))
    }
}

fn resolve(address: &str) -> Result<SocketAddr, StartError> {
    let refused = |source| StartError::Address { given: address.to_owned(), source };
    let mut found = address.to_socket_addrs().map_err(refused)?;
    found.next().ok_or_else(|| refused(io::Error::other("that name has no address")))
}

type Orders = Vec<mpsc::Sender<listener::Order>>;

fn start_acceptor(
    claims: Vec<Claim>,
    backlog: i32,
    workers: listener::Workers,
    threads: &mut ThreadGroup,
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
