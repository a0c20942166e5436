//! The real binary restarts while people connect and talk: one server at a time has the store, nobody is refused, and what a
//! sender saw confirmed is in the history, once. A new program that cannot serve leaves everything as it was.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod generations;
#[path = "../kept/mod.rs"]
mod kept;
#[path = "../pty/mod.rs"]
mod pty;
#[path = "../real/mod.rs"]
mod real;
mod storm;

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;

use command_fds::{CommandFdExt, FdMapping};
use generations::Generations;
use pty::Terminal;
use real::{PATIENCE, Person};

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
    ana.type_line("ana\n");
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
    let any = || {
        let mut told = [0; 4096];
        let bytes = manager.recv(&mut told).unwrap();
        String::from_utf8(told[..bytes].to_vec()).unwrap()
    };
    // How it is comes now and then between what happens.
    let told = || loop {
        let told = any();
        if !told.starts_with("STATUS=") {
            return told;
        }
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
    // Somebody who does not go is waited for, for a while.
    let stays = Person::enter(server.address, "ana");
    server.signal("-TERM");
    assert_eq!(told(), "STOPPING=1\n");
    let mut status = std::iter::from_fn(|| Some(any()));
    assert!(status.any(|told| told == "STATUS=draining: 1 client left\n"));
    drop((stays, server));
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
#[cfg(target_os = "linux")]
fn worker_processes_serve_at_sockets_that_only_the_first_process_has() {
    for arguments in [&[][..], &["--listen", "systemd"], &["--listen", "systemd:web"]] {
        let folder = tempfile::tempdir().unwrap();
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = socket.local_addr().unwrap();
        let echo = [&["echo", "--model", "processes", "--workers", "2"], arguments].concat();
        let server = activated(socket, "web", &echo, folder.path());
        assert_eq!(server.address, at, "{arguments:?}");
        for _ in 0..2 {
            let mut people = [Person::connect(at), Person::connect(at)];
            for person in &mut people {
                person.type_line("hello");
                assert_eq!(person.read_line().as_deref(), Some("hello"), "{arguments:?}");
            }
            // The next one gets the sockets from the process before it.
            server.restart();
            assert!(people.iter_mut().all(|person| person.read_line().is_none()));
        }
        let said = server.terminate();
        assert!(!said.contains("nobody listens at"), "{said}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn worker_processes_speak_tls_at_a_passed_socket_and_at_the_others_what_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let mut made = Command::new(env!("CARGO_BIN_EXE_throng"));
    made.args(["tls", "self-signed", "--out"]).arg(folder.path());
    assert!(made.output().unwrap().status.success());
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = socket.local_addr().unwrap();
    let files = ["--tls-cert", cert.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let listen = ["--listen", "127.0.0.1:0", "--listen", "tls:systemd"];
    let echo = [&["echo", "--model", "processes", "--workers", "1"], &listen[..], &files].concat();
    let server = activated(socket, "web", &echo, &folder.path().join("data"));
    // One who does not speak TLS is not understood.
    let mut ana = Person::connect(at);
    ana.type_line("hello");
    assert!(!ana.read_to_end().iter().any(|line| line.contains("hello")));
    server.read_until("end=\"TLS failed: ");
    let mut bo = Person::connect(server.address);
    bo.type_line("hello");
    assert_eq!(bo.read_line().as_deref(), Some("hello"));
    drop(bo);
    server.terminate();
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
    terminal.wait_for("1 person with a name");
    terminal.type_text("shutdown\r");
    assert!(bo.read_to_end().iter().any(|line| line.starts_with("Bye bo.")));
    let (code, screen) = terminal.wait_for_end();
    assert_eq!(code, 0, "{screen}");
}
