//! `throng load` as one runs it: against the real echo by each model, and against what goes wrong.

#![allow(clippy::unwrap_used)]

mod program;
mod pty;
mod real;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};

use program::Program;
use pty::Terminal;
use real::Server;
use serde_json::Value;

fn load(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_throng"));
    command.arg("load").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = load(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (status.code().unwrap(), text(&stdout), text(&stderr))
}

fn echo() -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["echo"]);
    (folder, server)
}

#[test]
fn every_model_gives_every_byte_back() {
    for (model, form) in
        [("events", "--line"), ("pool", "--length-prefixed"), ("threads", "--line"), ("processes", "--line")]
    {
        if model == "processes" && !cfg!(target_os = "linux") {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path(), &["echo", "--model", model]);
        let target = server.address.to_string();
        let (_, told, said) = run(&[
            &target,
            "-c",
            "20",
            "--messages",
            "2000",
            "--bytes",
            "1k",
            "--depth",
            "3",
            form,
            "--json",
        ]);
        let told: Value = serde_json::from_str(&told).unwrap_or_else(|why| panic!("{why}: {told}{said}"));
        assert_eq!(told["clients"]["answered"], 20, "{model}: {told}");
        assert_eq!((&told["messages"]["back"], &told["bytes"]["back"]), (&2000.into(), &2_048_000.into()));
        assert_eq!((&told["wrong"]["streams"], &told["clients"]["lost"]), (&0.into(), &0.into()), "{told}");
        assert_eq!(told["response_us"]["count"], 2000);
    }
}

#[test]
fn gates_and_the_plot_and_a_comparison() {
    let (folder, server) = echo();
    let target = server.address.to_string();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (plot, json) = (file("load.svg"), file("load.json"));
    let slow = ["--rate", "200", "--messages", "20", "-c", "2"];
    let (code, told, _) =
        run(&[&[target.as_str(), "--plot", &plot, "--fail-if", "p99>60s, errors>0"][..], &slow].concat());
    assert!([0, 5].contains(&code), "a busy machine may make it not valid: {told}");
    assert!(
        told.contains("2 asked, 2 reached, 2 answered, 0 lost") && told.contains("from intended"),
        "{told}"
    );
    assert!(std::fs::read_to_string(&plot).unwrap().contains("from actual"));

    let (code, told, _) =
        run(&[&[target.as_str(), "--json", "--fail-if", "p50>1us,lost>0"][..], &slow].concat());
    assert_eq!(code, 1, "{told}");
    let value: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&value["gates_broken"][0]["gate"], &value["exit_code"]), (&"p50>1us".into(), &1.into()));
    std::fs::write(&json, &told).unwrap();
    let (code, told, said) = run(&["compare", &json, &json]);
    assert!(code == 0 && told.contains("1.00") && told.contains("p99, µs"), "{told}{said}");
    let (code, _, said) = run(&["compare", &json, &plot]);
    assert!(code == 2 && said.contains("is no result of throng load --json"), "{said}");
}

#[test]
fn those_who_stay_and_those_who_come_and_go() {
    let (_folder, server) = echo();
    let target = server.address.to_string();
    let (_, told, said) = run(&[&target, "--churn", "-c", "5", "--messages", "100"]);
    assert!(told.contains("clients    100 asked, 100 reached, 100 answered, 0 lost"), "{told}{said}");
    assert!(told.contains("come to gone"), "{told}");
    let (code, told, said) = run(&[&target, "--hold", "-c", "5", "--duration", "100ms"]);
    assert!(code == 0 && told.contains("clients    5 asked, 5 reached, 0 answered, 0 lost"), "{told}{said}");
    let (_, told, said) = run(&[&target, "--slow-reader", "10k", "-c", "3", "--duration", "300ms"]);
    assert!(told.contains("slow readers") && told.contains("each as it was sent"), "{told}{said}");
}

