//! The flusher: one per worker. It writes each outbox that has something, once per turn.
//!
//! A send over TCP costs the kernel some 4 µs and 0.2 µs per KB, so what makes a busy room cheap is to merge all that one
//! turn has for one reader. The flusher therefore lets the ready tasks go first, and where there is much to write it looks
//! once or twice whether more came in meanwhile.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::outbox::{Flushed, Queue};
use crate::worker::Context;

/// From so many outboxes on it pays to look for more before writing.
const MANY: usize = 64;

/// How often it looks for more, at most, while more comes.
const LOOKS_MAX: usize = 2;

/// The outboxes of a worker that have something to write.
#[derive(Default)]
pub(crate) struct Dirty {
    list: RefCell<Vec<Rc<Queue>>>,
    /// Counts pushes, so that the flusher sees whether more came.
    pushes: Cell<u64>,
    flusher: RefCell<Option<Waker>>,
}

impl Dirty {
    /// Has this outbox written at the end of the turn.
    pub(crate) fn mark(&self, queue: &Rc<Queue>) {
        self.pushes.set(self.pushes.get() + 1);
        if queue.dirty.replace(true) {
            return;
        }
        self.list.borrow_mut().push(Rc::clone(queue));
        if let Some(flusher) = self.flusher.borrow_mut().take() {
            flusher.wake();
        }
    }
}

/// Writes for as long as the worker lives.
pub(crate) async fn run(context: Rc<Context>) {
    let dirty = &context.dirty;
    let mut stalled = FuturesUnordered::new();
    let mut turn = Vec::new();
    loop {
        let writable = poll_fn(|cx| {
            if let Poll::Ready(Some(queue)) = stalled.poll_next_unpin(cx) {
                return Poll::Ready(Some(queue));
            }
            if !dirty.list.borrow().is_empty() {
                return Poll::Ready(None);
            }
            *dirty.flusher.borrow_mut() = Some(cx.waker().clone());
            Poll::Pending
        });
        if let Some(queue) = writable.await {
            flush(queue, |queue| stalled.push(writable_again(queue)));
            continue;
        }
        gather(dirty).await;
        std::mem::swap(&mut turn, &mut *dirty.list.borrow_mut());
        for queue in turn.drain(..) {
            queue.dirty.set(false);
            // One that waits for its socket is written when that can take more.
            if !queue.stalled.get() {
                flush(queue, |queue| stalled.push(writable_again(queue)));
            }
        }
    }
}

fn flush(queue: Rc<Queue>, wait: impl FnOnce(Rc<Queue>)) {
    if queue.flush() == Flushed::Stalled {
        queue.stalled.set(true);
        wait(queue);
    }
}

/// Lets the ready tasks go first: a yield lasts until what the kernel has ready has been handed out.
async fn gather(dirty: &Dirty) {
    tokio::task::yield_now().await;
    for _ in 0..LOOKS_MAX {
        let pushes = dirty.pushes.get();
        if dirty.list.borrow().len() < MANY {
            return;
        }
        tokio::task::yield_now().await;
        if dirty.pushes.get() == pushes {
            return;
        }
    }
}

async fn writable_again(queue: Rc<Queue>) -> Rc<Queue> {
    poll_fn(|cx| queue.socket.poll_writable(cx)).await;
    queue
}
