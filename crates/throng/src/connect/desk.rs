//! The terminal of a conversation: a line editor, and above it what comes. One thread reads what is typed, another one shows
//! what comes and waits for the terminal; the conversation itself waits for neither.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use rustix::process::Signal;
use rustix::termios::OptionalActions;
use rustyline::error::ReadlineError;
use rustyline::history::{History as _, MemHistory};
use rustyline::{Config, Editor};
use throng_client::connect::talk::{Desk, Typed};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::sync::mpsc::{self, channel};

use super::history::{History, LINES_MAX};
use super::summons::Summons;
use crate::above::{Above, Gate, State};
use crate::console::terminal::{self, Terminal};
use crate::ear::{self, Ear, Modes};
use crate::screen::{self, Printer};

const PROMPT: &str = "> ";

/// Up to the row that the editor left, and away with what stands there.
const UNDO_ROW: &str = "\x1b[A\r\x1b[K";

/// So many typed lines may wait for the server, as when a text is pasted. What is typed beyond is refused in words.
const TYPED_MAX: usize = 4096;

/// So many pieces may wait for the terminal; then the server waits.
const SHOWN_MAX: usize = 4;

/// How long the last lines may take to appear when it ends: a terminal may be stopped.
const SETTLE_MAX: Duration = Duration::from_secs(2);

/// The terminal, seen from who ends the conversation.
pub struct Front {
    summons: Summons,
    closing: Arc<AtomicBool>,
    reader_ended: Receiver<()>,
    printer_ended: Receiver<()>,
}

impl Front {
    /// Brings the prompt up. Called inside the runtime, which hears the signals.
    pub fn open(history: History, terminal: &Terminal) -> Result<(Front, Desk), String> {
        let why = |why: ReadlineError| why.to_string();
        let config =
            Config::builder().max_history_size(LINES_MAX).map_err(why)?.history_ignore_space(true).build();
        let mut memory = MemHistory::with_config(&config);
        for line in &history.lines {
            memory.add(line).map_err(why)?;
        }
        let mut editor: Editor<Ear, MemHistory> = Editor::with_history(config, memory).map_err(why)?;
        let gate = Arc::new(Gate::default());
        let above = Above::new(editor.create_external_printer().map_err(why)?, Arc::clone(&gate));
        // Nobody knows what the other side wants to hear.
        let ear = Ear::new(Arc::clone(&gate), |_| (0, Vec::new()));
        let (blank, modes, hidden) = (ear.blank(), ear.modes(), ear.hidden());
        editor.set_helper(Some(ear));

        let (closing, interrupted) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
        let (typing, typed) = channel(TYPED_MAX);
        let (shown, coming) = channel(SHOWN_MAX);
        let summons = Summons::hear(&interrupted, &closing).map_err(|why| why.to_string())?;
        come_back(shown.downgrade(), Arc::clone(&gate), modes).map_err(|why| why.to_string())?;
        // From here on no signal ends us with the terminal as it must not be left.
        terminal.quiet();
        let reader = Reader {
            editor,
            history,
            typing,
            notes: shown.downgrade(),
            interrupted: Arc::clone(&interrupted),
            gate,
            blank,
            hidden: Arc::clone(&hidden),
            closing: Arc::clone(&closing),
            ending: false,
        };
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let ((printer_ends, printer_ended), (reader_ends, reader_ended)) = (sync_channel(0), sync_channel(0));
        let printing = move || print(above, coming, &printer_ends);
        thread("throng-shown").spawn(printing).map_err(|why| why.to_string())?;
        thread("throng-typed")
            .spawn(move || reader.read_until_closed(&reader_ends))
            .map_err(|why| why.to_string())?;
        Ok((
            Front { summons, closing, reader_ended, printer_ended },
            Desk { typed, shown, hidden, interrupted },
        ))
    }

    /// Takes the prompt away when all that came is shown, and leaves the terminal as it was. Gives who asked for that from
    /// outside.
    pub fn close(self, desk: Desk, terminal: &Terminal) -> Summons {
        // Without a sender the queue has an end, and the thread that shows ends behind it.
        drop(desk.shown);
        let _ = self.printer_ended.recv_timeout(SETTLE_MAX);
        self.closing.store(true, Ordering::SeqCst);
        ear::wake_until_over(&self.reader_ended);
        terminal.restore();
        self.summons
    }
}

