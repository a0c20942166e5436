//! A prompt in a terminal: the operator's own in the server's terminal, and the one of `throng console`.
//!
//! It lives on a thread of its own, so the crowd is served while it waits. It reads lines, hands them to whoever carries them
//! out, and prints what that answers. Everything that is printed while it is up goes through the editor's printer, above
//! what is being typed; the editor itself is the only other one who writes to the terminal.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{Config, Editor};
use throng_wire::printable::printable;

use crate::above::{Above, Gate, State};
use crate::accounts::Confirm;
use crate::console::{Next, Stream, terminal};
use crate::ear::{self, Ear};
use crate::screen::Screen;
use crate::signals::Wishes;

const PROMPT: &str = "throng> ";

/// Lines that the prompt remembers, for the arrow keys.
const HISTORY_MAX: usize = 200;

/// How long lines that were said before may take to appear before the prompt comes up: a terminal may be stopped.
const BANNER_MAX: Duration = Duration::from_secs(2);

/// How long lines that were said before may take to appear when the prompt goes away.
const SETTLE_MAX: Duration = Duration::from_millis(300);

/// How long an answer that goes on is waited for before it is looked whether somebody stopped it.
const FOLLOW_EVERY: Duration = Duration::from_millis(100);

/// Whoever carries out what is typed.
pub trait Commands: Send + Sync + 'static {
    /// Carries a line out; `yes` when it was confirmed.
    fn run(&self, line: &str, yes: bool) -> Heard;

    /// What could stand in the place of the last word, and where that word begins.
    fn complete(&self, before: &str) -> (usize, Vec<String>);

    /// Ctrl-C was typed. `true` when no more lines are wanted.
    fn interrupted(&self) -> Leave;

    /// Ctrl-D was typed.
    fn ended(&self) -> Leave;
}

/// What becomes of the prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// It stays.
    Stay,
    /// It stays, with this said.
    Say(&'static str),
    /// It shows no new line, but hears on: the server is about to end.
    Ending,
    /// It goes.
    Go,
}

/// What a line came to.
pub enum Heard {
    /// This is said; nothing, where there is nothing to say.
    Said(String, Leave),
    /// It is done when this is typed.
    Confirm(Confirm),
    /// It goes on until somebody types.
    GoesOn(Box<dyn Stream>),
}

/// The prompt, seen from the thread that ends the server.
pub struct Prompt {
    screen: Arc<Screen>,
    wishes: Wishes,
    closing: Arc<AtomicBool>,
    ended: Receiver<()>,
}

/// Starts the prompt. Says why when this terminal cannot have one.
pub fn start(commands: Arc<dyn Commands>, screen: &Arc<Screen>, wishes: &Wishes) -> Result<Prompt, String> {
    let why = |why: ReadlineError| why.to_string();
    let config = Config::builder().max_history_size(HISTORY_MAX).map_err(why)?.auto_add_history(true).build();
    let history = MemHistory::with_config(&config);
    let mut editor: Editor<Ear, MemHistory> = Editor::with_history(config, history).map_err(why)?;
    let gate = Arc::new(Gate::default());
    let printer = editor.create_external_printer().map_err(why)?;
    let completing = Arc::clone(&commands);
    editor.set_helper(Some(Ear::new(Arc::clone(&gate), move |before| completing.complete(before))));

    let closing = Arc::new(AtomicBool::new(false));
    let (ending, ended) = sync_channel(0);
    let reader = Reader {
        editor,
        commands,
        screen: Arc::clone(screen),
        gate: Arc::clone(&gate),
        closing: Arc::clone(&closing),
        ending: Cell::new(false),
        awaits: None,
        following: None,
    };
    // What was said before the prompt must be on the terminal before it: afterwards it would tear the prompt's line.
    screen.settle(BANNER_MAX);
    screen.through(Box::new(Above::new(printer, gate)));
    let thread = std::thread::Builder::new().name("throng-prompt".to_owned());
    thread.spawn(move || reader.read_until_closed(&ending)).map_err(|why| why.to_string())?;
    Ok(Prompt { screen: Arc::clone(screen), wishes: wishes.clone(), closing, ended })
}

