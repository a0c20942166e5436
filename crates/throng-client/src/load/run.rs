//! A load from its first connection to its last byte: all come, all wait for each other, talk, and leave.

use std::io;
use std::time::{Duration, Instant};

use super::caller::State;
use super::counts::{Counts, Why};
use super::engine::{Engine, Phase};
use super::gathering::QUIET;
use super::now;
use super::outcome::{Observer, Outcome};
use super::plan::{COMING_MAX, Pace, Plan, Task};
use super::schedule::Schedule;
use super::watch::{Own, Watch};

/// How long the server has to end those who have said that nothing more comes.
const FAREWELL_MAX: Duration = Duration::from_secs(2);

/// How long answers are waited for when somebody ended the load before its time.
const INTERRUPTED_MAX: Duration = Duration::from_secs(1);

/// What was counted when the window ended.
struct Window {
    lasted: Duration,
    at_begin: Counts,
    at_end: Counts,
    own: Own,
}

/// Does what is asked.
///
/// # Errors
/// When this machine has no event loop for it. Whatever the server does is part of the outcome.
pub fn run(plan: &Plan, observer: &mut dyn Observer) -> io::Result<Outcome> {
    let mut engine = Engine::new(plan, observer)?;
    if plan.task != Task::Churn {
        engine.let_all_come()?;
        engine.gather()?;
    }
    let window = engine.talk()?;
    let is_interrupted = engine.observer.is_interrupted();
    if !matches!(plan.task, Task::SlowReader { .. }) {
        engine.drain(is_interrupted)?;
        engine.farewell()?;
    }
    if plan.task != Task::Churn {
        engine.counts.asked = plan.clients as u64;
    }
    let heard = |counts: &Counts| if plan.task == Task::Churn { counts.answered } else { counts.heard };
    let amiss = engine.chat.map(|chat| chat.amiss).unwrap_or_default();
    Ok(Outcome {
        lasted: window.lasted,
        in_window: heard(&window.at_end) - heard(&window.at_begin),
        bytes_in_window: window.at_end.bytes_heard - window.at_begin.bytes_heard,
        own: window.own,
        is_interrupted,
        counts: engine.counts,
        response: engine.response,
        service: engine.service,
        connect: engine.connect,
        faults: engine.faults,
        damaged: if plan.is_chat() { amiss.damaged } else { engine.damaged },
        words: amiss.first,
        strange: engine.strange,
    })
}

