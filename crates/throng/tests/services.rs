//! `throng connect` and services as people meet them: a web server, one that speaks TLS, one that is silent, one that floods,
//! one that cuts. Each ends as `throng connect --help` says, in a pipe and in a terminal.

#![allow(clippy::unwrap_used)]

mod desk;
mod peers;
mod program;
mod pty;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

use desk::{call, connect, over};
use peers::{PATIENCE, Piped, ended, read_all, read_line, reset, run, self_signed, server};
use program::Program;
use pty::send_signal;

/// What the web servers here are asked for, and what they have.
const PAGE: &str = "hello.txt";
const WORDS: &str = "hello from a web server\n";

/// Starts another program that serves, and waits until it says where: what `address` sees in one of its lines.
fn start(
    command: &mut Command,
    address: impl Fn(&str) -> Option<SocketAddr>,
) -> Option<(Program, SocketAddr)> {
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut program = Program(spawned.ok()?);
    let mut lines = BufReader::new(program.0.stdout.take().unwrap());
    let mut line = String::new();
    loop {
        line.clear();
        // One that ends without a word is not what was looked for.
        if lines.read_line(&mut line).unwrap_or(0) == 0 {
            return None;
        }
        if let Some(found) = address(line.trim()) {
            // What it says later is read by nobody, but must find a place.
            std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
            return Some((program, found));
        }
    }
}

/// Python's web server in this folder, where there is a Python.
fn python(folder: &Path) -> Option<(Program, SocketAddr)> {
    let mut command = Command::new("python3");
    command.args(["-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory"]).arg(folder).arg("0");
    // `Serving HTTP on 127.0.0.1 port 41234 (http://127.0.0.1:41234/) ...`
    start(&mut command, |line| {
        let port = line.split(" port ").nth(1)?.split(' ').next()?.parse().ok()?;
        Some(SocketAddr::from(([127, 0, 0, 1], port)))
    })
}

/// The same in a few lines, for so many clients.
fn web_server(clients: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming().take(clients) {
            let client = client.unwrap();
            client.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut client = client;
            // Strict, as few are: a line ends with CR and LF.
            let request: Vec<_> = (0..2).map(|_| read_line(&mut client)).collect();
            assert_eq!(request, [format!("GET /{PAGE} HTTP/1.0\r\n"), "\r\n".to_owned()]);
            let length = WORDS.len();
            write!(client, "HTTP/1.0 200 OK\r\nContent-Length: {length}\r\n\r\n{WORDS}").unwrap();
        }
    });
    address
}

#[test]
fn a_web_server_is_asked_in_a_pipe_and_in_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(PAGE), WORDS).unwrap();
    let pythons = python(folder.path());
    if pythons.is_none() {
        println!("skipped in part: there is no python3");
    }
    for address in [Some(web_server(2)), pythons.as_ref().map(|(_, address)| *address)].into_iter().flatten()
    {
        // The server's end ends it, and standard input need not end before.
        let mut piped = Piped::start(address, &[]);
        piped.write(format!("GET /{PAGE} HTTP/1.0\r\n\r\n").as_bytes());
        let output = piped.wait();
        assert_eq!(ended(&output), (0, String::new()));
        let said = String::from_utf8(output.stdout).unwrap();
        let (head, body) = said.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.0 200 OK\r\n") && body == WORDS, "{said}");

        let mut terminal = call(folder.path(), address, "--crlf --no-history");
        terminal.type_text(&format!("GET /{PAGE} HTTP/1.0\r\r"));
        let seen = over(&mut terminal, 0);
        let expected = format!("\n{WORDS}{address}: closed by the server");
        assert!(seen.contains("\nHTTP/1.0 200 OK\n") && seen.ends_with(&expected), "{seen}");
    }
}

#[test]
fn openssl_is_talked_to_in_a_pipe_and_in_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = self_signed(folder.path());
    let mut command = Command::new("openssl");
    // It gives each line back, with its letters from the last to the first.
    command.args([
        "s_server",
        "-accept",
        "127.0.0.1:0",
        "-naccept",
        "2",
        "-rev",
        "-cert",
        &cert,
        "-key",
        &key,
    ]);
    // `ACCEPT 127.0.0.1:41234`, since openssl 3.
    let started = start(&mut command, |line| line.strip_prefix("ACCEPT ")?.parse().ok());
    let Some((_openssl, address)) = started else {
        println!("skipped: there is no openssl that listens at a port of its choice");
        return;
    };
    let steps = ["--tls", "--ca", &cert, "--send", "hello throng", "--expect", "gnorht olleh"];
    let output = Piped::start(address, &steps).wait();
    assert_eq!(ended(&output), (0, String::new()), "{output:?}");

    let mut terminal = call(folder.path(), address, &format!("--no-history --tls --ca {cert}"));
    terminal.type_text("hello throng\r");
    terminal.wait_for("gnorht olleh");
    terminal.type_text("\u{4}");
    let seen = over(&mut terminal, 0);
    assert!(seen.starts_with(&format!("Connected to {address}, TLSv1_3.")), "{seen}");
    assert!(seen.ends_with(&format!("{address}, TLSv1_3: closed")), "{seen}");
}

