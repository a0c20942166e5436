//! What a load says of an echo that does one thing wrong, and that it goes on with all the others.

#![allow(clippy::unwrap_used)]
#![expect(
    clippy::disallowed_methods,
    reason = "an echo that stalls, and who holds the generator up, need the clock"
)]

mod faulty;

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use faulty::{Fault, Faulty};
use throng_client::load::counts::Why;
use throng_client::load::diagnosis::Damage;
use throng_client::load::outcome::{Moment, Nobody, Observer, Outcome};
use throng_client::load::plan::{Echo, Framing, Messages, Pace, Plan, Task, Until};
use throng_client::load::run::run;

const BYTES: usize = 64;

/// A good server needs a thousandth of it.
const PATIENCE: Duration = Duration::from_secs(20);

/// For what never comes.
const LITTLE_PATIENCE: Duration = Duration::from_millis(400);

fn echo(framing: Framing, bytes: usize, pace: Pace, depth: usize) -> Task {
    Task::Echo(Echo { messages: Messages { framing, bytes, seed: 7, verify: true }, pace, depth })
}

const AT_ONCE: Pace = Pace::Closed { think: Duration::ZERO };

/// So many messages by three connections in a closed loop.
fn plan(target: SocketAddr, messages: u64) -> Plan {
    Plan {
        target,
        sources: Vec::new(),
        clients: 3,
        task: echo(Framing::Raw, BYTES, AT_ONCE, 1),
        until: Until { duration: None, messages: Some(messages) },
        ramp: Duration::ZERO,
        warm_up: Duration::ZERO,
        connect_timeout: PATIENCE,
        answer_timeout: PATIENCE,
    }
}

/// What comes of 150 messages to an echo that does this.
fn against(fault: Fault, change: impl FnOnce(&mut Plan)) -> Outcome {
    let server = Faulty::start(3, fault);
    let mut plan = plan(server.address, 150);
    change(&mut plan);
    let outcome = run(&plan, &mut Nobody).unwrap();
    server.end();
    outcome
}

#[test]
fn an_honest_echo_is_heard_to_the_last_byte() {
    for framing in [Framing::Raw, Framing::Line, Framing::LengthPrefixed] {
        for (bytes, depth, think) in [(4, 1, 0), (64, 1, 0), (64, 5, 1), (3 << 20, 2, 0)] {
            let pace = Pace::Closed { think: Duration::from_millis(think) };
            let outcome = against(Fault::None, |plan| {
                plan.task = echo(framing, bytes, pace, depth);
                plan.until.messages = Some(30);
            });
            let counts = outcome.counts;
            assert_eq!((counts.asked, counts.reached, counts.lost.sum()), (3, 3, 0), "{outcome:?}");
            assert_eq!((counts.begun, counts.heard, outcome.in_window), (30, 30, 30), "{outcome:?}");
            assert_eq!((counts.bytes_sent, counts.bytes_heard), (30 * bytes as u64, 30 * bytes as u64));
            assert_eq!((counts.unended, outcome.damaged.streams), (0, 0));
            assert_eq!((outcome.response.count(), outcome.service.count()), (30, 30));
        }
    }
}

/// Lets it happen a hundred times, each at another place of the victim's stream, and checks what was said.
fn a_hundred_times(fault: impl Fn(u64) -> Fault + Sync, check: impl Fn(u64, &Outcome) + Sync) {
    std::thread::scope(|scope| {
        for tenth in 0..10 {
            let (fault, check) = (&fault, &check);
            scope.spawn(move || {
                for round in 0..10 {
                    let at = 640 + (tenth * 10 + round) * 7;
                    // By the clock everybody has its turn: an open loop, as fast as it goes.
                    let outcome = against(fault(at), |plan| {
                        plan.task = echo(Framing::Raw, BYTES, Pace::Open { rate: 1e6 }, 1);
                        plan.answer_timeout = LITTLE_PATIENCE;
                    });
                    assert_eq!(
                        (outcome.counts.lost.sum(), outcome.damaged.streams),
                        (1, 1),
                        "{at}: {outcome:?}"
                    );
                    assert!(outcome.counts.heard >= 100, "the others go on: {outcome:?}");
                    check(at, &outcome);
                }
            });
        }
    });
}

