//! A storm of clients across pauses, resumes and a drain. Who was greeted is served or told the end; nobody who was
//! greeted is reset.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod place;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;

use place::{PATIENCE, local, open, until, workers};
use throng_server::{Conn, End, Pause, Pool, Sequential, Server, Threads, Workers};

const CONNECTORS: usize = 4;
const PAUSES: usize = 5;

/// Clients that must have been served between two changes.
const SERVED_BETWEEN: u64 = 200;

/// What became of the clients of a storm.
#[derive(Default)]
struct Tally {
    over: AtomicBool,
    served: AtomicU64,
    told_the_end: AtomicU64,
    refused: AtomicU64,
    reset_before_greeting: AtomicU64,
    reset_after_greeting: AtomicU64,
}

/// One client, from its knock to its end.
fn visit(address: SocketAddr, tally: &Tally) {
    let count = |counter: &AtomicU64| {
        counter.fetch_add(1, Relaxed);
    };
    let Ok(mut client) = TcpStream::connect(address) else { return count(&tally.refused) };
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut greeting = [0];
    match client.read(&mut greeting) {
        Ok(1) => {}
        Ok(_) => return count(&tally.told_the_end),
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {
            return count(&tally.reset_before_greeting);
        }
        Err(error) => panic!("a client that was let in hears nothing: {error}"),
    }
    let mut heard = Vec::new();
    let outcome = client.write_all(b"question").and_then(|()| client.read_to_end(&mut heard));
    match (outcome, &heard[..]) {
        (Ok(_), b"question") => count(&tally.served),
        (Ok(_), b"") => count(&tally.told_the_end),
        (Ok(_), other) => panic!("half an answer: {other:?}"),
        (Err(_), _) => count(&tally.reset_after_greeting),
    }
}

fn connector(address: SocketAddr, tally: &Arc<Tally>) -> JoinHandle<()> {
    let tally = Arc::clone(tally);
    std::thread::spawn(move || {
        while !tally.over.load(Relaxed) {
            visit(address, &tally);
        }
    })
}

fn storm<K: 'static>(form: &str, server: Server<K>) {
    let place = open(server);
    let tally = Arc::new(Tally::default());
    let connectors: Vec<_> = (0..CONNECTORS).map(|_| connector(place.address(), &tally)).collect();
    let served_some = || {
        let enough = tally.served.load(Relaxed) + SERVED_BETWEEN;
        until("some are served", || {
            place.told();
            tally.served.load(Relaxed) >= enough
        });
    };
    for _ in 0..PAUSES {
        served_some();
        place.running.pause(Pause::Refuse).unwrap();
        let refused = tally.refused.load(Relaxed);
        until("some are refused", || tally.refused.load(Relaxed) > refused);
        place.running.resume().unwrap();
    }
    served_some();
    let report = place.running.drain(PATIENCE).wait();
    tally.over.store(true, Relaxed);
    connectors.into_iter().for_each(|connector| connector.join().unwrap());
    let count = |counter: &AtomicU64| counter.load(Relaxed);
    println!(
        "{form}: {} served, {} told the end, {} refused, {} reset before the greeting",
        count(&tally.served),
        count(&tally.told_the_end),
        count(&tally.refused),
        count(&tally.reset_before_greeting)
    );
    assert_eq!(count(&tally.reset_after_greeting), 0);
    assert_eq!(report.cut, 0);
    let stats = place.running.stats();
    assert_eq!(stats.ended.values().sum::<u64>(), stats.accepted);
    assert_eq!(stats.open, 0);
}

/// Greets, and gives one question back.
async fn answer(mut conn: Conn) -> throng_server::Result {
    conn.write_all(b"!").await?;
    let mut buffer = conn.buffer();
    while buffer.len() < 8 && conn.read_into(&mut buffer).await? > 0 {}
    conn.write_all(&buffer).await?;
    Ok(())
}

/// The same by an outbox.
async fn push_answer(conn: Conn) -> throng_server::Result {
    let (mut reader, outbox) = conn.split();
    outbox.push(b"!");
    let mut buffer = reader.buffer();
    while buffer.len() < 8 && reader.read_into(&mut buffer).await? > 0 {}
    outbox.push(&buffer);
    outbox.finish(End::Done);
    Ok(())
}

#[test]
fn nobody_who_was_greeted_is_reset_by_a_pause_a_resume_or_a_drain() {
    storm("one event loop", Server::new(answer).model(workers(1)));
    storm("three event loops", Server::new(answer).model(workers(3)));
    storm("one event loop, outboxes", local(push_answer).model(workers(1)));
    storm("three event loops, outboxes", local(push_answer).model(workers(3)));
    storm("pool", Server::new(answer).model(Pool { workers: Workers::Count(2) }));
    storm("threads", Server::new(answer).model(Threads::default()));
    storm("sequential", Server::new(answer).model(Sequential));
}
