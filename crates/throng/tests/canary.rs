//! Passwords, tokens and codes go through every door of the real program, and are nowhere afterwards: not in what it prints, not
//! at its prompt, not in a file of its folder, not in what anybody else hears, however it ends.

#![allow(clippy::unwrap_used)]

#[path = "canary/evidence.rs"]
mod evidence;
#[path = "canary/flows.rs"]
mod flows;
mod program;
mod pty;
#[path = "../../throng-services/tests/identity/client.rs"]
mod scram;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;

use portable_pty::CommandBuilder;

use evidence::Evidence;
use flows::{CODE, FIRST, SECOND, SHORT, long};
use program::Program;
use pty::Terminal;

/// A server whose every word is kept.
struct Server {
    program: Program,
    address: SocketAddr,
    said: Vec<JoinHandle<Vec<u8>>>,
}

/// As talkative as it can be: there is no flag for more, and a library that asks the usual variable is to find it.
const TALKATIVE: (&str, &str) = ("RUST_LOG", "trace");
const ARGUMENTS: [&str; 5] = ["--listen", "127.0.0.1:0", "--pace", "off", "--accounts-scram"];

impl Server {
    fn start(data: &Path) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_throng"));
        command.arg("serve").args(ARGUMENTS).arg("--data").arg(data).env(TALKATIVE.0, TALKATIVE.1);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut program = Program(command.spawn().unwrap());
        let (told, ready) = mpsc::sync_channel(1);
        let output = program.0.stdout.take().unwrap();
        let errors = program.0.stderr.take().unwrap();
        let said = vec![
            keep(BufReader::new(output), |_| ()),
            keep(BufReader::new(errors), move |line| {
                let address = line.split("address=").nth(1).filter(|_| line.contains("server.ready"));
                if let Some(address) = address.and_then(|rest| rest.split_whitespace().next()) {
                    told.send(address.parse().unwrap()).unwrap();
                }
            }),
        ];
        let address = ready.recv_timeout(flows::PATIENCE).unwrap();
        Server { program, address, said }
    }

    /// Ends it by this signal, and hands over what it said.
    fn end(mut self, signal: &str, evidence: &mut Evidence) {
        pty::send_signal(signal, self.program.0.id());
        self.program.0.wait().unwrap();
        for said in self.said.drain(..) {
            evidence.keep(&format!("what the server that {signal} ended printed"), &said.join().unwrap());
        }
    }
}

/// Keeps all that comes, and shows each line to somebody.
fn keep(
    mut from: impl BufRead + Send + 'static,
    each: impl Fn(&str) + Send + 'static,
) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut all = Vec::new();
        loop {
            let before = all.len();
            if from.read_until(b'\n', &mut all).unwrap() == 0 {
                return all;
            }
            each(&String::from_utf8_lossy(&all[before..]));
        }
    })
}

/// `throng account` with this typed into it; all that it said is evidence.
fn account(data: &Path, arguments: &[&str], input: &str, evidence: &mut Evidence) -> i32 {
    let mut command = Command::new(env!("CARGO_BIN_EXE_throng"));
    command.arg("account").args(arguments).arg("--data").arg(data).env(TALKATIVE.0, TALKATIVE.1);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut program = Program(command.spawn().unwrap());
    // What does not read its input may be gone by now.
    let _ = program.0.stdin.take().unwrap().write_all(input.as_bytes());
    let errors = keep(BufReader::new(program.0.stderr.take().unwrap()), |_| ());
    let mut output = Vec::new();
    program.0.stdout.take().unwrap().read_to_end(&mut output).unwrap();
    let code = program.0.wait().unwrap().code().unwrap();
    evidence.keep(&format!("the output of account {arguments:?}"), &output);
    evidence.keep(&format!("the errors of account {arguments:?}"), &errors.join().unwrap());
    code
}

