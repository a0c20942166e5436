//! A client that comes back takes its seat over: the person never left.

#![allow(clippy::unwrap_used)]

use throng_chat::output::Output;
use throng_chat::{
    Command, Event, Guests, Limits, Name, Names, Refusal, RoomName, SeatKey, SessionId, Time, World,
};

const NOW: Time = Time(0);

fn key(digit: &str) -> SeatKey {
    SeatKey::from_hex(&digit.repeat(32)).unwrap()
}

fn name(shown: &str) -> Name {
    Name::new(shown, Names::Unicode).unwrap()
}

/// Ana is in the lobby through session 1, with a key; bo through session 2.
fn world() -> World {
    let mut world = World::new(Limits::default(), Names::Unicode, Guests::default());
    world.apply(NOW, SessionId(1), Command::EnterAs(name("ana"), key("a")));
    world.apply(NOW, SessionId(1), Command::Join(RoomName::lobby()));
    world.apply(NOW, SessionId(2), Command::Enter(name("bo")));
    world.apply(NOW, SessionId(2), Command::Join(RoomName::lobby()));
    world
}

#[test]
fn the_same_key_takes_the_seat_over_and_nobody_else_hears_of_it() {
    let mut world = world();
    let outputs = world.apply(NOW, SessionId(3), Command::EnterAs(name("ana"), key("a")));
    world.check();
    assert!(outputs.iter().any(|output| matches!(output, Output::Closed(SessionId(1), _))));
    assert!(outputs.iter().any(|output| matches!(output, Output::Departed(SessionId(1), _))));
    assert!(
        outputs.iter().any(|output| matches!(output, Output::Reply(SessionId(3), Event::Welcomed { .. })))
    );
    assert!(outputs.iter().any(|output| matches!(output, Output::Entered(SessionId(3), _))));
    let joined = |output: &Output| matches!(output, Output::Reply(SessionId(3), Event::Joined(joined)) if joined.members.len() == 2);
    assert!(outputs.iter().any(joined));
    assert!(!outputs.iter().any(|output| matches!(output, Output::Told(..))), "{outputs:?}");
    assert_eq!(world.people(), 2);
    // The old connection ends later, and takes nobody with it.
    assert!(world.apply(NOW, SessionId(1), Command::Quit(None)).is_empty());
    assert_eq!(world.people(), 2);
}

#[test]
fn another_key_or_none_finds_the_name_taken() {
    for command in [
        Command::EnterAs(name("ana"), key("b")),
        Command::Enter(name("ana")),
        Command::EnterAs(name("bo"), key("a")),
    ] {
        let mut world = world();
        let outputs = world.apply(NOW, SessionId(3), command.clone());
        let refused =
            |output: &Output| matches!(output, Output::Reply(_, Event::Refused(Refusal::NameTaken { .. })));
        assert!(outputs.len() == 1 && refused(&outputs[0]), "{command:?}: {outputs:?}");
    }
}

#[test]
fn a_takeover_can_be_taken_back() {
    let mut world = world();
    let (mark, before) = (world.mark(), world.clone());
    world.apply(NOW, SessionId(3), Command::EnterAs(name("ana"), key("a")));
    world.rollback(mark);
    world.check();
    assert!(world == before);
}

#[test]
fn a_key_is_32_digits_and_never_shown() {
    for bad in ["", "a", &"g".repeat(32), &"a".repeat(33), &format!("+{}", "a".repeat(31))] {
        assert!(SeatKey::from_hex(bad).is_none(), "{bad:?}");
    }
    assert_eq!(format!("{:?}", key("a")), "SeatKey");
}
