//! The services where nobody has a name, by each model, as the real binary serves them.

#![allow(clippy::unwrap_used)]

mod real;

use std::process::Command;

use real::{Person, Server};

/// Every one that this system has.
const MODELS: &[&str] = if cfg!(target_os = "linux") {
    &["sequential", "threads", "pool", "events", "processes"]
} else {
    &["sequential", "threads", "pool", "events"]
};

fn start(arguments: &[&str]) -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), arguments);
    (folder, server)
}

#[test]
fn echo_serves_by_each_model_and_tells_how_it_ended() {
    for model in MODELS {
        let (folder, server) = start(&["echo", "--model", model, "--workers", "2"]);
        let mut ana = Some(Person::connect(server.address));
        let first = ana.as_mut().unwrap();
        first.type_line("hello");
        assert_eq!(first.read_line().as_deref(), Some("hello"), "{model}");
        let mut bo = Person::connect(server.address);
        bo.type_line("and I");
        if *model == "sequential" {
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

/// The processes that this one has begun.
#[cfg(target_os = "linux")]
fn children_of(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // Behind the name in parentheses: the state, and the parent.
        let its_parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.to_owned();
        (its_parent == parent.to_string()).then_some(pid)
    });
    processes.collect()
}

#[test]
#[cfg(target_os = "linux")]
fn a_worker_that_is_killed_ends_its_own_clients_and_is_begun_again() {
    let (_folder, server) = start(&["echo", "--model", "processes", "--workers", "2", "--verbose"]);
    let workers = children_of(server.pid());
    assert_eq!(workers.len(), 2);
    let (mut ana, mut bo) = (Person::connect(server.address), Person::connect(server.address));
    for person in [&mut ana, &mut bo] {
        person.type_line("hello");
        assert_eq!(person.read_line().as_deref(), Some("hello"));
    }
    assert!(Command::new("kill").args(["-KILL", &workers[0].to_string()]).status().unwrap().success());
    // Whose worker it was is a matter of which has the lower number.
    let (mut lost, mut kept) = if workers[0] < workers[1] { (ana, bo) } else { (bo, ana) };
    assert_eq!(lost.read_line(), None);
    kept.type_line("still here");
    assert_eq!(kept.read_line().as_deref(), Some("still here"));
    let mut next = Person::connect(server.address);
    next.type_line("me too");
    assert_eq!(next.read_line().as_deref(), Some("me too"));
    drop((kept, next));
    let (status, said) = server.terminate();
    assert!(status.success(), "{said}");
    assert!(said.contains("worker.ended worker=") && said.contains("signal: 9"), "{said}");
    assert!(said.contains("worker-0: accepted 127.0.0.1:"), "{said}");
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
