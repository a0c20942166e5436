//! The polite close. A socket that is closed while its peer's bytes lie unread answers with a reset, and a reset takes with
//! it what the peer had not read yet (RFC 9293 §3.10.4, RFC 1122 §4.2.2.13). So our side is shut first, and what still comes
//! is read and dropped, for a bounded time, amount and number of connections.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::ticket::{CUT, Open, PEER_ENDED};
use crate::worker;

/// How long a peer has to notice.
const LINGER_MAX: Duration = Duration::from_secs(2);

/// How much more is read from it.
const DISCARD_BYTES_MAX: usize = 256 << 10;

/// How many connections of a worker linger at once; beyond that they are closed at once.
const LINGERERS_MAX: usize = 1024;

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
            let _ = tokio::time::timeout(LINGER_MAX, discard(&stream)).await;
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

/// Reads until the peer ends, or has sent more than anybody waits for.
pub(crate) async fn discard(stream: &TcpStream) {
    let mut sink = [0; 4096];
    let mut discarded = 0;
    while discarded < DISCARD_BYTES_MAX && stream.readable().await.is_ok() {
        match stream.try_read(&mut sink) {
            Ok(0) => return,
            Ok(read) => discarded += read,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}
