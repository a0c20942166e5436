//! What the one who operates a server is told.

use std::time::Duration;

use crate::peer::{ConnId, Peer};

/// What a pause found; [`crate::Running::pause`] gives it.
///
/// ```
/// # use throng_server::{Conn, Pause, Paused, Server};
/// # fn main() -> throng_server::Result {
/// # let running = Server::new(|_: Conn| async { Ok(()) }).listen("127.0.0.1:0").start()?;
/// let paused = running.pause(Pause::Refuse)?;
/// assert_eq!(paused, Paused { taken: 0, in_flight: 0 }); // nobody is here
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paused {
    /// Clients that were still taken from the kernel's queue; none by [`crate::Pause::Hold`].
    pub taken: usize,
    /// Connections that are served on, closing ones included.
    pub in_flight: usize,
}

/// How a drain went; [`crate::Drain::wait`] and [`crate::Running::until_signal`] give it.
///
/// ```
/// # use std::io::Read;
/// # use throng_server::{Conn, Server};
/// use std::time::Duration;
///
/// /// Deaf to a drain.
/// async fn stay(mut conn: Conn) -> throng_server::Result {
///     conn.protect();
///     conn.write_all(b"!").await?;
///     conn.read_into(&mut conn.buffer()).await?;
///     Ok(())
/// }
/// # fn main() -> throng_server::Result {
/// # let running = Server::new(stay).listen("127.0.0.1:0").start()?;
/// let mut client = std::net::TcpStream::connect(&running.addresses()[0])?;
/// client.read_exact(&mut [0])?;
/// let report = running.drain(Duration::from_millis(50)).wait();
/// assert_eq!((report.finished, report.cut), (0, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Connections that were open when the drain began, and ended in time.
    pub finished: usize,
    /// Connections that were cut at the deadline.
    pub cut: usize,
    /// How long it took, in milliseconds.
    pub lasted: Duration,
}

/// One connection, as it was when it was asked for: [`crate::Running::conns`], [`crate::Handler::finish`].
///
/// ```
/// # use std::io::Read;
/// # use throng_server::{Conn, Server};
/// # async fn hold(mut conn: Conn) -> throng_server::Result {
/// #     conn.write_all(b"hi").await?;
/// #     conn.read_into(&mut conn.buffer()).await?;
/// #     Ok(())
/// # }
/// # fn main() -> throng_server::Result {
/// # let running = Server::new(hold).listen("127.0.0.1:0").start()?;
/// # let mut client = std::net::TcpStream::connect(&running.addresses()[0])?;
/// # client.read_exact(&mut [0; 2])?;
/// # // The client may read before the server has counted.
/// # let mut looks = (0..50_000_000).inspect(|_| std::thread::yield_now());
/// # looks.find(|_| running.conns()[0].bytes_out == 2);
/// for conn in running.conns() {
///     println!("{} {} for {:?}, {} bytes out", conn.id, conn.peer.address, conn.age, conn.bytes_out);
///     assert_eq!((conn.bytes_in, conn.bytes_out), (0, 2));
///     assert!(conn.silent <= conn.age);
/// }
/// # assert_eq!(running.conns().len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ConnInfo {
    /// Its number.
    pub id: ConnId,
    /// Both its ends.
    pub peer: Peer,
    /// Which worker serves it, from 0; by [`crate::Threads`] the number of its thread.
    pub worker: usize,
    /// How old it is, since the accept, in milliseconds.
    pub age: Duration,
    /// How long nothing was heard, in steps of 100 ms: what [`crate::Timeouts::idle`] goes by.
    pub silent: Duration,
    /// Bytes that the peer sent and the handler read.
    pub bytes_in: u64,
    /// Bytes that the kernel took for it, which the peer has not read for certain.
    pub bytes_out: u64,
    /// Bytes that wait in its [`crate::Outbox`] since the kernel takes no more: what its peer is behind. 0 while all is taken,
    /// and where a connection has no outbox; of another process ([`crate::Processes`]) it is not known here. Example:
    /// [`crate::Running::queued`].
    pub queued: usize,
}

/// What waits for peers that do not read, in all outboxes; [`crate::Running::queued`] gives it.
///
/// ```
/// # use throng_server::Queued;
/// assert_eq!(Queued::default(), Queued { conns: 0, bytes: 0, largest: 0 });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queued {
    /// Connections for which something waits.
    pub conns: usize,
    /// Bytes that wait in all.
    pub bytes: usize,
    /// Bytes that wait for the one that is behind most.
    pub largest: usize,
}
