//! The IRC door: a client of any kind, from ii to weechat, that speaks RFC 1459 with some of IRCv3.
//!
//! What a client may ask is one row in [`table`] and one function beside others of its kind: [`registration`],
//! [`caps`], [`messages`], [`channels`], [`modes`], [`queries`], and about accounts [`sasl`], [`signup`], [`nickserv`]
//! (whose words are in [`service`]) and [`oper`], which all ask through [`accounts`]. What it is told goes through [`words`] if many hear
//! it, and through [`answers`] and [`refusals`] if it alone does. Nothing here decides who may do what, and every
//! line is whole and ends with CRLF, so that another door may put each into a frame of its own.

mod accounts;
mod answers;
mod awaited;
mod caps;
mod channels;
pub mod isupport;
mod messages;
mod modes;
mod nickserv;
mod oper;
mod queries;
mod refusals;
mod registration;
mod sasl;
mod service;
mod signup;
pub mod table;
#[cfg(test)]
mod tests;
pub mod words;

use std::collections::VecDeque;
use std::sync::Arc;

use throng_chat::{Entry, Event, Kind, Name, Names, RoomName, Text};
use throng_store::Fault;
use throng_wire::irc::{INPUT_MAX, Malformed, Message, too_long};
use throng_wire::line::{Line, Lines};
use throng_wire::numeric::{ERR_INPUTTOOLONG, ERR_NOSUCHCHANNEL, ERR_UNKNOWNCOMMAND};

use self::accounts::Accounts;
use self::awaited::Awaited;
use self::registration::Registration;
use super::{AccountAnswer, Door, Errand, Footing, Heard, Probe};
use crate::chat::house::House;
use crate::chat::rendering::{Face, Look, View};
use crate::identity::Secret;

/// How many rooms or people one PRIVMSG, NOTICE or KICK may name.
pub const TARGETS_MAX: usize = 4;

/// The longest reason or topic that is taken; what is longer is cut, since clients expect no refusal. So much always
/// fits into a line of 512 bytes beside the longest server, room and person.
pub const REASON_BYTES_MAX: usize = 360;

/// The longest word of a client that is said back to it.
const SAID_BACK_MAX: usize = 64;

/// One IRC client.
pub struct IrcDoor {
    house: Arc<House>,
    footing: Footing,
    lines: Lines,
    state: State,
    /// Lines that wait until what was asked is answered. A password may be in one.
    later: VecDeque<Secret<Vec<u8>>>,
    accounts: Accounts,
    abilities: u16,
    knows_302: bool,
    /// Where this person is, as far as it was told.
    rooms: Vec<RoomName>,
    awaited: Awaited,
    batches: u64,
    /// Goodbye was said, or the reason of the end: nothing more is heard.
    over: bool,
    /// The last line was written already.
    closed: bool,
}

enum State {
    /// No name yet.
    Nameless(Box<Registration>),
    /// Here, under this name.
    Here(Name),
}

impl IrcDoor {
    /// A door for a client that just came.
    pub fn new(house: Arc<House>, footing: Footing) -> IrcDoor {
        IrcDoor {
            house,
            footing,
            lines: Lines::new(INPUT_MAX),
            state: State::Nameless(Box::default()),
            later: VecDeque::new(),
            accounts: Accounts::default(),
            abilities: 0,
            knows_302: false,
            rooms: Vec::new(),
            awaited: Awaited::default(),
            batches: 0,
            over: false,
            closed: false,
        }
    }

    fn hear_lines(&mut self, bytes: &[u8], heard: &mut Heard) {
        let mut lines = std::mem::replace(&mut self.lines, Lines::new(INPUT_MAX));
        lines.feed(bytes, |line| match line {
            Line::Whole(line) if self.is_waiting() => self.later.push_back(Secret::new(line.to_vec())),
            Line::Whole(line) => self.hear_line(line, heard),
            Line::TooLong => self.refuse_length(heard),
        });
        self.lines = lines;
    }

    fn hear_line(&mut self, line: &[u8], heard: &mut Heard) {
        if self.over {
            return;
        }
        if too_long(line) {
            return self.refuse_length(heard);
        }
        match Message::parse(line) {
            Ok(message) => table::run(self, &message, heard),
            Err(Malformed::NotUtf8) => self.refuse_bytes(heard),
            // Empty lines are ignored (RFC 1459 §2.3.1).
            Err(_) if line.iter().all(|byte| *byte == b' ') => {}
            Err(_) => self.say(ERR_UNKNOWNCOMMAND, &["*"], "That line is no IRC message", &mut heard.reply),
        }
    }

    fn refuse_length(&self, heard: &mut Heard) {
        if !self.over {
            self.say(
                ERR_INPUTTOOLONG,
                &[],
                "Input line was too long; nothing of it was taken",
                &mut heard.reply,
            );
        }
    }

    /// As IRCv3's utf8-only says it.
    fn refuse_bytes(&self, heard: &mut Heard) {
        words::frame(&mut heard.reply, |line| {
            let line =
                line.source(&self.house.settings.name).command("FAIL").param("*").param("INVALID_UTF8");
            line.trailing("Message rejected, since it is not UTF-8; set your client to UTF-8")
        });
    }

    /// This person's name, once there is one.
    fn me(&self) -> Option<&Name> {
        match &self.state {
            State::Here(me) => Some(me),
            State::Nameless(_) => None,
        }
    }

    /// How numerics name this client.
    fn shown_name(&self) -> &str {
        self.me().map_or("*", Name::as_str)
    }

    /// Says a numeric that ends with words.
    fn say(&self, numeric: &str, params: &[&str], words: &str, out: &mut Vec<u8>) {
        words::frame(out, |line| self.begin(line, numeric, params).trailing(words));
    }

