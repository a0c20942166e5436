//! What the line editor asks while somebody types: completions. By its asking we know when it is up, which the gate of the
//! lines above it must know. And how it is woken when it must go.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::Termios;
use rustyline::completion::Completer;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper};

use crate::above::{Gate, State};

/// How often, and how long apart, the editor is woken when it must go.
const WAKES_MAX: usize = 40;
const WAKE_AGAIN: Duration = Duration::from_millis(50);

/// What completes a line: where the word begins, and what it may become.
type Complete = Box<dyn Fn(&str) -> (usize, Vec<String>) + Send>;

/// Whom the editor asks.
pub struct Ear {
    complete: Complete,
    gate: Arc<Gate>,
    blank: Arc<AtomicBool>,
    hidden: Arc<AtomicBool>,
    modes: Modes,
}

/// How the editor has the terminal while it is up, from when it first was. Written by the editor's thread.
pub type Modes = Arc<OnceLock<Termios>>;

impl Ear {
    /// Sets this gate, and completes what stands before the cursor.
    pub fn new(gate: Arc<Gate>, complete: impl Fn(&str) -> (usize, Vec<String>) + Send + 'static) -> Ear {
        Ear {
            complete: Box::new(complete),
            gate,
            blank: Arc::default(),
            hidden: Arc::default(),
            modes: Modes::default(),
        }
    }

    /// The terminal as the editor wants it.
    pub fn modes(&self) -> Modes {
        Arc::clone(&self.modes)
    }

    /// Is nothing typed in the line that the editor shows, or showed last?
    pub fn blank(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.blank)
    }
}

impl Ear {
    /// While this is set, what is typed is not shown.
    pub fn hidden(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.hidden)
    }

    fn hides(&self) -> bool {
        self.hidden.load(Ordering::SeqCst)
    }
}

impl Helper for Ear {}

impl Completer for Ear {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok((self.complete)(line.get(..position).unwrap_or("")))
    }
}

impl Hinter for Ear {
    type Hint = String;

    /// Asked before the editor shows its line as it is now, when the terminal is its own already.
    fn hint(&self, line: &str, _: usize, _: &Context<'_>) -> Option<String> {
        self.blank.store(line.is_empty(), Ordering::SeqCst);
        if self.modes.get().is_none()
            && let Ok(now) = rustix::termios::tcgetattr(std::io::stdin())
        {
            let _ = self.modes.set(now);
        }
        self.gate.set(State::Up);
        None
    }
}

impl Highlighter for Ear {
    /// What must not be seen stands there as blanks, so that the cursor goes where it would.
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        if self.hides() { Cow::Owned(" ".repeat(line.chars().count())) } else { Cow::Borrowed(line) }
    }

    /// A letter that is put at the end is shown by itself, unless the whole line has to be drawn anew.
    fn highlight_char(&self, _: &str, _: usize, _: CmdKind) -> bool {
        self.hides()
    }
}

impl Validator for Ear {
    /// Asked when Enter is typed, while the terminal is still the editor's.
    fn validate(&self, _: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        self.gate.set(State::Down);
        Ok(ValidationResult::Valid(None))
    }
}

/// Wakes the editor until the thread that reads with it has ended. It waits in select(2) and hears nothing but the terminal
/// and SIGINT, so it gets one; it may just be between two lines, and hear the next one only.
pub fn wake_until_over(ended: &Receiver<()>) {
    for _ in 0..WAKES_MAX {
        // A process may always send a signal to itself.
        let _ = kill_process(getpid(), Signal::INT);
        if ended.recv_timeout(WAKE_AGAIN) == Err(RecvTimeoutError::Disconnected) {
            return;
        }
    }
}
