//! A worker's own side of the line: what the first process orders is done here, and what happens here is told there.
//!
//! The worker is one event loop on the thread `throng-worker-N`, with its own table of connections. Handlers run there, as
//! under `Events`; blocking ones on threads beside it, as under `Threads`. Its limits are none, since the first process has
//! counted already; its timeouts are that one's.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::exit;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use socket2::SockRef;
use tokio::runtime;
use tokio::sync::{Notify, mpsc};
use tokio::time::MissedTickBehavior;

use super::letter::{self, Account, Entry, LETTER_BYTES_MAX, Order};
use super::line::{self, Line};
use crate::arrival::{Admission, Arrival, Refusal, Visitor};
use crate::clock;
use crate::event::{Event, Sink};
use crate::handler::{BlockingHandler, LocalHandler};
use crate::handshake::Speaks;
use crate::limits::Limits;
use crate::model::sealed::Stage;
use crate::model::{ARRIVALS_MAX, BlockingFactory, BlockingWorker, Factory, threads};
use crate::peer::{ConnId, Peer};
use crate::seats::{Offer, Place};
use crate::shared::{Shape, Shared};
use crate::start_error::StartError;
use crate::ticket::{Open, Ticket};
use crate::tls_watch;
use crate::worker::{self, Plan};

/// How often it is told how far the connections are.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// How long the threads of blocking code have to notice that the server is over: less than the first process waits before it
/// kills the worker, so that the last accounts are still told.
const OVER_MAX: Duration = Duration::from_millis(250);

/// Serves until the first process ends the line or ends itself; then this process is over.
pub(super) fn serve<H: LocalHandler>(factory: Factory<H>, stage: Stage) -> Result<Infallible, StartError> {
    let tables = stage.post.count;
    work(stage, tables, move |plan, station, line| worker::run(plan, &factory, || station.open(line)))
}

/// The same with blocking code, on a thread for each connection.
pub(super) fn serve_blocking<H: BlockingHandler>(
    factory: BlockingFactory<H>,
    stage: Stage,
) -> Result<Infallible, StartError> {
    work(stage, 1, move |plan, station, line| {
        let built =
            runtime::Builder::new_current_thread().enable_io().enable_time().build_local(Default::default());
        // The first process sees that this worker never became ready.
        let Ok(runtime) = built else { return };
        let handler = Arc::new(factory(&BlockingWorker::new(plan.index, plan.count)));
        runtime.block_on(async {
            station.open(line);
            threads::serve_all(handler, plan.shared, plan.arrivals, OVER_MAX).await;
        });
    })
}

/// Does a worker's work on its thread, with so many tables of connections; then this process is over.
fn work(
    stage: Stage,
    tables: usize,
    body: impl FnOnce(Plan, Station, OwnedFd) + Send + 'static,
) -> Result<Infallible, StartError> {
    let post = stage.post;
    let line = post.take_line().ok_or(StartError::StartedBefore)?;
    let last_words = line.try_clone().map_err(StartError::Thread)?;
    let books = Arc::<Books>::default();
    let sink = {
        let books = Arc::clone(&books);
        Sink(Arc::new(move |event: &Event| books.note(event)))
    };
    let limits =
        Limits { total: usize::MAX, per_address: usize::MAX, queue: stage.limits.queue, ..Limits::default() };
    let shape = Shape { name: "processes", tables, turns: None };
    let shared = Arc::new(Shared::new(limits, stage.timeouts, sink, &shape));
    let (way, arrivals) = mpsc::channel(ARRIVALS_MAX);
    // The first process takes the clients, so nobody is a guest here.
    let (_, guests) = mpsc::channel(1);
    let plan = Plan { index: post.number, count: post.count, shared: Arc::clone(&shared), arrivals, guests };
    let station =
        Station { number: post.number, shared, speaks: stage.speaks, books: Arc::clone(&books), way };
    let thread = Builder::new().name(format!("throng-worker-{}", post.number));
    let served = thread.spawn(move || body(plan, station, line)).map_err(StartError::Thread)?.join();
    // An error means that nobody is there to hear it.
    let _ = books.tell_rest(&last_words);
    // A worker's thread that panicked has said so already.
    exit(i32::from(served.is_err()))
}

