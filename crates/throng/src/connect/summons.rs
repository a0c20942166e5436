//! A signal that asks for the end of a conversation in a terminal. The default, to die at once, would leave the terminal as the
//! line editor has it; so it is heard, everything is put back, and only then the process dies of it, as it would have.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

/// The first signal that came, if one did. Written by the task that hears them, read when all is over.
#[derive(Clone, Debug, Default)]
pub struct Summons(Arc<OnceLock<SignalKind>>);

impl Summons {
    /// Turns signals into an interruption from now on, except while it is closing: our own SIGINT, which wakes the editor, is
    /// nobody's wish. Called inside the runtime.
    pub fn hear(interrupted: &Arc<Notify>, closing: &Arc<AtomicBool>) -> std::io::Result<Summons> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let summons = Summons::default();
        let (came, interrupted, closing) = (summons.clone(), Arc::clone(interrupted), Arc::clone(closing));
        tokio::spawn(async move {
            loop {
                let of = tokio::select! {
                    _ = interrupt.recv() => None,
                    _ = terminate.recv() => Some(SignalKind::terminate()),
                    _ = hangup.recv() => Some(SignalKind::hangup()),
                };
                if closing.load(Ordering::SeqCst) {
                    continue;
                }
                // SIGINT and Ctrl-C are one to the editor, which may tell first: both are an exit code of ours.
                if let Some(of) = of {
                    // Only the first is what it dies of.
                    let _ = came.0.set(of);
                }
                interrupted.notify_one();
            }
        });
        Ok(summons)
    }

    /// Its name, as it is told.
    pub fn name(&self) -> Option<&'static str> {
        self.0.get().map(|of| if *of == SignalKind::hangup() { "SIGHUP" } else { "SIGTERM" })
    }

    /// Dies of it, if one came. Whoever started us is told so by the kernel: 143 and 129 to a shell.
    pub fn obey(&self) {
        if let Some(of) = self.0.get() {
            // It comes back only where the kernel knows no such signal.
            let _ = signal_hook::low_level::emulate_default_handler(of.as_raw_value());
        }
    }
}