    /// Says a numeric of single words only.
    fn say_plain(&self, numeric: &str, params: &[&str], out: &mut Vec<u8>) {
        words::frame(out, |line| self.begin(line, numeric, params));
    }

    fn begin<'a>(
        &self,
        line: throng_wire::irc::Writer<'a>,
        numeric: &str,
        params: &[&str],
    ) -> throng_wire::irc::Writer<'a> {
        let line = line.source(&self.house.settings.name).command(numeric).param(self.shown_name());
        params.iter().fold(line, |line, param| line.param(said_back(param)))
    }

    /// A room that was named by the client; a name that cannot be one is refused here.
    fn room(&self, typed: &str, heard: &mut Heard) -> Option<RoomName> {
        match RoomName::new(typed, Names::Unicode) {
            Ok(room) => Some(room),
            Err(why) => {
                let explained = format!("That cannot be a room: {why}");
                self.say(ERR_NOSUCHCHANNEL, &[typed], &explained, &mut heard.reply);
                None
            }
        }
    }

    /// The words of a PART, KICK or QUIT, as far as they are good.
    fn reason(&self, words: Option<&str>) -> Option<Text> {
        Text::fitted(words?, REASON_BYTES_MAX)
    }

    fn view(&self) -> View {
        View { look: self.look(), own: false, here: false }
    }
}

/// What a client typed, as it can stand in the middle of a line.
fn said_back(param: &str) -> &str {
    match words::cut(param, SAID_BACK_MAX) {
        "" => "*",
        param if param.starts_with(':') || param.contains(' ') => "*",
        param => param,
    }
}

impl Door for IrcDoor {
    fn hear(&mut self, bytes: &[u8], heard: &mut Heard) {
        if !self.is_waiting() {
            // What it waited for may have held the name back.
            self.enter_when_ready(heard);
        }
        while !self.is_waiting()
            && let Some(line) = self.later.pop_front()
        {
            self.hear_line(line.expose(), heard);
        }
        self.hear_lines(bytes, heard);
    }

    fn is_waiting(&self) -> bool {
        let asks_for_name = matches!(&self.state, State::Nameless(registration) if registration.asking);
        asks_for_name || self.is_asking()
    }

    fn tell(&mut self, event: &Event, out: &mut Vec<u8>) -> Option<Errand> {
        match event {
            Event::Welcomed { you } => self.welcome(you, out),
            Event::Joined(joined) => return self.enter(joined, out),
            Event::Refused(refusal) => self.refuse(refusal, out),
            Event::SignedIn { account } => self.say_signed_in(account, out),
            Event::SignedOut => self.say_signed_out(out),
            Event::NameWithdrawn { name } => self.say_withdrawn(name, out),
            Event::Left { room, .. } | Event::Kicked { room, .. } => {
                self.rooms.retain(|other| other != room);
                words::tell(self.view(), event, &self.house, out);
            }
            Event::Renamed { to, .. } => {
                words::tell(self.view(), event, &self.house, out);
                self.state = State::Here(to.clone());
            }
            Event::Whispered { from, to, .. } => {
                let own = self.me() == Some(from) && from != to;
                if !own || self.abilities & words::ECHO_MESSAGE != 0 {
                    words::tell(self.view(), event, &self.house, out);
                }
            }
            Event::Closing { .. } => {
                words::tell(self.view(), event, &self.house, out);
                (self.over, self.closed) = (true, true);
            }
            answer => self.answer(answer, out),
        }
        self.hear_of_world(event, out);
        None
    }

    fn learn(&mut self, answer: AccountAnswer, heard: &mut Heard) {
        self.learn_of(answer, heard);
    }

    fn is_signing_in(&self) -> bool {
        self.is_in_sasl()
    }

    fn give_up_signing(&mut self, out: &mut Vec<u8>) {
        self.give_up_sasl(out);
    }

    /// Only what was said: that a topic was set is shown on entering anyway, and clients do not expect other events
    /// unless they asked for them.
    fn show_history(&mut self, errand: &Errand, found: Result<&[Entry], &Fault>, out: &mut Vec<u8>) {
        let server = &self.house.settings.name;
        let entries = match found {
            Ok(entries) => entries,
            Err(why) => {
                let explained = format!("The history of {} cannot be shown: {why}", errand.room);
                return words::frame(out, |line| {
                    line.source(server).command("NOTICE").param(self.shown_name()).trailing(&explained)
                });
            }
        };
        let mut said = entries.iter().filter(|entry| entry.record.kind != Kind::Topic).peekable();
        if said.peek().is_none() {
            return;
        }
        self.batches += 1;
        let batch = format!("h{}", self.batches);
        words::frame(out, |line| {
            let line = line.source(server).command("BATCH").param(&format!("+{batch}"));
            line.param("chathistory").param(errand.room.as_str())
        });
        said.for_each(|entry| words::replay(self.abilities, entry, &batch, &self.house, out));
        words::frame(out, |line| line.source(server).command("BATCH").param(&format!("-{batch}")));
    }

    fn look(&self) -> Look {
        Look { face: Face::Irc, abilities: self.abilities & words::SHARED }
    }

    /// Nothing: this door is chosen when the client has spoken already.
    fn greet(&mut self, _: Option<&Name>, _: &mut Vec<u8>) {}

    fn probe(&mut self, out: &mut Vec<u8>) -> Probe {
        words::frame(out, |line| line.command("PING").trailing(&self.house.settings.name));
        Probe::Answers
    }

    fn close(&mut self, why: &Text, out: &mut Vec<u8>) {
        if !self.closed {
            self.closed = true;
            words::closing(why.as_str(), out);
        }
    }
}
