//! `throng scan` as one runs it: in a pipe, in a terminal, and ended before its time. Nothing is sent beyond loopback.

#![allow(clippy::unwrap_used)]

mod program;
mod pty;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::num::NonZero;
use std::process::{Command, Output, Stdio};

use portable_pty::CommandBuilder;
use program::Program;
use pty::{Terminal, send_signal};
use serde_json::Value;

const THRONG: &str = env!("CARGO_BIN_EXE_throng");

/// So slow that a scan of thousands of ports ends long after every test has given up.
const SLOW: [&str; 2] = ["--rate", "50"];

fn scan(arguments: &[&str]) -> Command {
    let mut command = Command::new(THRONG);
    command.arg("scan").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = scan(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (status.code().unwrap(), text(&stdout), text(&stderr))
}

/// Who listens on so many ports of 127.0.0.1, in ascending order.
fn listeners(count: usize) -> Vec<(u16, TcpListener)> {
    let bound = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    let mut bound: Vec<_> = bound.map(|listener| (listener.local_addr().unwrap().port(), listener)).collect();
    bound.sort_unstable_by_key(|(port, _)| *port);
    bound
}

/// One open port below the thousands that a slow scan still has to ask, and who listens there.
fn long() -> (String, u16, TcpListener) {
    // The system gives ports from far below the last one; one that leaves room is found soon.
    let far = |listener: &TcpListener| listener.local_addr().unwrap().port() < 60_000;
    let mut held = Vec::new();
    for _ in 0..100 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        if far(&listener) {
            let port = listener.local_addr().unwrap().port();
            return (format!("{port}-"), port, listener);
        }
        held.push(listener);
    }
    panic!("the system gives no port below 60,000");
}

#[test]
fn in_a_pipe_results_are_on_standard_output_and_the_last_line_is_not() {
    let open = listeners(3);
    let ports: Vec<_> = open.iter().rev().map(|(port, _)| port.to_string()).collect();
    let (code, told, said) = run(&["-p", &ports.join(","), "127.0.0.1"]);
    let expected: String = open.iter().map(|(port, _)| format!("Port {port} is open\n")).collect();
    assert_eq!((code, told), (0, expected), "{said}");
    let last: Vec<_> = said.lines().collect();
    assert!(last.len() == 1 && last[0].starts_with("127.0.0.1: 3 open in "), "{said}");

    // Of several hosts each line says which; nobody listens at the other.
    let (code, told, said) = run(&["-p", &ports[2], "--all", "127.0.0.1-2"]);
    let expected = format!("Port {0} is closed on 127.0.0.2\nPort {0} is open on 127.0.0.1\n", ports[2]);
    let mut lines: Vec<_> = told.lines().collect();
    lines.sort_unstable();
    assert_eq!((code, lines.join("\n") + "\n"), (0, expected), "{said}");
    assert!(said.starts_with("2 hosts: 1 open, 1 closed in "), "{said}");
}

#[test]
fn every_form_tells_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let open = listeners(2);
    let ports = format!("{},{}", open[0].0, open[1].0);
    let (json, xml) = (format!("json:{}", file("scan.json")), format!("xml:{}", file("scan.xml")));
    let (code, told, said) = run(&[
        "-p",
        &ports,
        "-o",
        &json,
        "-o",
        &xml,
        "-o",
        "ndjson",
        "localhost",
        "--authorized",
        "me & \x1b",
    ]);
    assert_eq!(code, 0, "{said}");
    let lines: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let whole: Value = serde_json::from_str(&std::fs::read_to_string(file("scan.json")).unwrap()).unwrap();
    assert_eq!((&whole["start"], &whole["end"]), (&lines[0], lines.last().unwrap()));
    assert_eq!(whole["results"].as_array().unwrap()[..], lines[1..lines.len() - 1]);
    assert_eq!(whole["start"]["authorized"], "me & \x1b");
    let command = whole["start"]["command"].as_str().unwrap();
    assert!(command.starts_with("throng scan -p ") && command.ends_with("'me & \x1b'"), "{command}");
    let found: Vec<_> =
        whole["results"].as_array().unwrap().iter().filter(|one| one["type"] == "port").collect();
    assert_eq!((&found[0]["port"], &found[1]["port"]), (&open[0].0.into(), &open[1].0.into()));
    assert_eq!((&found[0]["state"], &found[0]["name"]), (&"open".into(), &"localhost".into()));
    assert_eq!((&whole["end"]["complete"], &whole["end"]["counts"]["open"]), (&true.into(), &2.into()));
    let xml = std::fs::read_to_string(file("scan.xml")).unwrap();
    assert!(xml.contains(&format!("portid=\"{}\"><state state=\"open\"", open[1].0)), "{xml}");
    assert!(xml.contains("exit=\"success\"") && xml.ends_with("</nmaprun>\n"), "{xml}");
}

