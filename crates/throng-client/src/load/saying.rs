//! What is said and heard on connections that are there.

use std::io::{ErrorKind, IoSlice, Read, Write};
use std::time::{Duration, Instant};

use mio::{Interest, Token};

use super::caller::State;
use super::counts::Why;
use super::diagnosis::EVIDENCE_BYTES;
use super::engine::{Engine, Phase};
use super::now;
use super::plan::{Pace, Task};
use super::stream::PIECES_MAX;

/// Writes to one connection before others have their turn.
const WRITES_MAX: usize = 16;

/// Reads from one connection before others have their turn.
const READS_MAX: usize = 16;

/// When nothing has come for so long behind a wrong byte, it is judged by what came.
const QUIET: Duration = Duration::from_millis(300);

impl Engine<'_> {
    /// This one may begin so many messages more.
    pub fn owe(&mut self, index: usize, messages: u64) {
        self.callers[index].owed += messages;
        self.owed += messages;
    }

    /// Whether messages of an open loop are still to come.
    pub fn may_issue(&self) -> bool {
        let most = self.plan.until.messages.unwrap_or(u64::MAX);
        let next = self.schedule.map(|schedule| schedule.next());
        let is_time = self.ends.is_none_or(|ends| next.is_none_or(|next| next < ends));
        self.phase == Phase::Talking && is_time && self.counts.begun + self.owed + self.counts.unsent < most
    }

    /// Gives everybody the messages whose time has come.
    pub fn issue(&mut self) {
        let until = now();
        while self.may_issue()
            && let Some(intended) = self.schedule.map(|schedule| schedule.next())
            && let Some(index) = self.schedule.as_mut().and_then(|schedule| schedule.issue(until))
        {
            // What comes late here is late by this program, not by the server.
            self.watch.turn(until.saturating_duration_since(intended), 1);
            // In a chat it is a talker's turn, where there is somebody to hear it.
            let index = self.chat.as_ref().map_or(Some(index), |chat| chat.client_of(index));
            match index.filter(|index| self.callers[*index].state == State::Here) {
                Some(index) => {
                    self.owe(index, 1);
                    self.flush(index, now());
                }
                None => self.counts.unsent += 1,
            }
        }
    }

    /// Sends what was begun, and begins what may be begun: each message is one write, if the kernel takes it.
    pub fn flush(&mut self, index: usize, now: Instant) {
        if self.chat.is_some() {
            return self.speak(index);
        }
        for _ in 0..WRITES_MAX {
            if self.callers[index].state != State::Here {
                return;
            }
            self.callers[index].waits_to_write = false;
            if self.callers[index].stream.is_sent(&self.payload) && !self.begin(index, now) {
                return;
            }
            let caller = &mut self.callers[index];
            let Some(socket) = &mut caller.socket else { return };
            let mut pieces = [IoSlice::new(&[]); PIECES_MAX];
            let count = caller.stream.unsent(&self.payload, &mut pieces);
            let written = match &pieces[..count] {
                [piece] => socket.write(piece),
                pieces => socket.write_vectored(pieces),
            };
            match written {
                Ok(written) => {
                    caller.stream.sent += written as u64;
                    self.counts.bytes_sent += written as u64;
                }
                Err(why) if why.kind() == ErrorKind::WouldBlock => {
                    caller.waits_to_write = true;
                    return;
                }
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                // What the server said before may tell more than this, and is still to be read.
                Err(why) if why.kind() == ErrorKind::BrokenPipe => return self.come_back_to(index),
                Err(why) => return self.broken(index, &why),
            }
        }
        self.callers[index].waits_to_write = true;
        self.come_back_to(index);
    }

    /// The kernel tells anew what this one is ready for, behind all others.
    pub fn come_back_to(&mut self, index: usize) {
        let Some(socket) = &mut self.callers[index].socket else { return };
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(why) = self.poll.registry().reregister(socket, Token(index), interest) {
            self.broken(index, &why);
        }
    }

    /// Begins the next message of this one, if it may.
    fn begin(&mut self, index: usize, now: Instant) -> bool {
        let caller = &mut self.callers[index];
        let depth = self.plan.depth() as u64;
        let may = match self.plan.task {
            Task::Echo(echo) => {
                let is_time = match echo.pace {
                    Pace::Closed { .. } => {
                        self.phase == Phase::Talking
                            && self.plan.until.messages.is_none_or(|most| self.counts.begun < most)
                    }
                    Pace::Open { .. } => true,
                };
                is_time && caller.owed > 0 && caller.stream.under_way(&self.payload) < depth
            }
            Task::SlowReader { .. } => self.phase == Phase::Talking,
            Task::Churn | Task::Hold | Task::Chat(_) => false,
        };
        if !may || caller.evidence.is_some() {
            return false;
        }
        let from_now_on = caller.stream.under_way(&self.payload) == 0;
        self.begun_at[index * self.plan.depth() + (caller.stream.begun % depth) as usize] = now;
        if from_now_on {
            caller.since = now;
        }
        caller.stream.begun += 1;
        let owed = caller.owed.min(1);
        caller.owed -= owed;
        self.owed -= owed;
        self.under_way += 1;
        self.counts.begun += 1;
        true
    }

    /// Reads all that is there: the kernel tells of it only once. Of the end, too, which may have come with the last
    /// bytes: when it has, it is read to.
    pub fn read(&mut self, index: usize, has_ended: bool) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut is_empty = false;
        for _ in 0..READS_MAX {
            let read = self.read_once(index, &mut buffer);
            is_empty = read.is_none_or(|read| read < buffer.len() && !has_ended);
            if is_empty {
                break;
            }
        }
        self.buffer = buffer;
        if !is_empty {
            self.come_back_to(index);
        }
    }

    /// How much came; nothing when there is no more, or nobody any more.
    fn read_once(&mut self, index: usize, buffer: &mut [u8]) -> Option<usize> {
        match self.callers[index].socket.as_mut()?.read(buffer) {
            Ok(0) => {
                self.ended(index);
                None
            }
            Ok(read) => {
                self.hear(index, &buffer[..read]);
                Some(read)
            }
            Err(why) if why.kind() == ErrorKind::WouldBlock => None,
            Err(why) if why.kind() == ErrorKind::Interrupted => Some(buffer.len()),
            Err(why) => {
                self.broken(index, &why);
                None
            }
        }
    }

    /// Lets slow readers read what they may in this time.
    pub fn read_slowly(&mut self, time: Duration) {
        let Task::SlowReader { bytes_per_s, .. } = self.plan.task else { return };
        let most = (bytes_per_s as f64 * time.as_secs_f64()).ceil() as usize;
        let mut buffer = std::mem::take(&mut self.buffer);
        let most = most.clamp(1, buffer.len());
        for index in 0..self.callers.len() {
            if self.callers[index].state == State::Here {
                self.read_once(index, &mut buffer[..most]);
            }
        }
        self.buffer = buffer;
    }

    fn hear(&mut self, index: usize, bytes: &[u8]) {
        self.counts.bytes_heard += bytes.len() as u64;
        if self.chat.is_some() {
            return self.hear_words(index, bytes);
        }
        // What a server says to those who came for nothing is its own affair.
        let Some(messages) = self.plan.messages() else { return };
        let now = now();
        let caller = &mut self.callers[index];
        caller.since = now;
        if let Some(evidence) = &mut caller.evidence {
            let room = EVIDENCE_BYTES - evidence.len();
            evidence.extend_from_slice(&bytes[..bytes.len().min(room)]);
            return self.judge_if_clear(index);
        }
        let before = caller.stream.answered(&self.payload);
        let outcome = match messages.verify {
            true => caller.stream.hear(&self.payload, bytes),
            false => caller.stream.count(bytes.len()),
        };
        let answered = caller.stream.answered(&self.payload);
        self.under_way -= answered - before;
        if let Err(place) = outcome {
            let (wrong, number) = (&bytes[place..], caller.stream.connection);
            caller.evidence = Some(wrong[..wrong.len().min(EVIDENCE_BYTES)].to_vec());
            self.suspects.push_back((now + QUIET, index, number));
        }
        if answered > before {
            self.answered(index, before..answered, now);
        }
        self.judge_if_clear(index);
    }

    fn judge_if_clear(&mut self, index: usize) {
        let is_full = |evidence: &Vec<u8>| evidence.len() == EVIDENCE_BYTES;
        if self.callers[index].evidence.as_ref().is_some_and(is_full) {
            self.convict(index, false);
        }
    }

    /// These messages of this one came back whole, just now.
    fn answered(&mut self, index: usize, numbers: std::ops::Range<u64>, now: Instant) {
        if numbers.start == 0 {
            self.counts.answered += 1;
        }
        let count = numbers.end - numbers.start;
        self.counts.heard += count;
        let Task::Echo(echo) = self.plan.task else { return };
        for number in numbers {
            let sent = self.begun_at[index * echo.depth + (number % echo.depth as u64) as usize];
            let intended = self.schedule.map_or(sent, |schedule| schedule.intended(index, number));
            self.record(intended, sent, now);
        }
        match echo.pace {
            Pace::Open { .. } => {}
            Pace::Closed { think } if think.is_zero() => self.owe(index, count),
            Pace::Closed { think } => {
                let number = self.callers[index].stream.connection;
                let thought = (now + think, index, number);
                self.waiting.extend(std::iter::repeat_n(thought, count as usize));
            }
        }
        self.flush(index, now);
    }

    /// Everybody from whom something is still due is lost.
    pub fn give_up_on_answers(&mut self) {
        if self.chat.is_some() {
            return self.give_up_on_words(Duration::ZERO);
        }
        for index in 0..self.callers.len() {
            let caller = &self.callers[index];
            if caller.state == State::Here && caller.stream.under_way(&self.payload) > 0 {
                if caller.evidence.is_some() {
                    self.convict(index, true);
                } else {
                    self.lose(index, Why::Unanswered);
                }
            }
        }
    }
}
