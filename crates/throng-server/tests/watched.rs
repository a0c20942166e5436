//! What is told to whoever watches a server: who holds a worker, how its state changes, what its workers did.

#![allow(clippy::unwrap_used)]

mod place;

use std::io::Write;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use place::{PATIENCE, Place, echo, open, talk, until, workers};
use throng_server::model::Shareable;
use throng_server::{
    Conn, ConnId, Event, Handler, Pause, Pool, Sequential, Server, State, Threads, Told, Workers,
};

/// Echoes; but the word `hold` keeps its thread until it is released.
struct Holds(Arc<Mutex<std::sync::mpsc::Receiver<()>>>);

impl Handler for Holds {
    async fn serve(&self, mut conn: Conn) -> throng_server::Result {
        let mut buffer = conn.buffer();
        while conn.read_into(&mut buffer).await? > 0 {
            if &buffer[..] == b"hold" {
                self.0.lock().unwrap().recv_timeout(PATIENCE)?;
            }
            conn.write_all(&buffer).await?;
            buffer.clear();
        }
        Ok(())
    }
}

fn holds() -> (SyncSender<()>, Server<Shareable<Holds>>) {
    let (release, released) = sync_channel(1);
    (release, Server::new(Holds(Arc::new(Mutex::new(released)))))
}

/// The next event about a held worker.
fn next_blocked(place: &Place) -> (String, Option<ConnId>, Duration, bool) {
    loop {
        if let Event::Blocked { thread, id, lasted, over, .. } = place.next_event() {
            return (thread, id, lasted, over);
        }
    }
}

#[test]
fn a_handler_that_holds_its_worker_is_told_of_when_it_is_noticed_and_when_it_is_over() {
    let check = |place: Place, release: SyncSender<()>, thread: &str| {
        let mut client = place.client();
        talk(&mut client, "hello");
        client.write_all(b"hold").unwrap();
        let (named, id, noticed, over) = next_blocked(&place);
        assert!(named.starts_with(thread), "{named}");
        assert!(id == Some(ConnId(1)) && noticed >= Duration::from_millis(100) && !over);
        release.send(()).unwrap();
        assert_eq!(place::hear(&mut client, 4), "hold");
        let (_, id, lasted, over) = next_blocked(&place);
        assert!(id == Some(ConnId(1)) && lasted >= noticed && over);
        talk(&mut client, "hello");
        assert_eq!((place.running.stats().blocked, place.running.workers()[0].blocked), (1, 1));
    };
    let (release, server) = holds();
    check(open(server.model(workers(1))), release, "throng-worker-0");
    let (release, server) = holds();
    check(open(server.model(Sequential)), release, "throng-worker-0");
    let (release, server) = holds();
    check(open(server.model(Pool { workers: Workers::Count(1) })), release, "throng-pool-");
}

#[test]
fn a_task_of_a_worker_that_holds_it_is_told_of_without_a_connection() {
    let (release, released) = sync_channel::<()>(1);
    let released = Arc::new(Mutex::new(Some(released)));
    let place = open(
        Server::local(move |worker| {
            let released = released.lock().unwrap().take().unwrap();
            worker.spawn_local(async move {
                let _ = released.recv_timeout(PATIENCE);
            });
            place::Local(echo)
        })
        .model(workers(1)),
    );
    let (thread, id, ..) = next_blocked(&place);
    assert_eq!((&*thread, id), ("throng-worker-0", None));
    release.send(()).unwrap();
    assert!(next_blocked(&place).3);
    talk(&mut place.client(), "hello");
}

#[test]
fn a_handler_that_holds_only_its_own_thread_is_not_told_of() {
    let (release, server) = holds();
    let place = open(server.model(Threads::default()));
    let (beside_release, beside) = holds();
    let beside = open(beside.model(workers(1)));
    let (mut client, mut other) = (place.client(), beside.client());
    client.write_all(b"hold").unwrap();
    until("it is held", || place.running.conns().iter().any(|conn| conn.bytes_in == 4));
    // While another server's watchdog notices one that is held later, this one's would have noticed as well.
    other.write_all(b"hold").unwrap();
    next_blocked(&beside);
    assert_eq!(place.running.stats().blocked, 0);
    release.send(()).unwrap();
    beside_release.send(()).unwrap();
    assert_eq!(place::hear(&mut client, 4), "hold");
}

#[test]
fn a_subscriber_hears_each_state_and_the_end() {
    let place = open(Server::new(echo));
    let mut told = place.running.subscribe(64).unwrap();
    let mut client = place.client();
    talk(&mut client, "here");
    let running = &place.running;
    running.pause(Pause::Refuse).unwrap();
    running.pause(Pause::Refuse).unwrap();
    running.pause(Pause::Hold).unwrap();
    running.resume().unwrap();
    drop(client);
    until("it has left", || place.open_count() == 0);
    running.shutdown().wait();
    let mut states = Vec::new();
    let mut lives = (0, 0);
    for told in told.by_ref() {
        match told {
            Told::Event(Event::StateChanged { from, to, open }) => states.push((from, to, open)),
            Told::Event(Event::Opened { .. }) => lives.0 += 1,
            Told::Event(Event::Closed { .. }) => lives.1 += 1,
            other => panic!("{other:?}"),
        }
    }
    let expected = [
        (State::Open, State::Paused, 1),
        (State::Paused, State::Held, 1),
        (State::Held, State::Open, 1),
        (State::Open, State::Draining, 0),
        (State::Draining, State::Closed, 0),
    ];
    assert_eq!(states, expected);
    assert_eq!(lives, (1, 1));
    assert!(running.subscribe(1).unwrap().next().is_none(), "there is nothing to hear behind the end");
}

#[test]
fn a_subscriber_that_lags_is_told_how_much_it_missed() {
    const VISITS: usize = 40;
    let place = open(Server::new(echo).model(workers(1)));
    let mut told = place.running.subscribe(8).unwrap();
    for _ in 0..VISITS {
        talk(&mut place.client(), "hello");
    }
    until("all have left", || place.running.stats().ended.values().sum::<u64>() == VISITS as u64);
    place.end();
    // Each came and went, and the server drained and closed.
    let Some(Told::Missed(missed)) = told.next() else { panic!("it missed nothing") };
    assert_eq!(missed as usize, 2 * VISITS + 2 - 8);
    let kept: Vec<_> = told.by_ref().collect();
    assert_eq!(kept.len(), 8);
    assert!(matches!(kept[7], Told::Event(Event::StateChanged { to: State::Closed, .. })));
}

#[test]
fn what_each_worker_did_sums_up_to_what_the_server_did() {
    let place = open(Server::new(echo).model(workers(2)));
    let mut clients: Vec<_> = (0..6).map(|_| place.client()).collect();
    clients.iter_mut().for_each(|client| talk(client, "hello"));
    clients.truncate(4);
    until("two have left", || place.open_count() == 4);
    let (workers, stats) = (place.running.workers(), place.running.stats());
    assert_eq!(workers.iter().map(|worker| worker.index).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(workers.iter().map(|worker| worker.accepted).collect::<Vec<_>>(), [3, 3]);
    let sum = |of: fn(&throng_server::WorkerStats) -> u64| workers.iter().map(of).sum::<u64>();
    assert_eq!((sum(|worker| worker.open), sum(|worker| worker.ended)), (4, 2));
    assert_eq!((sum(|worker| worker.bytes_in), stats.bytes_in), (30, 30), "also of those who stay");
    assert_eq!((sum(|worker| worker.bytes_out), stats.bytes_out), (30, 30), "also of those who stay");
}
