//! The services where nobody has a name: what they answer, and what they tell of it.

#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use throng_server::{Handler, Running, Server, Threads};
use throng_services::{Echo, Hello, Seen, Watch};

/// When a test gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// What was seen, in words, with the thread on which it was.
fn watch() -> (Watch, Receiver<String>) {
    let (tell, told) = sync_channel(16);
    let watch = Watch::by(move |_, seen| {
        let words = match seen {
            Seen::Accepted => "accepted".to_owned(),
            Seen::Received(bytes) => format!("received {}", String::from_utf8_lossy(bytes)),
            Seen::Closed(end) => format!("closed {end}"),
        };
        let thread = std::thread::current();
        tell.send(format!("{}: {words}", thread.name().unwrap())).unwrap();
    });
    (watch, told)
}

fn start(handler: impl Handler) -> (Running, TcpStream) {
    let running = Server::new(handler).model(Threads::default()).listen("127.0.0.1:0").start().unwrap();
    let client = TcpStream::connect(&running.addresses()[0]).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    (running, client)
}

fn hear_all(client: &mut TcpStream) -> String {
    let mut heard = String::new();
    client.read_to_string(&mut heard).unwrap();
    heard
}

#[test]
fn echo_gives_every_byte_back_and_tells_what_it_got() {
    let (watch, told) = watch();
    let (_running, mut client) = start(Echo { watch });
    client.write_all(b"one\r\ntwo").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(hear_all(&mut client), "one\r\ntwo");
    let next = || told.recv_timeout(PATIENCE).unwrap();
    assert_eq!(next(), "thread-1: accepted");
    assert_eq!(next(), "thread-1: received one\r\ntwo");
    assert_eq!(next(), "thread-1: closed peer closed");
}

#[test]
fn hello_says_hello_and_closes_though_nobody_read_the_question() {
    let (watch, told) = watch();
    let (_running, mut client) = start(Hello { watch });
    client.write_all(b"is anybody there?").unwrap();
    assert_eq!(hear_all(&mut client), "Hello, World!\r\n");
    drop(client);
    let next = || told.recv_timeout(PATIENCE).unwrap();
    assert_eq!(next(), "thread-1: accepted");
    assert!(next().starts_with("thread-1: closed"));
}
