//! The operator's prompt in the server's own terminal.
//!
//! It lives on a thread of its own, so the crowd is served while it waits. It reads lines, hands them to the
//! console, and prints what that answers. Everything that is printed while it is up goes through the editor's
//! printer, above what is being typed; the editor itself is the only other one who writes to the terminal.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{Config, Editor};

use crate::above::{Above, Gate, State};
use crate::console::{Console, terminal};
use crate::ear::{self, Ear};
use crate::screen::Screen;
use crate::signals::{Asked, Asker, Wish, Wishes};

const PROMPT: &str = "throng> ";

/// Lines that the prompt remembers, for the arrow keys.
const HISTORY_MAX: usize = 200;

/// How long lines that were said before may take to appear before the prompt comes up: a terminal may be stopped.
const BANNER_MAX: Duration = Duration::from_secs(2);

/// How long lines that were said before may take to appear when the prompt goes away.
const SETTLE_MAX: Duration = Duration::from_millis(300);

/// The prompt, seen from the thread that ends the server.
pub struct Prompt {
    screen: Arc<Screen>,
    wishes: Wishes,
    closing: Arc<AtomicBool>,
    ended: Receiver<()>,
}

/// Starts the prompt. Says why when this terminal cannot have one.
pub fn start(console: Arc<Console>, screen: &Arc<Screen>, wishes: &Wishes) -> Result<Prompt, String> {
    let why = |why: ReadlineError| why.to_string();
    let config = Config::builder().max_history_size(HISTORY_MAX).map_err(why)?.auto_add_history(true).build();
    let history = MemHistory::with_config(&config);
    let mut editor: Editor<Ear, MemHistory> = Editor::with_history(config, history).map_err(why)?;
    let gate = Arc::new(Gate::default());
    let printer = editor.create_external_printer().map_err(why)?;
    let completing = Arc::clone(&console);
    editor.set_helper(Some(Ear::new(Arc::clone(&gate), move |before| completing.complete(before))));

    let closing = Arc::new(AtomicBool::new(false));
    let (ending, ended) = sync_channel(0);
    let reader = Reader {
        editor,
        console,
        screen: Arc::clone(screen),
        wishes: wishes.clone(),
        gate: Arc::clone(&gate),
        closing: Arc::clone(&closing),
        ending: Cell::new(false),
    };
    // What was said before the prompt must be on the terminal before it: afterwards it would tear the prompt's line.
    screen.settle(BANNER_MAX);
    screen.through(Box::new(Above::new(printer, gate)));
    let thread = std::thread::Builder::new().name("throng-prompt".to_owned());
    thread.spawn(move || reader.read_until_closed(&ending)).map_err(|why| why.to_string())?;
    Ok(Prompt { screen: Arc::clone(screen), wishes: wishes.clone(), closing, ended })
}

impl Prompt {
    /// Takes the prompt away and leaves the terminal as it was. What was said before is printed before.
    pub fn close(self) {
        self.screen.take_back(SETTLE_MAX, || {
            self.closing.store(true, Ordering::SeqCst);
            self.wishes.set_waking(true);
            ear::wake_until_over(&self.ended);
            self.wishes.set_waking(false);
        });
    }
}

/// The thread that reads.
struct Reader {
    editor: Editor<Ear, MemHistory>,
    console: Arc<Console>,
    screen: Arc<Screen>,
    wishes: Wishes,
    gate: Arc<Gate>,
    closing: Arc<AtomicBool>,
    /// Somebody wished the end here: no new prompt is shown, while a second Ctrl-C is still heard.
    ending: Cell<bool>,
}

impl Reader {
    fn read_until_closed(mut self, _ended_when_dropped: &SyncSender<()>) {
        loop {
            let line = self.editor.readline(if self.ending.get() { "" } else { PROMPT });
            self.gate.set(State::Down);
            let goes_on = match line {
                _ if self.closing.load(Ordering::SeqCst) => false,
                Ok(line) => self.run(&line),
                Err(ReadlineError::Interrupted) => {
                    self.ask(Asked::End(Wish { by: Asker::Interrupt, now: false }));
                    true
                }
                // The end of a line that hung up would be read again and again.
                Err(ReadlineError::Eof) if terminal::is_ours() => {
                    self.screen.say("(type shutdown to end the server; this prompt stays)");
                    true
                }
                Err(_) => false,
            };
            if !goes_on {
                break;
            }
        }
        // The printer's next line finds nobody and goes to standard error.
        self.gate.set(State::Gone);
    }

    fn run(&self, line: &str) -> bool {
        let answer = self.console.run(line);
        if !answer.text.is_empty() {
            self.screen.say(&answer.text);
        }
        if let Some(asked) = answer.asked {
            self.ask(asked);
        }
        true
    }

    fn ask(&self, asked: Asked) {
        // A restart may fail, and the prompt goes on then.
        self.ending.set(self.ending.get() || matches!(asked, Asked::End(_)));
        self.wishes.tell(asked);
    }
}
