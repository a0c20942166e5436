//! `throng connect` in a terminal: what one types is never touched by what comes, and each end says why.

#![allow(clippy::unwrap_used)]

mod desk;
mod peers;
mod pty;
mod real;

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use desk::{call, connect, connect_in, over};
use peers::{PATIENCE, read_all, read_line, reset, server};
use portable_pty::CommandBuilder;
use pty::{Terminal, send_signal};
use real::{Person, Server};

#[test]
fn two_terminals_and_a_telnet_chat_and_each_sees_its_own_transcript() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(&home.path().join("data"), &[]);
    let address = server.address;
    let mut ana = call(home.path(), address, "");
    ana.wait_for("Pick a name");
    ana.type_text("ana\r");
    ana.wait_for("to stay a guest:");
    ana.type_text("\r");
    ana.wait_for("What you type goes to #lobby");
    let mut bo = call(home.path(), address, "");
    bo.wait_for("Pick a name");
    bo.type_text("bo\r");
    bo.wait_for("to stay a guest:");
    bo.type_text("\r");
    ana.wait_for("* bo came into #lobby.");
    bo.wait_for("What you type goes to #lobby");
    // Telnet, which negotiates first, and ends lines its own way.
    let mut cy = Person::connect(address);
    cy.send(b"\xff\xfd\x03\xff\xfb\x18cy\r\n\r\n").unwrap();
    cy.read_until("What you type goes to");
    ana.wait_for("* cy came into #lobby.");
    bo.wait_for("* cy came into #lobby.");

    bo.type_text("half a thought");
    bo.wait_for("> half a thought");
    ana.type_text("hello all\r");
    cy.read_until("<ana> hello all");
    cy.send(b"hello ana\r\n").unwrap();
    bo.wait_until("what came above what is typed", |screen| {
        screen.contains("<cy> hello ana") && screen.lines().last() == Some("> half a thought")
    });
    bo.type_text(" is whole\r");
    cy.read_until("<bo> half a thought is whole");
    ana.wait_for("<bo> half a thought is whole");
    ana.type_text("/quit\r");
    let seen = over(&mut ana, 0);
    cy.read_until("* ana is gone");
    bo.wait_for("* ana is gone");
    bo.type_text("\u{4}");
    let seen_by_bo = over(&mut bo, 0);

    let plain = |seen: &str| -> Vec<String> {
        let lines = seen.lines().map(|line| match line.split_once(' ') {
            Some((time, rest)) if time.len() == 5 && time.contains(':') => format!("TIME {rest}"),
            _ => line.replace(&address.to_string(), "ADDRESS"),
        });
        lines.collect()
    };
    let seen = plain(&seen);
    // How long it was is the clock's to say.
    let (bye, rest) = seen.iter().cloned().partition::<Vec<_>, _>(|line| line.starts_with("Bye ana."));
    assert_eq!(bye.len(), 1, "{seen:#?}");
    let expected = [
        "Connected to ADDRESS. Ctrl-D ends.",
        "Welcome to throng. Pick a name (letters, digits, _ and -, up to 20):",
        "> ana",
        "ana is free. Register it? A password for it (not shown), or an empty line to stay a guest:",
        ">",
        "Hello ana. You are in #lobby; nobody else is here.",
        "What you type goes to #lobby. /help lists commands, /quit leaves.",
        "* bo came into #lobby.",
        "* cy came into #lobby.",
        "> hello all",
        "TIME <ana> hello all",
        "TIME <cy> hello ana",
        "TIME <bo> half a thought is whole",
        "> /quit",
        "ADDRESS: closed by the server",
    ];
    assert_eq!(rest, expected);
    let seen_by_bo = plain(&seen_by_bo);
    assert!(seen_by_bo.iter().any(|line| line == "> half a thought is whole"), "{seen_by_bo:#?}");
    assert_eq!(seen_by_bo.last().unwrap(), "ADDRESS: closed");
    // What was typed is there for the next time, and for nobody else.
    let history = home.path().join(".local/state/throng/connect_history");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&history).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let kept = std::fs::read_to_string(history).unwrap();
    assert_eq!(kept, "ana\nbo\nhello all\nhalf a thought is whole\n/quit\n");
}

