//! What is changed while the server runs holds in its workers as well, and in those that are begun later.

use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use throng_server::{Conn, End, Limits, LocalHandler, Processes, Queued, Server, Timeouts, Worker, Workers};

use crate::harness::Behaviour;
use crate::place::{hear_all, hear_out, open, until};
use crate::stage::{FLOOD, Makes, ask, next_worker_ended, served, server, until_up};

pub(crate) const BEHAVIOURS: &[Behaviour] = behaviours![
    another_queue_holds_for_who_comes_next,
    what_waits_in_a_worker_is_known_to_the_first_process,
];

/// Of any server.
pub(crate) const ANY: &[Behaviour] = behaviours![server:
    other_timeouts_hold_for_who_is_here,
    a_worker_begun_after_a_change_knows_of_it,
];

fn impatient() -> Timeouts {
    Timeouts { idle: Some(Duration::from_millis(1)), ..Timeouts::default() }
}

pub(crate) fn other_timeouts_hold_for_who_is_here<K: 'static>(server: Makes<K>) {
    let place = open(server(2));
    let mut here = [served(&place), served(&place)];
    place.running.set_timeouts(impatient());
    for client in &mut here {
        hear_out(client);
        assert_eq!(place.next_end(), End::TimedOut);
    }
    place.running.set_timeouts(Timeouts::default());
    assert_eq!(ask(&mut place.client(), "and now"), "and now");
    place.end();
}

pub(crate) fn a_worker_begun_after_a_change_knows_of_it<K: 'static>(server: Makes<K>) {
    let place = open(server(1));
    place.running.set_timeouts(impatient());
    let pid = place.running.processes()[0];
    assert!(Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap().success());
    assert_eq!(next_worker_ended(&place).0, Some(pid));
    until_up(&place, 1);
    assert_eq!(hear_out(&mut place.client()).0, b"");
    assert_eq!(place.next_end(), End::TimedOut);
    place.end();
}

struct Pours;

impl LocalHandler for Pours {
    async fn serve(&self, conn: Conn) -> throng_server::Result {
        let (_reader, outbox) = conn.split();
        outbox.push(&FLOOD);
        outbox.flushed().await;
        Ok(())
    }
}

fn another_queue_holds_for_who_comes_next() {
    let server = Server::local(|_: &Worker| Pours).model(Processes { workers: Workers::Count(1) });
    let place = open(server);
    hear_out(&mut place.client());
    assert_eq!(place.next_end(), End::TooSlow);
    for queue in [usize::MAX, 1 << 16, usize::MAX] {
        place.running.set_limits(Limits { queue, ..place.running.limits() }).unwrap();
        match queue {
            usize::MAX => {
                assert!(hear_all(&mut place.client()) == *FLOOD);
                assert_eq!(place.next_end(), End::Done);
            }
            _ => {
                hear_out(&mut place.client());
                assert_eq!(place.next_end(), End::TooSlow);
            }
        }
    }
    place.end();
}

fn what_waits_in_a_worker_is_known_to_the_first_process() {
    let server = Server::local(|_: &Worker| Pours).model(Processes { workers: Workers::Count(1) });
    let place = open(server.limits(Limits { queue: usize::MAX, ..Limits::default() }));
    let queued = || place.running.queued();
    let mut reads_late = place.client();
    until("what waits is told", || queued().conns == 1 && queued().bytes > 0);
    assert!(queued().largest == queued().bytes && place.running.conns()[0].queued > 0);
    assert!(hear_all(&mut reads_late) == *FLOOD);
    until("nobody waits for it", || queued() == Queued::default());
    // A worker that dies takes it along.
    let _never_reads = place.client();
    until("what waits is told", || queued().conns == 1);
    let worker = place.running.processes()[0];
    kill_process(Pid::from_raw(i32::try_from(worker).unwrap()).unwrap(), Signal::KILL).unwrap();
    until("it is gone with the worker", || queued() == Queued::default());
    place.end();
}
