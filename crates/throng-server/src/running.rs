//! A running server, for the one who operates it. All handles are the same server; when the last one is dropped it stops
//! at once.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Acquire, Ordering::Release};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::address::Address;
use crate::claim::Claim;
use crate::clock::{self, millis};
use crate::end::End;
use crate::event::Event;
use crate::limits::Limits;
use crate::listener::Order;
use crate::peer::ConnId;
use crate::queue;
use crate::report::{ConnInfo, Paused, Queued, Report};
use crate::restart::Turn;
use crate::restart_error::RestartError;
use crate::shared::Shared;
use crate::state::{Pause, State};
use crate::stats::{Stats, WorkerStats};
use crate::subscriber::Subscriber;
use crate::thread_group::ThreadGroup;
use crate::timeouts::Timeouts;

/// How long a listener may take to carry out an order; a pause takes what is in the kernel's queue.
const ORDER_MAX: Duration = Duration::from_secs(10);

/// How long handlers have to notice that their connection was cut, before they are dropped; and then the threads, to end.
const CUT_GRACE: Duration = Duration::from_secs(1);

/// A running server, to operate it from any thread. All clones are the same server; when the last one is dropped it stops at
/// once, and who is connected is cut. So `main` keeps one, and waits on it: [`Running::until_signal`], or [`Drain::wait`].
///
/// The calls that give orders wait until they are carried out, 10 s at most. Behind the end all of them answer still: `stats`
/// what happened, `state` [`State::Closed`], and what would change something is an error.
///
/// ```
/// use throng_server::{Conn, Pause, Server, State};
///
/// # async fn echo(mut conn: Conn) -> throng_server::Result {
/// #     let mut buffer = conn.buffer();
/// #     while conn.read_into(&mut buffer).await? > 0 {
/// #         conn.write_all(&buffer).await?;
/// #         buffer.clear();
/// #     }
/// #     Ok(())
/// # }
/// # fn main() -> throng_server::Result {
/// let running = Server::new(echo).listen("127.0.0.1:0").start()?;
/// let address = &running.addresses()[0];
/// assert_eq!((running.state(), running.model()), (State::Open, "events"));
///
/// running.pause(Pause::Refuse)?;
/// assert!(std::net::TcpStream::connect(address).is_err());
/// running.resume()?;
/// assert!(std::net::TcpStream::connect(address).is_ok());
///
/// let report = running.shutdown().wait();
/// assert_eq!((report.cut, running.state()), (0, State::Closed));
/// assert!(running.resume().is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Running {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    addresses: Vec<Address>,
    /// To each listener; empty when the server is over.
    orders: Mutex<Vec<mpsc::Sender<Order>>>,
    threads: Mutex<ThreadGroup>,
    state: Mutex<State>,
    /// Held while the state changes, so that a pause and a resume cannot cross.
    changing: Mutex<()>,
    drain: Arc<Draining>,
    /// Cleared before anything is closed, and set when all is open again. Written while the state changes.
    is_taking: AtomicBool,
    /// Held by a restart that is under way.
    restarting: Arc<AtomicBool>,
}

/// How far a drain is. Written by its thread, and by those who shorten it.
struct Draining {
    progress: Mutex<Progress>,
    changed: Condvar,
}

#[derive(Default)]
struct Progress {
    deadline_ms: Option<u64>,
    report: Option<Report>,
}

impl Running {
    pub(crate) fn new(
        shared: Arc<Shared>,
        addresses: Vec<Address>,
        orders: Vec<mpsc::Sender<Order>>,
        threads: ThreadGroup,
    ) -> Running {
        let drain = Arc::new(Draining { progress: Mutex::default(), changed: Condvar::new() });
        let (orders, threads, state) = (Mutex::new(orders), Mutex::new(threads), Mutex::new(State::Open));
        let (changing, restarting) = (Mutex::default(), Arc::default());
        let is_taking = AtomicBool::new(true);
        let inner =
            Inner { shared, addresses, orders, threads, state, changing, drain, is_taking, restarting };
        Running { inner: Arc::new(inner) }
    }

    /// Where it listens, with the real ports, in the order in which they were given; also when it is paused or over. A client
    /// connects to one as it is: `TcpStream::connect(&running.addresses()[0])`. Example: [`Running`].
    pub fn addresses(&self) -> &[Address] {
        &self.inner.addresses
    }