#[test]
fn nothing_that_is_typed_is_lost_while_a_thousand_lines_come_each_second() {
    const TICK: Duration = Duration::from_millis(10);
    const LINES_PER_TICK: u64 = 10;
    const ROUNDS: usize = 10;
    const LOOKS_MAX: u32 = 1000;
    let typed: Vec<String> =
        (0..ROUNDS).map(|round| format!("round {round}: grüß dich, 日本, (a|b) {{c}}")).collect();
    let (ticks, over_now) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let (counted, stops) = (Arc::clone(&ticks), Arc::clone(&over_now));
    let (address, served) = server(move |mut client| {
        let mut writes = client.try_clone().unwrap();
        let writing = std::thread::spawn(move || {
            let (_nobody, pause) = sync_channel::<()>(0);
            while !stops.load(Ordering::SeqCst) {
                let first = counted.load(Ordering::SeqCst);
                let lines: String =
                    (first..first + LINES_PER_TICK).map(|number| format!("line {number}\n")).collect();
                writes.write_all(lines.as_bytes()).unwrap();
                counted.store(first + LINES_PER_TICK, Ordering::SeqCst);
                assert_eq!(pause.recv_timeout(TICK), Err(RecvTimeoutError::Timeout));
            }
        });
        let heard: Vec<_> = (0..ROUNDS).map(|_| read_line(&mut client)).collect();
        writing.join().unwrap();
        heard
    });
    let home = tempfile::tempdir().unwrap();
    let mut terminal = connect(home.path(), &format!("{} {}", address.ip(), address.port()));
    terminal.wait_for("line ");
    for line in &typed {
        for letter in line.chars() {
            terminal.type_text(&letter.to_string());
        }
        // All of it is on the last row, and above it whole lines, one after the other.
        let expected = format!("> {line}");
        let looks = Cell::new(0);
        let screen = terminal.wait_until(&expected, |screen| {
            // The screen changes all the time, so this cannot wait for nothing to change.
            looks.set(looks.get() + 1);
            assert!(
                looks.get() < LOOKS_MAX,
                "{expected} did not come:
{screen}"
            );
            screen.lines().last() == Some(expected.as_str())
        });
        let numbers = screen.lines().filter_map(|line| line.strip_prefix("line "));
        let numbers: Vec<u64> = numbers.map(|number| number.parse().unwrap()).collect();
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{screen}");
        let strange =
            |line: &&str| !line.starts_with("line ") && !line.starts_with("> ") && !line.starts_with("Conn");
        assert_eq!(screen.lines().filter(strange).count(), 0, "{screen}");
        terminal.type_text("\r");
    }
    over_now.store(true, Ordering::SeqCst);
    let heard = served.join().unwrap();
    assert_eq!(heard, typed.iter().map(|line| format!("{line}\n")).collect::<Vec<_>>());
    let seen = over(&mut terminal, 0);
    // Not one of them is missing at the end.
    let last = format!("line {}", ticks.load(Ordering::SeqCst) - 1);
    assert!(seen.lines().any(|line| line == last), "{last}:\n{seen}");
}

#[test]
fn what_is_missing_is_asked_for_with_what_is_likely_meant() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join(".local/share/throng");
    let server = Server::start(&data, &[]);
    let mut terminal = connect(home.path(), "");
    terminal.wait_for("Host [127.0.0.1]:");
    terminal.type_text("http://localhost/\r");
    terminal.wait_for("that is a URL: give its host alone");
    terminal.type_text("\r");
    terminal.wait_for(&format!("Port [{}]:", server.address.port()));
    terminal.type_text("70000\r");
    terminal.wait_for("a port is a number from 1 to 65535");
    terminal.type_text("\r");
    terminal.wait_for(&format!("Connected to {}", server.address));
    terminal.wait_until("the prompt", |screen| screen.lines().last() == Some(">"));
    terminal.type_text("\u{3}");
    assert!(over(&mut terminal, 130).ends_with(": interrupted"));
    server.kill();
    let mut terminal = connect(home.path(), "");
    terminal.wait_for("Host [127.0.0.1]:");
    terminal.type_text("\u{4}");
    assert_eq!(over(&mut terminal, 2), "Host [127.0.0.1]:\nerror: no host was given");
    // Whoever was killed is no suggestion any more.
    let mut terminal = connect(home.path(), "");
    terminal.wait_for("Host [127.0.0.1]:");
    terminal.type_text("\r");
    terminal.wait_for("Port [50007]:");
    terminal.type_text("\u{4}");
    assert!(over(&mut terminal, 2).contains("no port was given"));
}

