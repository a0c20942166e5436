//! `Threads`: a thread per connection.

use std::io;
use std::sync::Arc;
use std::thread::Builder;

use super::reactor::{self, Client};
use super::{
    Blocking, Gate, Shareable, Threads,
    sealed::{self, Ground},
};
use crate::handler::{BlockingHandler, Handler};
use crate::shared::Shape;
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
            let handler = Arc::clone(&handler);
            on_its_own(client, |client| client.serve(handler))
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
        let (handler, rejecting) = (Arc::clone(&kind.0), kind.0);
        let hire = move |client: Client| {
            let handler = Arc::clone(&handler);
            on_its_own(client, move |client| client.serve_blocking(&*handler))
        };
        let word = move |peer: &_, why| rejecting.rejected(peer, why).to_vec();
        reactor::start(ground, hire, word).map(Gate::to_maker)
    }
}

/// Serves a client on a thread of its own, named by its number. Nobody joins it: it ends with its client.
fn on_its_own(client: Client, serve: impl FnOnce(Client) + Send + 'static) -> io::Result<()> {
    let thread = Builder::new().name(format!("thread-{}", client.worker()));
    thread.spawn(move || serve(client)).map(drop)
}
