//! The line door: a person at telnet or nc, who types lines and reads lines.
//!
//! Asks for a name, puts the person into the lobby, and from there on a typed line is said to the current room
//! unless it begins with a slash ([`commands`]). Who has an account says so by [`signing`]. How things look is in [`words`]. Telnet's own bytes are
//! filtered out on the way in (RFC 854), and what others typed can never move this person's cursor.

pub mod commands;
mod signing;
#[cfg(test)]
mod tests;
pub mod words;

use std::collections::VecDeque;
use std::sync::Arc;

use throng_chat::name::NAME_CHARS_MAX;
use throng_chat::{Command, Entry, Event, Kind, Name, Refusal, RoomName, Target, Text, Time};
use throng_store::Fault;
use throng_wire::line::{Line, Lines};
use throng_wire::printable::printable;
use throng_wire::telnet;

use self::signing::{Arriving, Pending, Question};
use super::{AccountAnswer, Door, Errand, Footing, Heard, Probe};
use crate::chat::house::House;
use crate::chat::rendering::{Face, Look, View};

/// The longest line that one may type, in bytes: five full texts and a command before them.
const TYPED_MAX: usize = 2100;

/// What the owner of a registered name can do about it.
const OWNERS_WAY: &str = "  If it is yours: /login NAME";
const OWNERS_WAY_OUT: &str =
    "  If it is yours: connect with TLS, or from the server's own machine; passwords come no other way.";

/// How often the line door asks again for a name before it gives up.
const NAMES_ASKED_MAX: u32 = 20;

/// The ability bit of [`Look`]: own words come back as one mark.
pub const MARKS: u16 = 1;

/// One person at a terminal.
pub struct LineDoor {
    house: Arc<House>,
    footing: Footing,
    telnet: telnet::Filter,
    lines: Lines,
    state: State,
    /// The first room was asked for, and not answered yet.
    entering: bool,
    arriving: Arriving,
    /// What the next line is an answer to.
    question: Option<Question>,
    /// What was asked about accounts and not answered yet.
    pending: Option<Pending>,
    /// To which account this session is signed in, as far as it was told.
    account: Option<Name>,
    /// Lines that wait until the name and the first room were answered.
    later: VecDeque<Vec<u8>>,
    rooms: Vec<RoomName>,
    current: Option<RoomName>,
    marks: bool,
    said: u32,
}

enum State {
    /// No name yet; so many were refused.
    Nameless { refused: u32 },
    /// A name was asked for.
    Asking { refused: u32 },
    /// Here, under this name, since then.
    Here { name: Name, since: Time },
}

impl LineDoor {
    /// A door for somebody who just came.
    pub fn new(house: Arc<House>, footing: Footing) -> LineDoor {
        LineDoor {
            house,
            footing,
            telnet: telnet::Filter::default(),
            lines: Lines::new(TYPED_MAX),
            state: State::Nameless { refused: 0 },
            entering: false,
            arriving: Arriving::No,
            question: None,
            pending: None,
            account: None,
            later: VecDeque::new(),
            rooms: Vec::new(),
            current: None,
            marks: false,
            said: 0,
        }
    }

    fn hear_lines(&mut self, typed: &[u8], heard: &mut Heard) {
        let mut lines = std::mem::replace(&mut self.lines, Lines::new(TYPED_MAX));
        lines.feed(typed, |line| match line {
            Line::Whole(line) if self.is_waiting() => self.later.push_back(line.to_vec()),
            Line::Whole(line) => self.hear_line(line, heard),
            Line::TooLong => words::say(
                &mut heard.reply,
                &format!("! That line is longer than {TYPED_MAX} bytes, so nothing of it was sent."),
            ),
        });
        self.lines = lines;
    }

    fn hear_line(&mut self, line: &[u8], heard: &mut Heard) {
        let Ok(line) = std::str::from_utf8(line) else {
            let explained =
                "! That line is not UTF-8, so nothing of it was sent. Set your terminal to UTF-8.";
            return words::say(&mut heard.reply, explained);
        };
        if let Some(question) = self.question.take() {
            return self.hear_answer(question, line, heard);
        }
        let line = words::without_edits(line);
        match &self.state {
            State::Nameless { refused } => self.ask_name(line.trim(), *refused, heard),
            State::Asking { .. } => {}
            State::Here { .. } => self.hear_person(&line, heard),
        }
    }

