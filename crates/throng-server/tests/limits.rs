//! Limits are hard: who does not fit waits in the kernel, or hears why not.

#![allow(clippy::unwrap_used)]

mod place;

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpStream};

use place::{PATIENCE, echo, hear_all, open, open_at, talk, until, workers};
use socket2::{Domain, Socket, Type};
use throng_server::{Conn, Event, Full, Handler, Limits, Peer, Rate, Rejected, Server};

/// Echoes, and says why it does not.
struct Polite;

const WORD: &str = "too many come from where you are\n";

impl Handler for Polite {
    async fn serve(&self, conn: Conn) -> throng_server::Result {
        echo(conn).await
    }

    fn rejected(&self, _: &Peer, why: Rejected) -> &[u8] {
        assert_eq!(why, Rejected::AddressFull);
        WORD.as_bytes()
    }
}

#[test]
fn who_is_above_the_total_waits_until_one_leaves() {
    let total = 3;
    let place = open(Server::new(echo).limits(Limits { total, ..Limits::default() }).model(workers(2)));
    let mut clients: Vec<_> = (0..12).map(|_| place.client()).collect();
    for client in &mut clients {
        client.write_all(b"waiting").unwrap();
    }
    // They are served in the order in which they came, and every one who leaves lets one in.
    for client in &mut clients {
        assert_eq!(place::hear(client, 7), "waiting");
        talk(client, "served");
        client.shutdown(Shutdown::Both).unwrap();
    }
    until("all have left", || place.running.stats().accepted == 12 && place.open_count() == 0);
    let (mut now, mut most) = (0, 0);
    for event in place.told() {
        match event {
            Event::Opened { .. } => now += 1,
            Event::Closed { .. } => now -= 1,
            other => panic!("{other:?}"),
        }
        most = most.max(now);
    }
    assert_eq!(most, total);
}

#[test]
fn the_kernel_holds_a_crowd_that_knocks_at_once() {
    let limits = Limits { total: 1, ..Limits::default() };
    let place = open(Server::new(echo).limits(limits));
    let mut first = place.client();
    talk(&mut first, "inside");
    // More than the 128 that many listeners have.
    let knock = || TcpStream::connect_timeout(&place.address(), PATIENCE).unwrap();
    let crowd: Vec<_> = (0..300).map(|_| knock()).collect();
    drop(first);
    for mut client in crowd {
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        talk(&mut client, "inside");
    }
}

#[test]
fn who_is_above_its_addresss_limit_hears_why_and_others_are_served() {
    let limits = Limits { per_address: 2, per_address_loopback: true, ..Limits::default() };
    let place = open(Server::new(Polite).limits(limits));
    let (mut first, mut second) = (place.client(), place.client());
    talk(&mut first, "first");
    talk(&mut second, "second");
    for _ in 0..5 {
        let mut third = place.client();
        third.write_all(b"words that nobody will read").unwrap();
        assert_eq!(hear_all(&mut third), WORD.as_bytes());
    }
    talk(&mut knock_from("127.0.0.2:0", place.address()), "from elsewhere");
    talk(&mut first, "still first");
    assert_eq!(place.running.stats().rejected, 5);
    let rejections = place.told().into_iter().filter(|event| matches!(event, Event::Rejected { .. })).count();
    assert_eq!(rejections, 5);
    drop(second);
    until("there is room", || place.open_count() == 1);
    talk(&mut place.client(), "second again");
}

fn knock_from(source: &str, address: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&source.parse::<SocketAddr>().unwrap().into()).unwrap();
    socket.connect(&address.into()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.into()
}

#[test]
fn loopback_is_no_address_of_one_person_unless_it_is_said_to_be() {
    let limits = Limits { per_address: 1, ..Limits::default() };
    let place = open_at(Server::new(Polite).limits(limits).listen("127.0.0.1:0").listen("[::1]:0"));
    let mut clients: Vec<_> = place
        .running
        .addresses()
        .iter()
        .flat_map(|address| (0..20).map(move |_| place::knock(address)))
        .collect();
    clients.iter_mut().for_each(|client| talk(client, "inside"));
    assert_eq!(place.open_count(), 40);
    assert_eq!(place.running.stats().rejected, 0);
}

/// Echoes, and says in a word why not.
struct Says;

impl Handler for Says {
    async fn serve(&self, conn: Conn) -> throng_server::Result {
        echo(conn).await
    }