/// Types a line at the prompt, and waits for these words in its answer.
fn ask(terminal: &mut Terminal, line: &str, words: &str) {
    terminal.type_text(&format!("{line}\r"));
    terminal.wait_until(words, |screen| {
        let answer = screen.rsplit(&format!("throng> {line}\n")).next().unwrap_or_default();
        answer.contains(words) && answer.ends_with("throng>")
    });
}

#[test]
fn no_secret_is_anywhere_but_with_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut evidence = Evidence::default();

    // Before any server: what is given to the command line.
    for (input, code) in [(SHORT, 2), (long().as_str(), 2), (FIRST, 0)] {
        assert_eq!(account(&data, &["create", "bo", "--password-stdin"], input, &mut evidence), code);
    }

    let server = Server::start(&data);
    flows::by_lines(server.address, &mut evidence);
    evidence.look_through(&data, "while it runs");
    server.end("-TERM", &mut evidence);
    evidence.look_through(&data, "after its end");

    let server = Server::start(&data);
    flows::by_irc(server.address, &mut evidence);
    server.end("-KILL", &mut evidence);
    let unmerged = std::fs::metadata(data.join("throng.db-wal")).map_or(0, |file| file.len());
    assert!(unmerged > 0, "what was written ahead is still there");
    evidence.look_through(&data, "after kill -9");

    assert_eq!(account(&data, &["reset", "bo", "--password-stdin"], SECOND, &mut evidence), 0);
    let exported = folder.path().join("exported.ndjson");
    assert_eq!(account(&data, &["export", exported.to_str().unwrap()], "", &mut evidence), 0);
    let text = std::fs::read(&exported).unwrap();
    assert!(String::from_utf8_lossy(&text).contains("argon2"), "verifiers are meant to be there");
    evidence.keep("the export", &text);
    assert_eq!(account(&data, &["clear", "--yes"], "", &mut evidence), 0);
    assert_eq!(account(&data, &["import", exported.to_str().unwrap()], "", &mut evidence), 0);

    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_throng"));
    command.arg("serve");
    command.args(ARGUMENTS);
    command.args(["--data", data.to_str().unwrap()]);
    command.env("TERM", "xterm-256color");
    command.env(TALKATIVE.0, TALKATIVE.1);
    let mut terminal = Terminal::run_command(command);
    let screen = terminal.wait_until("the prompt", |screen| screen.lines().last() == Some("throng>"));
    let address = screen.lines().find_map(|line| line.strip_prefix("  chat ")).unwrap();
    let address = address.split_whitespace().next().unwrap().parse().unwrap();
    let here = flows::beside_the_prompt(address, &mut evidence);
    ask(&mut terminal, "clients", "eve");
    ask(&mut terminal, "account show bo", "phone");
    ask(&mut terminal, "logs show --last 1000", "account.refused");
    drop(here);
    terminal.type_text("shutdown\r");
    terminal.wait_for_end();
    evidence.keep("the terminal", &terminal.printed());
    evidence.look_through(&data, "at the end");

    // The search finds what is there: else it would prove nothing.
    assert!(
        evidence.places_of(flows::SAID_ALOUD).iter().any(|place| place.ends_with("throng.db")),
        "the talk is stored"
    );
    for (words, place) in [("eve", "the terminal"), ("account.created", "events"), ("bo", "backups")] {
        let found = evidence.places_of(words);
        assert!(found.iter().any(|found| found.contains(place)), "{words} in {place}: {found:?}");
    }
    let secrets = [FIRST, SECOND, flows::WRONG, flows::WRONG_TOKEN, SHORT, CODE].map(str::to_owned);
    let secrets: Vec<String> = secrets.into_iter().chain([long()]).chain(evidence.tokens.clone()).collect();
    assert_eq!(secrets.len(), 7 + 4, "each token that was given");
    for secret in secrets {
        for form in evidence::forms(&secret) {
            let found = evidence.places_of(&form);
            assert!(found.is_empty(), "{secret} as {form} is in {found:#?}");
        }
    }
}
