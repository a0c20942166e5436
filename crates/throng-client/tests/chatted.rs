//! What a load says of a chat that loses, repeats, reorders, changes, refuses, closes or says nothing: it is counted, and all
//! others go on.

#![allow(clippy::unwrap_used)]

mod tampering;

use std::cell::Cell;
use std::net::TcpListener;
use std::time::Duration;

use tampering::{CLOSE, Manners, Server};
use throng_client::crowd::names;
use throng_client::crowd::speech::Speech;
use throng_client::crowd::tally::Shape;
use throng_client::load::counts::Why;
use throng_client::load::outcome::{Damaged, Moment, Nobody, Observer, Outcome};
use throng_client::load::plan::{Chat, Pace, Plan, Task, Until};
use throng_client::load::run::run;

/// One talker, client 0; the victim is client 1.
const SMALL: Shape = Shape { rooms: 1, members: 3, talkers: 1, window: 2 };

/// A good server needs a thousandth of it.
const PATIENCE: Duration = Duration::from_secs(20);

/// For what never comes.
const LITTLE_PATIENCE: Duration = Duration::from_millis(400);

const AT_ONCE: Pace = Pace::Closed { think: Duration::ZERO };

const SAID: u64 = 50;

fn plan(address: std::net::SocketAddr, shape: Shape, pace: Pace) -> Plan {
    Plan {
        target: address,
        sources: Vec::new(),
        clients: shape.clients(),
        task: Task::Chat(Chat { speech: Speech::Irc, shape, first_room: 0, pace }),
        until: Until { duration: None, messages: Some(SAID) },
        ramp: Duration::ZERO,
        warm_up: Duration::ZERO,
        connect_timeout: PATIENCE,
        answer_timeout: PATIENCE,
    }
}

fn against(shape: Shape, manners: Manners, pace: Pace, patience: Duration) -> Outcome {
    let server = Server::start(shape.clients(), manners);
    let mut plan = plan(server.address, shape, pace);
    plan.answer_timeout = patience;
    let outcome = run(&plan, &mut Nobody).unwrap();
    server.end();
    outcome
}

/// What comes of it when the victim is told something else.
fn tampered(patience: Duration, tamper: impl FnMut(&str) -> Vec<String> + Send + 'static) -> Outcome {
    against(SMALL, Manners { tamper: Box::new(tamper), ..Manners::default() }, AT_ONCE, patience)
}

fn is(line: &str, number: u64) -> bool {
    line.contains(&format!("PRIVMSG #{} :{number:012} ", names::room(0)))
}

fn as_it_is(line: &str) -> Vec<String> {
    vec![line.to_owned()]
}

#[test]
fn a_good_chat_is_heard_to_the_last_word_by_everybody() {
    let big = Shape { rooms: 3, members: 4, talkers: 4, window: 3 };
    for (shape, piece) in [(SMALL, usize::MAX), (SMALL, 1), (big, usize::MAX)] {
        for pace in [AT_ONCE, Pace::Open { rate: 1000.0 }, Pace::Closed { think: Duration::from_millis(1) }] {
            let outcome = against(shape, Manners { piece, ..Manners::default() }, pace, PATIENCE);
            let (counts, everybody) = (outcome.counts, shape.clients() as u64);
            assert_eq!((counts.asked, counts.reached, counts.answered), (everybody, everybody, everybody));
            assert_eq!((counts.begun, counts.unsent, counts.lost.sum()), (SAID, 0, 0), "{outcome:?}");
            assert_eq!(counts.heard, SAID * (shape.members as u64 - 1), "{outcome:?}");
            assert_eq!(outcome.damaged, Damaged::default());
            assert_eq!((outcome.response.count(), outcome.connect.count()), (counts.heard, everybody));
            assert!(outcome.own.cpu > 0.0 && outcome.own.lag_max > Duration::ZERO, "{:?}", outcome.own);
        }
    }
}

#[test]
fn an_open_loop_talks_by_the_clock() {
    let server = Server::start(SMALL.clients(), Manners::default());
    let mut plan = plan(server.address, SMALL, Pace::Open { rate: 200.0 });
    plan.until = Until { duration: Some(Duration::from_millis(500)), messages: None };
    let outcome = run(&plan, &mut Nobody).unwrap();
    server.end();
    let counts = outcome.counts;
    assert!((95..=101).contains(&counts.begun), "200 a second for half a second: {outcome:?}");
    assert_eq!((counts.heard, counts.unsent), (counts.begun * 2, 0), "{outcome:?}");
}

#[test]
fn words_that_are_wrong_at_one_are_counted_and_everybody_goes_on() {
    let check = |expected: Damaged, heard: u64, tamper: fn(&str, &mut Vec<String>) -> Vec<String>| {
        let mut kept = Vec::new();
        let outcome = tampered(PATIENCE, move |line| tamper(line, &mut kept));
        assert_eq!(outcome.damaged, expected, "{outcome:?}");
        assert_eq!((outcome.counts.begun, outcome.counts.heard), (SAID, heard), "{outcome:?}");
        assert_eq!((outcome.counts.lost.sum(), outcome.words.is_empty()), (0, false));
    };
    let all = 2 * SAID;
    let one = Damaged { streams: 1, ..Damaged::default() };
    check(
        Damaged { missing: 1, ..one },
        all - 1,
        |line, _| if is(line, 7) { vec![] } else { as_it_is(line) },
    );
    check(Damaged { repeated: 1, ..one }, all, |line, _| {
        if is(line, 7) { vec![line.to_owned(); 2] } else { as_it_is(line) }
    });
    check(Damaged { changed: 1, ..one }, all, |line, _| {
        if is(line, 7) { vec![line.replace("checked", "chequed")] } else { as_it_is(line) }
    });
    check(Damaged { changed: 1, ..one }, all, |line, _| {
        if is(line, 7) { vec![line.replace(":000000000007", ":999999999999")] } else { as_it_is(line) }
    });
    check(Damaged { extra: 1, ..one }, all, |line, _| {
        let stranger = line.replace(&names::client(0), &names::client(2));
        if is(line, 7) { vec![line.to_owned(), stranger] } else { as_it_is(line) }
    });
    // The seventh comes behind the eighth.
    check(Damaged { late: 1, ..one }, all - 1, |line, kept| {
        if is(line, 7) {
            kept.push(line.to_owned());
            return vec![];
        }
        [as_it_is(line), std::mem::take(kept)].concat()
    });
    // The last word comes again when nothing more is under way: it is heard before the end.
    check(Damaged { repeated: 1, ..one }, all, |line, kept| {
        if is(line, SAID) {
            kept.push(line.to_owned());
        }
        let again = if line.contains(" PONG ") { std::mem::take(kept) } else { vec![] };
        [again, as_it_is(line)].concat()
    });
}