    fn rejected(&self, _: &Peer, why: Rejected) -> &[u8] {
        why.name().as_bytes()
    }
}

fn place_with(limits: Limits) -> place::Place {
    open(Server::new(Says).limits(limits).model(workers(2)))
}

#[test]
fn limits_are_changed_while_the_server_runs_and_nobody_is_cut() {
    let place = place_with(Limits { total: 4, per_address_loopback: true, ..Limits::default() });
    let mut clients: Vec<_> = (0..4).map(|_| place.client()).collect();
    clients.iter_mut().for_each(|client| talk(client, "inside"));
    let set = |change: fn(&mut Limits)| {
        let mut limits = place.running.limits();
        change(&mut limits);
        place.running.set_limits(limits.clone()).unwrap();
        assert_eq!(place.running.limits(), limits);
    };
    set(|limits| (limits.total, limits.full) = (2, Full::Refuse));
    clients.iter_mut().for_each(|client| talk(client, "still inside"));
    for expected_open in [3, 2] {
        assert_eq!(hear_all(&mut place.client()), b"full");
        clients.pop();
        until("one has left", || place.open_count() == expected_open);
    }
    assert_eq!(hear_all(&mut place.client()), b"full");
    set(|limits| limits.full = Full::Queue);
    let mut third = place.client();
    third.write_all(b"waits").unwrap();
    set(|limits| limits.total = 3);
    assert_eq!(place::hear(&mut third, 5), "waits");
    set(|limits| (limits.total, limits.per_address) = (9, 3));
    assert_eq!(hear_all(&mut place.client()), b"address_full");
    set(|limits| limits.backlog = 16);
    set(|limits| limits.per_address = 4);
    talk(&mut place.client(), "fourth");
    assert_eq!(place.running.stats().rejected, 4);
    assert_eq!(place.running.stats().rejected_for, [("address_full", 1), ("full", 3)].into());
}

#[test]
fn who_comes_too_often_hears_it_and_others_do_not() {
    let rate = Rate { count: 3, per: std::time::Duration::from_secs(3600) };
    let limits = Limits { rate_per_address: Some(rate), per_address_loopback: true, ..Limits::default() };
    let place = place_with(limits);
    for _ in 0..3 {
        talk(&mut place.client(), "in time");
    }
    assert_eq!(hear_all(&mut place.client()), b"too_often");
    talk(&mut knock_from("127.0.0.2:0", place.address()), "from elsewhere");
    assert_eq!(place.running.stats().rejected_for, [("too_often", 1)].into());
    place.running.set_limits(Limits { rate_per_address: None, ..place.running.limits() }).unwrap();
    talk(&mut place.client(), "again");
}

#[test]
fn a_crowd_that_is_refused_at_once_is_told_or_closed_and_nobody_waits() {
    let place = place_with(Limits { total: 1, full: Full::Refuse, ..Limits::default() });
    let mut first = place.client();
    talk(&mut first, "inside");
    let mut crowd: Vec<_> = (0..300).map(|_| place.client()).collect();
    let mut told = 0;
    for client in &mut crowd {
        let (heard, _) = place::hear_out(client);
        assert!(heard.is_empty() || heard == b"full");
        told += usize::from(!heard.is_empty());
    }
    assert!(told > 0);
    talk(&mut first, "still inside");
    assert_eq!(place.running.stats().rejected, 300);
    drop(first);
    until("there is room", || place.open_count() == 0);
    talk(&mut place.client(), "inside");
}

#[test]
fn a_changed_limit_of_an_outbox_holds_at_once() {
    let place = open(
        place::local(|conn: Conn| async move {
            let (mut reader, outbox) = conn.split();
            let mut buffer = reader.buffer();
            while reader.read_into(&mut buffer).await? > 0 {
                outbox.push(&vec![b'x'; 32 << 20]);
                buffer.clear();
            }
            Ok(())
        })
        .limits(Limits { queue: 64 << 20, ..Limits::default() })
        .model(workers(1)),
    );
    let flood = |client: &mut TcpStream| client.write_all(b"flood").unwrap();
    let mut patient = place.client();
    flood(&mut patient);
    place::hear(&mut patient, 1);
    place.running.set_limits(Limits { queue: 1 << 10, ..place.running.limits() }).unwrap();
    flood(&mut place.client());
    assert_eq!(place.next_end(), throng_server::End::TooSlow);
    assert_eq!(place::hear(&mut patient, 1 << 20).len(), 1 << 20);
}
