//! The polite close. A socket that is closed while its peer's bytes lie unread answers with a reset, and a reset takes with
//! it what the peer had not read yet (RFC 9293 §3.10.4, RFC 1122 §4.2.2.13). So our side is shut first, and what still comes
//! is read and dropped, for a bounded time, amount and number of connections.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::shared::Shared;
use crate::stream::Stream;
use crate::ticket::{CUT, Open, PEER_ENDED};
use crate::wire::Wire;
use crate::worker;

/// How long a peer has to notice.
const LINGER_MAX: Duration = Duration::from_secs(2);

/// How much more is read from it.
const DISCARD_BYTES_MAX: usize = 256 << 10;

/// How many connections of a server linger at once; beyond that they are closed at once. Each holds its task and its
/// place, no storage, so a whole crowd may leave together.
const LINGERERS_MAX: usize = 16 << 10;

/// Closes a connection; its place is given back when that is done, and its handler is.
pub(crate) fn close(stream: Stream, open: Arc<Open>) {
    let ticket = &open.ticket;
    let end = ticket.end();
    let needless = ticket.has(CUT | PEER_ENDED) || end.is_some_and(|end| end.is_abrupt());
    let one_more = (!needless).then(|| OneMore::take(&ticket.shared)).flatten();
    let Some(one_more) = one_more else {
        if !ticket.has(CUT) {
            stream.bid_farewell();
        }
        // The socket first: a place is free when its descriptor is.
        drop(stream);
        return drop(open);
    };
    let polite = async move {
        let _one_more = one_more;
        tokio::select! {
            () = open.ticket.until_cut() => {}
            // An error means that the connection is over already; so does the end of the patience.
            _ = tokio::time::timeout(LINGER_MAX, end_politely(stream)) => {}
        }
        drop(open);
    };
    if worker::is_serving() {
        tokio::task::spawn_local(polite);
    } else if let Ok(runtime) = Handle::try_current() {
        // Dropped, and so closed at once, when that runtime is over.
        runtime.spawn(polite);
    }
}

/// Shuts our side, and hears the peer out.
async fn end_politely(stream: Stream) {
    if poll_fn(|cx| stream.poll_shutdown(cx)).await.is_ok()
        && let Some(wire) = stream.into_wire()
    {
        discard(&wire).await;
    }
}

/// One of those who linger.
struct OneMore {
    shared: Arc<Shared>,
}

impl OneMore {
    fn take(shared: &Arc<Shared>) -> Option<OneMore> {
        let took = shared
            .lingerers
            .fetch_update(Relaxed, Relaxed, |lingerers| (lingerers < LINGERERS_MAX).then_some(lingerers + 1));
        took.is_ok().then(|| OneMore { shared: Arc::clone(shared) })
    }
}

impl Drop for OneMore {
    fn drop(&mut self) {
        self.shared.lingerers.fetch_sub(1, Relaxed);
    }
}

/// Reads until the peer ends, or has sent more than anybody waits for.
pub(crate) async fn discard(wire: &Wire) {
    let mut discarded = 0;
    while discarded < DISCARD_BYTES_MAX && wire.readable().await.is_ok() {
        match discard_once(wire) {
            Ok(0) => return,
            Ok(read) => discarded += read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

/// A function of its own, so that nobody holds the storage while waiting.
fn discard_once(wire: &Wire) -> io::Result<usize> {
    wire.try_read(&mut [0; 16 << 10])
}
