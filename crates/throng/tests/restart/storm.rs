//! Twenty restarts of the chat while IRC clients talk and others come and go.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use crate::generations::Generations;
use crate::kept;
use crate::real::PATIENCE;

/// How often the chat is restarted.
const RESTARTS: usize = 20;
const WRITERS: usize = 4;
/// Messages that one writer has under way.
const WINDOW: usize = 4;
/// Messages that are confirmed, and calls that are answered, between two restarts.
const CONFIRMED_MIN: usize = 40;
const CALLS_MIN: usize = 10;

/// How often a count is looked at before a test gives up.
const LOOKS_MAX: usize = 50_000_000;

/// What the storm saw.
#[derive(Default)]
struct Seen {
    confirmed: AtomicUsize,
    calls: AtomicUsize,
    refused: AtomicUsize,
    reset: AtomicUsize,
    over: AtomicBool,
}

impl Seen {
    /// A call; nothing when it was refused, which is counted.
    fn call(&self, address: SocketAddr) -> Option<TcpStream> {
        match TcpStream::connect(address) {
            Ok(stream) => {
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                Some(stream)
            }
            Err(why) => {
                eprintln!("no call: {why}");
                self.refused.fetch_add(1, SeqCst);
                None
            }
        }
    }

    #[track_caller]
    fn until(&self, what: &AtomicUsize, count: usize) {
        for _ in 0..LOOKS_MAX {
            if what.load(SeqCst) >= count {
                return;
            }
            std::thread::yield_now();
        }
        let count_now = what.load(SeqCst);
        self.over.store(true, SeqCst);
        panic!("the storm stands still at {count_now}, {} were refused", self.refused.load(SeqCst));
    }
}

/// An IRC client: what it said and saw come back.
struct Writer {
    reads: BufReader<TcpStream>,
    writes: TcpStream,
    nick: String,
}

impl Writer {
    /// Registers and enters the lobby; nothing when the server ended meanwhile.
    fn enter(stream: TcpStream, nick: String, seen: &Seen) -> Option<Writer> {
        let mut writer = Writer { reads: BufReader::new(stream.try_clone().unwrap()), writes: stream, nick };
        let nick = &writer.nick;
        let hello = format!(
            "CAP REQ :echo-message\r\nNICK {nick}\r\nUSER {nick} 0 * :{nick}\r\nCAP END\r\nJOIN #lobby\r\n"
        );
        writer.writes.write_all(hello.as_bytes()).ok()?;
        loop {
            if writer.line(seen)?.contains(" 366 ") {
                return Some(writer);
            }
        }
    }

    /// The next line; nothing when the server closed.
    fn line(&mut self, seen: &Seen) -> Option<String> {
        let mut line = String::new();
        match self.reads.read_line(&mut line) {
            Ok(_) if line.ends_with('\n') => Some(line.trim_end().to_owned()),
            Ok(_) => None,
            Err(why) if why.kind() == ErrorKind::ConnectionReset => {
                seen.reset.fetch_add(1, SeqCst);
                None
            }
            Err(why) => panic!("no line came: {why}"),
        }
    }

    /// Talks until the server closes or the storm is over, and adds what was confirmed.
    fn talk(mut self, seen: &Seen, confirmed: &mut Vec<String>) {
        let text = |nick: &str, number: usize| format!("{nick} says {number}");
        let (mut said, mut heard) = (0, 0);
        loop {
            while said < heard + WINDOW && !seen.over.load(SeqCst) {
                let line = format!("PRIVMSG #lobby :{}\r\n", text(&self.nick, said));
                if self.writes.write_all(line.as_bytes()).is_err() {
                    break;
                }
                said += 1;
            }
            if seen.over.load(SeqCst) && said == heard {
                return;
            }
            let Some(line) = self.line(seen) else { return };
            let from_us = line.starts_with(&format!(":{}!", self.nick)) && line.contains(" PRIVMSG #lobby :");
            if from_us {
                assert!(line.ends_with(&format!(":{}", text(&self.nick, heard))), "{line}");
                confirmed.push(text(&self.nick, heard));
                seen.confirmed.fetch_add(1, SeqCst);
                heard += 1;
            }
        }
    }
}

