//! Every connection ends in exactly one way, whatever happens to it; and what happens to one happens to no other.

#![allow(clippy::unwrap_used)]

mod place;

use std::collections::BTreeMap;
use std::future::{Future, ready};
use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use place::{PATIENCE, Place, hear_all, hear_out, local, open, reset, talk, until, workers};
use throng_server::{
    Conn, ConnId, End, Event, Events, Limits, LocalHandler, Model, Peer, Rejected, Server, Timeouts, Worker,
};

/// What the handler of these tests does is told by the first bytes that it hears.
async fn obey(mut conn: Conn) -> throng_server::Result {
    let mut buffer = conn.buffer();
    loop {
        if conn.read_into(&mut buffer).await? == 0 {
            return Ok(());
        }
        match &buffer[..] {
            b"done" => return Ok(()),
            b"fail" => return Err("no such page".into()),
            b"panic" => panic!("a handler panics, as this test wants it to"),
            b"fail at the end" => {
                while conn.read_into(&mut buffer).await? > 0 {}
                return Err("half a page".into());
            }
            b"panic at the end" => {
                while conn.read_into(&mut buffer).await? > 0 {}
                panic!("a handler panics, as this test wants it to");
            }
            b"known" => conn.established(),
            b"flood" => return flood(conn).await,
            _ => {}
        }
        conn.write_all(&buffer).await?;
        buffer.clear();
    }
}

