//! Tests of a handler without sockets: [`drive`] serves one connection that stays in this process, by the clock of the test.
//! Pausing that clock needs the feature `test-util` of tokio. [`AcceptFaults`] scripts what the kernel says to a listener.
//!
//! ```
//! use std::time::Duration;
//! use throng_server::testing::{drive, drive_with};
//! use throng_server::{Conn, End, Timeouts};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! async fn echo(mut conn: Conn) -> throng_server::Result {
//!     let mut buffer = conn.buffer();
//!     while conn.read_into(&mut buffer).await? > 0 {
//!         conn.write_all(&buffer).await?;
//!         buffer.clear();
//!     }
//!     Ok(())
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! // #[tokio::test(start_paused = true)]
//! let (mut client, driven) = drive(echo);
//! client.write_all(b"hello").await.unwrap();
//! let mut heard = [0; 5];
//! client.read_exact(&mut heard).await.unwrap();
//! assert_eq!(&heard, b"hello");
//! driven.drain(); // nothing is under way, so it ends here
//! assert_eq!(driven.end().await, End::Drained);
//!
//! // An hour passes at once.
//! let idle = Timeouts { idle: Some(Duration::from_secs(3600)), ..Timeouts::default() };
//! let (_client, driven) = drive_with(echo, idle);
//! assert_eq!(driven.end().await, End::TimedOut);
//! # }
//! ```

use std::sync::Arc;

use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::address::Address;
use crate::arrival::{self, Thread};
use crate::conn::Conn;
use crate::end::End;
use crate::event::{Event, Sink};
use crate::handler::Handler;
use crate::inspection;
use crate::limits::Limits;
use crate::peer::Peer;
use crate::report::ConnInfo;
use crate::seats::Offer;
use crate::shared::{Shape, Shared};
use crate::socket::Socket;
use crate::stream::Stream;
use crate::ticket::{Open, Ticket};
use crate::timeouts::Timeouts;

pub use crate::accept_faults::AcceptFaults;

/// Bytes that may be on their way in each direction; who writes more waits, so a test of a flood reads and writes at once
/// (`tokio::join!`), or waits for ever.
///
/// ```
/// # use throng_server::{Conn, testing::{PIPE_BYTES, drive}};
/// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// # async fn echo(mut conn: Conn) -> throng_server::Result {
/// #     let mut buffer = conn.buffer();
/// #     while conn.read_into(&mut buffer).await? > 0 {
/// #         conn.write_all(&buffer).await?;
/// #         buffer.clear();
/// #     }
/// #     Ok(())
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> throng_server::Result {
/// let (client, _) = drive(echo);
/// let (mut hears, mut says) = tokio::io::split(client);
/// let (sent, mut heard) = (vec![7; 3 * PIPE_BYTES], vec![0; 3 * PIPE_BYTES]);
/// let (said, read) = tokio::join!(says.write_all(&sent), hears.read_exact(&mut heard));
/// said?;
/// read?;
/// assert!(heard == sent);
/// # Ok(())
/// # }
/// ```
pub const PIPE_BYTES: usize = 64 << 10;

/// A connection that is being served; [`drive`] gives it. Dropped, the handler goes on, without its timeouts.
///
/// ```
/// # use throng_server::{Conn, End, testing::drive};
/// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// async fn ask(mut conn: Conn) -> throng_server::Result {
///     conn.write_all(b"?").await?;
///     conn.read_into(&mut conn.buffer()).await?;
///     Ok(())
/// }
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> throng_server::Result {
/// let (mut client, driven) = drive(ask);
/// assert_eq!(client.read_u8().await?, b'?');
/// assert_eq!(driven.info().map(|conn| conn.bytes_out), Some(1));
/// driven.kill();
/// assert_eq!(driven.end().await, End::Kicked);
/// # Ok(())
/// # }
/// ```
pub struct Driven {
    shared: Arc<Shared>,
    ended: mpsc::Receiver<End>,
    inspecting: JoinHandle<()>,
}

/// Serves one connection with this handler, in the runtime of the test. The other end of it is returned: tokio's `AsyncRead`
/// and `AsyncWrite`; its `shutdown` ends the client's side. The peer is [`Address::Memory`], its limits are the defaults.
/// Example: [`crate::testing`].
///
/// # Panics
/// Outside of a runtime.
pub fn drive<H: Handler>(handler: H) -> (DuplexStream, Driven) {
    drive_with(handler, Timeouts::default())
}

/// The same, waiting so long. Where the clock is paused, what is waited for comes as soon as nothing else happens. Example:
/// [`crate::testing`].
///
/// # Panics
/// Outside of a runtime.
pub fn drive_with<H: Handler>(handler: H, timeouts: Timeouts) -> (DuplexStream, Driven) {
    let (theirs, ours) = tokio::io::duplex(PIPE_BYTES);
    let (tell, ended) = mpsc::channel(1);
    let sink = Sink(Arc::new(move |event: &Event| {
        if let Event::Closed { end, .. } = event {
            // Who does not wait for the end need not hear it.
            let _ = tell.try_send(end.clone());
        }
    }));
    let shape = Shape { name: "driven", tables: 1, turns: None };
    let shared = Arc::new(Shared::new(Limits::default(), timeouts, sink, &shape));
    let inspecting = tokio::spawn(inspection::inspect_all(Arc::clone(&shared)));
    let served = serve(Arc::new(handler), Stream::from(ours), Arc::clone(&shared));
    tokio::spawn(served);
    (theirs, Driven { shared, ended, inspecting })
}

async fn serve<H: Handler>(handler: Arc<H>, stream: Stream, shared: Arc<Shared>) {
    let peer = Peer::new(Address::Memory, Address::Memory);
    let (Some(Offer::Place(place)), Ok(seat)) = (shared.seats.offer_now(), shared.seats.take(&peer.address))
    else {
        unreachable!("a server that serves one has a place for one, and no limit for who is in its process");
    };
    let ticket = Ticket::new(shared.next_id(), peer, 0, Arc::clone(&shared));
    let open = Arc::new(Open::new(ticket, place.total, seat));
    let conn = Conn::new(Socket::new(stream, Arc::clone(&open)));
    let finishing = Arc::clone(&handler);
    let served = || arrival::steps(handler, conn);
    arrival::run(open, Thread::Own, served, move |conn, end| finishing.finish(conn, end)).await;
}

impl Driven {
    /// Begins a drain, as [`crate::Running::drain`] does: the connection ends at its next idle point. There is no deadline
    /// here. Example: [`crate::testing`].
    pub fn drain(&self) {
        self.shared.drain();
    }

    /// Cuts the connection, as [`crate::Running::kill`] does. Example: [`Driven`].
    pub fn kill(&self) {
        self.shared.registry.all().iter().for_each(|ticket| {
            ticket.cut(End::Kicked);
        });
    }

    /// The connection, while it is open. Example: [`Driven`].
    pub fn info(&self) -> Option<ConnInfo> {
        self.shared.registry.all().first().map(|ticket| ticket.info(crate::clock::now_ms()))
    }

    /// Waits until the connection is over, and says why it is. A client that is not dropped, and a handler that waits for it,
    /// wait for ever. Example: [`Driven`].
    pub async fn end(mut self) -> End {
        self.ended.recv().await.unwrap_or(End::Drained)
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        self.inspecting.abort();
    }
}
