//! The first day of an operator, acted: what they type at the server's own prompt and in another terminal, and what they read.

#![allow(clippy::unwrap_used)]

mod pty;
mod real;

use std::path::Path;

use pty::Terminal;
use real::{Person, Server};

fn at_prompt(screen: &str) -> bool {
    screen.lines().last() == Some("throng>")
}

/// Types a line and waits for the answer and the next prompt.
fn ask(terminal: &mut Terminal, line: &str, answer: &str) -> String {
    terminal.type_text(&format!("{line}\r"));
    terminal.wait_until(answer, |screen| {
        screen.rsplit(&format!("throng> {line}")).next().is_some_and(|behind| behind.contains(answer))
            && at_prompt(screen)
    })
}

fn console(socket: &Path) -> Terminal {
    let terminal =
        Terminal::run(env!("CARGO_BIN_EXE_throng"), &["console", "--socket", socket.to_str().unwrap()]);
    terminal.wait_until("the prompt", at_prompt);
    terminal
}

#[test]
fn the_first_day_of_an_operator() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("run/console.sock");
    let path = socket.to_str().unwrap();
    let server = Server::start(&folder.path().join("data"), &["--console-socket", path]);
    let mut ana = Person::enter(server.address, "ana");
    let bo = Person::enter(server.address, "bo");
    let mut terminal = console(&socket);

    let screen = ask(&mut terminal, "status", "2 people with a name, 1 room");
    assert!(screen.contains("accepting  at ") && screen.contains("clients    2 of "), "{screen}");
    ask(&mut terminal, "pause", "Paused: new connections are refused, 2 clients stay. resume ends it.");
    ask(&mut terminal, "resume", "Accepting again.");
    ask(&mut terminal, "clients", "ana   line  127.0.0.1:");
    let screen = ask(&mut terminal, "client ana", "rooms      #lobby");
    assert!(screen.contains("queue      0 B wait until it reads"), "{screen}");
    ask(&mut terminal, "room lobby", "people     2: ana bo");
    ask(&mut terminal, "kick an", "Nobody called an is here.\n  did you mean: kick ana");
    ask(&mut terminal, "kick ana take a break", "Kicked ana (1 connection): take a break");
    assert!(ana.read_to_end().iter().any(|line| line.contains("take a break")));
    drop(ana);
    ask(
        &mut terminal,
        "ban 203.0.113.0/24 --for 1h --reason flood",
        "0 connections closed. Undo: unban 203.0.113.0/24",
    );
    ask(&mut terminal, "bans", "203.0.113.0/24  ");
    ask(&mut terminal, "unban 203.0.113.0/24", "203.0.113.0/24 is no longer banned.");
    ask(&mut terminal, "logs show --last 2 --kind ban", "ban.lifted target=203.0.113.0/24");

    terminal.type_text("logs follow --kind client.joined\r");
    terminal.wait_for("Following; press Enter to stop.");
    let _dee = Person::enter(server.address, "dee");
    terminal.wait_for("client.joined name=dee room=#lobby");
    ask(&mut terminal, "", "(stopped)");

    ask(&mut terminal, "logs clear", "Type  clear  to do it");
    let screen = ask(&mut terminal, "clear", "Cleared ");
    assert!(screen.contains("This deletes ") && screen.contains(" events ("), "{screen}");
    ask(&mut terminal, "logs show", "log.cleared by=");
    ask(&mut terminal, "doctor", "to look at, ");
    ask(&mut terminal, "drain 1h", "Draining: 2 clients here and told; the server ends when they have gone");
    drop((bo, _dee));
    let (status, said) = server.wait();
    assert!(status.success() && said.contains("server.drained"), "{said}");
    terminal.type_text("status\r");
    terminal.wait_for("The server has ended, or closed its socket.");
}

