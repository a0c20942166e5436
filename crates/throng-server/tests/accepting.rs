//! Whatever the kernel says to an accept: nobody who can be served is lost, and the listener goes on.

#![allow(clippy::unwrap_used)]

mod place;

use std::io::{Read, Write};
use std::net::TcpStream;

use place::{echo, local, open, talk, until, workers};
use rustix::io::Errno;
use throng_server::testing::AcceptFaults;
use throng_server::{Event, Pool, Sequential, Server, Threads, Workers};

/// What concerns one client only (accept(2)).
const OF_A_CLIENT: [Errno; 10] = [
    Errno::CONNABORTED,
    Errno::INTR,
    Errno::PERM,
    Errno::PROTO,
    Errno::NETDOWN,
    Errno::NOPROTOOPT,
    Errno::HOSTDOWN,
    Errno::HOSTUNREACH,
    Errno::OPNOTSUPP,
    Errno::NETUNREACH,
];

/// What concerns us.
const OF_OURS: [Errno; 3] = [Errno::NOBUFS, Errno::NOMEM, Errno::INVAL];

fn opens() -> [fn(&AcceptFaults) -> place::Place; 5] {
    [
        |faults| open(Server::new(echo).accept_faults(faults).model(Sequential)),
        |faults| open(Server::new(echo).accept_faults(faults).model(Threads::default())),
        |faults| open(Server::new(echo).accept_faults(faults).model(Pool { workers: Workers::Count(2) })),
        |faults| open(Server::new(echo).accept_faults(faults).model(workers(2))),
        |faults| open(local(echo).accept_faults(faults).model(workers(2))),
    ]
}

#[test]
fn an_error_of_one_client_costs_the_next_nothing() {
    for open in opens() {
        let faults = AcceptFaults::default();
        let place = open(&faults);
        for error in OF_A_CLIENT {
            faults.add([error.raw_os_error(); 3]);
            talk(&mut place.client(), "hello");
            assert_eq!(faults.left(), 0, "{error}");
        }
        let told = place.told();
        assert!(!told.iter().any(|event| matches!(event, Event::AcceptFailed { .. })), "{told:?}");
        until("all have left", || place.open_count() == 0);
        assert_eq!(place.running.stats().accepted, OF_A_CLIENT.len() as u64);
        place.end();
    }
}

#[test]
fn an_error_of_ours_is_told_and_the_client_served_when_it_is_over() {
    for open in opens() {
        let faults = AcceptFaults::default();
        let place = open(&faults);
        for error in OF_OURS {
            faults.add([error.raw_os_error()]);
            talk(&mut place.client(), "hello");
            let expected = std::io::Error::from(error).to_string();
            let told = |event: Event| matches!(event, Event::AcceptFailed { why } if why == expected);
            while !told(place.next_event()) {}
        }
        place.end();
    }
}

/// Is a client that says hello thrown out, or does he hear it come back?
fn is_shed(mut client: TcpStream) -> bool {
    // He may be gone before he has said it.
    let _ = client.write_all(b"hello");
    matches!(client.read(&mut [0; 5]), Ok(0) | Err(_))
}

#[test]
fn where_the_process_has_no_descriptor_left_a_spare_one_is_given_up_and_had_again() {
    const TIMES: usize = 20;
    for open in opens() {
        let faults = AcceptFaults::default();
        let place = open(&faults);
        for (round, error) in [Errno::MFILE, Errno::NFILE].into_iter().cycle().take(TIMES).enumerate() {
            faults.add([error.raw_os_error()]);
            while !is_shed(place.client()) {
                // The listener had looked for one more client when there was none, and had no descriptor then.
                faults.add([error.raw_os_error()]);
            }
            let shed = round as u64 + 1;
            until("it is counted", || place.running.stats().shed == shed);
            talk(&mut place.client(), "hello");
        }
        assert!(!place.told().iter().any(|event| matches!(event, Event::AcceptFailed { .. })));
        place.end();
    }
}