    /// How it is. Example: [`State`].
    pub fn state(&self) -> State {
        *lock(&self.inner.state)
    }

    /// By what means it serves: `sequential`, `threads`, `pool`, `events` or `processes`. Example: [`Running`].
    pub fn model(&self) -> &'static str {
        self.inner.shared.model
    }

    /// How many clients wait in the kernel to be accepted, since the model or a limit serves no more at the same time.
    /// `None` where the system does not say; Linux does, of ports (/proc/net/tcp), and not of Unix sockets.
    ///
    /// ```
    /// # use throng_server::{Conn, Sequential, Server};
    /// # async fn hold(mut conn: Conn) -> throng_server::Result {
    /// #     conn.read_into(&mut conn.buffer()).await?;
    /// #     Ok(())
    /// # }
    /// # fn main() -> throng_server::Result {
    /// let running = Server::new(hold).model(Sequential).listen("127.0.0.1:0").start()?;
    /// let come = || std::net::TcpStream::connect(&running.addresses()[0]);
    /// let (_served, _waits) = (come()?, come()?); // both are connected, and one is served
    /// # let mut looks = (0..50_000_000).inspect(|_| std::thread::yield_now());
    /// # #[cfg(target_os = "linux")]
    /// # looks.find(|_| running.waiting() == Some(1));
    /// # #[cfg(target_os = "linux")]
    /// assert_eq!(running.waiting(), Some(1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn waiting(&self) -> Option<usize> {
        let ports: Vec<_> = self.inner.addresses.iter().filter_map(Address::tcp).collect();
        queue::waiting(&ports)
    }

    /// The processes of its workers that serve now, by their numbers in the system, in the order of the workers' numbers; none
    /// but under [`crate::Processes`]. Example: [`crate::worker_or_continue`].
    pub fn processes(&self) -> Vec<u32> {
        self.inner.shared.processes()
    }

    /// What happened since the start; also when the server is over. Each number is right, and they are read one after the
    /// other, so that sums may be off by what happens meanwhile. Example: [`Stats`].
    pub fn stats(&self) -> Stats {
        let shared = &self.inner.shared;
        shared.counters.read(shared.registry.open())
    }

    /// The same, worker by worker. Example: [`WorkerStats`].
    pub fn workers(&self) -> Vec<WorkerStats> {
        let shared = &self.inner.shared;
        shared.counters.read_each(|worker| shared.registry.load(worker), |worker| shared.process_of(worker))
    }

    /// Tells every event from here on, beside the sink of [`crate::Server::events`]. So many are kept for this subscriber
    /// while it is busy (rounded up to a power of two, at most [`crate::subscriber::KEPT_MAX`]); beyond that it is told how
    /// many it missed. Example: [`Subscriber`].
    ///
    /// # Errors
    /// When there are [`crate::subscriber::SUBSCRIBERS_MAX`] already.
    pub fn subscribe(&self, capacity: usize) -> io::Result<Subscriber> {
        self.inner.shared.subscribers.add(capacity)
    }

    /// What is allowed now. Example: [`Running::set_limits`].
    pub fn limits(&self) -> Limits {
        self.inner.shared.limits()
    }

    /// Allows so much from here on. Nobody is cut, and nobody is added above it. Workers that are processes
    /// ([`crate::Processes`]) hear of another `queue` a moment later; all other limits are this process's.
    ///
    /// # Errors
    /// When the kernel does not take another `backlog`; all other limits hold then.
    ///
    /// ```
    /// # use throng_server::{Conn, Limits, Server};
    /// # fn main() -> throng_server::Result {
    /// # let running = Server::new(|_: Conn| async { Ok(()) }).listen("127.0.0.1:0").start()?;
    /// running.set_limits(Limits { total: 100, ..running.limits() })?;
    /// assert_eq!(running.limits().total, 100);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_limits(&self, limits: Limits) -> io::Result<()> {
        let _changing = lock(&self.inner.changing);
        let is_relisted = limits.backlog != self.limits().backlog;
        self.inner.shared.set_limits(limits);
        match is_relisted {
            true => self.inner.order(Order::Relisten).map(|_| ()),
            false => Ok(()),
        }
    }

    /// How long things may take now. Example: [`Running::set_timeouts`].
    pub fn timeouts(&self) -> Timeouts {
        self.inner.shared.timeouts()
    }

    /// Waits so long from here on, also for those who are here: the next look at them, within a second, goes by it. Workers
    /// that are processes ([`crate::Processes`]) hear of it a moment later, and one that is begun anew before its first client.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use throng_server::{Conn, Server, Timeouts};
    /// # fn main() -> throng_server::Result {
    /// # let running = Server::new(|_: Conn| async { Ok(()) }).listen("127.0.0.1:0").start()?;
    /// let minute = Some(Duration::from_secs(60));
    /// running.set_timeouts(Timeouts { idle: minute, ..running.timeouts() });
    /// assert_eq!(running.timeouts().idle, minute);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_timeouts(&self, timeouts: Timeouts) {
        self.inner.shared.set_timeouts(timeouts);
    }

    /// Tells worker processes that are begun from here on something else than [`crate::Server::tell_workers`] did. Those that
    /// run have heard what they heard.
    ///
    /// ```
    /// # use throng_server::{Conn, Server};
    /// # fn main() -> throng_server::Result {
    /// # let running = Server::new(|_: Conn| async { Ok(()) }).listen("127.0.0.1:0").start()?;
    /// running.tell_workers("colour=blue");
    /// assert_eq!(throng_server::told_as_worker(), None); // this is no worker
    /// # Ok(())
    /// # }
    /// ```
    pub fn tell_workers(&self, words: impl Into<String>) {
        self.inner.shared.tell_workers(words.into());
    }

    /// Who is connected, in the order of their numbers, closing ones included: a copy, which may be old by the time it is
    /// looked at. It looks at every connection, so it is for people, not for each message. Example: [`ConnInfo`].
    pub fn conns(&self) -> Vec<ConnInfo> {
        let now_ms = clock::now_ms();
        let mut conns: Vec<_> =
            self.inner.shared.registry.all().iter().map(|ticket| ticket.info(now_ms)).collect();
        conns.sort_by_key(|conn| conn.id);
        conns
    }

    /// What waits in the outboxes of those who do not read. It looks through the connections of workers that have such, and of
    /// no others, so it costs nothing while everybody reads.
    ///
    /// ```
    /// # use throng_server::{Conn, Events, LocalHandler, Server, Workers};
    /// struct Flood;
    ///
    /// impl LocalHandler for Flood {
    ///     async fn serve(&self, conn: Conn) -> throng_server::Result {
    ///         let (mut reader, outbox) = conn.split();
    ///         while outbox.queued() < 1000 {
    ///             outbox.push(&[b'x'; 1000]);
    ///             tokio::task::yield_now().await; // what the kernel takes is written meanwhile
    ///         }
    ///         reader.read_into(&mut reader.buffer()).await?;
    ///         Ok(())
    ///     }
    /// }
    /// # fn main() -> throng_server::Result {
    /// # let one = Events { workers: Workers::Count(1) };
    /// let running = Server::local(|_| Flood).listen("127.0.0.1:0")
    /// #     .model(one)
    ///     .start()?;
    /// let _never_reads = std::net::TcpStream::connect(&running.addresses()[0])?;
    /// # let mut looks = (0..50_000_000).inspect(|_| std::thread::yield_now());
    /// # looks.find(|_| running.queued().conns == 1);
    /// let queued = running.queued();
    /// assert!(queued.conns == 1 && queued.largest > 0 && queued.bytes == queued.largest);
    /// # Ok(())
    /// # }
    /// ```
    pub fn queued(&self) -> Queued {
        self.inner.shared.registry.queued()
    }

    /// Would it take a client who comes now? `false` from the moment a pause, a drain or the end is asked for, which is before
    /// anything is closed; [`Running::state`] changes when it is carried out. A limit that is reached is not looked at.
    ///
    /// ```
    /// # use throng_server::{Conn, Pause, Server};
    /// # fn main() -> throng_server::Result {
    /// # let running = Server::new(|_: Conn| async { Ok(()) }).listen("127.0.0.1:0").start()?;
    /// assert!(running.is_taking());
    /// running.pause(Pause::Hold)?;
    /// assert!(!running.is_taking());
    /// running.resume()?;
    /// assert!(running.is_taking());
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_taking(&self) -> bool {
        self.inner.is_taking.load(Acquire)
    }

    /// Ends one connection now, as [`End::Kicked`]: its handler's next read or write fails, and what waits to be written is
    /// lost. `false` when there is none of this number.
    ///
    /// ```
    /// # use std::io::Read;
    /// # use throng_server::{Conn, ConnId, Server};
    /// # async fn hold(mut conn: Conn) -> throng_server::Result {
    /// #     conn.write_all(b"hi").await?;
    /// #     conn.read_into(&mut conn.buffer()).await?;
    /// #     Ok(())
    /// # }
    /// # fn main() -> throng_server::Result {
    /// # let running = Server::new(hold).listen("127.0.0.1:0").start()?;
    /// let mut client = std::net::TcpStream::connect(&running.addresses()[0])?;
    /// client.read_exact(&mut [0; 2])?; // "hi": it is served
    /// assert!(running.kill(running.conns()[0].id));
    /// assert!(!running.kill(ConnId(99)));
    /// assert_eq!(std::io::read_to_string(client).unwrap_or_default(), "");
    /// # Ok(())
    /// # }
    /// ```
    pub fn kill(&self, id: ConnId) -> bool {
        let ticket = self.inner.shared.registry.find(id);
        ticket.map(|ticket| ticket.cut(End::Kicked)).is_some()
    }

    /// Takes no new clients; those who are here are served on, and the ports stay ours. Who knocks is refused, or waits:
    /// [`Pause`]. One pause may become the other.
    ///
    /// With [`Pause::Refuse`] who knocked before this call is served. A client whose handshake completes in the microseconds
    /// between the last accept and the refusal is reset by the kernel, and so is one for whom there is no place: neither has
    /// been greeted yet.
    ///
    /// # Errors
    /// When the server is draining or over, or the kernel does not do it; it takes new clients then as before.
    /// [`Pause::Refuse`] of a socket that a service manager passed is one ([`crate::Inherited`]): it is not ours to close.
    ///
    /// ```
    /// # use throng_server::{Conn, Pause, Server};
    /// # fn main() -> throng_server::Result {
    /// # let hello = |mut conn: Conn| async move { Ok(conn.write_all(b"hello").await?) };
    /// # let running = Server::new(hello).listen("127.0.0.1:0").start()?;
    /// running.pause(Pause::Hold)?;
    /// let waits = std::net::TcpStream::connect(&running.addresses()[0])?; // connected, not served
    /// assert_eq!(running.stats().accepted, 0);
    /// running.resume()?;
    /// assert_eq!(std::io::read_to_string(waits)?, "hello");
    /// # Ok(())
    /// # }
    /// ```
    pub fn pause(&self, pause: Pause) -> io::Result<Paused> {
        let _changing = lock(&self.inner.changing);
        let before = self.inner.may_change()?;
        self.inner.is_taking.store(false, Release);
        let ordered = self.inner.order(|answer| Order::Pause(pause, answer));
        let taken = match ordered {
            Ok(taken) => taken,
            Err(why) => {
                if before == State::Open {
                    // Those that could are open again: a server is open at all its addresses or at none.
                    let _ = self.inner.order(Order::Resume);
                    // A drain that was asked for meanwhile waits for us, and clears it again.
                    self.inner.is_taking.store(true, Release);
                }
                return Err(why);
            }
        };
        if before == State::Open {
            self.inner.shared.counters.pause();
        }
        self.inner.turn(match pause {
            Pause::Refuse => State::Paused,
            Pause::Hold => State::Held,
        });
        Ok(Paused { taken, in_flight: self.inner.shared.registry.open() })
    }

    /// Takes new clients again, at the same addresses. Of one that is not paused it changes nothing. Example:
    /// [`Running::pause`].
    ///
    /// # Errors
    /// When the server is draining or over, or a port could not be had again; it stays paused then.
    pub fn resume(&self) -> io::Result<()> {
        let _changing = lock(&self.inner.changing);
        let before = self.inner.may_change()?;
        let resumed = self.inner.order(Order::Resume);
        if resumed.is_err() {
            // Those that could are paused again: a server is open at all its addresses or at none.
            let pause = if before == State::Held { Pause::Hold } else { Pause::Refuse };
            let _ = self.inner.order(|answer| Order::Pause(pause, answer));
            return resumed.map(|_| ());
        }
        self.inner.turn(State::Open);
        self.inner.is_taking.store(true, Release);
        Ok(())
    }

    /// Ends the server as [`Running::drain`] does, with the patience of [`Timeouts::drain`]. Returns at once: [`Drain::wait`]
    /// waits. Example: [`Running`].
    pub fn shutdown(&self) -> Drain {
        self.drain(self.timeouts().drain)
    }

    /// The right to restart it, if it can be restarted now.
    pub(crate) fn restart_turn(&self) -> Result<Turn, RestartError> {
        let turn = Turn::take(&self.inner.restarting).ok_or(RestartError::UnderWay)?;
        match self.state() {
            State::Open | State::Paused | State::Held => Ok(turn),
            _ => Err(RestartError::Ending),
        }
    }

    /// Its listening sockets once more, in the order of its addresses.
    pub(crate) fn share(&self) -> io::Result<Vec<Claim>> {
        let mut claims = self.inner.ask(Order::Share)?;
        // The listeners answer as they come to it.
        claims.sort_by_key(|claim| self.addresses().iter().position(|address| address == claim.address()));
        Ok(claims)
    }

    /// Lets the listening sockets go without ending the listening: nobody is accepted here any more, and who comes waits in
    /// the kernel's queue for a process that still has them. Those who are here are served on.
    ///
    /// If none has, the addresses are free, and who waits is reset; so there must be a [`crate::Heir`].
    ///
    /// # Errors
    /// When the server is draining or over. Example: [`crate::restart`].
    pub fn let_go(&self) -> io::Result<()> {
        let _changing = lock(&self.inner.changing);
        if self.state() == State::LetGo {
            return Ok(());
        }
        self.inner.may_change()?;
        self.inner.is_taking.store(false, Release);
        self.inner.turn(State::LetGo);
        self.inner.order(Order::LetGo).map(|_| ())
    }

    /// Ends the server: no new clients; a connection where nothing is under way gets its end-of-file at once, a busy one when
    /// it comes to that point; who is left at the deadline is cut. Said again, it may come sooner, never later. Returns at
    /// once.
    ///
    /// Nothing is under way when all that was read was answered by a write, or [`crate::Conn::answered`] says so. Who was cut
    /// has a second to notice; what still runs on a worker then is dropped.
    ///
    /// ```
    /// # use std::io::{BufRead, BufReader, Write};
    /// # use std::time::Duration;
    /// # use throng_server::{Conn, Server};
    /// /// Answers after a second line only, so that one line leaves it with half a question.
    /// async fn two(mut conn: Conn) -> throng_server::Result {
    ///     let mut lines = conn.lines(80);
    ///     while conn.read_line(&mut lines).await?.is_some() && conn.read_line(&mut lines).await?.is_some() {
    ///         conn.write_all(b"both\r\n").await?;
    ///     }
    ///     Ok(())
    /// }
    /// # fn main() -> throng_server::Result {
    /// # let running = Server::new(two).listen("127.0.0.1:0").start()?;
    /// let mut client = std::net::TcpStream::connect(&running.addresses()[0])?;
    /// # let mut heard = BufReader::new(client.try_clone()?).lines();
    /// client.write_all(b"one\ntwo\nthree\n")?;
    /// assert_eq!(heard.next().unwrap()?, "both");
    ///
    /// let drain = running.drain(Duration::from_secs(30)); // it waits for "four"
    /// client.write_all(b"four\n")?;
    /// assert_eq!(heard.next().unwrap()?, "both");
    /// assert_eq!(drain.wait().cut, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn drain(&self, patience: Duration) -> Drain {
        self.inner.is_taking.store(false, Release);
        let patience_ms = millis(patience);
        let deadline_ms = clock::now_ms().saturating_add(patience_ms);
        let mut progress = lock(&self.inner.drain.progress);
        let first = progress.deadline_ms.is_none();
        progress.deadline_ms =
            Some(progress.deadline_ms.map_or(deadline_ms, |before| before.min(deadline_ms)));
        self.inner.drain.changed.notify_all();
        drop(progress);
        if first {
            let changing = lock(&self.inner.changing);
            // Whoever had the lock may have opened it meanwhile.
            self.inner.is_taking.store(false, Release);
            self.inner.turn(State::Draining);
            drop(changing);
            let inner = Arc::clone(&self.inner);
            let spawned = Builder::new().name("throng-drain".to_owned()).spawn(move || inner.end());
            if spawned.is_err() {
                // No thread to wait on: the caller waits instead.
                self.inner.end();
            }
        }
        Drain { draining: Arc::clone(&self.inner.drain) }
    }
}

