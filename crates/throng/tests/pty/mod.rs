//! A pseudo-terminal with a program in it, and what a person sees on its screen.

#![allow(clippy::unwrap_used, dead_code)]

use std::io::{Read, Write};
use std::num::NonZero;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// No answer takes this long; a test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Large enough that nothing scrolls away in a test.
const ROWS: NonZero<u16> = NonZero::new(80).unwrap();
const COLUMNS: NonZero<u16> = NonZero::new(120).unwrap();

/// A terminal. The program in it is killed by its own pid when the test ends.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    _master: Box<dyn MasterPty + Send>,
}

struct Seen {
    screen: vt100::Parser,
    /// Also what has left the screen.
    printed: Vec<u8>,
    over: bool,
}

impl Terminal {
    /// Starts a program.
    pub fn run(program: &str, arguments: &[&str]) -> Terminal {
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.env("TERM", "xterm-256color");
        Terminal::run_command(command)
    }

    /// Starts a program with an environment of its own.
    pub fn run_command(command: CommandBuilder) -> Terminal {
        Terminal::run_columns(command, COLUMNS)
    }

    /// The same, with so many columns.
    pub fn run_columns(command: CommandBuilder, columns: NonZero<u16>) -> Terminal {
        let size = PtySize { rows: ROWS.get(), cols: columns.get(), pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let seen = Arc::new((
            Mutex::new(Seen {
                screen: vt100::Parser::new(ROWS, columns, 0),
                printed: Vec::new(),
                over: false,
            }),
            Condvar::new(),
        ));
        let mut reader = pair.master.try_clone_reader().unwrap();
        let watched = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            loop {
                // The end of a terminal is an error on Linux (EIO) and an empty read elsewhere.
                let read = reader.read(&mut bytes).unwrap_or(0);
                let mut seen = watched.0.lock().unwrap();
                seen.screen.process(&bytes[..read]);
                seen.printed.extend_from_slice(&bytes[..read]);
                seen.over = read == 0;
                watched.1.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        let keyboard = pair.master.take_writer().unwrap();
        Terminal { child, keyboard, seen, _master: pair.master }
    }

    /// Types.
    pub fn type_text(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Waits until these words are on the screen, and gives all that is there.
    pub fn wait_for(&self, words: &str) -> String {
        self.wait_until(words, |screen| screen.contains(words))
    }

    /// Waits until the screen is so.
    pub fn wait_until(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let mut seen = self.seen.0.lock().unwrap();
        loop {
            let screen = shown(&seen.screen);
            if is_so(&screen) {
                return screen;
            }
            assert!(!seen.over, "the program ended before {what:?}:\n{screen}");
            let (woken, waited) = self.seen.1.wait_timeout(seen, PATIENCE).unwrap();
            assert!(!waited.timed_out(), "{what:?} did not come:\n{screen}");
            seen = woken;
        }
    }

    /// Waits until all that was ever printed is so.
    pub fn wait_until_printed(&self, what: &str, is_so: impl Fn(&str) -> bool) {
        let mut seen = self.seen.0.lock().unwrap();
        while !is_so(&String::from_utf8_lossy(&seen.printed)) {
            assert!(!seen.over, "the program ended before {what:?}:\n{}", shown(&seen.screen));
            let (woken, waited) = self.seen.1.wait_timeout(seen, PATIENCE).unwrap();
            assert!(!waited.timed_out(), "{what:?} did not come:\n{}", shown(&woken.screen));
            seen = woken;
        }
    }

    /// Waits until the program ended: its exit code, and what is on the screen then.
    pub fn wait_for_end(&mut self) -> (u32, String) {
        let mut seen = self.seen.0.lock().unwrap();
        while !seen.over {
            let (woken, waited) = self.seen.1.wait_timeout(seen, PATIENCE).unwrap();
            assert!(!waited.timed_out(), "the program did not end:\n{}", shown(&woken.screen));
            seen = woken;
        }
        let screen = shown(&seen.screen);
        drop(seen);
        (self.child.wait().unwrap().exit_code(), screen)
    }

    /// Every byte that was ever printed.
    pub fn printed(&self) -> Vec<u8> {
        self.seen.0.lock().unwrap().printed.clone()
    }

    /// Is anything on the screen in a colour of its own?
    pub fn has_colour(&self) -> bool {
        let seen = self.seen.0.lock().unwrap();
        let (rows, columns) = seen.screen.screen().size();
        (0..rows.get()).any(|row| {
            let cells = (0..columns.get()).filter_map(|column| seen.screen.screen().cell(row, column));
            cells.into_iter().any(|cell| cell.fgcolor() != vt100::Color::Default)
        })
    }

    /// The program's pid.
    pub fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of the screen without the spaces behind them.
fn shown(screen: &vt100::Parser) -> String {
    let contents = screen.screen().contents();
    contents.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// Sends a signal to a process, by its own pid.
pub fn send_signal(signal: &str, pid: u32) {
    let sent = std::process::Command::new("kill").args([signal, &pid.to_string()]).status().unwrap();
    assert!(sent.success());
}
