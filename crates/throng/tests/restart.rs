//! The real binary restarts while people connect and talk: one server at a time has the store, nobody is refused, and what a
//! sender saw confirmed is in the history, once. A new program that cannot serve leaves everything as it was.

#![allow(clippy::unwrap_used)]

mod kept;
mod pty;
mod real;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};

use command_fds::{CommandFdExt, FdMapping};
use pty::{Terminal, send_signal};
use real::{PATIENCE, Person};

/// How often the chat is restarted.
const RESTARTS: usize = 20;
const WRITERS: usize = 4;
/// Messages that one writer has under way.
const WINDOW: usize = 4;
/// Messages that are confirmed, and calls that are answered, between two restarts.
const CONFIRMED_MIN: usize = 40;
const CALLS_MIN: usize = 10;

/// Lines that may wait to be read by a test.
const LINES_MAX: usize = 4096;

/// All generations of a server. They share one standard error.
struct Generations {
    first: Child,
    data: PathBuf,
    lines: Mutex<Receiver<String>>,
    address: SocketAddr,
}

impl Generations {
    fn start(data: &Path, arguments: &[&str]) -> Generations {
        let mut command = Command::new(env!("CARGO_BIN_EXE_throng"));
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments);
        Generations::of(command, data)
    }

    fn of(mut command: Command, data: &Path) -> Generations {
        command.arg("--data").arg(data);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut first = command.spawn().unwrap();
        drop(command);
        let (tell, lines) = sync_channel(LINES_MAX);
        let stderr = BufReader::new(first.stderr.take().unwrap());
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        let lines = Mutex::new(lines);
        let mut server =
            Generations { first, data: data.to_owned(), lines, address: "127.0.0.1:1".parse().unwrap() };
        server.address = server.ready();
        server
    }

    /// Waits until a generation is ready: where it listens.
    #[track_caller]
    fn ready(&self) -> SocketAddr {
        let line = self.read_until("server.ready");
        line.split("address=").nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Reads lines up to the first that contains these words, and gives that one.
    #[track_caller]
    fn read_until(&self, words: &str) -> String {
        let mut read = Vec::new();
        loop {
            let Ok(line) = self.lines.lock().unwrap().recv_timeout(PATIENCE) else {
                panic!("{words:?} did not come: {read:#?}");
            };
            if line.contains(words) {
                return line;
            }
            read.push(line);
        }
    }

    /// The process that holds the data now, as it says itself; it does when it is ready.
    fn pid(&self) -> Option<u32> {
        let told = std::fs::read_to_string(self.data.join("throng.lock")).ok()?;
        let told: serde_json::Value = serde_json::from_str(&told).ok()?;
        told["pid"].as_u64()?.try_into().ok()
    }

    fn signal(&self, signal: &str) {
        send_signal(signal, self.pid().unwrap());
    }

    fn restart(&self) {
        self.signal("-USR2");
        assert_eq!(self.ready(), self.address);
    }

    /// Ends the last generation, and waits until nobody has the standard error any more.
    fn terminate(self) -> String {
        self.signal("-TERM");
        let mut said = String::new();
        loop {
            match self.lines.lock().unwrap().recv_timeout(PATIENCE) {
                Ok(line) => said = said + &line + "\n",
                Err(why) => {
                    assert_eq!(why, std::sync::mpsc::RecvTimeoutError::Disconnected, "{said}");
                    return said;
                }
            }
        }
    }
}

