//! A small world with people in it, and what it answers in words that a rule can be read from.

use std::collections::BTreeMap;

use throng_chat::event::{Event, Joined, Member, Refusal, Topic};
use throng_chat::output::{Audience, Output, Rooms};
use throng_chat::{
    Command, Guests, Kind, Limits, ModeChange, Name, Names, OperatorCommand, PersonId, RoomId, RoomName,
    SessionId, Target, Text, Time, World,
};

/// A world, and what its numbers stand for.
pub struct Scene {
    pub world: World,
    sessions: BTreeMap<&'static str, SessionId>,
    people: BTreeMap<PersonId, String>,
    rooms: BTreeMap<RoomId, String>,
}

impl Scene {
    /// A world where these people are, in no room.
    pub fn of(people: &[&'static str]) -> Scene {
        Scene::limited(Limits::default(), people)
    }

    pub fn limited(limits: Limits, people: &[&'static str]) -> Scene {
        Scene::housed(limits, Guests::default(), people)
    }

    pub fn housed(limits: Limits, guests: Guests, people: &[&'static str]) -> Scene {
        let world = World::new(limits, Names::Unicode, guests);
        let (sessions, rooms) = (BTreeMap::new(), BTreeMap::new());
        let mut scene = Scene { world, sessions, people: BTreeMap::new(), rooms };
        for person in people {
            scene.check(
                person,
                Command::Enter(name(person)),
                &[&format!("{person} hears: welcome {person}")],
            );
        }
        scene
    }

    /// What is told when somebody asks something. Who asks is known by the first name they asked for. A refusal
    /// changes nothing: that is a rule of its own, and is looked at here each time.
    pub fn check(&mut self, who: &'static str, command: Command, expected: &[&str]) {
        let asked = format!("{who} asked {command:?}");
        assert_eq!(self.ask(who, command), expected, "{asked}");
    }

    /// The same, whatever is told.
    pub fn ask(&mut self, who: &'static str, command: Command) -> Vec<String> {
        let next = SessionId(self.sessions.len() as u64 + 1);
        let session = *self.sessions.entry(who).or_insert(next);
        let (mark, before) = (self.world.mark(), self.world.clone());
        let outputs = self.world.apply(Time(1_000), session, command);
        self.world.check();
        if matches!(outputs.as_slice(), [Output::Reply(_, Event::Refused(_))] | []) {
            assert!(self.world == before, "a refusal changes nothing");
            assert_eq!(self.world.mark(), mark, "a refusal leaves no way back");
        }
        self.words(&outputs)
    }

    /// What is told when the server's operator asks something.
    pub fn operate(&mut self, command: OperatorCommand, expected: &[&str]) {
        let (mark, before) = (self.world.mark(), self.world.clone());
        let asked = format!("the operator asked {command:?}");
        let told = match self.world.operate(Time(1_000), command) {
            Ok(outputs) => self.words(&outputs),
            Err(why) => {
                assert!(self.world == before && self.world.mark() == mark, "a refusal changes nothing");
                vec![format!("no, {}", refused(&why))]
            }
        };
        self.world.check();
        assert_eq!(told, expected, "{asked}");
    }

    /// The number of somebody's session.
    pub fn session(&self, who: &str) -> SessionId {
        self.sessions[who]
    }

    /// Several things asked without a look at the answers.
    pub fn after(mut self, asks: &[(&'static str, Command)]) -> Scene {
        for (who, command) in asks {
            self.ask(who, command.clone());
        }
        self
    }

    pub fn words(&mut self, outputs: &[Output]) -> Vec<String> {
        outputs.iter().filter_map(|output| self.word(output)).collect()
    }

    /// What a person would notice; `Became` and `Entered` only teach the scene what numbers mean.
    fn word(&mut self, output: &Output) -> Option<String> {
        let session = |session: &SessionId| {
            *self.sessions.iter().find(|(_, known)| *known == session).expect("a session is somebody's").0
        };
        Some(match output {
            Output::Became(who, person) => {
                self.people.insert(*person, session(who).to_owned());
                return None;
            }
            Output::Entered(_, room) => {
                self.rooms.insert(*room, self.world.room_name(*room).to_string());
                return None;
            }
            Output::Reply(to, event) => format!("{} hears: {}", session(to), told(event)),
            Output::Told(to, event) => format!("{}: {}", self.audience(to), told(event)),
            Output::Stored { to, by, record, account: _ } => {
                let text = record.text.as_ref().map_or("", Text::as_str);
                let (kind, author) = (record.kind, &record.author);
                format!(
                    "{}: {kind:?} {} <{author}> {text}, said by {}",
                    self.audience(to),
                    record.room,
                    session(by)
                )
            }
            Output::Departed(who, room) => format!("{} departs {}", session(who), self.rooms[room]),
            Output::Closed(who, reason) => format!("{} is closed: {reason}", session(who)),
        })
    }

    fn audience(&self, audience: &Audience) -> String {
        let rooms = match &audience.rooms {
            Rooms::One(room) => self.rooms[room].clone(),
            Rooms::Several(rooms) => {
                rooms.iter().map(|room| self.rooms[room].as_str()).collect::<Vec<_>>().join("+")
            }
            Rooms::Everybody => "everybody".to_owned(),
        };
        audience.except.map_or(rooms.clone(), |person| format!("{rooms} but {}", self.people[&person]))
    }
}

fn told(event: &Event) -> String {
    match event {
        Event::Welcomed { you } => format!("welcome {you}"),
        Event::Joined(joined) => {
            let Joined { room, members, topic, .. } = joined.as_ref();
            format!("inside {room} with {}{}", listed(members), about(topic.as_ref()))
        }
        Event::Arrived { room, who, account } => {
            let account = account.as_ref().map_or(String::new(), |account| format!(" as {account}"));
            format!("{who} arrived in {room}{account}")
        }
        Event::NameWithdrawn { name } => format!("{name} is not yours"),
        Event::SignedIn { account } => format!("signed in as {account}"),
        Event::SignedOut => "signed out".to_owned(),
        Event::AccountChanged { who, account: Some(account) } => format!("{who} is of {account}"),
        Event::AccountChanged { who, account: None } => format!("{who} is a guest"),
        Event::Left { room, who, reason, .. } => format!("{who} left {room}{}", because(reason.as_ref())),
        Event::Kicked { room, who, by, reason, .. } => {
            let by = by.as_ref().map_or("the server", Name::as_str);
            format!("{who} kicked from {room} by {by}{}", because(reason.as_ref()))
        }
        Event::Quit { who, reason, .. } => format!("{who} quit: {reason}"),
        Event::Renamed { from, to, .. } => format!("{from} is now {to}"),
        Event::Moded { room, by, changes, .. } => {
            let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
            let by = by.as_ref().map_or("the server", Name::as_str);
            format!("modes of {room} by {by}: {}", changes.join(", "))
        }
        Event::Whispered { from, to, kind, text, .. } => format!("{kind:?} from {from} to {to}: {text}"),
        Event::Announced { text, .. } => format!("announced: {text}"),
        Event::TopicIs { room, topic } => format!("{room}{}", about(topic.as_ref())),
        Event::ModesAre { room, modes } => format!("{room} is {modes}"),
        Event::NamesAre { room, members } => format!("names of {room}: {}", listed(members)),
        Event::WhoIn { room, members } => format!("who in {room}: {}", listed(members)),
        Event::RoomsAre { rooms, hidden } => {
            let rooms: Vec<String> =
                rooms.iter().map(|line| format!("{} {}", line.room, line.members)).collect();
            format!("rooms: {}, {hidden} hidden", rooms.join(" "))
        }
        Event::PersonIs { who, account, rooms } => {
            let account = account.as_ref().map_or(String::new(), |account| format!(", of {account}"));
            format!("{who} is in {}{account}", joined(rooms))
        }
        Event::PeopleAre { people, hidden } => {
            let names: Vec<&Name> = people.iter().map(|line| &line.name).collect();
            format!("people: {}, {hidden} hidden", joined(&names))
        }
        Event::Refused(refusal) => format!("no, {}", refused(refusal)),
        Event::Closing { reason } => format!("goodbye, {reason}"),
        Event::Entry(entry) => panic!("the world tells no entry, the shell does: {entry:?}"),
    }
}

fn refused(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NameTaken { name, alternatives } => format!("{name} is taken, try {}", joined(alternatives)),
        Refusal::NameLooksTaken { name, other, alternatives } => {
            format!("{name} looks like {other}, try {}", joined(alternatives))
        }
        Refusal::NameRegistered { name, alternatives } => {
            format!("{name} is registered, try {}", joined(alternatives))
        }
        Refusal::AccountNeeded => "an account is needed".to_owned(),
        Refusal::NoSuchAccount(account) => format!("no account {account}"),
        Refusal::AlreadySignedIn { account } => format!("you are of {account}"),
        Refusal::NotSignedIn => "you are a guest".to_owned(),
        Refusal::NotYourName(name) => format!("{name} is another's"),
        Refusal::TooManySessions { name, max } => format!("{name} is here {max} times"),
        Refusal::AlreadyHere => "you are here already".to_owned(),
        Refusal::NoSuchPerson(name) => format!("no person {name}"),
        Refusal::NoSuchRoom(room) => format!("no room {room}"),
        Refusal::NotInRoom(room) => format!("you are not in {room}"),
        Refusal::PersonNotInRoom(name, room) => format!("{name} is not in {room}"),
        Refusal::MembersOnly(room) => format!("{room} is for members"),
        Refusal::NeedsOperator(room) => format!("{room} has operators"),
        Refusal::TooManyRooms { room, max } => format!("{room} would be more than {max}"),
        Refusal::RoomsFull { room, max } => format!("{room} would be one more than all {max}"),
        Refusal::Banned { name, reason, until } => {
            let who = name.as_ref().map_or("you are".to_owned(), |name| format!("{name} is"));
            let until = until.map_or(String::new(), |until| format!(" until {}", until.0));
            format!("{who} banned{until}{}", because(reason.as_ref()))
        }
        Refusal::PeopleFull { max } => format!("{max} are here"),
        Refusal::NotStored { why } | Refusal::ReadOnly { why } => panic!("the world stores nothing: {why}"),
    }
}

fn listed(members: &[Member]) -> String {
    let listed: Vec<String> =
        members.iter().map(|member| format!("{}{}", member.rights.prefixes(), member.name)).collect();
    listed.join(" ")
}

fn joined<T: ToString>(names: &[T]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn about(topic: Option<&Topic>) -> String {
    topic.map_or(String::new(), |topic| format!(" about {} by {}", topic.text, topic.by))
}

fn because(reason: Option<&Text>) -> String {
    reason.map_or(String::new(), |reason| format!(": {reason}"))
}

pub fn name(typed: &str) -> Name {
    Name::new(typed, Names::Unicode).unwrap()
}

pub fn room(typed: &str) -> RoomName {
    RoomName::new(typed, Names::Unicode).unwrap()
}

pub fn text(words: &str) -> Text {
    Text::new(words).unwrap()
}

pub fn enter(typed: &str) -> Command {
    Command::Enter(name(typed))
}

pub fn join(typed: &str) -> Command {
    Command::Join(room(typed))
}

pub fn part(typed: &str) -> Command {
    Command::Part(room(typed), None)
}

pub fn say(typed: &str, words: &str) -> Command {
    Command::Say(Target::Room(room(typed)), Kind::Message, text(words))
}

pub fn kick(typed: &str, whom: &str) -> Command {
    Command::Kick(room(typed), name(whom), None)
}

pub fn modes(typed: &str, changes: &[ModeChange]) -> Command {
    Command::SetModes(room(typed), changes.to_vec())
}

pub fn topic(typed: &str, words: &str) -> Command {
    Command::SetTopic(room(typed), Text::new(words).ok())
}
