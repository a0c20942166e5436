//! Many people do anything in any order, by seeds: the tables always agree, what was rolled back never was, and the same
//! seed tells the same story.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod banned;
mod script;
mod shell;

use banned::Banned;
use script::Dice;
use shell::Shell;
use throng_chat::output::Output;
use throng_chat::world::Mark;
use throng_chat::{Event, Guests, Limits, Names, Time, World};

const SEEDS: u64 = 36;
const STEPS: usize = 800;
/// How many moments one may go back to; more would bring each story back to its beginning again and again.
const SAVED_MAX: usize = 5;
/// What happens more rarely than this in all stories is not tried against a failing store.
const TIMES_MIN: usize = 15;

fn limits() -> Limits {
    // Small, so that each is met.
    Limits {
        people_max: 4,
        rooms_max: 4,
        rooms_per_person_max: 2,
        sessions_per_person_max: 2,
        ..Limits::default()
    }
}

/// Houses of each kind.
fn guests(seed: u64) -> Guests {
    [Guests::UnregisteredNames, Guests::Yes, Guests::No][seed as usize % 3]
}

/// A moment to which the store may still take everything back.
struct Saved {
    mark: Mark,
    world: World,
    shell: Shell,
    banned: Banned,
}

fn step(
    world: &mut World,
    shell: &mut Shell,
    banned: &mut Banned,
    dice: &mut Dice,
    at: usize,
) -> Vec<Output> {
    let (now, session) = (Time(at as i64), script::session(world, dice));
    let (mark, before) = (world.mark(), world.clone());
    let (outputs, is_refused) = match dice.roll(30) {
        0 => {
            let operation = script::operation(at, dice);
            banned.hear(&operation);
            match world.operate(now, operation) {
                Ok(outputs) => (outputs, false),
                Err(_) => (Vec::new(), true),
            }
        }
        _ => {
            let command = script::command(world, session, dice);
            shell.hear(session, &command);
            let outputs = world.apply(now, session, command);
            let is_refused = matches!(outputs[..], [Output::Reply(_, Event::Refused(_))]);
            (outputs, is_refused)
        }
    };
    if is_refused {
        assert!(*world == before && world.mark() == mark, "a refusal changes nothing: {outputs:?}");
    }
    outputs
}

/// What was told to whom, in one text.
fn story(seed: u64) -> String {
    println!("seed {seed}");
    let (mut world, mut dice) = (World::new(limits(), Names::Unicode, guests(seed)), Dice(seed * 2 + 1));
    let (mut told, mut shell, mut saved) = (String::new(), Shell::default(), Vec::new());
    let mut banned = Banned::default();
    for at in 0..STEPS {
        if dice.roll(4) == 0 {
            saved.push(Saved {
                mark: world.mark(),
                world: world.clone(),
                shell: shell.clone(),
                banned: banned.clone(),
            });
            if saved.len() > SAVED_MAX {
                world.settle(saved.remove(0).mark);
            }
        }
        let outputs = step(&mut world, &mut shell, &mut banned, &mut dice, at);
        world.check();
        shell.learn(&outputs);
        told.push_str(&format!("{outputs:?}\n"));
        match dice.roll(30) {
            // The store failed: what it had not taken never was, and neither was what came behind.
            0 if !saved.is_empty() => {
                saved.truncate(dice.roll(saved.len() as u64) as usize + 1);
                let back = saved.pop().expect("at least one is left");
                world.rollback(back.mark);
                world.check();
                assert!(world == back.world, "step {at}: something was not taken back");
                (shell, banned) = (back.shell, back.banned);
            }
            // The store has taken everything up to some moment.
            1 if !saved.is_empty() => {
                saved.drain(..dice.roll(saved.len() as u64) as usize);
                world.settle(saved[0].mark);
            }
            _ => {}
        }
        shell.agrees_with(&world, &limits());
        shell.keeps_names(&world, guests(seed));
        banned.nobody_is_in(&world, at);
    }
    told
}

#[test]
fn the_tables_always_agree_and_what_was_rolled_back_never_was() {
    for seed in 1..=SEEDS {
        story(seed);
    }
}

#[test]
fn the_same_seed_tells_the_same_story() {
    assert!(story(7) == story(7));
    assert!(story(7) != story(8));
}

#[test]
fn the_stories_have_something_of_everything_in_them() {
    let all: String = (1..=SEEDS).map(story).collect();
    for happened in [
        "Welcomed",
        "NameTaken",
        "NameLooksTaken",
        "AlreadyHere",
        "PeopleFull",
        "RoomsFull",
        "TooManyRooms",
        "Arrived",
        "Left",
        "Kicked",
        "Quit",
        "Renamed",
        "Moded",
        "Whispered",
        "Stored",
        "NotInRoom",
        "NeedsOperator",
        "MembersOnly",
        "NoSuchPerson",
        "NoSuchRoom",
        "PersonNotInRoom",
        "TopicIs",
        "Closing",
        "TopicLocked",
        "NoExternal",
        "Voice",
        "kind: Topic",
        "taken over",
        "SignedIn",
        "SignedOut",
        "AccountChanged",
        "NameWithdrawn",
        "NameRegistered",
        "AccountNeeded",
        "NoSuchAccount",
        "AlreadySignedIn",
        "NotSignedIn",
        "NotYourName",
        "TooManySessions",
        "Banned { name: None",
        "Banned { name: Some",
        "until: None",
        "\"banned: so long\"",
        "signed out",
        "another connection of yours",
    ] {
        let times = all.matches(happened).count();
        assert!(times >= TIMES_MIN, "{happened} happens {times} times in all stories");
    }
}
