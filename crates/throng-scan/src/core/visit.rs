//! One host's ports, from the first question to the last verdict. Time and answers come in; questions and verdicts go out.
//!
//! A port is final when an answer came, or when it was silent often enough *and* something that was asked later was answered:
//! else it may be the host that is silent, or the way.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::agenda::Agenda;
use super::canary::Canaries;
use super::flights::{Flight, Flights, Kind, Slot};
use super::moment::Moment;
use super::patience::{Limits, Patience};
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

/// The scan of one host.
#[derive(Debug)]
pub struct Visit {
    id: u32,
    local: bool,
    agenda: Agenda,
    /// Still to be asked before all others.
    warm_up: Vec<u32>,
    /// Silent often enough, but nothing was heard since.
    unproved: VecDeque<Unproved>,
    patience: Patience,
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
    resets: Resets,
    end: Option<HostEnd>,
}

#[derive(Clone, Copy, Debug)]
struct Unproved {
    index: u32,
    sent: Moment,
    verdict: Verdict,
    reason: Reason,
}

/// Closed ports that said so at the first question, and later.
#[derive(Clone, Copy, Debug, Default)]
struct Resets {
    first: u32,
    later: u32,
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
            agenda: Agenda::new(ports),
            warm_up: Vec::new(),
            unproved: VecDeque::new(),
            patience: Patience::default(),
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
            resets: Resets::default(),
            end: None,
        };
        if !manner.local {
            visit.warm_up = visit.whom_to_ask_first();
        }
        if visit.agenda.left() == 0 {
            visit.end = Some(HostEnd::Complete);
        }
        visit
    }

    /// One that is likely open, one that is likely closed, and one more.
    fn whom_to_ask_first(&self) -> Vec<u32> {
        let likely = LIKELY_OPEN.iter().filter_map(|port| self.agenda.place(*port));
        let mut first: Vec<u32> = likely.take(2).collect();
        for index in self.agenda.ends().into_iter().flatten() {
            if !first.contains(&index) && first.len() < 3 {
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
            return Some((Kind::WarmUp(index), self.agenda.port(index)));
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
        if let Some(index) = self.agenda.next_to_confirm() {
            return Some((Kind::Confirm(index), self.agenda.port(index)));
        }
        let index = self.agenda.next(now)?;
        self.canaries.other_asked();
        Some((Kind::Sweep(index), self.agenda.port(index)))
    }

    fn waits_for_warmth(&self, now: Moment) -> bool {
        !self.local && !self.answered && now < self.began + TIMEOUT_START
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
            Kind::WarmUp(index) | Kind::Sweep(index) => self.agenda.ask(index),
            Kind::Confirm(_) | Kind::Canary(_) => {}
        }
        match kind {
            Kind::WarmUp(_) => self.patience.begin((slot, serial)),
            _ => self.patience.wait((slot, serial), flights),
        }
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
            Kind::WarmUp(index) | Kind::Sweep(index) => self.agenda.put_back(index),
            Kind::Confirm(index) => self.agenda.confirm(index),
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
        self.agenda.begin_anew(self.unproved.drain(..).map(|unproved| unproved.index), now);
    }

    fn accepted(&mut self, flight: &Flight, took: Duration, found: &mut Vec<Found>) -> bool {
        match flight.kind {
            Kind::Canary(_) => return false,
            // Two of our own questions may have met on this machine, and accepted each other.
            Kind::Sweep(index) | Kind::WarmUp(index) if self.local => {
                self.agenda.confirm(index);
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
        match self.agenda.tries(index) {
            0 | 1 => self.resets.first += 1,
            _ => self.resets.later += 1,
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
        for flight in self.patience.end(now, self.limits(), flights, abandoned) {
            self.lost(now, &flight, found);
        }
    }

    fn limits(&self) -> Limits {
        let usual = self.round_trip.timeout();
        Limits { usual, first: if self.answered { usual } else { WARM_UP_MAX } }
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
        if self.agenda.tries(index) < tries_max {
            self.agenda.postpone(index, now + AGAIN_AFTER.max(self.round_trip.timeout() * 2));
        } else if !self.answered || (self.canaries.any() && sent > self.alive_sent) {
            self.unproved.push_back(unproved);
            self.conclude_unheard(found);
        } else {
            self.conclude(index, verdict, reason, None, found);
        }
    }

    /// Everything was asked often enough, and nothing was ever heard: then that is what is known.
    fn conclude_unheard(&mut self, found: &mut Vec<Found>) {
        if !self.answered && self.unproved.len() == self.agenda.left() {
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
        if !self.agenda.finish(index) {
            return;
        }
        let (port, tries) = (self.agenda.port(index), self.agenda.tries(index));
        found.push(Found { visit: self.id, port, verdict, reason, round_trip: took, tries });
        if self.agenda.left() == 0 && self.end.is_none() {
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
        let Resets { first, later } = self.resets;
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
        let to_give_up = self.patience.next_end(self.limits(), flights);
        if !may_ask || self.flying >= self.window.size() {
            return to_give_up;
        }
        let ready = match self.stalled {
            Some(stalled) => [Some(stalled.next), None, None],
            None => [
                (!self.local && !self.answered).then(|| self.began + TIMEOUT_START),
                self.agenda.due(),
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