/// A worker that serves what it is ordered to.
struct Station {
    number: usize,
    shared: Arc<Shared>,
    /// What is spoken at each listening place.
    speaks: Vec<Speaks>,
    books: Arc<Books>,
    way: mpsc::Sender<Arrival>,
}

impl Station {
    /// Begins to obey and to tell, on the worker's event loop. When that cannot be done, the worker ends.
    fn open(self, socket: OwnedFd) {
        let Ok(line) = Line::watch(socket) else { return };
        let line = Rc::new(line);
        self.books.write(Account::Ready);
        let secured = self.speaks.iter().filter_map(|speaks| speaks.tls().cloned()).collect();
        tokio::task::spawn_local(tls_watch::run(secured, Arc::clone(&self.shared)));
        let telling = tell(Rc::clone(&line), Arc::clone(&self.books), Arc::clone(&self.shared));
        tokio::task::spawn_local(telling);
        tokio::task::spawn_local(async move { self.obey(&line).await });
    }

    /// Obeys until the line ends; the way to the worker ends with it, and so does the worker.
    async fn obey(mut self, line: &Line) {
        let mut letter = vec![0; LETTER_BYTES_MAX];
        while let Ok((length @ 1.., mut enclosed)) = line.hear(&mut letter).await {
            let Ok(orders) = letter::read_all::<Order>(&letter[..length]) else { return };
            for order in orders {
                match order {
                    Order::Serve { id, place, peer } => self.take(id, place, peer, enclosed.take()).await,
                    Order::Refuse { number, place, peer, why, word } => {
                        let let_go = LetGo { number, books: Arc::clone(&self.books) };
                        let refusal = Refusal { peer, why, word, _place: Box::new(let_go) };
                        self.refuse(place, refusal, enclosed.take()).await;
                    }
                    Order::Cut { id, end } => {
                        self.shared.registry.find(id).map(|ticket| ticket.cut(end));
                    }
                    Order::Drain => self.shared.drain(),
                    Order::Allow { timeouts, queue } => {
                        self.shared.set_timeouts(timeouts);
                        self.shared.set_limits(Limits { queue, ..self.shared.limits() });
                    }
                }
            }
        }
    }

    async fn take(&mut self, id: ConnId, place: u16, peer: Peer, enclosed: Option<OwnedFd>) {
        let shared = &self.shared;
        // The first process has counted; here there is a seat for everybody.
        let (Some(Offer::Place(Place { total, turn })), Ok(seat)) =
            (shared.seats.offer_now(), shared.seats.take(&peer.address))
        else {
            return;
        };
        let ticket = Ticket::new(id, peer, self.number, Arc::clone(shared));
        let open = Open::new(ticket, total, seat);
        let Some(socket) = enclosed else {
            // The kernel drops what it cannot number (unix(7), SCM_RIGHTS).
            open.ticket.conclude(crate::End::Failed("its worker has no descriptor left".to_owned()));
            return;
        };
        self.books.write(Account::Taken { id });
        let visitor = Visitor { socket, place, speaks: self.spoken_at(place) };
        let _ = self.way.send(Arrival { visitor, admission: Admission::Served(open, turn) }).await;
    }

    async fn refuse(&mut self, place: u16, refusal: Refusal, enclosed: Option<OwnedFd>) {
        let Some(socket) = enclosed else { return };
        let visitor = Visitor { socket, place, speaks: self.spoken_at(place) };
        let _ = self.way.send(Arrival { visitor, admission: Admission::Rejected(refusal) }).await;
    }

