//! By what means many clients are served at once: one room for each model. The handler is the same in all.
//!
//! | model | serves | a handler that waits | a handler that blocks |
//! |---|---|---|---|
//! | [`Sequential`] | one client, the others wait in the kernel's queue | holds all others up | holds all others up |
//! | [`Threads`] | a thread per connection | holds its own thread | holds its own thread |
//! | [`Pool`] | tasks that any of some threads takes up | holds nobody up | holds one thread |
//! | [`Events`] | tasks that stay on the event loop of one core | holds nobody up | holds up that core's clients |
//! | [`Processes`] | tasks on the event loop of one of some processes | holds nobody up | holds up that process's clients |
//! | [`Processes`] of blocking code | a thread per connection, in one of some processes | | holds its own thread |
//!
//! A handler that crashes the process ends all clients, and under [`Processes`] those of its own process only.
//!
//! Take [`Events`], which is usual, unless one of the others' lines is about you; docs/models.md has all of them measured.
//!
//! ```
//! use throng_server::{Conn, Events, Pool, Sequential, Server, Threads, Workers};
//!
//! async fn hello(mut conn: Conn) -> throng_server::Result {
//!     conn.write_all(b"hello").await?;
//!     Ok(())
//! }
//!
//! # fn main() -> throng_server::Result {
//! let server = || Server::new(hello).listen("127.0.0.1:0");
//! for (name, running) in [
//!     ("sequential", server().model(Sequential).start()?),
//!     ("threads", server().model(Threads { max: 500 }).start()?),
//!     ("pool", server().model(Pool { workers: Workers::Auto }).start()?),
//!     ("events", server().model(Events { workers: Workers::Count(2) }).start()?),
//! ] {
//!     assert_eq!(running.model(), name);
//!     let client = std::net::TcpStream::connect(&running.addresses()[0])?;
//!     assert_eq!(std::io::read_to_string(client)?, "hello");
//! }
//! # Ok(())
//! # }
//! ```

mod events;
mod kind;
mod pool;
#[cfg(target_os = "linux")]
mod processes;
mod reactor;
mod sequential;
mod threads;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::sync_channel;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use crate::arrival::Arrival;
use crate::registry::Registry;
use crate::shared::Shared;
use crate::start_error::StartError;
use crate::thread_group::ThreadGroup;
use crate::worker::Guest;
pub use kind::{Blocking, BlockingPerWorker, BlockingWorker, PerWorker, Shareable};
pub(crate) use kind::{BlockingFactory, Factory};
use sealed::Ground;

/// Sockets that may wait for one worker to take them over.
const ARRIVALS_MAX: usize = 1024;

/// One client at a time, in the order in which they came; the others wait in the kernel's queue. The server of the first
/// lesson, kept honest: it shows what the other models are for, and suits a service that must never do two things at once. A
/// silent client holds up everybody: set [`crate::Timeouts::idle`]. Examples: [`crate::model`], [`crate::Running::waiting`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sequential;

/// A thread for each connection. Handlers that wait share one event loop, so that a connection costs a thread and one
/// descriptor; a [`crate::BlockingHandler`] needs no event loop at all. Example: [`crate::model`].
///
/// ```
/// assert_eq!(throng_server::Threads::default().max, 1024);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threads {
    /// How many at most, at least one; clients beyond wait in the kernel's queue.
    pub max: usize,
}

impl Default for Threads {
    /// At most 1,024.
    fn default() -> Threads {
        Threads { max: 1024 }
    }
}

/// Tasks on some threads; one that has nothing to do takes a task over from another (tokio's multi-thread runtime). Example:
/// [`crate::model`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// How many threads.
    pub workers: Workers,
}

/// One event loop per worker, each on a thread of its own; a connection stays on the worker that it was given to, the one
/// with the fewest. A handler that computes or blocks holds up all of them: [`crate::Event::Blocked`] tells. Example:
/// [`crate::model`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Events {
    /// How many.
    pub workers: Workers,
}

