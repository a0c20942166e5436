//! Pause, resume, drain: who is here is served, who is not is refused, and an end comes when it was promised.

#![allow(clippy::unwrap_used)]

mod place;

use std::future::pending;
use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::net::TcpStream;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use place::{PATIENCE, echo, hear, hear_all, hear_out, knock, local, open, open_at, talk, until, workers};
use throng_server::{
    BlockingConn, Claim, Conn, End, Event, Pause, Running, Server, StartError, State, Worker,
};
use tokio::sync::Semaphore;

/// Longer than any test waits.
const AGES: Duration = Duration::from_secs(3600);

fn assert_refused(running: &Running) {
    for address in running.addresses() {
        assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }
}

#[test]
fn a_pause_refuses_new_clients_and_a_resume_takes_them_at_the_same_port() {
    let place = open_at(Server::new(echo).listen("127.0.0.1:0").listen("[::1]:0"));
    let running = &place.running;
    let addresses = running.addresses().to_vec();
    let mut old: Vec<_> = addresses.iter().map(|address| knock(address)).collect();
    for round in 1..4 {
        assert_eq!(running.pause(Pause::Refuse).unwrap().in_flight, 2 * round);
        assert_eq!(running.pause(Pause::Refuse).unwrap().taken, 0, "a pause in a pause is none");
        assert_eq!(running.state(), State::Paused);
        assert_refused(running);
        old.iter_mut().for_each(|client| talk(client, "still here"));
        running.resume().unwrap();
        running.resume().unwrap();
        assert_eq!(running.state(), State::Open);
        old.extend(addresses.iter().map(|address| knock(address)));
        old.iter_mut().for_each(|client| talk(client, "here"));
    }
}

#[test]
fn who_knocked_before_a_pause_or_a_drain_is_served() {
    let place = open(Server::new(echo));
    let mut clients: Vec<_> = (0..100).map(|_| place.client()).collect();
    assert_eq!(place.running.pause(Pause::Refuse).unwrap().in_flight, 100);
    clients.iter_mut().for_each(|client| talk(client, "here"));
    place.running.resume().unwrap();
    let mut asking: Vec<_> = (0..100).map(|_| place.client()).collect();
    asking.iter_mut().for_each(|client| client.write_all(b"question").unwrap());
    let drain = place.running.drain(PATIENCE);
    asking.iter_mut().for_each(|client| assert_eq!(hear_all(client), b"question"));
    drop((clients, asking));
    assert_eq!((drain.wait().finished, drain.wait().cut), (200, 0));
}

#[test]
fn a_pause_takes_the_whole_queue_before_it_refuses() {
    const CROWD: usize = 300;
    let (go, gone) = sync_channel(CROWD);
    let gone = Mutex::new(gone);
    // The listener is held at each client, so that the pause finds a queue.
    let held = move |event: &Event| {
        if matches!(event, Event::Opened { .. }) {
            let _ = gone.lock().unwrap().recv();
        }
    };
    let running = Server::new(echo).listen("127.0.0.1:0").events(held).start().unwrap();
    let mut clients: Vec<_> = (0..CROWD).map(|_| knock(&running.addresses()[0])).collect();
    let pausing = running.clone();
    let pause = std::thread::spawn(move || pausing.pause(Pause::Refuse).unwrap());
    // Time for the pause to be asked for, while the listener is held at its first client.
    (0..10_000).for_each(|_| std::thread::yield_now());
    (0..CROWD).for_each(|_| go.send(()).unwrap());
    assert_eq!(pause.join().unwrap().in_flight, CROWD);
    clients.iter_mut().for_each(|client| talk(client, "here"));
}

#[test]
fn a_question_that_arrived_before_the_drain_is_answered() {
    let place = open(
        Server::new(|mut conn: Conn| async move {
            let mut buffer = conn.buffer();
            while conn.read_into(&mut buffer).await? > 0 {
                // Keeps its worker from reading anything else before the drain.
                until("a drain has begun", || &buffer[..] != b"block" || conn.is_draining());
                conn.write_all(&buffer).await?;
                buffer.clear();
            }
            Ok(())
        })
        .model(workers(1)),
    );
    let (mut blocking, mut asking) = (place.client(), place.client());
    talk(&mut asking, "here");
    talk(&mut blocking, "here");
    blocking.write_all(b"block").unwrap();
    until("its worker is blocked", || {
        place.running.conns()[0].bytes_in + place.running.conns()[1].bytes_in == 13
    });
    asking.write_all(b"question").unwrap();
    let drain = place.running.drain(PATIENCE);
    assert_eq!(hear_all(&mut asking), b"question");
    assert_eq!(hear_all(&mut blocking), b"block");
    drop((asking, blocking));
    assert_eq!((drain.wait().finished, drain.wait().cut), (2, 0));
}

