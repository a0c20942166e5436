//! The line between a process and the one that follows it: a pair of Unix sockets, a word per line.
//!
//! The new one says `warm` when it could serve, or `failed` and why not. The old one lets go of whatever only one of them can
//! have, in its own time, and says `go`; with that word comes its standard error, since until then the new one's is read by
//! the old one. The new one says `open` when it serves. Whoever finds the line closed knows that the other is gone.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

use crate::clock::{self, millis};

/// The longest line, its end included. Only a reason is longer than a word, and one that does not fit is cut.
const LINE_MAX: usize = 1024;

/// How long a new process waits for `go`. The old one drains meanwhile, and no drain is that patient; one that dies closes
/// the line, and is noticed at once.
const GO_MAX: Duration = Duration::from_secs(3600);

const WARM: &str = "warm";
const GO: &str = "go\n";
const OPEN: &str = "open";
const FAILED: &str = "failed ";

/// The new process's end of the line, from [`crate::Inherited::baton`]: it says `warm`, waits, serves, and says `open`; or it
/// says why it cannot. Dropped without a word it says that this process has failed. The whole is in [`crate::restart`].
///
/// ```
/// use throng_server::{Baton, Inherited};
///
/// fn prepare() -> std::io::Result<()> {
///     Ok(()) // what may fail, without touching what the old process has
/// }
///
/// # fn main() -> throng_server::Result {
/// let mut baton: Option<Baton> = Inherited::take()?.baton;
/// if let Err(why) = prepare() {
///     baton.take().map(|baton| baton.failed(&why.to_string()));
///     return Err(why.into());
/// }
/// if let Some(baton) = &mut baton {
///     baton.warm()?; // returns when the old process has let go
/// }
/// // open what only one process can have, start the server
/// if let Some(baton) = baton {
///     baton.open()?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Baton {
    line: UnixStream,
}

/// What a new process says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// It could serve.
    Warm,
    /// It serves.
    Open,
    /// It cannot.
    Failed(String),
}

impl Baton {
    pub(crate) fn new(line: UnixStream) -> io::Result<Baton> {
        line.set_nonblocking(false)?;
        line.set_read_timeout(Some(GO_MAX))?;
        Ok(Baton { line })
    }

    /// Says that this process could serve: its configuration is read, its certificates are loaded, whatever it can look at
    /// without changing it is in order. Then waits until the process before it has let go of everything that only one of
    /// them can have. From then on this process's standard error is where the other's was.
    ///
    /// # Errors
    /// When the other one is gone, or has changed its mind: this process must end then, and touch nothing. Waits an hour
    /// at most. Example: [`Baton`].
    pub fn warm(&mut self) -> io::Result<()> {
        self.say(WARM)?;
        let stderr = self.hear_go()?;
        stderr.map_or(Ok(()), |stderr| Ok(rustix::stdio::dup2_stderr(stderr)?))
    }

    /// Says that this process serves. The other one lets its sockets go, drains and ends.
    ///
    /// # Errors
    /// When the other one is gone; nothing is lost by that. Example: [`Baton`].
    pub fn open(mut self) -> io::Result<()> {
        self.say(OPEN)
    }

    /// Says why this process cannot serve: one line, of which a kilobyte at most arrives. The other one goes on, and its error
    /// is [`crate::RestartError::Refused`]. Example: [`Baton`].
    pub fn failed(mut self, why: &str) {
        // Whoever is not there needs no reason.
        let _ = self.say(&format!("{FAILED}{why}"));
    }

    fn say(&mut self, word: &str) -> io::Result<()> {
        self.line.write_all(line_of(word).as_bytes())
    }

    /// Waits for `go`, and what comes with it.
    fn hear_go(&self) -> io::Result<Option<OwnedFd>> {
        let mut word = [0; GO.len()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [IoSliceMut::new(&mut word)];
        let came = recvmsg(&self.line, &mut parts, &mut control, RecvFlags::empty())?;
        let came = came.bytes;
        if word[..came] != *GO.as_bytes() {
            return Err(io::Error::other("the process before this one goes on itself"));
        }
        let passed = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut passed) => passed.next(),
            _ => None,
        });
        Ok(passed)
    }
}

