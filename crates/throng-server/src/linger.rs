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
    // Of a peer that has ended there is nothing to hear out; but what a layer has still to say must be taken by the socket.
    let needless = is_over(&open) || (open.ticket.has(PEER_ENDED) && stream.bid_farewell());
    match (!needless).then(|| OneMore::take(&open.ticket.shared)).flatten() {
        Some(one_more) => linger(one_more, open, end_politely(stream)),
        None => {
            if !open.ticket.has(CUT) {
                stream.bid_farewell();
            }
            // The socket first: a place is free when its descriptor is.
            drop(stream);
            drop(open);
        }
    }
}

/// The same, behind the last bytes of a layer that blocking code had upon the socket.
pub(crate) fn close_behind(last: &[u8], wire: Wire, open: Arc<Open>) {
    let sent = match wire.try_write(last) {
        Ok(sent) => sent,
        Err(why) if why.kind() == ErrorKind::WouldBlock => 0,
        // The connection is over already.
        Err(_) => last.len(),
    };
    let rest = last[sent..].to_vec();
    if rest.is_empty() {
        return close(Stream::Plain(wire), open);
    }
    let one_more = (!is_over(&open)).then(|| OneMore::take(&open.ticket.shared)).flatten();
    if let Some(one_more) = one_more {
        linger(one_more, open, async move {
            if write(&wire, &rest).await.is_ok() {
                end_politely(Stream::Plain(wire)).await;
            }
        });
    }
}

/// Nobody waits for whoever was cut, or ended abruptly.
fn is_over(open: &Open) -> bool {
    open.ticket.has(CUT) || open.ticket.end().is_some_and(|end| end.is_abrupt())
}

/// Says goodbye for as long as there is patience.
fn linger(one_more: OneMore, open: Arc<Open>, goodbye: impl Future<Output = ()> + Send + 'static) {
    let polite = async move {
        let _one_more = one_more;
        tokio::select! {
            () = open.ticket.until_cut() => {}
            // An error means that the connection is over already; so does the end of the patience.
            _ = tokio::time::timeout(LINGER_MAX, goodbye) => {}
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

/// Writes all of it.
async fn write(wire: &Wire, mut rest: &[u8]) -> io::Result<()> {
    while !rest.is_empty() {
        poll_fn(|cx| wire.poll_write_ready(cx)).await?;
        match wire.try_write(rest) {
            Ok(written) => rest = &rest[written..],
            Err(why) if why.kind() == ErrorKind::WouldBlock => {}
            Err(why) => return Err(why),
        }
    }
    Ok(())
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
