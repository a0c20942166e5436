//! The terminal that the server was started from: may it be read, and how it looked before we touched it.

use std::io::Write;
use std::os::fd::AsFd;

use rustix::termios::{InputModes, LocalModes, OptionalActions, Termios};

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

    /// What is typed between two lines of the editor, when the terminal is not the editor's, is neither shown nor edited by
    /// the kernel: it waits for the editor as it is. `restore` undoes it.
    pub fn quiet(&self) {
        let mut quiet = self.before.clone();
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::IEXTEN);
        quiet.input_modes.remove(InputModes::ICRNL);
        // Without it some letters may be shown twice; nothing worse.
        let _ = rustix::termios::tcsetattr(std::io::stdin(), OptionalActions::Now, &quiet);
    }

    /// A panic anywhere leaves the terminal as it was before, and then says what it has to say.
    pub fn restore_on_panic(self) {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            self.restore();
            usual(info);
        }));
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