#[test]
fn a_drain_ends_the_idle_at_once_and_the_busy_when_they_are_done() {
    let answer = Arc::new(Semaphore::new(0));
    let waits = Arc::clone(&answer);
    let place = open(Server::new(move |mut conn: Conn| {
        let answer = Arc::clone(&waits);
        async move {
            let mut buffer = conn.buffer();
            while conn.read_into(&mut buffer).await? > 0 {
                if buffer.starts_with(b"slow") {
                    answer.acquire().await?.forget();
                }
                conn.write_all(&buffer).await?;
                buffer.clear();
            }
            conn.write_all(b" bye").await?;
            Ok(())
        }
    }));
    let (mut idle, mut busy) = (place.client(), place.client());
    talk(&mut idle, "here");
    talk(&mut busy, "here");
    busy.write_all(b"slow").unwrap();
    until("it is heard", || place.running.conns().iter().any(|conn| conn.bytes_in == 8));
    let drain = place.running.drain(PATIENCE);
    assert_eq!(place.running.state(), State::Draining);
    assert_eq!(hear_all(&mut idle), b" bye");
    drop(idle);
    assert_eq!(place.next_end(), End::Drained);
    assert_refused(&place.running);
    assert!(place.running.pause(Pause::Refuse).is_err() && place.running.resume().is_err());
    answer.add_permits(1);
    assert_eq!(hear_all(&mut busy), b"slow bye");
    drop(busy);
    assert_eq!((drain.wait().finished, drain.wait().cut), (2, 0));
    assert_eq!(place.running.state(), State::Closed);
    assert_eq!(place.running.stats().ended.get("drained"), Some(&2));
}

#[test]
fn a_reader_that_waits_while_its_answer_goes_out_elsewhere_hears_of_the_drain() {
    let check = |place: &place::Place| {
        let mut client = place.client();
        client.write_all(b"question").unwrap();
        until("it is heard", || place.running.conns().iter().any(|conn| conn.bytes_in == 8));
        let drain = place.running.drain(PATIENCE);
        assert_eq!(hear_all(&mut client), b"answer");
        drop(client);
        assert_eq!((drain.wait().finished, drain.wait().cut), (1, 0));
    };
    check(&open(local(|conn: Conn| async move {
        let draining = conn.draining();
        let (mut reader, outbox) = conn.split();
        tokio::task::spawn_local(async move {
            draining.await;
            tokio::task::yield_now().await;
            outbox.push(b"answer");
        });
        let mut buffer = reader.buffer();
        while reader.read_into(&mut buffer).await? > 0 {}
        Ok(())
    })));
    check(&open(local(|conn: Conn| async move {
        let draining = conn.draining();
        let (mut reader, mut writer) = tokio::io::split(conn);
        tokio::task::spawn_local(async move {
            draining.await;
            tokio::task::yield_now().await;
            tokio::io::AsyncWriteExt::write_all(&mut writer, b"answer").await.unwrap();
        });
        let mut heard = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(&mut reader, &mut heard).await?;
        Ok(())
    })));
}

#[test]
fn half_a_question_is_waited_for() {
    let place = open(Server::new(|mut conn: Conn| async move {
        let mut buffer = conn.buffer();
        while !buffer.ends_with(b"?") && conn.read_into(&mut buffer).await? > 0 {}
        conn.write_all(&buffer).await?;
        Ok(())
    }));
    let (mut asking, mut idle) = (place.client(), place.client());
    asking.write_all(b"half a ").unwrap();
    until("it is heard", || place.running.conns().iter().any(|conn| conn.bytes_in == 7));
    let drain = place.running.drain(PATIENCE);
    assert_eq!(hear_all(&mut idle), b"");
    asking.write_all(b"question?").unwrap();
    assert_eq!(hear_all(&mut asking), b"half a question?");
    drop((asking, idle));
    assert_eq!((drain.wait().finished, drain.wait().cut), (2, 0));
}

#[test]
fn who_is_protected_sees_the_drain_and_says_goodbye() {
    let place = open(Server::new(|mut conn: Conn| async move {
        conn.protect();
        let draining = conn.draining();
        let mut buffer = conn.buffer();
        tokio::select! {
            () = draining => {}
            read = conn.read_into(&mut buffer) => assert!(read? > 0, "a drain gave it an end"),
        }
        assert!(conn.is_draining());
        conn.write_all(b"goodbye").await?;
        Ok(())
    }));
    let mut client = place.client();
    until("it is in", || place.open_count() == 1);
    let drain = place.running.drain(PATIENCE);
    assert_eq!(hear_all(&mut client), b"goodbye");
    drop(client);
    assert_eq!((drain.wait().finished, drain.wait().cut), (1, 0));
}

