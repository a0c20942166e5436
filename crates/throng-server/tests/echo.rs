//! The smallest service, in every form in which it may be written: what goes in comes out.

#![allow(clippy::unwrap_used)]

mod place;

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::rc::Rc;

use place::{echo, hear, hear_all, numbered, open, talk, workers};
use throng_server::{Conn, Events, Handler, LocalHandler, Model, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Echoes, and can be told apart from a function.
struct Echo;

impl Handler for Echo {
    async fn serve(&self, conn: Conn) -> throng_server::Result {
        echo(conn).await
    }
}

/// Counts its worker's connections without an atomic.
struct Counting {
    worker: usize,
    served: Rc<Cell<usize>>,
}

impl LocalHandler for Counting {
    async fn serve(&self, mut conn: Conn) -> throng_server::Result {
        self.served.set(self.served.get() + 1);
        let word = format!("{}:{} ", self.worker, self.served.get());
        conn.write_all(word.as_bytes()).await?;
        echo(conn).await
    }
}

fn check_echo<K: 'static>(server: Server<K>)
where
    Events: Model<K>,
{
    let place = open(server.model(workers(1)));
    let mut client = place.client();
    talk(&mut client, "hello");
    talk(&mut client, "and again");
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(hear_all(&mut client), b"");
    assert_eq!(place.next_end().name(), "peer_closed");
}

#[test]
fn an_echo_is_written_as_a_function_a_closure_or_a_handler() {
    check_echo(Server::new(echo));
    check_echo(Server::new(|conn: Conn| async move { echo(conn).await }));
    check_echo(Server::new(Echo));
}

#[test]
fn an_echo_is_written_with_what_tokio_has_for_streams() {
    check_echo(Server::new(|mut conn: Conn| async move {
        let mut bytes = [0; 3];
        loop {
            let read = conn.read(&mut bytes).await?;
            if read == 0 {
                return Ok(());
            }
            AsyncWriteExt::write_all(&mut conn, &bytes[..read]).await?;
            conn.flush().await?;
        }
    }));
    check_echo(Server::new(|conn: Conn| async move {
        let (mut reader, mut writer) = tokio::io::split(conn);
        tokio::io::copy(&mut reader, &mut writer).await?;
        writer.shutdown().await?;
        Ok(())
    }));
}

#[test]
fn a_megabyte_comes_back_as_it_went() {
    let place = open(Server::new(echo));
    let sent = numbered(1 << 20);
    let mut client = place.client();
    let mut writing = client.try_clone().unwrap();
    let copy = sent.clone();
    // The server holds back a client that does not read, so the two directions must go at once.
    let writer = std::thread::spawn(move || writing.write_all(&copy).unwrap());
    let mut heard = vec![0; sent.len()];
    client.read_exact(&mut heard).unwrap();
    writer.join().unwrap();
    assert!(heard == sent);
}

#[test]
fn who_ends_its_side_still_hears_all_of_the_answer() {
    let place = open(Server::new(|mut conn: Conn| async move {
        let mut heard = Vec::new();
        conn.read_to_end(&mut heard).await?;
        conn.write_all(&heard).await?;
        Ok(())
    }));
    // More than the kernel takes from the server in one write.
    let sent = numbered(12 << 20);
    let mut client = place.client();
    client.write_all(&sent).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert!(hear_all(&mut client) == sent);
}

#[test]
fn a_buffer_that_is_not_cleared_keeps_what_it_has() {
    let place = open(Server::new(|mut conn: Conn| async move {
        let mut buffer = conn.buffer();
        while !buffer.ends_with(b"\n") && conn.read_into(&mut buffer).await? > 0 {
            conn.write_all(b".").await?;
        }
        conn.write_all(&buffer).await?;
        Ok(())
    }));
    let mut client = place.client();
    for piece in ["one ", "line ", "in ", "pieces\n"] {
        client.write_all(piece.as_bytes()).unwrap();
        assert_eq!(hear(&mut client, 1), ".");
    }
    assert_eq!(hear_all(&mut client), b"one line in pieces\n");
}

#[test]
fn each_worker_has_its_own_state_and_the_same_share_of_clients() {
    let factory = |worker: &throng_server::Worker| Counting { worker: worker.index(), served: Rc::default() };
    let place = open(Server::local(factory).model(workers(2)));
    let mut clients: Vec<_> = (0..6).map(|_| place.client()).collect();
    let mut words: Vec<_> = clients.iter_mut().map(|client| hear(client, 4)).collect();
    words.sort();
    assert_eq!(words, ["0:1 ", "0:2 ", "0:3 ", "1:1 ", "1:2 ", "1:3 "]);
    // Who leaves makes room on its worker, and the next one comes there.
    let loads = || place.running.conns().iter().filter(|conn| conn.worker == 0).count();
    let on_the_first = place.running.conns().into_iter().find(|conn| conn.worker == 0).unwrap();
    assert!(place.running.kill(on_the_first.id));
    place::until("it has left", || loads() == 2);
    assert_eq!(hear(&mut place.client(), 4), "0:4 ");
}

#[test]
fn a_connection_knows_both_its_ends_and_its_number() {
    let place = open(Server::new(|mut conn: Conn| async move {
        let word = format!("{} {} {}", conn.id(), conn.peer().address, conn.peer().local);
        conn.write_all(word.as_bytes()).await?;
        Ok(())
    }));
    let mut client = place.client();
    let expected = format!("1 {} {}", client.local_addr().unwrap(), place.address());
    assert_eq!(hear_all(&mut client), expected.as_bytes());
}