#[test]
fn a_flipped_byte_is_found_every_time_and_at_its_place() {
    a_hundred_times(Fault::Flip, |at, outcome| {
        let fault = &outcome.faults[0];
        assert_eq!((fault.offset, fault.damage), (at, Damage::Changed(1)), "{fault}");
        assert_eq!(fault.came, fault.expected.map(|byte| byte ^ 1));
    });
}

#[test]
fn an_extra_byte_is_found_every_time_and_at_its_place() {
    a_hundred_times(
        |at| Fault::Extra(at, 1),
        |at, outcome| {
            let fault = &outcome.faults[0];
            assert_eq!((fault.offset, fault.damage), (at, Damage::Extra(1)), "{fault}");
        },
    );
}

#[test]
fn a_repeated_byte_is_found_every_time() {
    a_hundred_times(
        |at| Fault::Repeat(at, 1),
        |at, outcome| {
            let fault = &outcome.faults[0];
            // Where the byte is like the next one, it is noticed behind that.
            assert!((at..at + 4).contains(&fault.offset), "{at}: {fault}");
            assert_eq!(fault.damage, Damage::Repeated(1), "{fault}");
        },
    );
}

#[test]
fn a_lost_byte_is_found_every_time() {
    a_hundred_times(
        |at| Fault::Drop(at, 1),
        |at, outcome| {
            // The last byte of a message is missed when nothing more comes, the others by what comes instead.
            let fault = &outcome.faults[0];
            assert!((at..at + 4).contains(&fault.offset), "{at}: {fault}");
            assert_eq!(fault.damage, Damage::Missing(1), "{fault}");
        },
    );
}

#[test]
fn many_wrong_bytes_are_counted_in_longer_messages_too() {
    let by_turns = Pace::Open { rate: 1e6 };
    let long = |plan: &mut Plan| plan.task = echo(Framing::LengthPrefixed, 4096, by_turns, 4);
    for count in [2, 30, 200] {
        let at = 40_960 + 1000;
        for (fault, damage) in [
            (Fault::Drop(at, count), Damage::Missing(count)),
            (Fault::Repeat(at, count), Damage::Repeated(count)),
            (Fault::Extra(at, count), Damage::Extra(count)),
        ] {
            let outcome = against(fault, long);
            assert_eq!(outcome.faults[0].damage, damage, "{fault:?}: {}", outcome.faults[0]);
        }
    }
}

#[test]
fn a_byte_behind_the_last_one_is_found_every_time() {
    for _ in 0..100 {
        let outcome = against(Fault::Surplus, |plan| plan.until.messages = Some(6));
        let fault = &outcome.faults[0];
        assert_eq!(
            (fault.expected, fault.came, fault.damage),
            (None, Some(0xaa), Damage::Extra(1)),
            "{fault}"
        );
        assert_eq!(outcome.counts.lost.of(Why::Wrong), 1);
    }
}

#[test]
fn a_server_that_closes_resets_or_falls_silent_loses_one_and_the_others_go_on() {
    for (fault, why) in [
        (Fault::Close(64), Why::Closed),
        (Fault::Close(74), Why::Closed),
        (Fault::Reset(64), Why::Reset),
        (Fault::Mute(64), Why::Unanswered),
    ] {
        // So many that none of the three comes too late to say two things.
        let outcome = against(fault, |plan| {
            plan.answer_timeout = LITTLE_PATIENCE;
            plan.until.messages = Some(6_000);
        });
        let counts = outcome.counts;
        assert_eq!(
            (counts.reached, counts.lost.of(why), counts.lost.sum()),
            (3, 1, 1),
            "{fault:?}: {outcome:?}"
        );
        assert_eq!((counts.begun, counts.heard), (6_000, 5_999), "{fault:?}");
        assert_eq!(outcome.damaged.streams, 0, "nothing was wrong: {outcome:?}");
    }
}

#[test]
fn a_message_that_comes_back_in_part_lacks_the_rest() {
    let outcome = against(Fault::Mute(74), |plan| plan.answer_timeout = LITTLE_PATIENCE);
    let fault = &outcome.faults[0];
    assert_eq!((fault.offset, fault.damage, fault.came), (74, Damage::Missing(54), None), "{fault}");
    assert_eq!(outcome.counts.lost.of(Why::Unanswered), 1);
}