/// Notices no drain before its deadline.
async fn stubborn(mut conn: Conn) -> throng_server::Result {
    conn.protect();
    conn.write_all(b"!").await?;
    while conn.read_into(&mut conn.buffer()).await? > 0 {}
    Ok(())
}

/// Notices nothing at all.
async fn lost(mut conn: Conn) -> throng_server::Result {
    conn.write_all(b"!").await?;
    pending().await
}

#[test]
fn the_deadline_cuts_who_is_left() {
    let check = |place: &place::Place| {
        let mut clients: Vec<_> = (0..10).map(|_| place.client()).collect();
        clients.iter_mut().for_each(|client| assert_eq!(hear(client, 1), "!"));
        let report = place.running.drain(Duration::from_millis(1)).wait();
        assert_eq!((report.finished, report.cut), (0, 10));
        clients.iter_mut().for_each(|client| drop(hear_out(client)));
        assert_eq!(place.running.stats().ended.get("drained"), Some(&10));
    };
    check(&open(Server::new(stubborn)));
    check(&open(Server::new(lost)));
}

#[test]
fn a_second_drain_may_shorten_and_never_lengthen_the_first() {
    let place = open(Server::new(stubborn));
    let mut client = place.client();
    hear(&mut client, 1);
    let first = place.running.drain(AGES);
    let second = place.running.drain(Duration::ZERO);
    assert_eq!((first.wait().cut, second.wait().cut), (1, 1));
    let place = open(Server::new(stubborn));
    let mut client = place.client();
    hear(&mut client, 1);
    let first = place.running.drain(Duration::ZERO);
    let second = place.running.drain(AGES);
    assert_eq!((first.wait().cut, second.wait().cut), (1, 1));
    assert_eq!(place.running.drain(AGES).wait(), first.wait(), "a drain behind the end has its report");
}

#[test]
fn a_handler_that_blocks_its_worker_holds_no_drain() {
    let (release, released) = sync_channel::<()>(0);
    let released = Arc::new(Mutex::new(released));
    let place = open(Server::new(move |mut conn: Conn| {
        let released = Arc::clone(&released);
        async move {
            conn.write_all(b"!").await?;
            // Nothing can end a thread that does not want to.
            let _ = released.lock().unwrap().recv();
            Ok(())
        }
    }));
    let mut client = place.client();
    hear(&mut client, 1);
    let report = place.running.drain(Duration::ZERO).wait();
    assert_eq!((report.finished, report.cut), (0, 1));
    assert_eq!(place.running.state(), State::Closed);
    drop(release);
}

#[test]
fn a_handler_that_blocks_the_only_worker_holds_no_pause() {
    let (release, released) = sync_channel::<()>(0);
    let released = Arc::new(Mutex::new(released));
    let blocks = move |mut conn: Conn| {
        let released = Arc::clone(&released);
        async move {
            conn.write_all(b"!").await?;
            // Nobody is served meanwhile, and nobody is taken from the kernel by this thread.
            let _ = released.lock().unwrap().recv();
            Ok(())
        }
    };
    let place = open(Server::new(blocks).model(workers(1)));
    let running = &place.running;
    let mut first = place.client();
    hear(&mut first, 1);
    let mut second = place.client();
    // Who knocked before the pause is taken by it.
    assert_eq!(running.pause(Pause::Refuse).unwrap().taken, 1);
    assert_refused(running);
    running.resume().unwrap();
    running.pause(Pause::Hold).unwrap();
    let mut third = place.client();
    running.resume().unwrap();
    drop(release);
    hear(&mut second, 1);
    hear(&mut third, 1);
    place.end();
}

#[test]
fn a_server_ends_when_nobody_holds_it() {
    let place = open(Server::new(lost));
    let address = place.address();
    let mut client = place.client();
    hear(&mut client, 1);
    let second_handle = place.running.clone();
    drop(place);
    hear(&mut knock(address), 1);
    drop(second_handle);
    hear_out(&mut client);
    until("nobody listens", || TcpStream::connect(address).is_err());
}

#[test]
fn the_port_is_free_when_the_server_is_over() {
    let place = open(Server::new(echo));
    let mut client = place.client();
    talk(&mut client, "here");
    place.running.drain(PATIENCE);
    drop(client);
    place.running.drain(PATIENCE).wait();
    let next = open_at(Server::new(echo).listen_on(Claim::bind(place.address()).unwrap()));
    talk(&mut next.client(), "here");
}

