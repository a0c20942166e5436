//! What a shell learns from outputs alone: who hears which room, whose each session is, and what each session's client
//! has been shown of the others. It must be what the world says.

use std::collections::{BTreeMap, BTreeSet};

use throng_chat::output::{Audience, Output, Rooms};
use throng_chat::{Command, Event, Guests, Limits, Name, PersonId, RoomId, RoomName, SessionId, World};

use crate::script::SESSIONS;

/// One session, as its client sees things.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Client {
    person: Option<PersonId>,
    /// Its own name.
    called: Option<String>,
    /// Its own account.
    account: Option<Name>,
    hears: BTreeSet<u64>,
    /// Who it was shown in each of its rooms.
    sees: BTreeMap<RoomName, BTreeSet<String>>,
    /// Whose those are, as far as it was told.
    knows: BTreeMap<String, Option<Name>>,
}

/// All sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shell {
    clients: BTreeMap<u64, Client>,
}

impl Shell {
    /// What was asked tells something by itself: who goes before it has a name is not answered.
    pub fn hear(&mut self, session: SessionId, command: &Command) {
        if command.is_farewell() && self.clients.get(&session.0).is_some_and(|client| client.person.is_none())
        {
            self.clients.remove(&session.0);
        }
    }

    pub fn learn(&mut self, outputs: &[Output]) {
        for output in outputs {
            match output {
                Output::Became(session, person) => {
                    let client = self.clients.entry(session.0).or_default();
                    assert!(client.person != Some(*person), "a session becomes somebody once");
                    client.person = Some(*person);
                }
                Output::Entered(session, room) => {
                    assert!(self.client(*session).hears.insert(room.0), "a session enters a room once");
                }
                Output::Departed(session, room) => {
                    assert!(self.client(*session).hears.remove(&room.0), "who departs was inside");
                }
                Output::Closed(session, _) => {
                    let client = self.clients.remove(&session.0).expect("who is closed was here");
                    assert!(client.hears.is_empty(), "who is closed has departed from {:?}", client.hears);
                }
                // The world refuses nothing that a client would show differently.
                Output::Reply(_, Event::Refused(_)) => {}
                Output::Reply(session, event) => {
                    self.clients.entry(session.0).or_default().see(event, true);
                }
                Output::Told(to, event) => self.tell(to, event),
                Output::Stored { .. } => {}
            }
        }
    }

    fn tell(&mut self, to: &Audience, event: &Event) {
        for client in self.clients.values_mut().filter(|client| client.person.is_some()) {
            let hears = match &to.rooms {
                Rooms::One(room) => client.hears.contains(&room.0),
                Rooms::Several(rooms) => rooms.iter().any(|room| client.hears.contains(&room.0)),
                Rooms::Everybody => true,
            };
            if hears && to.except != client.person {
                client.see(event, false);
            }
        }
    }

    fn client(&mut self, session: SessionId) -> &mut Client {
        self.clients.get_mut(&session.0).expect("only who became somebody is told where")
    }

    /// Each client sees what the world says of it and of those around it, and no limit is passed.
    pub fn agrees_with(&self, world: &World, limits: &Limits) {
        let present = world.present();
        assert!(present.len() <= limits.people_max && world.rooms().len() <= limits.rooms_max);
        let sessions: BTreeSet<u64> =
            present.iter().flat_map(|(_, sessions, _)| sessions).map(|id| id.0).collect();
        let named = self.clients.iter().filter(|(_, client)| client.person.is_some());
        assert_eq!(sessions, named.map(|(session, _)| *session).collect());
        for session in 0..SESSIONS {
            let account = self.clients.get(&session).and_then(|client| client.account.clone());
            assert_eq!(world.account_of(SessionId(session)), account, "session {session} was told so");
        }
        let mut inside: BTreeMap<RoomName, BTreeSet<String>> = BTreeMap::new();
        let mut accounts = BTreeMap::new();
        for (name, sessions, rooms) in &present {
            assert!(rooms.len() <= limits.rooms_per_person_max);
            assert!(sessions.len() <= limits.sessions_per_person_max);
            accounts.insert(name.to_string(), world.account_of(sessions[0]));
            for room in rooms {
                inside.entry(room.clone()).or_default().insert(name.to_string());
            }
        }
        for (name, sessions, rooms) in &present {
            for session in sessions {
                self.clients[&session.0].agrees_with(world, name, rooms, &inside, &accounts);
            }
        }
    }

