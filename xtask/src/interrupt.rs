//! Ctrl-C and SIGTERM: every server that a command started is ended first, then the command cleans up after itself.
//!
//! The first signal ends the servers, so whatever waits for one fails at once and its folder is removed on the way out;
//! the second ends this process where it stands.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::process;

/// The exit code of a command that was interrupted, as shells count it.
pub const EXIT_CODE: u8 = 130;

/// Written once, by the thread that waits for signals; read by everybody.
static CAME: AtomicBool = AtomicBool::new(false);

/// Was this command interrupted?
pub fn came() -> bool {
    CAME.load(Ordering::SeqCst)
}

/// Waits for signals from now on, on a thread of its own.
pub fn listen() -> io::Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    std::thread::spawn(move || {
        for _ in signals.forever() {
            if CAME.swap(true, Ordering::SeqCst) {
                std::process::exit(i32::from(EXIT_CODE));
            }
            process::end_all();
        }
    });
    Ok(())
}
