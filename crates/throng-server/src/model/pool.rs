//! `Pool`: tasks on tokio's work-stealing runtime.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use super::{
    ARRIVALS_MAX, Gate, Pool, Shareable, cut_all, run_on,
    sealed::{self, Ground},
};
use crate::arrival::{self, Admission, Arrival, Begun, Thread};
use crate::conn::Conn;
use crate::handler::Handler;
use crate::inspection;
use crate::seats::Turn;
use crate::shared::Shape;
use crate::shared::Shared;
use crate::start_error::StartError;
use crate::ticket::Open;

/// How long a task may hold its thread when the server is over.
const OVER_MAX: Duration = Duration::from_millis(500);

impl<H: Handler> sealed::Model<Shareable<H>> for Pool {
    fn shape(&self) -> Shape {
        Shape { name: "pool", tables: 1, turns: None }
    }

    fn start(self: Box<Self>, kind: Shareable<H>, ground: &mut Ground<'_>) -> Result<Gate, StartError> {
        let (way, arrivals) = mpsc::channel(ARRIVALS_MAX);
        let (last, shared) = (AtomicUsize::new(0), Arc::clone(ground.shared));
        let mut builder = Builder::new_multi_thread();
        builder
            .worker_threads(self.workers.count())
            .thread_name_fn(move || format!("throng-pool-{}", last.fetch_add(1, Relaxed)));
        let body = move |runtime: Runtime| {
            runtime.block_on(take_all(arrivals, &kind.0, &shared));
            cut_all(&shared);
            runtime.shutdown_timeout(OVER_MAX);
        };
        run_on(builder, "throng-pool", ground, body)?;
        Ok(Gate::to_workers(vec![way]))
    }
}

async fn take_all<H: Handler>(mut arrivals: mpsc::Receiver<Arrival>, handler: &Arc<H>, shared: &Arc<Shared>) {
    tokio::spawn(inspection::inspect_all(Arc::clone(shared)));
    while let Some(Arrival { visitor, admission }) = arrivals.recv().await {
        match admission {
            Admission::Served(open, turn) => {
                let (open, handler) = (Arc::new(open), Arc::clone(handler));
                match arrival::begin(visitor, &open) {
                    Begun::Ready(socket) => {
                        tokio::spawn(serve(Conn::new(socket), open, turn, handler));
                    }
                    begun => {
                        tokio::spawn(async move {
                            if let Some(socket) = begun.ready().await {
                                Box::pin(serve(Conn::new(socket), open, turn, handler)).await;
                            }
                        });
                    }
                }
            }
            Admission::Rejected(refusal) => {
                let word = refusal.word(|peer, why| handler.rejected(peer, why).to_vec());
                tokio::spawn(arrival::reject(visitor, refusal, word));
            }
        }
    }
}

async fn serve<H: Handler>(conn: Conn, open: Arc<Open>, turn: Turn, handler: Arc<H>) {
    let finishing = Arc::clone(&handler);
    let served = || arrival::steps(handler, conn);
    arrival::run(open, Thread::Shared, served, move |conn, end| finishing.finish(conn, end)).await;
    drop(turn);
}
