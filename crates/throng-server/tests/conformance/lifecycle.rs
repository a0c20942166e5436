//! Pause, resume, drain.

use std::io::ErrorKind;
use std::time::Duration;

use throng_server::{ConnId, Event, Pause, State};

use crate::callers::Transport;
use crate::place::{PATIENCE, hear, hear_all, hear_out, talk, until};
use crate::say;
use crate::stands::{on_every, usual};

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
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    on_every(&usual(), |stage| {
        let running = &stage.place.running;
        let mut client = stage.served();
        running.resume().unwrap();
        assert_eq!(running.state(), State::Open);
        running.pause(Pause::Refuse).unwrap();
        assert_eq!(running.pause(Pause::Refuse).unwrap().in_flight, 1, "{}", stage.name);
        running.resume().unwrap();
        let nobody = ConnId(u64::MAX);
        assert!(!running.kill(nobody));
        talk(&mut client, "still here\n");
        drop(client);
        let drain = running.drain(PATIENCE);
        drain.wait();
        assert!(
            running.pause(Pause::Refuse).is_err() && running.resume().is_err() && running.let_go().is_err()
        );
        assert_eq!(running.drain(PATIENCE).wait().cut, 0, "{}", stage.name);
        assert_eq!(running.state(), State::Closed);
    });
}

#[test]
fn a_second_drain_may_shorten_the_first_and_never_lengthens_it() {
    on_every(&usual(), |stage| {
        let mut stays = stage.served();
        talk(&mut stays, "protect\n");
        let first = stage.place.running.drain(PATIENCE);
        stage.place.running.drain(Duration::ZERO);
        stage.place.running.drain(PATIENCE);
        let report = first.wait();
        assert_eq!((report.cut, report.lasted < PATIENCE), (1, true), "{}", stage.name);
        hear_out(&mut stays);
    });
}

fn step(event: &Event) -> Option<(State, State)> {
    match event {
        Event::StateChanged { from, to, .. } => Some((*from, *to)),
        _ => None,
    }
}

#[test]
fn each_step_of_a_servers_life_is_told_in_order() {
    on_every(&usual(), |stage| {
        let running = &stage.place.running;
        running.pause(Pause::Hold).unwrap();
        running.pause(Pause::Refuse).unwrap();
        running.resume().unwrap();
        running.drain(PATIENCE).wait();
        let steps: Vec<_> = stage.place.told().iter().filter_map(step).collect();
        let lived = [State::Open, State::Held, State::Paused, State::Open, State::Draining, State::Closed];
        let expected: Vec<_> = lived.windows(2).map(|two| (two[0], two[1])).collect();
        assert_eq!(steps, expected, "{}", stage.name);
    });
}
