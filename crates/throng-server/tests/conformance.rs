//! What every model keeps, whichever way it serves: one suite for all of them, and after each the descriptors are as many
//! as before.

#![allow(clippy::unwrap_used)]

mod place;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use place::{PATIENCE, Place, hear, hear_all, hear_out, knock, numbered, open, reset, talk, until, workers};
use throng_server::model::Shareable;
use throng_server::{
    BlockingConn, BlockingHandler, Conn, ConnInfo, End, Event, Full, Handler, Limits, Pause, Peer, Pool,
    Rate, Rejected, Sequential, Server, State, Threads, Timeouts, Workers,
};

/// More than two sockets on the way can hold, whatever the kernel gives them.
const FLOOD_BYTES: usize = 32 << 20;

static FLOOD: LazyLock<Vec<u8>> = LazyLock::new(|| [NUMBERED; FLOOD_BYTES / NUMBERED.len()].concat());

/// Bytes whose length is no power of two, so that a part in the wrong place is found.
const NUMBERED: &[u8] = b"0123456789abcdefghijklmnopqrstuvw";

/// What is asked of the handler is told by the first bytes that it hears.
#[derive(Default)]
struct Obeys {
    book: Arc<Mutex<Book>>,
}

/// What the handler was asked for.
#[derive(Default)]
struct Book {
    set_up: usize,
    finished: Vec<&'static str>,
    threads: Vec<String>,
    refuse: bool,
}

impl Obeys {
    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) -> throng_server::Result {
        let mut book = self.book();
        if book.refuse {
            return Err("not today".into());
        }
        book.set_up += 1;
        book.threads.push(std::thread::current().name().unwrap_or_default().to_owned());
        Ok(())
    }
}

/// The same handler, once for waiting and once for blocking code.
macro_rules! obeys {
    ($handler:ident, $conn:ident $(, $async:ident, $await:ident)?) => {
        impl $handler for Obeys {
            $($async)? fn setup(&self, _conn: &mut $conn) -> throng_server::Result {
                self.begin()
            }

            $($async)? fn serve(&self, mut conn: $conn) -> throng_server::Result {
                let mut lines = conn.lines(64);
                while let Some(line) = conn.read_line(&mut lines)$(.$await)?? {
                    match line {
                        b"done" => return Ok(()),
                        b"fail" => return Err("no such page".into()),
                        b"panic" => panic!("a handler panics, as this test wants it to"),
                        b"known" => conn.established(),
                        b"flood" => conn.write_all(&FLOOD)$(.$await)??,
                        b"deaf" => {
                            conn.write_all(&numbered(1 << 16))$(.$await)??;
                            return Ok(());
                        }
                        b"protect" => conn.protect(),
                        _ => {}
                    }
                    let mut answer = line.to_vec();
                    answer.push(b'\n');
                    conn.write_all(&answer)$(.$await)??;
                }
                match conn.is_draining() {
                    true => conn.write_all(b"closing\n")$(.$await)??,
                    false => {}
                }
                Ok(())
            }

            fn finish(&self, _conn: &ConnInfo, end: &End) {
                self.book().finished.push(end.name());
            }

            fn rejected(&self, _peer: &Peer, _why: Rejected) -> &[u8] {
                b"too many\n"
            }
        }
    };
}

obeys!(Handler, Conn, async, await);
obeys!(BlockingHandler, BlockingConn);

/// What is allowed, for one behaviour.
#[derive(Clone, Default)]
struct Rules {
    limits: Limits,
    timeouts: Timeouts,
}

/// One way to serve.
struct Stand {
    name: &'static str,
    /// Are several served at the same time?
    many: bool,
    open: fn(Rules, Obeys) -> Place,
}

const STANDS: [Stand; 7] = [
    Stand {
        name: "sequential",
        many: false,
        open: |rules, obeys| put_up(Server::new(obeys).model(Sequential), rules),
    },
    Stand {
        name: "threads",
        many: true,
        open: |rules, obeys| put_up(Server::new(obeys).model(Threads::default()), rules),
    },
    Stand {
        name: "pool",
        many: true,
        open: |rules, obeys| put_up(Server::new(obeys).model(Pool { workers: Workers::Count(2) }), rules),
    },
    Stand {
        name: "one event loop",
        many: true,
        open: |rules, obeys| put_up(Server::new(obeys).model(workers(1)), rules),
    },
    Stand {
        name: "three event loops",
        many: true,
        open: |rules, obeys| put_up(Server::new(obeys).model(workers(3)), rules),
    },
    Stand {
        name: "sequential, blocking",
        many: false,
        open: |rules, obeys| put_up(Server::blocking(obeys).model(Sequential), rules),
    },
    Stand {
        name: "threads, blocking",
        many: true,
        open: |rules, obeys| put_up(Server::blocking(obeys).model(Threads::default()), rules),
    },
];

