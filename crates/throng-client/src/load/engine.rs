//! The event loop of a load: one thread, readiness from the kernel, one read buffer for all, no allocation per message.
//!
//! `run` moves it from phase to phase, `coming` makes connections and `saying` talks on them. Nothing that a server does ends
//! it: who is lost is counted, and the others go on.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Events, Poll};

use super::alarm::{ALARM, Alarm};
use super::caller::{Caller, State};
use super::chatting::Chatting;
use super::counts::{Counts, Why};
use super::diagnosis::Fault;
use super::now;
use super::outcome::{Damaged, Moment, Observer};
use super::payload::Payload;
use super::plan::{Framing, Messages, Plan, Task};
use super::schedule::Schedule;
use super::watch::Watch;
use crate::times::Times;

/// Sockets that one look at the kernel brings.
const EVENTS_MAX: usize = 1024;

/// How long it sleeps at most before it looks at the clock.
const TURN_MAX: Duration = Duration::from_millis(100);

/// How much is read at once.
const READ_BYTES: usize = 256 << 10;

/// How often those are looked for who wait too long.
const SWEEP: Duration = Duration::from_millis(250);

/// How often a slow reader reads.
const SLOW_TICK: Duration = Duration::from_millis(100);

/// How often somebody is told how it goes.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// What the load is about at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Everybody comes.
    Coming,
    /// Those of a chat get their names and come into their rooms.
    Gathering,
    /// They talk.
    Talking,
    /// Nobody begins anything; what is under way comes back.
    Draining,
    /// Everybody leaves.
    Leaving,
}

/// An appointment of this connection, by its place and its number: who came later in its place is not meant.
pub type Appointment = (Instant, usize, u64);

/// The loop, and all that it knows.
pub struct Engine<'a> {
    pub plan: &'a Plan,
    pub observer: &'a mut dyn Observer,
    pub poll: Poll,
    pub phase: Phase,
    pub payload: Payload,
    pub callers: Vec<Caller>,
    /// What they know of each other, where it is a chat.
    pub chat: Option<Box<Chatting>>,
    /// When each message under way was sent, by caller and by number modulo the depth.
    pub begun_at: Vec<Instant>,
    pub schedule: Option<Schedule>,
    /// Messages whose time is this or later are not sent.
    pub ends: Option<Instant>,
    /// When those who are coming must have come, in order.
    pub coming: VecDeque<Appointment>,
    /// How many are coming.
    pub coming_now: usize,
    /// When those who think have thought, or those who failed come again, in order.
    pub waiting: VecDeque<Appointment>,
    /// When those of whom a wrong byte came are judged, in order.
    pub suspects: VecDeque<Appointment>,
    pub counts: Counts,
    /// Connections that are there.
    pub here: u64,
    /// Messages that were begun and have not come back, of those who are there.
    pub under_way: u64,
    /// Messages that those who are there may begin.
    pub owed: u64,
    /// The number of the next connection.
    pub number: u64,
    /// What was sent before this is not counted.
    pub counts_from: Option<Instant>,
    pub response: Times,
    pub service: Times,
    pub connect: Times,
    pub faults: Vec<Fault>,
    pub damaged: Damaged,
    pub strange: Option<String>,
    pub watch: Watch,
    alarm: Alarm,
    events: Events,
    pub buffer: Vec<u8>,
    recent: Recent,
    swept_at: Instant,
    read_slowly_at: Instant,
}

/// Since somebody was told the last time.
struct Recent {
    told_at: Instant,
    times: Times,
    heard: u64,
    bytes: u64,
}