impl Engine<'_> {
    fn let_all_come(&mut self) -> io::Result<()> {
        let begun = now();
        let pause = self.plan.ramp / u32::try_from(self.plan.clients.max(1)).unwrap_or(u32::MAX);
        let (mut next, coming_max) = (0, self.plan.coming_max());
        while (next < self.callers.len() || self.coming_now > 0) && !self.observer.is_interrupted() {
            let mut due = begun + pause * next as u32;
            while next < self.callers.len() && self.coming_now < coming_max && due <= now() {
                if !self.lets_in(now()) {
                    due = now() + QUIET;
                    break;
                }
                self.come(next);
                next += 1;
                due = begun + pause * next as u32;
                if self.is_hopeless() {
                    let left = (self.callers.len() - next) as u64;
                    self.counts.failed.add_many(Why::Local, left * u64::from(self.counts.reached > 0));
                    next = self.callers.len();
                }
            }
            self.turn(if next < self.callers.len() && self.coming_now < coming_max {
                due
            } else {
                far(now())
            })?;
        }
        Ok(())
    }

    /// Nobody was taken at all, or this machine has no descriptor left: the next ones have no other fate.
    fn is_hopeless(&self) -> bool {
        let failed = &self.counts.failed;
        self.counts.reached == 0 && failed.sum() >= COMING_MAX as u64
            || failed.of(Why::Local) >= COMING_MAX as u64
    }

    /// Everybody begins at once; it counts after the warm-up.
    fn talk(&mut self) -> io::Result<Window> {
        self.phase = Phase::Talking;
        let begun = now();
        self.let_all_begin(begun);
        let mut begins = begun;
        if !self.plan.warm_up.is_zero() {
            let until = begun + self.plan.warm_up;
            while now() < until && !self.is_over() {
                self.turn(until)?;
            }
            begins = now();
        }
        self.counts_from = Some(begins);
        self.watch = Watch::begin(begins);
        let at_begin = self.counts;
        let until = self.plan.until.duration.map_or(far(begins), |lasts| begins + lasts);
        self.ends = Some(until);
        while now() < until && !self.is_over() {
            self.turn(until)?;
        }
        let ends = now();
        let own = self.watch.end(ends);
        Ok(Window { lasted: ends.saturating_duration_since(begins), at_begin, at_end: self.counts, own })
    }

    fn let_all_begin(&mut self, begun: Instant) {
        match self.plan.task {
            Task::Hold => {}
            Task::Chat(_) => self.begin_to_talk(begun),
            Task::Churn => self.waiting.extend((0..self.callers.len()).map(|index| (begun, index, 0))),
            Task::SlowReader { .. } => (0..self.callers.len()).for_each(|index| self.flush(index, now())),
            Task::Echo(echo) => match echo.pace {
                Pace::Open { rate } => self.schedule = Some(Schedule::new(begun, rate, self.callers.len())),
                Pace::Closed { .. } => {
                    if self.plan.warm_up.is_zero() {
                        self.counts_from = Some(begun);
                    }
                    for index in 0..self.callers.len() {
                        if self.callers[index].state == State::Here {
                            self.owe(index, echo.depth as u64);
                            self.flush(index, now());
                        }
                    }
                }
            },
        }
    }

    /// Nothing more can happen, or nothing more may.
    fn is_over(&self) -> bool {
        if self.observer.is_interrupted() {
            return true;
        }
        let most = self.plan.until.messages.unwrap_or(u64::MAX);
        match self.plan.task {
            Task::Churn => self.counts.asked >= most && self.here == 0 && self.coming_now == 0,
            Task::Hold | Task::SlowReader { .. } => self.here == 0,
            Task::Chat(_) => {
                let is_all_said = self.counts.begun + self.counts.unsent >= most;
                let (awaited, is_mute) = self.words_under_way();
                self.here == 0 || is_mute || is_all_said && awaited == 0
            }
            Task::Echo(_) => {
                let is_all_said = self.counts.begun + self.counts.unsent >= most;
                self.here == 0 || is_all_said && self.under_way == 0 && self.suspects.is_empty()
            }
        }
    }

    /// What is under way comes back, and what is late in an open loop is still sent.
    fn drain(&mut self, is_interrupted: bool) -> io::Result<()> {
        self.phase = Phase::Draining;
        let is_open = self.schedule.is_some();
        let patience = if is_interrupted { INTERRUPTED_MAX } else { self.plan.answer_timeout };
        let mut until = now() + patience;
        let churns = self.plan.task == Task::Churn;
        while now() < until
            && (self.under_way > 0
                || self.words_under_way().0 > 0
                || is_open && self.owed > 0 && self.here > 0
                || !self.suspects.is_empty()
                || churns && self.here > 0)
        {
            if self.observer.is_interrupted() {
                until = until.min(now() + INTERRUPTED_MAX);
            }
            self.turn(until)?;
        }
        if !is_interrupted {
            self.give_up_on_answers();
            // What was told once too often comes before the answer.
            self.settle()?;
        }
        Ok(())
    }

    /// How often words of a chat are still to be heard, and whether nobody can say any more.
    fn words_under_way(&self) -> (u64, bool) {
        self.chat.as_ref().map_or((0, false), |chat| (chat.awaited(), chat.is_mute()))
    }

    /// Everybody says that nothing more comes, and the server may say so too; nothing else may come before.
    fn farewell(&mut self) -> io::Result<()> {
        self.phase = Phase::Leaving;
        if self.plan.is_chat() {
            // A chat tells all others of everybody who leaves: nobody listens to that.
            (0..self.callers.len()).for_each(|index| self.forget(index));
        }
        for index in 0..self.callers.len() {
            match self.callers[index].state {
                State::Here => self.leave(index),
                State::Coming => self.forget(index),
                State::Leaving | State::Gone => {}
            }
        }
        let until = now() + FAREWELL_MAX;
        while self.here > 0 && now() < until {
            self.turn(until)?;
        }
        self.counts.unended = self.here;
        for index in 0..self.callers.len() {
            self.convict(index, true);
            self.forget(index);
        }
        Ok(())
    }
}

/// So late that it does not matter.
fn far(now: Instant) -> Instant {
    now + Duration::from_secs(1 << 30)
}
