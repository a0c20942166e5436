//! A server that has hardly a descriptor left: it serves who is in, spins for nobody, and takes clients again when some
//! leave. It runs in a process of its own, since the limit is the process's; the clients are in this one.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod place;

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use place::{echo, knock, talk, until};
use throng_server::{Event, Limits, Server};

/// Descriptors that the server has left.
const LEFT: usize = 100;

/// Clients that knock.
const CLIENTS: usize = 300;

/// Tells the process that it is the server, and how many clients it may have.
const TOTAL: &str = "THRONG_TEST_DESCRIPTORS_TOTAL";

/// What the server's process says begins so, unlike what its test runner says.
const SAYS: &str = "the server says ";

/// How the server is.
#[derive(Debug)]
struct Health {
    open: u64,
    shed: u64,
    accepts_failed: u64,
}

/// Serves until nobody asks how it is any more.
fn serve(total: usize) {
    let failed = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&failed);
    let server = Server::new(echo).limits(Limits { total, ..Limits::default() }).listen("127.0.0.1:0");
    let sink = move |event: &Event| {
        if matches!(event, Event::AcceptFailed { .. }) {
            counted.fetch_add(1, Relaxed);
        }
    };
    let running = server.events(sink).start().unwrap();
    leave_descriptors();
    println!("\n{SAYS}{}", running.addresses()[0]);
    for _asked in std::io::stdin().lines() {
        let stats = running.stats();
        println!("{SAYS}{} {} {}", stats.open, stats.shed, failed.load(Relaxed));
    }
}

/// Lowers the limit until [`LEFT`] are left.
fn leave_descriptors() {
    let limit = |soft: usize| {
        let (_, hard) = rlimit::Resource::NOFILE.get().unwrap();
        rlimit::Resource::NOFILE.set(soft as u64, hard).unwrap();
    };
    // The limit is on their numbers, and those in use need not be the lowest: what is left is found out by taking it.
    let take_all = || {
        let taken: Vec<_> = (0..10 * LEFT).map_while(|_| File::open("/dev/null").ok()).collect();
        taken.len()
    };
    let roomy = 2 * LEFT;
    limit(roomy);
    limit(roomy - (take_all() - LEFT));
    assert_eq!(take_all(), LEFT);
}

/// A server with few descriptors, in a process of its own.
struct Elsewhere {
    child: Child,
    asks: ChildStdin,
    says: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Elsewhere {
    fn start(test: &str, total: usize) -> Elsewhere {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", test, "--nocapture"]).env(TOTAL, total.to_string());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let asks = child.stdin.take().unwrap();
        let mut says = BufReader::new(child.stdout.take().unwrap());
        let address = said(&mut says).parse().unwrap();
        Elsewhere { child, asks, says, address }
    }

    fn health(&mut self) -> Health {
        self.asks.write_all(b"\n").unwrap();
        let numbers: Vec<u64> =
            said(&mut self.says).split(' ').map(|number| number.parse().unwrap()).collect();
        Health { open: numbers[0], shed: numbers[1], accepts_failed: numbers[2] }
    }

    fn until_open(&mut self, open: u64) {
        let this = std::cell::RefCell::new(self);
        until("so many are in", || this.borrow_mut().health().open == open);
    }

    /// A crowd that knocks, each with a word.
    fn crowd(&self) -> Vec<TcpStream> {
        let knock = |_| {
            let mut client = knock(self.address);
            // An error means that it was turned away already.
            let _ = client.write_all(b"hello");
            client
        };
        (0..CLIENTS).map(knock).collect()
    }

    fn end(mut self) {
        drop(self.asks);
        // Its test runner still has a word to say.
        std::io::copy(&mut self.says, &mut std::io::sink()).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

fn said(says: &mut impl BufRead) -> String {
    for line in says.lines() {
        if let Some(word) = line.unwrap().strip_prefix(SAYS) {
            return word.to_owned();
        }
    }
    panic!("the server is silent");
}

/// Is this process the server?
fn is_the_server() -> bool {
    let total = std::env::var(TOTAL).ok();
    total.map(|total| serve(total.parse().unwrap())).is_some()
}

#[test]
fn without_a_descriptor_left_the_others_are_turned_away_and_who_is_in_is_served() {
    if is_the_server() {
        return;
    }
    let mut server = Elsewhere::start(
        "without_a_descriptor_left_the_others_are_turned_away_and_who_is_in_is_served",
        CLIENTS * 2,
    );
    let mut inside: Vec<_> = server.crowd().into_iter().filter_map(let_in).collect();
    assert_eq!(inside.len(), LEFT);
    inside.iter_mut().for_each(|client| talk(client, "still here"));
    let health = server.health();
    assert_eq!((health.open, health.shed), (LEFT as u64, (CLIENTS - LEFT) as u64));
    // Every client that was turned away cost one try; a listener that spins fails by the thousand.
    assert_eq!(health.accepts_failed, 0);
    inside.truncate(LEFT / 2);
    server.until_open(inside.len() as u64);
    let next: Vec<_> = server.crowd().into_iter().filter_map(let_in).collect();
    assert_eq!(inside.len() + next.len(), LEFT);
    inside.iter_mut().for_each(|client| talk(client, "still here"));
    server.end();
}

/// The client, if it is served. One that is neither served nor turned away has no business to be.
fn let_in(mut client: TcpStream) -> Option<TcpStream> {
    let heard = client.read_exact(&mut [0; 5]);
    let hangs = heard.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
    assert!(!hangs, "a client hangs");
    heard.ok().map(|()| client)
}

#[test]
fn with_a_limit_below_the_descriptors_all_are_served_in_their_turn() {
    if is_the_server() {
        return;
    }
    let mut server =
        Elsewhere::start("with_a_limit_below_the_descriptors_all_are_served_in_their_turn", LEFT);
    let crowd = server.crowd();
    server.until_open(LEFT as u64);
    for client in crowd {
        let mut client = let_in(client).expect("a client that waits is served");
        talk(&mut client, "in turn");
    }
    server.until_open(0);
    let health = server.health();
    assert_eq!((health.shed, health.accepts_failed), (0, 0));
    server.end();
}