#[test]
fn an_empty_line_is_said_and_a_second_one_ends() {
    let home = tempfile::tempdir().unwrap();
    for (arguments, typed, expected) in
        [("", "a\r\rb\r\r\r", "a\n\nb\n\n"), ("--end-on-empty", "a\r\r", "a\n"), ("--crlf", "\r\r", "\r\n")]
    {
        let (address, served) = server(|mut client| read_all(&mut client));
        let mut terminal = call(home.path(), address, arguments);
        terminal.type_text(typed);
        assert_eq!(String::from_utf8(served.join().unwrap()).unwrap(), expected);
        let seen = over(&mut terminal, 0);
        assert_eq!(
            seen.contains("(an empty line was sent; a second one ends)"),
            arguments != "--end-on-empty"
        );
    }
}

#[test]
fn each_end_says_why_and_leaves_the_terminal_as_it_was() {
    let home = tempfile::tempdir().unwrap();
    let (address, _) = server(|mut client| {
        client.read_exact(&mut [0; 2]).unwrap();
        reset(&client);
    });
    let mut terminal = call(home.path(), address, "");
    terminal.type_text("a\rhalf");
    assert!(over(&mut terminal, 5).ends_with("error: the server cut the connection (reset)"));

    let (address, _) = server(|mut client| {
        client.read_exact(&mut [0; 2]).unwrap();
        client.write_all(b"login: ").unwrap();
    });
    let mut terminal = call(home.path(), address, "");
    terminal.type_text("a\rhalf");
    let seen = over(&mut terminal, 0);
    assert!(seen.contains("login:") && seen.ends_with(": closed by the server"), "{seen}");

    // This one never ends by itself.
    let (address, served) = server(|mut client| (read_all(&mut client), client));
    let mut terminal = call(home.path(), address, "");
    terminal.type_text("\u{4}");
    let seen = over(&mut terminal, 0);
    assert!(seen.contains("without waiting longer for the server"), "{seen}");
    drop(served.join());

    let (address, served) = server(|mut client| client.read(&mut [0]).unwrap_or(0));
    let mut terminal = call(home.path(), address, "");
    terminal.type_text("half\u{3}");
    assert!(over(&mut terminal, 130).ends_with(": interrupted"));
    assert_eq!(served.join().unwrap(), 0);
}

#[test]
fn a_signal_leaves_the_terminal_as_it_was_and_is_what_it_dies_of() {
    let home = tempfile::tempdir().unwrap();
    for (signal, code, told, by_shell) in [
        ("-TERM", 143, "ended by SIGTERM", "Terminated"),
        ("-HUP", 129, "ended by SIGHUP", "Hangup"),
        // To the line editor this is Ctrl-C, which is answered by an exit code.
        ("-INT", 130, "interrupted", ""),
    ] {
        let (address, served) = server(move |mut client| {
            let pid = read_line(&mut client);
            send_signal(signal, pid.trim().parse().unwrap());
            client.read(&mut [0]).unwrap_or(0)
        });
        let throng = env!("CARGO_BIN_EXE_throng");
        let (host, port) = (address.ip(), address.port());
        // The shell's own number becomes the program's.
        let line = format!(
            "sh -c 'exec {throng} connect --no-history {host} {port} --send $$'; echo exit=$?; stty -a"
        );
        let mut command = CommandBuilder::new("sh");
        command.args(["-c", &line]);
        command.env("HOME", home.path());
        command.env("TERM", "xterm-256color");
        let mut terminal = Terminal::run_command(command);
        let seen = over(&mut terminal, code);
        // A shell has words for what the kernel tells of it, and none for an exit code.
        assert!(seen.contains(&format!(": {told}")) && seen.contains(by_shell), "{seen}");
        assert_eq!(served.join().unwrap(), 0);
    }
    assert!(!home.path().join(".local").exists());
}

#[test]
fn a_prompt_at_which_nothing_was_typed_is_taken_away() {
    let home = tempfile::tempdir().unwrap();
    for (typed, expected) in [
        ("", "hello\nADDRESS: closed by the server"),
        ("half", "hello\n> half\nADDRESS: closed by the server"),
    ] {
        let (told, waits) = sync_channel::<()>(0);
        let (address, _) = server(move |mut client| {
            client.write_all(b"hello\n").unwrap();
            waits.recv().unwrap();
        });
        let mut terminal = call(home.path(), address, "");
        terminal.type_text(typed);
        terminal.wait_until("what is typed", |screen| {
            screen.contains("hello") && screen.lines().last() == Some(format!("> {typed}").trim_end())
        });
        told.send(()).unwrap();
        let seen = over(&mut terminal, 0).replace(&address.to_string(), "ADDRESS");
        assert_eq!(seen, format!("Connected to ADDRESS. Ctrl-D ends.\n{expected}"));
    }
    for (typed, end, expected) in [
        ("\u{4}", 0, ">\nADDRESS: closed"),
        ("\u{3}", 130, ">\nADDRESS: interrupted"),
        ("half\u{3}", 130, "> half\nADDRESS: interrupted"),
    ] {
        let (address, _) = server(|mut client| read_all(&mut client));
        let mut terminal = call(home.path(), address, "");
        terminal.type_text(typed);
        let seen = over(&mut terminal, end).replace(&address.to_string(), "ADDRESS");
        assert_eq!(seen, format!("Connected to ADDRESS. Ctrl-D ends.\n{expected}"));
    }
}