fn put_up<K: 'static>(server: Server<K>, rules: Rules) -> Place {
    open(server.limits(rules.limits).timeouts(rules.timeouts))
}

/// A server of one model, and what its handler was asked for.
struct Stage {
    name: &'static str,
    many: bool,
    place: Place,
    book: Arc<Mutex<Book>>,
}

impl Stage {
    fn set_up(stand: &Stand, rules: Rules) -> Stage {
        let obeys = Obeys::default();
        let book = Arc::clone(&obeys.book);
        Stage { name: stand.name, many: stand.many, place: (stand.open)(rules, obeys), book }
    }

    /// A client that is served: it was answered.
    #[track_caller]
    fn served(&self) -> TcpStream {
        let mut client = self.place.client();
        talk(&mut client, "here\n");
        client
    }

    /// The next connection ends so, and with it its handler.
    #[track_caller]
    fn ends(&self, expected: &str) {
        assert_eq!(self.place.next_end().name(), expected, "{}", self.name);
    }

    /// Kicks who is here, when those before have left.
    #[track_caller]
    fn kick_the_only_one(&self) {
        until("one is here", || self.place.open_count() == 1);
        assert!(self.place.running.kill(self.place.running.conns()[0].id), "{}", self.name);
    }

    fn finished(&self) -> Vec<&'static str> {
        self.book.lock().unwrap().finished.clone()
    }
}

/// Behaviours run one after the other, so that descriptors can be counted.
struct Alone {
    _only: MutexGuard<'static, ()>,
    descriptors: usize,
}

/// How often the descriptors are counted before a test gives up.
const LOOKS_MAX: usize = 20_000;

impl Alone {
    fn begin() -> Alone {
        static ONLY: Mutex<()> = Mutex::new(());
        static BEFORE: OnceLock<usize> = OnceLock::new();
        let _only = ONLY.lock().unwrap_or_else(PoisonError::into_inner);
        let descriptors = *BEFORE.get_or_init(|| {
            // The first runtime of a process may make what all later ones share.
            drop(tokio::runtime::Builder::new_current_thread().enable_all().build());
            descriptors()
        });
        Alone { _only, descriptors }
    }

    /// What was opened meanwhile is closed.
    #[track_caller]
    fn settle(&self, name: &str) {
        let settled = (0..LOOKS_MAX).any(|_| {
            std::thread::yield_now();
            descriptors() == self.descriptors
        });
        assert!(settled, "{name}: {} descriptors, and {} before", descriptors(), self.descriptors);
    }
}

/// It is so under every model.
fn on_every(rules: &Rules, behaves: impl Fn(&Stage)) {
    let alone = Alone::begin();
    for stand in &STANDS {
        let stage = Stage::set_up(stand, rules.clone());
        behaves(&stage);
        stage.place.end();
        drop(stage);
        alone.settle(stand.name);
    }
}

fn usual() -> Rules {
    Rules::default()
}

#[cfg(target_os = "linux")]
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[cfg(not(target_os = "linux"))]
fn descriptors() -> usize {
    0
}

fn say(client: &mut TcpStream, text: &str) {
    client.write_all(text.as_bytes()).unwrap();
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
        client.shutdown(Shutdown::Write).unwrap();
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
        let mut client = stage.place.client();
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
        reset(stage.served());
        stage.ends("peer_reset");
        let mut kicked = stage.served();
        stage.kick_the_only_one();
        hear_out(&mut kicked);
        stage.ends("kicked");
        let expected = ["done", "failed", "panicked", "peer_closed", "peer_reset", "kicked"];
        assert_eq!(stage.finished(), expected, "{}", stage.name);
        assert_eq!(stage.book.lock().unwrap().set_up, expected.len());
    });
}

