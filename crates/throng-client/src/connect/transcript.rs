//! What was said, kept in a file: one JSON object per line, with the time, what happened, and the bytes as they were.
//!
//! `{"at":"…","event":"received","text":"hello\n"}`. What is not UTF-8 stands as `"hex"` instead of `"text"`. The events are
//! `connected`, `sent`, `received`, `finished` (we said all that we had) and `closed` (with `why`).

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde_json::{Map, Value, json};

/// The time as it is to be written.
pub type Clock = fn() -> String;

/// A transcript, or none. Whoever sends and whoever receives write to it in turns, on one thread.
#[derive(Debug, Default)]
pub struct Transcript(Option<RefCell<Kept>>);

#[derive(Debug)]
struct Kept {
    file: File,
    clock: Clock,
    /// The first bytes of a letter whose others are under way, for each direction.
    sent: Vec<u8>,
    received: Vec<u8>,
    /// Why it is not whole.
    failed: Option<io::Error>,
}

impl Transcript {
    /// Goes on with this file; makes it, for this user only, when it is not there.
    pub fn open(path: &Path, clock: Clock) -> io::Result<Transcript> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        let (sent, received) = (Vec::new(), Vec::new());
        Ok(Transcript(Some(RefCell::new(Kept { file, clock, sent, received, failed: None }))))
    }

    /// Keeps nothing.
    pub fn none() -> Transcript {
        Transcript(None)
    }

    /// Does it keep nothing?
    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// These bytes were sent.
    pub fn sent(&self, bytes: &[u8]) {
        self.with(|kept| {
            let (whole, cut) = whole_letters(&mut kept.sent, bytes);
            kept.sent = cut;
            kept.said("sent", &whole);
        });
    }

    /// These bytes came.
    pub fn received(&self, bytes: &[u8]) {
        self.with(|kept| {
            let (whole, cut) = whole_letters(&mut kept.received, bytes);
            kept.received = cut;
            kept.said("received", &whole);
        });
    }

    /// Something else happened, about which one thing is told.
    pub fn note(&self, event: &str, told: Option<(&str, &str)>) {
        self.with(|kept| {
            for (event, cut) in
                [("sent", std::mem::take(&mut kept.sent)), ("received", std::mem::take(&mut kept.received))]
            {
                kept.said(event, &cut);
            }
            kept.write(event, told.map(|(key, value)| (key, value.into())));
        });
    }

    /// Why it is not whole, if it is not.
    pub fn failure(&self) -> Option<io::Error> {
        self.0.as_ref().and_then(|kept| kept.borrow_mut().failed.take())
    }

    fn with(&self, write: impl FnOnce(&mut Kept)) {
        if let Some(kept) = &self.0 {
            write(&mut kept.borrow_mut());
        }
    }
}

impl Kept {
    fn said(&mut self, event: &str, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let (key, value) = match std::str::from_utf8(bytes) {
            Ok(text) => ("text", text.into()),
            Err(_) => ("hex", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()),
        };
        self.write(event, Some((key, value)));
    }

    fn write(&mut self, event: &str, told: Option<(&str, Value)>) {
        let mut line =
            Map::from_iter([("at".to_owned(), json!((self.clock)())), ("event".to_owned(), json!(event))]);
        line.extend(told.map(|(key, value)| (key.to_owned(), value)));
        let line = format!("{}\n", Value::Object(line));
        if let Err(why) = self.file.write_all(line.as_bytes()) {
            self.failed.get_or_insert(why);
        }
    }
}

/// What was kept back and these bytes, but for a last letter that is not complete: reads end anywhere.
fn whole_letters(kept: &mut Vec<u8>, bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut whole = std::mem::take(kept);
    whole.extend_from_slice(bytes);
    let cut = match std::str::from_utf8(&whole) {
        Err(why) if why.error_len().is_none() => whole.split_off(why.valid_up_to()),
        _ => Vec::new(),
    };
    (whole, cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_kept_as_they_were_with_the_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("talk.ndjson");
        let transcript = Transcript::open(&path, || "now".to_owned()).unwrap();
        transcript.note("connected", Some(("to", "127.0.0.1:1")));
        transcript.sent("grüß\n".as_bytes());
        let (one, two) = "wörld\n".as_bytes().split_at(2);
        transcript.received(one);
        transcript.received(two);
        transcript.received(b"\xff\x00");
        transcript.received(b"\xc3");
        transcript.note("closed", None);
        let kept = std::fs::read_to_string(&path).unwrap();
        let expected = [
            r#"{"at":"now","event":"connected","to":"127.0.0.1:1"}"#,
            r#"{"at":"now","event":"sent","text":"grüß\n"}"#,
            r#"{"at":"now","event":"received","text":"w"}"#,
            r#"{"at":"now","event":"received","text":"örld\n"}"#,
            r#"{"at":"now","event":"received","hex":"ff00"}"#,
            r#"{"at":"now","event":"received","hex":"c3"}"#,
            r#"{"at":"now","event":"closed"}"#,
        ];
        assert_eq!(kept.lines().collect::<Vec<_>>(), expected);
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        assert!(transcript.failure().is_none());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_told_once() {
        let transcript = Transcript::open(Path::new("/dev/full"), String::new).unwrap();
        transcript.sent(b"a");
        transcript.sent(b"b");
        assert!(transcript.failure().is_some() && transcript.failure().is_none());
    }
}
