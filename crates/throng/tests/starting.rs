//! How the program starts, and what it says when it cannot: one clear error, the right exit code, nothing overwritten.

#![allow(clippy::unwrap_used)]

mod real;

use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::sync_channel;

use real::{Person, Server};

/// What this process needs for the largest crowd: two for each, and some for other tests.
const DESCRIPTORS: u64 = 2_500;

/// Runs `throng serve` to its end, which must come by itself.
fn serve(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_throng"));
    command.arg("serve").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let (read, said) = sync_channel(1);
    std::thread::spawn(move || {
        let mut said = String::new();
        stderr.read_to_string(&mut said).unwrap();
        // Nobody waits any more when it took too long.
        let _ = read.send(said);
    });
    let said = said.recv_timeout(real::PATIENCE);
    if said.is_err() {
        child.kill().unwrap();
    }
    let Output { status, stdout, .. } = child.wait_with_output().unwrap();
    assert!(stdout.is_empty(), "only data belongs on standard output");
    (status.code(), said.unwrap_or_else(|_| panic!("throng serve {arguments:?} goes on and on")))
}

fn serve_on(data: &Path) -> (Option<i32>, String) {
    serve(&["--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()])
}

#[test]
fn a_folder_that_is_in_use_tells_where_its_server_is() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let (code, said) = serve_on(folder.path());
    assert_eq!(code, Some(1), "{said}");
    let port = server.address.port();
    for words in [
        "already".to_owned(),
        format!("pid {}", server.pid()),
        server.address.to_string(),
        format!("telnet 127.0.0.1 {port}"),
        "--data DIR".to_owned(),
    ] {
        assert!(said.contains(&words), "{words:?} is not in:\n{said}");
    }
    Person::enter(server.address, "ana");
}

#[test]
fn two_servers_with_two_folders_cannot_have_one_port() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(one.path(), &[]);
    let (code, said) =
        serve(&["--listen", &server.address.to_string(), "--data", two.path().to_str().unwrap()]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&format!("cannot listen on {}: address in use", server.address)), "{said}");
    if cfg!(target_os = "linux") {
        assert!(said.contains(&format!("held by: throng (pid {})", server.pid())), "{said}");
    }
}

#[test]
fn a_port_stays_free_to_find_out_when_the_folder_is_bad() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let (code, said) = serve(&["--listen", &port.to_string(), "--data", file.to_str().unwrap()]);
    assert_eq!(code, Some(2), "{said}");
    TcpListener::bind(port).unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "in the way");
}

/// What is wrong, how it comes about, and a word of the message.
type Row<'a> = (&'a str, &'a dyn Fn(&Path), &'a str);

#[test]
fn each_bad_data_folder_has_its_own_message_and_nothing_is_overwritten() {
    let newer = |data: &Path| {
        Server::start(data, &[]).terminate();
        let mut bytes = std::fs::read(data.join("throng.db")).unwrap();
        // The database's own version number (SQLite file format §1.3, user_version at offset 60).
        bytes[60..64].copy_from_slice(&9_999_u32.to_be_bytes());
        std::fs::write(data.join("throng.db"), bytes).unwrap();
    };
    let write =
        |bytes: &'static [u8]| move |data: &Path| std::fs::write(data.join("throng.db"), bytes).unwrap();
    let rows: [Row<'_>; 2] = [
        (
            "foreign",
            &write(b"this is somebody's letter, and no database at all; it is long enough to be one"),
            "not",
        ),
        ("newer", &newer, "schema version 9999"),
    ];
    for (what, prepare, word) in rows {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let before = std::fs::read(folder.path().join("throng.db")).unwrap();
        let (code, said) = serve_on(folder.path());
        assert_eq!(code, Some(1), "{what}: {said}");
        assert!(
            said.starts_with("error: ") && said.contains(word) && !said.contains("panicked"),
            "{what}: {said}"
        );
        assert_eq!(std::fs::read(folder.path().join("throng.db")).unwrap(), before, "{what}");
    }
}

#[test]
fn wrong_use_is_told_with_exit_code_2() {
    for arguments in [
        &["--listen", "nowhere"][..],
        &["--durability", "sometimes"],
        &["--name", "not a host"],
        &["--limits-clients", "0"],
        &["--limits-clients", "4000000000"],
        &["gopher"],
        &["--frobnicate"],
    ] {
        let (code, said) = serve(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {said}");
        assert!(said.contains("error:"), "{arguments:?}: {said}");
    }
}

#[test]
fn what_was_said_is_there_tomorrow_and_the_end_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let mut ana = Person::enter(server.address, "ana");
    ana.type_line("see you tomorrow");
    ana.read_until("<ana> see you tomorrow");
    let ended = std::thread::spawn(move || server.terminate());
    assert!(ana.read_to_end().iter().any(|line| line.starts_with("Bye ana.")));
    drop(ana);
    let (status, said) = ended.join().unwrap();
    assert!(status.success(), "{said}");
    assert!(
        said.lines().last().unwrap().starts_with("drained: 1 person told goodbye, 1 connection closed"),
        "{said}"
    );

    let server = Server::start(folder.path(), &[]);
    let mut bo = Person::connect(server.address);
    bo.type_line("bo\n");
    bo.read_until("<ana> see you tomorrow");
}

#[test]
fn a_thousand_in_a_room_hear_one_farewell_and_no_quit() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--durability", "memory"]);
    rlimit::increase_nofile_limit(DESCRIPTORS).unwrap();
    let mut crowd: Vec<_> = (0..1_000).map(|n| Person::enter(server.address, &format!("p{n}"))).collect();
    let ended = std::thread::spawn(move || server.terminate());
    for person in &mut crowd {
        let lines = person.read_to_end();
        let gone = lines.iter().filter(|line| line.contains(" is gone")).count();
        let farewells = lines.iter().filter(|line| line.contains("the server is closing")).count();
        assert_eq!((gone, farewells), (0, 1), "{:?}", lines.last());
    }
    drop(crowd);
    let (_, said) = ended.join().unwrap();
    assert!(said.contains("drained: 1000 people told goodbye"), "{}", said.lines().last().unwrap());
}