#[test]
fn what_a_port_says_is_told_and_moves_no_cursor() {
    let (port, listener) = listeners(1).remove(0);
    // The question and whatever confirms it come; the one that listens hears it.
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(b"220 \x1b[2Jhello\r\nmore\r\n");
        }
    });
    let (code, told, said) = run(&["-p", &port.to_string(), "--banner", "127.0.0.1"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(told, format!("Port {port} is open: 220 \\x1b[2Jhello\n"), "{said}");
}

#[test]
fn lists_come_from_files_and_from_standard_input() {
    let (port, _listener) = listeners(1).remove(0);
    let port = port.to_string();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hosts");
    std::fs::write(&path, "127.0.0.1 # here\n127.0.0.2\n").unwrap();
    let list = format!("@{}", path.display());
    let (code, told, said) = run(&["-p", &port, &list, "--exclude", "127.0.0.2"]);
    assert_eq!((code, told.as_str()), (0, &*format!("Port {port} is open\n")), "{said}");
    let mut child = scan(&["-p", &port, "-"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"127.0.0.1\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("Port {port} is open\n"));
}

#[test]
fn what_cannot_be_scanned_is_told_with_its_exit_code() {
    for (arguments, code, words) in [
        (&[][..], 2, "throng scan 127.0.0.1"),
        (&["-p", "0", "127.0.0.1"], 2, "port 0"),
        (&["-p", "htpp", "127.0.0.1"], 2, "did you mean http?"),
        (&["-p", "22", "--exclude-ports", "-", "127.0.0.1"], 2, "no port is left"),
        (&["127.0.0.1:80"], 2, "write 127.0.0.1, and its port with -p 80"),
        (&["http://localhost/"], 2, "write localhost"),
        (&["--exclude", "127.0.0.0/8", "127.0.0.1"], 2, "nobody is left"),
        (&["--source", "192.0.2.1", "127.0.0.1"], 2, "cannot ask from 192.0.2.1"),
        (&["--source", "::1", "127.0.0.1"], 2, "both must be IPv4"),
        (&["--json", "-o", "text", "127.0.0.1"], 2, "cannot both go to standard output"),
        (&["-o", "csv", "127.0.0.1"], 2, "text, json, ndjson or xml"),
        (&["-o", "json:/nowhere/at/all", "-p", "1", "127.0.0.1"], 1, "cannot write"),
        (&["@/nowhere/at/all"], 1, "cannot read"),
        (&["192.0.2.1"], 4, "--authorized"),
        (&["224.0.0.1"], 4, "is no host"),
        (&["0.0.0.0", "--authorized", "me"], 4, "is no host"),
        (&["10.0.0.0/16", "-p", "22"], 4, "--yes-large"),
        (&["127.0.0.1-16"], 4, "--yes-large"),
    ] {
        let (found, told, said) = run(arguments);
        assert!(found == code && said.contains(words), "{arguments:?}: {found}: {said}");
        assert_eq!(told, "", "{arguments:?}");
    }
}

#[test]
fn a_rehearsal_says_what_would_be_done() {
    // The addresses are documentation's (RFC 5737), and nothing is sent there.
    let (code, told, said) =
        run(&["--dry-run", "-p", "22,80", "--deadline", "60s", "198.51.100.0/24", "203.0.113.0/24"]);
    assert_eq!(code, 0, "{said}");
    for words in [
        "hosts      512: 198.51.100.0-198.51.100.255, 203.0.113.0-203.0.113.255\n",
        "ports      2 of each: 22,80\n",
        "questions  1,024 at least",
        "at most 512\n",
        "rate       at most 10,000 a second\n",
        "deadline   60.0 s\n",
        "writes     text to standard output\n",
        "--authorized TEXT, for 512 hosts",
        "--yes-large, for 512 hosts with 2 ports each\n",
        "nothing was sent\n",
    ] {
        assert!(told.contains(words), "{words:?} is not in\n{told}");
    }
}

#[test]
fn ctrl_c_ends_it_and_what_is_known_is_a_whole_document() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.json");
    let (ports, port, _listener) = long();
    let json = format!("json:{}", path.display());
    let arguments = [&["-p", &ports, "-o", "ndjson", "-o", &json, "127.0.0.1"][..], &SLOW].concat();
    let mut running = Program(scan(&arguments).spawn().unwrap());
    let mut lines = BufReader::new(running.0.stdout.take().unwrap()).lines();
    let mut told: Vec<Value> = Vec::new();
    while told.last().is_none_or(|last| last["type"] != "port") {
        told.push(serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap());
    }
    send_signal("-INT", running.0.id());
    told.extend(lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap()));
    assert_eq!(running.0.wait().unwrap().code(), Some(5));
    let found: Vec<_> = told.iter().filter(|one| one["port"] == port).collect();
    assert_eq!(found.len(), 1, "{told:?}");
    let end = told.last().unwrap();
    assert_eq!(
        (&end["type"], &end["reason"], &end["complete"]),
        (&"end".into(), &"stopped".into(), &false.into())
    );
    assert!(end["counts"]["unknown"].as_u64().unwrap() > 0, "{end}");
    let whole: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(&whole["end"], end);
    let mut said = String::new();
    running.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("unknown") && said.ends_with("; incomplete, it was stopped\n"), "{said}");
}