#[test]
fn what_cannot_be_loaded_is_told_with_its_exit_code() {
    // A client's own port is taken, and nobody listens there.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let nobody = client.local_addr().unwrap().to_string();
    for (arguments, code, words) in [
        (&[nobody.as_str()][..], 3, "nobody could connect"),
        (&["192.0.2.1:7"], 4, "--authorized"),
        (&["224.0.0.1:7"], 4, "is no host"),
        (&["127.0.0.1"], 2, "is no target"),
        (&["127.0.0.1:7", "--fail-if", "p99"], 2, "p99>5ms"),
        (&[], 2, "HOST:PORT"),
    ] {
        let (found, _, said) = run(arguments);
        assert!(found == code && said.contains(words), "{arguments:?}: {found}: {said}");
    }
}

#[test]
fn a_wrong_byte_is_told_and_is_a_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = [0; 64];
        stream.read_exact(&mut bytes).unwrap();
        bytes[40] ^= 1;
        stream.write_all(&bytes).unwrap();
        let _ = stream.read(&mut bytes);
    });
    let (code, told, said) = run(&[&target, "-c", "1", "--messages", "1"]);
    server.join().unwrap();
    assert_eq!(code, 1, "{told}{said}");
    assert!(told.contains("connection 0, byte 40: 0x") && told.contains("1 byte changed"), "{told}");
}

#[test]
fn ctrl_c_ends_the_load_and_the_table_is_still_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let mut running = Program(load(&[&target, "-c", "1", "--duration", "60s"]).spawn().unwrap());
    let (mut stream, _) = listener.accept().unwrap();
    let mut bytes = [0; 64];
    for _ in 0..5 {
        stream.read_exact(&mut bytes).unwrap();
        stream.write_all(&bytes).unwrap();
    }
    let pid = running.0.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    // What is under way is answered, until nothing more comes.
    while let Ok(read @ 1..) = stream.read(&mut bytes) {
        let _ = stream.write_all(&bytes[..read]);
    }
    drop(stream);
    let status = running.0.wait().unwrap();
    let mut told = String::new();
    running.0.stdout.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(status.code(), Some(130), "{told}");
    assert!(told.contains("it was interrupted") && told.contains("1 asked, 1 reached, 1 answered"), "{told}");
}

#[test]
fn a_chat_is_loaded_through_two_doors_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--pace", "off", "--durability", "memory"]);
    let target = server.address.to_string();
    let shape = ["--rooms", "2", "--members", "5", "--talkers", "2", "--depth", "2", "--duration", "300ms"];
    // Twice each: what was said before is no trouble.
    for door in ["--irc", "--chat", "--irc", "--chat"] {
        let (code, told, said) = run(&[&[target.as_str(), door, "--timeout", "20s"][..], &shape].concat());
        assert!([0, 5].contains(&code) && !told.is_empty(), "{door}: {told}{said}");
        assert!(told.contains("10 asked, 10 reached, 10 answered, 0 lost"), "{door}: {told}");
        assert!(told.contains("none lost, none twice") && told.contains("said to heard"), "{told}");
    }
    // By the clock, from other addresses, not all at once, and so many messages.
    let paced = ["--rate", "200", "--messages", "20", "--ramp", "100ms", "--source", "127.0.0.5,127.0.0.6"];
    for door in ["--irc", "--chat"] {
        let (code, told, said) = run(&[&[target.as_str(), door][..], &shape[..6], &paced].concat());
        assert!([0, 5].contains(&code) && told.contains("open loop, 200 a second"), "{door}: {told}{said}");
        assert!(told.contains("messages   20 said, heard 80 times"), "{door}: {told}");
        assert!(told.contains("from intended") && told.contains("what was ready waited p99"), "{told}");
    }
    let (code, _, said) = run(&[&target, "--irc", "--members", "2", "--talkers", "3"]);
    assert!(code == 2 && said.contains("3 talkers are more than 2 members"), "{said}");
    let (code, _, said) = run(&["192.0.2.1:6667", "--irc"]);
    assert!(code == 4 && said.contains("--authorized"), "{said}");
}