/// After Ctrl-Z and `fg` the terminal is the editor's again. It does that itself when it goes on, but it goes on too soon: the
/// signal that stops us all may reach another thread first, and then a shell that keeps its own modes has the last word.
fn come_back(notes: mpsc::WeakSender<String>, gate: Arc<Gate>, modes: Modes) -> std::io::Result<()> {
    let mut continued = signal(SignalKind::from_raw(Signal::CONT.as_raw()))?;
    tokio::spawn(async move {
        while continued.recv().await.is_some() {
            let Some(notes) = notes.upgrade() else { return };
            if let Some(modes) = modes.get().filter(|_| gate.is_up() && terminal::is_ours()) {
                // A terminal that is gone is found out by the read.
                let _ = rustix::termios::tcsetattr(std::io::stdin(), OptionalActions::Now, modes);
                // With it the editor draws its line anew.
                let _ = notes.try_send("(back)".to_owned());
            }
        }
    });
    Ok(())
}

/// Shows what comes until nobody has anything to show.
fn print(mut above: impl Printer, mut coming: mpsc::Receiver<String>, _ended_when_dropped: &SyncSender<()>) {
    while let Some(lines) = coming.blocking_recv() {
        if !above.print(&lines) {
            screen::tell_stdout(&lines);
        }
    }
    above.settle();
}

/// The thread that reads.
struct Reader {
    editor: Editor<Ear, MemHistory>,
    history: History,
    typing: mpsc::Sender<Typed>,
    /// For words of our own. It does not keep the queue open.
    notes: mpsc::WeakSender<String>,
    interrupted: Arc<Notify>,
    gate: Arc<Gate>,
    /// Is nothing typed? Written by the ear.
    blank: Arc<AtomicBool>,
    /// Must what is typed not be seen? Written by the conversation.
    hidden: Arc<AtomicBool>,
    closing: Arc<AtomicBool>,
    /// The end was typed: no new prompt is shown, while Ctrl-C is still heard.
    ending: bool,
}

impl Reader {
    fn read_until_closed(mut self, _ended_when_dropped: &SyncSender<()>) {
        loop {
            let line = self.editor.readline(if self.ending { "" } else { PROMPT });
            self.gate.set(State::Down);
            if self.closing.load(Ordering::SeqCst) {
                self.leave_nothing_behind();
                break;
            }
            match line {
                Ok(line) => self.take(line),
                // The end of a line that hung up would be read again and again.
                Err(ReadlineError::Eof) if terminal::is_ours() => {
                    self.ending = true;
                    self.tell(Typed::Finish);
                }
                Err(why) => {
                    self.ending = true;
                    self.interrupted.notify_one();
                    if !matches!(why, ReadlineError::Interrupted | ReadlineError::Signal(_)) {
                        break;
                    }
                }
            }
        }
        // The printer's next line finds nobody and goes to standard output.
        self.gate.set(State::Gone);
    }

    /// A prompt at which nothing was typed is no part of what was said.
    fn leave_nothing_behind(&self) {
        if self.blank.load(Ordering::SeqCst) && terminal::is_ours() {
            let mut terminal = std::io::stdout().lock();
            // A terminal that went away shows nothing anyway.
            let _ = terminal.write_all(UNDO_ROW.as_bytes()).and_then(|()| terminal.flush());
        }
    }

    fn take(&mut self, line: String) {
        if !self.hidden.load(Ordering::SeqCst) {
            // A history without this line is no reason to lose the line.
            let _ = self.editor.add_history_entry(&line);
            self.history.keep(&line);
        }
        self.tell(Typed::Line(line));
    }

    /// Never waits: who waits here could not press Ctrl-C.
    fn tell(&self, typed: Typed) {
        if self.typing.try_send(typed).is_err()
            && let Some(notes) = self.notes.upgrade()
        {
            let _ = notes
                .try_send("(not sent: the server takes nothing, and enough waits for it already)".to_owned());
        }
    }
}
