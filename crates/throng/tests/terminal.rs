//! The operator's prompt, in a terminal as an operator has it.

#![allow(clippy::unwrap_used)]

mod pty;
mod real;

use std::net::{SocketAddr, TcpStream};

use pty::{Terminal, send_signal};
use real::Person;

/// A server at its prompt, and where it listens.
fn serve(data: &std::path::Path, arguments: &[&str]) -> (Terminal, SocketAddr) {
    let data = data.to_str().unwrap();
    let all: Vec<_> =
        ["serve", "--listen", "127.0.0.1:0", "--data", data].iter().chain(arguments).copied().collect();
    let terminal = Terminal::run(env!("CARGO_BIN_EXE_throng"), &all);
    let screen = terminal.wait_until("the prompt", at_prompt);
    (terminal, address_on(&screen))
}

/// The same under a shell that tells afterwards how it ended and how the terminal is.
fn serve_in_shell(data: &std::path::Path) -> (Terminal, String) {
    let (throng, data) = (env!("CARGO_BIN_EXE_throng"), data.display());
    let line = format!("{throng} serve --listen 127.0.0.1:0 --data {data}; echo exit=$?; stty -a");
    let terminal = Terminal::run("sh", &["-c", &line]);
    let screen = terminal.wait_until("the prompt", at_prompt);
    (terminal, screen)
}

fn at_prompt(screen: &str) -> bool {
    screen.lines().last() == Some("throng>")
}

fn address_on(screen: &str) -> SocketAddr {
    let line =
        screen.lines().find(|line| line.starts_with("  chat ") || line.starts_with("  echo ")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn is_as_before(screen: &str) -> bool {
    let words: Vec<_> = screen.split_whitespace().collect();
    ["icanon", "echo", "isig"].iter().all(|flag| words.contains(flag))
}

#[test]
fn an_operator_looks_pauses_resumes_speaks_and_kicks() {
    let folder = tempfile::tempdir().unwrap();
    let (mut terminal, address) = serve(folder.path(), &[]);
    let mut ana = Person::enter(address, "ana");
    terminal.type_text("clients\r");
    let screen = terminal.wait_for("ana   line  127.0.0.1:");
    assert!(screen.contains("ID  NAME  DOOR  FROM"), "{screen}");
    terminal.type_text("rooms\r");
    terminal.wait_for("1       #lobby");
    terminal.type_text("status\r");
    terminal.wait_for("1 person with a name, 1 room");

    terminal.type_text("pause\r");
    terminal.wait_for("Paused: new connections are refused, 1 client stays.");
    assert!(TcpStream::connect(address).is_err());
    ana.type_line("still here");
    ana.read_until("<ana> still here");
    terminal.type_text("resume\r");
    terminal.wait_for("Accepting again.");
    terminal.type_text("pause --hold\r");
    terminal.wait_for("Held: new connections wait in the kernel's queue, 1 client stays.");
    drop(TcpStream::connect(address).unwrap());
    terminal.type_text("status\r");
    terminal.wait_for("held       at 127.0.0.1:");
    terminal.type_text("resume\r");
    let mut bo = Person::enter(address, "bo");

    terminal.type_text("say tea at five\r");
    terminal.wait_for("Said to everybody.");
    bo.read_until("*** tea at five");
    terminal.type_text("kick an\r");
    terminal.wait_for("Nobody called an is here.\n  did you mean: kick ana");
    terminal.type_text("kick ana take a break\r");
    terminal.wait_for("Kicked ana (1 connection): take a break");
    assert!(ana.read_to_end().iter().any(|line| line.contains("take a break")));
    terminal.type_text("logs show --last 100\r");
    let screen = terminal.wait_for("client.said name=ana room=#lobby");
    assert!(!screen.contains("still here"), "the log tells that something was said, not what:\n{screen}");
}

#[test]
#[cfg(target_os = "linux")]
fn an_operator_sees_which_process_serves_whom() {
    let folder = tempfile::tempdir().unwrap();
    let echo = ["echo", "--model", "processes", "--workers", "2"];
    let (mut terminal, address) = serve(folder.path(), &echo);
    let mut people = [Person::connect(address), Person::connect(address)];
    for person in &mut people {
        person.type_line("hello");
        assert_eq!(person.read_line().as_deref(), Some("hello"));
    }
    terminal.type_text("status\r");
    let screen = terminal.wait_until("the processes", |screen| screen.contains(" serve\n"));
    let line = screen.lines().find(|line| line.starts_with("model      processes, ")).unwrap();
    let pids: Vec<_> = line.split_whitespace().filter(|word| word.parse::<u32>().is_ok()).collect();
    assert_eq!(pids.len(), 2, "{line}");
    terminal.type_text("clients\r");
    for (worker, pid) in pids.iter().enumerate() {
        terminal.wait_for(&format!("throng-worker-{worker}, process {pid}"));
    }
}

#[test]
fn what_happens_is_printed_above_what_is_being_typed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut terminal, address) = serve(folder.path(), &["--limits-per-address", "1"]);
    let _ana = Person::enter(address, "ana");
    terminal.type_text("half a comm");
    terminal.wait_for("throng> half a comm");
    let refused: Vec<_> = (0..3).map(|_| Person::connect(address).read_to_end()).collect();
    assert_eq!(refused.len(), 3);
    let whole = |screen: &str| {
        let warnings =
            screen.lines().filter(|line| line.contains(" WARN client.rejected from=127.0.0.1:")).count();
        warnings == 3 && screen.lines().last() == Some("throng> half a comm")
    };
    terminal.wait_until("three warnings above what was typed", whole);
    terminal.type_text("and\r");
    terminal.wait_for("There is no command half.");
}

