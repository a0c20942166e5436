//! A running server, for the one who operates it. All handles are the same server; when the last one is dropped it stops
//! at once.

use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::address::Address;
use crate::clock::{self, millis};
use crate::end::End;
use crate::listener::Order;
use crate::peer::ConnId;
use crate::queue;
use crate::report::{ConnInfo, Paused, Report, State};
use crate::shared::Shared;
use crate::stats::Stats;
use crate::thread_group::ThreadGroup;

/// How long a listener may take to carry out an order; a pause takes what is in the kernel's queue.
const ORDER_MAX: Duration = Duration::from_secs(10);

/// How long handlers have to notice that their connection was cut, before they are dropped; and then the threads, to end.
const CUT_GRACE: Duration = Duration::from_secs(1);

/// A running server.
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
    /// Held while the state changes, so that a pause and a resume cannot cross.
    state: Mutex<State>,
    drain: Arc<Draining>,
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
        Running { inner: Arc::new(Inner { shared, addresses, orders, threads, state, drain }) }
    }

    /// Where it listens, with the real ports, in the order in which they were given.
    pub fn addresses(&self) -> &[Address] {
        &self.inner.addresses
    }

    /// How it is.
    pub fn state(&self) -> State {
        *lock(&self.inner.state)
    }

    /// By what means it serves: `sequential`, `threads`, `pool`, `events` or `processes`.
    pub fn model(&self) -> &'static str {
        self.inner.shared.model
    }

    /// How many clients wait in the kernel to be accepted, since the model or a limit serves no more at the same time.
    /// `None` where the system does not say; Linux does, of ports.
    pub fn waiting(&self) -> Option<usize> {
        let ports: Vec<_> = self.inner.addresses.iter().filter_map(Address::tcp).collect();
        queue::waiting(&ports)
    }

    /// The processes of its workers that serve now, in the order of the workers' numbers; none but under [`crate::Processes`].
    pub fn processes(&self) -> Vec<u32> {
        self.inner.shared.processes()
    }

    /// What happened since the start.
    pub fn stats(&self) -> Stats {
        let shared = &self.inner.shared;
        shared.counters.read(shared.registry.open() as u64)
    }

    /// Who is connected, by number.
    pub fn conns(&self) -> Vec<ConnInfo> {
        let now_ms = clock::now_ms();
        let mut conns: Vec<_> =
            self.inner.shared.registry.all().iter().map(|ticket| ticket.info(now_ms)).collect();
        conns.sort_by_key(|conn| conn.id);
        conns
    }

    /// Ends one connection now. `false` when there is none of this number.
    pub fn kill(&self, id: ConnId) -> bool {
        let ticket = self.inner.shared.registry.find(id);
        ticket.map(|ticket| ticket.cut(End::Kicked)).is_some()
    }

    /// Takes who knocked before this call, and refuses new clients; those who are here are served on, and the ports stay
    /// ours. A client whose handshake completes in the microseconds between the last accept and the refusal is reset by
    /// the kernel, and so is one for whom there is no place: neither has been greeted yet.
    ///
    /// # Errors
    /// When the server is draining or over, or the kernel refuses.
    pub fn pause(&self) -> io::Result<Paused> {
        let mut state = lock(&self.inner.state);
        if !matches!(*state, State::Open | State::Paused) {
            return Err(io::Error::other("the server is ending"));
        }
        let taken = self.inner.order(Order::Pause)?;
        *state = State::Paused;
        Ok(Paused { taken, in_flight: self.inner.shared.registry.open() })
    }

    /// Takes new clients again, at the same addresses.
    ///
    /// # Errors
    /// When the server is draining or over, or a port could not be had again; it stays paused then.
    pub fn resume(&self) -> io::Result<()> {
        let mut state = lock(&self.inner.state);
        if !matches!(*state, State::Open | State::Paused) {
            return Err(io::Error::other("the server is ending"));
        }
        let resumed = self.inner.order(Order::Resume);
        if resumed.is_err() {
            // Those that could are paused again: a server is open at all its addresses or at none.
            let _ = self.inner.order(Order::Pause);
            return resumed.map(|_| ());
        }
        *state = State::Open;
        Ok(())
    }

    /// Ends the server: no new clients; a connection where nothing is under way gets its end-of-file at once, a busy one
    /// when it comes to that point; who is left at the deadline is cut. Said again, it may come sooner, never later.
    pub fn drain(&self, patience: Duration) -> Drain {
        let patience_ms = millis(patience);
        let deadline_ms = clock::now_ms().saturating_add(patience_ms);
        let mut progress = lock(&self.inner.drain.progress);
        let first = progress.deadline_ms.is_none();
        progress.deadline_ms =
            Some(progress.deadline_ms.map_or(deadline_ms, |before| before.min(deadline_ms)));
        self.inner.drain.changed.notify_all();
        drop(progress);
        if first {
            *lock(&self.inner.state) = State::Draining;
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

/// A drain under way.
pub struct Drain {
    draining: Arc<Draining>,
}

impl Drain {
    /// Waits until the server is over.
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
    /// Gives all listeners an order, and waits for their answers.
    fn order(&self, order: impl Fn(SyncSender<io::Result<usize>>) -> Order) -> io::Result<usize> {
        let orders = lock(&self.orders).clone();
        let (answer, answered) = sync_channel(orders.len());
        for listener in &orders {
            listener
                .try_send(order(answer.clone()))
                .map_err(|_| io::Error::other("a listener does not listen"))?;
        }
        drop(answer);
        let mut sum = 0;
        for _ in &orders {
            sum +=
                answered.recv_timeout(ORDER_MAX).map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        }
        Ok(sum)
    }

    /// The drain, from its beginning to the last thread.
    fn end(&self) {
        let begun_ms = clock::now_ms();
        // Whatever goes wrong here, the listeners end below.
        let _ = self.order(Order::Pause);
        let open = self.shared.registry.open();
        self.shared.drain();
        let cut = self.wait_or_cut();
        self.stop();
        *lock(&self.state) = State::Closed;
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
