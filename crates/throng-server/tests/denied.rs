//! Who is denied: by the client's address, behind a proxy too, and by nothing else.

#![allow(clippy::unwrap_used)]

mod place;

use std::io::{Read, Write};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use place::{echo, end_side, hear_all, hear_out, knock, open, until, workers};
use throng_server::{Denial, Denied, Event, Rejected, Server};

fn network(text: &str) -> Denial {
    Denial::of(text.parse().unwrap())
}

#[test]
fn behind_a_proxy_the_client_is_denied_and_never_the_proxy() {
    let denied = Denied::default();
    let server = Server::new(echo).denied(&denied).proxies(["127.0.0.0/8".parse().unwrap()]);
    let place = open(server);
    let passed = |client: &str| {
        let mut proxy = place.client();
        proxy.write_all(format!("PROXY TCP4 {client} 192.0.2.1 4711 443\r\nhello").as_bytes()).unwrap();
        end_side(&proxy);
        String::from_utf8(hear_all(&mut proxy)).unwrap()
    };
    denied.set([network("127.0.0.0/8"), network("192.0.2.0/24").word(b"not you\n")]).unwrap();
    assert_eq!(passed("192.0.2.7"), "not you\n");
    assert_eq!(passed("198.51.100.7"), "hello", "whoever passes him on");
    assert_eq!(place.running.stats().rejected_for, [("banned", 1)].into());
    place.end();
}

#[test]
fn the_event_tells_who_and_why() {
    let denied = Denied::default();
    let place = open(Server::new(echo).denied(&denied));
    denied.set([network("127.0.0.1/32")]).unwrap();
    assert_eq!(hear_all(&mut place.client()), b"");
    let event = place.next_event();
    let Event::Rejected { peer, why } = &event else { panic!("{event:?}") };
    assert_eq!((peer.address.ip(), *why), (Some(IpAddr::from([127, 0, 0, 1])), Rejected::Banned));
    place.end();
}

#[test]
fn who_is_denied_between_the_look_and_the_ticket_is_ended() {
    let denied = Denied::default();
    let (list, first) = (denied.clone(), AtomicBool::new(true));
    // The event comes when the client has its ticket, and is known to whoever asks who is connected.
    let server = Server::new(echo).denied(&denied).listen("127.0.0.1:0").events(move |event: &Event| {
        if matches!(event, Event::Opened { .. }) && first.swap(false, Ordering::Relaxed) {
            list.set([network("127.0.0.0/8")]).unwrap();
        }
    });
    let running = server.start().unwrap();
    let mut client = knock(running.addresses()[0].tcp().unwrap());
    let _ = hear_out(&mut client);
    until("it is over", || running.stats().ended == [("kicked", 1)].into());
    running.drain(std::time::Duration::ZERO).wait();
}

#[test]
fn who_was_coming_when_the_list_changed_is_known_or_ended() {
    const ROUNDS: usize = 200;
    for model in [workers(1), workers(2)] {
        let denied = Denied::default();
        let place = open(Server::new(echo).denied(&denied).model(model));
        let (address, over) = (place.address(), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        // Whether it is let in, refused, or ended: it is over at its end.
                        let mut client = knock(address);
                        let _ = client.write_all(b"here");
                        let _ = client.read(&mut [0; 9]);
                        let _ = client.read(&mut [0; 9]);
                    }
                });
            }
            for _ in 0..ROUNDS {
                denied.set([network("127.0.0.0/8")]).unwrap();
                for conn in place.running.conns() {
                    place.running.kill(conn.id);
                }
                // Nobody is left behind by this, and nobody comes.
                until("all are gone", || place.open_count() == 0);
                drop(place.told());
                denied.set([]).unwrap();
                let before = place.running.stats().accepted;
                until("somebody came", || place.running.stats().accepted > before);
            }
            over.store(true, Ordering::Relaxed);
            denied.set([network("127.0.0.0/8")]).unwrap();
            for conn in place.running.conns() {
                place.running.kill(conn.id);
            }
        });
        place.end();
    }
}
