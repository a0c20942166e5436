//! A live restart, with real processes: nobody is refused, nobody who got a byte is reset, and a new process that cannot
//! serve leaves the old one as it was.
//!
//! This program is its own server: started with [`roles::ROLE`] in its environment it serves, or fails to. All generations share one
//! standard input, from which they take orders, and one standard output, on which they tell; they end when the input ends.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

mod generations;
#[path = "../place/mod.rs"]
mod place;
mod roles;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use command_fds::{CommandFdExt, FdMapping};
use generations::Generations;
use place::{PATIENCE, echo, knock, talk, until};
use roles::{MODEL, PLACES, ROLE, heir};
use throng_server::inherit::PASSED_MAX;
use throng_server::{RestartError, Server};

/// How often the server is restarted under the storm.
const RESTARTS: usize = 20;

/// Who storms meanwhile, and how often each round must have been served after a restart before the next.
const CALLERS: usize = 8;
const ROUNDS_MIN: usize = 200;

/// Tests with their names.
macro_rules! named {
    ($($test:ident),* $(,)?) => {
        [$((stringify!($test), $test as fn())),*]
    };
}

fn main() {
    throng_server::worker_or_continue();
    if let Ok(role) = std::env::var(roles::ROLE) {
        return roles::play(&role);
    }
    let tests = named![
        restarts_under_a_storm_refuse_and_reset_nobody,
        a_new_process_that_cannot_serve_leaves_the_old_one,
        a_file_of_a_socket_goes_with_the_last_generation,
        a_process_becomes_another_and_keeps_its_number,
        who_waits_while_nobody_accepts_is_served_by_the_next,
        a_passed_socket_is_taken_by_its_name_and_only_held,
        more_addresses_than_can_be_passed_are_not_passed,
        what_does_not_listen_is_refused,
    ];
    let wanted: Vec<_> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    for (name, test) in tests {
        if wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str())) {
            println!("test {name} ...");
            test();
            println!("test {name} ... ok");
        }
    }
}

/// What the callers of a storm saw.
#[derive(Default)]
struct Seen {
    rounds: AtomicUsize,
    calls: AtomicUsize,
    refused: AtomicUsize,
    reset: AtomicUsize,
    over: AtomicBool,
}

fn restarts_under_a_storm_refuse_and_reset_nobody() {
    for (model, restarts) in
        [("events", RESTARTS), ("one loop", RESTARTS), ("pool", 5), ("threads", 5), ("sequential", 5)]
    {
        storm(model, restarts);
    }
    if cfg!(target_os = "linux") {
        storm("processes", 5);
    }
}

fn storm(model: &str, restarts: usize) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(ROLE, "serve").env(PLACES, "127.0.0.1:0").env(MODEL, model);
    let mut server = Generations::of(command);
    let (address, seen) = (server.address, Arc::<Seen>::default());
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let seen = Arc::clone(&seen);
            std::thread::spawn(move || {
                while !seen.over.load(SeqCst) {
                    call(address, caller, &seen);
                }
            })
        })
        .collect();
    let mut ids = vec![server.first.id().to_string()];
    for _ in 0..restarts {
        let mark = seen.rounds.load(SeqCst) + ROUNDS_MIN;
        until("the storm goes on", || seen.rounds.load(SeqCst) > mark);
        let open = server.restart();
        assert_eq!(open[1], address.to_string());
        ids.push(open[0].clone());
    }
    let mark = seen.rounds.load(SeqCst) + ROUNDS_MIN;
    until("the last one serves", || seen.rounds.load(SeqCst) > mark);
    seen.over.store(true, SeqCst);
    callers.into_iter().for_each(|caller| caller.join().unwrap());
    let (refused, reset) = (seen.refused.load(SeqCst), seen.reset.load(SeqCst));
    println!(
        "{model}: {restarts} restarts: {} calls, {} rounds, {refused} refused, {reset} reset",
        seen.calls.load(SeqCst),
        seen.rounds.load(SeqCst)
    );
    assert_eq!((refused, reset), (0, 0));
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), restarts + 1, "each generation is a process of its own");
    server.end();
}