#[test]
fn the_end_of_input_is_answered_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let (mut terminal, address) = serve(folder.path(), &[]);
    terminal.type_text("\u{4}");
    terminal.wait_for("(type shutdown to end the server; this prompt stays)");
    terminal.type_text("stauts\r");
    terminal.wait_for("did you mean status?");
    let _ana = Person::enter(address, "ana");
    terminal.type_text("shutdown\r");
    let (code, screen) = terminal.wait_for_end();
    assert_eq!(code, 0, "{screen}");
    assert!(
        screen.lines().last().unwrap().starts_with("drained: 1 person told goodbye, 1 connection closed"),
        "{screen}"
    );
}

#[test]
fn sigterm_while_somebody_types_leaves_the_terminal_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (mut terminal, _) = serve_in_shell(folder.path());
    terminal.type_text("half a comm");
    terminal.wait_for("throng> half a comm");
    let pid = running_pid(folder.path());
    send_signal("-TERM", pid);
    let (_, screen) = terminal.wait_for_end();
    assert!(screen.contains("drained: 0 people told goodbye"), "{screen}");
    assert!(screen.contains("exit=0") && is_as_before(&screen), "{screen}");
}

#[test]
fn ctrl_c_drains_and_leaves_the_terminal_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (mut terminal, screen) = serve_in_shell(folder.path());
    let mut ana = Person::enter(address_on(&screen), "ana");
    terminal.type_text("half\u{3}");
    assert!(ana.read_to_end().iter().any(|line| line.starts_with("Bye ana.")));
    drop(ana);
    let (_, screen) = terminal.wait_for_end();
    assert!(screen.contains("drained: 1 person told goodbye, 1 connection closed"), "{screen}");
    assert!(screen.contains("exit=0") && is_as_before(&screen), "{screen}");
}

#[test]
fn a_second_ctrl_c_does_not_wait() {
    let folder = tempfile::tempdir().unwrap();
    let (mut terminal, screen) = serve_in_shell(folder.path());
    // She never closes her side, so the drain lingers for her; what is tested does not depend on for how long.
    let _ana = Person::enter(address_on(&screen), "ana");
    terminal.type_text("\u{3}");
    terminal.wait_for("Closing: no new clients");
    terminal.type_text("\u{3}");
    let (_, screen) = terminal.wait_for_end();
    let ended = |word: &str, code: &str| screen.contains(word) && screen.contains(code);
    assert!(ended("cut short: ", "exit=130") || ended("drained: ", "exit=0"), "{screen}");
    assert!(is_as_before(&screen), "{screen}");
}

#[test]
fn in_the_background_there_are_log_lines_and_no_prompt() {
    let folder = tempfile::tempdir().unwrap();
    let (throng, data) = (env!("CARGO_BIN_EXE_throng"), folder.path().display());
    let line = format!("set -m; {throng} serve --listen 127.0.0.1:0 --data {data} & wait $!; echo exit=$?");
    let mut terminal = Terminal::run("sh", &["-c", &line]);
    let screen = terminal.wait_for("server.ready address=127.0.0.1:");
    assert!(!screen.contains("throng>"), "{screen}");
    send_signal("-TERM", running_pid(folder.path()));
    let (_, screen) = terminal.wait_for_end();
    assert!(screen.contains("drained: 0 people told goodbye") && screen.contains("exit=0"), "{screen}");
}

/// The server's own pid, as it stands in its data folder.
fn running_pid(data: &std::path::Path) -> u32 {
    let lock = std::fs::read_to_string(data.join("throng.lock")).unwrap();
    let pid = lock.split("\"pid\":").nth(1).unwrap();
    pid.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}
