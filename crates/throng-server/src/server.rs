//! How a server is put together: a handler, addresses, a model, limits, timeouts; and started.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use ipnet::IpNet;
use tokio::sync::mpsc;

use crate::accept_faults::AcceptFaults;
use crate::address::Address;
use crate::claim::{BindError, Claim};
use crate::denied::Denied;
use crate::event::{Event, Sink};
use crate::handler::{BlockingHandler, Handler, LocalHandler};
use crate::handshake::Speaks;
use crate::limits::Limits;
use crate::listener::{Listener, ORDERS_MAX, Order};
use crate::model::{
    Blocking, BlockingPerWorker, BlockingWorker, Events, Model, PerWorker, Shareable, Threads, Workers,
    sealed::{self, Ground, Stage},
};
use crate::peer::ConnIds;
use crate::proxy_protocol::Proxies;
use crate::role;
use crate::running::Running;
use crate::shared::{Given, Shared};
use crate::start_error::StartError;
use crate::taker::{Reception, Taker};
use crate::thread_group::ThreadGroup;
use crate::timeouts::Timeouts;
use crate::tls::Tls;
use crate::tls_watch;
use crate::watchdog;
use crate::worker::Worker;

/// How long what had begun may take to end, when the start fails.
const GIVEN_UP_MAX: Duration = Duration::from_secs(2);

/// A server to be: a handler, at least one address, and whatever else is not as it is unless said. Nothing happens before
/// [`Server::start`]; what went wrong on the way, such as an address that is taken, is said there. `K` is the kind of its
/// handler: shared, one for each worker, or blocking.
///
/// ```
/// use throng_server::{Conn, Events, Limits, Server, Timeouts, Workers};
///
/// # fn main() -> Result<(), throng_server::StartError> {
/// let hello = |mut conn: Conn| async move { Ok(conn.write_all(b"Hello.\r\n").await?) };
/// let running = Server::new(hello)
///     .listen("127.0.0.1:0")
///     .listen("[::1]:0") // as many as one likes
///     .model(Events { workers: Workers::Count(2) })
///     .limits(Limits { per_address: 16, ..Limits::default() })
///     .timeouts(Timeouts { idle: None, ..Timeouts::default() })
///     .start()
/// #    .or_else(|_| Server::new(hello).listen("127.0.0.1:0").listen("127.0.0.1:0").start()) // no IPv6 here
///     ?;
/// for address in running.addresses() {
///     let heard = std::net::TcpStream::connect(address).and_then(std::io::read_to_string);
///     assert_eq!(heard.unwrap(), "Hello.\r\n");
/// }
/// # Ok(())
/// # }
/// ```
pub struct Server<K> {
    kind: K,
    model: Box<dyn sealed::Model<K>>,
    places: Result<Vec<(Claim, Speaks)>, StartError>,
    tls: Option<Tls>,
    proxies: Arc<Proxies>,
    denied: Denied,
    faults: Option<AcceptFaults>,
    limits: Limits,
    timeouts: Timeouts,
    sink: Sink,
    given: Given,
}

