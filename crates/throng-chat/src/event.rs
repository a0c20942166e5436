//! All that a person may be told. Doors turn these into bytes; nothing here knows of a protocol.
//!
//! An event that is told to one session may change what its door remembers (its own name, its rooms). One that
//! is told to an [`crate::Audience`] never does, so that a worker may render it once for many.
//!
//! Where an event has an `account`, it is the account of whoever did it at that moment: IRC clients show it beside each
//! line (IRCv3 account-tag), and one pointer more in what is rendered once costs less than a question for each line.

use std::sync::Arc;

use crate::{Entry, Kind, ModeChange, Name, Rights, RoomModes, RoomName, Text, Time};

/// One thing told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant's line names its fields")]
pub enum Event {
    /// To the asker of `Enter`: you are a person now, and this is your name.
    Welcomed { you: Name },
    /// To the asker of `Join`: you are in, and this is what the room looks like. History is what was stored
    /// up to and including `seq`; everything after it will be told live.
    Joined(Box<Joined>),
    /// Somebody came in.
    Arrived { room: RoomName, who: Name, account: Option<Name> },
    /// Somebody went out of a room. The one who left hears it too.
    Left { room: RoomName, who: Name, account: Option<Name>, reason: Option<Text> },
    /// Somebody was put out of a room. The one who was hears it too. `by` is `None` for the server's operator.
    Kicked { room: RoomName, who: Name, by: Option<Name>, account: Option<Name>, reason: Option<Text> },
    /// Somebody is no longer here at all. Told once to each who shared a room, never to the one who left.
    Quit { who: Name, account: Option<Name>, reason: Text },
    /// Somebody has a new name. Told once to each who shares a room, and to the one renamed.
    Renamed { from: Name, to: Name, account: Option<Name> },
    /// To somebody who is renamed next, and did not ask for it: this name is not theirs without the account it belongs to.
    NameWithdrawn { name: Name },
    /// To one session: it is of this account now.
    SignedIn { account: Name },
    /// To one session: it is of no account any more.
    SignedOut,
    /// Somebody has another account, or none. Told once to each who shares a room, and to each session of the person.
    AccountChanged { who: Name, account: Option<Name> },
    /// Modes changed. `by` is `None` for the server.
    Moded { room: RoomName, by: Option<Name>, account: Option<Name>, changes: Vec<ModeChange> },
    /// A stored thing: words in a room, or a new topic. Live and from history alike.
    Entry(Entry),
    /// Words to one person. To all sessions at both ends; nothing of it is stored.
    Whispered { from: Name, account: Option<Name>, to: Name, kind: Kind, text: Text, at: Time },
    /// Words of the server's operator, to everybody.
    Announced { text: Text, at: Time },
    /// Answer to `AskTopic`, and part of what an IRC client wants after it joined.
    TopicIs { room: RoomName, topic: Option<Topic> },
    /// Answer to `AskModes`.
    ModesAre { room: RoomName, modes: RoomModes },
    /// Answer to `Names`.
    NamesAre { room: RoomName, members: Arc<[Member]> },
    /// Answer to `WhoRoom`.
    WhoIn { room: RoomName, members: Arc<[Member]> },
    /// Answer to `Rooms`: the fullest first, at most `Limits::list_rooms_max`; `hidden` counts the rest.
    RoomsAre { rooms: Vec<RoomLine>, hidden: usize },
    /// Answer to `WhoIs`.
    PersonIs { who: Name, account: Option<Name>, rooms: Vec<RoomName> },
    /// Answer to `People`, by name, at most `Limits::list_people_max`; `hidden` counts the rest.
    PeopleAre { people: Vec<PersonLine>, hidden: usize },
    /// No, and why.
    Refused(Refusal),
    /// To a session that the world ends: why. The connection is closed behind it.
    Closing { reason: Text },
}

/// What somebody who enters a room is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The room, spelled as its maker spelled it.
    pub room: RoomName,
    /// Everybody in it, the newcomer included, in the order of their coming.
    pub members: Arc<[Member]>,
    /// The topic.
    pub topic: Option<Topic>,
    /// The account of the one who is told this.
    pub account: Option<Name>,
    /// The last stored sequence of the room when this was told. The world leaves 0 here: the shell, which
    /// knows what is stored, fills it in when it lets the event go.
    pub seq: u64,
}

/// A topic, who set it and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// The words.
    pub text: Text,
    /// Who set it.
    pub by: Name,
    /// When.
    pub at: Time,
}

/// One who is in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub name: Name,
    /// What they may do there.
    pub rights: Rights,
}

/// One room in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomLine {
    /// Which.
    pub room: RoomName,
    /// How many are in it.
    pub members: usize,
    /// Its topic.
    pub topic: Option<Text>,
}

/// One person in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonLine {
    /// Who.
    pub name: Name,
    /// Where.
    pub rooms: Vec<RoomName>,
}

/// Why something asked was not done. Each carries what a door needs to explain it well.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant's line names its fields")]
pub enum Refusal {
    /// Somebody has this name, at whichever door. The alternatives are free at this moment.
    NameTaken { name: Name, alternatives: Vec<Name> },
    /// The name looks like one that somebody has (`other`).
    NameLooksTaken { name: Name, other: Name, alternatives: Vec<Name> },
    /// The name belongs to an account that the session is not signed in to, or looks like one that does. Said whether the
    /// owner is here or not. The alternatives are free at this moment.
    NameRegistered { name: Name, alternatives: Vec<Name> },
    /// Nobody comes in here without an account.
    AccountNeeded,
    /// There is no such account (any more).
    NoSuchAccount(Name),
    /// You are signed in to this account already, and to another one at a time only after signing out.
    AlreadySignedIn { account: Name },
    /// You are signed in to no account.
    NotSignedIn,
    /// The name is neither your account's own nor held by another connection of it.
    NotYourName(Name),
    /// This person has as many connections as one may have.
    TooManySessions { name: Name, max: usize },
    /// You have a name already (a second `Enter`).
    AlreadyHere,
    /// Nobody of this name is here.
    NoSuchPerson(Name),
    /// There is no such room.
    NoSuchRoom(RoomName),
    /// You are not in this room.
    NotInRoom(RoomName),
    /// That person is not in this room.
    PersonNotInRoom(Name, RoomName),
    /// Only members may speak here (mode n).
    MembersOnly(RoomName),
    /// Only operators of the room may do that.
    NeedsOperator(RoomName),
    /// You are in as many rooms as one may be.
    TooManyRooms { room: RoomName, max: usize },
    /// No further room can be made.
    RoomsFull { room: RoomName, max: usize },
    /// The asker is banned; or, where there is a name, that name is. No `until` is for ever.
    Banned { name: Option<Name>, reason: Option<Text>, until: Option<Time> },
    /// The server holds as many people as it may.
    PeopleFull { max: usize },
    /// Your words were not stored, and nobody was told: the store failed while they were on their way.
    NotStored { why: Arc<str> },
    /// The server cannot store now (disk full, or a fault). Reading, joining and leaving go on.
    ReadOnly { why: Arc<str> },
}
