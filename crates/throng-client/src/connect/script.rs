//! What is said by itself, driven by what comes: `send` says a line, `expect` waits until a text came.

use std::collections::VecDeque;

/// So much of what came is searched for an expected text; longer ago it is forgotten.
const HEARD_MAX: usize = 256 * 1024;

/// The longest text that may be expected.
pub const EXPECTED_BYTES_MAX: usize = 4096;

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Say this line.
    Send(String),
    /// Wait until this came.
    Expect(String),
}

/// The steps that are left.
#[derive(Debug, Default)]
pub struct Script {
    steps: VecDeque<Step>,
    /// What came and met no expectation yet.
    heard: Vec<u8>,
    /// Was the last step an expectation?
    ends_heard: bool,
}

impl Script {
    /// These steps, in this order.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Script {
        let steps: VecDeque<Step> = steps.into_iter().collect();
        let ends_heard = matches!(steps.back(), Some(Step::Expect(_)));
        Script { steps, heard: Vec::new(), ends_heard }
    }

    /// The lines that are to be said now: all up to the next expectation that is not met.
    pub fn due(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(step) = self.steps.front() {
            match step {
                Step::Send(line) => lines.push(line.clone()),
                Step::Expect(text) => match find(&self.heard, text.as_bytes()) {
                    Some(end) => drop(self.heard.drain(..end)),
                    None => break,
                },
            }
            self.steps.pop_front();
        }
        lines
    }

    /// These bytes came.
    pub fn hear(&mut self, bytes: &[u8]) {
        if self.is_over() {
            return;
        }
        self.heard.extend_from_slice(bytes);
        // Cut only when it has doubled: to move the rest at each read would cost more than the search.
        if self.heard.len() > 2 * HEARD_MAX {
            self.heard.drain(..self.heard.len() - HEARD_MAX);
        }
    }

    /// The text that is waited for.
    pub fn awaited(&self) -> Option<&str> {
        match self.steps.front() {
            Some(Step::Expect(text)) => Some(text),
            _ => None,
        }
    }

    /// How many steps are left.
    pub fn left(&self) -> usize {
        self.steps.len()
    }

    /// Is all said and heard?
    pub fn is_over(&self) -> bool {
        self.steps.is_empty()
    }

    /// Was the last thing to hear something? Then nothing more is waited for.
    pub fn ends_heard(&self) -> bool {
        self.ends_heard
    }
}

/// Where this text ends, if it is there.
fn find(heard: &[u8], text: &[u8]) -> Option<usize> {
    memchr::memmem::find(heard, text).map(|begins| begins + text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(line: &str) -> Step {
        Step::Send(line.to_owned())
    }

    fn expect(text: &str) -> Step {
        Step::Expect(text.to_owned())
    }

    #[test]
    fn lines_are_said_when_what_is_before_them_came() {
        let mut script =
            Script::new([send("a"), expect("who"), send("b"), send("c"), expect("ok"), expect("ok")]);
        assert_eq!(script.due(), ["a"]);
        assert_eq!(script.due(), [""; 0]);
        assert_eq!(script.awaited(), Some("who"));
        script.hear(b"ok w");
        assert_eq!(script.due(), [""; 0]);
        script.hear(b"ho are you");
        assert_eq!(script.due(), ["b", "c"]);
        // What came before an expectation was met does not meet the next one, and nothing meets two.
        script.hear(b"ok");
        assert_eq!((script.due().len(), script.awaited(), script.left()), (0, Some("ok"), 1));
        script.hear(b"ok");
        assert_eq!((script.due().len(), script.awaited()), (0, None));
        assert!(script.is_over() && script.ends_heard());
    }

    #[test]
    fn what_is_searched_has_a_limit() {
        let mut script = Script::new([expect("never")]);
        for _ in 0..100 {
            script.hear(&[b'x'; 65_536]);
            assert!(script.due().is_empty() && script.heard.len() <= 2 * HEARD_MAX);
        }
        script.hear(b"never");
        script.due();
        assert!(script.is_over());
        script.hear(b"more");
        assert!(script.heard.is_empty());
    }
}
