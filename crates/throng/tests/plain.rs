//! The services where nobody has a name, by each model, as the real binary serves them.

#![allow(clippy::unwrap_used)]

mod real;

use std::process::Command;

use real::{Person, Server};

fn start(arguments: &[&str]) -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), arguments);
    (folder, server)
}

#[test]
fn echo_serves_by_each_model_and_tells_how_it_ended() {
    for model in ["sequential", "threads", "pool", "events"] {
        let (folder, server) = start(&["echo", "--model", model, "--workers", "2"]);
        let mut ana = Some(Person::connect(server.address));
        let first = ana.as_mut().unwrap();
        first.type_line("hello");
        assert_eq!(first.read_line().as_deref(), Some("hello"), "{model}");
        let mut bo = Person::connect(server.address);
        bo.type_line("and I");
        if model == "sequential" {
            ana = None;
        }
        assert_eq!(bo.read_line().as_deref(), Some("and I"), "{model}");
        drop((ana, bo));
        let (status, said) = server.terminate();
        assert!(status.success(), "{model}: {said}");
        assert!(said.contains("client.connected conn=2") && said.contains("client.closed conn=1"), "{said}");
        assert!(said.lines().last().unwrap().starts_with("drained: "), "{said}");
        let events = std::fs::read_to_string(folder.path().join("events/events.jsonl")).unwrap();
        assert!(events.contains(&format!("\"model\":\"{model}\"")), "{events}");
    }
}

#[test]
fn verbose_prints_who_serves_whom_and_nothing_that_moves_a_cursor() {
    let (_folder, server) = start(&["echo", "--model", "threads", "--verbose"]);
    let mut ana = Person::connect(server.address);
    ana.type_line("\x1b[2Jhello");
    assert_eq!(ana.read_line().as_deref(), Some("\x1b[2Jhello"));
    drop(ana);
    let (_, said) = server.terminate();
    let lines: Vec<_> = said.lines().filter(|line| line.starts_with("thread-1: ")).collect();
    assert_eq!(lines.len(), 3, "{said}");
    assert!(lines[0].starts_with("thread-1: accepted 127.0.0.1:"), "{said}");
    assert!(lines[1].ends_with(r#" received 10 bytes "\x1b[2Jhello\x0a""#), "{said}");
    assert!(lines[2].starts_with("thread-1: closed 127.0.0.1:"), "{said}");
    assert!(!said.contains('\x1b'));
}

#[test]
fn hello_says_hello_and_closes() {
    let (_folder, server) = start(&["hello", "--model", "sequential"]);
    for _ in 0..3 {
        assert_eq!(Person::connect(server.address).read_to_end(), ["Hello, World!"]);
    }
}

#[test]
fn the_chat_says_that_it_knows_no_other_model() {
    let output = Command::new(env!("CARGO_BIN_EXE_throng"))
        .args(["serve", "--model", "threads", "--listen", "127.0.0.1:0"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("throng serve echo --model threads"), "{said}");
}
