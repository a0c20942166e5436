//! Many people do anything in any order, by seeds: the tables always agree, what was rolled back never was, and the same
//! seed tells the same story.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::{BTreeMap, BTreeSet};

use throng_chat::output::Output;
use throng_chat::world::Mark;
use throng_chat::{
    Command, Event, Kind, Limits, ModeChange, Name, Names, OperatorCommand, RoomId, RoomName, SeatKey,
    SessionId, Target, Text, Time, World,
};

const SEEDS: u64 = 30;
const STEPS: usize = 800;
const SESSIONS: u64 = 9;
/// How many moments one may go back to; more would bring each story back to its beginning again and again.
const SAVED_MAX: usize = 5;
/// What happens more rarely than this in all stories is not tried against a failing store.
const TIMES_MIN: usize = 15;

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
    Limits { people_max: 4, rooms_max: 4, rooms_per_person_max: 2, ..Limits::default() }
}

fn name(dice: &mut Dice) -> Name {
    Name::new(
        dice.one(&["ana", "Ana", "bo", "cyd", "dee", "eve", "Олена", "Ελένη", "al", "a1"]),
        Names::Unicode,
    )
    .unwrap()
}

/// Mostly somebody who is here.
fn somebody(world: &World, dice: &mut Dice) -> Name {
    let present = world.present();
    match dice.roll(6) {
        0 => name(dice),
        _ if present.is_empty() => name(dice),
        _ => present[dice.roll(present.len() as u64) as usize].0.clone(),
    }
}

/// Mostly the same one, so that people meet there.
fn room(dice: &mut Dice) -> RoomName {
    let rooms = ["#tea", "#Tea", "#tea", "#tea", "#tea", "#tea", "#lobby", "#den", "#bar", "#zoo"];
    RoomName::new(dice.one(&rooms), Names::Unicode).unwrap()
}

fn words(dice: &mut Dice) -> Option<Text> {
    [None, Text::new("hello").ok(), Text::new("so long").ok()][dice.roll(3) as usize].clone()
}

fn command(world: &World, dice: &mut Dice) -> Command {
    let text = || Text::new("some words").unwrap();
    match dice.roll(70) {
        0..=6 => Command::Enter(name(dice)),
        7..=11 => Command::EnterAs(name(dice), SeatKey::from_hex(&dice.one(&["a", "b"]).repeat(32)).unwrap()),
        12 | 13 => Command::Rename(name(dice)),
        14..=29 => Command::Join(room(dice)),
        30..=32 => Command::Part(room(dice), words(dice)),
        33..=38 => Command::Say(Target::Room(room(dice)), Kind::Message, text()),
        39 => Command::Say(Target::Person(somebody(world, dice)), Kind::Action, text()),
        40..=42 => Command::SetTopic(room(dice), words(dice)),
        43 => Command::AskTopic(room(dice)),
        44 => Command::AskModes(room(dice)),
        45 => Command::Names(room(dice)),
        46 => Command::WhoRoom(room(dice)),
        47 => Command::WhoIs(somebody(world, dice)),
        48 => Command::People,
        49 => Command::Rooms,
        50..=55 => Command::Kick(room(dice), somebody(world, dice), words(dice)),
        56..=67 => {
            let changes = (0..=dice.roll(2)).map(|_| mode(world, dice)).collect();
            Command::SetModes(room(dice), changes)
        }
        68 => Command::Quit(words(dice)),
        _ => Command::Gone(text()),
    }
}

fn mode(world: &World, dice: &mut Dice) -> ModeChange {
    let on = dice.roll(2) == 0;
    match dice.roll(4) {
        0 => ModeChange::NoExternal(on),
        1 => ModeChange::TopicLocked(on),
        2 => ModeChange::Operator(somebody(world, dice), on),
        _ => ModeChange::Voice(somebody(world, dice), on),
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

    /// Each session hears the rooms in which the world says its person is, and no limit is passed.
    fn agrees_with(&self, world: &World) {
        let (limits, present) = (limits(), world.present());
        assert!(present.len() <= limits.people_max && world.rooms().len() <= limits.rooms_max);
        let sessions: BTreeSet<u64> =
            present.iter().flat_map(|(_, sessions, _)| sessions).map(|id| id.0).collect();
        assert_eq!(sessions, self.open);
        for (_, sessions, rooms) in present {
            assert!(rooms.len() <= limits.rooms_per_person_max);
            for session in sessions {
                let heard = self.hears.get(&session.0).into_iter().flatten();
                let heard: BTreeSet<RoomName> = heard.map(|room| world.room_name(RoomId(*room))).collect();
                assert_eq!(heard, rooms.iter().cloned().collect());
            }
        }
    }
}

/// A moment to which the store may still take everything back.
struct Saved {
    mark: Mark,
    world: World,
    shell: Shell,
}

/// Mostly somebody who has a name, since the others can ask for nothing but one.
fn session(world: &World, dice: &mut Dice) -> SessionId {
    let named: Vec<SessionId> = world.present().into_iter().flat_map(|(_, sessions, _)| sessions).collect();
    match dice.roll(3) {
        0 => SessionId(dice.roll(SESSIONS)),
        _ if named.is_empty() => SessionId(dice.roll(SESSIONS)),
        _ => named[dice.roll(named.len() as u64) as usize],
    }
}

fn step(world: &mut World, dice: &mut Dice, at: usize) -> Vec<Output> {
    let (now, session) = (Time(at as i64), session(world, dice));
    match dice.roll(60) {
        0 => world.operate(now, OperatorCommand::Kick(name(dice), words(dice))).unwrap_or_default(),
        _ => {
            let (command, mark, before) = (command(world, dice), world.mark(), world.clone());
            let outputs = world.apply(now, session, command);
            if matches!(outputs[..], [Output::Reply(_, Event::Refused(_))]) {
                assert!(*world == before && world.mark() == mark, "a refusal changes nothing: {outputs:?}");
            }
            outputs
        }
    }
}

/// What was told to whom, in one text.
fn story(seed: u64) -> String {
    println!("seed {seed}");
    let (mut world, mut dice) = (World::new(limits(), Names::Unicode), Dice(seed * 2 + 1));
    let (mut told, mut shell, mut saved) = (String::new(), Shell::default(), Vec::new());
    for at in 0..STEPS {
        if dice.roll(4) == 0 {
            saved.push(Saved { mark: world.mark(), world: world.clone(), shell: shell.clone() });
            if saved.len() > SAVED_MAX {
                world.settle(saved.remove(0).mark);
            }
        }
        let outputs = step(&mut world, &mut dice, at);
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
                shell = back.shell;
            }
            // The store has taken everything up to some moment.
            1 if !saved.is_empty() => {
                saved.drain(..dice.roll(saved.len() as u64) as usize);
                world.settle(saved[0].mark);
            }
            _ => {}
        }
        shell.agrees_with(&world);
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
    ] {
        let times = all.matches(happened).count();
        assert!(times >= TIMES_MIN, "{happened} happens {times} times in all stories");
    }
}