/// Worker processes, each with one event loop, or with a thread for each of its connections where the handler is blocking
/// code; a connection stays on the worker that it was given to, the one with the fewest. Nothing is shared between workers, so whatever one of them does to itself, be it an abort, ends its own
/// clients only; it is started again, at once the first time, later and later while it keeps dying. Linux only.
///
/// A worker is this same program, begun anew with the same arguments, environment and working directory: `main` begins with
/// [`crate::worker_or_continue`] and comes to [`crate::Server::start`], which serves there and never returns. So whatever
/// a program does before the start is done in every worker as well, unless [`crate::worker_number`] keeps it from that; only
/// addresses are not claimed again, and what a [`crate::Claim`] tells there is what was asked for, or what was passed to the
/// first process ([`crate::Inherited`]). A program can start one
/// such server in its life. A worker's standard input is empty, and it has a process group of its own, so that Ctrl-C
/// reaches the first process, which drains; whoever sends signals to all of a service's processes sends them to the first
/// one only (systemd.kill(5), `KillMode=mixed`).
///
/// Limits, pause, counters, events and drain are those of the first process, which accepts and passes the sockets on. It
/// learns once a second how many bytes an open connection has moved. Each worker needs descriptors for its own share of
/// [`crate::Limits::total`]. Timeouts and [`crate::Limits::queue`], which are applied where a connection is served, are the first
/// process's as well: each worker has them from there before its first client, and whenever they change.
///
/// Blocking code has a thread `thread-N` for each connection, where N is the connection's number; all workers together have as
/// many at most as [`crate::Limits::total`] allows connections. Set that to what the machine has room for.
///
/// Only the factories [`crate::Server::local`] and [`crate::Server::blocking_local`] lead here, so that no handler is taken
/// for shared that cannot be:
///
/// ```compile_fail,E0277
/// # use throng_server::{Conn, Processes, Server, Workers};
/// # async fn echo(_conn: Conn) -> throng_server::Result { Ok(()) }
/// let server = Server::new(echo).model(Processes { workers: Workers::Count(2) });
/// ```
///
/// ```compile_fail,E0277
/// # use throng_server::{BlockingConn, Processes, Server, Workers};
/// # fn greet(_conn: BlockingConn) -> throng_server::Result { Ok(()) }
/// let server = Server::blocking(greet).model(Processes { workers: Workers::Count(2) });
/// ```
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// # use throng_server::{BlockingConn, Conn, Processes, Server, Workers};
/// # async fn echo(_conn: Conn) -> throng_server::Result { Ok(()) }
/// # fn greet(_conn: BlockingConn) -> throng_server::Result { Ok(()) }
/// let server = Server::local(|_| echo).model(Processes { workers: Workers::Count(2) });
/// let server = Server::blocking_local(|_| greet).model(Processes { workers: Workers::Count(2) });
/// # }
/// ```
#[cfg(target_os = "linux")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Processes {
    /// How many.
    pub workers: Workers,
}

/// How many workers. Example: [`crate::model`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// One for each core that this process may use (sched_getaffinity(2) and the quota of its cgroup).
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

/// A model that can run handlers of this kind. Implemented by the models themselves, for the kinds that they can run:
///
/// | | [`crate::Server::new`] | [`crate::Server::local`] | [`crate::Server::blocking`] | [`crate::Server::blocking_local`] |
/// |---|---|---|---|---|
/// | [`Sequential`] | yes | yes | yes | yes |
/// | [`Threads`] | yes | | yes | yes |
/// | [`Pool`] | yes | | | |
/// | [`Events`] | yes | yes | | |
/// | [`Processes`] | | yes | | yes |
///
/// ```compile_fail
/// # use throng_server::{Conn, Pool, Server, Workers};
/// // State that stays on one worker cannot run where tasks change their thread.
/// # struct PerCore;
/// # impl throng_server::LocalHandler for PerCore {
/// #     async fn serve(&self, _conn: Conn) -> throng_server::Result { Ok(()) }
/// # }
/// let server = Server::local(|_| PerCore).model(Pool { workers: Workers::Auto });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot run handlers of this kind",
    note = "Server::new runs on Sequential, Threads, Pool and Events; Server::local on Sequential, Events and \
            Processes; Server::blocking on Sequential and Threads; Server::blocking_local on these two and Processes"
)]
pub trait Model<K>: sealed::Model<K> {}

impl<K, M: sealed::Model<K>> Model<K> for M {}

pub(crate) mod sealed {
    use std::convert::Infallible;
    use std::sync::Arc;

    use super::{Gate, StartError, ThreadGroup};
    use crate::handshake::Speaks;
    use crate::limits::Limits;
    use crate::role::Post;
    use crate::shared::{Shape, Shared};
    use crate::timeouts::Timeouts;

