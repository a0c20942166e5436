//! Standard error while a scan goes on: the bar, and lines above it. It is the only one who writes to the terminal's last line,
//! and takes the bar away before anybody else writes to the same terminal.

use std::io::{IsTerminal, Write};

use throng_scan::event::Progress;
use throng_scan::output::record::Record;

use super::asked::HowFar;
use super::bar;
use crate::screen;

/// Back to the first column, and nothing behind it (ECMA-48, EL).
pub const WIPE: &str = "\r\x1b[K";

/// How wide a terminal is that does not say so.
const COLUMNS: u16 = 80;

/// Columns behind the bar that stay free: the terminal shows what is typed there, such as `^C` twice, and a line that was broken
/// could not be wiped.
const COLUMNS_FREE: usize = 5;

/// The bar and what is above it.
pub struct Board {
    how: How,
    colour: bool,
    /// Do results go to a terminal as well?
    shares_terminal: bool,
    is_drawn: bool,
    /// What was told last, and whether the bar shows it.
    latest: Option<(Progress, bool)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Nothing,
    Bar,
    Json,
}

impl Board {
    /// As it is asked for, and as this terminal can do it.
    pub fn new(asked: HowFar) -> Board {
        let can_wipe = std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
        let how = match asked {
            HowFar::Auto if std::io::stderr().is_terminal() && can_wipe => How::Bar,
            HowFar::Json => How::Json,
            HowFar::Auto | HowFar::Never => How::Nothing,
        };
        Board {
            how,
            // no-color.org: any text in it means no.
            colour: std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty()),
            shares_terminal: std::io::stdout().is_terminal(),
            is_drawn: false,
            latest: None,
        }
    }

    /// Is there a bar that a sudden end would leave behind?
    pub fn has_bar(&self) -> bool {
        self.how == How::Bar
    }

    /// How far it is now.
    pub fn progress(&mut self, progress: Progress) {
        match self.how {
            How::Json => {
                let mut line = Vec::new();
                // Writing to memory cannot fail, and nobody could be told that standard error is closed.
                let _ = Record::progress(&progress).write(&mut line);
                let _ = std::io::stderr().lock().write_all(&line);
            }
            How::Bar => self.latest = Some((progress, false)),
            How::Nothing => {}
        }
    }

    /// Draws the bar, if it is not there as it should be.
    pub fn draw(&mut self) {
        let Some((progress, is_shown)) = &mut self.latest else { return };
        if *is_shown && self.is_drawn {
            return;
        }
        *is_shown = true;
        self.is_drawn = true;
        let line = bar::line(progress, columns(), self.colour);
        // A terminal that went away needs no bar.
        let _ = std::io::stderr().lock().write_all(format!("{WIPE}{line}").as_bytes());
    }

    /// Results come to standard output.
    pub fn make_room(&mut self) {
        if self.shares_terminal {
            self.wipe();
        }
    }

    /// Takes the bar away.
    pub fn wipe(&mut self) {
        if std::mem::take(&mut self.is_drawn) {
            let _ = std::io::stderr().lock().write_all(WIPE.as_bytes());
        }
    }

    /// Says a line above the bar.
    pub fn say(&mut self, line: &str) {
        self.wipe();
        screen::tell_stderr(line);
    }
}

/// How many columns a line may have.
fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stderr());
    let columns = size.map_or(COLUMNS, |size| if size.ws_col == 0 { COLUMNS } else { size.ws_col });
    usize::from(columns).saturating_sub(COLUMNS_FREE)
}