#[test]
fn lines_that_are_pasted_as_one_text_end_alike() {
    let home = tempfile::tempdir().unwrap();
    let (address, served) = server(|mut client| read_all(&mut client));
    let mut terminal = call(home.path(), address, "--crlf");
    // As a terminal wraps what is pasted into it.
    terminal.type_text("\x1b[200~one\rtwo\r\r\rthree\x1b[201~\r");
    terminal.wait_until("the prompt again", |screen| {
        screen.contains("three") && screen.lines().last() == Some(">")
    });
    terminal.type_text("\u{4}");
    over(&mut terminal, 0);
    assert_eq!(String::from_utf8(served.join().unwrap()).unwrap(), "one\r\ntwo\r\n\r\n\r\nthree\r\n");
}

#[test]
fn where_there_can_be_no_line_editor_another_way_is_told() {
    let home = tempfile::tempdir().unwrap();
    let (address, _) = server(|mut client| read_all(&mut client));
    // What a line editor needs, some windows of editors lack.
    let mut terminal = connect_in("dumb", home.path(), &format!("{} {}", address.ip(), address.port()));
    let seen = over(&mut terminal, 1);
    assert!(
        seen.contains("no line editor in this terminal") && seen.contains("cat | throng connect"),
        "{seen}"
    );
}

#[test]
fn after_ctrl_z_and_fg_one_goes_on_typing() {
    // A shell that has modes of its own, and gives them back; not each `sh` does.
    let mut command = CommandBuilder::new("bash");
    command.args(["--norc", "--noprofile", "-i"]);
    command.env("PS1", "$ ");
    command.env("TERM", "xterm-256color");
    if std::process::Command::new("bash").arg("--version").output().is_err() {
        println!("skipped: there is no bash");
        return;
    }
    let (address, served) = server(|mut client| (read_line(&mut client), read_all(&mut client)).0);
    let mut terminal = Terminal::run_command(command);
    let (throng, host, port) = (env!("CARGO_BIN_EXE_throng"), address.ip(), address.port());
    terminal.type_text(&format!("{throng} connect --no-history {host} {port}\r"));
    terminal.wait_until("the prompt", |screen| screen.lines().last() == Some(">"));
    for (round, typed) in ["one", " two", " three", " four"].into_iter().enumerate() {
        terminal.type_text(typed);
        terminal.wait_until(typed, |screen| screen.lines().last().is_some_and(|line| line.ends_with(typed)));
        terminal.type_text("\u{1a}");
        terminal.wait_until("the shell", |screen| screen.lines().last() == Some("$"));
        terminal.type_text("fg\r");
        terminal.wait_until("what was typed", |screen| {
            let backs = screen.lines().filter(|line| *line == "(back)").count();
            backs == round + 1 && screen.lines().last().is_some_and(|line| line.ends_with(typed))
        });
    }
    terminal.type_text("\r\u{4}");
    assert_eq!(served.join().unwrap(), "one two three four\n");
    terminal.wait_until("the shell", |screen| screen.lines().last() == Some("$"));
    terminal.type_text("exit\r");
    terminal.wait_for_end();
}

#[test]
fn what_was_typed_is_offered_again_but_no_secret() {
    let home = tempfile::tempdir().unwrap();
    for first in [true, false] {
        let (address, served) = server(|mut client| (read_line(&mut client), read_all(&mut client)).0);
        let mut terminal = call(home.path(), address, "");
        if first {
            // A space before it keeps it out of the history.
            terminal.type_text("remember me\r password\r");
            terminal.wait_until("both lines", |screen| {
                screen.contains(">  password") && screen.lines().last() == Some(">")
            });
        }
        terminal.type_text("\x1b[A");
        terminal.wait_until("the line before", |screen| screen.lines().last() == Some("> remember me"));
        terminal.type_text("\r\u{4}");
        over(&mut terminal, 0);
        assert_eq!(served.join().unwrap(), "remember me\n");
    }
    let kept = std::fs::read_to_string(home.path().join(".local/state/throng/connect_history")).unwrap();
    assert!(!kept.contains("password"), "{kept}");
}