    /// What is spoken where a client came in. This is the same program, so it has the same places.
    fn spoken_at(&self, place: u16) -> Speaks {
        self.speaks.get(usize::from(place)).cloned().unwrap_or_default()
    }
}

/// Gives the place of one that was not served back, when its socket is closed.
struct LetGo {
    number: u64,
    books: Arc<Books>,
}

impl Drop for LetGo {
    fn drop(&mut self) {
        self.books.write(Account::LetGo { number: self.number });
    }
}

/// What is still to be told. Written by the worker, told by its task; never more than the connections that it has had since,
/// and the first process gives it none while it does not listen itself.
#[derive(Default)]
struct Books {
    entries: Mutex<VecDeque<Account>>,
    some: Notify,
}

impl Books {
    /// What the first process must know of what happened.
    fn note(&self, event: &Event) {
        let Event::Closed { id, peer, end, bytes_in, bytes_out, .. } = event else { return };
        if let Some(secured) = peer.tls() {
            self.write(Account::Secured { id: *id, secured: secured.clone() });
        }
        self.write(Account::Ended { id: *id, end: end.clone(), bytes_in: *bytes_in, bytes_out: *bytes_out });
    }

    fn write(&self, account: Account) {
        self.entries().push_back(account);
        self.some.notify_one();
    }

    /// The oldest entries, as many as a letter takes, and how many they are.
    fn letter(&self) -> Option<(Vec<u8>, usize)> {
        let entries = self.entries();
        let mut letter = Vec::new();
        let mut count = 0;
        while letter::has_room(&letter)
            && let Some(entry) = entries.get(count)
        {
            entry.write(&mut letter);
            count += 1;
        }
        (count > 0).then_some((letter, count))
    }

    /// So many of the oldest are told.
    fn strike(&self, count: usize) {
        self.entries().drain(..count);
    }

    /// Tells what is left, when the event loop is over.
    fn tell_rest(&self, socket: &OwnedFd) -> io::Result<()> {
        SockRef::from(socket).set_nonblocking(false)?;
        while let Some((letter, count)) = self.letter() {
            line::send(socket.as_fd(), &letter, None)?;
            self.strike(count);
        }
        Ok(())
    }

    /// A writer that panicked has left nothing half done.
    fn entries(&self) -> MutexGuard<'_, VecDeque<Account>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells what is written, as it comes, and now and then how far everybody is.
async fn tell(line: Rc<Line>, books: Arc<Books>, shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(TELL_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = BTreeMap::new();
    loop {
        tokio::select! {
            () = books.some.notified() => {}
            _ = ticks.tick() => look(&shared, &books, &mut told),
        }
        while let Some((letter, count)) = books.letter() {
            if line.say(&letter).await.is_err() {
                return;
            }
            books.strike(count);
        }
    }
}

/// How far a connection was when that was last told: bytes in, bytes out and in its queue, and is it known how it is secured?
type Told = BTreeMap<ConnId, ([u64; 3], bool)>;

/// Writes down how far those are with whom something happened.
fn look(shared: &Shared, books: &Books, told: &mut Told) {
    let now_ms = clock::now_ms();
    let mut seen = Told::new();
    for ticket in shared.registry.all() {
        let (id, secured) = (ticket.id, ticket.peer.tls());
        let (bytes_in, bytes_out) = (ticket.bytes_in.load(Relaxed), ticket.bytes_out.load(Relaxed));
        let before = told.get(&id).copied().unwrap_or_default();
        if let (Some(secured), false) = (secured, before.1) {
            books.write(Account::Secured { id, secured: secured.clone() });
        }
        let queued = ticket.queued() as u64;
        let now = [bytes_in, bytes_out, queued];
        if now != before.0 {
            let silent_ms = now_ms.saturating_sub(ticket.heard_ms.load(Relaxed));
            books.write(Account::Seen { id, bytes_in, bytes_out, silent_ms, queued });
        }
        seen.insert(id, (now, secured.is_some()));
    }
    *told = seen;
}