fn write(address: SocketAddr, writer: usize, seen: &Seen) -> Vec<String> {
    let mut confirmed = Vec::new();
    let mut lives = 0;
    while !seen.over.load(SeqCst) {
        lives += 1;
        let Some(stream) = seen.call(address) else { continue };
        let nick = format!("{}{lives}", ["ana", "bob", "cyd", "dee"][writer]);
        if let Some(writer) = Writer::enter(stream, nick, seen) {
            writer.talk(seen, &mut confirmed);
        }
    }
    confirmed
}

/// Calls, asks something that needs no name, and hangs up when the answer is there.
fn call(address: SocketAddr, seen: &Seen) {
    let Some(mut stream) = seen.call(address) else { return };
    let asked = stream.write_all(b"PING :are you there\r\nCAP LS 302\r\n");
    let mut first = [0];
    match asked.and_then(|()| stream.read(&mut first)) {
        // Either an answer, or the end of a server that had not begun to answer.
        Ok(_) => {
            seen.calls.fetch_add(1, SeqCst);
        }
        Err(why) => {
            eprintln!("no answer: {why}");
            seen.reset.fetch_add(1, SeqCst);
        }
    }
}

#[test]
fn twenty_restarts_under_talk_lose_nothing_and_refuse_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let server = Generations::start(folder.path(), &["--pace", "off"]);
    let (address, seen) = (server.address, Arc::<Seen>::default());
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let seen = Arc::clone(&seen);
            std::thread::spawn(move || write(address, writer, &seen))
        })
        .collect();
    let caller = {
        let seen = Arc::clone(&seen);
        std::thread::spawn(move || {
            while !seen.over.load(SeqCst) {
                call(address, &seen);
            }
        })
    };
    let goes_on = || {
        seen.until(&seen.confirmed, seen.confirmed.load(SeqCst) + CONFIRMED_MIN);
        seen.until(&seen.calls, seen.calls.load(SeqCst) + CALLS_MIN);
    };
    let mut pids = vec![server.pid().unwrap()];
    for _ in 0..RESTARTS {
        goes_on();
        server.restart();
        pids.push(server.pid().unwrap());
    }
    goes_on();
    seen.over.store(true, SeqCst);
    let confirmed: Vec<_> = writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect();
    caller.join().unwrap();
    server.terminate();

    let (refused, reset) = (seen.refused.load(SeqCst), seen.reset.load(SeqCst));
    let stored = kept::lobby(folder.path());
    println!(
        "{RESTARTS} restarts: {} confirmed, {} stored, {} calls, {refused} refused, {reset} reset",
        confirmed.len(),
        stored.len(),
        seen.calls.load(SeqCst)
    );
    assert_eq!((refused, reset), (0, 0));
    let mut times: HashMap<&str, usize> = HashMap::new();
    for text in stored.iter().filter_map(|entry| entry.record.text.as_ref()) {
        *times.entry(text.as_str()).or_default() += 1;
    }
    for text in &confirmed {
        assert_eq!(times.get(text.as_str()), Some(&1), "{text:?} was confirmed");
    }
    assert!(times.values().all(|count| *count == 1), "something was stored twice");
    let seqs: Vec<u64> = stored.iter().map(|entry| entry.stamp.seq).collect();
    assert_eq!(seqs, (1..=stored.len() as u64).collect::<Vec<_>>(), "the numbers of the room have no gap");
    pids.sort_unstable();
    pids.dedup();
    assert_eq!(pids.len(), RESTARTS + 1, "each generation is a process of its own");
    one_at_a_time(folder.path());
}

/// Each generation says that it is ready after the one before has said that it drained, in the one log of them all.
fn one_at_a_time(data: &Path) {
    let mut files: Vec<_> =
        std::fs::read_dir(data.join("events")).unwrap().map(|file| file.unwrap().path()).collect();
    // The older a file, the higher its number; the newest has none.
    files.sort_by_key(|path| path.to_str().unwrap().replace("events.jsonl", "events.0.jsonl"));
    let text: String = files.iter().rev().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let kinds = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let kinds: Vec<_> = kinds
        .filter_map(|event| event["kind"].as_str().map(str::to_owned))
        .filter(|kind| ["server.ready", "server.drained"].contains(&kind.as_str()))
        .collect();
    assert_eq!(kinds, ["server.ready", "server.drained"].repeat(RESTARTS + 1));
}
