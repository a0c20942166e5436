//! How connections end, and that their handlers are finished once.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use throng_server::model::Shareable;
use throng_server::{
    Conn, ConnInfo, End, Event, Handler, Pool, Sequential, Server, Threads, Timeouts, Workers,
};

use crate::callers::{Ground, TRANSPORTS, Transport};
use crate::place::{PATIENCE, Place, hear, hear_all, hear_out, talk, until, workers};
use crate::say;
use crate::stands::{Alone, Rules, Stage, everywhere, on_every, usual};

#[test]
fn every_connection_ends_in_its_own_way_and_its_handler_is_finished_once() {
    on_every(&usual(), |stage| {
        let end_of = |asked: &str, expected: &str| {
            let mut client = stage.served();
            say(&mut client, asked);
            let (_, clean) = hear_out(&mut client);
            assert!(clean, "{}: {asked}", stage.name);
            drop(client);
            stage.ends(expected);
        };
        end_of("done\n", "done");
        end_of("fail\n", "failed");
        end_of("panic\n", "panicked");
        drop(stage.served());
        stage.ends("peer_closed");
        let resets = stage.transport() != Transport::Unix;
        if resets {
            stage.served().reset();
            stage.ends("peer_reset");
        }
        let mut kicked = stage.served();
        stage.kick_the_only_one();
        hear_out(&mut kicked);
        stage.ends("kicked");
        let mut expected = vec!["done", "failed", "panicked", "peer_closed", "peer_reset", "kicked"];
        expected.retain(|end| resets || *end != "peer_reset");
        assert_eq!(stage.finished(), expected, "{}", stage.name);
        assert_eq!(stage.book.lock().unwrap().set_up, expected.len());
    });
}

#[test]
fn who_is_refused_by_the_setup_is_not_served_and_not_finished() {
    on_every(&usual(), |stage| {
        stage.book.lock().unwrap().refuse = true;
        hear_out(&mut stage.client());
        assert_eq!(stage.place.next_end(), End::Failed("not today".to_owned()), "{}", stage.name);
        assert_eq!(stage.finished(), [""; 0], "{}", stage.name);
    });
}

#[test]
fn one_that_is_stuck_in_its_answer_is_cut_at_once() {
    on_every(&usual(), |stage| {
        let mut client = stage.served();
        say(&mut client, "flood\n");
        assert_eq!(hear(&mut client, 8).len(), 8);
        stage.kick_the_only_one();
        stage.ends("kicked");
        assert_eq!(stage.finished(), ["kicked"], "{}", stage.name);
    });
}

#[test]
fn silence_and_strangers_time_out() {
    let tick = Some(Duration::from_millis(1));
    let alone = Alone::begin();
    let idle = Rules { timeouts: Timeouts { idle: tick, ..Timeouts::default() }, ..Rules::default() };
    let strange = Rules { timeouts: Timeouts { handshake: tick, ..Timeouts::default() }, ..Rules::default() };
    // All at once, since the timeouts are looked at once a second.
    let stages = everywhere(&TRANSPORTS).flat_map(|(stand, transport)| {
        [&idle, &strange].map(|rules| Stage::set_up(stand, transport, rules.clone()))
    });
    let stages: Vec<_> = stages.collect();
    let mut clients: Vec<_> = stages.iter().map(|stage| stage.client()).collect();
    for (stage, client) in stages.iter().zip(&mut clients) {
        let (heard, _) = hear_out(client);
        assert_eq!(heard, b"", "{}", stage.name);
        stage.ends("timed_out");
        stage.place.end();
    }
    drop((stages, clients));
    alone.settle("all");
}

/// Waits for something that never comes, and not for its connection.
#[derive(Default)]
struct Waits {
    finished: Arc<Mutex<Vec<String>>>,
}

impl Handler for Waits {
    async fn serve(&self, mut conn: Conn) -> throng_server::Result {
        conn.write_all(b"here").await?;
        std::future::pending().await
    }

    fn finish(&self, _conn: &ConnInfo, end: &End) {
        self.finished.lock().unwrap().push(end.to_string());
    }
}

#[test]
fn a_handler_that_waits_for_something_else_is_dropped_at_the_end_and_finished() {
    let alone = Alone::begin();
    type Model = fn(Server<Shareable<Waits>>) -> Server<Shareable<Waits>>;
    let models: [Model; 4] = [
        |server| server.model(Sequential),
        |server| server.model(Threads::default()),
        |server| server.model(Pool { workers: Workers::Count(2) }),
        |server| server.model(workers(2)),
    ];
    for (model, transport) in models.into_iter().flat_map(|model| TRANSPORTS.map(|over| (model, over))) {
        let ground = Ground::new(transport);
        let waits = Waits::default();
        let finished = Arc::clone(&waits.finished);
        let place = ground.open(model(Server::new(waits)));
        let mut client = ground.client(&place).unwrap();
        assert_eq!(hear(&mut client, 4), "here");
        place.end();
        hear_out(&mut client);
        let model = place.running.model();
        assert_eq!(*finished.lock().unwrap(), ["drained"], "{model}");
        drop((place, client));
        alone.settle(model);
    }
}

