//! The polite close. A socket that is closed while its peer's bytes lie unread answers with a reset, and a reset takes with
//! it what the peer had not read yet (RFC 9293 §3.10.4, RFC 1122 §4.2.2.13). So our side is shut first, and what still comes
//! is read and dropped, for a bounded time, amount and number of connections.

use std::cell::Cell;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::ticket::{CUT, Open, PEER_ENDED, Ticket};
use crate::worker;

/// How long a peer has to notice.
const LINGER_MAX: Duration = Duration::from_secs(2);

/// How much more is read from it.
const DISCARD_BYTES_MAX: usize = 256 << 10;

/// How many connections of a worker linger at once; beyond that they are closed at once. Each holds its task and its
/// place, no storage, so a whole crowd may leave together.
const LINGERERS_MAX: usize = 16 << 10;

thread_local! {
    static LINGERERS: Cell<usize> = const { Cell::new(0) };
}

/// Closes a connection; its place is given back when that is done, and its handler is.
pub(crate) fn close(stream: TcpStream, open: Arc<Open>) {
    let ticket = &open.ticket;
    let end = ticket.end();
    let needless = ticket.has(CUT | PEER_ENDED) || end.is_some_and(|end| end.is_abrupt());
    if needless || !worker::is_serving() || LINGERERS.get() >= LINGERERS_MAX {
        // The socket first: a place is free when its descriptor is.
        drop(stream);
        return drop(open);
    }
    LINGERERS.set(LINGERERS.get() + 1);
    tokio::task::spawn_local(async move {
        let _one_less = OneLess;
        // An error means that the connection is over already; so does the end of the patience.
        if socket2::SockRef::from(&stream).shutdown(std::net::Shutdown::Write).is_ok() {
            tokio::select! {
                () = cut(&open.ticket) => {}
                _ = tokio::time::timeout(LINGER_MAX, discard(&stream)) => {}
            }
        }
        drop(stream);
        drop(open);
    });
}

struct OneLess;

impl Drop for OneLess {
    fn drop(&mut self) {
        LINGERERS.set(LINGERERS.get() - 1);
    }
}

/// Waits until the connection is cut. Its reader is gone, so nobody else waits here.
async fn cut(ticket: &Ticket) {
    poll_fn(|cx| {
        ticket.reader.register(cx.waker());
        if ticket.has(CUT) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Reads until the peer ends, or has sent more than anybody waits for.
pub(crate) async fn discard(stream: &TcpStream) {
    let mut discarded = 0;
    while discarded < DISCARD_BYTES_MAX && stream.readable().await.is_ok() {
        match discard_once(stream) {
            Ok(0) => return,
            Ok(read) => discarded += read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

/// A function of its own, so that nobody holds the storage while waiting.
fn discard_once(stream: &TcpStream) -> io::Result<usize> {
    stream.try_read(&mut [0; 16 << 10])
}
