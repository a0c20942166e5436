//! What the crowd says of a server that loses, repeats, reorders, damages, refuses, closes, or does nothing at all.

#![allow(clippy::unwrap_used)]

mod tampering;

use std::time::Duration;

use tampering::{CLOSE, Manners, Server};
use throng_client::crowd::talk::{Talked, Times};
use throng_client::crowd::tally::Shape;
use throng_client::crowd::{Crowd, Trouble, names};

/// One talker, client 0; the victim is client 1.
const SMALL: Shape = Shape { rooms: 1, members: 3, talkers: 1, window: 2 };

/// A good server needs a thousandth of it; only what is lost for ever is waited for so long.
const PATIENCE: Duration = Duration::from_secs(20);

fn talk(shape: Shape, manners: Manners, patience: Duration) -> Result<Talked, Trouble> {
    let server = Server::start(shape.clients(), manners);
    let talked = Crowd::come(server.address, shape.clients(), patience).and_then(|mut crowd| {
        crowd.join(|client| shape.room_of(client), &vec![shape.members as u64; shape.rooms])?;
        let window = Duration::from_millis(100);
        let times = Times { warm_up: window / 10, window, last_words: patience };
        crowd.talk(shape, times, || Duration::ZERO)
    });
    server.end();
    talked
}

/// What the crowd says when the victim is told something else.
fn trouble(patience: Duration, tamper: impl FnMut(&str) -> Vec<String> + Send + 'static) -> String {
    let manners = Manners { tamper: Box::new(tamper), ..Manners::default() };
    talk(SMALL, manners, patience).map(|talked| talked.checked).unwrap_err().to_string()
}

/// Is it the message with this number?
fn is(line: &str, number: u64) -> bool {
    line.contains(&format!("PRIVMSG #{} :{number:012} ", names::room(0)))
}

fn as_it_is(line: &str) -> Vec<String> {
    vec![line.to_owned()]
}

#[test]
fn a_good_server_is_heard_to_the_last_word() {
    for (shape, piece) in [
        (SMALL, usize::MAX),
        (SMALL, 1),
        (Shape { rooms: 3, members: 4, talkers: 4, window: 3 }, usize::MAX),
        (Shape { rooms: 2, members: 2, talkers: 1, window: 1 }, 7),
    ] {
        let talked = talk(shape, Manners { piece, ..Manners::default() }, PATIENCE).unwrap();
        let receivers = shape.members as u64 - 1;
        assert!(talked.deliveries > 0 && talked.checked >= talked.deliveries, "{talked:?}");
        assert_eq!(talked.checked % receivers, 0, "all that was said came to all: {talked:?}");
    }
}

#[test]
fn the_next_ones_come_though_nobody_has_a_name_yet() {
    let shape = Shape { rooms: 1, members: 30, talkers: 1, window: 1 };
    talk(shape, Manners { names_at: 30, ..Manners::default() }, PATIENCE).unwrap();
}

#[test]
fn a_lost_message_is_noticed_by_the_next_one() {
    let said = trouble(PATIENCE, |line| if is(line, 5) { vec![] } else { as_it_is(line) });
    assert_eq!(said, "client 1 heard message 6 of 0 when 5 was next");
}

#[test]
fn a_repeated_message_is_noticed() {
    let said = trouble(PATIENCE, |line| if is(line, 5) { vec![line.into(); 2] } else { as_it_is(line) });
    assert_eq!(said, "client 1 heard message 5 of 0 when 6 was next");
}

#[test]
fn messages_in_another_order_are_noticed() {
    let mut held = None;
    let said = trouble(PATIENCE, move |line| {
        if is(line, 5) {
            held = Some(line.to_owned());
            return vec![];
        }
        std::iter::once(line.to_owned()).chain(held.take()).collect()
    });
    assert_eq!(said, "client 1 heard message 6 of 0 when 5 was next");
}

#[test]
fn one_damaged_byte_is_noticed() {
    let said = trouble(PATIENCE, |line| {
        if is(line, 5) { vec![line.replace("every byte", "every bite")] } else { as_it_is(line) }
    });
    assert!(said.starts_with("client 1 heard of 0 what was never said: \"000000000005 talker 0"), "{said}");
}

#[test]
fn what_never_comes_is_named_when_patience_ends() {
    let said = trouble(Duration::from_millis(300), |line| {
        if line.contains("PRIVMSG") && !(1..5).any(|number| is(line, number)) {
            vec![]
        } else {
            as_it_is(line)
        }
    });
    assert_eq!(said, "client 1 never heard message 5 of 0");
}

#[test]
fn the_last_word_told_twice_is_noticed() {
    let mut last = String::new();
    let said = trouble(PATIENCE, move |line| {
        if line.contains("PRIVMSG") {
            last = line.to_owned();
        }
        if line.contains("PONG") { vec![last.clone(), line.to_owned()] } else { as_it_is(line) }
    });
    assert!(said.starts_with("client 1 heard message "), "{said}");
}

#[test]
fn words_of_one_who_said_nothing_are_noticed() {
    let other = format!(":{}!", names::client(2));
    let said =
        trouble(
            PATIENCE,
            move |line| {
                if is(line, 5) { vec![line.replace(":za!", &other)] } else { as_it_is(line) }
            },
        );
    assert_eq!(said, "client 1 heard 2, who does not talk in its room");
}

#[test]
fn a_refusal_and_a_closed_client_are_told_in_the_servers_words() {
    for (instead, expected) in [
        (":test 404 zb #rooma :Cannot send to channel", "the server refused: :test 404 zb"),
        ("ERROR :too fast", "the server refused: ERROR :too fast"),
        (CLOSE, "client 1 was closed by the server"),
    ] {
        let said =
            trouble(PATIENCE, move |line| if is(line, 5) { as_it_is(instead) } else { as_it_is(line) });
        assert!(said.starts_with(expected), "{said}");
    }
}

#[test]
fn a_server_that_does_not_answer_is_not_waited_for_any_longer() {
    for (kept_back, expected) in [
        (" 001 ", "coming in was not done within 200ms"),
        (" 366 ", "joining was not done within 200ms"),
        (" JOIN ", "joining was not done within 200ms"),
        (" PONG ", "settling was not done within 200ms"),
    ] {
        let said = trouble(Duration::from_millis(200), move |line| {
            if line.contains(kept_back) { vec![] } else { as_it_is(line) }
        });
        assert_eq!(said, expected);
    }
}