#[test]
fn a_server_that_is_let_go_of_ends_its_connections() {
    let alone = Alone::begin();
    for (stand, transport) in everywhere(&TRANSPORTS) {
        let stage = Stage::set_up(stand, transport, usual());
        let mut client = stage.served();
        let Stage { place: Place { running, told }, book, name, ground, .. } = stage;
        let address = running.addresses()[0].clone();
        drop(running);
        hear_out(&mut client);
        let ends = told.lock().unwrap().iter().filter(|event| matches!(event, Event::Closed { .. })).count();
        assert_eq!(ends, 1, "{name}");
        assert_eq!(book.lock().unwrap().finished.len(), 1, "{name}");
        match address.tcp() {
            Some(address) => drop(std::net::TcpListener::bind(address).unwrap()),
            None => assert!(!ground.path().exists(), "{name}"),
        }
        drop(client);
        alone.settle(&name);
    }
}

#[test]
fn a_crowd_that_comes_and_goes_is_counted_once_each() {
    const CLIENTS: usize = 20;
    const VISITS: usize = 10;
    on_every(&usual(), |stage| {
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    for _ in 0..VISITS {
                        let mut client = stage.client();
                        talk(&mut client, "hello\n");
                        client.end_side();
                        assert_eq!(hear_all(&mut client), b"");
                    }
                });
            }
        });
        let visits = (CLIENTS * VISITS) as u64;
        until("all have left", || stage.place.open_count() == 0);
        let stats = stage.place.running.stats();
        assert_eq!((stats.accepted, stats.ended["peer_closed"]), (visits, visits), "{}", stage.name);
        assert_eq!((stats.bytes_in, stats.bytes_out), (6 * visits, 6 * visits), "{}", stage.name);
        assert_eq!(stage.finished().len(), CLIENTS * VISITS, "{}", stage.name);
    });
}

#[test]
fn a_peer_that_takes_nothing_of_its_answer_is_stalled_and_one_that_is_old_expires() {
    let tick = Some(Duration::from_millis(1));
    let alone = Alone::begin();
    // Longer than a handshake, so that TLS is spoken when the time has come.
    let long = Some(Duration::from_secs(1));
    let deaf = Timeouts { write_stall: tick, ..Timeouts::default() };
    let old = Timeouts { age: long, farewell: PATIENCE, ..Timeouts::default() };
    let oldest = Timeouts { age: long, farewell: Duration::ZERO, ..Timeouts::default() };
    // All at once, since the timeouts are looked at once a second.
    let rows = [(deaf, "flood\n", "stalled"), (old, "", "expired"), (oldest, "protect\n", "expired")];
    let mut stages: Vec<_> = everywhere(&TRANSPORTS)
        .flat_map(|on| rows.iter().map(move |row| (on, row)))
        .map(|((stand, transport), (timeouts, said, end))| {
            let rules = Rules { timeouts: timeouts.clone(), ..usual() };
            let stage = Stage::set_up(stand, transport, rules);
            let mut client = stage.client();
            client.shake();
            say(&mut client, said);
            (stage, client, said, end)
        })
        .collect();
    for (stage, client, said, end) in &mut stages {
        // One whose time has come says goodbye; one that is protected is cut.
        match **said {
            "" => assert_eq!(hear_all(client), b"closing\n", "{}", stage.name),
            "protect\n" => drop(hear_out(client)),
            _ => {}
        }
        if **said != "flood\n" {
            client.end_side();
        }
        stage.ends(end);
        stage.place.end();
    }
    drop(stages);
    alone.settle("all");
}

#[test]
fn one_who_is_known_is_no_stranger_any_more() {
    let tick = Some(Duration::from_secs(1));
    let rules = Rules { timeouts: Timeouts { handshake: tick, ..Timeouts::default() }, ..usual() };
    let alone = Alone::begin();
    // All at once, since the timeouts are looked at once a second. A second one who is not known shows that the time has come.
    let stages: Vec<_> = everywhere(&TRANSPORTS)
        .filter(|(stand, _)| stand.many)
        .map(|(stand, transport)| {
            let stage = Stage::set_up(stand, transport, rules.clone());
            let mut known = stage.client();
            talk(&mut known, "known\n");
            let stranger = stage.client();
            (stage, known, stranger)
        })
        .collect();
    for (stage, mut known, mut stranger) in stages {
        hear_out(&mut stranger);
        stage.ends("timed_out");
        talk(&mut known, "still here\n");
        drop(known);
        stage.ends("peer_closed");
        stage.place.end();
    }
    alone.settle("all");
}

#[test]
fn what_is_told_of_a_connection_is_what_was() {
    on_every(&usual(), |stage| {
        let mut client = stage.served();
        talk(&mut client, "hello\n");
        // What was sent is counted when the kernel has it, so that it may be heard a moment before.
        until("all is counted", || stage.place.running.conns().iter().any(|conn| conn.bytes_out == 11));
        let conns = stage.place.running.conns();
        let [conn] = &conns[..] else { panic!("{conns:?}, {}", stage.name) };
        assert_eq!(conn.bytes_in, 11, "{}", stage.name);
        assert_eq!(conn.peer.tls().is_some(), stage.transport() == Transport::Tls, "{}", stage.name);
        assert_eq!(conn.peer.address.ip().is_none(), stage.transport() == Transport::Unix, "{}", stage.name);
        drop(client);
        stage.ends("peer_closed");
        until("he has left", || stage.place.running.conns().is_empty());
        assert!(!stage.place.running.kill(conn.id), "{}", stage.name);
    });
}
