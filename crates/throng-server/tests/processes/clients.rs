//! What clients of worker processes see: the same as of any other model.

use std::collections::BTreeSet;
use std::io::BufRead;
use std::io::BufReader;
use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::net::Shutdown;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use throng_server::{Denial, Denied, End, Limits, State, Timeouts, Tls, worker_number};

use crate::harness::Behaviour;
use crate::place::{PATIENCE, hear, hear_all, hear_out, knock, numbered, open, reset, talk, until};
use crate::secured::Authority;
use crate::stage::{FLOOD, Makes, ask, finished, folder, number_of, pid_of, say, served, server};

pub(crate) const BEHAVIOURS: &[Behaviour] = behaviours![server:
    what_is_said_comes_back_whole_however_much_it_is,
    clients_are_spread_over_the_workers_and_each_has_a_count_of_its_own,
    a_crowd_that_comes_and_goes_is_counted_once_each,
    every_connection_ends_in_its_own_way_and_its_handler_is_finished_once,
    the_total_holds_over_all_workers,
    the_limit_of_an_address_holds_over_all_workers_and_places_come_back,
    who_is_denied_hears_the_denial_s_word_or_the_handler_s,
    a_pause_refuses_and_a_resume_takes_at_the_same_port,
    a_drain_ends_the_idle_answers_the_busy_and_waits_for_no_other,
    a_drain_cuts_who_is_protected_at_its_deadline_and_finishes_him,
    silence_and_strangers_time_out,
    unix_sockets_and_proxies_are_told_as_they_are,
    tls_is_spoken_by_the_worker_and_known_to_the_first_process,
];

pub(crate) fn what_is_said_comes_back_whole_however_much_it_is<K: 'static>(server: Makes<K>) {
    let place = open(server(2));
    let mut client = served(&place);
    for byte in b"a byte at a time\n" {
        client.write_all(&[*byte]).unwrap();
    }
    assert_eq!(hear(&mut client, 17), "a byte at a time\n");
    say(&mut client, "flood");
    let mut heard = vec![0; FLOOD.len()];
    client.read_exact(&mut heard).unwrap();
    assert!(heard == *FLOOD);
    let mut deaf = place.client();
    say(&mut deaf, &format!("deaf\n{}", "x".repeat(200_000)));
    assert!(hear_all(&mut deaf) == numbered(1 << 16));
    say(&mut client, "two\r\nin one\nand the last without an");
    client.write_all(b"end").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(hear_all(&mut client), b"two\nin one\nand the last without an\nend\n");
    place.end();
}

pub(crate) fn clients_are_spread_over_the_workers_and_each_has_a_count_of_its_own<K: 'static>(
    server: Makes<K>,
) {
    let place = open(server(2));
    assert_eq!(place.running.model(), "processes");
    let mut clients: Vec<_> = (0..6).map(|_| served(&place)).collect();
    let pids: BTreeSet<u32> = clients.iter_mut().map(pid_of).collect();
    assert_eq!(pids, place.running.processes().into_iter().collect());
    let workers = place.running.workers();
    for (client, conn) in clients.iter_mut().zip(place.running.conns()) {
        assert_eq!(workers[conn.worker].process, Some(pid_of(client)));
    }
    assert!(pids.len() == 2 && !pids.contains(&std::process::id()), "{pids:?}");
    // Ctrl-C is for the first process alone.
    let group = number_of(std::process::id(), 2);
    assert!(pids.iter().all(|pid| number_of(*pid, 2) == Some(*pid) && group != Some(*pid)));
    let counts: BTreeSet<_> = clients.iter_mut().map(|client| ask(client, "how many")).collect();
    assert_eq!(counts, ["3 of worker 0", "3 of worker 1"].map(str::to_owned).into());
    let workers: Vec<_> = place.running.conns().iter().map(|conn| conn.worker).collect();
    assert_eq!(workers, [0, 1, 0, 1, 0, 1]);
    place.end();
}

