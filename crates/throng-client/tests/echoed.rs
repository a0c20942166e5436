//! What callers say of an echo that flips, repeats, loses, mixes up or adds a byte, closes, or never answers.

#![allow(clippy::unwrap_used)]

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::Duration;

use throng_client::echo::talk::{Talked, Times};
use throng_client::echo::{Callers, Shape, Stay, Trouble};

/// The victim is the second connection.
const SMALL: Shape = Shape { connections: 3, bytes: 64, depth: 2, stay: Stay::Long };

/// The byte of the victim's stream that something happens to: byte 40 of message 15.
const PLACE: u64 = 1000;

/// A good server needs a thousandth of it; only what is lost for ever is waited for so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// For what never comes.
const LITTLE_PATIENCE: Duration = Duration::from_millis(300);

/// How long a talk lasts.
const TIMES: Times = Times { warm_up: Duration::from_millis(10), window: Duration::from_millis(100) };

/// What the victim gets back for a byte, by its place in the stream; for the end of the stream there is none.
type Tamper = fn(u64, Option<u8>) -> Vec<u8>;

/// A server for so many connections, a thread for each.
struct Server {
    address: SocketAddr,
    threads: JoinHandle<Vec<JoinHandle<()>>>,
}

impl Server {
    fn start(connections: usize, tamper: Tamper) -> Server {
        Server::serving(move |listener| {
            let accepted = listener.incoming().take(connections).map(Result::unwrap).enumerate();
            let echoes = accepted.map(|(index, stream)| {
                let to = stream.try_clone().unwrap();
                std::thread::spawn(move || echo(&stream, &to, if index == 1 { tamper } else { honest }))
            });
            echoes.collect()
        })
    }

    /// Two connections, each of which gets back what the other one sent.
    fn crossed() -> Server {
        Server::serving(|listener| {
            let accept = || listener.accept().unwrap().0;
            let (one, other) = (accept(), accept());
            let (one_again, other_again) = (one.try_clone().unwrap(), other.try_clone().unwrap());
            vec![
                std::thread::spawn(move || echo(&one, &other, honest)),
                std::thread::spawn(move || echo(&other_again, &one_again, honest)),
            ]
        })
    }

    fn serving(serve: impl FnOnce(&TcpListener) -> Vec<JoinHandle<()>> + Send + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        Server { address, threads: std::thread::spawn(move || serve(&listener)) }
    }

    /// Waits until all its threads have ended, which they do when the callers are gone.
    fn end(self) {
        for thread in self.threads.join().unwrap() {
            thread.join().unwrap();
        }
    }
}

fn honest(_: u64, byte: Option<u8>) -> Vec<u8> {
    byte.into_iter().collect()
}

fn echo(mut from: &TcpStream, mut to: &TcpStream, tamper: Tamper) {
    let (mut place, mut buffer) = (0, [0; 4096]);
    loop {
        let read = match from.read(&mut buffer) {
            Ok(read) => read,
            Err(why) if why.kind() == ErrorKind::Interrupted => continue,
            // Callers who found something leave at once, which is a test's good right.
            Err(_) => return,
        };
        let back: Vec<u8> =
            (place..).zip(&buffer[..read]).flat_map(|(at, byte)| tamper(at, Some(*byte))).collect();
        place += read as u64;
        let last = if read == 0 { tamper(place, None) } else { vec![] };
        if to.write_all(&back).and_then(|()| to.write_all(&last)).is_err() || read == 0 {
            let _ = to.shutdown(Shutdown::Both);
            return;
        }
    }
}

fn talk(server: Server, shape: Shape, patience: Duration) -> Result<Talked, Trouble> {
    let talked = Callers::come(server.address, shape, patience)
        .and_then(|callers| callers.talk(TIMES, || Duration::ZERO));
    server.end();
    talked
}

/// What the callers say when this happens to the victim.
fn trouble(patience: Duration, tamper: Tamper) -> String {
    talk(Server::start(SMALL.connections, tamper), SMALL, patience).unwrap_err().to_string()
}

#[test]
fn an_honest_echo_is_heard_to_the_last_byte() {
    for (connections, bytes, depth) in [(1, 1, 1), (3, 64, 1), (3, 64, 5), (130, 64, 1), (2, 3 << 20, 2)] {
        let shape = Shape { connections, bytes, depth, stay: Stay::Long };
        let talked = talk(Server::start(connections, honest), shape, PATIENCE).unwrap();
        assert!(talked.checked >= talked.round_trips + connections as u64, "{shape:?}: {talked:?}");
        assert!(talked.p50 <= talked.p99 && talked.p99 <= talked.longest * 2, "{shape:?}: {talked:?}");
    }
}

