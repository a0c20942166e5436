//! `throng console`: a server is operated from another terminal, by scripts, and by nobody else.

#![allow(clippy::unwrap_used)]

mod pty;
mod real;

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pty::Terminal;
use real::{PATIENCE, Person, Server};
use tempfile::TempDir;

/// A server with its socket in a folder of its own.
struct House {
    folder: TempDir,
    socket: PathBuf,
}

impl House {
    fn new() -> House {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("run/console.sock");
        House { folder, socket }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn open(&self) -> Server {
        Server::start(&self.data(), &["--console-socket", self.socket.to_str().unwrap()])
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_throng"));
        command.arg("console").args(arguments).arg("--socket").arg(&self.socket);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the console: its exit code, and what it said at both outputs.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        said(self.command(arguments).spawn().unwrap())
    }

    fn script(&self, lines: &str) -> (i32, String, String) {
        let mut child = self.command(&[]).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        said(child)
    }

    fn call(&self) -> (BufReader<UnixStream>, String) {
        let stream = UnixStream::connect(&self.socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut reads = BufReader::new(stream);
        let mut first = String::new();
        reads.read_line(&mut first).unwrap();
        (reads, first)
    }
}

fn said(child: std::process::Child) -> (i32, String, String) {
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn one_command_is_carried_out_and_its_exit_code_says_how_it_went() {
    let house = House::new();
    let (code, out, error) = house.run(&["-c", "status"]);
    assert_eq!((code, &*out), (3, ""), "{error}");
    assert!(error.contains("no throng server answers at") && error.contains("throng serve"), "{error}");

    let server = house.open();
    let mut ana = Person::enter(server.address, "ana");
    let (code, out, _) = house.run(&["-c", "status"]);
    assert!(code == 0 && out.contains("1 person with a name, 1 room"), "{out}");
    let (code, out, _) = house.run(&["-c", "status", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &status["clients"]["total"], &status["state"]), (0, &1.into(), &"open".into()));
    let (code, _, error) = house.run(&["-c", "kick an"]);
    assert!(code == 1 && error.contains("did you mean: kick ana"), "{error}");
    for wrong in ["stauts", "kick", "pause --hodl", "clients --sort height", "logs", "logs watch"] {
        let (code, out, error) = house.run(&["-c", wrong]);
        assert_eq!((code, &*out), (2, ""), "{wrong}: {error}");
    }
    let (code, _, error) = house.run(&["--role", "view", "-c", "kick ana"]);
    assert!(code == 4 && error.contains("kick is for the role operate, and this is view"), "{error}");
    let (code, out, _) = house.run(&["--role", "operate", "-c", "kick ana take a break", "-c", "rooms"]);
    assert_eq!((code, &*out), (0, "Kicked ana (1 connection): take a break\nNo room has anybody in it.\n"));
    assert!(ana.read_to_end().iter().any(|line| line.contains("take a break")));

    let (code, _, error) = house.run(&["-c", "shutdown"]);
    assert!(code == 4 && error.contains("--yes"), "it asks, and nobody is there to answer: {error}");
    let (_, log, _) = house.run(&["-c", "logs show --last 100"]);
    for (verb, outcome) in
        [("given=\"CLIENT=an\" outcome=failed", "nobody called an is here"), ("verb=kick", "outcome=done")]
    {
        assert!(
            log.lines().any(|line| line.contains(verb) && line.contains(outcome)),
            "{verb} {outcome}:\n{log}"
        );
    }
    assert!(!log.contains("take a break\" outcome"), "what was said is not in what the operator did:\n{log}");
    assert_eq!(house.run(&["--yes", "-c", "shutdown"]).0, 0);
    let (status, said) = server.wait();
    assert!(status.success(), "{said}");
    assert!(!house.socket.exists(), "who ends takes the socket away");
}

#[test]
fn a_script_ends_at_the_first_command_that_fails() {
    let house = House::new();
    let _server = house.open();
    let (code, out, error) = house.script("# doors first\n\npause\nfoo\nresume\n");
    assert_eq!((code, out.lines().count()), (2, 1), "{out}{error}");
    assert!(error.contains("there is no command foo") && error.contains("at line 4: foo"), "{error}");
    let (code, out, _) = house.script("status\nresume");
    assert!(code == 0 && out.starts_with("paused ") && out.ends_with("Accepting again.\n"), "{out}");
}

#[test]
fn whoever_speaks_something_else_is_answered_and_bounded() {
    let house = House::new();
    let _server = house.open();
    let (mut reads, first) = house.call();
    assert!(first.starts_with(r#"{"hello":{"v":1,"program":"throng "#), "{first}");
    let mut ask = |line: &str| {
        reads.get_mut().write_all(line.as_bytes()).unwrap();
        let mut answer = String::new();
        reads.read_line(&mut answer).unwrap();
        answer
    };
    for wrong in ["hello\n", "{}\n", "{\"run\":{}}\n", "\n", "\u{1b}[2J\n"] {
        let answer = ask(wrong);
        assert!(answer.contains(r#""code":2"#) && answer.contains("no request of version 1"), "{answer}");
        assert!(!answer.contains('\u{1b}'));
    }
    let answer = ask("{\"run\":{\"line\":\"status\",\"unknown\":1}}\n");
    assert!(answer.contains(r#"{"done":{"code":0,"#), "{answer}");
    let answer = ask("{\"complete\":{\"before\":\"sta\"}}\n");
    assert_eq!(answer, "{\"completed\":{\"from\":0,\"words\":[\"status \"]}}\n");
    let answer = ask(&format!("{{\"run\":{{\"line\":\"{}\"}}}}\n", "x".repeat(70_000)));
    assert!(answer.contains("a request may have 65536 bytes"), "{answer}");
    assert_eq!(reads.read(&mut [0; 8]).unwrap(), 0, "and that was the end");
}

#[test]
fn there_are_so_many_places_and_who_only_followed_gives_theirs_back() {
    let house = House::new();
    let _server = house.open();
    let mut here: Vec<_> = (0..32)
        .map(|_| {
            let (mut reads, first) = house.call();
            assert!(first.contains("hello"), "{first}");
            reads.get_mut().write_all(b"{\"run\":{\"line\":\"status --watch\"}}\n").unwrap();
            reads
        })
        .collect();
    let (code, _, error) = house.run(&["-c", "status"]);
    assert!(code == 4 && error.contains("too many consoles"), "{error}");
    here.pop();
    // The server notices at its next line to who has gone, and those who are still here hear one as often.
    let is_in = (0..20).any(|_| {
        here[0].read_line(&mut String::new()).unwrap();
        house.run(&["-c", "status"]).0 == 0
    });
    assert!(is_in, "a place was given back");
}

#[test]
fn a_stale_socket_is_replaced_and_a_link_or_an_open_folder_is_refused() {
    let house = House::new();
    house.open().kill();
    assert!(house.socket.exists(), "nobody took it away");
    let server = house.open();
    assert_eq!(house.run(&["-c", "status"]).0, 0);
    let refused = |house: &House, data: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_throng"));
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .arg("--console-socket")
            .arg(&house.socket);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut says = child.stderr.take().unwrap();
        let (told, heard) = std::sync::mpsc::sync_channel(1);
        std::thread::spawn(move || {
            let mut said = String::new();
            let _ = says.read_to_string(&mut said);
            let _ = told.send(said);
        });
        // One that serves after all would never end.
        let said = heard.recv_timeout(PATIENCE);
        let _ = child.kill();
        (child.wait().unwrap().code().unwrap_or(-1), said.expect("it is refused, and ends"))
    };
    let (code, error) = refused(&house, &house.data());
    assert!(code == 1 && error.contains("a throng server runs on the data in"), "{error}");
    let (code, error) = refused(&house, &house.folder.path().join("other"));
    assert!(code == 1 && error.contains("another server listens there"), "{error}");
    assert_eq!(house.run(&["-c", "status"]).0, 0, "the first one keeps it");
    server.kill();

    std::fs::remove_file(&house.socket).unwrap();
    std::os::unix::fs::symlink(house.folder.path().join("elsewhere"), &house.socket).unwrap();
    let (code, error) = refused(&house, &house.data());
    assert!(code == 1 && error.contains("symbolic link") && error.contains("rm "), "{error}");
    std::fs::remove_file(&house.socket).unwrap();
    let folder = house.socket.parent().unwrap();
    std::fs::set_permissions(folder, PermissionsExt::from_mode(0o750)).unwrap();
    let (code, error) = refused(&house, &house.data());
    assert!(
        code == 1 && error.contains("others may enter the folder") && error.contains("chmod 700"),
        "{error}"
    );
}

/// A user who is nobody's friend (Debian's `nobody`).
const STRANGER: u32 = 65_534;

/// This program where a stranger can run it.
fn strangers_program() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let program = folder.path().join("throng");
    let own = env!("CARGO_BIN_EXE_throng");
    std::fs::hard_link(own, &program).or_else(|_| std::fs::copy(own, &program).map(drop)).unwrap();
    (folder, program)
}

#[test]
fn another_user_never_gets_in() {
    let (_folder, program) = strangers_program();
    let stranger = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.args(arguments).env_clear().current_dir("/").uid(STRANGER).gid(STRANGER);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().map(said)
    };
    match stranger(&["--version"]) {
        Ok((0, ..)) => {}
        // Only root can become somebody else to try it.
        other => return eprintln!("not tried: this user cannot run a program as another one ({other:?})"),
    }
    let house = House::new();
    let socket = house.socket.to_str().unwrap().to_owned();
    let ask = || stranger(&["console", "--socket", &socket, "-c", "status"]).unwrap();
    let rounds = std::env::var("THRONG_RESTARTS").map_or(5, |count| count.parse().unwrap());
    for _ in 0..rounds {
        let server = house.open();
        let (code, out, error) = ask();
        assert!(code == 4 && out.is_empty() && error.contains("permission denied"), "{code} {out}{error}");
        server.terminate();
        let (code, out, _) = ask();
        assert!(code > 0 && out.is_empty());
    }
    // Even where the files would let him in.
    let _server = house.open();
    for (path, mode) in
        [(house.folder.path(), 0o755), (house.socket.parent().unwrap(), 0o755), (&house.socket, 0o666)]
    {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }
    let (code, out, error) = ask();
    assert!(
        code == 4 && out.is_empty() && error.contains("user 65534 may not operate this server"),
        "{out}{error}"
    );
}

#[test]
fn a_prompt_in_another_terminal_completes_confirms_follows_and_leaves() {
    let house = House::new();
    let server = house.open();
    let mut ana = Person::enter(server.address, "ana");
    let socket = house.socket.to_str().unwrap();
    let line = format!("{} console --socket {socket}; echo exit=$?; stty -a", env!("CARGO_BIN_EXE_throng"));
    let mut terminal = Terminal::run("sh", &["-c", &line]);
    let at_prompt = |screen: &str| screen.lines().last() == Some("throng>");
    let screen = terminal.wait_until("the prompt", at_prompt);
    assert!(screen.starts_with("throng 0.1.0 (chat), process ") && screen.contains("as admin"), "{screen}");
    terminal.type_text("kic\tan\t");
    terminal.wait_for("throng> kick ana");
    terminal.type_text("\r");
    terminal.wait_for("Kicked ana (1 connection)");
    ana.read_to_end();
    terminal.type_text("status --watch\r");
    terminal.wait_for("Following; press Enter to stop.");
    terminal.wait_until("twice", |screen| screen.matches("accepting  at ").count() >= 2);
    terminal.type_text("\r");
    terminal.wait_for("(stopped)");
    terminal.type_text("shutdown\r");
    terminal.wait_for("Type  shutdown  to do it");
    terminal.type_text("no\r");
    terminal.wait_for("Nothing was changed, since shutdown was not typed.");
    terminal.type_text("\u{3}");
    terminal.wait_for("(Ctrl-D or exit leaves; the server goes on)");
    terminal.type_text("rooms\r");
    terminal.wait_for("No room has anybody in it.");
    terminal.type_text("\u{4}");
    let screen =
        terminal.wait_until("the shell", |screen| screen.contains("exit=0") && screen.contains("icanon"));
    let words: Vec<_> = screen.split_whitespace().collect();
    assert!(["icanon", "echo", "isig"].iter().all(|flag| words.contains(flag)), "{screen}");
    assert_eq!(house.run(&["-c", "status"]).0, 0, "the server goes on");
}

#[test]
fn a_drain_is_ended_by_resume_and_ends_the_server_when_all_have_gone() {
    let house = House::new();
    let server = house.open();
    let mut ana = Person::enter(server.address, "ana");
    let (code, out, _) = house.run(&["-c", "drain 1h"]);
    assert!(code == 0 && out.starts_with("Draining: 1 client here and told; the server ends"), "{out}");
    ana.read_until("the server closes in 1h0m");
    assert!(std::net::TcpStream::connect(server.address).is_err());
    let (code, _, error) = house.run(&["-c", "drain"]);
    assert!(code == 1 && error.contains("the server drains already"), "{error}");
    let (_, out, _) = house.run(&["-c", "resume"]);
    assert_eq!(out, "Accepting again; the server stays.\n");
    let bo = Person::enter(server.address, "bo");
    assert_eq!(house.run(&["-c", "drain 1h"]).0, 0);
    drop((ana, bo));
    let (status, said) = server.wait();
    assert!(status.success() && said.contains("server.drained"), "{said}");
}

#[test]
fn who_is_banned_stays_out_over_a_restart_until_it_is_lifted() {
    let house = House::new();
    let server = house.open();
    let mut ana = Person::enter(server.address, "ana");
    let (code, out, error) = house.run(&["-c", "ban ana --for 1h --reason too much flood"]);
    assert!(
        code == 0 && out.starts_with("Banned ana until ") && out.contains("1 connection closed"),
        "{out}{error}"
    );
    assert!(ana.read_to_end().iter().any(|line| line.contains("too much flood")));
    for (wrong, expected) in [
        ("ban 203.0.113.0/33", "a target is a name, a mask such as troll*"),
        ("ban ana --for 3", "expected a time such as 10s"),
        ("unban bo", "bo is not banned"),
    ] {
        let (code, _, error) = house.run(&["-c", wrong]);
        assert!(code > 0 && error.contains(expected), "{wrong}: {error}");
    }
    let (code, _, error) = house.run(&["-c", "ban *"]);
    assert!(code == 4 && error.contains("* hits everybody") && error.contains("--yes"), "{error}");
    server.terminate();
    let server = house.open();
    let mut again = Person::connect(server.address);
    again.type_line("ana\n");
    let refused = again.read_until("banned");
    assert!(refused.contains("too much flood"), "{refused}");
    let (_, out, _) = house.run(&["-c", "bans", "--json"]);
    let bans: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&bans[0]["target"], &bans[0]["reason"]), (&"ana".into(), &"too much flood".into()), "{out}");
    assert!(bans[0]["by"].as_str().unwrap().starts_with("uid "), "{out}");
    assert_eq!(house.run(&["-c", "unban ana"]).0, 0);
    Person::enter(server.address, "ana");
}

#[test]
fn the_store_is_copied_and_looked_through_while_people_talk() {
    let house = House::new();
    let server =
        Server::start(&house.data(), &["--console-socket", house.socket.to_str().unwrap(), "--pace", "off"]);
    let mut ana = Person::enter(server.address, "ana");
    ana.type_line("remember this");
    ana.read_until("<ana> remember this");
    let (code, out, error) = house.run(&["-c", "store backup", "--json"]);
    assert_eq!(code, 0, "{error}");
    let made: serde_json::Value = serde_json::from_str(&out).unwrap();
    let copy = Path::new(made["file"].as_str().unwrap());
    assert_eq!(std::fs::metadata(copy).unwrap().len(), made["bytes"].as_u64().unwrap());
    for number in 0..600 {
        ana.type_line(&format!("line {number}"));
    }
    ana.read_until("<ana> line 599");
    let (code, out, error) = house.run(&["-c", "history export lobby"]);
    let lines: Vec<_> = out.lines().collect();
    assert!(
        code == 0 && lines.len() == 601 && lines[0].ends_with("<ana> remember this"),
        "{error}{}",
        lines.len()
    );
    assert!(
        lines[1..].iter().enumerate().all(|(number, line)| line.ends_with(&format!("<ana> line {number}")))
    );
    let (_, out, _) = house.run(&["-c", "history export #lobby", "--json"]);
    let first: serde_json::Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["seq"], &first["author"], &first["text"]),
        (&1.into(), &"ana".into(), &"remember this".into())
    );
    let (code, _, error) = house.run(&["-c", "history export nowhere"]);
    assert!(code == 1 && error.contains("nothing is kept of #nowhere"), "{error}");
    let (code, out, _) = house.run(&["-c", "store check"]);
    assert_eq!((code, &*out), (0, "The store is sound.\n"));
    let (_, log, _) = house.run(&["-c", "logs show --kind store"]);
    assert!(
        log.contains("store.backed_up file=") && log.contains("by=\"uid ") && log.contains("store.sound"),
        "{log}"
    );
    // It is a store of its own.
    let elsewhere = house.folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::fs::copy(copy, elsewhere.join("throng.db")).unwrap();
    let other = Server::start(&elsewhere, &[]);
    Person::enter(other.address, "bo");
    let (code, _, error) =
        House { socket: house.folder.path().join("nobody"), ..House::new() }.run(&["-c", "store check"]);
    assert_eq!(code, 3, "{error}");
}

#[test]
fn settings_are_shown_set_and_read_anew() {
    let house = House::new();
    let server = house.open();
    let (_, out, _) = house.run(&["-c", "show limits.clients"]);
    assert!(out.contains("limits.clients*  auto   default"), "{out}");
    let (code, out, _) = house.run(&["-c", "set limits.clients 1"]);
    assert!(
        code == 0 && out.starts_with("limits.clients: auto -> 1, until the server ends; to keep it: "),
        "{out}"
    );
    let _ana = Person::enter(server.address, "ana");
    let (_, out, _) = house.run(&["-c", "limits"]);
    assert!(out.starts_with("clients      1 of 1\n"), "{out}");
    for (wrong, code, expected) in [
        ("set limits.clients 0", 2, "out of range"),
        ("set limits.cliens 5", 2, "did you mean limits.clients?"),
        ("set data /elsewhere", 2, "cannot change while the server runs"),
        ("show limitts", 1, "there is no setting limitts"),
    ] {
        let (found, _, error) = house.run(&["-c", wrong]);
        assert!(found == code && error.contains(expected), "{wrong}: {found} {error}");
    }
    let (_, out, _) = house.run(&["-c", "reload", "-c", "show --changed"]);
    assert!(out.starts_with("changed   limits.clients: 1 -> auto (default); it had been set"), "{out}");
    let (_, log, _) = house.run(&["-c", "logs show --last 100"]);
    for part in
        ["setting.changed path=limits.clients", "server.reloaded what=settings", "operator.did verb=set"]
    {
        assert!(log.contains(part), "{part}:\n{log}");
    }
}

/// A console in another session: with a runtime folder of its own, and a home where nothing is.
struct Elsewhere(TempDir);

impl Elsewhere {
    fn new() -> Elsewhere {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("run")).unwrap();
        Elsewhere(folder)
    }

    fn run(&self, variables: &[(&str, &Path)], arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_throng"));
        command.arg("console").args(arguments).env_clear().current_dir(self.0.path());
        command.env("HOME", self.0.path()).env("TMPDIR", self.0.path());
        command.env("XDG_RUNTIME_DIR", self.0.path().join("run")).envs(variables.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        said(command.spawn().unwrap())
    }

    /// What is there now, below everything.
    fn made(&self) -> Vec<PathBuf> {
        let folders = [self.0.path().to_owned(), self.0.path().join("run")];
        let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
        files.map(|file| file.unwrap().path()).filter(|path| *path != folders[1]).collect()
    }
}

#[test]
fn a_server_is_found_by_its_data_folder_wherever_its_socket_is() {
    let (house, elsewhere) = (House::new(), Elsewhere::new());
    // The folder's name is that of the usual one.
    let (shared, data) = (house.folder.path(), house.folder.path().join("throng"));
    let server = Server::start(&data, &["--console-socket", house.socket.to_str().unwrap()]);
    let pid = server.pid();
    let named = elsewhere.run(&[], &["--data", data.to_str().unwrap(), "-c", "status"]);
    let by_variable = elsewhere.run(&[("THRONG_DATA", &data)], &["-c", "status"]);
    let usual = elsewhere.run(&[("XDG_DATA_HOME", shared)], &["-c", "status"]);
    for (code, out, error) in [named, by_variable, usual] {
        assert!(code == 0 && out.starts_with("accepting "), "{out}{error}");
    }
    server.kill();
    assert!(std::fs::read_to_string(data.join("throng.lock")).unwrap().contains(&format!("\"pid\":{pid}")));
    // Another one has that socket by now, and is not taken for the one that was killed.
    let _other = house.open();
    let (code, out, error) = elsewhere.run(&[], &["--data", data.to_str().unwrap(), "-c", "status"]);
    assert!(code == 3 && error.contains("no throng server answers at"), "{out}{error}");
}

#[test]
fn who_only_looks_for_a_server_makes_no_folder() {
    let elsewhere = Elsewhere::new();
    let data = elsewhere.0.path().join("data");
    let named = ["--data", data.to_str().unwrap(), "-c", "status"];
    let none = Path::new("");
    let everywhere: [&[(&str, &Path)]; 2] = [&[], &[("XDG_RUNTIME_DIR", none)]];
    for variables in everywhere {
        for arguments in [&named[..], &["-c", "status"]] {
            let (code, _, error) = elsewhere.run(variables, arguments);
            assert!(code == 3 && error.contains("no throng server"), "{error}");
        }
        let (code, _, error) = elsewhere.run(&[("THRONG_DATA", &data)], &["-c", "status"]);
        assert!(code == 3 && error.contains("no throng server is running here"), "{error}");
        assert_eq!(elsewhere.made(), [] as [PathBuf; 0]);
    }
}
