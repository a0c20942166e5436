//! `throng console`: a prompt over the socket, one command, or the commands of a script.

use std::io::{BufRead, IsTerminal, Read};

use serde_json::Value;
use throng_services::control::Done;
use throng_wire::printable::printable;

use super::client::{self, Client, Sought};
use super::remote::{self, Remote};
use crate::accounts::{Confirm, escaped};
use crate::cli::Console;
use crate::console::terminal::Terminal;
use crate::fault::Fault;
use crate::prompt;
use crate::screen::{self, Screen};
use crate::signals::Wishes;

/// How long a script may be.
const SCRIPT_BYTES_MAX: u64 = 1 << 20;

/// Talks with a server. Gives the exit code.
pub fn console(asked: &Console) -> Result<u8, Fault> {
    let sought = Sought { socket: asked.socket.clone(), data: asked.data.clone(), role: asked.role };
    if !asked.command.is_empty() {
        let mut talk = Talk { client: client::find(&sought)?, asked };
        return talk.carry_out_all(asked.command.iter().map(|line| Ok(line.clone())));
    }
    if std::io::stdin().is_terminal() {
        return sit(&sought);
    }
    let mut talk = Talk { client: client::find(&sought)?, asked };
    let lines = std::io::stdin().lock().take(SCRIPT_BYTES_MAX).lines();
    talk.carry_out_all(lines.map(|line| line.map_err(|why| Fault::failed(format!("standard input: {why}")))))
}

/// A prompt.
fn sit(sought: &Sought) -> Result<u8, Fault> {
    let client = client::find(sought)?;
    let terminal = Terminal::find().ok_or_else(|| {
        Fault::usage("a prompt needs a terminal for both reading and writing")
            .hint("one command: throng console -c 'status'")
    })?;
    let (screen, (wishes, _waits)) = (Screen::start(), Wishes::new());
    screen.say(&remote::greeting(&client));
    terminal.clone().restore_on_panic();
    let prompt = prompt::start(std::sync::Arc::new(Remote::new(client, sought)), &screen, &wishes);
    let prompt = prompt.map_err(|why| Fault::failed(format!("no prompt in this terminal: {why}")))?;
    prompt.wait();
    terminal.restore();
    Ok(0)
}

/// Commands, one after the other.
struct Talk<'a> {
    client: Client,
    asked: &'a Console,
}

impl Talk<'_> {
    /// Up to the first that is not done. Lines that begin with # are remarks.
    fn carry_out_all(&mut self, lines: impl Iterator<Item = Result<String, Fault>>) -> Result<u8, Fault> {
        for (index, line) in lines.enumerate() {
            let line = line?;
            let command = line.trim();
            if command.is_empty() || command.starts_with('#') {
                continue;
            }
            let at = |fault: Fault| match index {
                0 => fault,
                _ => fault.hint(format!("at line {}: {}", index + 1, printable(command))),
            };
            self.carry_out(command).map_err(at)?;
        }
        Ok(0)
    }

    fn carry_out(&mut self, line: &str) -> Result<(), Fault> {
        let done = self.ask(line, self.asked.yes)?;
        let Some(word) = done.confirm else { return self.show(done) };
        let confirm = Confirm { what: done.text, word };
        if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
            return Err(Fault::refused(confirm.what).hint("to do it without being asked: --yes"));
        }
        screen::tell_stderr(&confirm.question());
        let mut typed = String::new();
        let read = std::io::stdin().lock().take(1024).read_line(&mut typed);
        read.map_err(|why| Fault::failed(format!("standard input: {why}")))?;
        if typed.trim() != confirm.word {
            return Err(Fault::refused(format!(
                "nothing was changed, since {} was not typed",
                printable(&confirm.word)
            )));
        }
        let done = self.ask(line, true)?;
        self.show(done)
    }

    /// Asks, and shows what comes before the end of the answer.
    fn ask(&mut self, line: &str, yes: bool) -> Result<Done, Fault> {
        let asked = self.asked;
        self.client.carry_out(line, yes, |part| print(asked, &part.text, &part.data))
    }

    fn show(&self, done: Done) -> Result<(), Fault> {
        client::outcome(done).and_then(|done| print(self.asked, &done.text, &done.data))
    }
}

fn print(asked: &Console, text: &str, data: &Value) -> Result<(), Fault> {
    let text = if asked.json { escaped(&data.to_string()) } else { text.to_owned() };
    if text.is_empty() || asked.quiet {
        return Ok(());
    }
    screen::put(&text).map_err(|_| Fault::unheard())
}