/// Says `go` to the new process, and gives it our standard error.
pub(crate) fn go(line: &UnixStream) -> io::Result<()> {
    let stderr = io::stderr();
    let passed = [stderr.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&passed));
    let sent = sendmsg(line, &[IoSlice::new(GO.as_bytes())], &mut control, SendFlags::empty())?;
    // Three bytes find a place in an empty buffer, or none does.
    if sent == GO.len() { Ok(()) } else { Err(ErrorKind::WriteZero.into()) }
}

/// The next word of the new process; nothing when it closed the line.
pub(crate) fn hear(line: &mut UnixStream, within: Duration) -> io::Result<Option<Word>> {
    let deadline_ms = clock::now_ms().saturating_add(millis(within));
    let mut heard = Vec::new();
    while heard.len() < LINE_MAX {
        let left = deadline_ms.saturating_sub(clock::now_ms());
        if left == 0 {
            return Err(ErrorKind::TimedOut.into());
        }
        line.set_read_timeout(Some(Duration::from_millis(left)))?;
        let mut byte = [0];
        match line.read(&mut byte) {
            Ok(0) => return Ok(None),
            Ok(_) if byte[0] == b'\n' => return word_of(&heard).map(Some),
            Ok(_) => heard.push(byte[0]),
            // A process that ended with something unread resets its line.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(None),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // The time is looked at above.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Err(not_understood(&heard))
}

fn word_of(line: &[u8]) -> io::Result<Word> {
    match std::str::from_utf8(line) {
        Ok(WARM) => Ok(Word::Warm),
        Ok(OPEN) => Ok(Word::Open),
        Ok(line) if line.starts_with(FAILED) => Ok(Word::Failed(line[FAILED.len()..].to_owned())),
        _ => Err(not_understood(line)),
    }
}

fn not_understood(line: &[u8]) -> io::Error {
    let line = String::from_utf8_lossy(line);
    io::Error::other(format!("the new process says {:?}", line.chars().take(40).collect::<String>()))
}

/// One line, cut where it is too long.
fn line_of(word: &str) -> String {
    let mut line = word.replace(['\n', '\r'], " ");
    line.truncate(line.floor_char_boundary(LINE_MAX - 1));
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn pair() -> (Baton, UnixStream) {
        let (new, old) = UnixStream::pair().unwrap();
        (Baton::new(new).unwrap(), old)
    }

    fn check(said: &[u8], expected: &Result<Option<Word>, ErrorKind>) {
        let (mut baton, mut old) = pair();
        baton.line.write_all(said).unwrap();
        drop(baton);
        assert_eq!(hear(&mut old, PATIENCE).map_err(|error| error.kind()), *expected, "{said:?}");
    }

    #[test]
    fn a_word_is_a_line() {
        check(b"warm\n", &Ok(Some(Word::Warm)));
        check(b"open\nmore", &Ok(Some(Word::Open)));
        check(b"failed no such file\n", &Ok(Some(Word::Failed("no such file".to_owned()))));
        check(b"failed \n", &Ok(Some(Word::Failed(String::new()))));
        for torn in [&b""[..], b"war", b"failed no such"] {
            check(torn, &Ok(None));
        }
        for foreign in [&b"hello\n"[..], b"\n", b"\xff\n", b"warm \n", &[b'a'; LINE_MAX]] {
            check(foreign, &Err(ErrorKind::Other));
        }
    }

    #[test]
    fn a_reason_is_one_line_that_is_not_too_long() {
        let (baton, mut old) = pair();
        baton.failed(&format!("line one\nline two {}", "я".repeat(LINE_MAX)));
        let Ok(Some(Word::Failed(why))) = hear(&mut old, PATIENCE) else { panic!("it failed") };
        assert!(why.starts_with("line one line two яя"), "{why}");
        assert!(FAILED.len() + why.len() < LINE_MAX);
    }

    #[test]
    fn who_says_nothing_is_not_waited_for() {
        let (_baton, mut old) = pair();
        let kind = hear(&mut old, Duration::from_millis(1)).unwrap_err().kind();
        assert_eq!(kind, ErrorKind::TimedOut);
    }

    #[test]
    fn only_the_word_itself_lets_a_new_process_go() {
        let (baton, old) = pair();
        go(&old).unwrap();
        assert!(baton.hear_go().unwrap().is_some(), "our standard error comes with it");
        for word in [&b""[..], b"no\n", b"g"] {
            let (baton, mut old) = pair();
            old.write_all(word).unwrap();
            drop(old);
            assert!(baton.hear_go().is_err(), "{word:?}");
        }
    }
}
