//! `Threads`: a thread per connection.

use std::fmt::Display;
use std::io;
use std::sync::Arc;
use std::thread::Builder;
#[cfg(target_os = "linux")]
use std::time::Duration;

#[cfg(target_os = "linux")]
use tokio::sync::mpsc;

use super::reactor::{self, Client};
use super::{
    Blocking, BlockingPerWorker, Gate, Shareable, Threads,
    sealed::{self, Ground},
};
#[cfg(target_os = "linux")]
use crate::arrival::Arrival;
use crate::handler::{BlockingHandler, Handler};
use crate::limits::Rejected;
use crate::peer::Peer;
use crate::shared::Shape;
#[cfg(target_os = "linux")]
use crate::shared::Shared;
use crate::start_error::StartError;

impl Threads {
    fn shape_of(self) -> Shape {
        Shape { name: "threads", tables: 1, turns: Some(self.max.max(1)) }
    }
}

impl<H: Handler> sealed::Model<Shareable<H>> for Threads {
    fn shape(&self) -> Shape {
        self.shape_of()
    }

    fn start(self: Box<Self>, kind: Shareable<H>, ground: &mut Ground<'_>) -> Result<Gate, StartError> {
        let (handler, rejecting) = (Arc::clone(&kind.0), kind.0);
        let hire = move |client: Client| {
            let (handler, number) = (Arc::clone(&handler), client.worker());
            on_its_own(client, number, |client| client.serve(handler))
        };
        let word = move |peer: &_, why| rejecting.rejected(peer, why).to_vec();
        reactor::start(ground, hire, word).map(Gate::to_maker)
    }
}

impl<H: BlockingHandler> sealed::Model<Blocking<H>> for Threads {
    fn shape(&self) -> Shape {
        self.shape_of()
    }

    fn start(self: Box<Self>, kind: Blocking<H>, ground: &mut Ground<'_>) -> Result<Gate, StartError> {
        let hire = hire_for(&kind.0, |client| client.worker());
        reactor::start(ground, hire, word_of(kind.0)).map(Gate::to_maker)
    }
}

impl<H: BlockingHandler> sealed::Model<BlockingPerWorker<H>> for Threads {
    fn shape(&self) -> Shape {
        self.shape_of()
    }

    fn start(
        self: Box<Self>,
        kind: BlockingPerWorker<H>,
        ground: &mut Ground<'_>,
    ) -> Result<Gate, StartError> {
        sealed::Model::<Blocking<H>>::start(self, kind.only()?, ground)
    }
}

/// Takes all arrivals over and serves each with blocking code on a thread of its own, in this thread's event loop, until
/// nobody can send any more. In a worker's process all have one worker's number, so a thread is named by its client's.
#[cfg(target_os = "linux")]
pub(super) async fn serve_all<H: BlockingHandler>(
    handler: Arc<H>,
    shared: Arc<Shared>,
    arrivals: mpsc::Receiver<Arrival>,
    patience: Duration,
) {
    let hire = hire_for(&handler, |client| client.id().0);
    reactor::run(shared, arrivals, hire, word_of(handler), patience).await;
}

/// Gets a client's thread, which serves it with blocking code.
fn hire_for<H: BlockingHandler, N: Display>(
    handler: &Arc<H>,
    number: fn(&Client) -> N,
) -> impl FnMut(Client) -> io::Result<()> + Send + use<H, N> {
    let handler = Arc::clone(handler);
    move |client| {
        let (handler, number) = (Arc::clone(&handler), number(&client));
        on_its_own(client, number, move |client| client.serve_blocking(&*handler))
    }
}

/// What a rejected peer hears.
fn word_of<H: BlockingHandler>(handler: Arc<H>) -> impl Fn(&Peer, Rejected) -> Vec<u8> + Send {
    move |peer, why| handler.rejected(peer, why).to_vec()
}

/// Serves a client on a thread of its own, named by this number. Nobody joins it: it ends with its client.
fn on_its_own(
    client: Client,
    number: impl Display,
    serve: impl FnOnce(Client) + Send + 'static,
) -> io::Result<()> {
    let thread = Builder::new().name(format!("thread-{number}"));
    thread.spawn(move || serve(client)).map(drop)
}
