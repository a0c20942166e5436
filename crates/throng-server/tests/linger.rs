//! Who is told something and then left still hears it, whatever of its own words nobody read.

#![allow(clippy::unwrap_used)]

mod place;

use std::io::Write;
use std::time::Duration;

use place::{hear_all, local, numbered, open, until, workers};
use throng_server::{Conn, End, Limits, Server};

const REPLY: usize = 1 << 20;

/// What a client says and nobody reads.
const UNREAD: usize = 100_000;

/// A handler replies at once and is done; its client hears all of it, and no reset.
fn check<K: 'static>(server: Server<K>) {
    let place = open(server.limits(Limits { queue: 2 * REPLY, ..Limits::default() }));
    let mut client = place.client();
    client.write_all(&[b'x'; UNREAD]).unwrap();
    // Only now is it sure that there is something unread, so only now may the handler be done.
    client.write_all(b"\n").unwrap();
    assert!(hear_all(&mut client) == numbered(REPLY));
    drop(client);
    assert_eq!(place.next_end(), End::Done);
    assert_eq!(place.running.stats().ended.len(), 1);
}

#[test]
fn a_reply_is_heard_whole_though_nobody_read_the_question() {
    check(Server::new(|mut conn: Conn| async move {
        let mut buffer = conn.buffer();
        conn.read_into(&mut buffer).await?;
        conn.write_all(&numbered(REPLY)).await?;
        Ok(())
    }));
    check(local(|conn: Conn| async move {
        let (mut reader, outbox) = conn.split();
        reader.read_into(&mut reader.buffer()).await?;
        outbox.push(&numbered(REPLY));
        Ok(())
    }));
    check(local(|conn: Conn| async move {
        let (mut reader, outbox) = conn.split();
        reader.read_into(&mut reader.buffer()).await?;
        outbox.push(&numbered(REPLY));
        outbox.finish(End::Done);
        Ok(())
    }));
}

/// Says one word and is done.
async fn greet(mut conn: Conn) -> throng_server::Result {
    conn.write_all(b"hello").await?;
    Ok(())
}

#[test]
fn who_is_left_keeps_its_place_until_its_socket_is_closed() {
    let limits = Limits { total: 1, ..Limits::default() };
    let place = open(Server::new(greet).limits(limits));
    let mut first = place.client();
    assert_eq!(hear_all(&mut first), b"hello");
    assert_eq!((place.open_count(), place.running.stats().ended.len()), (1, 0));
    drop(first);
    assert_eq!(hear_all(&mut place.client()), b"hello");
}

#[test]
fn who_never_leaves_is_not_waited_for_for_ever() {
    let place = open(Server::new(greet));
    let mut client = place.client();
    assert_eq!(hear_all(&mut client), b"hello");
    assert_eq!(place.next_end(), End::Done);
}

#[test]
fn a_drain_without_patience_waits_for_nobody_who_is_only_closing() {
    let place = open(Server::new(greet).model(workers(2)));
    let mut clients: Vec<_> = (0..20).map(|_| place.client()).collect();
    clients.iter_mut().for_each(|client| assert_eq!(hear_all(client), b"hello"));
    until("all are closing", || place.open_count() == 20 && place.running.conns().len() == 20);
    let report = place.running.drain(Duration::ZERO).wait();
    assert_eq!((report.finished, report.cut), (20, 0));
    assert_eq!(place.running.stats().ended.get("done"), Some(&20));
}