#[test]
fn what_comes_can_neither_move_the_cursor_nor_make_us_speak_telnet() {
    let home = tempfile::tempdir().unwrap();
    for (arguments, expected) in [("", "\\x1b[31mred\\x1b[m\\x07"), ("--raw", "red")] {
        let (address, served) = server(|mut client| {
            client.write_all(b"\xff\xfd\x18\xff\xfb\x03\x1b[31mred\x1b[m\x07\r\nname? ").unwrap();
            let mut heard = vec![0; 10];
            client.read_exact(&mut heard).unwrap();
            heard
        });
        let mut terminal = connect(home.path(), &format!("{} {} {arguments}", address.ip(), address.port()));
        terminal.wait_for(expected);
        // A question without an end is shown when nothing follows it.
        terminal.wait_for("name?");
        terminal.type_text("ana\r");
        assert_eq!(served.join().unwrap(), b"\xff\xfc\x18\xff\xfe\x03ana\n");
        over(&mut terminal, 0);
    }
}

#[test]
fn a_pasted_text_is_sent_whole_to_a_slow_server() {
    let home = tempfile::tempdir().unwrap();
    let text: String = (0..1000).map(|number| format!("pasted {number}\r")).collect();
    let (told, waits) = sync_channel::<()>(0);
    let (address, served) = server(move |mut client| {
        waits.recv().unwrap();
        read_all(&mut client)
    });
    let mut terminal = call(home.path(), address, "");
    terminal.type_text(&text);
    terminal.wait_for("> pasted 999");
    told.send(()).unwrap();
    terminal.type_text("\u{4}");
    assert!(served.join().unwrap() == text.replace('\r', "\n").as_bytes());
    over(&mut terminal, 0);
}

#[test]
fn a_lost_connection_is_called_again_and_the_script_is_said_again() {
    let home = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let served = std::thread::spawn(move || {
        let mut heard = Vec::new();
        for _ in 0..2 {
            let mut client = listener.accept().unwrap().0;
            client.set_read_timeout(Some(PATIENCE)).unwrap();
            client.write_all(b"who are you?\n").unwrap();
            heard.push(read_line(&mut client));
            // The connection is lost with the first line after that.
            heard.push(read_line(&mut client));
        }
        heard
    });
    let arguments = "--reconnect --expect 'who are you?' --send ana";
    let mut terminal = connect(home.path(), &format!("{} {} {arguments}", address.ip(), address.port()));
    terminal.wait_for("who are you?");
    terminal.type_text("first\r");
    terminal.wait_for("closed by the server; calling again in ");
    terminal.wait_until("a second connection", |screen| screen.matches("Connected to ").count() == 2);
    terminal.wait_until("a second question", |screen| screen.matches("who are you?").count() == 2);
    terminal.type_text("second\r");
    assert_eq!(served.join().unwrap(), ["ana\n", "first\n", "ana\n", "second\n"]);
    // Now nobody is there any more.
    terminal.wait_for("connection refused; calling again in");
    terminal.type_text("\u{3}");
    over(&mut terminal, 130);
}

#[test]
fn a_password_is_neither_shown_nor_kept() {
    let home = tempfile::tempdir().unwrap();
    let transcript = home.path().join("said.jsonl");
    let server = Server::start(&home.path().join("data"), &[]);
    let mut terminal = call(home.path(), server.address, &format!("--transcript {}", transcript.display()));
    terminal.wait_for("Pick a name");
    terminal.type_text("ana\r");
    terminal.wait_for("to stay a guest:");
    terminal.type_text("canary of a password\r");
    terminal.wait_for("The same once more:");
    terminal.type_text("canary of a password\r");
    terminal.wait_for("* You are signed in as ana.");
    terminal.type_text("seen again\r");
    terminal.wait_for("<ana> seen again");
    terminal.type_text("/quit\r");
    let screen = over(&mut terminal, 0);
    let history = std::fs::read_to_string(home.path().join(".local/state/throng/connect_history")).unwrap();
    let transcript = std::fs::read_to_string(transcript).unwrap();
    assert_eq!(history, "ana\nseen again\n/quit\n");
    assert_eq!(transcript.matches("sent_hidden").count(), 2, "{transcript}");
    for kept in [&screen, &history, &transcript, &server.terminate().1] {
        assert!(!kept.contains("canary"), "{kept}");
    }
}