/// Calls, talks for a while, and hangs up, unless the server ends the call before.
fn call(address: SocketAddr, caller: usize, seen: &Seen) {
    let calls = seen.calls.fetch_add(1, SeqCst);
    let mut stream = match TcpStream::connect(address) {
        Ok(stream) => stream,
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            seen.refused.fetch_add(1, SeqCst);
            return;
        }
        Err(error) => {
            eprintln!("no call: {error}");
            seen.reset.fetch_add(1, SeqCst);
            return;
        }
    };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    for round in 0..(calls % 7) * 5 {
        let text = format!("caller {caller} round {round}");
        let mut heard = vec![0; text.len()];
        let spoken = stream.write_all(text.as_bytes()).and_then(|()| stream.read_exact(&mut heard));
        match spoken {
            Ok(()) => assert_eq!(heard, text.as_bytes()),
            // The server's end, at a point where nothing was under way.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return,
            Err(error) => {
                eprintln!("round {round}: {error}");
                seen.reset.fetch_add(1, SeqCst);
                return;
            }
        }
        seen.rounds.fetch_add(1, SeqCst);
    }
}

fn a_new_process_that_cannot_serve_leaves_the_old_one() {
    let mut server = Generations::begin("127.0.0.1:0");
    let mut stays = knock(server.address);
    talk(&mut stays, "before");
    for (order, expected) in [
        ("end", "the new process ended: exit status: 3; it wrote: no such luck"),
        ("impatient", "the new process did not answer in time"),
        ("refuse", "the new process cannot serve: the certificate has expired"),
        ("missing", "the new process cannot be started: No such file or directory"),
        ("end late", "the new process ended: exit status: 3"),
    ] {
        server.order(order);
        let why = server.hear("failed").join(" ");
        assert!(why.starts_with(expected), "{order}: {why}");
        talk(&mut stays, "still here");
        talk(&mut knock(server.address), "and for new ones");
    }
    server.order("chatter");
    let why = server.hear("failed").join(" ");
    assert!(
        why.starts_with("the new process ended: exit status: 3; it wrote: ") && why.len() < 5_000,
        "{why}"
    );
    assert!(why.ends_with("the last words"), "{why}");
    server.order("twice");
    server.hear("once");
    server.restart();
    server.end();
}

fn a_file_of_a_socket_goes_with_the_last_generation() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("echo.sock");
    let mut server = Generations::begin(&format!("unix:{}", path.display()));
    for _ in 0..3 {
        let mut client = UnixStream::connect(&path).unwrap();
        client.write_all(b"hello").unwrap();
        client.read_exact(&mut [0; 5]).unwrap();
        server.restart();
        let mut end = Vec::new();
        client.read_to_end(&mut end).unwrap();
    }
    UnixStream::connect(&path).unwrap();
    // A path is paused and taken up again by a generation that did not bind it.
    server.order("pause");
    server.hear("paused");
    assert_eq!(UnixStream::connect(&path).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    server.restart();
    UnixStream::connect(&path).unwrap();
    server.end();
    assert!(!path.exists());
}

