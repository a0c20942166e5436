//! How the clients of a chat get their names and come into their rooms. Whoever is not let in is lost, and the others go on.

use std::io;
use std::time::{Duration, Instant};

use super::caller::State;
use super::chatting::Chatting;
use super::counts::Why;
use super::engine::{Engine, Phase};
use super::now;
use super::plan::CHAT_COMING_MAX;

/// A server that names nobody for so long does it by a timer: then others come without waiting for it.
pub const QUIET: Duration = Duration::from_millis(10);

/// When so many wait for their names, nobody else comes, however quiet the server is.
const NAMELESS_MAX: usize = 2_000;

/// How far a client of a chat is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It asked for its name.
    #[default]
    Nameless,
    /// It has it.
    Named,
    /// It is in its room.
    InRoom,
    /// It has heard everything that the server had for it before it was asked.
    Settled,
}

/// Who waits for what.
#[derive(Debug)]
pub struct Gathering {
    /// What is waited for.
    target: Stage,
    /// Those who are here and not so far.
    waiting: usize,
    /// When somebody came further.
    moved_at: Instant,
    /// Those who are here without a name, and how many of them there may be before nobody else comes.
    nameless: usize,
    nameless_max: usize,
}

impl Gathering {
    /// Nobody is here.
    pub fn new(now: Instant) -> Gathering {
        Gathering {
            target: Stage::Nameless,
            waiting: 0,
            moved_at: now,
            nameless: 0,
            nameless_max: CHAT_COMING_MAX,
        }
    }

    /// Somebody came.
    pub fn come(&mut self) {
        self.nameless += 1;
    }

    /// Somebody got from one stage to another.
    pub fn move_on(&mut self, from: Stage, to: Stage, now: Instant) {
        self.leave_stage(from);
        self.waiting += usize::from(to < self.target);
        self.moved_at = now;
    }

    /// Somebody who was so far is no more, or no more so far.
    pub fn leave_stage(&mut self, from: Stage) {
        self.nameless = self.nameless.saturating_sub(usize::from(from == Stage::Nameless));
        self.waiting = self.waiting.saturating_sub(usize::from(from < self.target));
    }

    /// Whether one more may come, beside so many who are coming.
    fn lets_in(&mut self, coming: usize, now: Instant) -> bool {
        let is_quiet = now.saturating_duration_since(self.moved_at) >= QUIET;
        if self.nameless + coming >= self.nameless_max && is_quiet && self.nameless < NAMELESS_MAX {
            self.nameless_max = self.nameless + coming + CHAT_COMING_MAX;
            self.moved_at = now;
        }
        self.nameless + coming < self.nameless_max
    }
}

impl Engine<'_> {
    /// Whether one more connection may be begun: the queue of a chat may be short.
    pub fn lets_in(&mut self, now: Instant) -> bool {
        let coming = self.coming_now;
        self.chat.as_mut().is_none_or(|chat| chat.gathering.lets_in(coming, now))
    }

    /// Everybody gets a name, comes into a room, and hears all about it.
    pub fn gather(&mut self) -> io::Result<()> {
        if self.chat.is_none() {
            return Ok(());
        }
        self.phase = Phase::Gathering;
        self.bring(Stage::Named, |_, _| Vec::new())?;
        self.bring(Stage::InRoom, |chat, index| {
            chat.asked.speech.joining(chat.asked.first_room + chat.asked.shape.room_of(index)).into_bytes()
        })?;
        self.settle()?;
        let Some(chat) = &self.chat else { return Ok(()) };
        let is_in = |index: &usize| {
            self.callers[*index].state == State::Here && chat.members[*index].stage >= Stage::InRoom
        };
        self.counts.answered = (0..self.callers.len()).filter(is_in).count() as u64;
        Ok(())
    }

    /// Everybody asks for a sign of life and waits for it. What a server had for a client comes before its answer.
    pub fn settle(&mut self) -> io::Result<()> {
        let Some(chat) = &mut self.chat else { return Ok(()) };
        for member in &mut chat.members {
            member.stage = member.stage.min(Stage::InRoom);
        }
        self.bring(Stage::Settled, |chat, _| chat.asked.speech.settling().to_vec())
    }

    /// Says this to everybody who is here and waits until all are so far. Where nobody came further for as long as one waits
    /// for an answer, the others are lost.
    fn bring(&mut self, target: Stage, words: impl Fn(&Chatting, usize) -> Vec<u8>) -> io::Result<()> {
        let Some(chat) = &mut self.chat else { return Ok(()) };
        let is_behind = |engine: &Engine<'_>, index: usize| {
            let stage = engine.chat.as_ref().map(|chat| chat.members[index].stage);
            engine.callers[index].state == State::Here && stage.is_some_and(|stage| stage < target)
        };
        (chat.gathering.target, chat.gathering.waiting) = (target, 0);
        chat.gathering.moved_at = now();
        let behind: Vec<_> = (0..self.callers.len()).filter(|index| is_behind(self, *index)).collect();
        if let Some(chat) = &mut self.chat {
            chat.gathering.waiting = behind.len();
        }
        for index in behind {
            let Some(chat) = &self.chat else { return Ok(()) };
            let words = words(chat, index);
            self.tell_server(index, &words);
        }
        let patience = self.plan.answer_timeout;
        while let Some(moved_at) = self.waits_since()
            && !self.observer.is_interrupted()
        {
            if now() >= moved_at + patience {
                for index in 0..self.callers.len() {
                    if is_behind(self, index) {
                        self.lose(index, Why::Unanswered);
                    }
                }
                return Ok(());
            }
            self.turn(moved_at + patience)?;
        }
        Ok(())
    }

    /// Since when nobody came further, if somebody is waited for.
    fn waits_since(&self) -> Option<Instant> {
        let gathering = &self.chat.as_ref()?.gathering;
        (gathering.waiting > 0).then_some(gathering.moved_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_come_when_those_before_have_their_names_or_the_server_is_quiet() {
        let begun = now();
        let mut gathering = Gathering::new(begun);
        (0..CHAT_COMING_MAX).for_each(|_| gathering.come());
        assert!(!gathering.lets_in(0, begun));
        gathering.move_on(Stage::Nameless, Stage::Named, begun);
        assert!(gathering.lets_in(0, begun) && !gathering.lets_in(1, begun));
        // A quiet server: as many again, and then it must be quiet again.
        assert!(gathering.lets_in(1, begun + QUIET));
        (0..=CHAT_COMING_MAX).for_each(|_| gathering.come());
        assert!(!gathering.lets_in(0, begun + QUIET));
        (0..NAMELESS_MAX).for_each(|_| gathering.come());
        assert!(!gathering.lets_in(0, begun + 9 * QUIET), "too many are nameless");
    }
}
