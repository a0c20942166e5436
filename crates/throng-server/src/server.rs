//! How a server is put together: a handler, addresses, a model, limits, timeouts; and started.

use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use tokio::sync::mpsc;

use crate::accept_faults::AcceptFaults;
use crate::address::Address;
use crate::claim::{BindError, Claim};
use crate::event::{Event, Sink};
use crate::handler::{BlockingHandler, Handler, LocalHandler};
use crate::handshake::Speaks;
use crate::limits::Limits;
use crate::listener::{self, Listener, ORDERS_MAX};
use crate::model::{
    Blocking, BlockingPerWorker, BlockingWorker, Events, Model, PerWorker, Shareable, Threads, Workers,
    sealed::{self, Ground, Stage},
};
use crate::proxy_protocol::Proxies;
use crate::role;
use crate::running::Running;
use crate::shared::Shared;
use crate::start_error::StartError;
use crate::thread_group::ThreadGroup;
use crate::timeouts::Timeouts;
use crate::tls::Tls;
use crate::tls_watch;
use crate::watchdog;
use crate::worker::Worker;

/// How long what had begun may take to end, when the start fails.
const GIVEN_UP_MAX: Duration = Duration::from_secs(2);

/// A server to be. `K` is the kind of its handler.
pub struct Server<K> {
    kind: K,
    model: Box<dyn sealed::Model<K>>,
    places: Result<Vec<(Claim, Speaks)>, StartError>,
    tls: Option<Tls>,
    proxies: Arc<Proxies>,
    faults: Option<AcceptFaults>,
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

    /// Serves the connections of each worker with blocking code of its own, by [`Threads`] unless another model is chosen. A
    /// worker of [`crate::Processes`] is a process, whose threads share what the factory made there and nothing else;
    /// `Threads` and [`crate::Sequential`] have one worker.
    ///
    /// ```no_run
    /// # #[cfg(target_os = "linux")] {
    /// use std::io::Write;
    /// use throng_server::{BlockingConn, Limits, Processes, Server, Workers};
    ///
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     throng_server::worker_or_continue(); // a worker is this program, begun anew
    ///     let server = Server::blocking_local(|worker| {
    ///         let worker = worker.index();
    ///         move |mut conn: BlockingConn| {
    ///             writeln!(conn, "process {} is worker {worker}\r", std::process::id())?;
    ///             Ok(())
    ///         }
    ///     });
    ///     let server = server.model(Processes { workers: Workers::Count(4) });
    ///     // So many threads in all four processes together.
    ///     let server = server.limits(Limits { total: 1_000, ..Limits::default() });
    ///     server.listen("127.0.0.1:7000").start()?.until_signal()?; // a worker stays in `start`
    ///     Ok(())
    /// }
    /// # }
    /// ```
    pub fn blocking_local<H: BlockingHandler>(
        factory: impl Fn(&BlockingWorker) -> H + Send + Sync + 'static,
    ) -> Server<BlockingPerWorker<H>> {
        Server::of(BlockingPerWorker(Box::new(factory)), Threads::default())
    }
}