#[test]
fn tab_completes_verbs_names_rooms_and_settings() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("run/console.sock");
    let server = Server::start(&folder.path().join("data"), &["--console-socket", socket.to_str().unwrap()]);
    let _ana = Person::enter(server.address, "anastasia");
    let mut terminal = console(&socket);
    for (typed, completed) in [
        ("unb\t", "unban"),
        ("kick ana\t", "kick anastasia"),
        ("room #l\t", "room #lobby"),
        ("show limits.per\t", "show limits.per_address"),
        ("logs fol\t", "logs follow"),
        ("pause --h\t", "pause --hold"),
        ("help acc\tcr\t", "help account create"),
    ] {
        terminal.type_text(typed);
        terminal.wait_until(completed, |screen| {
            screen.lines().last().is_some_and(|line| line.trim_end() == format!("throng> {completed}"))
        });
        // Ctrl-U takes the line away.
        terminal.type_text("\u{15}");
        terminal.wait_until("an empty line", at_prompt);
    }
}

#[test]
fn thousands_of_lines_that_come_do_not_disturb_what_is_typed() {
    const SAID: usize = 6000;
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("run/console.sock");
    let path = socket.to_str().unwrap();
    let arguments = ["--console-socket", path, "--pace", "off", "--durability", "memory"];
    let server = Server::start(&folder.path().join("data"), &arguments);
    let mut ana = Person::enter(server.address, "ana");
    let mut terminal = console(&socket);
    terminal.type_text("logs follow --kind client.said\r");
    terminal.wait_for("Following; press Enter to stop.");
    let typist = std::thread::spawn(move || {
        let mut typed = "throng> ".to_owned();
        for letter in "kick hello wörld 日本 abc".chars() {
            typed.push(letter);
            terminal.type_text(&letter.to_string());
            terminal.wait_until("the letter", |screen| screen.lines().last() == Some(typed.trim_end()));
        }
        terminal
    });
    for number in 0..SAID {
        ana.type_line(&format!("word {number}"));
    }
    ana.read_until(&format!("word {}", SAID - 1));
    let terminal = typist.join().unwrap();
    let typed = "throng> kick hello wörld 日本 abc";
    terminal.wait_until("all that was typed", |screen| screen.lines().last() == Some(typed));
    // Each was shown, or counted where it was skipped.
    let sum = |printed: &str| {
        let shown = printed.matches("client.said name=ana").count();
        let skipped = printed
            .split('(')
            .filter_map(|part| part.split_once(" event"))
            .filter(|(_, rest)| rest.contains(" skipped:"));
        shown + skipped.filter_map(|(count, _)| count.parse::<usize>().ok()).sum::<usize>()
    };
    terminal.wait_until_printed("all of them", |printed| sum(printed) == SAID);
}

#[test]
fn top_shows_who_is_here_kicks_after_a_question_and_leaves_the_terminal_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("run/console.sock");
    let path = socket.to_str().unwrap();
    let server = Server::start(&folder.path().join("data"), &["--console-socket", path]);
    let mut ana = Person::enter(server.address, "ana");
    let line = format!("{} top --socket {path}; echo exit=$?; stty -a", env!("CARGO_BIN_EXE_throng"));
    let mut terminal = Terminal::run("sh", &["-c", &line]);
    let screen = terminal.wait_until("ana", |screen| screen.contains("1        ana "));
    for part in
        ["throng 0.1.0 chat  open  up ", "clients   1 of ", "delivery p50", "1 person, 1 room", "q leaves"]
    {
        assert!(screen.contains(part), "{part}:\n{screen}");
    }
    terminal.wait_until("its log", |screen| screen.contains(" log ─"));
    // Down, and then k.
    terminal.type_text("\u{1b}[B");
    terminal.type_text("k");
    terminal.wait_for("Kick ana, connection 1?  y does it, any other key does not");
    terminal.type_text("y");
    terminal.wait_for("Kicked 1 (1 connection)");
    ana.read_to_end();
    terminal
        .wait_until("nobody", |screen| screen.contains("0 of 0 clients") && screen.contains("client.kicked"));
    terminal.type_text("q");
    let screen =
        terminal.wait_until("the shell", |screen| screen.contains("exit=0") && screen.contains("icanon"));
    let words: Vec<_> = screen.split_whitespace().collect();
    assert!(["icanon", "echo", "isig"].iter().all(|flag| words.contains(flag)), "{screen}");
}
