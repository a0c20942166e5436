//! `Events`: one event loop per worker.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use tokio::sync::mpsc;

use super::{
    ARRIVALS_MAX, Events, Factory, Gate, PerWorker, Shareable,
    sealed::{self, Ground},
};
use crate::handler::{Everywhere, Handler, LocalHandler};
use crate::shared::Shape;
use crate::start_error::StartError;
use crate::worker::{self, Plan};

/// Tasks that may wait to be begun on one worker: it is given one at the start.
const GUESTS_MAX: usize = 1;

/// How long the workers may take to make their handlers.
const READY_MAX: Duration = Duration::from_secs(60);

impl<H: Handler> sealed::Model<Shareable<H>> for Events {
    fn shape(&self) -> Shape {
        Shape { name: "events", tables: self.workers.count(), turns: None }
    }

    fn start(self: Box<Self>, kind: Shareable<H>, ground: &mut Ground<'_>) -> Result<Gate, StartError> {
        let handler = kind.0;
        let factory: Factory<_> = Box::new(move |_| Everywhere(Arc::clone(&handler)));
        start_workers(factory, self.workers.count(), ground)
    }
}

impl<H: LocalHandler> sealed::Model<PerWorker<H>> for Events {
    fn shape(&self) -> Shape {
        Shape { name: "events", tables: self.workers.count(), turns: None }
    }

    fn start(self: Box<Self>, kind: PerWorker<H>, ground: &mut Ground<'_>) -> Result<Gate, StartError> {
        start_workers(kind.0, self.workers.count(), ground)
    }
}

/// Starts so many workers, and waits until each has its handler.
pub(super) fn start_workers<H: LocalHandler>(
    factory: Factory<H>,
    count: usize,
    ground: &mut Ground<'_>,
) -> Result<Gate, StartError> {
    let factory = Arc::new(factory);
    let (ready, readied) = sync_channel(count);
    let (mut ways, mut invites) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for index in 0..count {
        let (way, arrivals) = mpsc::channel(ARRIVALS_MAX);
        let (invite, guests) = mpsc::channel(GUESTS_MAX);
        let plan = Plan { index, count, shared: Arc::clone(ground.shared), arrivals, guests };
        let (factory, ready) = (Arc::clone(&factory), ready.clone());
        // It is gone when it was used or when the worker failed, so that nobody waits for one that failed.
        let ready = move || {
            // Whoever starts the server may have given up already.
            let _ = ready.send(());
        };
        let body = move || worker::run(plan, factory.as_ref(), ready);
        ground.threads.spawn(&format!("throng-worker-{index}"), body)?;
        ways.push(way);
        invites.push(invite);
    }
    drop(ready);
    for _ in 0..count {
        // Neither a factory that panicked nor one that takes too long gets a server.
        readied.recv_timeout(READY_MAX).map_err(|_| StartError::Factory)?;
    }
    Ok(Gate::to_loops(ways, invites))
}
