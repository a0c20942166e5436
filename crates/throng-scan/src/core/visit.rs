//! One host's ports, from the first question to the last verdict. Time and answers come in; questions and verdicts go out.
//!
//! A port is final when an answer came, or when it was silent often enough *and* something that was asked later was answered:
//! else it may be the host that is silent, or the way.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::canary::Canaries;
use super::flights::{Flight, Flights, Kind, Slot};
use super::moment::Moment;
use super::round_trip::{RoundTrip, TIMEOUT_START};
use super::window::Window;
use super::{Answer, Found, Gauges, VisitEnd};
use crate::event::{HostEnd, Reason, Verdict};

/// A question to a host that was never heard waits for what the kernel finds out about the way: it asks for the neighbour's
/// address three times, a second apart (neigh/default/mcast_solicit, arp(7)).
const WARM_UP_MAX: Duration = Duration::from_millis(3500);
/// An answer that says "unreachable" and took so long came from our own kernel, which did not find the neighbour.
const NEIGHBOUR_SILENT: Duration = Duration::from_millis(900);
/// Asked first, as far as they are to be asked: likely open ports, and likely closed is any other.
const LIKELY_OPEN: [u16; 4] = [443, 80, 22, 445];
/// A port that is silent is asked again after this, or two time-outs if that is more: what was lost in a burst is not lost again.
const AGAIN_AFTER: Duration = Duration::from_millis(250);
/// Chances that an open port is missed are to be smaller than this.
const MISS_MAX: f64 = 1e-4;
const TRIES_MIN: u8 = 2;
const TRIES_MAX: u8 = 4;
const TRIES_UNMEASURED: u8 = 3;
/// A port of which a router says that it cannot be reached is asked once more.
const TRIES_UNREACHABLE: u8 = 2;
/// As long as a host was never heard, so many questions may wait for it.
const BLIND_MAX: u32 = 2048;
/// A host that fell silent is asked so often whether it is there, at growing distances up to the longest.
const KNOCKS_MAX: u32 = 8;
const KNOCK_AFTER_MIN: Duration = Duration::from_millis(200);
const KNOCK_AFTER_MAX: Duration = Duration::from_secs(2);
/// Less than this part of the questions answered: the answers do not tell enough of the way.
const ANSWERING: f64 = 0.9;

/// It has its verdict.
const DONE: u8 = 0x80;
/// It has been asked at some time, so it is somewhere in the queues; below this the tries are counted.
const MET: u8 = 0x40;

/// The scan of one host.
#[derive(Debug)]
pub struct Visit {
    id: u32,
    local: bool,
    ports: Arc<[u16]>,
    /// How often each was asked, whether it is [`DONE`], and whether [`MET`].
    asked: Vec<u8>,
    open_left: usize,
    cursor: usize,
    warm_up: Vec<u32>,
    warming: Vec<(Slot, u32)>,
    confirm: VecDeque<u32>,
    put_back: VecDeque<u32>,
    again: VecDeque<(u32, Moment)>,
    /// Silent often enough, but nothing was heard since.
    unproved: VecDeque<Unproved>,
    line: VecDeque<(Slot, u32)>,
    flying: u32,
    began: Moment,
    round_trip: RoundTrip,
    window: Window,
    canaries: Canaries,
    answering: f64,
    answered: bool,
    alive_sent: Moment,
    alive_heard: Moment,
    stalled: Option<Stalled>,
    resets: (u32, u32),
    end: Option<HostEnd>,
}

#[derive(Clone, Copy, Debug)]
struct Unproved {
    index: u32,
    sent: Moment,
    verdict: Verdict,
    reason: Reason,
}

/// The host is not heard any more.
#[derive(Clone, Copy, Debug)]
struct Stalled {
    knocks: u32,
    next: Moment,
}

/// How a visit is made.
#[derive(Clone, Debug)]
pub struct Manner {
    /// The host is this machine.
    pub local: bool,
    /// How many questions may wait at most; or exactly, if somebody said so.
    pub window: u32,
    /// Somebody did.
    pub fixed: bool,
}

