//! Limits are hard: who does not fit waits in the kernel, or hears why not.

#![allow(clippy::unwrap_used)]

mod place;

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpStream};

use place::{PATIENCE, echo, hear_all, open, open_at, talk, until, workers};
use socket2::{Domain, Socket, Type};
use throng_server::{Conn, Event, Handler, Limits, Peer, Rejected, Server};

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
