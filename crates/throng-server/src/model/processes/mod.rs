//! `Processes`: the handler runs in worker processes, each of them this same program begun anew.
//!
//! The first process accepts, counts and limits, and passes each client's socket on; so limits, pause, counters and drain
//! have one owner. The thread `throng-processes` has one [`keeper`] for each worker, which starts it, passes clients on, hears
//! how they end, and starts it again when it dies. The other end of its [`line`] is the worker's [`station`]; a [`letter`] is
//! what they write to each other, in the [`wording`] of both.

mod keeper;
mod letter;
mod line;
mod station;
mod wording;
mod worker_process;

use std::convert::Infallible;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::mpsc;

use super::sealed::{self, Ground, Stage};
use super::{ARRIVALS_MAX, BlockingPerWorker, Gate, PerWorker, Processes, Up, run_on};
use crate::handler::{BlockingHandler, LocalHandler};
use crate::role;
use crate::shared::Shape;
use crate::start_error::StartError;
use keeper::Keeper;

/// How long a worker may take from its birth until its handler is made.
const READY_MAX: Duration = Duration::from_secs(60);

/// Who was started before in this process. A worker begins at `main` and stops at the first start of a server: it would never
/// come to a second one, unless it is told which one is its own.
static STARTED: Mutex<Option<Tells>> = Mutex::new(None);

/// Does a server tell its workers anything?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tells {
    Words,
    Nothing,
}

/// Notes a start; `false` when its workers, or those before, could not know whose they are.
fn note_start(tells: Tells) -> bool {
    let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    let known = started.is_none_or(|before| before == Tells::Words && tells == Tells::Words);
    *started = Some(tells);
    known
}

impl<H: LocalHandler> sealed::Model<PerWorker<H>> for Processes {
    fn shape(&self) -> Shape {
        Shape { name: "processes", tables: self.workers.count(), turns: None }
    }

    fn start(self: Box<Self>, _: PerWorker<H>, ground: &mut Ground<'_>) -> Result<Gate, StartError> {
        start_first(self.workers.count(), ground)
    }

    fn serve_in_worker(self: Box<Self>, kind: PerWorker<H>, stage: Stage) -> Result<Infallible, StartError> {
        station::serve(kind.0, stage)
    }
}

impl<H: BlockingHandler> sealed::Model<BlockingPerWorker<H>> for Processes {
    fn shape(&self) -> Shape {
        Shape { name: "processes", tables: self.workers.count(), turns: None }
    }

    fn start(self: Box<Self>, _: BlockingPerWorker<H>, ground: &mut Ground<'_>) -> Result<Gate, StartError> {
        start_first(self.workers.count(), ground)
    }

    fn serve_in_worker(
        self: Box<Self>,
        kind: BlockingPerWorker<H>,
        stage: Stage,
    ) -> Result<Infallible, StartError> {
        station::serve_blocking(kind.0, stage)
    }
}

/// Starts in the first process, which serves nobody itself.
fn start_first(count: usize, ground: &mut Ground<'_>) -> Result<Gate, StartError> {
    if !role::is_known() {
        return Err(StartError::NoWorkerLine);
    }
    if Handle::try_current().is_ok() {
        return Err(StartError::InsideRuntime);
    }
    let tells = ground.shared.told_to_workers().map_or(Tells::Nothing, |_| Tells::Words);
    if !note_start(tells) {
        return Err(StartError::StartedBefore);
    }
    start_keepers(count, ground)
}

/// Starts the workers, and waits until each has its handler.
fn start_keepers(count: usize, ground: &mut Ground<'_>) -> Result<Gate, StartError> {
    let (ready, readied) = sync_channel(count);
    let up = Up::none_of(count);
    let mut ways = Vec::with_capacity(count);
    let mut keepers = Vec::with_capacity(count);
    for number in 0..count {
        let (way, arrivals) = mpsc::channel(ARRIVALS_MAX);
        let plan = keeper::Plan { number, count, shared: Arc::clone(ground.shared), up: up.clone() };
        keepers.push(Keeper::new(plan, arrivals, ready.clone()));
        ways.push(way);
    }
    drop(ready);
    // It lives as long as any worker: the kernel ends a worker when the thread that started it has ended (prctl(2),
    // PR_SET_PDEATHSIG).
    let body = move |runtime: Runtime| {
        runtime.block_on(join_all(keepers.into_iter().map(Keeper::run)));
    };
    run_on(Builder::new_current_thread(), "throng-processes", ground, body)?;
    for _ in 0..count {
        // A keeper that panicked has said so already.
        readied.recv().map_err(|_| StartError::Factory)??;
    }
    Ok(Gate::to_processes(ways, up))
}