impl Visit {
    pub fn new(id: u32, ports: Arc<[u16]>, manner: &Manner, now: Moment) -> Self {
        let mut visit = Self {
            id,
            local: manner.local,
            asked: vec![0; ports.len()],
            open_left: ports.len(),
            ports,
            cursor: 0,
            warm_up: Vec::new(),
            warming: Vec::new(),
            confirm: VecDeque::new(),
            put_back: VecDeque::new(),
            again: VecDeque::new(),
            unproved: VecDeque::new(),
            line: VecDeque::new(),
            flying: 0,
            began: now,
            round_trip: RoundTrip::new(manner.local),
            window: Window::new(manner.window, manner.fixed),
            canaries: Canaries::default(),
            answering: 1.0,
            answered: false,
            alive_sent: Moment::default(),
            alive_heard: Moment::default(),
            stalled: None,
            resets: (0, 0),
            end: None,
        };
        if !manner.local {
            visit.warm_up = visit.whom_to_ask_first();
        }
        if visit.ports.is_empty() {
            visit.end = Some(HostEnd::Complete);
        }
        visit
    }

    /// One that is likely open, one that is likely closed, and one more.
    fn whom_to_ask_first(&self) -> Vec<u32> {
        let place =
            |port: &u16| self.ports.binary_search(port).ok().and_then(|index| u32::try_from(index).ok());
        let mut first: Vec<u32> = LIKELY_OPEN.iter().filter_map(place).take(2).collect();
        let last = u32::try_from(self.ports.len().saturating_sub(1)).unwrap_or(0);
        for index in [last, 0] {
            if !self.ports.is_empty() && !first.contains(&index) && first.len() < 3 {
                first.push(index);
            }
        }
        first
    }

    /// What it would ask now, if anything.
    pub fn choose(&mut self, now: Moment) -> Option<(Kind, u16)> {
        if self.end.is_some() || self.flying >= self.window.size() {
            return None;
        }
        if let Some(index) = self.warm_up.pop() {
            return Some((Kind::WarmUp(index), self.port(index)));
        }
        if let Some(stalled) = self.stalled {
            return if now >= stalled.next { self.knock(now, stalled) } else { None };
        }
        if self.canary_due().is_some_and(|due| now >= due) {
            return self.canaries.ask(now).map(|(port, stands_for)| (Kind::Canary(stands_for), port));
        }
        if self.waits_for_warmth(now) {
            return None;
        }
        if let Some(index) = self.confirm.pop_front() {
            return Some((Kind::Confirm(index), self.port(index)));
        }
        let index = self.next_port(now)?;
        self.canaries.other_asked();
        Some((Kind::Sweep(index), self.port(index)))
    }

    fn port(&self, index: u32) -> u16 {
        self.ports[index as usize]
    }

    fn waits_for_warmth(&self, now: Moment) -> bool {
        !self.local && !self.answered && now < self.began + TIMEOUT_START
    }

    fn next_port(&mut self, now: Moment) -> Option<u32> {
        if let Some(index) = self.put_back.pop_front() {
            return Some(index);
        }
        if self.again.front().is_some_and(|(_, due)| now >= *due) {
            return self.again.pop_front().map(|(index, _)| index);
        }
        while self.cursor < self.asked.len() && self.asked[self.cursor] != 0 {
            self.cursor += 1;
        }
        if self.cursor == self.asked.len() {
            return None;
        }
        self.cursor += 1;
        u32::try_from(self.cursor - 1).ok()
    }

    /// When a port that answers should be asked again, if the others do not tell enough.
    fn canary_due(&self) -> Option<Moment> {
        if self.answering >= ANSWERING && self.unproved.is_empty() {
            return None;
        }
        self.canaries.due(self.round_trip.smoothed())
    }

    fn knock(&mut self, now: Moment, stalled: Stalled) -> Option<(Kind, u16)> {
        if stalled.knocks == KNOCKS_MAX {
            self.stalled = Some(Stalled { next: now + KNOCK_AFTER_MIN, ..stalled });
            if self.flying == 0 {
                self.end = Some(HostEnd::Vanished);
            }
            return None;
        }
        let wait = KNOCK_AFTER_MIN.saturating_mul(1 << stalled.knocks).min(KNOCK_AFTER_MAX);
        self.stalled =
            Some(Stalled { knocks: stalled.knocks + 1, next: now + wait.max(self.round_trip.timeout()) });
        self.canaries.ask(now).map(|(port, _)| (Kind::Canary(0), port))
    }