pub(crate) fn a_crowd_that_comes_and_goes_is_counted_once_each<K: 'static>(server: Makes<K>) {
    const CLIENTS: usize = 20;
    const VISITS: usize = 20;
    let place = open(server(2));
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                for _ in 0..VISITS {
                    let mut client = place.client();
                    talk(&mut client, "hello\n");
                    client.shutdown(Shutdown::Write).unwrap();
                    assert_eq!(hear_all(&mut client), b"");
                }
            });
        }
    });
    let visits = (CLIENTS * VISITS) as u64;
    until("all have left", || place.open_count() == 0);
    let stats = place.running.stats();
    assert_eq!((stats.accepted, stats.ended["peer_closed"]), (visits, visits));
    assert_eq!((stats.bytes_in, stats.bytes_out), (6 * visits, 6 * visits));
    assert_eq!(finished().len(), CLIENTS * VISITS);
    place.end();
}

pub(crate) fn every_connection_ends_in_its_own_way_and_its_handler_is_finished_once<K: 'static>(
    server: Makes<K>,
) {
    let place = open(server(2));
    for (asked, expected) in [("done", "done"), ("panic", "panicked")] {
        let mut client = served(&place);
        say(&mut client, asked);
        assert!(hear_out(&mut client).1, "{asked}");
        drop(client);
        assert_eq!(place.next_end().name(), expected);
    }
    let mut client = served(&place);
    say(&mut client, "fail");
    assert!(hear_out(&mut client).1);
    drop(client);
    assert_eq!(place.next_end(), End::Failed("no such page".to_owned()));
    drop(served(&place));
    assert_eq!(place.next_end(), End::PeerClosed);
    reset(served(&place));
    assert_eq!(place.next_end(), End::PeerReset);
    let mut client = served(&place);
    assert!(place.running.kill(place.running.conns()[0].id));
    hear_out(&mut client);
    assert_eq!(place.next_end(), End::Kicked);
    let mut stuck = served(&place);
    say(&mut stuck, "flood");
    assert_eq!(stuck.read(&mut [0; 8]).unwrap(), 8);
    assert!(place.running.kill(place.running.conns()[0].id));
    assert_eq!(place.next_end(), End::Kicked);
    let expected = ["done", "panicked", "failed", "peer_closed", "peer_reset", "kicked", "kicked"];
    assert_eq!(finished(), expected);
    place.end();
}

pub(crate) fn the_total_holds_over_all_workers<K: 'static>(server: Makes<K>) {
    let place = open(server(2).limits(Limits { total: 3, ..Limits::default() }));
    let inside: Vec<_> = (0..3).map(|_| served(&place)).collect();
    let mut waits = place.client();
    say(&mut waits, "and me");
    until("one waits", || place.running.waiting() == Some(1));
    assert_eq!(place.open_count(), 3);
    drop(inside);
    assert_eq!(hear(&mut waits, 7), "and me\n");
    place.end();
}

pub(crate) fn the_limit_of_an_address_holds_over_all_workers_and_places_come_back<K: 'static>(
    server: Makes<K>,
) {
    let limits = Limits { total: 2, per_address: 1, per_address_loopback: true, ..Limits::default() };
    let place = open(server(2).limits(limits));
    let mut first = served(&place);
    for _ in 0..10 {
        // Each has the last place in all, so the next is let in when this one was let go of.
        assert_eq!(hear_all(&mut place.client()), b"too many\n");
    }
    assert_eq!(place.running.stats().rejected, 10);
    assert_eq!(ask(&mut first, "fine"), "fine");
    place.end();
}

pub(crate) fn who_is_denied_hears_the_denial_s_word_or_the_handler_s<K: 'static>(server: Makes<K>) {
    let denied = Denied::default();
    let place = open(server(2).denied(&denied));
    let all = || Denial::of("127.0.0.0/8".parse().unwrap());
    denied.set([all().word(b"not until then\n")]).unwrap();
    assert_eq!(hear_all(&mut place.client()), b"not until then\n");
    denied.set([all()]).unwrap();
    assert_eq!(hear_all(&mut place.client()), b"too many\n");
    assert_eq!(place.running.stats().rejected_for, [("banned", 2)].into());
    denied.set([]).unwrap();
    drop(served(&place));
    place.end();
}

pub(crate) fn a_pause_refuses_and_a_resume_takes_at_the_same_port<K: 'static>(server: Makes<K>) {
    let place = open(server(2));
    let mut old = served(&place);
    place.running.pause(throng_server::Pause::Refuse).unwrap();
    assert_eq!(TcpStream::connect(place.address()).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert_eq!(ask(&mut old, "still here"), "still here");
    place.running.resume().unwrap();
    let mut new = served(&place);
    assert_eq!(ask(&mut new, "how many"), "1 of worker 1");
    place.end();
}

