//! A conversation line by line: what is typed goes out, what comes is shown, and both may happen at any time.
//!
//! The terminal is elsewhere: typed lines come out of one bounded queue, lines to show go into another. Who reads the
//! terminal never waits for the server; a server that says more than the terminal takes waits for the terminal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::sync::Notify;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::Instant;

use super::crlf::ended;
use super::end::End;
use super::flow::{self, OUTGOING_MAX, Outgoing, Stream};
use super::script::Script;
use super::shown::{Look, Shown};
use super::transcript::Transcript;

/// So much is read at once.
const PIECE: usize = 64 * 1024;

/// A line without an end, such as a question, is shown when nothing came for so long.
const QUIET: Duration = Duration::from_millis(200);

/// How long the server may take to end when we have.
pub const LINGER_MAX: Duration = Duration::from_secs(3);

/// What somebody does at the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// A line, without its end.
    Line(String),
    /// The end of input (Ctrl-D).
    Finish,
}

/// The terminal, seen from here.
pub struct Desk {
    /// What is typed.
    pub typed: Receiver<Typed>,
    /// Whole lines to show, without the last one's end.
    pub shown: Sender<String>,
    /// What is typed must not be seen, and not be kept: set here, read by who shows it.
    pub hidden: Arc<AtomicBool>,
    /// Ctrl-C, or a signal: it waits behind nothing.
    pub interrupted: Arc<Notify>,
}

/// How the conversation is held.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// What ends a line that is sent.
    pub line_end: &'static str,
    /// Does the first empty line end it? Otherwise the second of two in a row does.
    pub end_on_empty: bool,
    /// How what comes is shown.
    pub look: Look,
    /// How long each expectation of a script may take.
    pub patience: Duration,
}

/// Talks until it ends.
pub async fn talk(
    stream: Stream,
    desk: &mut Desk,
    manner: &Manner,
    script: Script,
    transcript: &Transcript,
) -> End {
    let (mut reads, writes) = tokio::io::split(stream);
    // All that a script may say at once has a place beside what is typed.
    let (says, mut outgoing) = channel(OUTGOING_MAX + script.left());
    let writing = async {
        flow::send(writes, &mut outgoing, transcript).await;
        std::future::pending::<End>().await
    };
    let mut talk = Talk {
        says,
        manner,
        script,
        shown: Shown::new(manner.look),
        after_empty: false,
        quiet: None,
        answer: None,
        ending: None,
    };
    let talking = talk.run(&mut reads, desk, transcript);
    tokio::select! {
        end = talking => end,
        end = writing => end,
    }
}

struct Talk<'a> {
    says: Sender<Outgoing>,
    manner: &'a Manner,
    script: Script,
    shown: Shown,
    after_empty: bool,
    /// When the line without an end is shown.
    quiet: Option<Instant>,
    /// Until when the script's next text must come, of how many steps that are left.
    answer: Option<(usize, Instant)>,
    /// We have ended: until when the server may.
    ending: Option<Instant>,
}