impl Server<()> {
    /// Serves every connection with this handler, by [`Events`] unless another model is chosen. What the handler needs from
    /// elsewhere it captures; what all share is in an [`Arc`].
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use throng_server::{Conn, Server};
    ///
    /// async fn count(mut conn: Conn, visitors: Arc<AtomicU64>) -> throng_server::Result {
    ///     let number = visitors.fetch_add(1, Ordering::Relaxed) + 1;
    ///     conn.write_all(format!("visitor {number}\r\n").as_bytes()).await?;
    ///     Ok(())
    /// }
    ///
    /// # fn main() -> throng_server::Result {
    /// let visitors = Arc::new(AtomicU64::new(0));
    /// let server = Server::new(move |conn: Conn| count(conn, Arc::clone(&visitors)));
    /// let running = server.listen("127.0.0.1:0").start()?;
    /// # let come = || std::io::read_to_string(std::net::TcpStream::connect(&running.addresses()[0])?);
    /// # assert_eq!([come()?, come()?], ["visitor 1\r\n", "visitor 2\r\n"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn new<H: Handler>(handler: H) -> Server<Shareable<H>> {
        Server::of(Shareable(Arc::new(handler)), Events { workers: Workers::Auto })
    }

    /// Serves the connections of each worker with a handler of its own, made on the worker's thread, by [`Events`] unless
    /// another model is chosen. The factory has a minute; one that panics or is slower is [`StartError::Factory`]. Examples:
    /// [`LocalHandler`], [`Worker`].
    pub fn local<H: LocalHandler>(
        factory: impl Fn(&Worker) -> H + Send + Sync + 'static,
    ) -> Server<PerWorker<H>> {
        Server::of(PerWorker(Box::new(factory)), Events { workers: Workers::Auto })
    }

    /// Serves every connection with plain blocking code, by [`Threads`] unless another model is chosen. Example:
    /// [`BlockingHandler`].
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
            denied: Denied::default(),
            faults: None,
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            sink: Sink::default(),
            given: Given::default(),
        }
    }

    /// Listens on an address, such as `127.0.0.1:50007`, `[::1]:0` or `unix:/run/echo.sock` ([`Address::resolve`]). Port 0 is a
    /// free one, which [`Running::addresses`] tells. May be said several times. The address is claimed here and now, and that
    /// it could not be is told by [`Server::start`], the first one of several. Example: [`Server`].
    pub fn listen(self, address: &str) -> Server<K> {
        self.place(claim(address), Speaks::Plain)
    }

    /// Listens on an address that was claimed before, or was passed to this process. Examples: [`Claim`], [`crate::Inherited`].
    pub fn listen_on(self, claim: Claim) -> Server<K> {
        self.place(Ok(claim), Speaks::Plain)
    }

    /// Listens on an address where nothing but TLS is spoken; who speaks plain ends as [`crate::End::TlsFailed`]. A handshake
    /// has 10 s. Example: [`crate::tls`].
    pub fn listen_tls(self, address: &str, tls: &Tls) -> Server<K> {
        self.place(claim(address), Speaks::Tls(tls.clone()))
    }

    /// The same on an address that was claimed before.
    ///
    /// ```
    /// # use std::net::SocketAddr;
    /// use throng_server::{Claim, Conn, Server, Tls};
    ///
    /// # fn main() -> throng_server::Result {
    /// # let folder = tempfile::tempdir()?;
    /// # let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    /// # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    /// # std::fs::write(&certificate, made.cert.pem())?;
    /// # std::fs::write(&key, made.signing_key.serialize_pem())?;
    /// let claim = Claim::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?; // before anything that takes long
    /// let tls = Tls::files(&certificate, &key)?;
    /// let running = Server::new(|_: Conn| async { Ok(()) }).listen_tls_on(claim, &tls).start()?;
    /// # std::io::Write::write_all(&mut std::net::TcpStream::connect(&running.addresses()[0])?, b"GET /")?;
    /// # let mut looks = (0..50_000_000).inspect(|_| std::thread::yield_now());
    /// # assert!(looks.any(|_| running.stats().ended.get("tls_failed") == Some(&1)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn listen_tls_on(self, claim: Claim, tls: &Tls) -> Server<K> {
        self.place(Ok(claim), Speaks::Tls(tls.clone()))
    }

    /// Speaks TLS as well at all addresses where anything else is spoken; the first byte of a client tells. One that says
    /// nothing for a second speaks plain. Example: [`crate::tls`].
    pub fn tls(mut self, tls: &Tls) -> Server<K> {
        self.tls = Some(tls.clone());
        self
    }

    /// Believes these sources about whom they pass on, and only these: a connection from one begins with a header of the
    /// PROXY protocol, version 1 or 2, or is closed after 5 s. Limits count the clients then, and [`crate::Peer`] tells their
    /// addresses. Example: [`crate::proxy_protocol`].
    pub fn proxies(mut self, sources: impl IntoIterator<Item = IpNet>) -> Server<K> {
        self.proxies = Arc::new(Proxies::new(sources));
        self
    }

    /// Lets nobody in whom this list denies, which may be changed while the server runs. The last one said counts. Under
    /// [`crate::Processes`] it is the first process's, which accepts for all. Example: [`Denied`].
    pub fn denied(mut self, denied: &Denied) -> Server<K> {
        self.denied = denied.clone();
        self
    }

    /// Numbers its connections from here, together with other servers that do. Example: [`ConnIds`].
    pub fn conn_ids(mut self, ids: &ConnIds) -> Server<K> {
        self.given.conn_ids = ids.clone();
        self
    }

    /// Tells this server's worker processes ([`crate::Processes`]), also those begun in the place of one that died, what the
    /// program has for them: such as what it read from a file at its start, which may be another one by now, or which of
    /// several servers theirs is. A worker asks [`crate::told_as_worker`]. It passes through the environment, so it is no
    /// place for secrets, and at most 128 KiB (execve(2)). Later words are told by [`Running::tell_workers`].
    ///
    /// A program may have several servers by [`crate::Processes`] only when each says so which it is: a worker begins at
    /// `main`, and comes to the first start of a server there.
    ///
    /// ```no_run
    /// # #[cfg(target_os = "linux")] {
    /// use throng_server::{Conn, Processes, Server, Workers};
    ///
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     throng_server::worker_or_continue();
    ///     let serve = |words: &'static str| {
    ///         let say = move |mut conn: Conn| async move { Ok(conn.write_all(words.as_bytes()).await?) };
    ///         Server::local(move |_| say).model(Processes { workers: Workers::Auto }).tell_workers(words)
    ///     };
    ///     let (red, blue) = (serve("red").listen("127.0.0.1:7000"), serve("blue").listen("127.0.0.1:7001"));
    ///     match throng_server::told_as_worker().as_deref() {
    ///         Some("red") => drop(red.start()?), // a worker stays in here
    ///         Some(_) => drop(blue.start()?),
    ///         None => {
    ///             let (_red, blue) = (red.start()?, blue.start()?);
    ///             blue.until_signal()?;
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// # }
    /// ```
    pub fn tell_workers(mut self, words: impl Into<String>) -> Server<K> {
        self.given.told_to_workers = Some(words.into());
        self
    }

    /// For tests: accepts fail as this script says. Example: [`AcceptFaults`].
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

    /// Serves by these means; what does not fit the handler does not compile. The last one counts. Example:
    /// [`crate::model`].
    pub fn model(mut self, model: impl Model<K>) -> Server<K> {
        self.model = Box::new(model);
        self
    }

    /// Allows so much; all of it, not only what differs. The last one counts. Example: [`Limits`].
    pub fn limits(mut self, limits: Limits) -> Server<K> {
        self.limits = limits;
        self
    }

    /// Waits so long; all of it, not only what differs. The last one counts. Example: [`Timeouts`].
    pub fn timeouts(mut self, timeouts: Timeouts) -> Server<K> {
        self.timeouts = timeouts;
        self
    }

    /// Tells what happens, one sink per server. Called on the server's threads, several at once: it must return at once, and
    /// whoever has more to do takes [`Running::subscribe`]. Example: [`Event`].
    pub fn events(mut self, sink: impl Fn(&Event) + Send + Sync + 'static) -> Server<K> {
        self.sink = Sink(Arc::new(sink));
        self
    }

    /// Starts, and takes clients from here on. The server ends when the last [`Running`] of it is dropped, so keep it. In a
    /// worker of [`crate::Processes`] it serves instead, and ends the process when the first process has ended.
    ///
    /// It may be called anywhere, inside a runtime too (but [`crate::Processes`]): its threads are its own.
    ///
    /// # Errors
    /// When an address cannot be had, or a thread or a worker cannot be started; nothing runs then. [`StartError`] has the
    /// cases.
    ///
    /// ```
    /// use throng_server::{Conn, Server, StartError};
    ///
    /// let refused = Server::new(|_: Conn| async { Ok(()) }).listen("nonsense").start();
    /// assert!(matches!(refused, Err(StartError::Address { given, .. }) if given == "nonsense"));
    /// ```
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
        let shape = self.model.shape();
        let shared = Shared::of(self.limits, self.timeouts, self.sink, &shape, self.given);
        let shared = Arc::new(shared);
        let mut threads = ThreadGroup::default();
        let started = self.model.start(self.kind, &mut Ground { shared: &shared, threads: &mut threads });
        let started = started.and_then(|gate| {
            let (proxies, denied, faults) = (self.proxies, self.denied, self.faults);
            let reception = Reception { gate, shared: Arc::clone(&shared), proxies, denied, faults };
            start_acceptor(places, reception, &mut threads)
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

type Orders = Vec<mpsc::Sender<Order>>;

fn start_acceptor(
    places: Vec<(Claim, Speaks)>,
    reception: Reception,
    threads: &mut ThreadGroup,
) -> Result<Orders, StartError> {
    let backlog = reception.shared.limits().backlog;
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
    let mut doors = Vec::new();
    {
        let _inside = runtime.enter();
        for (place, (listening, speaks)) in (0..).zip(listening) {
            let (order, ordered) = mpsc::channel(ORDERS_MAX);
            let taker = Taker::new((place, speaks), reception.clone());
            let listener = match reception.gate.invite() {
                None => Listener::new(listening, taker).map_err(StartError::Thread)?,
                Some(_) => {
                    let tended = taker.twin();
                    let (listener, door) = Listener::lending(listening, taker);
                    doors.push((door, tended));
                    listener
                }
            };
            listeners.push(listener.run(ordered));
            orders.push(order);
        }
    }
    if let Some(invite) = reception.gate.invite() {
        let tend_all = move || join_all(doors.into_iter().map(|(door, taker)| door.tend(taker)));
        invite
            .try_send(Box::new(move || tend_all().map(drop).boxed_local()))
            .map_err(|_| StartError::Factory)?;
    }
    let shared = Arc::clone(&reception.shared);
    drop(reception);
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
