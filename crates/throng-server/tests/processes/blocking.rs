//! Blocking code in worker processes: as under the event loops, but that each client has a thread of its own.

use std::collections::BTreeSet;
use std::fs::File;

use throng_server::{BlockingWorker, Limits, Processes, Server, Threads, Workers};

use crate::changes::*;
use crate::clients::*;
use crate::harness::Behaviour;
use crate::place::{hear, open, talk, until};
use crate::stage::{Blocks, ask, blocking, folder, pid_of, served};
use crate::workers::*;

/// What is the same as under the event loops.
pub(crate) const ALIKE: &[Behaviour] = behaviours![blocking:
    what_is_said_comes_back_whole_however_much_it_is,
    clients_are_spread_over_the_workers_and_each_has_a_count_of_its_own,
    a_crowd_that_comes_and_goes_is_counted_once_each,
    every_connection_ends_in_its_own_way_and_its_handler_is_finished_once,
    the_total_holds_over_all_workers,
    the_limit_of_an_address_holds_over_all_workers_and_places_come_back,
    a_drain_ends_the_idle_answers_the_busy_and_waits_for_no_other,
    a_drain_cuts_who_is_protected_at_its_deadline_and_finishes_him,
    silence_and_strangers_time_out,
    unix_sockets_and_proxies_are_told_as_they_are,
    tls_is_spoken_by_the_worker_and_known_to_the_first_process,
    a_worker_that_aborts_ends_its_own_clients_only_and_comes_back,
    with_no_worker_up_clients_wait_and_are_served_by_the_next,
    a_worker_that_never_lets_go_is_killed_in_the_end,
    a_server_that_is_let_go_of_ends_its_connections,
    other_timeouts_hold_for_who_is_here,
    a_worker_begun_after_a_change_knows_of_it,
];

pub(crate) const BEHAVIOURS: &[Behaviour] = behaviours![
    each_client_has_a_thread_of_its_own_that_is_named_by_its_number,
    one_that_blocks_holds_up_nobody_else,
    threads_are_never_more_than_clients_may_be,
    a_factory_of_blocking_code_that_panics_is_told,
];

fn each_client_has_a_thread_of_its_own_that_is_named_by_its_number() {
    let place = open(blocking(2));
    let mut clients: Vec<_> = (0..4).map(|_| served(&place)).collect();
    let pids: BTreeSet<u32> = clients.iter_mut().map(pid_of).collect();
    assert_eq!(pids, place.running.processes().into_iter().collect());
    let threads: Vec<_> = clients.iter_mut().map(|client| ask(client, "which thread")).collect();
    let numbers = place.running.conns().into_iter().map(|conn| conn.id);
    assert_eq!(threads, numbers.map(|id| format!("Some(\"thread-{id}\")")).collect::<Vec<_>>());
    place.end();
}

fn one_that_blocks_holds_up_nobody_else() {
    let place = open(blocking(1));
    let mut holds = place.client();
    assert_eq!(ask(&mut holds, "hold all up"), "held");
    let mut other = served(&place);
    assert_eq!(pid_of(&mut other), place.running.processes()[0]);
    File::create(folder().join("go")).unwrap();
    assert_eq!(hear(&mut holds, 5), "gone\n");
    place.end();
}

fn threads_are_never_more_than_clients_may_be() {
    const CLIENTS: usize = 12;
    const INSIDE: usize = 4;
    let place = open(blocking(2).limits(Limits { total: INSIDE, ..Limits::default() }));
    let threads_of = |pid: &u32| {
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
        names.filter(|name| name.starts_with("thread-")).count()
    };
    let mut inside: Vec<_> = (0..INSIDE).map(|_| served(&place)).collect();
    let outside: Vec<_> = (INSIDE..CLIENTS).map(|_| place.client()).collect();
    until("the others wait in the kernel", || place.running.waiting() == Some(outside.len()));
    assert_eq!(place.running.processes().iter().map(threads_of).sum::<usize>(), INSIDE);
    inside.iter_mut().for_each(|client| talk(client, "hello\n"));
    drop(inside);
    outside.into_iter().for_each(|mut client| talk(&mut client, "hello\n"));
    place.end();
}

fn a_factory_of_blocking_code_that_panics_is_told() {
    let panics = |worker: &BlockingWorker| -> Blocks {
        panic!("the factory of worker {} panics, as this test wants it to", worker.index())
    };
    // Where there is one worker, it is made by the one who starts the server.
    let server = Server::blocking_local(panics);
    if throng_server::worker_number().is_none() {
        let Err(why) = server.model(Threads::default()).listen("127.0.0.1:0").start() else {
            panic!("it started")
        };
        assert!(matches!(why, throng_server::StartError::Factory), "{why}");
    }
    let server = Server::blocking_local(panics).model(Processes { workers: Workers::Count(2) });
    let Err(why) = server.listen("127.0.0.1:0").start() else { panic!("it started") };
    assert!(matches!(why, throng_server::StartError::Worker { .. }), "{why}");
}
