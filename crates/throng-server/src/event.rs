//! What the server tells whoever runs it, as it happens. The sink is called on the server's threads, so it must return
//! at once.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::end::End;
use crate::limits::Rejected;
use crate::peer::{ConnId, Peer};

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