#[test]
fn one_who_is_closed_denied_or_told_no_more_is_lost_and_the_others_go_on() {
    let outcome =
        tampered(PATIENCE, |line| if is(line, 7) { vec![CLOSE.to_owned()] } else { as_it_is(line) });
    assert_eq!((outcome.counts.lost.of(Why::Closed), outcome.counts.lost.sum()), (1, 1), "{outcome:?}");
    assert_eq!((outcome.counts.begun, outcome.damaged), (SAID, Damaged::default()));
    assert!(outcome.counts.heard >= SAID, "the third one heard everything: {outcome:?}");

    let no = ":test 404 zb #room :Cannot send";
    let outcome = tampered(PATIENCE, |line| if is(line, 7) { vec![no.to_owned()] } else { as_it_is(line) });
    assert_eq!((outcome.counts.lost.of(Why::Denied), outcome.counts.begun), (1, SAID), "{outcome:?}");
    assert!(outcome.strange.unwrap().contains("Cannot send"));

    let mut is_deaf = false;
    let outcome = tampered(LITTLE_PATIENCE, move |line| {
        is_deaf |= is(line, 7);
        if is_deaf { vec![] } else { as_it_is(line) }
    });
    assert_eq!((outcome.counts.lost.of(Why::Unanswered), outcome.damaged.missing), (1, 1), "{outcome:?}");
    assert_eq!((outcome.counts.begun, outcome.damaged.streams), (SAID, 1), "{outcome:?}");

    // Nobody ever gives it a name, or lets it in.
    for word in [" 001 ", " 366 "] {
        let outcome =
            tampered(LITTLE_PATIENCE, move |line| if line.contains(word) { vec![] } else { as_it_is(line) });
        let counts = outcome.counts;
        assert_eq!((counts.lost.of(Why::Unanswered), counts.answered), (1, 2), "{word}: {outcome:?}");
        assert!((counts.begun, outcome.damaged.streams) == (SAID, 0), "{word}: {outcome:?}");
    }
}

#[test]
fn where_the_talker_is_lost_nobody_waits_for_ever() {
    // Client 1 talks, and is closed at the first word that it should hear of client 0.
    let shape = Shape { talkers: 2, ..SMALL };
    // Each of them says one; which of the two says how many more depends on who is faster.
    let close = |line: &str| if is(line, 1) { vec![CLOSE.to_owned()] } else { as_it_is(line) };
    let outcome =
        against(shape, Manners { tamper: Box::new(close), ..Manners::default() }, AT_ONCE, PATIENCE);
    assert_eq!((outcome.counts.lost.sum(), outcome.counts.begun), (1, SAID), "{outcome:?}");
    // In a room of two nobody is left to talk to: that is the end, and by the clock what is not said is counted.
    let two = Shape { members: 2, ..SMALL };
    for (pace, is_open) in [(AT_ONCE, false), (Pace::Open { rate: 1000.0 }, true)] {
        let manners = Manners { tamper: Box::new(close), ..Manners::default() };
        let outcome = against(two, manners, pace, PATIENCE);
        let counts = outcome.counts;
        assert!(counts.lost.sum() == 1 && counts.begun < SAID, "{outcome:?}");
        assert!(is_open || counts.unsent == 0, "{outcome:?}");
    }
}

/// Ends it when it was asked so often whether to.
struct Asked(Cell<u32>);

impl Observer for Asked {
    fn tell(&mut self, _: &Moment) {}

    fn is_interrupted(&self) -> bool {
        self.0.set(self.0.get().saturating_sub(1));
        self.0.get() == 0
    }
}

#[test]
fn whoever_watches_may_end_it_while_nobody_has_a_name_yet() {
    // It is connected to, and never says a word.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let plan = plan(listener.local_addr().unwrap(), SMALL, AT_ONCE);
    let outcome = run(&plan, &mut Asked(Cell::new(20))).unwrap();
    assert!(outcome.is_interrupted && outcome.lasted < PATIENCE / 2, "{outcome:?}");
    assert_eq!((outcome.counts.reached, outcome.counts.answered), (3, 0), "{outcome:?}");
}

#[test]
fn a_server_that_gives_names_by_a_timer_lets_everybody_in() {
    let shape = Shape { rooms: 4, members: 5, talkers: 1, window: 1 };
    let outcome = against(shape, Manners { names_at: 20, ..Manners::default() }, AT_ONCE, PATIENCE);
    assert_eq!((outcome.counts.answered, outcome.counts.heard), (20, SAID * 4), "{outcome:?}");
}