#[test]
fn who_is_refused_by_the_setup_is_not_served_and_not_finished() {
    on_every(&usual(), |stage| {
        stage.book.lock().unwrap().refuse = true;
        hear_out(&mut stage.place.client());
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
    let stages = STANDS.iter().flat_map(|stand| {
        [(stand, &idle), (stand, &strange)].map(|(stand, rules)| Stage::set_up(stand, rules.clone()))
    });
    let stages: Vec<_> = stages.collect();
    let mut clients: Vec<_> = stages.iter().map(|stage| stage.place.client()).collect();
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
        let address = stage.place.address();
        stage.place.running.pause(Pause::Refuse).unwrap();
        assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        talk(&mut old, "still here\n");
        stage.place.running.resume().unwrap();
        drop(old);
        stage.ends("peer_closed");
        talk(&mut knock(address), "new\n");
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
    for model in models {
        let waits = Waits::default();
        let finished = Arc::clone(&waits.finished);
        let place = open(model(Server::new(waits)));
        let mut client = place.client();
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
    for stand in &STANDS {
        let stage = Stage::set_up(stand, usual());
        let (mut client, address) = (stage.served(), stage.place.address());
        let Stage { place: Place { running, told }, book, name, .. } = stage;
        drop(running);
        hear_out(&mut client);
        let ends = told.lock().unwrap().iter().filter(|event| matches!(event, Event::Closed { .. })).count();
        assert_eq!(ends, 1, "{name}");
        assert_eq!(book.lock().unwrap().finished.len(), 1, "{name}");
        std::net::TcpListener::bind(address).unwrap();
        drop(client);
        alone.settle(name);
    }
}

#[test]
fn of_further_clients_each_waits_its_turn_or_all_are_served() {
    on_every(&usual(), |stage| {
        let mut first = stage.served();
        let mut others: Vec<_> = (0..3).map(|_| stage.place.client()).collect();
        others.iter_mut().for_each(|other| say(other, "me too\n"));
        if stage.many {
            others.iter_mut().for_each(|other| assert_eq!(hear(other, 7), "me too\n"));
            return;
        }
        #[cfg(target_os = "linux")]
        until("three wait", || stage.place.running.waiting() == Some(3));
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
        let mut third = stage.place.client();
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
    on_every(&Rules { limits, ..Rules::default() }, |stage| {
        if !stage.many {
            return;
        }
        let mut first = stage.served();
        assert_eq!(hear_all(&mut stage.place.client()), b"too many\n", "{}", stage.name);
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
                        let mut client = stage.place.client();
                        talk(&mut client, "hello\n");
                        client.shutdown(Shutdown::Write).unwrap();
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
        drop((stage.served(), stage.name));
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
    let deaf = Timeouts { write_stall: tick, ..Timeouts::default() };
    let old = Timeouts { age: tick, farewell: PATIENCE, ..Timeouts::default() };
    let oldest = Timeouts { age: tick, farewell: Duration::ZERO, ..Timeouts::default() };
    // All at once, since the timeouts are looked at once a second.
    let rows = [(deaf, "flood\n", "stalled"), (old, "", "expired"), (oldest, "protect\n", "expired")];
    let mut stages: Vec<_> = STANDS
        .iter()
        .flat_map(|stand| rows.iter().map(move |row| (stand, row)))
        .map(|(stand, (timeouts, said, end))| {
            let rules = Rules { timeouts: timeouts.clone(), ..usual() };
            let stage = Stage::set_up(stand, rules);
            let mut client = stage.place.client();
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
            client.shutdown(Shutdown::Both).ok();
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
        let mut waiting: Vec<_> = (0..3).map(|_| stage.place.client()).collect();
        waiting.iter_mut().for_each(|client| say(client, "and me\n"));
        #[cfg(target_os = "linux")]
        until("three wait", || stage.place.running.waiting() == Some(3));
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
        let mut held = stage.place.client();
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
    for (limits, reason) in [(full, "full"), (often, "too_often")] {
        on_every(&Rules { limits, ..usual() }, |stage| {
            let mut first = stage.served();
            if !stage.many {
                // Who waits for a turn waits in the kernel.
                assert_eq!(stage.place.running.stats().rejected, 0);
                return;
            }
            assert_eq!(hear_all(&mut stage.place.client()), b"too many\n", "{}", stage.name);
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
        let mut second = stage.place.client();
        say(&mut second, "and me\n");
        talk(&mut first, "still here\n");
        drop(first);
        stage.ends("peer_closed");
        assert_eq!(running.stats().accepted, 1, "{}", stage.name);
        running.set_limits(Limits { total: 1, ..running.limits() }).unwrap();
        assert_eq!(hear(&mut second, 7), "and me\n", "{}", stage.name);
    });
}