impl<'a> Engine<'a> {
    /// Nobody has come yet.
    ///
    /// # Errors
    /// When the kernel has no place for an event loop.
    pub fn new(plan: &'a Plan, observer: &'a mut dyn Observer) -> io::Result<Engine<'a>> {
        let (poll, now) = (Poll::new()?, now());
        let alarm = Alarm::new(&poll)?;
        let nothing = Messages { framing: Framing::Raw, bytes: 1, seed: 0, verify: false };
        Ok(Engine {
            plan,
            observer,
            poll,
            phase: Phase::Coming,
            payload: Payload::new(plan.messages().unwrap_or(nothing)),
            callers: (0..plan.clients).map(|_| Caller::absent(now)).collect(),
            chat: match plan.task {
                Task::Chat(chat) => Some(Box::new(Chatting::new(chat, now))),
                _ => None,
            },
            begun_at: vec![now; plan.clients * plan.depth()],
            schedule: None,
            ends: None,
            coming: VecDeque::new(),
            coming_now: 0,
            waiting: VecDeque::new(),
            suspects: VecDeque::new(),
            counts: Counts::default(),
            here: 0,
            under_way: 0,
            owed: 0,
            number: 0,
            counts_from: None,
            response: Times::default(),
            service: Times::default(),
            connect: Times::default(),
            faults: Vec::new(),
            damaged: Damaged::default(),
            strange: None,
            watch: Watch::begin(now),
            alarm,
            events: Events::with_capacity(EVENTS_MAX),
            buffer: vec![0; READ_BYTES],
            recent: Recent { told_at: now, times: Times::default(), heard: 0, bytes: 0 },
            swept_at: now,
            read_slowly_at: now,
        })
    }

    /// Takes what the kernel has ready and does what is due; waits for either until this time at most, and never long.
    ///
    /// # Errors
    /// When the kernel cannot wait for sockets.
    pub fn turn(&mut self, until: Instant) -> io::Result<()> {
        let begun = now();
        let patience = until.saturating_duration_since(begun).min(TURN_MAX);
        let patience = match self.appointment() {
            Some(at) if at <= begun => Duration::ZERO,
            at => {
                let by_clock = self.alarm.set(at, begun)?;
                by_clock.map_or(patience, |by_clock| by_clock.min(patience))
            }
        };
        match self.poll.poll(&mut self.events, Some(patience)) {
            Err(why) if why.kind() != io::ErrorKind::Interrupted => return Err(why),
            _ => {}
        }
        let woke = now();
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        let mut served = 0;
        for event in events.iter().filter(|event| event.token() != ALARM) {
            self.serve(event);
            served += 1;
        }
        self.events = events;
        let at = now();
        self.watch.turn(at.saturating_duration_since(woke), served);
        self.keep_appointments(at);
        Ok(())
    }

    fn serve(&mut self, event: &Event) {
        let index = event.token().0;
        let is_made = event.is_writable() || event.is_error() || event.is_read_closed();
        if self.callers[index].state == State::Coming && is_made {
            self.arrive(index, now());
        }
        // What the server said at once, or its end, may have come with the same event, and is told only once.
        let state = self.callers[index].state;
        if matches!(state, State::Coming | State::Gone) {
            return;
        }
        if event.is_writable() && self.callers[index].waits_to_write {
            self.flush(index, now());
        }
        let is_slow = matches!(self.plan.task, Task::SlowReader { .. });
        if event.is_readable() && !(is_slow && state == State::Here) {
            self.read(index, event.is_read_closed());
        } else if event.is_error() && is_slow {
            self.lose(index, Why::Reset);
        }
    }

    /// The next thing that must be done in time.
    fn appointment(&self) -> Option<Instant> {
        let next = self.schedule.filter(|_| self.may_issue()).map(|schedule| schedule.next());
        let may_wait_on = self.plan.task == Task::Churn && self.coming_now >= self.plan.coming_max();
        let thought = self.waiting.front().filter(|_| !may_wait_on).map(|(at, ..)| *at);
        next.into_iter().chain(thought).min()
    }

    fn keep_appointments(&mut self, now: Instant) {
        while let Some((index, _)) = due(&mut self.coming, now) {
            // Only those who are still coming are in time for this.
            if self.callers[index].state == State::Coming {
                self.lose(index, Why::ConnectTimeout);
            }
        }
        self.go_on_waiting(now);
        while let Some((index, number)) = due(&mut self.suspects, now) {
            if self.is_there(index, number) {
                self.convict(index, true);
            }
        }
        self.issue();
        if now.saturating_duration_since(self.swept_at) >= SWEEP {
            self.swept_at = now;
            self.sweep(now);
        }
        if now.saturating_duration_since(self.read_slowly_at) >= SLOW_TICK {
            self.read_slowly_at = now;
            self.read_slowly(SLOW_TICK);
        }
        if now.saturating_duration_since(self.recent.told_at) >= TOLD_EVERY {
            self.tell(now);
        }
        self.talk_on();
    }

    /// Whether the connection of this number is still in this place.
    pub fn is_there(&self, index: usize, number: u64) -> bool {
        let caller = &self.callers[index];
        caller.socket.is_some() && caller.stream.connection == number
    }

    /// Whoever waits too long for an answer is lost.
    fn sweep(&mut self, now: Instant) {
        if matches!(self.plan.task, Task::SlowReader { .. } | Task::Hold) {
            return;
        }
        if self.chat.is_some() {
            return self.give_up_on_words(self.plan.answer_timeout);
        }
        for index in 0..self.callers.len() {
            let caller = &self.callers[index];
            let waits = match caller.state {
                State::Here => caller.stream.under_way(&self.payload) > 0,
                State::Leaving => self.plan.task == Task::Churn,
                State::Coming | State::Gone => false,
            };
            if waits && now.saturating_duration_since(caller.since) >= self.plan.answer_timeout {
                self.lose(index, Why::Unanswered);
            }
        }
    }

    /// Counts how long a message or a connection took that was meant to begin then.
    pub fn record(&mut self, intended: Instant, sent: Instant, now: Instant) {
        let response = now.saturating_duration_since(intended);
        self.recent.times.add(response);
        if self.counts_from.is_some_and(|from| intended >= from) {
            self.response.add(response);
            self.service.add(now.saturating_duration_since(sent));
        }
    }

    fn tell(&mut self, now: Instant) {
        let recent = &mut self.recent;
        let seconds = now.saturating_duration_since(recent.told_at).as_secs_f64();
        let heard = if self.plan.task == Task::Churn { self.counts.answered } else { self.counts.heard };
        let moment = Moment {
            since: self.counts_from.map(|from| now.saturating_duration_since(from)),
            here: self.here,
            asked: self.plan.clients as u64,
            per_s: (heard - recent.heard) as f64 / seconds,
            bytes_per_s: (self.counts.bytes_heard - recent.bytes) as f64 / seconds,
            p50: recent.times.quantile(0.5),
            p99: recent.times.quantile(0.99),
            longest: recent.times.longest(),
            errors: self.counts.failed.sum() + self.counts.lost.sum(),
        };
        (recent.told_at, recent.heard, recent.bytes) = (now, heard, self.counts.bytes_heard);
        recent.times.clear();
        self.observer.tell(&moment);
    }
}

/// Takes the first appointment whose time has come.
pub fn due(appointments: &mut VecDeque<Appointment>, now: Instant) -> Option<(usize, u64)> {
    let (_, index, number) = appointments.pop_front_if(|(at, ..)| *at <= now)?;
    Some((index, number))
}