    /// What a model stands on.
    pub struct Ground<'a> {
        pub(crate) shared: &'a Arc<Shared>,
        pub(crate) threads: &'a mut ThreadGroup,
    }

    /// What a worker's process is given.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "there are no worker processes"))]
    pub struct Stage {
        pub(crate) post: &'static Post,
        /// At each listening place.
        pub(crate) speaks: Vec<Speaks>,
        pub(crate) limits: Limits,
        pub(crate) timeouts: Timeouts,
    }

    /// What a model does, for this crate alone.
    pub trait Model<K>: Send + 'static {
        /// What is made before it starts.
        fn shape(&self) -> Shape;

        /// Starts its threads.
        fn start(self: Box<Self>, kind: K, ground: &mut Ground<'_>) -> Result<Gate, StartError>;

        /// Serves in a worker's process, and never returns; most models have none.
        fn serve_in_worker(self: Box<Self>, _: K, _: Stage) -> Result<Infallible, StartError> {
            Err(StartError::InWorker { model: self.shape().name })
        }
    }
}

/// Where the listener puts those who come in.
#[doc(hidden)]
#[derive(Clone)]
pub struct Gate {
    ways: Vec<mpsc::Sender<Arrival>>,
    /// Where each connection gets a worker of its own: the last one's number.
    last: Option<Arc<AtomicUsize>>,
    /// Where workers come and go.
    up: Option<Up>,
    /// Where there is one event loop for all: to run a task on it.
    invite: Option<mpsc::Sender<Guest>>,
}

/// Which workers take clients now. Each is written by its keeper, and read by the acceptor.
#[derive(Clone)]
pub(crate) struct Up(Arc<[AtomicBool]>);

#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "there are no worker processes"))]
impl Up {
    fn none_of(count: usize) -> Up {
        Up((0..count).map(|_| AtomicBool::new(false)).collect())
    }

    fn set(&self, worker: usize, up: bool) {
        self.0[worker].store(up, Relaxed);
    }

    fn is(&self, worker: usize) -> bool {
        self.0[worker].load(Relaxed)
    }
}

impl Gate {
    /// To workers that are there already.
    fn to_workers(ways: Vec<mpsc::Sender<Arrival>>) -> Gate {
        Gate { ways, last: None, up: None, invite: None }
    }

    /// To event loops, each of which runs tasks for those whom it invites.
    fn to_loops(ways: Vec<mpsc::Sender<Arrival>>, mut invites: Vec<mpsc::Sender<Guest>>) -> Gate {
        let invite = if invites.len() == 1 { invites.pop() } else { None };
        Gate { invite, ..Gate::to_workers(ways) }
    }

    /// To one who makes a worker for each.
    fn to_maker(way: mpsc::Sender<Arrival>) -> Gate {
        Gate { last: Some(Arc::default()), ..Gate::to_workers(vec![way]) }
    }

    /// To workers that come and go.
    #[cfg(target_os = "linux")]
    fn to_processes(ways: Vec<mpsc::Sender<Arrival>>, up: Up) -> Gate {
        Gate { up: Some(up), ..Gate::to_workers(ways) }
    }

    /// The worker of the next connection.
    pub(crate) fn choose(&self, registry: &Registry) -> usize {
        match &self.last {
            Some(last) => last.fetch_add(1, Relaxed) + 1,
            // One that is down has the fewest, and is the last to be chosen.
            None => registry.least_loaded(|worker| self.up.as_ref().is_none_or(|up| up.is(worker))),
        }
    }

    /// To run a task on the one event loop that serves all clients; `None` where there is no such loop.
    pub(crate) fn invite(&self) -> Option<&mpsc::Sender<Guest>> {
        self.invite.as_ref()
    }

    /// The way to it.
    pub(crate) fn way_to(&self, worker: usize) -> &mpsc::Sender<Arrival> {
        &self.ways[worker % self.ways.len()]
    }
}

/// Runs this on a thread of its own, with a runtime that is built and dropped there: whoever starts a server may do so inside
/// a runtime, where no other may be dropped.
fn run_on(
    mut builder: Builder,
    name: &str,
    ground: &mut Ground<'_>,
    body: impl FnOnce(Runtime) + Send + 'static,
) -> Result<(), StartError> {
    let (ready, readied) = sync_channel(1);
    ground.threads.spawn(name, move || {
        let (runtime, built) = match builder.enable_io().enable_time().build() {
            Ok(runtime) => (Some(runtime), Ok(())),
            Err(why) => (None, Err(why)),
        };
        // Whoever starts the server may have given up already.
        let _ = ready.send(built);
        if let Some(runtime) = runtime {
            body(runtime);
        }
    })?;
    // A thread that ended without a word has panicked, and has said so.
    readied.recv().map_err(|_| StartError::Factory)?.map_err(StartError::Thread)
}

/// What is left when a model ends is ended at once; who blocks on a socket wakes up.
fn cut_all(shared: &Shared) {
    shared.registry.each_of(0, |ticket| {
        ticket.cut(crate::End::Drained);
    });
}
