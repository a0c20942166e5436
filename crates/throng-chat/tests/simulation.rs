//! Many people do anything in any order, by seeds: the tables always agree, what was rolled back never was, and the same
//! seed tells the same story.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use throng_chat::output::Output;
use throng_chat::{
    Command, Kind, Limits, ModeChange, Name, Names, OperatorCommand, RoomName, SeatKey, SessionId, Target,
    Text, Time, World,
};

const SEEDS: u64 = 40;
const STEPS: usize = 400;
const SESSIONS: u64 = 12;

/// xorshift64 (Marsaglia 2003): small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn one(&mut self, of: &[&'static str]) -> &'static str {
        of[self.roll(of.len() as u64) as usize]
    }
}

fn limits() -> Limits {
    // Small, so that each is met.
    Limits { people_max: 6, rooms_max: 4, rooms_per_person_max: 3, ..Limits::default() }
}

fn name(dice: &mut Dice) -> Name {
    Name::new(
        dice.one(&["ana", "Ana", "bo", "cyd", "dee", "eve", "Олена", "Ελένη", "al", "a1"]),
        Names::Unicode,
    )
    .unwrap()
}

fn room(dice: &mut Dice) -> RoomName {
    RoomName::new(dice.one(&["#lobby", "#tea", "#Tea", "#den", "#bar", "#zoo"]), Names::Unicode).unwrap()
}

fn words(dice: &mut Dice) -> Option<Text> {
    [None, Text::new("hello").ok(), Text::new("so long").ok()][dice.roll(3) as usize].clone()
}

fn command(dice: &mut Dice) -> Command {
    let text = || Text::new("some words").unwrap();
    match dice.roll(26) {
        0 | 1 => Command::Enter(name(dice)),
        2 => Command::EnterAs(name(dice), SeatKey::from_hex(&dice.one(&["a", "b"]).repeat(32)).unwrap()),
        3 => Command::Rename(name(dice)),
        4..=7 => Command::Join(room(dice)),
        8 => Command::Part(room(dice), words(dice)),
        9 | 10 => Command::Say(Target::Room(room(dice)), Kind::Message, text()),
        11 => Command::Say(Target::Person(name(dice)), Kind::Action, text()),
        12 => Command::SetTopic(room(dice), words(dice)),
        13 => Command::AskTopic(room(dice)),
        14 | 22..=25 => Command::Kick(room(dice), name(dice), words(dice)),
        15 | 16 => Command::SetModes(room(dice), vec![mode(dice), mode(dice)]),
        17 => Command::Names(room(dice)),
        18 => Command::WhoIs(name(dice)),
        19 => Command::People,
        20 => Command::Quit(words(dice)),
        _ => Command::Gone(text()),
    }
}

fn mode(dice: &mut Dice) -> ModeChange {
    let on = dice.roll(2) == 0;
    match dice.roll(4) {
        0 => ModeChange::NoExternal(on),
        1 => ModeChange::TopicLocked(on),
        2 => ModeChange::Operator(name(dice), on),
        _ => ModeChange::Voice(name(dice), on),
    }
}

/// What the shell learns from outputs alone: who is in which room. It must be what the world says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Shell {
    hears: BTreeMap<u64, BTreeSet<u64>>,
    open: BTreeSet<u64>,
}

impl Shell {
    fn learn(&mut self, outputs: &[Output]) {
        for output in outputs {
            match output {
                Output::Became(session, _) => {
                    assert!(self.open.insert(session.0), "a session becomes somebody once");
                }
                Output::Entered(session, room) => {
                    assert!(
                        self.hears.entry(session.0).or_default().insert(room.0),
                        "a session enters a room once"
                    );
                }
                Output::Departed(session, room) => {
                    assert!(
                        self.hears.entry(session.0).or_default().remove(&room.0),
                        "who departs was inside"
                    );
                }
                Output::Closed(session, _) => {
                    self.open.remove(&session.0);
                    let left = self.hears.remove(&session.0).unwrap_or_default();
                    assert!(left.is_empty(), "who is closed has departed from {left:?}");
                }
                _ => {}
            }
        }
    }
}

fn step(world: &mut World, dice: &mut Dice, at: usize) -> Vec<Output> {
    let (now, session) = (Time(at as i64), SessionId(dice.roll(SESSIONS)));
    match dice.roll(25) {
        0 => world.operate(now, OperatorCommand::Kick(name(dice), words(dice))).unwrap_or_default(),
        _ => {
            let command = command(dice);
            world.apply(now, session, command)
        }
    }
}

fn story(seed: u64) -> String {
    let (mut world, mut dice) = (World::new(limits(), Names::Unicode), Dice(seed * 2 + 1));
    let (mut told, mut shell) = (String::new(), Shell::default());
    for at in 0..STEPS {
        let before = (world.mark(), world.clone());
        let outputs = step(&mut world, &mut dice, at);
        world.check();
        if dice.roll(4) == 0 {
            // The store failed: also what came behind is taken back.
            for later in 0..dice.roll(5) as usize {
                step(&mut world, &mut dice, at + later);
            }
            world.rollback(before.0);
            world.check();
            assert!(world == before.1, "seed {seed}, step {at}: something of {outputs:?} was left");
            continue;
        }
        shell.learn(&outputs);
        if dice.roll(3) == 0 {
            let mark = world.mark();
            world.settle(mark);
            assert_eq!(world.journal_len(), 0);
        }
        assert_eq!(
            world.present().iter().map(|(_, sessions, _)| sessions.len()).sum::<usize>(),
            shell.open.len()
        );
        for (who, sessions, rooms) in world.present() {
            for session in sessions {
                assert_eq!(
                    shell.hears.get(&session.0).map_or(0, BTreeSet::len),
                    rooms.len(),
                    "seed {seed}: {who}"
                );
            }
        }
        told.push_str(&format!("{outputs:?}\n"));
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
        "taken over",
    ] {
        assert!(all.contains(happened), "no story has {happened}");
    }
}
