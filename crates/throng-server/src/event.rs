//! What the server tells whoever runs it, as it happens. The sink is called on the server's threads, so it must return
//! at once.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::end::End;
use crate::limits::Rejected;
use crate::peer::{ConnId, Peer};
use crate::state::State;

/// Something that happened. [`crate::Server::events`] and [`crate::Running::subscribe`] tell it; more kinds may come, so a
/// `match` has a last arm.
///
/// Whatever text is in it, an [`End::Failed`] or a path, may have been made by a client: make it safe before it reaches a
/// terminal.
///
/// ```
/// use std::sync::mpsc::sync_channel;
/// use throng_server::{Conn, Event, Server};
///
/// # fn main() -> throng_server::Result {
/// let (tell, told) = sync_channel(100);
/// let log = move |event: &Event| {
///     let line = match event {
///         Event::Opened { id, peer, .. } => format!("{id} came from {}", peer.address.ip().unwrap()),
///         Event::Closed { id, end, bytes_out, .. } => format!("{id} {end}, {bytes_out} bytes"),
///         _ => return,
///     };
///     let _ = tell.try_send(line); // never wait in here: a full log loses lines
/// };
/// let hello = |mut conn: Conn| async move { Ok(conn.write_all(b"Hello.\r\n").await?) };
/// let running = Server::new(hello).listen("127.0.0.1:0").events(log).start()?;
/// std::io::read_to_string(std::net::TcpStream::connect(&running.addresses()[0])?)?;
/// running.shutdown().wait();
/// assert_eq!(told.iter().take(2).collect::<Vec<_>>(), ["1 came from 127.0.0.1", "1 done, 8 bytes"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A connection came, and is within all limits. A TLS handshake is still to come, so [`Peer::tls`] knows nothing yet.
    Opened {
        /// Its number.
        id: ConnId,
        /// Both its ends.
        peer: Peer,
        /// Which worker serves it.
        worker: usize,
    },
    /// A connection is over: its socket is closed, or handed to the kernel to be.
    Closed {
        /// Its number.
        id: ConnId,
        /// Both its ends.
        peer: Peer,
        /// Why.
        end: End,
        /// Bytes that the peer sent and the handler read; under TLS those inside it.
        bytes_in: u64,
        /// Bytes that the kernel took for it, which the peer has not read for certain; under TLS those inside it.
        bytes_out: u64,
        /// How long it lasted, in milliseconds.
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
    /// The kernel refused to give a connection; the server goes on and tries again 100 ms later. Descriptors that ran out are
    /// not told so: who comes then is [`Event::Rejected`] for [`Rejected::NoDescriptor`].
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
