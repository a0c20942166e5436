//! What one client alone is told: the room that it entered, and the answers to its questions.

use throng_chat::event::{Joined, Member, PersonLine, RoomLine, Topic};
use throng_chat::{Event, Name, Rights, RoomName};
use throng_wire::irc::LINE_MAX;
use throng_wire::numeric::{
    RPL_CHANNELMODEIS, RPL_ENDOFNAMES, RPL_ENDOFWHO, RPL_ENDOFWHOIS, RPL_GLOBALUSERS, RPL_ISON, RPL_LIST,
    RPL_LISTEND, RPL_LISTSTART, RPL_LOCALUSERS, RPL_LOGGEDIN, RPL_LOGGEDOUT, RPL_LUSERCLIENT, RPL_LUSERME,
    RPL_NAMREPLY, RPL_NOTOPIC, RPL_TOPIC, RPL_TOPICWHOTIME, RPL_USERHOST, RPL_WHOISACCOUNT,
    RPL_WHOISCHANNELS, RPL_WHOISSERVER, RPL_WHOISUSER, RPL_WHOREPLY,
};

use super::IrcDoor;
use super::awaited::{Asked, Purpose};
use super::words::{self, BATCH, HOST, MESSAGE_TAGS, MULTI_PREFIX, SERVER_TIME, USER, mask};
use crate::chat::door::Errand;

/// What a client must understand to be shown history: plain clients would take it for new.
const FOR_HISTORY: u16 = BATCH | SERVER_TIME | MESSAGE_TAGS;

impl IrcDoor {
    /// The room that this client entered, and what it looks like.
    pub(super) fn enter(&mut self, joined: &Joined, out: &mut Vec<u8>) -> Option<Errand> {
        let room = &joined.room;
        if let Some(me) = self.me() {
            let arrived =
                Event::Arrived { room: room.clone(), who: me.clone(), account: joined.account.clone() };
            words::tell(self.view(), &arrived, &self.house, out);
        }
        if !self.rooms.contains(room) {
            self.rooms.push(room.clone());
        }
        if let Some(topic) = &joined.topic {
            self.show_topic(room, topic, out);
        }
        self.show_names(room, &joined.members, out);
        let limit = *self.house.settings.history_on_entry.now();
        let wanted = self.abilities & FOR_HISTORY == FOR_HISTORY && joined.seq > 0 && limit > 0;
        wanted.then(|| Errand { room: room.clone(), upto: joined.seq, limit, asked: false })
    }

    /// The client learns whose it is, in the numbers that its SASL waits for.
    pub(super) fn say_signed_in(&self, account: &Name, out: &mut Vec<u8>) {
        let (mask, account) = (self.shown_mask(), account.as_str());
        let explained = format!("You are now logged in as {account}");
        self.say(RPL_LOGGEDIN, &[&mask, account], &explained, out);
    }

    pub(super) fn say_signed_out(&self, out: &mut Vec<u8>) {
        self.say(RPL_LOGGEDOUT, &[&self.shown_mask()], "You are now logged out", out);
    }

    /// Why the client is called in another way next.
    pub(super) fn say_withdrawn(&self, name: &Name, out: &mut Vec<u8>) {
        let explained =
            format!("{name} belongs to an account that you are not logged in to, so you get another name");
        words::frame(out, |line| {
            let line = line.source(&self.house.settings.name).command("NOTICE");
            line.param(self.shown_name()).trailing(&explained)
        });
    }

    /// As [`mask`], also of somebody who has no name yet.
    fn shown_mask(&self) -> String {
        self.me().map_or_else(|| format!("*!{USER}@{HOST}"), mask)
    }

