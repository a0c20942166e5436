//! `Sequential`: one after the other. A worker like any other, whose next client is not taken from the kernel before it is
//! done with the one it has.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use super::events::start_workers;
use super::reactor::{self, Client};
use super::{
    Blocking, BlockingPerWorker, Factory, Gate, PerWorker, Sequential, Shareable,
    sealed::{self, Ground},
};
use crate::handler::{BlockingHandler, Everywhere, Handler, LocalHandler};
use crate::shared::Shape;
use crate::start_error::StartError;

const SHAPE: Shape = Shape { name: "sequential", tables: 1, turns: Some(1) };

impl<H: Handler> sealed::Model<Shareable<H>> for Sequential {
    fn shape(&self) -> Shape {
        SHAPE
    }

    fn start(self: Box<Self>, kind: Shareable<H>, ground: &mut Ground<'_>) -> Result<Gate, StartError> {
        let handler = kind.0;
        let factory: Factory<_> = Box::new(move |_| Everywhere(Arc::clone(&handler)));
        start_workers(factory, 1, ground)
    }
}

impl<H: LocalHandler> sealed::Model<PerWorker<H>> for Sequential {
    fn shape(&self) -> Shape {
        SHAPE
    }

    fn start(self: Box<Self>, kind: PerWorker<H>, ground: &mut Ground<'_>) -> Result<Gate, StartError> {
        start_workers(kind.0, 1, ground)
    }
}

impl<H: BlockingHandler> sealed::Model<Blocking<H>> for Sequential {
    fn shape(&self) -> Shape {
        SHAPE
    }

    fn start(self: Box<Self>, kind: Blocking<H>, ground: &mut Ground<'_>) -> Result<Gate, StartError> {
        // There is one turn, so there is never more than one here.
        let (give, given) = sync_channel::<Client>(1);
        let (handler, rejecting) = (Arc::clone(&kind.0), kind.0);
        let serve_all = move || given.iter().for_each(|next| next.serve_blocking(&*handler));
        ground.threads.spawn("throng-worker-0", serve_all)?;
        let hire = move |next: Client| hand_over(&give, next);
        let word = move |peer: &_, why| rejecting.rejected(peer, why).to_vec();
        reactor::start(ground, hire, word).map(|way| Gate::to_workers(vec![way]))
    }
}

impl<H: BlockingHandler> sealed::Model<BlockingPerWorker<H>> for Sequential {
    fn shape(&self) -> Shape {
        SHAPE
    }

    fn start(
        self: Box<Self>,
        kind: BlockingPerWorker<H>,
        ground: &mut Ground<'_>,
    ) -> Result<Gate, StartError> {
        sealed::Model::<Blocking<H>>::start(self, kind.only()?, ground)
    }
}

fn hand_over(give: &SyncSender<Client>, next: Client) -> std::io::Result<()> {
    give.try_send(next).map_err(|_| std::io::Error::other("the serving thread has ended"))
}