impl Talk<'_> {
    async fn run(
        &mut self,
        reads: &mut tokio::io::ReadHalf<Stream>,
        desk: &mut Desk,
        transcript: &Transcript,
    ) -> End {
        let mut buffer = vec![0; PIECE];
        let says = self.says.clone();
        loop {
            if let Some(note) = self.follow() {
                say(desk, note).await;
            }
            tokio::select! {
                read = reads.read(&mut buffer) => match read {
                    Ok(read @ 1..) => {
                        transcript.received(&buffer[..read]);
                        self.hear(&buffer[..read], desk).await;
                    }
                    Ok(_) => return self.over(End::Server, desk).await,
                    Err(why) => return self.over(End::of_read(&why), desk).await,
                },
                // A pasted text waits here while the server takes nothing.
                () = async { drop(says.reserve().await) }, if says.capacity() == 0 => {}
                typed = desk.typed.recv(), if says.capacity() > 0 => match typed {
                    Some(Typed::Line(line)) => {
                        if let Some(note) = self.say(&line) {
                            say(desk, note).await;
                        }
                    }
                    Some(Typed::Finish) if self.ending.is_none() => self.finish(),
                    Some(Typed::Finish) => return End::Ours,
                    None => return End::Interrupted,
                },
                () = desk.interrupted.notified() => return End::Interrupted,
                () = until(self.quiet) => self.show_rest(desk).await,
                () = until(self.answer.map(|(_, until)| until)) => {
                    return self.over(End::Unmet(self.script.awaited().unwrap_or_default().to_owned()), desk).await;
                }
                () = until(self.ending) => return self.over(End::Lingered, desk).await,
            }
        }
    }

    async fn hear(&mut self, bytes: &[u8], desk: &Desk) {
        let heard = self.shown.hear(bytes);
        desk.hidden.store(self.shown.hides(), Ordering::SeqCst);
        self.script.hear(&heard.data);
        if !heard.answer.is_empty() {
            // A server that takes nothing waits in vain for refusals, too.
            let _ = self.says.try_send(Outgoing::Bytes(heard.answer));
        }
        if let Some(lines) = heard.lines {
            say(desk, lines).await;
        }
        self.quiet = self.shown.is_waiting().then(|| Instant::now() + QUIET);
    }

    async fn show_rest(&mut self, desk: &Desk) {
        self.quiet = None;
        if let Some(rest) = self.shown.rest() {
            say(desk, rest).await;
        }
    }

    /// Shows what is left, and says how it ended.
    async fn over(&mut self, end: End, desk: &Desk) -> End {
        self.show_rest(desk).await;
        match (end, self.script.awaited()) {
            (End::Server, Some(awaited)) => End::Unanswered(awaited.to_owned()),
            (End::Server, None) if self.ending.is_some() => End::Ours,
            (end, _) => end,
        }
    }

    /// Says a typed line. Gives a note for who typed it, when there is one.
    fn say(&mut self, line: &str) -> Option<String> {
        if self.ending.is_some() {
            return Some("(not sent: we have ended; waiting for the server)".to_owned());
        }
        if self.shown.hides() {
            // An answer to a question: an empty one is one too, and ends nothing.
            self.shown.typed_unseen();
            let sent = self.says.try_send(Outgoing::Secret(ended(line, self.manner.line_end)));
            return sent
                .is_err()
                .then(|| "(not sent: the server takes nothing, and enough waits for it already)".to_owned());
        }
        if line.is_empty() && (self.manner.end_on_empty || self.after_empty) {
            self.finish();
            return None;
        }
        self.after_empty = line.is_empty();
        let bytes = ended(line, self.manner.line_end);
        match self.says.try_send(Outgoing::Bytes(bytes)) {
            Ok(()) if self.after_empty => Some("(an empty line was sent; a second one ends)".to_owned()),
            Ok(()) => None,
            Err(_) => {
                Some("(not sent: the server takes nothing, and enough waits for it already)".to_owned())
            }
        }
    }

    /// Ends what we say, and gives the server a while to end as well.
    fn finish(&mut self) {
        self.ending = Some(Instant::now() + LINGER_MAX);
        let _ = self.says.try_send(Outgoing::Finish);
    }

    /// Says what the script has to say now.
    fn follow(&mut self) -> Option<String> {
        let mut note = None;
        for line in self.script.due() {
            note = self.say_of_script(&line).or(note);
        }
        self.answer = match (self.script.awaited(), self.answer) {
            (None, _) => None,
            (Some(_), Some((left, until))) if left == self.script.left() => Some((left, until)),
            (Some(_), _) => Some((self.script.left(), Instant::now() + self.manner.patience)),
        };
        note
    }

    /// As a typed line, but an empty one ends nothing.
    fn say_of_script(&mut self, line: &str) -> Option<String> {
        let bytes = ended(line, self.manner.line_end);
        let sent = self.says.try_send(Outgoing::Bytes(bytes));
        sent.is_err()
            .then(|| "(not sent: the server takes nothing, and enough waits for it already)".to_owned())
    }
}

/// The desk is there as long as the conversation.
async fn say(desk: &Desk, lines: String) {
    let _ = desk.shown.send(lines).await;
}

/// Waits until then, or for ever.
async fn until(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when).await,
        None => std::future::pending().await,
    }
}
