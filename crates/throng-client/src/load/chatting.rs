//! What is said and heard in a chat: talkers say their words, and every word is checked at every receiver, for order, loss and
//! repetition. Who hears something wrong, or leaves, is counted, and the others go on.

use std::io::{ErrorKind, Write};
use std::time::{Duration, Instant};

use super::amiss::Amiss;
use super::caller::State;
use super::counts::Why;
use super::engine::{Engine, Phase};
use super::gathering::{Gathering, Stage};
use super::now;
use super::plan::{Chat, Pace};
use super::schedule::Schedule;
use crate::crowd::Trouble;
use crate::crowd::line::Heard;
use crate::crowd::lines::Lines;
use crate::crowd::tally::Tally;
use crate::crowd::trouble::Wrong;

/// Bytes that may wait to be sent to the server: all that a talker may have under way, and answers to its questions.
const UNSENT_MAX: usize = 1 << 20;

/// The first words of a server's refusal that are told.
const REFUSAL_MAX: usize = 200;

/// A chat, as far as it is.
pub struct Chatting {
    /// What is asked.
    pub asked: Chat,
    /// Who waits for what.
    pub gathering: Gathering,
    /// Everybody.
    pub members: Vec<Member>,
    /// What was wrong.
    pub amiss: Amiss,
    /// Who said and heard what; nothing before they talk.
    tally: Option<Tally>,
    /// When each message under way was said.
    said_at: Vec<Instant>,
    /// What stands before words, for each room.
    beginnings: Vec<String>,
    /// Talkers of whom everybody has heard something; kept for its memory.
    completed: Vec<usize>,
}

/// A client of a chat.
#[derive(Default)]
pub struct Member {
    /// How far it is.
    pub stage: Stage,
    lines: Lines,
    unsent: Vec<u8>,
}

impl Chatting {
    /// Nobody is here.
    pub fn new(asked: Chat, now: Instant) -> Chatting {
        let rooms = 0..asked.shape.rooms;
        Chatting {
            gathering: Gathering::new(now),
            members: std::iter::repeat_with(Member::default).take(asked.shape.clients()).collect(),
            amiss: Amiss::default(),
            tally: None,
            said_at: Vec::new(),
            beginnings: rooms.map(|room| asked.speech.beginning(asked.first_room + room)).collect(),
            completed: Vec::new(),
            asked,
        }
    }

    /// How often words are still to be heard.
    pub fn awaited(&self) -> u64 {
        self.tally.as_ref().map_or(0, Tally::awaited)
    }

    /// Whether nobody can say anything to anybody any more.
    pub fn is_mute(&self) -> bool {
        self.tally.as_ref().is_some_and(Tally::is_mute)
    }

    /// The client whose turn it is, if there is somebody to hear it.
    pub fn client_of(&self, talker: usize) -> Option<usize> {
        let tally = self.tally.as_ref()?;
        tally.has_hearers(talker).then(|| tally.client_of(talker))
    }

    /// This one is no more.
    pub fn lose(&mut self, index: usize) {
        let member = std::mem::take(&mut self.members[index]);
        self.gathering.leave_stage(member.stage);
        if let Some(tally) = &mut self.tally {
            tally.lose(index);
        }
    }
}