pub(crate) fn a_drain_ends_the_idle_answers_the_busy_and_waits_for_no_other<K: 'static>(server: Makes<K>) {
    let place = open(server(2));
    let (mut idle, mut busy) = (served(&place), served(&place));
    busy.write_all(b"half a ques").unwrap();
    until("half of it was read", || place.running.conns().iter().any(|conn| conn.bytes_in == 16));
    let drain = place.running.drain(PATIENCE);
    assert_eq!(hear_all(&mut idle), b"closing\n");
    assert_eq!(place.running.state(), State::Draining);
    say(&mut busy, "tion");
    assert_eq!(hear_all(&mut busy), b"half a question\nclosing\n");
    drop((idle, busy));
    let report = drain.wait();
    assert_eq!((report.finished, report.cut), (2, 0));
    assert_eq!(finished(), ["drained", "drained"]);
    assert_eq!(place.running.state(), State::Closed);
    assert_eq!(place.running.processes(), []);
}

pub(crate) fn a_drain_cuts_who_is_protected_at_its_deadline_and_finishes_him<K: 'static>(server: Makes<K>) {
    let place = open(server(2));
    let mut stays = served(&place);
    assert_eq!(ask(&mut stays, "protect"), "protect");
    let report = place.running.drain(Duration::from_millis(1)).wait();
    assert_eq!((report.finished, report.cut), (0, 1));
    hear_out(&mut stays);
    assert_eq!(place.next_end(), End::Drained);
    assert_eq!(finished(), ["drained"]);
}

pub(crate) fn silence_and_strangers_time_out<K: 'static>(server: Makes<K>) {
    let timeouts = Timeouts { idle: Some(Duration::from_millis(1)), ..Timeouts::default() };
    let place = open(server(2).timeouts(timeouts));
    // One of each worker.
    let mut silent = [place.client(), place.client()];
    for client in &mut silent {
        assert_eq!(hear_out(client).0, b"");
        assert_eq!(place.next_end(), End::TimedOut);
    }
    assert_eq!(finished(), ["timed_out"; 2]);
    place.end();
}

pub(crate) fn unix_sockets_and_proxies_are_told_as_they_are<K: 'static>(server: Makes<K>) {
    let path = folder().join("socket");
    let listen = format!("unix:{}", path.display());
    let server = server(2).proxies(["127.0.0.0/8".parse().unwrap()]).listen(&listen);
    let place = open(server);
    let mut near = UnixStream::connect(&path).unwrap();
    near.write_all(b"who am I\n").unwrap();
    let mut answer = String::new();
    BufReader::new(&near).read_line(&mut answer).unwrap();
    assert_eq!(answer, "unix None\n");
    let mut far = knock(place.running.addresses()[1].tcp().unwrap());
    far.write_all(b"PROXY TCP4 192.0.2.1 192.0.2.9 1025 443\r\n").unwrap();
    let proxy = far.local_addr().unwrap();
    assert_eq!(ask(&mut far, "who am I"), format!("192.0.2.1:1025 Some(Tcp({proxy}))"));
    place.end();
}

pub(crate) fn tls_is_spoken_by_the_worker_and_known_to_the_first_process<K: 'static>(server: Makes<K>) {
    let (certificate, key) = (folder().join("server.pem"), folder().join("server.key"));
    let authority = worker_number().is_none().then(Authority::new);
    if let Some(authority) = &authority {
        authority.sign("localhost").write(&certificate, &key);
    }
    let tls = Tls::files(&certificate, &key).unwrap();
    let place = open(server(2).listen_tls("127.0.0.1:0", &tls));
    let mut client = authority.unwrap().knock(place.address(), "localhost");
    client.write_all(b"hello\n").unwrap();
    let mut heard = [0; 6];
    client.read_exact(&mut heard).unwrap();
    assert_eq!(heard, *b"hello\n");
    let is_known = || place.running.conns()[0].peer.tls().is_some_and(|tls| tls.version == "TLSv1_3");
    until("the first process knows how it is secured", is_known);
    talk(&mut knock(place.running.addresses()[1].tcp().unwrap()), "plain\n");
    place.end();
}