    /// What was chosen has been sent.
    pub fn departed(&mut self, kind: Kind, slot: Slot, serial: u32, flights: &Flights) {
        self.flying += 1;
        match kind {
            Kind::WarmUp(index) | Kind::Sweep(index) => {
                let asked = &mut self.asked[index as usize];
                *asked = (*asked | MET) + 1;
            }
            Kind::Confirm(_) | Kind::Canary(_) => {}
        }
        if matches!(kind, Kind::WarmUp(_)) {
            self.warming.push((slot, serial));
            return;
        }
        // Answered ones are dropped here too, so that the line is not longer than what waits.
        for _ in 0..2 {
            if self.line.front().is_some_and(|(slot, serial)| flights.same(*slot, *serial).is_none()) {
                self.line.pop_front();
            }
        }
        self.line.push_back((slot, serial));
    }

    /// An answer to one of its questions. True if the port is now known to be open by this very connection.
    pub fn hear(&mut self, now: Moment, flight: &Flight, answer: Answer, found: &mut Vec<Found>) -> bool {
        if answer == Answer::Lost {
            self.lost(now, flight, found);
            return false;
        }
        self.flying -= 1;
        let took = now.since(flight.sent);
        match answer {
            Answer::Local(_) => self.not_sent(now, flight),
            Answer::Itself | Answer::Lost => self.take_back(flight),
            Answer::Accepted => {
                self.heard(now, flight, took, found);
                return self.accepted(flight, took, found);
            }
            Answer::Refused => {
                self.heard(now, flight, took, found);
                self.refused(flight, took, found);
            }
            Answer::Unreachable(reason) => self.unreachable(now, flight, reason, took, found),
        }
        false
    }

    /// This machine could not ask. The port was not asked then.
    fn not_sent(&mut self, now: Moment, flight: &Flight) {
        self.take_back(flight);
        self.window.shrink(now, now, &self.round_trip);
    }

    fn take_back(&mut self, flight: &Flight) {
        match flight.kind {
            Kind::WarmUp(index) | Kind::Sweep(index) => {
                self.asked[index as usize] -= 1;
                self.put_back.push_back(index);
            }
            Kind::Confirm(index) => self.confirm.push_back(index),
            Kind::Canary(_) => {}
        }
    }

    /// The host is there, and was when this was sent.
    fn heard(&mut self, now: Moment, flight: &Flight, took: Duration, found: &mut Vec<Found>) {
        self.alive_heard = now;
        self.alive_sent = self.alive_sent.max(flight.sent);
        self.round_trip.measured(took);
        let first = !std::mem::replace(&mut self.answered, true);
        if self.stalled.take().is_some() {
            self.canaries.forgive();
            self.window.restart();
            self.ask_afresh(now);
        } else if first {
            // Until now the way may not have been there.
            self.ask_afresh(now);
        }
        while self.unproved.front().is_some_and(|unproved| unproved.sent <= self.alive_sent) {
            if let Some(Unproved { index, verdict, reason, .. }) = self.unproved.pop_front() {
                self.conclude(index, verdict, reason, None, found);
            }
        }
        match flight.kind {
            Kind::Canary(stands_for) => {
                self.canaries.answered();
                let grows = self.round_trip.timeout().as_secs_f64() / took.as_secs_f64().max(1e-4);
                self.window.vouched(now, f64::from(stands_for) * grows.clamp(1.0, 4.0), &self.round_trip);
            }
            _ => {
                self.answering += (1.0 - self.answering) / 64.0;
                self.window.answered(now, &self.round_trip);
            }
        }
    }

    /// What was silent while nothing was heard of the host may not have reached it: it is asked as if it never had been.
    fn ask_afresh(&mut self, now: Moment) {
        let silent = self.unproved.drain(..).map(|unproved| unproved.index);
        let waiting = self.again.drain(..).map(|(index, _)| index);
        let afresh: Vec<u32> = waiting.chain(silent).collect();
        for index in afresh {
            self.asked[index as usize] = MET;
            self.again.push_back((index, now));
        }
    }

    fn tries(&self, index: u32) -> u8 {
        self.asked[index as usize] & !(DONE | MET)
    }

    fn accepted(&mut self, flight: &Flight, took: Duration, found: &mut Vec<Found>) -> bool {
        match flight.kind {
            Kind::Canary(_) => return false,
            // Two of our own questions may have met on this machine, and accepted each other.
            Kind::Sweep(index) | Kind::WarmUp(index) if self.local => {
                self.confirm.push_back(index);
                return false;
            }
            Kind::Sweep(index) | Kind::WarmUp(index) | Kind::Confirm(index) => {
                self.canaries.know(flight.port, true);
                self.conclude(index, Verdict::Open, Reason::Accepted, Some(took), found);
            }
        }
        true
    }