/// A drain under way. Dropped, it goes on. Examples: [`Running::drain`], [`Report`].
pub struct Drain {
    draining: Arc<Draining>,
}

impl Drain {
    /// Waits until the server is over: until the last connection has ended, or the deadline and some two seconds for what was
    /// cut to end. Any number may wait, and all get the same report. It holds its thread, so a task calls it by
    /// `spawn_blocking`. Example: [`Report`].
    pub fn wait(&self) -> Report {
        let mut progress = lock(&self.draining.progress);
        loop {
            if let Some(report) = progress.report {
                return report;
            }
            progress = self.draining.changed.wait(progress).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Inner {
    /// How it is, unless it is ending and changes no more.
    fn may_change(&self) -> io::Result<State> {
        match *lock(&self.state) {
            State::Draining | State::Closed => Err(io::Error::other("the server is ending")),
            State::LetGo => Err(io::Error::other("the sockets are another process's")),
            state => Ok(state),
        }
    }

    /// Changes the state, and tells if it is another one.
    fn turn(&self, to: State) {
        let from = std::mem::replace(&mut *lock(&self.state), to);
        if from != to {
            self.shared.tell(&Event::StateChanged { from, to, open: self.shared.registry.open() });
        }
    }

    /// Gives all listeners an order, and waits for their answers: the sum of them.
    fn order(&self, order: impl Fn(SyncSender<io::Result<usize>>) -> Order) -> io::Result<usize> {
        self.ask(order).map(|answers| answers.into_iter().sum())
    }

    /// Gives all listeners an order, and waits for their answers.
    fn ask<T>(&self, order: impl Fn(SyncSender<io::Result<T>>) -> Order) -> io::Result<Vec<T>> {
        let orders = lock(&self.orders).clone();
        let (answer, answered) = sync_channel(orders.len());
        for listener in &orders {
            listener
                .try_send(order(answer.clone()))
                .map_err(|_| io::Error::other("a listener does not listen"))?;
        }
        drop(answer);
        let answers = orders.iter().map(|_| {
            answered.recv_timeout(ORDER_MAX).map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
        });
        answers.collect()
    }

    /// The drain, from its beginning to the last thread.
    fn end(&self) {
        let begun_ms = clock::now_ms();
        // Whatever goes wrong here, the listeners end below. One that let its socket go has nothing to pause.
        let _ = self.order(Order::End);
        let open = self.shared.registry.open();
        self.shared.drain();
        let cut = self.wait_or_cut();
        self.stop();
        self.turn(State::Closed);
        self.shared.subscribers.end();
        let lasted = Duration::from_millis(clock::now_ms().saturating_sub(begun_ms));
        let report = Report { finished: open.saturating_sub(cut), cut, lasted };
        lock(&self.drain.progress).report = Some(report);
        self.drain.changed.notify_all();
    }

    /// Waits for the last connection, as long as the deadline allows; then cuts. How many were cut.
    fn wait_or_cut(&self) -> usize {
        loop {
            let deadline_ms = lock(&self.drain.progress).deadline_ms.unwrap_or(0);
            // The deadline may be moved nearer meanwhile, so the wait is made of short ones.
            let step_ms = clock::now_ms().saturating_add(DEADLINE_STEP_MS).min(deadline_ms);
            if self.shared.registry.wait_for_none(step_ms) {
                return 0;
            }
            if clock::now_ms() >= deadline_ms {
                break;
            }
        }
        // One that is only closing had its end already: it is hurried, not cut.
        let left = self.shared.registry.all();
        let cut = left.iter().filter(|ticket| ticket.cut(End::Drained)).count();
        let grace_ms = millis(CUT_GRACE);
        self.shared.registry.wait_for_none(clock::now_ms().saturating_add(grace_ms));
        cut
    }

    /// Ends all threads. The listeners end when nobody can give them orders, and the workers after them.
    fn stop(&self) {
        lock(&self.orders).clear();
        std::mem::take(&mut *lock(&self.threads)).join(CUT_GRACE);
    }
}

/// How soon a drain notices that its deadline came nearer.
const DEADLINE_STEP_MS: u64 = 100;

/// None of these locks guards anything that a panic could leave half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
