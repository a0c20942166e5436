//! Lines above what is being typed: the line editor's own printer, and a gate that keeps lines back while it has no line.
//!
//! The server's prompt and `throng connect` print so. Whoever reads with the editor sets the gate.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use rustyline::ExternalPrinter;

use crate::screen::Printer;

/// Up by one row, then down by one: what the editor prints for it changes nothing on the terminal.
const NOTHING: &str = "\x1b[A\n";

/// May lines be printed through the editor at this moment?
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The editor shows its line.
    Up,
    /// Between two lines; it will be up in a moment.
    Down,
    /// It will never be up again.
    Gone,
}

/// Keeps lines back while the editor is between two of its own: the editor's printer would write them to the
/// terminal at once then, and might tear the new prompt. Set by the prompt's thread, waited for by the screen's.
pub struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

impl Default for Gate {
    fn default() -> Gate {
        Gate { state: Mutex::new(State::Down), changed: Condvar::new() }
    }
}

impl Gate {
    /// As it is from now on.
    pub fn set(&self, state: State) {
        let mut now = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if *now != state {
            *now = state;
            self.changed.notify_all();
        }
    }

    /// Does the editor show its line now?
    pub fn is_up(&self) -> bool {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) == State::Up
    }

    /// `false` when it will not be up any more.
    fn wait(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while *state == State::Down {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        *state == State::Up
    }
}

/// Prints above what is being typed.
pub struct Above<P> {
    printer: P,
    gate: Arc<Gate>,
}

impl<P> Above<P> {
    /// Prints through the editor's printer, when the gate is open.
    pub fn new(printer: P, gate: Arc<Gate>) -> Above<P> {
        Above { printer, gate }
    }
}

impl<P: ExternalPrinter + Send> Printer for Above<P> {
    fn print(&mut self, lines: &str) -> bool {
        // The editor takes one message at a time and drops the last one when it ends; `settle` sees to that.
        self.gate.wait() && self.printer.print(format!("{lines}\n")).is_ok()
    }

    fn settle(&mut self) {
        // There is one place between printer and editor: when this is in it, the one before has been taken.
        if self.gate.wait() {
            let _ = self.printer.print(NOTHING.to_owned());
        }
    }
}
