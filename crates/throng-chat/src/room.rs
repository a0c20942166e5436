//! One room: who is in it, what it is about, and how it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::event::{Member, Topic};
use crate::{Name, PersonId, Rights, RoomModes, RoomName};

/// One room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// How it is called.
    pub name: RoomName,
    /// What it is about.
    pub topic: Option<Topic>,
    /// How it is.
    pub modes: RoomModes,
    /// Who is in it, in the order in which they came to the server. Names are kept beside the rights so that a
    /// list of members costs one walk.
    pub members: BTreeMap<PersonId, (Name, Rights)>,
    /// Is anything of it stored? Then it stays, with its topic, while nobody is in it.
    pub kept: bool,
}

impl Room {
    /// A room with nobody in it.
    pub fn new(name: RoomName, topic: Option<Topic>, kept: bool) -> Room {
        let modes = Room::first_modes(&name);
        Room { name, topic, modes, members: BTreeMap::new(), kept }
    }

    /// How a room is when somebody comes into it first. The lobby is a commons: its topic is anybody's.
    pub fn first_modes(name: &RoomName) -> RoomModes {
        RoomModes { no_external: true, topic_locked: !Room::is_commons(name) }
    }

    /// A room that nobody owns by having come first.
    pub fn is_commons(name: &RoomName) -> bool {
        *name == RoomName::lobby()
    }

    /// The rights of a member.
    pub fn rights(&self, person: PersonId) -> Option<Rights> {
        self.members.get(&person).map(|(_, rights)| *rights)
    }

    /// Everybody in it.
    pub fn listed(&self) -> Arc<[Member]> {
        self.members.values().map(|(name, rights)| Member { name: name.clone(), rights: *rights }).collect()
    }
}