/// Tells the peer more than it reads.
async fn flood(conn: Conn) -> throng_server::Result {
    let (_reader, outbox) = conn.split();
    while !outbox.is_over() {
        outbox.push(&[b'x'; 1 << 16]);
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// A connection ends, after it was heard that it lives, as `act` makes it end.
fn check(expected: &End, act: impl FnOnce(&Place, TcpStream)) {
    let timeouts = Timeouts { handshake: None, idle: None, ..Timeouts::default() };
    check_on(local(obey).timeouts(timeouts), expected, |place, mut client| {
        talk(&mut client, "alive");
        act(place, client);
    });
}

fn check_on<K: 'static>(server: Server<K>, expected: &End, act: impl FnOnce(&Place, TcpStream))
where
    Events: Model<K>,
{
    let place = open(server.model(workers(1)));
    act(&place, place.client());
    assert_eq!(place.next_end(), *expected);
    until("it has left", || place.open_count() == 0);
    assert_eq!(place.running.stats().ended, BTreeMap::from([(expected.name(), 1)]), "{expected}");
    assert!(place.running.conns().is_empty());
    place.end();
    let closed = place.told().into_iter().filter(|event| matches!(event, Event::Closed { .. })).count();
    assert_eq!(closed, 0, "it ends once: {expected}");
}

fn say(client: &mut TcpStream, text: &str) {
    client.write_all(text.as_bytes()).unwrap();
}

/// Says a word, ends its side, and hears the other side out.
fn ask(text: &str) -> impl FnOnce(&Place, TcpStream) {
    move |_, mut client| {
        say(&mut client, text);
        client.shutdown(Shutdown::Write).unwrap();
        hear_out(&mut client);
    }
}

#[test]
fn a_connection_ends_as_its_handler_says() {
    check(&End::Done, ask("done"));
    check(&End::Failed("no such page".into()), ask("fail"));
    check(&End::Panicked, ask("panic"));
}

#[test]
fn a_handler_that_fails_behind_the_last_byte_has_failed_all_the_same() {
    check(&End::Failed("half a page".into()), ask("fail at the end"));
    check(&End::Panicked, ask("panic at the end"));
}

#[test]
fn a_connection_ends_as_its_peer_does() {
    check(&End::PeerClosed, |_, client| drop(client));
    check(&End::PeerReset, |_, client| reset(client));
}

#[test]
fn a_connection_ends_as_the_operator_says() {
    check(&End::Kicked, |place, mut client| {
        let id = place.running.conns()[0].id;
        assert!(place.running.kill(id));
        hear_out(&mut client);
        until("it has left", || !place.running.kill(id));
    });
    check(&End::Drained, |place, mut client| {
        let report = place.running.drain(PATIENCE);
        assert_eq!(hear_all(&mut client), b"");
        drop(client);
        assert_eq!((report.wait().finished, report.wait().cut), (1, 0));
    });
}

#[test]
fn a_server_that_is_let_go_of_drains_whom_it_serves() {
    let place = open(local(obey));
    let mut client = place.client();
    talk(&mut client, "alive");
    let Place { running, told } = place;
    drop(running);
    hear_out(&mut client);
    let told = told.into_inner().unwrap();
    assert!(matches!(told.recv_timeout(PATIENCE), Ok(Event::Opened { .. })));
    assert!(matches!(told.recv_timeout(PATIENCE), Ok(Event::Closed { end: End::Drained, .. })));
    // The last thread that could tell anything has ended.
    assert!(matches!(told.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected)));
}

#[test]
fn a_peer_that_reads_less_than_it_is_told_is_too_slow() {
    check(&End::TooSlow, |place, mut client| {
        say(&mut client, "flood");
        until("it has left", || place.open_count() == 0);
    });
}

#[test]
fn a_peer_that_says_nothing_for_too_long_times_out() {
    let short = Some(Duration::from_millis(1));
    let silent = |timeouts: Timeouts| {
        check_on(local(obey).timeouts(timeouts), &End::TimedOut, |_, mut client| {
            hear_out(&mut client);
        });
    };
    silent(Timeouts { idle: short, ..Timeouts::default() });
    silent(Timeouts { handshake: short, ..Timeouts::default() });
}

#[test]
fn a_peer_that_is_known_has_no_handshake_to_be_late_with() {
    let handshake = Some(Duration::from_millis(1));
    let server = local(obey).timeouts(Timeouts { handshake, ..Timeouts::default() });
    let place = open(server.model(workers(1)));
    let mut known = place.client();
    talk(&mut known, "known");
    // Both are on one worker, so whoever looked at this one has looked at the other.
    hear_out(&mut place.client());
    talk(&mut known, "still here");
}

#[test]
fn many_ends_at_once_are_all_counted_once() {
    let place = open(local(obey).model(workers(2)));
    let words = ["done", "fail", "panic", "fail at the end", "panic at the end", "alive"];
    let clients: Vec<_> = (0..120)
        .map(|number| {
            let mut client = place.client();
            say(&mut client, words[number % words.len()]);
            client.shutdown(Shutdown::Write).unwrap();
            client
        })
        .collect();
    for mut client in clients {
        hear_out(&mut client);
    }
    until("all have left", || place.running.stats().accepted == 120 && place.open_count() == 0);
    let expected = BTreeMap::from([("done", 20), ("failed", 40), ("panicked", 40), ("peer_closed", 20)]);
    assert_eq!(place.running.stats().ended, expected);
    let mut open: BTreeMap<ConnId, usize> = BTreeMap::new();
    for event in place.told() {
        match event {
            Event::Opened { id, .. } => assert_eq!(open.insert(id, 1), None),
            Event::Closed { id, .. } => assert_eq!(open.remove(&id), Some(1)),
            other => panic!("{other:?}"),
        }
    }
    assert!(open.is_empty());
}

/// Panics before it waits.
struct Panics;

impl LocalHandler for Panics {
    fn serve(&self, conn: Conn) -> impl Future<Output = throng_server::Result> {
        assert!(conn.id() == ConnId(0), "a handler panics before it waits, as this test wants it to");
        ready(Ok(()))
    }
}

#[test]
fn a_handler_that_panics_before_it_waits_has_panicked() {
    let place = open(Server::local(|_: &Worker| Panics).model(workers(1)));
    for _ in 0..3 {
        hear_out(&mut place.client());
        assert_eq!(place.next_end(), End::Panicked);
    }
}

/// Serves as [`obey`], and panics when it has to reject somebody.
struct WordPanics;

impl LocalHandler for WordPanics {
    async fn serve(&self, conn: Conn) -> throng_server::Result {
        obey(conn).await
    }

    fn rejected(&self, _: &Peer, _: Rejected) -> &[u8] {
        panic!("a handler's word panics, as this test wants it to");
    }
}

#[test]
fn a_word_that_panics_ends_no_worker() {
    let limits = Limits { per_address: 1, per_address_loopback: true, ..Limits::default() };
    let place = open(Server::local(|_: &Worker| WordPanics).limits(limits).model(workers(1)));
    let mut first = place.client();
    talk(&mut first, "alive");
    assert_eq!(hear_all(&mut place.client()), b"");
    talk(&mut first, "still alive");
    drop(first);
    until("it has left", || place.open_count() == 0);
    talk(&mut place.client(), "alive");
}

/// Serves as [`obey`], and panics at every sweep.
struct SweepPanics(Arc<AtomicBool>);

impl LocalHandler for SweepPanics {
    async fn serve(&self, conn: Conn) -> throng_server::Result {
        obey(conn).await
    }

    fn sweep(&self, _: u64) {
        self.0.store(true, Relaxed);
        panic!("a handler's sweep panics, as this test wants it to");
    }
}

#[test]
fn a_sweep_that_panics_ends_no_timeout() {
    let timeouts = Timeouts { idle: Some(Duration::from_millis(1)), ..Timeouts::default() };
    let swept = Arc::new(AtomicBool::new(false));
    let factory = {
        let swept = Arc::clone(&swept);
        move |_: &Worker| SweepPanics(Arc::clone(&swept))
    };
    let place = open(Server::local(factory).timeouts(timeouts).model(workers(1)));
    until("a sweep has panicked", || swept.load(Relaxed));
    hear_out(&mut place.client());
    assert_eq!(place.next_end(), End::TimedOut);
}

#[test]
fn a_sink_that_panics_ends_nothing() {
    let server = Server::new(place::echo).listen("127.0.0.1:0").model(workers(1));
    let running = server.events(|_| panic!("a sink panics, as this test wants it to")).start().unwrap();
    for _ in 0..3 {
        talk(&mut place::knock(&running.addresses()[0]), "alive");
    }
    until("all have left", || running.stats().open == 0);
    assert_eq!(running.drain(PATIENCE).wait().cut, 0);
}
