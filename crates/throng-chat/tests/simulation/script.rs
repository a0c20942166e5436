//! What people do, at random by a seed.

use throng_chat::Target as To;
use throng_chat::ban::Target;
use throng_chat::{
    Ban, Command, Kind, ModeChange, Name, Names, OperatorCommand, RoomName, SeatKey, SessionId, Text, Time,
    World,
};

/// How many sessions there are, with a name or without.
pub const SESSIONS: u64 = 9;

/// xorshift64 (Marsaglia 2003): small, and the same everywhere.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn one(&mut self, of: &[&'static str]) -> &'static str {
        of[self.roll(of.len() as u64) as usize]
    }
}

pub fn name(dice: &mut Dice) -> Name {
    Name::new(
        dice.one(&["ana", "Ana", "bo", "cyd", "dee", "eve", "Олена", "Ελένη", "al", "a1", "al", "a1"]),
        Names::Unicode,
    )
    .unwrap()
}

/// Few, so that sessions meet in one.
fn account(dice: &mut Dice) -> Name {
    Name::new(dice.one(&["ana", "ana", "ANA", "bo", "bo", "al", "Олена"]), Names::Unicode).unwrap()
}

/// Mostly the name of the session's own account, or one near it.
fn wanted(world: &World, session: SessionId, dice: &mut Dice) -> Name {
    match world.account_of(session) {
        Some(account) if dice.roll(3) > 0 => account,
        _ => name(dice),
    }
}

fn key(dice: &mut Dice) -> SeatKey {
    SeatKey::from_hex(&dice.one(&["a", "b"]).repeat(32)).unwrap()
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

pub fn words(dice: &mut Dice) -> Option<Text> {
    [None, Text::new("hello").ok(), Text::new("so long").ok()][dice.roll(3) as usize].clone()
}

/// Mostly somebody who has a name, since the others can ask for little else.
pub fn session(world: &World, dice: &mut Dice) -> SessionId {
    let named: Vec<SessionId> = world.present().into_iter().flat_map(|(_, sessions, _)| sessions).collect();
    match dice.roll(3) {
        0 => SessionId(dice.roll(SESSIONS)),
        _ if named.is_empty() => SessionId(dice.roll(SESSIONS)),
        _ => named[dice.roll(named.len() as u64) as usize],
    }
}

/// Most end soon, so that the stories go on.
fn ban(at: usize, dice: &mut Dice) -> Ban {
    let target = dice.one(&[
        "ana",
        "bo",
        "cyd",
        "a1",
        "a*",
        "*e",
        "?o",
        "*л*",
        "ana_*",
        "guest*",
        "account:ana",
        "account:bo",
        "account:al",
        "10.0.0.0/8",
    ]);
    let until = [None, Some(30), Some(30), Some(10), Some(0)][dice.roll(5) as usize];
    Ban {
        target: target.parse().unwrap(),
        since: Time(at as i64),
        until: until.map(|steps| Time(at as i64 + steps)),
        reason: words(dice),
        by: Text::new("console").unwrap(),
    }
}

fn banned(dice: &mut Dice) -> Target {
    dice.one(&["ana", "a*", "bo", "*e", "?o", "account:ana", "account:bo"]).parse().unwrap()
}

pub fn operation(at: usize, dice: &mut Dice) -> OperatorCommand {
    match dice.roll(48) {
        40..=44 => OperatorCommand::Ban(Box::new(ban(at, dice))),
        45..=47 => OperatorCommand::Unban(banned(dice)),
        0..=7 => OperatorCommand::Kick(name(dice), words(dice)),
        8..=34 => OperatorCommand::Reserve(account(dice), None),
        35 | 36 => OperatorCommand::Release(account(dice)),
        37 | 38 => OperatorCommand::SignOutAll(account(dice)),
        _ => OperatorCommand::ReleaseAll,
    }
}

pub fn command(world: &World, session: SessionId, dice: &mut Dice) -> Command {
    // Who has no name can ask for little, and mostly asks for that.
    match dice.roll(10) {
        _ if world.person_of(session).is_some() => any_command(world, session, dice),
        0..=4 => Command::SignIn(account(dice)),
        5 | 6 => Command::Enter(wanted(world, session, dice)),
        7 | 8 => Command::EnterAs(wanted(world, session, dice), key(dice)),
        _ => any_command(world, session, dice),
    }
}

fn any_command(world: &World, session: SessionId, dice: &mut Dice) -> Command {
    let text = || Text::new("some words").unwrap();
    match dice.roll(90) {
        0..=6 => Command::Enter(wanted(world, session, dice)),
        7..=11 => Command::EnterAs(wanted(world, session, dice), key(dice)),
        12..=15 => Command::Rename(wanted(world, session, dice)),
        16..=29 => Command::Join(room(dice)),
        30..=32 => Command::Part(room(dice), words(dice)),
        33..=38 => Command::Say(To::Room(room(dice)), Kind::Message, text()),
        39 => Command::Say(To::Person(somebody(world, dice)), Kind::Action, text()),
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
        68..=80 => Command::SignIn(account(dice)),
        81 | 82 => Command::SignUp(account(dice)),
        83 | 84 => Command::SignOut,
        85 | 86 => Command::Regain(wanted(world, session, dice)),
        87 => Command::Ghost(wanted(world, session, dice)),
        88 => Command::Quit(words(dice)),
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