impl<K: 'static> Server<K> {
    fn of(kind: K, model: impl Model<K>) -> Server<K> {
        Server {
            kind,
            model: Box::new(model),
            places: Ok(Vec::new()),
            tls: None,
            proxies: Arc::default(),
            faults: None,
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            sink: Sink::default(),
        }
    }

    /// Listens on an address, such as `127.0.0.1:50007`, `[::1]:0` or `unix:/run/echo.sock`. May be said several times.
    pub fn listen(self, address: &str) -> Server<K> {
        self.place(claim(address), Speaks::Plain)
    }

    /// Listens on an address that was claimed before.
    pub fn listen_on(self, claim: Claim) -> Server<K> {
        self.place(Ok(claim), Speaks::Plain)
    }

    /// Listens on an address where nothing but TLS is spoken.
    pub fn listen_tls(self, address: &str, tls: &Tls) -> Server<K> {
        self.place(claim(address), Speaks::Tls(tls.clone()))
    }

    /// The same on an address that was claimed before.
    pub fn listen_tls_on(self, claim: Claim, tls: &Tls) -> Server<K> {
        self.place(Ok(claim), Speaks::Tls(tls.clone()))
    }

    /// Speaks TLS as well at all addresses where anything else is spoken; the first byte of a client tells. One that says
    /// nothing for a second speaks plain.
    pub fn tls(mut self, tls: &Tls) -> Server<K> {
        self.tls = Some(tls.clone());
        self
    }

    /// Believes these sources about whom they pass on, and only these: a connection from one begins with a header of the
    /// PROXY protocol, version 1 or 2, or is closed. Limits count the clients then, and [`crate::Peer`] tells their addresses.
    pub fn proxies(mut self, sources: impl IntoIterator<Item = IpNet>) -> Server<K> {
        self.proxies = Arc::new(Proxies::new(sources));
        self
    }

    /// For tests: accepts fail as this script says.
    pub fn accept_faults(mut self, faults: &AcceptFaults) -> Server<K> {
        self.faults = Some(faults.clone());
        self
    }

    fn place(mut self, claim: Result<Claim, StartError>, speaks: Speaks) -> Server<K> {
        self.places = match (self.places, claim) {
            (Ok(mut places), Ok(claim)) => {
                places.push((claim, speaks));
                Ok(places)
            }
            (Err(first), _) | (Ok(_), Err(first)) => Err(first),
        };
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

    /// Starts, and takes clients from here on. In a worker of [`crate::Processes`] it serves instead, and ends the process
    /// when the first process has ended.
    ///
    /// # Errors
    /// When an address cannot be had, or a thread or a worker cannot be started; nothing runs then.
    pub fn start(self) -> Result<Running, StartError> {
        let mut places = self.places?;
        if places.is_empty() {
            return Err(StartError::NoAddress);
        }
        if let Some(tls) = &self.tls {
            places = places.into_iter().map(|(claim, speaks)| (claim, speaks.also(tls))).collect();
        }
        if let Some(post) = role::worker() {
            let speaks = places.into_iter().map(|(_, speaks)| speaks).collect();
            let stage = Stage { post, speaks, limits: self.limits, timeouts: self.timeouts };
            return self.model.serve_in_worker(self.kind, stage).map(|never| match never {});
        }
        let addresses = places.iter().map(|(claim, _)| claim.address().clone()).collect();
        let shared = Arc::new(Shared::new(self.limits, self.timeouts, self.sink, &self.model.shape()));
        let mut threads = ThreadGroup::default();
        let started = self.model.start(self.kind, &mut Ground { shared: &shared, threads: &mut threads });
        let started = started.and_then(|gate| {
            let (proxies, faults) = (self.proxies, self.faults);
            let workers = listener::Workers { gate, shared: Arc::clone(&shared), proxies, faults };
            start_acceptor(places, workers, &mut threads)
        });
        match started {
            Ok(orders) => Ok(Running::new(shared, addresses, orders, threads)),
            Err(why) => {
                // Whatever had begun finds nobody to work for.
                threads.join(GIVEN_UP_MAX);
                Err(why)
            }
        }
    }
}

fn claim(address: &str) -> Result<Claim, StartError> {
    let resolved = Address::resolve(address)
        .map_err(|source| StartError::Address { given: address.to_owned(), source })?;
    Claim::bind(resolved).map_err(StartError::from)
}

type Orders = Vec<mpsc::Sender<listener::Order>>;

fn start_acceptor(
    places: Vec<(Claim, Speaks)>,
    workers: listener::Workers,
    threads: &mut ThreadGroup,
) -> Result<Orders, StartError> {
    let backlog = workers.shared.limits().backlog;
    let listening = places.into_iter().map(|(claim, speaks)| {
        let address = claim.address().clone();
        let listening = claim.listen(backlog).map_err(|source| BindError { address, source })?;
        Ok((listening, speaks))
    });
    let listening = listening.collect::<Result<Vec<_>, BindError>>()?;
    let secured = listening.iter().filter_map(|(_, speaks)| speaks.tls().cloned()).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let runtime = runtime.map_err(StartError::Thread)?;
    let mut orders = Vec::new();
    let mut listeners = Vec::new();
    {
        let _inside = runtime.enter();
        for (place, (listening, speaks)) in (0..).zip(listening) {
            let (order, ordered) = mpsc::channel(ORDERS_MAX);
            let listener =
                Listener::new(listening, (place, speaks), workers.clone()).map_err(StartError::Thread)?;
            listeners.push(listener.run(ordered));
            orders.push(order);
        }
    }
    let shared = Arc::clone(&workers.shared);
    drop(workers);
    let body = move || {
        runtime.block_on(async {
            let watched = Arc::clone(&shared);
            tokio::spawn(watchdog::run(move |now_ms| watched.look_at_workers(now_ms)));
            tokio::spawn(tls_watch::run(secured, shared));
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
