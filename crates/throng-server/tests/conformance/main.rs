//! What every model keeps, whichever way it serves and over whatever its clients come: one suite for all of them, and after
//! each the descriptors are as many as before.

#![allow(clippy::unwrap_used)]

mod callers;
#[path = "../place/mod.rs"]
mod place;
#[path = "../secured/mod.rs"]
mod secured;
mod stands;

use std::io::{ErrorKind, Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use callers::{ADDRESSED, Client, Ground, TRANSPORTS, Transport};
use place::{PATIENCE, Place, hear, hear_all, hear_out, numbered, talk, until, workers};
use stands::{Alone, FLOOD, Rules, Stage, everywhere, on_every, on_every_of, usual};
use throng_server::model::Shareable;
use throng_server::{
    Conn, ConnInfo, End, Event, Full, Handler, Limits, Pause, Pool, Rate, Sequential, Server, State, Threads,
    Timeouts, Workers,
};

fn say(client: &mut Client, text: &str) {
    client.write_all(text.as_bytes()).unwrap();
}

/// One who is not served hears why. Over TLS he hears nothing, as a plain word is not understood there, and a handshake costs
/// more than he is given.
#[track_caller]
fn hears_why(stage: &Stage) {
    let mut client = stage.client();
    match stage.transport() {
        Transport::Tls => assert_eq!(hear_out(&mut client), (vec![], false), "{}", stage.name),
        _ => assert_eq!(hear_all(&mut client), b"too many\n", "{}", stage.name),
    }
}

#[test]
fn what_is_said_comes_back_in_whole_lines() {
    on_every(&usual(), |stage| {
        let mut client = stage.served();
        for byte in "a byte at a time\n".bytes() {
            client.write_all(&[byte]).unwrap();
        }
        assert_eq!(hear(&mut client, 17), "a byte at a time\n");
        say(&mut client, "two\r\nin one\nand the last without an end");
        client.end_side();
        assert_eq!(hear_all(&mut client), b"two\nin one\nand the last without an end\n");
        stage.ends("peer_closed");
    });
}

#[test]
fn a_line_that_is_too_long_ends_the_connection_with_a_word() {
    on_every(&usual(), |stage| {
        let mut client = stage.served();
        say(&mut client, &"x".repeat(100));
        hear_out(&mut client);
        drop(client);
        assert_eq!(stage.place.next_end(), End::Failed("a line of more than 64 bytes".to_owned()));
    });
}

#[test]
fn a_flood_arrives_whole_and_in_order() {
    on_every(&usual(), |stage| {
        let mut client = stage.served();
        say(&mut client, "flood\n");
        let mut heard = vec![0; FLOOD.len()];
        client.read_exact(&mut heard).unwrap();
        assert!(heard == *FLOOD, "{}", stage.name);
        assert_eq!(hear(&mut client, 6), "flood\n");
    });
}

#[test]
fn a_reply_is_heard_whole_though_nobody_read_the_question() {
    on_every(&usual(), |stage| {
        let mut client = stage.client();
        say(&mut client, &format!("deaf\n{}", "x".repeat(200_000)));
        assert!(hear_all(&mut client) == numbered(1 << 16), "{}", stage.name);
        drop(client);
        stage.ends("done");
    });
}

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

#[test]
fn a_pause_refuses_and_a_resume_takes_at_the_same_port() {
    on_every(&usual(), |stage| {
        let mut old = stage.served();
        stage.place.running.pause(Pause::Refuse).unwrap();
        assert_eq!(stage.ground.client(&stage.place).err().unwrap().kind(), ErrorKind::ConnectionRefused);
        talk(&mut old, "still here\n");
        stage.place.running.resume().unwrap();
        drop(old);
        stage.ends("peer_closed");
        talk(&mut stage.client(), "new\n");
    });
}

#[test]
fn a_drain_ends_the_idle_at_once() {
    on_every(&usual(), |stage| {
        let mut idle = stage.served();
        let drain = stage.place.running.drain(PATIENCE);
        assert_eq!(hear_all(&mut idle), b"closing\n", "{}", stage.name);
        drop(idle);
        let report = drain.wait();
        assert_eq!((report.finished, report.cut), (1, 0), "{}", stage.name);
        assert_eq!(stage.finished(), ["drained"], "{}", stage.name);
        assert_eq!(stage.place.running.state(), State::Closed);
    });
}

#[test]
fn a_drain_waits_for_half_a_question_and_answers_it() {
    on_every(&usual(), |stage| {
        let mut busy = stage.served();
        say(&mut busy, "half a ques");
        until("half of it was read", || stage.place.running.conns().iter().any(|conn| conn.bytes_in == 16));
        let drain = stage.place.running.drain(PATIENCE);
        say(&mut busy, "tion\n");
        assert_eq!(hear_all(&mut busy), b"half a question\nclosing\n", "{}", stage.name);
        drop(busy);
        assert_eq!(drain.wait().cut, 0, "{}", stage.name);
    });
}

#[test]
fn a_drain_cuts_who_is_protected_at_its_deadline_and_finishes_him() {
    on_every(&usual(), |stage| {
        let mut stays = stage.served();
        talk(&mut stays, "protect\n");
        let drain = stage.place.running.drain(Duration::from_millis(1));
        let report = drain.wait();
        assert_eq!((report.finished, report.cut), (0, 1), "{}", stage.name);
        hear_out(&mut stays);
        stage.ends("drained");
        assert_eq!(stage.finished(), ["drained"], "{}", stage.name);
    });
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
fn of_further_clients_each_waits_its_turn_or_all_are_served() {
    on_every(&usual(), |stage| {
        let mut first = stage.served();
        let mut others: Vec<_> = (0..3).map(|_| stage.client()).collect();
        others.iter_mut().for_each(|other| say(other, "me too\n"));
        if stage.many {
            others.iter_mut().for_each(|other| assert_eq!(hear(other, 7), "me too\n"));
            return;
        }
        // The kernel counts who waits at a port, and not at a path.
        #[cfg(target_os = "linux")]
        if stage.transport() != Transport::Unix {
            until("three wait", || stage.place.running.waiting() == Some(3));
        }
        talk(&mut first, "still the only one\n");
        let mut served = first;
        for mut other in others {
            drop(served);
            assert_eq!(hear(&mut other, 7), "me too\n", "{}", stage.name);
            assert_eq!(stage.place.open_count(), 1, "{}", stage.name);
            served = other;
        }
    });
}

#[test]
fn who_is_above_the_total_waits_until_one_leaves() {
    let rules = Rules { limits: Limits { total: 2, ..Limits::default() }, ..Rules::default() };
    on_every(&rules, |stage| {
        let first = stage.served();
        let second = stage.many.then(|| stage.served());
        let mut third = stage.client();
        say(&mut third, "and me\n");
        assert_eq!(stage.place.open_count(), 1 + u64::from(stage.many), "{}", stage.name);
        drop(first);
        assert_eq!(hear(&mut third, 7), "and me\n", "{}", stage.name);
        drop(second);
    });
}

#[test]
fn who_is_above_his_addresss_limit_hears_why() {
    let limits = Limits { per_address: 1, per_address_loopback: true, ..Limits::default() };
    on_every_of(&ADDRESSED, &Rules { limits, ..Rules::default() }, |stage| {
        if !stage.many {
            return;
        }
        let mut first = stage.served();
        hears_why(stage);
        talk(&mut first, "fine\n");
        assert_eq!(stage.place.running.stats().rejected, 1);
    });
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
fn threads_that_serve_are_named() {
    on_every(&usual(), |stage| {
        drop(stage.served());
        stage.ends("peer_closed");
        drop(stage.served());
        let names = stage.book.lock().unwrap().threads.clone();
        let expected: &[&str] = match stage.place.running.model() {
            "threads" => &["thread-1", "thread-2"],
            "sequential" => &["throng-worker-0", "throng-worker-0"],
            "pool" => &["throng-pool-", "throng-pool-"],
            _ => &["throng-worker-", "throng-worker-"],
        };
        let named = names.iter().zip(expected).all(|(name, begins)| name.starts_with(begins));
        assert!(names.len() == 2 && named, "{names:?}, {}", stage.name);
    });
}

#[test]
fn a_server_is_started_and_operated_inside_a_runtime() {
    let inside = tokio::runtime::Builder::new_current_thread().build().unwrap();
    inside.block_on(async {
        on_every(&usual(), |stage| {
            let mut client = stage.served();
            stage.place.running.pause(Pause::Refuse).unwrap();
            stage.place.running.resume().unwrap();
            talk(&mut client, "hello\n");
            drop(client);
            assert_eq!(stage.place.running.drain(PATIENCE).wait().cut, 0, "{}", stage.name);
        });
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
fn who_is_held_waits_in_the_kernel_and_is_served_in_order() {
    on_every(&usual(), |stage| {
        let mut old = stage.served();
        stage.place.running.pause(Pause::Hold).unwrap();
        assert_eq!(stage.place.running.state(), State::Held);
        let mut waiting: Vec<_> = (0..3).map(|_| stage.client()).collect();
        waiting.iter_mut().for_each(|client| say(client, "and me\n"));
        // The kernel counts who waits at a port, and not at a path.
        #[cfg(target_os = "linux")]
        if stage.transport() != Transport::Unix {
            until("three wait", || stage.place.running.waiting() == Some(3));
        }
        talk(&mut old, "still here\n");
        assert_eq!(stage.place.running.stats().accepted, 1, "{}", stage.name);
        drop(old);
        stage.place.running.resume().unwrap();
        for (number, mut client) in waiting.into_iter().enumerate() {
            assert_eq!(hear(&mut client, 7), "and me\n", "{} {number}", stage.name);
        }
    });
}

#[test]
fn one_pause_becomes_the_other_and_a_drain_serves_who_was_held() {
    on_every(&usual(), |stage| {
        let running = &stage.place.running;
        running.pause(Pause::Refuse).unwrap();
        running.pause(Pause::Hold).unwrap();
        let mut held = stage.client();
        say(&mut held, "question\n");
        let drain = running.drain(PATIENCE);
        assert_eq!(hear_all(&mut held), b"question\nclosing\n", "{}", stage.name);
        drop(held);
        assert_eq!((drain.wait().finished, drain.wait().cut), (1, 0), "{}", stage.name);
        assert!(running.pause(Pause::Hold).is_err());
    });
}

#[test]
fn who_finds_the_server_full_or_comes_too_often_hears_it() {
    let rate = Some(Rate { count: 1, per: Duration::from_secs(3600) });
    let full = Limits { total: 1, full: Full::Refuse, ..Limits::default() };
    let often = Limits { rate_per_address: rate, per_address_loopback: true, ..Limits::default() };
    for (limits, reason, transports) in [(full, "full", &TRANSPORTS[..]), (often, "too_often", &ADDRESSED)] {
        on_every_of(transports, &Rules { limits, ..usual() }, |stage| {
            let mut first = stage.served();
            if !stage.many {
                // Who waits for a turn waits in the kernel.
                assert_eq!(stage.place.running.stats().rejected, 0);
                return;
            }
            hears_why(stage);
            talk(&mut first, "fine\n");
            assert_eq!(stage.place.running.stats().rejected_for, [(reason, 1)].into(), "{}", stage.name);
        });
    }
}

#[test]
fn a_lowered_limit_cuts_nobody_and_adds_nobody() {
    on_every(&usual(), |stage| {
        let running = &stage.place.running;
        let mut first = stage.served();
        running.set_limits(Limits { total: 0, ..running.limits() }).unwrap();
        let mut second = stage.client();
        say(&mut second, "and me\n");
        talk(&mut first, "still here\n");
        drop(first);
        stage.ends("peer_closed");
        assert_eq!(running.stats().accepted, 1, "{}", stage.name);
        running.set_limits(Limits { total: 1, ..running.limits() }).unwrap();
        assert_eq!(hear(&mut second, 7), "and me\n", "{}", stage.name);
    });
}