#[test]
fn at_the_deadline_it_ends_incomplete() {
    let (ports, port, _listener) = long();
    let arguments = [&["-p", &ports, "--deadline", "700ms", "127.0.0.1"][..], &SLOW].concat();
    let (code, told, said) = run(&arguments);
    assert!(code == 5 && told.starts_with(&format!("Port {port} is open\n")), "{code}: {told}{said}");
    assert!(said.ends_with("; incomplete, its time was up\n"), "{said}");
}

#[test]
fn whoever_reads_no_more_ends_it_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.json");
    let json = format!("json:{}", path.display());
    let arguments = [&["-p", "1-60000", "--all", "-o", "text", "-o", &json, "127.0.0.1"][..], &SLOW].concat();
    let mut running = Program(scan(&arguments).spawn().unwrap());
    drop(running.0.stdout.take());
    let mut said = String::new();
    running.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((running.0.wait().unwrap().code(), said.as_str()), (Some(1), ""));
    // What goes elsewhere is a whole document all the same.
    let whole: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(whole["end"]["reason"], "aborted");
}

#[test]
fn how_far_it_is_can_be_read_by_a_program() {
    let (ports, ..) = long();
    let arguments =
        [&["-p", &ports, "--deadline", "1s", "--progress", "json", "127.0.0.1"][..], &SLOW].concat();
    let (_, _, said) = run(&arguments);
    let looks: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert!(!looks.is_empty() && said.lines().count() == looks.len() + 1, "{said}");
    assert!(
        looks.iter().all(|look| look["type"] == "progress" && look["of"].as_u64() > look["done"].as_u64())
    );
}

fn in_terminal(arguments: &[&str], columns: u16, without_colour: bool) -> Terminal {
    let mut command = CommandBuilder::new(THRONG);
    command.arg("scan");
    command.args(arguments);
    command.env("TERM", "xterm-256color");
    command.env_remove("NO_COLOR");
    if without_colour {
        command.env("NO_COLOR", "1");
    }
    Terminal::run_columns(command, NonZero::new(columns).unwrap())
}

/// The lines with a bar in them.
fn bars(screen: &str) -> Vec<&str> {
    screen.lines().filter(|line| line.contains(" % ")).collect()
}

