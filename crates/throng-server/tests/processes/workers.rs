//! Workers that die, hang, or are let go of.

use std::fs::File;
use std::time::Duration;

use throng_server::{End, Event};

use crate::harness::Behaviour;
use crate::place::{PATIENCE, Place, hear, hear_out, open, talk, until};
use crate::stage::{Makes, ask, finished, folder, next_worker_ended, pid_of, say, served, server, until_up};

pub(crate) const BEHAVIOURS: &[Behaviour] = behaviours![server:
    a_worker_that_aborts_ends_its_own_clients_only_and_comes_back,
    workers_that_keep_dying_come_back_later_and_later_and_the_others_serve_meanwhile,
    with_no_worker_up_clients_wait_and_are_served_by_the_next,
    a_drain_while_a_worker_is_down_does_not_wait_for_it,
    a_worker_that_is_held_up_makes_the_acceptor_wait_and_loses_nobody,
    a_worker_that_never_lets_go_is_killed_in_the_end,
    a_server_that_is_let_go_of_ends_its_connections,
];

pub(crate) fn a_worker_that_aborts_ends_its_own_clients_only_and_comes_back<K: 'static>(server: Makes<K>) {
    let place = open(server(2));
    let (mut first, mut second, mut third) = (served(&place), served(&place), served(&place));
    let (dying, living) = (pid_of(&mut first), pid_of(&mut second));
    assert_eq!(pid_of(&mut third), dying);
    say(&mut first, "abort");
    hear_out(&mut first);
    hear_out(&mut third);
    for _ in 0..2 {
        let End::Failed(why) = place.next_end() else { panic!("it failed") };
        assert!(why.starts_with("its worker ended: signal: 6"), "{why}");
    }
    let (pid, how, restart_in) = next_worker_ended(&place);
    assert_eq!((pid, restart_in), (Some(dying), Some(Duration::ZERO)));
    assert!(how.starts_with("signal: 6"), "{how}");
    assert_eq!(pid_of(&mut second), living);
    until_up(&place, 2);
    let mut again = served(&place);
    let reborn = pid_of(&mut again);
    assert!(reborn != dying && reborn != living);
    // It remembers nothing.
    assert_eq!(ask(&mut again, "how many"), "1 of worker 0");
    let mut last = served(&place);
    say(&mut last, "exit");
    hear_out(&mut last);
    assert_eq!(next_worker_ended(&place).1, "exit status: 7");
    place.end();
}

pub(crate) fn workers_that_keep_dying_come_back_later_and_later_and_the_others_serve_meanwhile<K: 'static>(
    server: Makes<K>,
) {
    let place = open(server(2));
    let mut steady = served(&place);
    let living = pid_of(&mut steady);
    let mut waits = Vec::new();
    for _ in 0..4 {
        until_up(&place, 2);
        // Every other client comes to the worker that has fewer.
        let mut victim = served(&place);
        assert_ne!(pid_of(&mut victim), living);
        say(&mut victim, "abort");
        hear_out(&mut victim);
        waits.push(next_worker_ended(&place).2.unwrap().as_millis());
        // While it is down, everybody comes to the one that lives.
        let is_down = || place.running.processes() == [living];
        assert_eq!(ask(&mut steady, "you?"), "you?");
        let (was_down, mut next) = (is_down(), served(&place));
        let server = pid_of(&mut next);
        assert!(server == living || !was_down || !is_down());
    }
    assert_eq!(waits, [0, 100, 200, 400]);
    place.end();
}

pub(crate) fn with_no_worker_up_clients_wait_and_are_served_by_the_next<K: 'static>(server: Makes<K>) {
    let place = open(server(1));
    for _ in 0..3 {
        let mut victim = served(&place);
        say(&mut victim, "abort");
        hear_out(&mut victim);
        let mut next = place.client();
        talk(&mut next, "hello\n");
    }
    place.end();
}

pub(crate) fn a_drain_while_a_worker_is_down_does_not_wait_for_it<K: 'static>(server: Makes<K>) {
    let place = open(server(1));
    for _ in 0..3 {
        let mut victim = served(&place);
        say(&mut victim, "abort");
        hear_out(&mut victim);
        next_worker_ended(&place);
    }
    // The next one comes in 200 ms.
    let mut waits = place.client();
    until("it waits for a worker", || place.open_count() == 1);
    assert_eq!(place.running.drain(PATIENCE).wait().cut, 0);
    hear_out(&mut waits);
    assert_eq!(place.next_end(), End::Drained);
}

pub(crate) fn a_worker_that_is_held_up_makes_the_acceptor_wait_and_loses_nobody<K: 'static>(
    server: Makes<K>,
) {
    throng_server::raise_descriptors();
    // The way holds 1,024, and the line not as many.
    const CLIENTS: usize = 1_500;
    let place = open(server(1));
    let mut holds = place.client();
    assert_eq!(ask(&mut holds, "hold all up"), "held");
    let mut crowd: Vec<_> = (0..CLIENTS).map(|_| place.client()).collect();
    crowd.iter_mut().for_each(|client| say(client, "hello"));
    until("the others wait in the kernel", || {
        place.running.waiting().is_some_and(|waiting| waiting > 0 && place.open_count() > 1_024)
    });
    let taken = place.open_count();
    assert!(taken < CLIENTS as u64, "{taken}");
    File::create(folder().join("go")).unwrap();
    for client in &mut crowd {
        assert_eq!(hear(client, 6), "hello\n");
    }
    assert_eq!(hear(&mut holds, 5), "gone\n");
    place.end();
}

pub(crate) fn a_worker_that_never_lets_go_is_killed_in_the_end<K: 'static>(server: Makes<K>) {
    let place = open(server(2));
    let mut holds = place.client();
    assert_eq!(ask(&mut holds, "hold all up"), "held");
    let other = served(&place);
    let report = place.running.drain(Duration::ZERO).wait();
    // The other one, whose worker is idle, may have come to its end in no time.
    assert!((1..=2).contains(&report.cut) && report.cut + report.finished == 2, "{report:?}");
    until("none is left", || place.open_count() == 0);
    hear_out(&mut holds);
    drop(other);
}

pub(crate) fn a_server_that_is_let_go_of_ends_its_connections<K: 'static>(server: Makes<K>) {
    let place = open(server(2));
    let (mut client, address) = (served(&place), place.address());
    let Place { running, told } = place;
    drop(running);
    hear_out(&mut client);
    let ends = told.lock().unwrap().iter().filter(|event| matches!(event, Event::Closed { .. })).count();
    assert_eq!((ends, finished().len()), (1, 1));
    std::net::TcpListener::bind(address).unwrap();
}