fn a_process_becomes_another_and_keeps_its_number() {
    let mut server = Generations::begin("127.0.0.1:0,[::1]:0");
    let id = server.first.id().to_string();
    for _ in 0..2 {
        server.order("become");
        let open = server.hear("open");
        assert_eq!(open[0], id);
        assert!(open[1].starts_with(&format!("{},[::1]:", server.address)), "{open:?}");
        talk(&mut knock(server.address), "hello");
    }
    server.order("pause");
    server.hear("paused");
    assert_eq!(TcpStream::connect(server.address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    server.end();
}

fn who_waits_while_nobody_accepts_is_served_by_the_next() {
    for (order, then) in [("hold", "restarted"), ("hold in vain", "again")] {
        let mut server = Generations::begin("127.0.0.1:0");
        let mut stays = knock(server.address);
        talk(&mut stays, "before");
        server.order(order);
        let mut waits = match order {
            "hold" => {
                server.hear("let go");
                assert_eq!(stays.read(&mut [0]).unwrap(), 0, "who was here is told that it ends");
                let mut waits = knock(server.address);
                waits.write_all(b"is anybody there?").unwrap();
                server.order("go");
                waits
            }
            _ => {
                let why = server.hear("failed").join(" ");
                assert!(why.starts_with("the new process ended: exit status: 3"), "{why}");
                let mut waits = knock(server.address);
                waits.write_all(b"is anybody there?").unwrap();
                waits
            }
        };
        match then {
            "restarted" => drop(server.restarted()),
            _ => drop(server.hear(then)),
        }
        let mut heard = [0; 17];
        waits.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"is anybody there?");
        drop(waits);
        server.end();
    }
}

fn more_addresses_than_can_be_passed_are_not_passed() {
    let server = (0..PASSED_MAX).fold(Server::new(echo), |server, _| server.listen("127.0.0.1:0"));
    let place = place::open_at(server);
    let refused = place.running.restart(heir("end"));
    assert!(matches!(refused, Err(RestartError::TooMany { count: PASSED_MAX })), "{refused:?}");
    talk(&mut place.client(), "still here");
    place.end();
    let over = place.running.restart(heir("end"));
    assert!(matches!(over, Err(RestartError::Ending)), "{over:?}");
}

/// A server with these descriptors from 3 on, as a service manager starts it: the number is known only in the process.
fn activated(passed: Vec<OwnedFd>, names: &str) -> Command {
    let mut command = Command::new("sh");
    let program = std::env::current_exe().unwrap();
    command.args(["-c", "LISTEN_PID=$$ exec \"$0\""]).arg(program).env(ROLE, "serve");
    command.env("LISTEN_FDS", passed.len().to_string()).env("LISTEN_FDNAMES", names);
    let mappings = passed.into_iter().zip(3..).map(|(parent_fd, child_fd)| FdMapping { parent_fd, child_fd });
    command.fd_mappings(mappings.collect()).unwrap();
    command
}

fn a_passed_socket_is_taken_by_its_name_and_only_held() {
    takes_passed("events");
    takes_passed("one loop");
    if cfg!(target_os = "linux") {
        // Workers have none of the sockets, and come to the same server.
        takes_passed("processes");
    }
}

fn takes_passed(model: &str) {
    let (web, other) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("[::1]:0").unwrap());
    let (at, beside) = (web.local_addr().unwrap(), other.local_addr().unwrap());
    let mut server = {
        let mut command = activated(vec![web.into(), other.into()], "web:other");
        command.env(MODEL, model);
        Generations::of(command)
    };
    assert_eq!(server.address, at);
    talk(&mut knock(at), "hello");
    talk(&mut knock(beside), "hello");
    server.order("pause");
    let why = server.hear("not paused").join(" ");
    assert!(why.contains("can only be held"), "{why}");
    // The name, and with it whose socket it is, comes through a restart.
    assert_eq!(server.restart()[2], "web,other");
    server.order("pause");
    server.hear("not paused");
    talk(&mut knock(at), "hello");
    server.end();
}

fn what_does_not_listen_is_refused() {
    let (end, _other) = UnixStream::pair().unwrap();
    let file = tempfile::tempfile().unwrap();
    let datagram = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let unbound = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    for passed in [end.into(), file.into(), datagram.into(), unbound.into()] {
        let output = activated(vec![passed], "web").stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.starts_with("refused descriptor 3 (\"web\") is no listening stream socket: "), "{said}");
    }
}
