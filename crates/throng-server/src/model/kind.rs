//! What kinds of handlers there are. The type of a server tells which its own is, so that a model which cannot run that kind
//! does not compile.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::start_error::StartError;
use crate::worker::Worker;

/// A handler that serves everywhere: the kind of [`crate::Server::new`], for who has to name the type.
///
/// ```
/// use throng_server::{Conn, Handler, Server, model::Shareable};
///
/// fn at_home<H: Handler>(handler: H) -> Server<Shareable<H>> {
///     Server::new(handler).listen("127.0.0.1:0")
/// }
///
/// # fn main() -> throng_server::Result {
/// let running = at_home(|_: Conn| async { Ok(()) }).start()?;
/// assert!(running.addresses()[0].is_local());
/// # Ok(())
/// # }
/// ```
pub struct Shareable<H>(pub(crate) Arc<H>);

/// A factory of handlers, one for each worker: the kind of [`crate::Server::local`]. Example: [`Shareable`].
pub struct PerWorker<H>(pub(crate) Factory<H>);

/// A handler of blocking code: the kind of [`crate::Server::blocking`]. Example: [`Shareable`].
pub struct Blocking<H>(pub(crate) Arc<H>);

/// A factory of handlers of blocking code, one for each worker: the kind of [`crate::Server::blocking_local`]. Example:
/// [`Shareable`].
pub struct BlockingPerWorker<H>(pub(crate) BlockingFactory<H>);

pub(crate) type Factory<H> = Box<dyn Fn(&Worker) -> H + Send + Sync>;

pub(crate) type BlockingFactory<H> = Box<dyn Fn(&BlockingWorker) -> H + Send + Sync>;

/// One worker, for the one who makes its handler of blocking code: a process of [`crate::Processes`], or the only worker of a
/// model whose threads share everything. Example: [`crate::Server::blocking_local`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockingWorker {
    index: usize,
    count: usize,
}

impl BlockingWorker {
    pub(crate) fn new(index: usize, count: usize) -> BlockingWorker {
        BlockingWorker { index, count }
    }

    /// Its number, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// How many workers there are.
    pub fn count(&self) -> usize {
        self.count
    }
}

impl<H> BlockingPerWorker<H> {
    /// The handler of a model that has one worker.
    pub(super) fn only(&self) -> Result<Blocking<H>, StartError> {
        let made = catch_unwind(AssertUnwindSafe(|| (self.0)(&BlockingWorker::new(0, 1))));
        // A factory that panicked has said so already.
        made.map(|handler| Blocking(Arc::new(handler))).map_err(|_| StartError::Factory)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::time::Duration;

    use crate::{BlockingConn, BlockingWorker, Running, Sequential, Server, Threads};

    fn introduce(worker: &BlockingWorker) -> impl Fn(BlockingConn) -> crate::Result + use<> {
        let worker = *worker;
        move |mut conn| Ok(write!(conn, "{} of {}", worker.index(), worker.count())?)
    }

    fn check(running: &Running) {
        let mut heard = String::new();
        TcpStream::connect(&running.addresses()[0]).unwrap().read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "0 of 1", "{}", running.model());
        running.drain(Duration::ZERO).wait();
    }

    #[test]
    fn a_model_without_workers_has_one() {
        let server = || Server::blocking_local(introduce).listen("127.0.0.1:0");
        check(&server().start().unwrap());
        check(&server().model(Threads { max: 1 }).start().unwrap());
        check(&server().model(Sequential).start().unwrap());
    }
}