    fn ask_name(&mut self, typed: &str, refused: u32, heard: &mut Heard) {
        if typed == "/quit" {
            heard.over = Some(throng_server::End::Done);
            return words::say(&mut heard.reply, "Bye.");
        }
        if let Some(login) = typed.strip_prefix("/login").filter(|_| self.footing.accounts) {
            if let Err(why) = commands::login(self, login.trim(), heard) {
                words::say(&mut heard.reply, &format!("! {why}"));
            }
            return;
        }
        match Name::new(typed, self.house.settings.names) {
            Ok(name) => {
                self.state = State::Nameless { refused };
                self.ask_owner(name, heard);
            }
            Err(why) => {
                let refused = refused + 1;
                self.state = State::Nameless { refused };
                let out = &mut heard.reply;
                if refused >= NAMES_ASKED_MAX {
                    heard.over = Some(throng_server::End::Done);
                    return words::say(out, "! That was not a name either. Bye.");
                }
                words::say(
                    out,
                    &format!("! That cannot be a name: {}. Pick another:", printable(&why.to_string())),
                );
            }
        }
    }

    fn hear_person(&mut self, line: &str, heard: &mut Heard) {
        if line.trim().is_empty() {
            return;
        }
        match line.strip_prefix('/') {
            // As in other chats, a second slash says a line that begins with one.
            Some(said) if said.starts_with('/') => self.say(said, Kind::Message, heard),
            Some(command) => commands::run(self, command, heard),
            None => self.say(line, Kind::Message, heard),
        }
    }

    /// Says words to the current room, in as many messages as they need.
    fn say(&mut self, words: &str, kind: Kind, heard: &mut Heard) {
        let Some(room) = self.current.clone() else {
            return words::say(&mut heard.reply, "! You are in no room. Enter one: /join #lobby");
        };
        self.say_to(&Target::Room(room), words, kind, heard);
    }

    fn say_to(&mut self, to: &Target, said: &str, kind: Kind, heard: &mut Heard) {
        match Text::split(said) {
            Ok(texts) => {
                self.said += u32::try_from(texts.len()).unwrap_or(0);
                for text in texts {
                    heard.ask(Command::Say(to.clone(), kind, text));
                }
            }
            Err(why) => {
                words::say(&mut heard.reply, &format!("! Not sent: {}.", printable(&why.to_string())));
            }
        }
    }

    fn view(&self) -> View {
        View { look: self.look(), own: false, here: false }
    }

    fn me(&self) -> Option<&Name> {
        match &self.state {
            State::Here { name, .. } => Some(name),
            State::Nameless { .. } | State::Asking { .. } => None,
        }
    }

    fn welcome(&mut self, you: &Name) {
        let since = (self.house.now)();
        self.state = State::Here { name: you.clone(), since };
    }

    fn enter(&mut self, joined: &throng_chat::event::Joined, out: &mut Vec<u8>) -> Option<Errand> {
        self.entering = false;
        let State::Here { name, .. } = &self.state else { return None };
        let first = self.rooms.is_empty() && joined.room == RoomName::lobby() && self.said == 0;
        // Another connection of the same person may have asked for this room; what is typed here goes on where it went.
        let current = self.current.get_or_insert_with(|| joined.room.clone());
        words::joined(name, joined, first, current, out);
        if !self.rooms.contains(&joined.room) {
            self.rooms.push(joined.room.clone());
        }
        let limit = *self.house.settings.history_on_entry.now();
        (joined.seq > 0 && limit > 0).then(|| Errand {
            room: joined.room.clone(),
            upto: joined.seq,
            limit,
            asked: false,
        })
    }

    fn left(&mut self, room: &RoomName) {
        self.rooms.retain(|other| other != room);
        if self.current.as_ref() == Some(room) {
            self.current = self.rooms.last().cloned();
        }
    }

    fn refused(&mut self, refusal: &Refusal, out: &mut Vec<u8>) {
        // That signing in or out was refused says nothing of the name that was asked for beside it.
        if matches!(
            refusal,
            Refusal::NoSuchAccount(_) | Refusal::AlreadySignedIn { .. } | Refusal::NotSignedIn
        ) {
            return words::refused(refusal, false, &self.house, out);
        }
        self.entering = false;
        self.arriving = Arriving::No;
        if let State::Asking { refused } = self.state {
            let refused = refused + 1;
            self.state = State::Nameless { refused };
        }
        if let Refusal::TooManyRooms { room, .. } | Refusal::RoomsFull { room, .. } = refusal
            && !self.rooms.contains(room)
        {
            self.left(room);
        }
        words::refused(refusal, matches!(self.state, State::Nameless { .. }), &self.house, out);
        if let Refusal::NameRegistered { .. } = refusal
            && self.footing.accounts
        {
            words::say(out, if self.footing.secrets { OWNERS_WAY } else { OWNERS_WAY_OUT });
        }
    }
}