    /// Nobody has a registered name, or one that looks so, but those of its account; and all sessions of a person were
    /// told the same account.
    pub fn keeps_names(&self, world: &World, guests: Guests) {
        for (name, sessions, _) in world.present() {
            let told: Vec<_> = sessions.iter().map(|session| &self.clients[&session.0].account).collect();
            assert!(told.windows(2).all(|two| two[0] == two[1]), "{name} is of {told:?}");
            assert!(told[0].is_some() || sessions.len() == 1, "{name} is several guests");
            assert!(told[0].is_some() || guests != Guests::No, "{name} is a guest");
            for account in world.accounts().all().filter(|_| guests != Guests::Yes) {
                let is_like = account.folded() == name.folded() || account.skeleton() == name.skeleton();
                assert!(!is_like || told[0].as_ref() == Some(account), "{name} is {account}'s");
            }
        }
    }
}

impl Client {
    fn see(&mut self, event: &Event, alone: bool) {
        match event {
            Event::Welcomed { you } => self.called = Some(you.to_string()),
            Event::SignedIn { account } => self.account = Some(account.clone()),
            Event::SignedOut => self.account = None,
            Event::Joined(joined) => {
                let members = joined.members.iter().map(|member| member.name.to_string()).collect();
                assert!(self.sees.insert(joined.room.clone(), members).is_none(), "a room is shown once");
                assert_eq!(joined.account, self.account);
            }
            Event::Arrived { room, who, account } => {
                assert!(self.seen_in(room).insert(who.to_string()), "{who} is seen to come once");
                self.knows.insert(who.to_string(), account.clone());
            }
            Event::Left { room, who, .. } | Event::Kicked { room, who, .. } => {
                if alone {
                    self.sees.remove(room).expect("who leaves was inside");
                } else {
                    assert!(self.seen_in(room).remove(who.as_str()), "{who} is seen to go once");
                }
            }
            Event::Quit { who, .. } => {
                let seen =
                    self.sees.values_mut().map(|seen| usize::from(seen.remove(who.as_str()))).sum::<usize>();
                assert!(seen > 0, "{who} is seen to quit by those who saw them");
                self.knows.remove(who.as_str());
            }
            Event::Renamed { from, to, .. } => {
                if self.called.as_deref() == Some(from.as_str()) && alone {
                    self.called = Some(to.to_string());
                } else {
                    assert!(!alone, "only one's own new name is told to one alone");
                }
                let mut seen = 0;
                for room in self.sees.values_mut().filter(|room| room.contains(from.as_str())) {
                    room.remove(from.as_str());
                    assert!(room.insert(to.to_string()), "two are seen as {to}");
                    seen += 1;
                }
                assert!(alone || seen > 0, "{from} is seen by those who are told");
                let known = self.knows.remove(from.as_str());
                self.knows.extend(known.map(|account| (to.to_string(), account)));
            }
            Event::AccountChanged { who, account } => {
                if alone {
                    assert_eq!(self.called.as_deref(), Some(who.as_str()));
                    assert_eq!(self.account, *account, "the own account was told before");
                } else {
                    assert!(self.sees.values().any(|seen| seen.contains(who.as_str())), "{who} is unseen");
                    self.knows.insert(who.to_string(), account.clone());
                }
            }
            _ => {}
        }
        // Of who is in none of its rooms a client hears nothing, so what it knew grows old.
        let sees = &self.sees;
        self.knows.retain(|who, _| sees.values().any(|seen| seen.contains(who)));
    }

    fn seen_in(&mut self, room: &RoomName) -> &mut BTreeSet<String> {
        self.sees.get_mut(room).expect("one is told of one's own rooms")
    }

    fn agrees_with(
        &self,
        world: &World,
        name: &Name,
        rooms: &[RoomName],
        inside: &BTreeMap<RoomName, BTreeSet<String>>,
        accounts: &BTreeMap<String, Option<Name>>,
    ) {
        assert_eq!(self.called.as_deref(), Some(name.as_str()));
        let heard: BTreeSet<RoomName> =
            self.hears.iter().map(|room| world.room_name(RoomId(*room))).collect();
        assert_eq!(heard, rooms.iter().cloned().collect());
        assert_eq!(self.sees.keys().cloned().collect::<BTreeSet<_>>(), heard);
        for (room, seen) in &self.sees {
            assert_eq!(*seen, inside[room], "{name} sees who is in {room}");
        }
        let around: BTreeSet<&String> = self.sees.values().flatten().collect();
        for (who, account) in self.knows.iter().filter(|(who, _)| around.contains(who)) {
            assert_eq!(accounts[who], *account, "{name} knows whose {who} is");
        }
    }
}
