//! How workers are begun, and what must not come of it.

use std::collections::BTreeSet;
use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::io::read_to_string;
use std::process::Command;
use std::process::Stdio;
use std::process::exit;

use rustix::process::{Pid, Signal, kill_process};
use throng_server::{Conn, Processes, Server, StartError, Worker, Workers, told_as_worker, worker_number};

use crate::harness::{BEHAVE, Behaviour, SERVE_ON};
use crate::place::{Place, echo, hear_out, knock, open, talk, until};
use crate::stage::{ask, served, server};

pub(crate) const BEHAVIOURS: &[Behaviour] = behaviours![
    a_handler_that_could_be_shared_serves_too,
    all_of_a_worker_runs_on_its_thread,
    the_start_says_what_main_must_begin_with,
    the_start_inside_a_runtime_is_refused,
    two_servers_have_workers_of_their_own_when_they_tell_them,
    one_that_tells_its_workers_nothing_is_alone,
    a_worker_starts_nothing_else_and_one_that_ends_at_once_is_told,
    a_factory_that_panics_is_told,
    a_program_that_a_worker_begins_is_no_worker,
    workers_end_with_the_first_process_however_that_ends,
];

fn a_handler_that_could_be_shared_serves_too() {
    let place = open(Server::local(|_| echo).model(Processes { workers: Workers::Count(2) }));
    talk(&mut place.client(), "hello");
    place.end();
}

fn all_of_a_worker_runs_on_its_thread() {
    let place = open(server(2));
    let mut clients: Vec<_> = (0..4).map(|_| served(&place)).collect();
    let threads: BTreeSet<_> = clients.iter_mut().map(|client| ask(client, "which thread")).collect();
    assert_eq!(
        threads,
        [r#"Some("throng-worker-0")"#, r#"Some("throng-worker-1")"#].map(str::to_owned).into()
    );
    place.end();
}

fn the_start_says_what_main_must_begin_with() {
    let Err(why) = server(2).listen("127.0.0.1:0").start() else { panic!("it started") };
    assert!(matches!(why, StartError::NoWorkerLine), "{why}");
    assert!(why.to_string().contains("throng_server::worker_or_continue();"), "{why}");
}

fn the_start_inside_a_runtime_is_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let Err(why) = server(2).listen("127.0.0.1:0").start() else { panic!("it started") };
        assert!(matches!(why, StartError::InsideRuntime), "{why}");
    });
    // Outside it starts.
    let place = open(server(1));
    drop(served(&place));
    let Err(why) = server(1).listen("127.0.0.1:0").start() else { panic!("it started") };
    assert!(matches!(why, StartError::StartedBefore), "{why}");
    place.end();
}

/// Says what its worker was told.
fn telling(words: &str) -> Server<impl Sized + 'static> {
    let told = |_: &Worker| {
        let told = told_as_worker().unwrap_or_default();
        move |mut conn: Conn| {
            let told = told.clone();
            async move { Ok(conn.write_all(told.as_bytes()).await?) }
        }
    };
    Server::local(told).model(Processes { workers: Workers::Count(1) }).tell_workers(words)
}

fn two_servers_have_workers_of_their_own_when_they_tell_them() {
    // A worker comes to the start of its own server, whichever is started first.
    match told_as_worker().as_deref() {
        Some("red") => unreachable_start(telling("red")),
        Some("blue" | "green") => unreachable_start(telling("blue")),
        _ => {}
    }
    let (red, blue) = (open(telling("red")), open(telling("blue")));
    let heard = |place: &Place| read_to_string(place.client()).unwrap();
    assert_eq!((heard(&red), heard(&blue)), ("red".to_owned(), "blue".to_owned()));
    // One that is begun anew hears what is told by then.
    blue.running.tell_workers("green");
    let pid = Pid::from_raw(i32::try_from(blue.running.processes()[0]).unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    // One whose worker dies meanwhile may be cut.
    until("the next worker to serve", || read_to_string(blue.client()).is_ok_and(|heard| heard == "green"));
    assert_eq!(heard(&red), "red");
    red.end();
    blue.end();
}

/// In a worker's process: it serves in here.
fn unreachable_start(server: Server<impl Sized + 'static>) {
    let why = server.listen("127.0.0.1:0").start().err();
    panic!("a worker's start never returns: {why:?}");
}

fn one_that_tells_its_workers_nothing_is_alone() {
    let place = open(telling("red"));
    let Err(why) = server(1).listen("127.0.0.1:0").start() else { panic!("it started") };
    assert!(matches!(why, StartError::StartedBefore), "{why}");
    // And nobody comes behind it.
    let Err(why) = telling("blue").listen("127.0.0.1:0").start() else { panic!("it started") };
    assert!(matches!(why, StartError::StartedBefore), "{why}");
    place.end();
}

fn a_worker_starts_nothing_else_and_one_that_ends_at_once_is_told() {
    if worker_number().is_some() {
        let why = Server::new(echo).listen("127.0.0.1:0").start().err().unwrap();
        assert!(matches!(why, StartError::InWorker { model: "events" }), "{why}");
        exit(9);
    }
    let Err(why) = server(2).listen("127.0.0.1:0").start() else { panic!("it started") };
    assert!(why.to_string().ends_with(" ended before it could serve: exit status: 9"), "{why}");
}

fn a_factory_that_panics_is_told() {
    let server = Server::local(|worker: &Worker| {
        assert!(worker.count() == 1, "a factory panics, as this test wants it to");
        echo
    });
    let server = server.model(Processes { workers: Workers::Count(2) });
    let Err(why) = server.listen("127.0.0.1:0").start() else { panic!("it started") };
    assert!(matches!(why, StartError::Worker { .. }), "{why}");
}

fn a_program_that_a_worker_begins_is_no_worker() {
    let place = open(server(1));
    assert_eq!(ask(&mut place.client(), "begin another"), "None");
    place.end();
}

/// The other side of the next behaviour.
pub(crate) fn serve_until_killed() {
    let place = open(server(2));
    let pids = place.running.processes();
    println!("{} {} {}", place.address(), pids[0], pids[1]);
    loop {
        std::thread::park();
    }
}

fn workers_end_with_the_first_process_however_that_ends() {
    let mut first = Command::new(std::env::current_exe().unwrap());
    first.args([BEHAVE, SERVE_ON]).stdout(Stdio::piped());
    let mut first = first.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(first.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let words: Vec<_> = line.split_whitespace().collect();
    let mut holds = knock(words[0]);
    assert_eq!(ask(&mut holds, "hold all up"), "held");
    let live = |pid: &str| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // One that nobody has waited for yet is dead as well.
        stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
    };
    assert!(live(words[1]) && live(words[2]));
    first.kill().unwrap();
    first.wait().unwrap();
    until("the workers have ended", || !live(words[1]) && !live(words[2]));
    hear_out(&mut holds);
}