impl Door for LineDoor {
    fn hear(&mut self, bytes: &[u8], heard: &mut Heard) {
        self.go_on(heard);
        while !self.is_waiting()
            && let Some(line) = self.later.pop_front()
        {
            self.hear_line(&line, heard);
        }
        let mut typed = Vec::new();
        self.telnet.hear(bytes, &mut typed, &mut heard.reply);
        self.hear_lines(&typed, heard);
    }

    fn is_waiting(&self) -> bool {
        // A room that is new has to be stored before one is in it, so it is answered later than the name.
        self.entering || self.is_asking() || matches!(self.state, State::Asking { .. })
    }

    fn tell(&mut self, event: &Event, out: &mut Vec<u8>) -> Option<Errand> {
        match event {
            Event::Welcomed { you } => self.welcome(you),
            Event::SignedIn { account } => {
                self.account = Some(account.clone());
                words::tell(self.view(), event, &self.house, out);
            }
            Event::SignedOut => {
                self.account = None;
                words::tell(self.view(), event, &self.house, out);
            }
            Event::Joined(joined) => return self.enter(joined, out),
            Event::Refused(refusal) => self.refused(refusal, out),
            Event::Left { room, .. } | Event::Kicked { room, .. } => {
                self.left(room);
                words::put_out(event, self.current.as_ref(), out);
            }
            Event::Renamed { to, .. } => {
                if let State::Here { name, .. } = &mut self.state {
                    *name = to.clone();
                }
                words::say(out, &format!("* You are {} now.", words::name(to)));
            }
            // Said with the last words.
            Event::Closing { .. } => {}
            // One's own was said by `SignedIn` or `SignedOut`.
            Event::AccountChanged { who, .. } if self.me() == Some(who) => {}
            Event::Whispered { from, to, kind, text, at, .. } => {
                let State::Here { name, .. } = &self.state else { return None };
                let whisper = words::Whisper { from, to, kind: *kind, text, at: *at, own: from == name };
                words::whispered(&whisper, &self.house, out);
            }
            other => {
                words::tell(self.view(), other, &self.house, out);
            }
        }
        None
    }

    fn learn(&mut self, answer: AccountAnswer, heard: &mut Heard) {
        self.hear_account(answer, heard);
    }

    fn is_signing_in(&self) -> bool {
        self.question.is_some()
    }

    fn give_up_signing(&mut self, out: &mut Vec<u8>) {
        self.give_up_question(out);
    }

    fn show_history(&mut self, errand: &Errand, found: Result<&[Entry], &Fault>, out: &mut Vec<u8>) {
        let here = self.current.as_ref() == Some(&errand.room);
        words::history(errand, here, found, &self.house, out);
    }

    fn look(&self) -> Look {
        Look { face: Face::Line, abilities: if self.marks { MARKS } else { 0 } }
    }

    fn focus(&self) -> Option<&RoomName> {
        self.current.as_ref()
    }

    fn greet(&mut self, known: Option<&Name>, out: &mut Vec<u8>) {
        let back = known.map_or(String::new(), |known| format!(" back, {}", words::name(known)));
        let names = format!("letters, digits, _ and -, up to {NAME_CHARS_MAX}");
        let welcome = if back.is_empty() { "Welcome to throng" } else { "Welcome" };
        words::say(out, &format!("{welcome}{back}. Pick a name ({names}):"));
    }

    /// A NOP makes the network find out whether a telnet client is there. A plain nc would print it, so for that
    /// one the kernel's keep-alive does the same.
    fn probe(&mut self, out: &mut Vec<u8>) -> Probe {
        if self.telnet.seen() {
            out.extend_from_slice(telnet::PROBE);
        }
        Probe::Silent
    }

    fn close(&mut self, why: &Text, out: &mut Vec<u8>) {
        match &self.state {
            State::Here { name, since } => {
                let stayed = (self.house.now)().0.saturating_sub(since.0);
                words::bye(name, why, stayed, self.said, out);
            }
            _ => words::say(out, &format!("Bye: {}.", printable(why.as_str()))),
        }
    }
}