#[test]
fn callers_who_come_for_one_message_are_followed_by_others() {
    let shape = Shape { connections: 4, stay: Stay::OneMessage, ..SMALL };
    let server = Server::serving(|listener| {
        let mut echoes = 0;
        // The first to say nothing was not a caller.
        for stream in listener.incoming().map(Result::unwrap) {
            let mut first = [0];
            if stream.peek(&mut first).unwrap() == 0 {
                break;
            }
            echo(&stream, &stream, honest);
            echoes += 1;
        }
        assert!(echoes > 4, "only {echoes} came");
        vec![]
    });
    let address = server.address;
    let talked = Callers::come(address, shape, PATIENCE)
        .and_then(|callers| callers.talk(TIMES, || Duration::ZERO))
        .unwrap();
    drop(TcpStream::connect(address).unwrap());
    server.end();
    assert!(talked.round_trips > 0 && talked.checked >= talked.round_trips, "{talked:?}");
}

#[test]
fn a_flipped_byte_is_found() {
    let said = trouble(PATIENCE, |place, byte| {
        byte.map(|byte| if place == PLACE { byte ^ 1 } else { byte }).into_iter().collect()
    });
    assert!(said.starts_with("connection 1 got 0x") && said.ends_with("byte 40 of its message 15"), "{said}");
}

#[test]
fn a_repeated_byte_is_found() {
    let said = trouble(PATIENCE, |place, byte| {
        byte.into_iter().cycle().take(if place == PLACE { 2 } else { 1 }).collect()
    });
    assert!(said.starts_with("connection 1 got 0x") && said.ends_with("of its message 15"), "{said}");
}

#[test]
fn a_lost_byte_is_found_by_the_next_ones() {
    let said = trouble(PATIENCE, |place, byte| byte.filter(|_| place != PLACE).into_iter().collect());
    assert!(said.starts_with("connection 1 got 0x") && said.ends_with("of its message 15"), "{said}");
}

#[test]
fn bytes_of_another_connection_are_found() {
    let shape = Shape { connections: 2, ..SMALL };
    let said = talk(Server::crossed(), shape, PATIENCE).unwrap_err().to_string();
    assert!(said.contains("for ") || said.contains("more back than"), "{said}");
}

#[test]
fn what_never_comes_is_named_when_patience_ends() {
    let said = trouble(LITTLE_PATIENCE, |place, byte| byte.filter(|_| place < PLACE).into_iter().collect());
    let expected = "answering the last messages was not done within 300ms: \
                    connection 1 got only 40 bytes of its message 15 back";
    assert_eq!(said, expected);
    let said = trouble(LITTLE_PATIENCE, |_, _| vec![]);
    let expected = "coming in was not done within 300ms: connection 1 got only 0 bytes of its message 0 back";
    assert_eq!(said, expected);
}

#[test]
fn a_byte_behind_the_last_one_is_found() {
    let said = trouble(PATIENCE, |_, byte| vec![byte.unwrap_or(0)]);
    assert!(said.starts_with("connection 1 got more back than the "), "{said}");
}

#[test]
fn a_server_that_closes_too_early_or_not_at_all_is_told() {
    let server = Server::serving(|listener| {
        drop(listener.accept().unwrap());
        vec![]
    });
    let shape = Shape { connections: 1, ..SMALL };
    let said = talk(server, shape, PATIENCE).unwrap_err().to_string();
    assert!(said.starts_with("caller 0 was closed by the server"), "{said}");

    let (given_up, is_given_up) = sync_channel::<()>(0);
    let server = Server::serving(move |listener| {
        let (stream, _) = listener.accept().unwrap();
        // Its end-of-file is heard and not answered until the caller has given up.
        vec![std::thread::spawn(move || {
            std::io::copy(&mut &stream, &mut &stream).unwrap();
            is_given_up.recv().unwrap_err();
        })]
    });
    let callers = Callers::come(server.address, shape, LITTLE_PATIENCE).unwrap();
    let said = callers.talk(TIMES, || Duration::ZERO).unwrap_err().to_string();
    drop(given_up);
    server.end();
    assert_eq!(said, "closing those who left was not done within 300ms");
}
