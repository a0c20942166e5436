//! History is limited and words are forgotten, of a server that runs: asked about first, done while people talk, and gone.

#![allow(clippy::unwrap_used)]

mod pty;
mod real;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pty::Terminal;
use real::{Person, Server};
use serde_json::Value as Json;
use tempfile::TempDir;

/// A server with its socket in a folder of its own.
struct House {
    folder: TempDir,
}

impl House {
    fn new() -> House {
        House { folder: tempfile::tempdir().unwrap() }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn socket(&self) -> String {
        self.folder.path().join("run/console.sock").to_str().unwrap().to_owned()
    }

    fn open(&self, arguments: &[&str]) -> Server {
        let socket = self.socket();
        Server::start(
            &self.data(),
            &[&["--console-socket", socket.as_str(), "--pace", "off"], arguments].concat(),
        )
    }

    /// Types this at the console, without a terminal: the exit code, and what was said at both outputs.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_throng"));
        command.arg("console").args(arguments).args(["--socket", &self.socket()]).stdin(Stdio::null());
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    /// The same of what succeeds, as programs read it.
    fn json(&self, typed: &str) -> Json {
        let (code, out, error) = self.run(&["--yes", "-c", &format!("{typed} --json")]);
        assert_eq!(code, 0, "{typed}: {error}");
        serde_json::from_str(&out).unwrap()
    }

    /// What is kept of the lobby, in words.
    fn said(&self) -> Vec<String> {
        let (code, out, error) = self.run(&["-c", "history export lobby"]);
        assert!(code == 0 || error.contains("nothing is kept"), "{error}");
        out.lines().map(|line| line.splitn(3, ' ').nth(2).unwrap().to_owned()).collect()
    }

    fn backups(&self) -> usize {
        std::fs::read_dir(self.data().join("backups")).map_or(0, Iterator::count)
    }
}

fn times(file: &Path, words: &str) -> usize {
    let bytes = std::fs::read(file).unwrap_or_default();
    bytes.windows(words.len()).filter(|window| *window == words.as_bytes()).count()
}

fn say(person: &mut Person, name: &str, words: &str) {
    person.type_line(words);
    person.read_until(&format!("<{name}> {words}"));
}

#[test]
fn words_are_forgotten_when_that_is_confirmed_and_talk_goes_on() {
    let house = House::new();
    let server = house.open(&[]);
    let mut ana = Person::enter(server.address, "ana");
    let mut eve = Person::enter(server.address, "Eve");
    for number in 0..30 {
        say(&mut ana, "ana", &format!("tea {number}"));
        say(&mut eve, "Eve", &format!("sesame {number}"));
    }
    eve.type_line("/topic open sesame");
    eve.read_until("open sesame");
    let (code, out, error) = house.run(&["-c", "history forget eve"]);
    assert_eq!((code, &*out), (4, ""), "{error}");
    for told in ["31 messages", "31 in #lobby", "1 topic", "the name eve", "folder backups", "--yes"] {
        assert!(error.contains(told), "{told}: {error}");
    }
    assert_eq!((house.said().len(), house.backups()), (61, 0), "nothing went");

    assert_eq!(house.json("status")["history"]["messages"], 61);
    let forgotten = house.json("history forget EVE");
    assert_eq!(
        (
            &forgotten["messages"],
            &forgotten["rooms"]["#lobby"],
            &forgotten["topics"],
            &forgotten["overwritten"]
        ),
        (&31.into(), &31.into(), &1.into(), &true.into())
    );
    let backup = Path::new(forgotten["backup"].as_str().unwrap());
    assert!(times(backup, "sesame") > 0 && house.backups() == 1);
    for file in ["throng.db", "throng.db-wal"] {
        assert_eq!(times(&house.data().join(file), "sesame"), 0, "{file}");
    }
    assert_eq!(house.json("status")["history"]["messages"], 30);
    let expected: Vec<_> = (0..30).map(|number| format!("<ana> tea {number}")).collect();
    assert_eq!(house.said(), expected);
    assert!(house.json("room #lobby").to_string().contains("\"topic\":null"));
    say(&mut ana, "ana", "still here");
    ana.type_line("/history 5");
    let lines = std::iter::from_fn(|| ana.read_line().filter(|line| !line.contains("still here")));
    let shown = lines.collect::<String>();
    assert!(shown.contains("tea 29") && !shown.contains("sesame"), "{shown}");
    let again = house.json("history forget eve");
    assert!(again["messages"] == 0 && house.backups() == 1, "{again}");
    let (code, _, error) = house.run(&["--yes", "-c", "history forget 'no name'"]);
    assert_eq!(code, 2, "{error}");

    let (_, log, _) = house.run(&["-c", "logs show --last 100"]);
    let events = log.lines().filter(|line| line.contains("history.forgotten name=EVE messages=31")).count();
    assert_eq!(events, 1, "{log}");
    server.terminate();
    // The newest numbers were eve's: what comes next has numbers of its own.
    let server = house.open(&[]);
    let mut bo = Person::enter(server.address, "bo");
    say(&mut bo, "bo", "hello");
    let (_, out, _) = house.run(&["-c", "history export #lobby --json"]);
    let seqs: Vec<u64> = out
        .lines()
        .map(|line| serde_json::from_str::<Json>(line).unwrap()["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(seqs[seqs.len() - 2..], [62, 63], "{seqs:?}");
}

#[test]
fn history_is_limited_while_the_server_runs_and_only_what_deletes_is_asked_about() {
    let house = House::new();
    let server = house.open(&[]);
    let mut ana = Person::enter(server.address, "ana");
    // Each comes to 93.
    for number in 0..30 {
        say(&mut ana, "ana", &format!("number {number:03}"));
    }
    let (code, out, _) = house.run(&["-c", "history keep"]);
    assert!(
        code == 0 && out.starts_with("All is kept (history.keep).\nThere are 30 messages in 1 room since "),
        "{out}"
    );
    let held = house.json("history keep");
    assert_eq!(
        (&held["keep"], &held["messages"], &held["bytes"]),
        (&"off".into(), &30.into(), &(30 * 93).into())
    );
    for (typed, code, told) in [
        ("set history.keep 1KiB", 2, "type: history keep 1KiB"),
        ("history keep 90", 2, "expected an age such as 90d"),
        ("history keep 1s", 2, "out of range: from 1m"),
        ("history keep 1KiB", 4, "This deletes for good 19 messages, said from "),
        ("history keep 90d", 4, "Nothing goes now. From then on what is older than 90d"),
    ] {
        let (found, _, error) = house.run(&["-c", typed]);
        assert!(found == code && error.contains(told), "{typed}: {found} {error}");
    }
    assert_eq!((house.said().len(), house.backups()), (30, 0), "nothing went");

    let swept = house.json("history keep 1KiB");
    assert_eq!((&swept["messages"], &swept["keep"]), (&19.into(), &"1KiB".into()));
    assert_eq!((house.said().len(), house.backups()), (11, 1));
    assert_eq!(house.said()[0], "<ana> number 019", "the oldest went");
    let (_, out, _) = house.run(&["-c", "show history.keep"]);
    assert!(out.contains("1KiB") && out.contains("set by uid "), "{out}");
    let (_, status, _) = house.run(&["-c", "status"]);
    assert!(status.contains("in the data folder"), "{status}");
    let (code, out, _) = house.run(&["-c", "history keep 2KiB"]);
    assert!(
        code == 0 && out.starts_with("Nothing goes. history.keep: 1KiB -> 2KiB, until the server ends"),
        "{out}"
    );
    let (code, out, _) = house.run(&["-c", "history keep off"]);
    assert!(code == 0 && out.contains("2KiB -> off") && house.backups() == 1, "{out}");
    server.terminate();

    // From a file or a flag nobody asks: it goes at the start, and the log says so.
    let server = house.open(&["--history-keep", "1KiB"]);
    let mut bo = Person::enter(server.address, "bo");
    for number in 0..20 {
        say(&mut bo, "bo", &format!("number {number:03}"));
    }
    let (_, out, _) = house.run(&["-c", "history keep"]);
    assert!(out.starts_with("Kept: 1KiB; the oldest of what comes to more than 1KiB is deleted"), "{out}");
    server.terminate();
    let mut server = house.open(&["--history-keep", "1KiB"]);
    let told = server.read_until("history.trimmed");
    assert!(told.contains("messages=20"), "{told}");
    assert_eq!((house.said().len(), house.backups()), (11, 1), "without a backup");
    server.terminate();

    let file = house.folder.path().join("throng.toml");
    std::fs::write(&file, "").unwrap();
    let mut server = house.open(&["--config", file.to_str().unwrap()]);
    let mut bo = Person::enter(server.address, "bo");
    say(&mut bo, "bo", "number 999");
    std::fs::write(&file, "history.keep = \"1KiB\"\n").unwrap();
    let (code, out, error) = house.run(&["-c", "reload"]);
    assert!(code == 0 && out.contains("history.keep: off -> 1KiB"), "{error}{out}");
    server.read_until("history.trimmed messages=1 ");
}

#[test]
fn on_a_terminal_one_command_asks_for_the_word_and_another_word_changes_nothing() {
    let house = House::new();
    let server = house.open(&[]);
    let mut ana = Person::enter(server.address, "ana");
    say(&mut ana, "ana", "tea");
    for (typed, code, told, left) in [
        ("yes", 4, "nothing was changed, since ana was not typed", 1),
        ("ana", 0, "Forgotten of the name ana: 1 message", 0),
    ] {
        let arguments = ["console", "--socket", &house.socket(), "-c", "history forget ana"];
        let mut terminal = Terminal::run(env!("CARGO_BIN_EXE_throng"), &arguments);
        let asked = terminal.wait_for("anything else leaves all as it is");
        assert!(asked.contains("This deletes for good 1 message") && asked.contains("Type  ana"), "{asked}");
        terminal.type_text(&format!("{typed}\r"));
        let (ended, screen) = terminal.wait_for_end();
        assert!(ended == code && screen.replace('\n', "").contains(told), "{ended} {screen}");
        assert_eq!(house.said().len(), left, "{screen}");
    }
}
