//! Who wants the server to end: SIGTERM, SIGINT (Ctrl-C), SIGHUP, or the operator at the prompt.
//!
//! The first wish drains, a second one cuts. Wishes go through one short queue to the thread that ends the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tokio::signal::unix::{SignalKind, signal};

/// Two wishes are all that is ever acted upon; some more may come before the first is taken.
const WISHES_MAX: usize = 4;

/// Who wants it to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// Ctrl-C, or SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP: the terminal went away.
    Hangup,
    /// `shutdown` at the prompt.
    Console,
}

impl Asker {
    /// As the event log names it.
    pub fn name(self) -> &'static str {
        match self {
            Asker::Interrupt => "SIGINT",
            Asker::Terminate => "SIGTERM",
            Asker::Hangup => "SIGHUP",
            Asker::Console => "console",
        }
    }

    /// How a process ends that was cut by this one: 130 when it was interrupted, as shells count it, else 1.
    pub fn exit_code_of_cut(self) -> u8 {
        if self == Asker::Interrupt { 130 } else { 1 }
    }
}

/// A wish that the server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Whose.
    pub by: Asker,
    /// At once, without waiting for the clients.
    pub now: bool,
}

/// Where wishes are told. Cheap to clone.
#[derive(Clone)]
pub struct Wishes {
    queue: SyncSender<Wish>,
    /// Set while a SIGINT of our own wakes the prompt; it is nobody's wish.
    waking: Arc<AtomicBool>,
}

impl Wishes {
    /// The place where wishes are told, and where they are read.
    pub fn new() -> (Wishes, Receiver<Wish>) {
        let (queue, wishes) = sync_channel(WISHES_MAX);
        (Wishes { queue, waking: Arc::default() }, wishes)
    }

    /// Tells a wish. When the queue is full, enough wishes are there already.
    pub fn tell(&self, wish: Wish) {
        let _ = self.queue.try_send(wish);
    }

    /// SIGINT means nothing while this is set.
    pub fn set_waking(&self, waking: bool) {
        self.waking.store(waking, Ordering::SeqCst);
    }

    /// Turns signals into wishes from now on. `false` when the system does not let us hear them.
    pub fn listen(&self) -> bool {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else {
            return false;
        };
        let wishes = self.clone();
        let (told, ready) = sync_channel(1);
        let hears = std::thread::Builder::new().name("throng-signals".to_owned()).spawn(move || {
            runtime.block_on(wishes.hear(&told));
        });
        // From here on no signal is missed: the handlers stand when the thread says so.
        hears.is_ok() && ready.recv().is_ok()
    }

    async fn hear(&self, ready: &SyncSender<()>) {
        let heard = |kind| signal(kind).expect("these signals may be listened for (signal(7))");
        let mut terminate = heard(SignalKind::terminate());
        let mut interrupt = heard(SignalKind::interrupt());
        let mut hangup = heard(SignalKind::hangup());
        let _ = ready.send(());
        loop {
            let by = tokio::select! {
                _ = terminate.recv() => Asker::Terminate,
                _ = interrupt.recv() => Asker::Interrupt,
                _ = hangup.recv() => Asker::Hangup,
            };
            if by == Asker::Interrupt && self.waking.load(Ordering::SeqCst) {
                continue;
            }
            self.tell(Wish { by, now: false });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_wishes_than_fit_are_not_waited_for() {
        let (wishes, told) = Wishes::new();
        for _ in 0..2 * WISHES_MAX {
            wishes.tell(Wish { by: Asker::Terminate, now: false });
        }
        assert_eq!(told.try_iter().count(), WISHES_MAX);
    }

    #[test]
    fn only_an_interrupt_ends_as_shells_count_it() {
        for (given, expected) in
            [(Asker::Interrupt, 130), (Asker::Terminate, 1), (Asker::Hangup, 1), (Asker::Console, 1)]
        {
            assert_eq!(given.exit_code_of_cut(), expected, "{given:?}");
        }
    }
}
