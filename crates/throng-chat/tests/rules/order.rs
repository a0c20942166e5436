//! One order: what is answered first reaches everybody first, and what was taken back was never there.

use throng_chat::output::Output;
use throng_chat::{Command, Event, Guests, Limits, Names, SessionId, Time, World};

use crate::scene::{Scene, enter, join, kick, name, part, room, say, topic};

fn apply(world: &mut World, session: u64, command: Command) -> Vec<Output> {
    world.apply(Time(0), SessionId(session), command)
}

fn two_in_tea() -> World {
    let mut world = World::new(Limits::default(), Names::Unicode, Guests::default());
    for (session, shown) in [(1, "ana"), (2, "bo")] {
        apply(&mut world, session, enter(shown));
        apply(&mut world, session, join("#tea"));
    }
    world
}

#[test]
fn a_session_becomes_somebody_before_it_is_told_anything() {
    let mut world = World::new(Limits::default(), Names::Unicode, Guests::default());
    let outputs = apply(&mut world, 1, enter("ana"));
    assert!(matches!(outputs[..], [Output::Became(..), Output::Reply(_, Event::Welcomed { .. })]));
}

#[test]
fn nothing_stands_between_entering_a_room_and_being_shown_it() {
    let mut world = two_in_tea();
    apply(&mut world, 3, enter("cyd"));
    let outputs = apply(&mut world, 3, join("#tea"));
    let [
        Output::Told(..),
        Output::Entered(SessionId(3), entered),
        Output::Reply(SessionId(3), Event::Joined(_)),
    ] = outputs[..]
    else {
        panic!("{outputs:?}");
    };
    assert_eq!(world.room_name(entered), room("#tea"));
}

#[test]
fn nobody_is_told_anything_behind_the_close() {
    for command in [Command::Quit(None), Command::Gone(crate::scene::text("timed out"))] {
        let mut world = two_in_tea();
        let outputs = apply(&mut world, 1, command);
        assert!(matches!(outputs.last(), Some(Output::Closed(SessionId(1), _))), "{outputs:?}");
        assert!(apply(&mut world, 1, say("#tea", "still here")).is_empty());
    }
}

#[test]
fn the_words_of_many_have_the_order_in_which_they_were_asked() {
    let mut scene = Scene::of(&["ana", "bo"]).after(&[("ana", join("#tea")), ("bo", join("#tea"))]);
    let mut said = Vec::new();
    for number in 0..10 {
        let who = if number % 3 == 0 { "ana" } else { "bo" };
        said.extend(scene.ask(who, say("#tea", &number.to_string())));
    }
    let numbers: Vec<char> =
        said.iter().filter_map(|words| words.split("> ").nth(1)?.chars().next()).collect();
    assert_eq!(numbers, ('0'..='9').collect::<Vec<_>>());
}

#[test]
fn people_and_rooms_are_listed_in_the_order_of_their_names_and_members_in_that_of_their_coming() {
    let mut scene = Scene::of(&["cyd", "ana", "bo"]).after(&[
        ("ana", join("#z")),
        ("bo", join("#z")),
        ("cyd", join("#z")),
        ("bo", join("#b")),
        ("ana", join("#a")),
    ]);
    scene.check("bo", Command::Rooms, &["bo hears: rooms: #z 3 #a 1 #b 1, 0 hidden"]);
    scene.check("bo", Command::People, &["bo hears: people: ana bo cyd, 0 hidden"]);
    scene.check("bo", Command::Names(room("#z")), &["bo hears: names of #z: cyd @ana bo"]);
    scene.check("bo", Command::WhoIs(name("bo")), &["bo hears: bo is in #z #b"]);
}

#[test]
fn each_ask_can_be_taken_back_alone() {
    let asks = [
        (3, enter("cyd")),
        (1, Command::Rename(name("dee"))),
        (1, join("#den")),
        (1, part("#tea")),
        (1, say("#tea", "hello")),
        (1, topic("#tea", "green")),
        (1, kick("#tea", "bo")),
        (1, crate::scene::modes("#tea", &[throng_chat::ModeChange::Voice(name("bo"), true)])),
        (2, Command::Quit(None)),
    ];
    for (session, command) in asks {
        let mut world = two_in_tea();
        let (mark, before) = (world.mark(), world.clone());
        assert!(!apply(&mut world, session, command.clone()).is_empty());
        assert!(world != before, "{command:?} changes something");
        world.rollback(mark);
        world.check();
        assert!(world == before, "{command:?} was not taken back whole");
    }
}

#[test]
fn what_is_settled_stays_and_what_came_behind_can_still_be_taken_back() {
    let mut world = two_in_tea();
    let settled = world.mark();
    let before = world.clone();
    apply(&mut world, 1, topic("#tea", "green"));
    let kept = world.journal_len();
    world.settle(settled);
    assert!(world.journal_len() < kept);
    world.rollback(settled);
    assert!(world == before);
    world.settle(settled);
    assert_eq!(world.journal_len(), 0);
}

#[test]
#[should_panic(expected = "there is a way back to marks that are not settled")]
fn there_is_no_way_back_behind_what_is_settled() {
    let mut world = two_in_tea();
    let early = world.mark();
    apply(&mut world, 1, part("#tea"));
    let late = world.mark();
    world.settle(late);
    world.rollback(early);
}