/// Says yes to everything that a client of a chat asks for, but with these lines only.
fn answers(listener: &TcpListener, clients: usize, answer: impl Fn(usize, &str) -> Option<String> + Sync) {
    std::thread::scope(|scope| {
        for (index, stream) in listener.incoming().take(clients).enumerate() {
            let (stream, answer) = (stream.unwrap(), &answer);
            scope.spawn(move || {
                let mut writes = stream.try_clone().unwrap();
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    match answer(index, &line) {
                        Some(answer) => {
                            let _ = writes.write_all(answer.as_bytes());
                        }
                        None => return writes.shutdown(Shutdown::Both).unwrap_or_default(),
                    }
                }
            });
        }
    });
}

#[test]
fn a_client_that_a_chat_refuses_is_in_the_table_and_the_others_go_on() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let server = std::thread::spawn(move || {
        answers(&listener, 3, |index, line| {
            let word = line.split(' ').next().unwrap_or_default();
            Some(match (word, index) {
                ("USER", _) => ":test 001 you :Welcome\r\n".to_owned(),
                ("JOIN", 1) => ":test 471 you #room :Full\x1b[2J\r\n".to_owned(),
                ("JOIN", _) => ":test 366 you #room :End\r\n".to_owned(),
                ("PING", _) => ":test PONG test :settle\r\n".to_owned(),
                _ => String::new(),
            })
        });
    });
    let words = ["--irc", "--members", "3", "--duration", "100ms", "--timeout", "300ms"];
    let (code, told, said) = run(&[&[target.as_str()][..], &words].concat());
    server.join().unwrap();
    assert_eq!(code, 5, "{told}{said}");
    assert!(
        told.contains("3 asked, 3 reached, 2 answered") && told.contains("1 denied by the server"),
        "{told}"
    );
    assert!(told.contains("Full\\x1b[2J") && !told.contains('\x1b'), "{told}");
    // Nothing of what the talker said came to anybody.
    assert!(told.contains("1 no answer in time") && told.contains("--timeout 60s"), "{told}");
}

#[test]
fn ctrl_c_is_heard_while_a_chat_lets_nobody_in() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let mut running =
        Program(load(&[&target, "--irc", "--members", "2", "--timeout", "60s"]).spawn().unwrap());
    let mut stream = listener.accept().unwrap().0;
    // It asks for its name, and so it hears signals.
    assert!(stream.read(&mut [0; 512]).unwrap() > 0);
    let pid = running.0.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let status = running.0.wait().unwrap();
    let mut told = String::new();
    running.0.stdout.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(status.code(), Some(130), "{told}");
    assert!(told.contains("it was interrupted") && told.contains("2 asked,"), "{told}");
}

#[test]
fn on_a_terminal_a_stranger_is_asked_for_and_only_yes_goes_on() {
    // The address is documentation's (RFC 5737), and each of these ends before anything is sent.
    let content = "Are its owners content? Type yes:";
    let ended = |mut terminal: Terminal| {
        let (code, screen) = terminal.wait_for_end();
        assert!(code == 4 && screen.contains("the answer was not yes"), "{code}: {screen}");
    };
    for no in ["no\n", "\n", "y\n", "\x04"] {
        let mut terminal = Terminal::run(env!("CARGO_BIN_EXE_throng"), &["load", "192.0.2.1:7"]);
        let screen = terminal.wait_for(content);
        assert!(screen.contains("192.0.2.1 is neither this machine nor in a private network."), "{screen}");
        terminal.type_text(no);
        ended(terminal);
    }
    // A yes for the stranger is heard: the next question comes.
    let many = ["load", "192.0.2.1:7", "-c", "101"];
    let mut terminal = Terminal::run(env!("CARGO_BIN_EXE_throng"), &many);
    terminal.wait_for(content);
    terminal.type_text("yes\n");
    let screen = terminal.wait_for("Are its owners content with so many? Type yes:");
    assert!(screen.contains("101 clients are many for 192.0.2.1, which is neither"), "{screen}");
    terminal.type_text("no\n");
    ended(terminal);
    let mut terminal =
        Terminal::run(env!("CARGO_BIN_EXE_throng"), &[&many[..], &["--authorized", "us"]].concat());
    terminal.wait_for("Are its owners content with so many? Type yes:");
    terminal.type_text("no\n");
    ended(terminal);
}