#[test]
fn in_a_terminal_a_bar_is_below_what_was_found() {
    for (columns, without_colour) in [(120, false), (120, true), (50, false), (24, true)] {
        let (ports, port, _listener) = long();
        let arguments = [&["-p", &ports, "127.0.0.1"][..], &SLOW].concat();
        let mut terminal = in_terminal(&arguments, columns, without_colour);
        let line = format!("Port {port} is open");
        // Found, with the bar below it, and further on.
        let is_so = |screen: &str| {
            let mut lines = screen.lines();
            lines.next() == Some(&*line)
                && lines.last().is_some_and(|bar| bar.contains(" % ") && !bar.contains(" 0 open"))
        };
        let screen = terminal.wait_until("the bar below what was found", is_so);
        assert_eq!(screen.contains("] "), columns > 40, "{screen}");
        assert_eq!(screen.contains(" ports"), columns > 100, "{screen}");
        assert!(screen.contains(" 0 %"), "{screen}");
        // The part that is done is green; nothing of so much is done yet.
        terminal.type_text("\u{3}");
        let (code, screen) = terminal.wait_for_end();
        assert_eq!(code, 5, "{screen}");
        assert!(bars(&screen).is_empty(), "the bar is gone:\n{screen}");
        // A terminal breaks long lines.
        let whole = screen.replace('\n', "");
        assert!(whole.starts_with(&line) && whole.ends_with("it was stopped"), "{screen}");
        assert!(!whole.contains("open  "), "{screen}");
    }
}

#[test]
fn no_color_means_none() {
    // Some ports that answer at once, and then slowly on, so that part of the bar is done.
    for without_colour in [false, true] {
        let open = listeners(30);
        let ports: Vec<_> = open.iter().map(|(port, _)| port.to_string()).collect();
        let arguments = ["-p", &ports.join(","), "--rate", "10", "127.0.0.1"];
        let terminal = in_terminal(&arguments, 100, without_colour);
        terminal.wait_until("part of the bar", |screen| bars(screen).iter().any(|bar| bar.contains("[#")));
        assert_eq!(terminal.has_colour(), !without_colour);
    }
}

#[test]
fn a_second_ctrl_c_does_not_wait() {
    let (ports, ..) = long();
    let arguments = [&["-p", &ports, "127.0.0.1"][..], &SLOW].concat();
    let mut terminal = in_terminal(&arguments, 120, true);
    terminal.wait_for(" % ");
    // Sent, not typed: at each Ctrl-C that is typed a terminal forgets what it has not shown yet (termios(3), NOFLSH).
    for _ in 0..2 {
        send_signal("-INT", terminal.pid());
    }
    // It may have been over before the second one was heard.
    let (code, screen) = terminal.wait_for_end();
    assert!([5, 130].contains(&code) && bars(&screen).is_empty(), "{code}: {screen}");
}

#[test]
fn a_host_is_asked_for_until_the_answer_will_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("found");
    let (port, _listener) = listeners(1).remove(0);
    let line = format!("{THRONG} scan -p {port} > {}; echo exit=$?", file.display());
    let mut terminal = Terminal::run("sh", &["-c", &line]);
    terminal.wait_for("Host:");
    terminal.type_text("\n");
    terminal.wait_for("such as localhost or 127.0.0.1");
    terminal.type_text("127.0.0.1:80\n");
    terminal.wait_for("write 127.0.0.1, and its port with -p 80");
    terminal.type_text("127.0.0.1\n");
    let (_, screen) = terminal.wait_for_end();
    assert!(screen.contains("127.0.0.1: 1 open in ") && screen.contains("exit=0"), "{screen}");
    assert_eq!(std::fs::read_to_string(file).unwrap(), format!("Port {port} is open\n"));
    // The end of input is no answer.
    let mut terminal = in_terminal(&[], 120, true);
    terminal.wait_for("Host:");
    terminal.type_text("\u{4}");
    let (code, screen) = terminal.wait_for_end();
    assert!(code == 2 && screen.contains("no host was given"), "{code}: {screen}");
}

#[test]
fn on_a_terminal_strangers_and_large_scans_are_asked_for() {
    // The address is documentation's (RFC 5737), and each of these ends before anything is sent.
    for (arguments, question) in [
        (&["192.0.2.1"][..], "Are its owners content? Type yes:"),
        (&["10.0.0.0/23", "-p", "22"], "These are 512 hosts with 1 port each. Do you mean it? Type yes:"),
    ] {
        let mut terminal = in_terminal(arguments, 120, true);
        terminal.wait_for(question);
        terminal.type_text("no\n");
        let (code, screen) = terminal.wait_for_end();
        assert!(code == 4 && screen.contains("the answer was not yes"), "{code}: {screen}");
    }
}
