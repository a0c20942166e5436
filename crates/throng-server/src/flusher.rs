//! The flusher: one per worker. It writes each outbox that has something, once per turn.
//!
//! A send over TCP costs the kernel some 4 µs and 0.2 µs per KB, so what makes a busy room cheap is to merge all that one
//! turn has for one reader. The flusher therefore lets the ready tasks go first, looks once or twice whether more came in
//! meanwhile, and where messages come thick for a crowd it waits a moment for more: the writing itself would take several
//! times as long. A quiet room never waits.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::outbox::{Flushed, Link};
use crate::worker::Context;

/// From so many outboxes on it pays to look for more before writing.
const MANY: usize = 64;

/// How often it looks for more, at most, while more comes.
const LOOKS_MAX: usize = 2;

/// So many outboxes are a crowd: to write to them takes longer than the shortest wait.
const CROWD: usize = 256;

/// A crowd that is told so many bytes each is told several messages at once: they come thick.
const THICK_BYTES: u64 = 512;

/// The wait for each outbox that would be written: half of what a write takes. The runtime's timer rounds the sum up to
/// whole milliseconds.
const WAIT_EACH: Duration = Duration::from_nanos(2_500);

/// After a wait that brought nothing, so many turns go without.
const TURNS_WITHOUT: u32 = 3;

/// The outboxes of a worker that have something to write.
#[derive(Default)]
pub(crate) struct Dirty {
    list: RefCell<Vec<Rc<Link>>>,
    /// Counts bytes, so that the flusher sees whether more came.
    bytes: Cell<u64>,
    /// What each of a crowd was told at once lately, in bytes: the most, and less with each turn since.
    lately: Cell<u64>,
    /// Turns that do not wait for more.
    without: Cell<u32>,
    flusher: RefCell<Option<Waker>>,
}

impl Dirty {
    /// Has this outbox written at the end of the turn.
    pub(crate) fn mark(&self, link: &Rc<Link>, bytes: usize) {
        self.bytes.set(self.bytes.get() + bytes as u64);
        if link.dirty.replace(true) {
            return;
        }
        self.list.borrow_mut().push(Rc::clone(link));
        if let Some(flusher) = self.flusher.borrow_mut().take() {
            flusher.wake();
        }
    }
}

impl Dirty {
    /// A crowd is to be told so many bytes each. Is more likely to come within a moment? So it is when this is much less
    /// than it was lately, for the rest is on its way; and now and then where messages come thick, since two halves of what
    /// a busy room says can follow each other for ever without meeting.
    fn is_worth_a_wait(&self, bytes_each: u64) -> bool {
        let lately = self.lately.get();
        self.lately.set(bytes_each.max(lately - lately / 8));
        if bytes_each * 2 < lately {
            return true;
        }
        let without = self.without.get();
        self.without.set(without.saturating_sub(1));
        bytes_each >= THICK_BYTES && without == 0
    }
}

/// Writes for as long as the worker lives.
pub(crate) async fn run(context: Rc<Context>) {
    let dirty = &context.dirty;
    let mut stalled = FuturesUnordered::new();
    let mut turn = Vec::new();
    let mut written = 0;
    loop {
        let writable = poll_fn(|cx| {
            if let Poll::Ready(Some(link)) = stalled.poll_next_unpin(cx) {
                return Poll::Ready(Some(link));
            }
            if !dirty.list.borrow().is_empty() {
                return Poll::Ready(None);
            }
            *dirty.flusher.borrow_mut() = Some(cx.waker().clone());
            Poll::Pending
        });
        if let Some(link) = writable.await {
            stalled.extend(flush(link).map(writable_again));
            continue;
        }
        gather(dirty, written).await;
        written = dirty.bytes.get();
        std::mem::swap(&mut turn, &mut *dirty.list.borrow_mut());
        for link in turn.drain(..) {
            link.dirty.set(false);
            // One that waits for its socket is written when that can take more.
            if !link.stalled.get() {
                stalled.extend(flush(link).map(writable_again));
            }
        }
    }
}

/// Writes once. One that must wait for its socket comes back.
fn flush(link: Rc<Link>) -> Option<Rc<Link>> {
    link.stalled.set(link.flush() == Flushed::Stalled);
    link.stalled.get().then_some(link)
}

/// Lets the ready tasks go first: a yield lasts until what the kernel has ready has been handed out.
async fn gather(dirty: &Dirty, before: u64) {
    tokio::task::yield_now().await;
    for _ in 0..LOOKS_MAX {
        let bytes = dirty.bytes.get();
        if dirty.list.borrow().len() < MANY {
            return;
        }
        tokio::task::yield_now().await;
        if dirty.bytes.get() == bytes {
            break;
        }
    }
    let (count, bytes) = (dirty.list.borrow().len(), dirty.bytes.get());
    if count >= CROWD && dirty.is_worth_a_wait((bytes - before) / count as u64) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        tokio::time::sleep(WAIT_EACH.saturating_mul(count)).await;
        if dirty.bytes.get() == bytes {
            dirty.without.set(TURNS_WITHOUT);
        }
    }
}

async fn writable_again(link: Rc<Link>) -> Rc<Link> {
    poll_fn(|cx| link.socket.poll_writable(cx)).await;
    link
}