#[test]
fn a_stall_is_at_its_true_percentile_in_an_open_loop_only() {
    let stall = Duration::from_millis(100);
    let load = |pace| {
        // It comes when some of two seconds' messages are through.
        let server = Faulty::start(4, Fault::Stall(100 * BYTES as u64, stall));
        let mut plan = plan(server.address, 400);
        (plan.clients, plan.task) = (4, echo(Framing::Raw, BYTES, pace, 1));
        let outcome = run(&plan, &mut Nobody).unwrap();
        server.end();
        assert_eq!((outcome.counts.heard, outcome.counts.lost.sum()), (400, 0), "{outcome:?}");
        outcome
    };
    // 400 messages at 400 a second: 40 of them, one in ten, are meant to be sent while nobody is served.
    let open = load(Pace::Open { rate: 400.0 });
    let at = |share| open.response.quantile(share);
    assert!(at(0.99) >= stall * 7 / 10, "p99 is {:?}", at(0.99));
    assert!(at(0.95) >= stall * 3 / 10, "p95 is {:?}", at(0.95));
    // Four were under way; to the time at which they were sent nothing else shows.
    let stalled = |outcome: &Outcome| 1.0 - 4.0 / outcome.service.count() as f64;
    assert!(open.service.longest() >= stall * 9 / 10);
    assert!(open.service.quantile(stalled(&open)) < at(0.95), "{:?}", open.service.quantile(stalled(&open)));
    let closed = load(AT_ONCE);
    assert!(closed.response.longest() >= stall * 9 / 10);
    assert!(closed.response.quantile(0.95) < stall / 2, "the closed loop hides it");
}

#[test]
fn an_open_loop_sends_by_the_clock() {
    let outcome = against(Fault::None, |plan| {
        plan.task = echo(Framing::Line, BYTES, Pace::Open { rate: 500.0 }, 1);
        plan.until = Until { duration: Some(Duration::from_millis(600)), messages: None };
    });
    let counts = outcome.counts;
    assert!((290..=301).contains(&counts.begun), "500 a second for 0.6 s: {outcome:?}");
    assert_eq!((counts.heard, counts.unsent), (counts.begun, 0), "{outcome:?}");
}

#[test]
fn a_server_that_is_not_there_is_told_without_asking_it_for_ever() {
    // A port that is bound and not listened to refuses everybody.
    let bound = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    bound.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let address = bound.local_addr().unwrap().as_socket().unwrap();
    let mut plan = plan(address, 150);
    plan.clients = 1000;
    let outcome = run(&plan, &mut Nobody).unwrap();
    let counts = outcome.counts;
    assert_eq!((counts.asked, counts.reached, counts.heard), (1000, 0, 0), "{outcome:?}");
    let refused = counts.failed.of(Why::Refused);
    assert!((64..200).contains(&refused) && refused == counts.failed.sum(), "{outcome:?}");
}

#[test]
fn those_who_come_and_go_are_counted_by_their_ends() {
    let server = Faulty::start(50, Fault::None);
    let mut plan = plan(server.address, 50);
    plan.task = Task::Churn;
    let outcome = run(&plan, &mut Nobody).unwrap();
    server.end();
    let counts = outcome.counts;
    assert_eq!((counts.asked, counts.reached, counts.answered), (50, 50, 50), "{outcome:?}");
    assert_eq!((counts.lost.sum(), outcome.connect.count(), outcome.in_window), (0, 50, 50), "{outcome:?}");
}

#[test]
fn those_who_stay_are_not_moved_by_a_greeting_and_a_lost_one_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut plan = plan(listener.local_addr().unwrap(), 0);
    let server = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let mut streams: Vec<_> = (0..3).map(|_| listener.accept().unwrap().0).collect();
        streams.iter_mut().for_each(|stream| stream.write_all(b"welcome").unwrap());
        drop(streams.pop());
        streams.iter_mut().for_each(|stream| assert_eq!(stream.read(&mut [0]).unwrap(), 0));
    });
    plan.task = Task::Hold;
    plan.until = Until { duration: Some(PATIENCE), messages: None };
    let outcome = run(&plan, &mut UntilLost(false)).unwrap();
    server.join().unwrap();
    let counts = outcome.counts;
    assert_eq!((counts.reached, counts.lost.of(Why::Closed), counts.lost.sum()), (3, 1, 1), "{outcome:?}");
    assert_eq!((counts.bytes_heard, outcome.connect.count()), (21, 3), "{outcome:?}");
}