impl Drop for Generations {
    fn drop(&mut self) {
        // When a test failed, or the first generation is gone for long: each by its own number. One that ended has cleared
        // what it told; a new process that only waits ends with the one that started it.
        if let Some(pid) = self.pid() {
            let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).stderr(Stdio::null()).status();
        }
        let _ = self.first.kill();
        let _ = self.first.wait();
    }
}

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

    fn until(&self, what: &AtomicUsize, count: usize) {
        while what.load(SeqCst) < count {
            assert!(!self.over.load(SeqCst));
            std::thread::yield_now();
        }
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

/// A program of its own file, which a test replaces.
struct Program {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Program {
    fn new() -> Program {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("throng");
        std::fs::copy(env!("CARGO_BIN_EXE_throng"), &path).unwrap();
        Program { _folder: folder, path }
    }

    /// Replaces it as an upgrade does: by another file of the same name.
    fn replace(&self, script: &str) {
        let next = self.path.with_extension("next");
        std::fs::write(&next, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&next, PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::rename(&next, &self.path).unwrap();
    }

    fn serve(&self, data: &Path, arguments: &[&str]) -> Generations {
        let mut command = Command::new(&self.path);
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments);
        Generations::of(command, data)
    }
}

#[test]
fn a_new_program_that_cannot_serve_leaves_the_chat_as_it_is() {
    let (folder, program) = (tempfile::tempdir().unwrap(), Program::new());
    let server = program.serve(folder.path(), &[]);
    let pid = server.pid();
    let mut ana = Person::enter(server.address, "ana");
    for (script, expected) in [
        ("echo no such luck >&2; exit 3", "the new process ended: exit status: 3; it wrote: no such luck"),
        (
            "printf 'failed the moon is wrong\\n' >&4; exec sleep 20",
            "the new process cannot serve: the moon is wrong",
        ),
        ("printf 'hello\\n' >&4; exec sleep 20", "the new process is not understood"),
    ] {
        program.replace(script);
        server.signal("-USR2");
        let line = server.read_until("server.restart_failed");
        assert!(line.contains(expected), "{line}");
        ana.type_line(script);
        ana.read_until(&format!("<ana> {script}"));
        assert_eq!(server.pid(), pid);
    }
    // One that is warm, and ends when everything was let go: the old one begins once more, with the same sockets.
    program.replace("printf 'warm\\n' >&4; read -r go <&4; exit 7");
    server.signal("-USR2");
    let line = server.read_until("server.restart_failed");
    assert!(line.contains("the new process ended: exit status: 7"), "{line}");
    assert!(ana.read_to_end().iter().any(|line| line.contains("the server restarts")));
    assert_eq!(server.ready(), server.address);
    assert_eq!(server.pid(), pid, "it is the same process");
    let mut ana = Person::connect(server.address);
    ana.type_line("ana");
    ana.read_until("<ana> echo no such luck");
    drop(ana);
    let said = server.terminate();
    assert!(said.contains("drained: "), "{said}");
}

#[test]
fn a_certificate_that_broke_meanwhile_is_found_before_anybody_is_told() {
    let (folder, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let made = Command::new(env!("CARGO_BIN_EXE_throng"))
        .args(["tls", "self-signed", "--out"])
        .arg(files.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let (certificate, key) = (files.path().join("cert.pem"), files.path().join("key.pem"));
    let paths = ["--tls-cert", certificate.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let server = Generations::start(folder.path(), &paths);
    let mut ana = Person::enter(server.address, "ana");
    server.signal("-HUP");
    server.read_until("server.reloaded");
    std::fs::write(&certificate, "no certificate").unwrap();
    server.signal("-HUP");
    server.read_until("server.reload_failed");
    server.signal("-USR2");
    let line = server.read_until("server.restart_failed");
    assert!(line.contains("cannot serve") && line.contains("cert.pem"), "{line}");
    ana.type_line("still here");
    ana.read_until("<ana> still here");
    drop(ana);
    server.terminate();
}

#[test]
fn the_service_manager_is_told_what_happens() {
    let (folder, sockets) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = sockets.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let told = || {
        let mut told = [0; 4096];
        let bytes = manager.recv(&mut told).unwrap();
        String::from_utf8(told[..bytes].to_vec()).unwrap()
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_throng"));
    command.args(["serve", "--listen", "127.0.0.1:0"]).env("NOTIFY_SOCKET", &path);
    let server = Generations::of(command, folder.path());
    assert_eq!(told(), format!("READY=1\nSTATUS=serving at {}\n", server.address));
    server.signal("-HUP");
    let reloading = told();
    assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
    assert!(told().starts_with("READY=1\n"));
    server.restart();
    let reloading = told();
    assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
    assert_eq!(told(), format!("MAINPID={}\nREADY=1\n", server.pid().unwrap()));
    server.terminate();
    assert_eq!(told(), "STOPPING=1\n");
}

/// Started as a service manager does it: the number is known only in the process.
fn activated(socket: TcpListener, names: &str, arguments: &[&str], data: &Path) -> Generations {
    let mut command = Command::new("sh");
    command.args(["-c", "LISTEN_PID=$$ exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_throng"), "serve"]);
    command.args(arguments).env("LISTEN_FDS", "1").env("LISTEN_FDNAMES", names);
    let passed: OwnedFd = socket.into();
    command.fd_mappings(vec![FdMapping { parent_fd: passed, child_fd: 3 }]).unwrap();
    Generations::of(command, data)
}

#[test]
fn sockets_of_the_service_manager_are_used_and_come_through_a_restart() {
    for arguments in [&[][..], &["--listen", "systemd"], &["--listen", "systemd:web"]] {
        let folder = tempfile::tempdir().unwrap();
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = socket.local_addr().unwrap();
        let server = activated(socket, "web", arguments, folder.path());
        assert_eq!(server.address, at, "{arguments:?}");
        Person::enter(at, "ana");
        server.restart();
        Person::enter(at, "bo");
        server.terminate();
    }
}

#[test]
fn a_name_that_was_not_passed_is_told() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_throng"));
    let output = command.args(["serve", "echo", "--listen", "systemd:web"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("no socket named web was passed by systemd"), "{said}");
}

#[test]
fn an_echo_restarts_beside_itself() {
    let folder = tempfile::tempdir().unwrap();
    let server = Generations::start(folder.path(), &["echo"]);
    for _ in 0..3 {
        let mut ana = Person::connect(server.address);
        ana.type_line("hello");
        assert_eq!(ana.read_line().as_deref(), Some("hello"));
        server.restart();
        assert_eq!(ana.read_line(), None);
    }
    server.terminate();
}

#[test]
fn in_a_terminal_the_process_stays_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--data", data];
    let mut terminal = Terminal::run(env!("CARGO_BIN_EXE_throng"), &arguments);
    let at_prompt = |screen: &str| screen.lines().last() == Some("throng>");
    let screen = terminal.wait_until("the prompt", at_prompt);
    let line = screen.lines().find(|line| line.starts_with("  chat ")).unwrap();
    let address: SocketAddr = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    let pid = terminal.pid();
    let mut ana = Person::enter(address, "ana");
    terminal.type_text("restart\r");
    assert!(ana.read_to_end().iter().any(|line| line.contains("the server restarts")));
    drop(ana);
    let ready = |screen: &str| screen.matches("ready in ").count() == 2 && at_prompt(screen);
    let screen = terminal.wait_until("the prompt of the new program", ready);
    assert_eq!(screen.matches(&format!("  chat     {address} ")).count(), 2, "{screen}");
    let told = std::fs::read_to_string(folder.path().join("throng.lock")).unwrap();
    assert!(told.contains(&format!("\"pid\":{pid},")), "{told}");
    let mut bo = Person::enter(address, "bo");
    terminal.type_text("status\r");
    terminal.wait_for("1 connected, 1 with a name");
    terminal.type_text("shutdown\r");
    assert!(bo.read_to_end().iter().any(|line| line.starts_with("Bye bo.")));
    let (code, screen) = terminal.wait_for_end();
    assert_eq!(code, 0, "{screen}");
}