#[test]
fn a_silent_server_is_waited_for_until_somebody_has_enough() {
    // A signal is what the process dies of.
    let (address, served) = server(|mut client| client.read(&mut [0]).unwrap_or(0));
    let mut piped = Piped::start(address, &["--verbose"]);
    piped.wait_for("connected to ");
    send_signal("-TERM", piped.pid());
    let output = piped.wait();
    assert_eq!((output.status.signal(), output.stdout.len()), (Some(15), 0), "{output:?}");
    assert_eq!(served.join().unwrap(), 0);

    let (address, _) = server(|mut client| read_all(&mut client));
    let (code, said) =
        ended(&Piped::start(address, &["--expect", "hello", "--expect-timeout", "50ms"]).wait());
    assert!(code == 5 && said.starts_with("error: \"hello\" did not come in time"), "{said}");

    let folder = tempfile::tempdir().unwrap();
    for (arguments, typed, code, told) in [
        // This one hears our end and does not end itself.
        ("", "\u{4}", 0, "closed, without waiting longer for the server to do the same"),
        ("", "\u{3}", 130, "interrupted"),
        ("--expect hello --expect-timeout 50ms", "", 5, "\"hello\" did not come in time"),
    ] {
        let (told_end, ends) = std::sync::mpsc::sync_channel::<()>(0);
        let (address, served) = server(move |client| (ends.recv().is_err(), client).0);
        let target = format!("{} {} --no-history {arguments}", address.ip(), address.port());
        let mut terminal = connect(folder.path(), &target);
        terminal.wait_for("Connected to ");
        if !typed.is_empty() {
            terminal.wait_until("the prompt", |screen| screen.lines().last() == Some(">"));
            terminal.type_text(typed);
        }
        let seen = over(&mut terminal, code);
        assert!(seen.contains(told), "{seen}");
        drop(told_end);
        assert!(served.join().unwrap());
    }
}

#[test]
fn a_server_that_floods_ends_when_nobody_reads_or_somebody_has_enough() {
    let flood = |bytes: &'static [u8]| server(move |mut client| while client.write_all(bytes).is_ok() {});
    let (address, served) = flood(&[b'x'; 65_536]);
    let mut piped = Piped::start(address, &[]);
    let mut output = piped.output();
    output.read_exact(&mut vec![0; 10 << 20]).unwrap();
    drop(output);
    assert_eq!(ended(&piped.wait()), (1, String::new()));
    served.join().unwrap();

    let folder = tempfile::tempdir().unwrap();
    // Lines, one line without an end, and what would move the cursor.
    for bytes in [&b"flood\r\n"[..], b"flood ", b"flood \x1b[2J\x1b[H\x07\xff\xfd\x18"] {
        let (address, served) = flood(bytes);
        let mut terminal =
            connect(folder.path(), &format!("{} {} --no-history", address.ip(), address.port()));
        terminal.wait_for("flood");
        terminal.type_text("\u{3}");
        let seen = over(&mut terminal, 130);
        assert!(seen.ends_with(&format!("{address}: interrupted")), "{seen}");
        served.join().unwrap();
    }
}

#[test]
fn a_server_that_cuts_is_no_success() {
    let cutting = || {
        server(|mut client: TcpStream| {
            // Before that the client may not know yet that it is connected.
            client.write_all(b"half a wo").unwrap();
            client.read_exact(&mut [0]).unwrap();
            reset(&client);
        })
    };
    let (address, _) = cutting();
    let (code, said) = ended(&run(address, &[], b"x"));
    assert_eq!((code, said.as_str()), (5, "error: the server cut the connection (reset)\n"));

    let (address, _) = cutting();
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = call(folder.path(), address, "--no-history");
    terminal.type_text("x\r");
    let seen = over(&mut terminal, 5);
    assert!(
        seen.contains("half a wo") && seen.ends_with("error: the server cut the connection (reset)"),
        "{seen}"
    );
}