#[test]
fn those_who_are_greeted_and_sent_away_at_once_are_all_noticed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut plan = plan(listener.local_addr().unwrap(), 0);
    plan.clients = 200;
    let server = std::thread::spawn(move || {
        use std::io::Write;
        for stream in listener.incoming().take(200) {
            stream.unwrap().write_all(b"full").unwrap();
        }
    });
    plan.task = Task::Hold;
    plan.until = Until { duration: Some(PATIENCE), messages: None };
    let outcome = run(&plan, &mut Nobody).unwrap();
    server.join().unwrap();
    assert_eq!((outcome.counts.reached, outcome.counts.lost.of(Why::Closed)), (200, 200), "{outcome:?}");
    assert!(outcome.lasted < PATIENCE / 2, "it ends with the last of them: {outcome:?}");
}

#[test]
fn a_slow_reader_reads_slowly_and_checks_what_it_reads() {
    let slowly = |fault| {
        let server = Faulty::start(2, fault);
        let mut plan = plan(server.address, 0);
        let messages = Messages { framing: Framing::Raw, bytes: 1000, seed: 7, verify: true };
        plan.task = Task::SlowReader { messages, bytes_per_s: 10_000 };
        plan.clients = 2;
        plan.until = Until { duration: Some(Duration::from_millis(500)), messages: None };
        let outcome = run(&plan, &mut Nobody).unwrap();
        server.end();
        outcome
    };
    let outcome = slowly(Fault::None);
    let counts = outcome.counts;
    assert!((1000..=12_000).contains(&counts.bytes_heard), "10,000 bytes a second each: {outcome:?}");
    assert!(counts.bytes_sent > 20 * counts.bytes_heard, "{outcome:?}");
    assert_eq!((counts.lost.sum(), outcome.damaged.streams), (0, 0), "{outcome:?}");
    assert_eq!(slowly(Fault::Flip(1500)).faults[0].offset, 1500);
}

/// Ends it when it was told that somebody was lost.
struct UntilLost(bool);

impl Observer for UntilLost {
    fn tell(&mut self, moment: &Moment) {
        self.0 = moment.errors > 0;
    }

    fn is_interrupted(&self) -> bool {
        self.0
    }
}

/// Ends it when it was told so often.
struct Impatient(u32);

impl Observer for Impatient {
    fn tell(&mut self, moment: &Moment) {
        assert_eq!((moment.here, moment.asked, moment.errors), (3, 3, 0));
        assert!(moment.per_s > 0.0 && moment.p50 <= moment.p99 && moment.p99 <= moment.longest, "{moment:?}");
        self.0 = self.0.saturating_sub(1);
    }

    fn is_interrupted(&self) -> bool {
        self.0 == 0
    }
}

#[test]
fn whoever_watches_may_end_it_and_loses_nothing() {
    let server = Faulty::start(3, Fault::None);
    let mut plan = plan(server.address, 0);
    plan.until = Until { duration: Some(PATIENCE), messages: None };
    let outcome = run(&plan, &mut Impatient(1)).unwrap();
    server.end();
    assert!(outcome.is_interrupted && outcome.lasted < PATIENCE / 2);
    assert_eq!(outcome.counts.begun, outcome.counts.heard, "{outcome:?}");
    assert_eq!(outcome.counts.lost.sum(), 0);
}

/// Holds the generator up, once.
struct Holding {
    asked: Cell<u32>,
    at: u32,
    time: Duration,
}

impl Observer for Holding {
    fn tell(&mut self, _: &Moment) {}

    fn is_interrupted(&self) -> bool {
        self.asked.set(self.asked.get() + 1);
        let until = Instant::now() + self.time;
        while self.asked.get() == self.at
            && let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
        {
            std::thread::park_timeout(left);
        }
        false
    }
}

#[test]
fn a_generator_that_sends_late_says_that_the_figures_are_its_own() {
    let server = Faulty::start(3, Fault::None);
    let mut plan = plan(server.address, 400);
    plan.task = echo(Framing::Raw, BYTES, Pace::Open { rate: 400.0 }, 1);
    let held = Duration::from_millis(150);
    let outcome = run(&plan, &mut Holding { asked: Cell::new(0), at: 100, time: held }).unwrap();
    server.end();
    assert_eq!(outcome.counts.heard, 400, "{outcome:?}");
    assert!(outcome.own.lag_max >= held / 2, "{:?}", outcome.own);
    let objection = outcome.own.objection(outcome.response.quantile(0.99));
    assert!(objection.is_some_and(|why| why.contains("waited for this program")), "{:?}", outcome.own);
}