    fn refused(&mut self, flight: &Flight, took: Duration, found: &mut Vec<Found>) {
        let (Kind::Sweep(index) | Kind::WarmUp(index) | Kind::Confirm(index)) = flight.kind else { return };
        if self.tries(index) > 1 {
            self.resets.1 += 1;
        } else {
            self.resets.0 += 1;
        }
        if !self.local {
            self.canaries.know(flight.port, false);
        }
        self.conclude(index, Verdict::Closed, Reason::Reset, Some(took), found);
    }

    fn unreachable(
        &mut self,
        now: Moment,
        flight: &Flight,
        reason: Reason,
        took: Duration,
        found: &mut Vec<Found>,
    ) {
        let ours = took >= NEIGHBOUR_SILENT || reason == Reason::NetworkUnreachable;
        if ours && !self.answered {
            self.end = Some(HostEnd::Unreachable);
            return;
        }
        match flight.kind {
            Kind::Canary(_) => self.canary_lost(now, flight.sent),
            Kind::Confirm(index) => self.conclude(index, Verdict::Open, Reason::Accepted, None, found),
            Kind::Sweep(index) | Kind::WarmUp(index) => {
                let unproved = Unproved { index, sent: flight.sent, verdict: Verdict::Unreachable, reason };
                self.not_answered(now, unproved, TRIES_UNREACHABLE, found);
                if !ours {
                    // Somebody on the way answered, as fast as the host would: no sign of a full way.
                    self.window.answered(now, &self.round_trip);
                }
            }
        }
    }

    /// Its questions that were sent so long before `now` that no answer will come; their slots go to `abandoned`.
    pub fn expire(
        &mut self,
        now: Moment,
        flights: &mut Flights,
        abandoned: &mut Vec<Slot>,
        found: &mut Vec<Found>,
    ) {
        let timeout = self.round_trip.timeout();
        while let Some(&(slot, serial)) = self.line.front() {
            match flights.same(slot, serial) {
                Some(flight) if now < flight.sent + timeout => break,
                Some(_) => {
                    if let Some(flight) = flights.land(slot) {
                        abandoned.push(slot);
                        self.lost(now, &flight, found);
                    }
                }
                None => {}
            }
            self.line.pop_front();
        }
        let patience = if self.answered { timeout } else { WARM_UP_MAX };
        for (slot, serial) in std::mem::take(&mut self.warming) {
            match flights.same(slot, serial) {
                Some(flight) if now < flight.sent + patience => self.warming.push((slot, serial)),
                Some(_) => {
                    if let Some(flight) = flights.land(slot) {
                        abandoned.push(slot);
                        self.lost(now, &flight, found);
                    }
                }
                None => {}
            }
        }
    }

    fn lost(&mut self, now: Moment, flight: &Flight, found: &mut Vec<Found>) {
        self.flying -= 1;
        match flight.kind {
            Kind::Canary(_) => self.canary_lost(now, flight.sent),
            // It was accepted once and is silent now: a listener whose queue is full. Had we met ourselves, it were refused.
            Kind::Confirm(index) => self.conclude(index, Verdict::Open, Reason::Accepted, None, found),
            Kind::WarmUp(index) | Kind::Sweep(index) => {
                self.answering -= self.answering / 64.0;
                if !self.answered {
                    self.window.blind(1.0, BLIND_MAX);
                }
                let unproved = Unproved {
                    index,
                    sent: flight.sent,
                    verdict: Verdict::Filtered,
                    reason: Reason::Silence,
                };
                self.not_answered(now, unproved, self.tries_max(), found);
            }
        }
    }

    fn canary_lost(&mut self, now: Moment, sent: Moment) {
        if self.canaries.lost(sent) && self.stalled.is_none() {
            self.window.shrink(now, sent, &self.round_trip);
        }
        let silent = self.canaries.silent_since().is_some_and(|since| self.alive_heard <= since);
        if silent && self.stalled.is_none() {
            self.stalled = Some(Stalled { knocks: 0, next: now });
        }
    }

    /// Asked in vain: again later, or that was it.
    fn not_answered(&mut self, now: Moment, unproved: Unproved, tries_max: u8, found: &mut Vec<Found>) {
        let Unproved { index, sent, verdict, reason } = unproved;
        if self.tries(index) < tries_max {
            self.again.push_back((index, now + AGAIN_AFTER.max(self.round_trip.timeout() * 2)));
        } else if !self.answered || (self.canaries.any() && sent > self.alive_sent) {
            self.unproved.push_back(unproved);
            self.conclude_unheard(found);
        } else {
            self.conclude(index, verdict, reason, None, found);
        }
    }

