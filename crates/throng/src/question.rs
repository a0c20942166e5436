//! Asks for what is missing, on a terminal. The question is on standard error, so that results may go elsewhere.

use std::io::{IsTerminal, Write};

use throng_wire::printable::printable;

use crate::fault::Fault;

/// How often one may answer wrongly.
const ASKED_MAX: usize = 5;

/// The longest answer, in bytes.
const ANSWER_MAX: usize = 4096;

/// Asks until the answer will do. An empty answer means what is usual, which stands in brackets, if anything is.
pub fn question<T>(
    what: &str,
    usual: Option<&str>,
    mut judge: impl FnMut(&str) -> Result<T, String>,
) -> Result<T, Fault> {
    for _ in 0..ASKED_MAX {
        match usual {
            Some(usual) => tell(&format!("{what} [{}]: ", printable(usual))),
            None => tell(&format!("{what}: ")),
        }
        let Some(answer) = line() else {
            // The terminal has not moved to the next line.
            tell("\n");
            return Err(Fault::usage(format!("no {} was given", what.to_lowercase())));
        };
        let answer = answer.trim();
        match judge(if answer.is_empty() { usual.unwrap_or_default() } else { answer }) {
            Ok(good) => return Ok(good),
            Err(why) => tell(&format!("  {why}\n")),
        }
    }
    Err(Fault::usage(format!("no {} after {ASKED_MAX} answers", what.to_lowercase())))
}

/// Asks once, in these words; nothing where there is no terminal. What is not answered is an empty answer.
pub fn typed(question: &str) -> Option<String> {
    let has_terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    has_terminal.then(|| {
        tell(question);
        line().unwrap_or_default().trim().to_owned()
    })
}

fn tell(text: &str) {
    let mut terminal = std::io::stderr().lock();
    // A terminal that went away is found out by the read.
    let _ = terminal.write_all(text.as_bytes()).and_then(|()| terminal.flush());
}

/// A line from the terminal, which gives one line to each read; nothing at its end. The library's own buffer would take what
/// is typed ahead, too, which a line editor may want to read.
fn line() -> Option<String> {
    let mut bytes = [0; ANSWER_MAX];
    loop {
        match rustix::io::read(std::io::stdin(), &mut bytes) {
            Err(rustix::io::Errno::INTR) => {}
            Ok(0) | Err(_) => return None,
            Ok(read) => return Some(String::from_utf8_lossy(&bytes[..read]).into_owned()),
        }
    }
}