#[test]
fn a_server_is_operated_from_inside_a_runtime_as_well() {
    let operate = |place: place::Place| async move {
        place.running.pause(Pause::Refuse).unwrap();
        place.running.resume().unwrap();
        talk(&mut place.client(), "here");
        assert_eq!(place.running.drain(PATIENCE).wait().cut, 0);
    };
    let one = tokio::runtime::Builder::new_current_thread().build().unwrap();
    one.block_on(async { operate(open(Server::new(echo))).await });
    let many = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    many.block_on(async { many.spawn(operate(open(Server::new(echo)))).await.unwrap() });
}

#[test]
fn a_server_starts_wholly_or_not_at_all() {
    let claim = Claim::bind("127.0.0.1:0".parse::<SocketAddr>().unwrap()).unwrap();
    let address = claim.address().tcp().unwrap();
    let one_panics = |worker: &Worker| {
        assert!(worker.index() == 0, "a factory panics, as this test wants it to");
        place::Local(echo)
    };
    let server = Server::local(one_panics).model(workers(3)).listen_on(claim);
    assert!(matches!(server.start(), Err(StartError::Factory)));
    assert!(TcpStream::connect(address).is_err());
    assert!(matches!(Server::new(echo).start(), Err(StartError::NoAddress)));
    let taken = open(Server::new(echo));
    let again = Server::new(echo).listen(&taken.address().to_string()).start();
    assert!(matches!(again, Err(StartError::Bind(error)) if error.address.tcp() == Some(taken.address())));
    assert!(matches!(Server::new(echo).listen("nowhere").start(), Err(StartError::Address { .. })));
}

#[test]
fn who_takes_things_without_a_word_is_no_reason_to_wait() {
    let taken = Arc::new(Semaphore::new(0));
    let check = |place: place::Place| {
        let mut client = place.client();
        client.write_all(b"remember me\n").unwrap();
        until("it was taken", || taken.try_acquire().map(|one| one.forget()).is_ok());
        let report = place.running.drain(PATIENCE).wait();
        assert_eq!(report.cut, 0, "{}", place.running.model());
        assert_eq!(place.next_end(), End::Drained);
    };
    let take = Arc::clone(&taken);
    check(open(Server::new(move |mut conn: Conn| {
        let take = Arc::clone(&take);
        async move {
            let mut lines = conn.lines(80);
            while conn.read_line(&mut lines).await?.is_some() {
                conn.answered();
                take.add_permits(1);
            }
            Ok(())
        }
    })));
    let take = Arc::clone(&taken);
    check(open(local(move |conn: Conn| {
        let take = Arc::clone(&take);
        async move {
            let (mut reader, _outbox) = conn.split();
            let mut lines = reader.lines(80);
            while reader.read_line(&mut lines).await?.is_some() {
                reader.answered();
                take.add_permits(1);
            }
            Ok(())
        }
    })));
    let take = Arc::clone(&taken);
    check(open(Server::blocking(move |mut conn: BlockingConn| {
        let mut lines = conn.lines(80);
        while conn.read_line(&mut lines)?.is_some() {
            conn.answered();
            take.add_permits(1);
        }
        Ok(())
    })));
}

#[test]
fn it_takes_nobody_from_the_moment_a_pause_or_a_drain_is_asked_for() {
    let (seen, told) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(None::<Running>)));
    let (look, server) = (Arc::clone(&seen), Arc::clone(&told));
    let sink = move |event: &Event| {
        if let (Event::StateChanged { to, .. }, Some(running)) = (event, &*server.lock().unwrap()) {
            look.lock().unwrap().push((*to, running.is_taking()));
        }
    };
    let running = Server::new(echo).listen("127.0.0.1:0").events(sink).start().unwrap();
    *told.lock().unwrap() = Some(running.clone());
    assert!(running.is_taking());
    running.pause(Pause::Refuse).unwrap();
    assert!(!running.is_taking());
    running.pause(Pause::Hold).unwrap();
    running.resume().unwrap();
    assert!(running.is_taking());
    running.drain(PATIENCE).wait();
    assert!(!running.is_taking());
    *told.lock().unwrap() = None;
    // A change of state is told when it is carried out; nobody was to come by then, or not yet.
    let changes = [State::Paused, State::Held, State::Open, State::Draining, State::Closed];
    assert_eq!(*seen.lock().unwrap(), changes.map(|state| (state, false)));
}
