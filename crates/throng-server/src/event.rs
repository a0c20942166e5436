//! What the server tells whoever runs it, as it happens. The sink is called on the server's threads, so it must return
//! at once.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::end::End;
use crate::limits::Rejected;
use crate::peer::{ConnId, Peer};
use crate::state::State;

/// Something that happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A connection came.
    Opened {
        /// Its number.
        id: ConnId,
        /// Both its ends.
        peer: Peer,
        /// Which worker serves it.
        worker: usize,
    },
    /// A connection is over.
    Closed {
        /// Its number.
        id: ConnId,
        /// Both its ends.
        peer: Peer,
        /// Why.
        end: End,
        /// Bytes that the peer sent.
        bytes_in: u64,
        /// Bytes that the kernel took for it.
        bytes_out: u64,
        /// How long it lasted.
        lasted: Duration,
    },
    /// A connection came and was not served.
    Rejected {
        /// Both its ends.
        peer: Peer,
        /// Why not.
        why: Rejected,
    },
    /// A worker's process ended, and the server goes on ([`crate::Processes`]). Its connections are closed, each with
    /// [`End::Failed`].
    WorkerEnded {
        /// Which worker.
        worker: usize,
        /// What its process was; `None` when it could not even be started.
        pid: Option<u32>,
        /// How it ended, such as `signal: 6 (SIGABRT)`.
        how: String,
        /// When it is started again; `None` in a drain, when it is not.
        restart_in: Option<Duration>,
    },
    /// The files of a certificate changed, and were read again.
    CertificateRead {
        /// The certificate's file.
        certificate: String,
        /// Why they cannot be used, if so; the certificate that was read before is used on then.
        failed: Option<String>,
    },
    /// The server was paused, resumed, or is ending.
    StateChanged {
        /// How it was.
        from: State,
        /// How it is.
        to: State,
        /// Connections that are open now.
        open: usize,
    },
    /// A handler held its worker, so that nobody else there could be served meanwhile. Looked at in steps of 50 ms: who holds
    /// it for 150 ms is always told of, nobody below 100 ms ever is. Told once when it is noticed and once when it is over.
    /// The models with a thread for each connection have nobody to hold up, and tell nothing.
    Blocked {
        /// Which worker, as in [`Event::Opened`].
        worker: usize,
        /// Its thread, as `ps -T` names it.
        thread: String,
        /// Which connection's handler; none when it was a task or the sweep of the worker.
        id: Option<ConnId>,
        /// For how long so far; when it is over, in all.
        lasted: Duration,
        /// Is it over?
        over: bool,
    },
    /// The kernel refused to give a connection; the server goes on and tries again.
    AcceptFailed {
        /// What the kernel said (accept(2)).
        why: String,
    },
}

/// Where events go.
#[derive(Clone)]
pub(crate) struct Sink(pub Arc<dyn Fn(&Event) + Send + Sync>);

impl Default for Sink {
    fn default() -> Sink {
        Sink(Arc::new(|_| ()))
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sink")
    }
}
