//! What you write to serve a connection.

use std::future::Future;
use std::sync::Arc;

use crate::conn::{Conn, Peer};

/// Serves connections, on any worker. A closure or an `async fn` that takes a [`Conn`] is one.
pub trait Handler: Send + Sync + 'static {
    /// Serves one connection to its end.
    fn serve(&self, conn: Conn) -> impl Future<Output = crate::Result> + Send;

    /// The word for a connection that is not served.
    fn rejected(&self, _peer: &Peer, _why: Rejected) -> &[u8] {
        b""
    }
}

impl<F, Served> Handler for F
where
    F: Fn(Conn) -> Served + Send + Sync + 'static,
    Served: Future<Output = crate::Result> + Send,
{
    fn serve(&self, conn: Conn) -> impl Future<Output = crate::Result> + Send {
        self(conn)
    }
}

/// Serves the connections of one worker, on its thread: what it keeps need not be `Send`. Made by the factory of
/// [`crate::Server::local`].
pub trait LocalHandler: 'static {
    /// Serves one connection to its end.
    fn serve(&self, conn: Conn) -> impl Future<Output = crate::Result>;

    /// Called ten times a second with the worker's clock: the place for timeouts, instead of a timer for each.
    fn sweep(&self, _now_ms: u64) {}

    /// The word for a connection that is not served.
    fn rejected(&self, _peer: &Peer, _why: Rejected) -> &[u8] {
        b""
    }
}

/// Why a connection is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// Its address has as many as it may.
    AddressFull,
    /// The process has no descriptor left. No word reaches the client then.
    NoDescriptor,
}

/// A handler that all workers share.
pub(crate) struct Everywhere<H>(pub Arc<H>);

impl<H: Handler> LocalHandler for Everywhere<H> {
    async fn serve(&self, conn: Conn) -> crate::Result {
        self.0.serve(conn).await
    }

    fn rejected(&self, peer: &Peer, why: Rejected) -> &[u8] {
        self.0.rejected(peer, why)
    }
}