    /// Everything was asked often enough, and nothing was ever heard: then that is what is known.
    fn conclude_unheard(&mut self, found: &mut Vec<Found>) {
        if !self.answered && self.unproved.len() == self.open_left {
            for Unproved { index, verdict, reason, .. } in std::mem::take(&mut self.unproved) {
                self.conclude(index, verdict, reason, None, found);
            }
        }
    }

    /// How often a silent port is asked: until it is unlikely that all of it was lost.
    fn tries_max(&self) -> u8 {
        if !self.answered {
            return TRIES_MIN;
        }
        let Some(loss) = self.canaries.loss() else { return TRIES_UNMEASURED };
        let tries = (MISS_MAX.ln() / loss.clamp(1e-6, 0.99).ln()).ceil();
        (tries as u8).clamp(TRIES_MIN, TRIES_MAX)
    }

    fn conclude(
        &mut self,
        index: u32,
        verdict: Verdict,
        reason: Reason,
        took: Option<Duration>,
        found: &mut Vec<Found>,
    ) {
        let tries = self.tries(index);
        let asked = &mut self.asked[index as usize];
        debug_assert_eq!(*asked & DONE, 0, "a port is concluded once");
        if *asked & DONE != 0 {
            return;
        }
        found.push(Found {
            visit: self.id,
            port: self.ports[index as usize],
            verdict,
            reason,
            round_trip: took,
            tries,
        });
        *asked |= DONE;
        self.open_left -= 1;
        if self.open_left == 0 && self.end.is_none() {
            self.end = Some(HostEnd::Complete);
        }
    }

    /// Is it over, and how?
    pub fn over(&self) -> Option<HostEnd> {
        self.end
    }

    /// It is to be over now.
    pub fn stop(&mut self, end: HostEnd) {
        self.end.get_or_insert(end);
    }

    /// What is to be told of it at its end.
    pub fn summary(&self) -> VisitEnd {
        let (first, later) = self.resets;
        let expected = f64::from(first) * self.canaries.loss().unwrap_or(0.01).max(0.01);
        VisitEnd {
            visit: self.id,
            end: self.end.unwrap_or(HostEnd::Stopped),
            round_trip: self.round_trip.smoothed(),
            answered: self.answered,
            // More closed ports answered late than were lost on the way.
            resets_limited: f64::from(later) > 10.0 + 3.0 * expected,
        }
    }

    /// When it next has something to do by itself, given what was thought of by `considered`.
    pub fn wake(&self, considered: Moment, flights: &Flights, may_ask: bool) -> Option<Moment> {
        let timeout = self.round_trip.timeout();
        let patience = if self.answered { timeout } else { WARM_UP_MAX };
        let sent = |&(slot, serial): &(Slot, u32)| flights.same(slot, serial).map(|flight| flight.sent);
        // What was answered may stand in front: then now is the time to look further.
        let lost =
            self.line.front().map(|front| sent(front).map_or(Moment::default(), |sent| sent + timeout));
        let cold = self.warming.iter().filter_map(sent).map(|sent| sent + patience).min();
        let to_give_up = lost.into_iter().chain(cold).min();
        if !may_ask || self.flying >= self.window.size() {
            return to_give_up;
        }
        let ready = match self.stalled {
            Some(stalled) => [Some(stalled.next), None, None],
            None => [
                (!self.local && !self.answered).then(|| self.began + TIMEOUT_START),
                self.again.front().map(|(_, due)| *due),
                self.canary_due(),
            ],
        };
        let to_ask = ready.into_iter().flatten().filter(|at| *at > considered).min();
        to_give_up.into_iter().chain(to_ask).min()
    }

    /// How it goes here, beside the others.
    pub fn add_to(&self, gauges: &mut Gauges) {
        gauges.window += self.window.size();
        gauges.tentative += u32::try_from(self.unproved.len()).unwrap_or(u32::MAX);
        gauges.loss = gauges.loss.max(self.canaries.loss_seen());
        gauges.round_trip = gauges.round_trip.max(self.round_trip.smoothed());
    }

    /// How long it waits for the answers of what it sent last.
    pub fn timeout(&self) -> Duration {
        self.round_trip.timeout()
    }
}
