//! The terminal that the server was started from: may it be read, and how it looked before we touched it.

use std::io::Write;
use std::os::fd::AsFd;

use rustix::termios::{OptionalActions, Termios};

/// What a terminal is told to stop wrapping pasted text into marks (xterm's control sequences, 2004).
const BRACKETED_PASTE_OFF: &str = "\x1b[?2004l";

/// A terminal for both reading and writing, with this process in its foreground.
#[derive(Clone)]
pub struct Terminal {
    before: Termios,
}

impl Terminal {
    /// The terminal, if there is one that we may use: standard input and output are terminals, and we are the
    /// foreground group. Who reads a terminal from the background is stopped (SIGTTIN, termios(3)).
    pub fn find() -> Option<Terminal> {
        if !rustix::termios::isatty(std::io::stdout()) || !is_ours() {
            return None;
        }
        rustix::termios::tcgetattr(std::io::stdin()).ok().map(|before| Terminal { before })
    }

    /// As it was before. Only for ways out on which the line editor does not do that itself.
    pub fn restore(&self) {
        if is_ours() {
            // A terminal that is gone needs no restoring.
            let _ = std::io::stdout().lock().write_all(BRACKETED_PASTE_OFF.as_bytes());
            let _ = std::io::stdout().lock().flush();
            let _ = rustix::termios::tcsetattr(std::io::stdin(), OptionalActions::Now, &self.before);
        }
    }
}

/// Is standard input a terminal with us in its foreground? `false` too when it hung up.
pub fn is_ours() -> bool {
    let input = std::io::stdin();
    rustix::termios::tcgetpgrp(input.as_fd()).is_ok_and(|group| group == rustix::process::getpgrp())
}