impl Prompt {
    /// Waits until it has gone by itself.
    pub fn wait(&self) {
        // An error is what it tells by going.
        let _ = self.ended.recv();
    }

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
    commands: Arc<dyn Commands>,
    screen: Arc<Screen>,
    gate: Arc<Gate>,
    closing: Arc<AtomicBool>,
    /// Somebody wished the end here: no new prompt is shown, while a second Ctrl-C is still heard.
    ending: Cell<bool>,
    /// The line that is carried out when the next one is this word.
    awaits: Option<(String, String)>,
    following: Option<Following>,
}

/// An answer that goes on, on a thread of its own.
struct Following {
    stop: Arc<AtomicBool>,
    /// Nothing comes through it; it ends with the thread.
    over: Receiver<()>,
}

impl Reader {
    fn read_until_closed(mut self, _ended_when_dropped: &SyncSender<()>) {
        loop {
            let line = self.editor.readline(if self.ending.get() { "" } else { PROMPT });
            self.gate.set(State::Down);
            let leave = match line {
                _ if self.closing.load(Ordering::SeqCst) => Leave::Go,
                Ok(line) => self.heard(&line),
                Err(ReadlineError::Interrupted) if self.stop_following() => Leave::Stay,
                Err(ReadlineError::Interrupted) => self.commands.interrupted(),
                // The end of a line that hung up would be read again and again.
                Err(ReadlineError::Eof) if terminal::is_ours() => self.commands.ended(),
                Err(_) => Leave::Go,
            };
            match leave {
                Leave::Stay => {}
                Leave::Say(words) => self.screen.say(words),
                // A restart may fail, and the prompt goes on then.
                Leave::Ending => self.ending.set(true),
                Leave::Go => break,
            }
        }
        self.stop_following();
        // The printer's next line finds nobody and goes to standard error.
        self.gate.set(State::Gone);
    }

    fn heard(&mut self, line: &str) -> Leave {
        let stopped = self.stop_following();
        let line = line.trim();
        if let Some((word, command)) = self.awaits.take() {
            if line == word {
                return self.run(&command, true);
            }
            self.screen.say(&format!("Nothing was changed, since {} was not typed.", printable(&word)));
        }
        // Enter only stops what goes on; another command is one all the same.
        if stopped && line.is_empty() { Leave::Stay } else { self.run(line, false) }
    }

    fn run(&mut self, line: &str, yes: bool) -> Leave {
        match self.commands.run(line, yes) {
            Heard::Said(text, leave) => {
                if !text.is_empty() {
                    self.screen.say(&text);
                }
                leave
            }
            Heard::Confirm(confirm) => {
                self.screen.say(&confirm.question());
                self.awaits = Some((confirm.word, line.to_owned()));
                Leave::Stay
            }
            Heard::GoesOn(stream) => {
                self.follow(stream);
                Leave::Stay
            }
        }
    }

    fn follow(&mut self, mut stream: Box<dyn Stream>) {
        if let Some(words) = stream.begins() {
            self.screen.say(words);
        }
        let (screen, stop) = (Arc::clone(&self.screen), Arc::<AtomicBool>::default());
        let (ending, over) = sync_channel::<()>(0);
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("throng-follow".to_owned());
        let begun = thread.spawn(move || {
            let _ended_when_dropped = ending;
            while !stopped.load(Ordering::SeqCst) {
                match stream.next(FOLLOW_EVERY) {
                    Next::Line(reply) => screen.say(&reply.text),
                    Next::Nothing => {}
                    Next::Over => break,
                    Next::Failed(fault) => {
                        screen.say(&fault.sentence());
                        break;
                    }
                }
            }
        });
        match begun {
            Ok(_) => self.following = Some(Following { stop, over }),
            Err(why) => self.screen.say(&format!("Not followed: {why}")),
        }
    }

    /// Ends an answer that goes on; `false` when there is none.
    fn stop_following(&mut self) -> bool {
        let Some(following) = self.following.take() else { return false };
        following.stop.store(true, Ordering::SeqCst);
        // An error is how it tells that it has ended.
        let _ = following.over.recv_timeout(4 * FOLLOW_EVERY);
        self.screen.say("(stopped)");
        true
    }
}