    /// An answer to a question, in the words of the command that asked it.
    pub(super) fn answer(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::TopicIs { room, topic: Some(topic) } => self.show_topic(room, topic, out),
            Event::TopicIs { room, topic: None } => {
                self.say(RPL_NOTOPIC, &[room.as_str()], "No topic is set", out);
            }
            Event::ModesAre { room, modes } => {
                self.say_plain(RPL_CHANNELMODEIS, &[room.as_str(), &modes.to_string()], out);
            }
            Event::NamesAre { room, members } => {
                self.awaited.take(|asked| matches!(asked, Asked::Names(asked) if asked == room));
                self.show_names(room, members, out);
            }
            Event::WhoIn { room, members } => {
                self.awaited.take(|asked| matches!(asked, Asked::Who(asked) if asked == room));
                for member in members.iter() {
                    self.show_who(room.as_str(), &member.name, self.marks(member.rights), out);
                }
                self.say(RPL_ENDOFWHO, &[room.as_str()], "End of WHO list", out);
            }
            Event::RoomsAre { rooms, hidden } => self.show_rooms(rooms, *hidden, out),
            Event::PersonIs { who, account, rooms } => self.show_person(who, account.as_ref(), rooms, out),
            Event::PeopleAre { people, hidden } => self.show_people(people, *hidden, out),
            shared => words::tell(self.view(), shared, &self.house, out),
        }
    }

    /// The marks of a member: all of them, or for clients that know only one, the highest.
    fn marks(&self, rights: Rights) -> &'static str {
        let all = rights.prefixes();
        if self.abilities & MULTI_PREFIX == 0 { words::cut(all, 1) } else { all }
    }

    fn show_topic(&self, room: &RoomName, topic: &Topic, out: &mut Vec<u8>) {
        self.say(RPL_TOPIC, &[room.as_str()], topic.text.as_str(), out);
        let seconds = (topic.at.0 / 1000).to_string();
        words::frame(out, |line| {
            self.begin(line, RPL_TOPICWHOTIME, &[room.as_str()]).param(&mask(&topic.by)).param(&seconds)
        });
    }

    fn show_names(&self, room: &RoomName, members: &[Member], out: &mut Vec<u8>) {
        let marked = members.iter().map(|member| (self.marks(member.rights), member.name.as_str()));
        self.say_list(RPL_NAMREPLY, &["=", room.as_str()], marked, out);
        self.say(RPL_ENDOFNAMES, &[room.as_str()], "End of /NAMES list", out);
    }

    fn show_who(&self, place: &str, who: &Name, marks: &str, out: &mut Vec<u8>) {
        let server = &self.house.settings.name;
        let flags = format!("H{marks}");
        // No other server is between, so the distance is 0; the real name is the name.
        let params = [place, USER, HOST, server, who.as_str(), &flags];
        self.say(RPL_WHOREPLY, &params, &format!("0 {who}"), out);
    }

    fn show_rooms(&mut self, rooms: &[RoomLine], hidden: usize, out: &mut Vec<u8>) {
        let wanted = match self.awaited.take(|asked| matches!(asked, Asked::List(_))) {
            Some(Asked::List(wanted)) => wanted,
            _ => Vec::new(),
        };
        self.say(RPL_LISTSTART, &["Channel"], "Users  Name", out);
        for line in rooms.iter().filter(|line| wanted.is_empty() || wanted.contains(&line.room)) {
            let topic = line.topic.as_ref().map_or("", |topic| topic.as_str());
            self.say(RPL_LIST, &[line.room.as_str(), &line.members.to_string()], topic, out);
        }
        match hidden {
            0 => self.say(RPL_LISTEND, &[], "End of /LIST", out),
            _ => {
                self.say(
                    RPL_LISTEND,
                    &[],
                    &format!("End of /LIST, {hidden} smaller ones are not shown"),
                    out,
                );
            }
        }
    }

    fn show_person(&mut self, who: &Name, account: Option<&Name>, rooms: &[RoomName], out: &mut Vec<u8>) {
        match self.awaited.purpose(who) {
            Some(Purpose::IsOn { last }) => {
                self.awaited.found.push(who.clone());
                self.show_found_names(last, out);
            }
            Some(Purpose::UserHost { last }) => {
                self.awaited.found.push(who.clone());
                self.show_found_hosts(last, out);
            }
            Some(Purpose::Who) => {
                let place = rooms.first().map_or("*", RoomName::as_str);
                self.show_who(place, who, "", out);
                self.say(RPL_ENDOFWHO, &[who.as_str()], "End of WHO list", out);
            }
            Some(Purpose::Ghost) => self.end_ghost(out),
            Some(Purpose::WhoIs) | None => self.show_whois(who, account, rooms, out),
        }
    }

    fn show_whois(&self, who: &Name, account: Option<&Name>, rooms: &[RoomName], out: &mut Vec<u8>) {
        let name = who.as_str();
        self.say(RPL_WHOISUSER, &[name, USER, HOST, "*"], name, out);
        let rooms = rooms.iter().map(|room| ("", room.as_str()));
        self.say_list(RPL_WHOISCHANNELS, &[name], rooms, out);
        self.say(RPL_WHOISSERVER, &[name, &self.house.settings.name], "throng", out);
        if let Some(account) = account {
            self.say(RPL_WHOISACCOUNT, &[name, account.as_str()], "is logged in as", out);
        }
        self.say(RPL_ENDOFWHOIS, &[name], "End of /WHOIS list", out);
    }

    /// ISON is answered behind its last word.
    pub(super) fn show_found_names(&mut self, last: bool, out: &mut Vec<u8>) {
        if last {
            let found = std::mem::take(&mut self.awaited.found);
            let names: Vec<&str> = found.iter().map(Name::as_str).collect();
            self.say(RPL_ISON, &[], &names.join(" "), out);
        }
    }

    /// USERHOST is answered behind its last word.
    pub(super) fn show_found_hosts(&mut self, last: bool, out: &mut Vec<u8>) {
        if last {
            let found = std::mem::take(&mut self.awaited.found);
            let hosts: Vec<String> = found.iter().map(|name| format!("{name}=+{USER}@{HOST}")).collect();
            self.say(RPL_USERHOST, &[], &hosts.join(" "), out);
        }
    }

    fn show_people(&mut self, people: &[PersonLine], hidden: usize, out: &mut Vec<u8>) {
        let asked = self.awaited.take(|asked| matches!(asked, Asked::WhoAll(_) | Asked::Lusers));
        let Some(Asked::WhoAll(mask)) = asked else { return self.show_count(people.len() + hidden, out) };
        for person in people {
            let place = person.rooms.first().map_or("*", RoomName::as_str);
            self.show_who(place, &person.name, "", out);
        }
        self.say(RPL_ENDOFWHO, &[&mask], "End of WHO list", out);
    }

    fn show_count(&self, people: usize, out: &mut Vec<u8>) {
        let (count, clients) = (people.to_string(), format!("I have {people} clients and 0 servers"));
        let everybody = format!("There are {people} users and 0 invisible on 1 servers");
        self.say(RPL_LUSERCLIENT, &[], &everybody, out);
        self.say(RPL_LUSERME, &[], &clients, out);
        // How many there once were is not counted, so both numbers are those of now.
        self.say(
            RPL_LOCALUSERS,
            &[&count, &count],
            &format!("Current local users {people}, max {people}"),
            out,
        );
        self.say(
            RPL_GLOBALUSERS,
            &[&count, &count],
            &format!("Current global users {people}, max {people}"),
            out,
        );
    }

    /// Says marked words in as many lines as they need; in none if there are none.
    fn say_list<'a>(
        &self,
        numeric: &str,
        params: &[&str],
        marked: impl Iterator<Item = (&'static str, &'a str)>,
        out: &mut Vec<u8>,
    ) {
        let mut head = Vec::new();
        self.say(numeric, params, "", &mut head);
        let bytes_max = LINE_MAX - head.len();
        let mut line = String::with_capacity(bytes_max);
        for (marks, word) in marked {
            if !line.is_empty() && line.len() + 1 + marks.len() + word.len() > bytes_max {
                self.say(numeric, params, &line, out);
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(marks);
            line.push_str(word);
        }
        if !line.is_empty() {
            self.say(numeric, params, &line, out);
        }
    }
}
