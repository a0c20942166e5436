//! What is asked of the server from outside: to end (SIGTERM, SIGINT, which is Ctrl-C, SIGHUP when the terminal went away),
//! to restart (SIGUSR2), to read its configuration again (SIGHUP without a terminal), or any of it by the operator.
//!
//! The first wish to end drains, a second one cuts. All goes through one short queue to the thread that runs the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use throng_server::{Heir, RestartError};
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
    /// SIGHUP: the terminal went away, or there is none and files are to be read again.
    Hangup,
    /// SIGUSR2, by which many servers are asked to start a new program in their place.
    User2,
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
            Asker::User2 => "SIGUSR2",
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

/// What is asked of the server.
#[derive(Debug)]
pub enum Asked {
    /// To end.
    End(Wish),
    /// To let a new process take its place.
    Restart(Asker),
    /// To read its files again.
    Reload(Asker),
    /// That new process is warm, or cannot serve. Nobody asked for this; it is what became of a restart.
    Heir(Result<Heir, RestartError>),
}

/// Where wishes are told. Cheap to clone.
#[derive(Clone)]
pub struct Wishes {
    queue: SyncSender<Asked>,
    /// Set while a SIGINT of our own wakes the prompt; it is nobody's wish.
    waking: Arc<AtomicBool>,
}

impl Wishes {
    /// The place where wishes are told, and where they are read.
    pub fn new() -> (Wishes, Receiver<Asked>) {
        let (queue, wishes) = sync_channel(WISHES_MAX);
        (Wishes { queue, waking: Arc::default() }, wishes)
    }

    /// Tells a wish. When the queue is full, enough wishes are there already.
    pub fn tell(&self, asked: Asked) {
        let _ = self.queue.try_send(asked);
    }

    /// Tells what became of a restart, which must be heard: waits for a place in the queue.
    pub fn tell_heir(&self, heir: Result<Heir, RestartError>) {
        // Where nobody reads any more the heir is ended, as it should be.
        let _ = self.queue.send(Asked::Heir(heir));
    }

    /// SIGINT means nothing while this is set.
    pub fn set_waking(&self, waking: bool) {
        self.waking.store(waking, Ordering::SeqCst);
    }

    /// Turns signals into wishes from now on. `false` when the system does not let us hear them. A hang-up is a wish to end
    /// when there is a terminal that can go away.
    pub fn listen(&self, has_terminal: bool) -> bool {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else {
            return false;
        };
        let wishes = self.clone();
        let (told, ready) = sync_channel(1);
        let hears = std::thread::Builder::new().name("throng-signals".to_owned()).spawn(move || {
            runtime.block_on(wishes.hear(has_terminal, &told));
        });
        // From here on no signal is missed: the handlers stand when the thread says so.
        hears.is_ok() && ready.recv().is_ok()
    }

    async fn hear(&self, has_terminal: bool, ready: &SyncSender<()>) {
        let heard = |kind| signal(kind).expect("these signals may be listened for (signal(7))");
        let mut terminate = heard(SignalKind::terminate());
        let mut interrupt = heard(SignalKind::interrupt());
        let mut hangup = heard(SignalKind::hangup());
        let mut user2 = heard(SignalKind::user_defined2());
        let _ = ready.send(());
        let end = |by| Asked::End(Wish { by, now: false });
        loop {
            let asked = tokio::select! {
                _ = terminate.recv() => end(Asker::Terminate),
                _ = interrupt.recv() => end(Asker::Interrupt),
                _ = hangup.recv() => match has_terminal {
                    true => end(Asker::Hangup),
                    false => Asked::Reload(Asker::Hangup),
                },
                _ = user2.recv() => Asked::Restart(Asker::User2),
            };
            let is_waking = matches!(asked, Asked::End(Wish { by: Asker::Interrupt, .. }))
                && self.waking.load(Ordering::SeqCst);
            if !is_waking {
                self.tell(asked);
            }
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
            wishes.tell(Asked::End(Wish { by: Asker::Terminate, now: false }));
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