impl Engine<'_> {
    /// This one is connected, and asks for its name.
    pub fn greet(&mut self, index: usize) {
        let Some(chat) = &mut self.chat else { return };
        chat.gathering.come();
        let words = chat.asked.speech.coming(index);
        self.tell_server(index, words.as_bytes());
    }

    /// Sends this, and what is still to be sent.
    pub fn tell_server(&mut self, index: usize, words: &[u8]) {
        let Some(chat) = &mut self.chat else { return };
        let unsent = &mut chat.members[index].unsent;
        unsent.extend_from_slice(words);
        if unsent.len() > UNSENT_MAX {
            self.strange.get_or_insert_with(|| "the server takes nothing of what it asks for".to_owned());
            return self.lose(index, Why::Other);
        }
        self.flush_words(index);
    }

    fn flush_words(&mut self, index: usize) {
        let Some(chat) = &mut self.chat else { return };
        let (unsent, caller) = (&mut chat.members[index].unsent, &mut self.callers[index]);
        let mut written = 0;
        let outcome = loop {
            let Some(socket) = caller.socket.as_mut().filter(|_| written < unsent.len()) else {
                break Ok(());
            };
            match socket.write(&unsent[written..]) {
                Ok(more) => written += more,
                Err(why) if why.kind() == ErrorKind::WouldBlock => break Ok(()),
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                Err(why) => break Err(why),
            }
        };
        unsent.drain(..written);
        caller.waits_to_write = !unsent.is_empty();
        self.counts.bytes_sent += written as u64;
        match outcome {
            // What the server said before may tell more than this, and is still to be read.
            Err(why) if why.kind() == ErrorKind::BrokenPipe => self.come_back_to(index),
            Err(why) => self.broken(index, &why),
            Ok(()) => {}
        }
    }

    /// Everybody talks who came so far.
    pub fn begin_to_talk(&mut self, begun: Instant) {
        let Some(chat) = &mut self.chat else { return };
        let shape = chat.asked.shape;
        let mut tally = Tally::new(shape);
        for (index, member) in chat.members.iter().enumerate() {
            if self.callers[index].state != State::Here || member.stage < Stage::InRoom {
                tally.lose(index);
            }
        }
        let talkers: Vec<_> = tally
            .talkers()
            .filter(|(talker, _)| tally.has_hearers(*talker))
            .map(|(_, client)| client)
            .collect();
        chat.said_at = vec![begun; shape.rooms * shape.talkers * shape.window];
        chat.tally = Some(tally);
        match chat.asked.pace {
            Pace::Open { rate } => {
                self.schedule = Some(Schedule::new(begun, rate, shape.rooms * shape.talkers));
            }
            Pace::Closed { .. } => {
                if self.plan.warm_up.is_zero() {
                    self.counts_from = Some(begun);
                }
                for client in talkers {
                    self.owe(client, shape.window as u64);
                    self.speak(client);
                }
            }
        }
    }

    /// This one says what it may say.
    pub fn speak(&mut self, index: usize) {
        while self.say(index) {}
        self.flush_words(index);
    }

    fn say(&mut self, index: usize) -> bool {
        let most = self.plan.until.messages.unwrap_or(u64::MAX);
        let is_time = match self.phase {
            Phase::Talking => self.plan.is_open_loop() || self.counts.begun < most,
            Phase::Draining => self.plan.is_open_loop(),
            Phase::Coming | Phase::Gathering | Phase::Leaving => false,
        };
        let caller = &mut self.callers[index];
        let Some(chat) = &mut self.chat else { return false };
        let shape = chat.asked.shape;
        let (Some(tally), Some(talker)) = (&mut chat.tally, shape.talker(index)) else { return false };
        let may = tally.has_hearers(talker) && tally.under_way(talker) < shape.window;
        if !is_time || !may || caller.owed == 0 || caller.state != State::Here {
            return false;
        }
        let unsent = &mut chat.members[index].unsent;
        unsent.extend_from_slice(chat.beginnings[shape.room_of(index)].as_bytes());
        tally.say(talker, unsent);
        unsent.extend_from_slice(b"\r\n");
        chat.said_at[tally.last_place(talker)] = now();
        caller.owed -= 1;
        self.owed -= 1;
        self.counts.begun += 1;
        true
    }

    /// What came from the server.
    pub fn hear_words(&mut self, index: usize, bytes: &[u8]) {
        let Some(chat) = &mut self.chat else { return };
        let (mut lines, now) = (std::mem::take(&mut chat.members[index].lines), now());
        let outcome = lines.take(bytes, |line| self.hear_line(index, line, now));
        if let (Some(chat), true) = (&mut self.chat, self.callers[index].state == State::Here) {
            chat.members[index].lines = lines;
        }
        if let Err(trouble) = outcome {
            self.strange.get_or_insert_with(|| trouble.to_string());
            self.lose(index, Why::Denied);
        }
    }

    fn hear_line(&mut self, index: usize, line: &[u8], now: Instant) -> Result<(), Trouble> {
        let Some(chat) = &mut self.chat else { return Ok(()) };
        // An answer to what this line asked for may have ended it.
        if self.callers[index].state != State::Here {
            return Ok(());
        }
        let speech = chat.asked.speech;
        let stage = match speech.hear(line) {
            Heard::Said { from, .. } if from == index && speech.hears_itself() => return Ok(()),
            Heard::Said { from, body } => {
                self.hear_said(index, from, body, now);
                return Ok(());
            }
            Heard::Welcome => Stage::Named,
            Heard::EndOfNames => Stage::InRoom,
            Heard::Pong => Stage::Settled,
            Heard::Ping(token) => {
                let pong = [b"PONG ", token, b"\r\n"].concat();
                self.tell_server(index, &pong);
                return Ok(());
            }
            Heard::Refusal => {
                let line = &line[..line.len().min(REFUSAL_MAX)];
                return Err(Trouble::Refused(String::from_utf8_lossy(line).into_owned()));
            }
            Heard::Join | Heard::Other => return Ok(()),
        };
        let member = &mut chat.members[index];
        if stage > member.stage {
            chat.gathering.move_on(std::mem::replace(&mut member.stage, stage), stage, now);
        }
        Ok(())
    }

    fn hear_said(&mut self, index: usize, from: usize, body: &[u8], now: Instant) {
        let Some(chat) = &mut self.chat else { return };
        let Some(tally) = &mut chat.tally else { return };
        match tally.hear(index, from, body) {
            Ok(place) => {
                let (sent, number) = (chat.said_at[place], tally.heard_of(index, from));
                let talker = chat.asked.shape.talker(from).unwrap_or_default();
                let intended = self.schedule.map_or(sent, |schedule| schedule.intended(talker, number - 1));
                self.counts.heard += 1;
                self.record(intended, sent, now);
            }
            Err(mut wrong) => {
                // A number that nobody has come to is no word that was passed over.
                if matches!(wrong, Wrong::OutOfOrder { came, .. } if came > tally.said_of(from)) {
                    let body = String::from_utf8_lossy(&body[..body.len().min(REFUSAL_MAX)]).into_owned();
                    wrong = Wrong::Damaged { from, at: index, body };
                }
                let is_heard = match wrong {
                    Wrong::OutOfOrder { came, .. } => tally.pass_to(index, from, came),
                    // It stands where the next one should.
                    Wrong::Damaged { .. } => tally.pass_to(index, from, tally.heard_of(index, from) + 1),
                    Wrong::Stranger { .. } | Wrong::Unheard { .. } => false,
                };
                self.counts.heard += u64::from(is_heard);
                chat.amiss.note(wrong);
            }
        }
    }

    /// Talkers of whom everybody has heard something say more.
    pub fn talk_on(&mut self) {
        let Some(chat) = &mut self.chat else { return };
        let Some(tally) = &mut chat.tally else { return };
        let mut completed = std::mem::take(&mut chat.completed);
        tally.take_completed(&mut completed);
        completed.iter_mut().for_each(|talker| *talker = tally.client_of(*talker));
        for index in completed.iter().copied() {
            match self.plan.pace() {
                _ if self.callers[index].state != State::Here => {}
                Some(Pace::Closed { think }) if think.is_zero() => self.owe(index, 1),
                Some(Pace::Closed { think }) => {
                    let number = self.callers[index].stream.connection;
                    self.waiting.push_back((now() + think, index, number));
                }
                Some(Pace::Open { .. }) | None => {}
            }
        }
        completed.sort_unstable();
        completed.dedup();
        for index in &completed {
            if self.callers[*index].state == State::Here {
                self.speak(*index);
            }
        }
        if let Some(chat) = &mut self.chat {
            chat.completed = completed;
        }
    }

    /// Whoever has not heard something for so long is lost; where nobody heard it, the one who said it.
    pub fn give_up_on_words(&mut self, patience: Duration) {
        let now = now();
        let Some(shape) = self.chat.as_ref().map(|chat| chat.asked.shape) else { return };
        for talker in 0..shape.rooms * shape.talkers {
            // Each time somebody is lost, so this comes to an end.
            while let Some(late) = self.late_for(talker, now, patience) {
                for wrong in late {
                    let (Wrong::Unheard { at, from, .. }, Some(chat)) = (&wrong, &mut self.chat) else {
                        continue;
                    };
                    let (at, from) = (*at, *from);
                    if at != from {
                        chat.amiss.note(wrong);
                    }
                    self.lose(at, Why::Unanswered);
                }
            }
        }
    }

    /// Who has not heard the oldest words of a talker that were said so long ago, if there are such: those who have not, or,
    /// where nobody has, the one who said them.
    fn late_for(&self, talker: usize, now: Instant, patience: Duration) -> Option<Vec<Wrong>> {
        let chat = self.chat.as_ref()?;
        let tally = chat.tally.as_ref()?;
        let (from, place) = (tally.client_of(talker), tally.oldest_place(talker)?);
        let is_late = now.saturating_duration_since(chat.said_at[place]) >= patience;
        if self.callers[from].state != State::Here || !is_late {
            return None;
        }
        let late = tally.late_for(talker);
        let nobody = late.len() == tally.hearers(talker);
        Some(if nobody { vec![Wrong::Unheard { from, at: from, number: 0 }] } else { late })
    }
}
