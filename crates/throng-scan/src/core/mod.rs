//! The scan without sockets and without a clock: time and answers come in, questions and verdicts go out. So all that makes a
//! scan fast and right can be tried in no time, with any network that one can think of.
//!
//! [`Core::next`] says what to ask, [`Core::hear`] takes the answer, [`Core::expire`] gives up what was never answered.

mod agenda;
mod canary;
mod flights;
mod moment;
mod pace;
mod patience;
mod round_trip;
mod visit;
mod window;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

pub use flights::Slot;
pub use moment::Moment;

use crate::event::{HostEnd, Reason, Trouble, Verdict};
use flights::Flights;
use pace::Pace;
use visit::{Manner, Visit};

/// How many hosts are asked at the same time.
pub const VISITS_MAX: usize = 256;
/// After this machine's trouble nothing is asked for so long.
const PAUSE: Duration = Duration::from_millis(10);
/// It has trouble for so long, and nothing waits that could free anything: the scan cannot go on.
const TROUBLE_MAX: Duration = Duration::from_secs(10);
/// What it can do with at least, whatever this machine lacks.
const CAP_MIN: u32 = 4;
/// After so many answers it tries with one more.
const ANSWERS_PER_RELIEF: u32 = 64;

/// Ask this port; the answer goes to that slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Small numbers, used again and again.
    pub slot: Slot,
    /// Whom.
    pub address: IpAddr,
    /// Which port.
    pub port: u16,
    /// The address is this machine's.
    pub local: bool,
}

/// What came of it. Silence is no answer: [`Core::expire`] knows when it has lasted long enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A connection was made,
    Accepted,
    /// but with itself: the port it was asked from was the port asked (RFC 9293, 3.5, simultaneous open).
    Itself,
    /// Reset.
    Refused,
    /// Somebody on the way, or this machine's routes, say that there is no way.
    Unreachable(Reason),
    /// It came to nothing, and nobody knows why.
    Lost,
    /// This machine could not ask.
    Local(Trouble),
}

/// A port with its verdict.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// Of which host.
    pub visit: u32,
    /// Which.
    pub port: u16,
    /// What it is,
    pub verdict: Verdict,
    /// and why.
    pub reason: Reason,
    /// How long the answer took.
    pub round_trip: Option<Duration>,
    /// How often it was asked.
    pub tries: u8,
}

/// A host that is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VisitEnd {
    /// Which.
    pub visit: u32,
    /// How.
    pub end: HostEnd,
    /// Smoothed.
    pub round_trip: Option<Duration>,
    /// Did it ever?
    pub answered: bool,
    /// More resets came late than can have been lost.
    pub resets_limited: bool,
}

/// How it is done.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// How many questions may wait, of all hosts together.
    pub window: u32,
    /// It has that size from the start.
    pub fixed: bool,
    /// Questions per second.
    pub rate: Option<f64>,
}

/// How it goes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gauges {
    /// Questions sent.
    pub probes: u64,
    /// Questions that this machine could not send at once.
    pub troubles: u64,
    /// Questions that wait.
    pub in_flight: u32,
    /// How many may.
    pub window: u32,
    /// Ports that were silent often enough, but whose verdict waits until the host is heard again.
    pub tentative: u32,
    /// What part is lost on the way, at the worst of the hosts.
    pub loss: f64,
    /// Smoothed, of the slowest.
    pub round_trip: Option<Duration>,
}

/// All hosts under way.
#[derive(Debug)]
pub struct Core {
    terms: Terms,
    cap: u32,
    /// Answers since the cap was last lifted.
    relief: u32,
    pace: Pace,
    /// Something may have been ready that the pace did not let through.
    held: bool,
    flights: Flights,
    hosts: Vec<Under>,
    turn: usize,
    paused_until: Moment,
    /// When it was last asked what to ask: whatever was ready by then has been thought of.
    considered: Moment,
    troubled_since: Option<(Moment, Trouble)>,
    probes: u64,
    troubles: u64,
    found: Vec<Found>,
    ended: Vec<VisitEnd>,
    freed: Vec<Slot>,
}

/// A host under way.
#[derive(Debug)]
struct Under {
    address: IpAddr,
    local: bool,
    visit: Visit,
    /// By what its flights are known.
    id: u32,
}

impl Core {
    /// With nobody to ask yet.
    pub fn new(terms: Terms) -> Self {
        Self {
            terms,
            cap: terms.window.max(1),
            relief: 0,
            pace: Pace::new(terms.rate),
            held: false,
            flights: Flights::default(),
            hosts: Vec::new(),
            turn: 0,
            paused_until: Moment::default(),
            considered: Moment::default(),
            troubled_since: None,
            probes: 0,
            troubles: 0,
            found: Vec::new(),
            ended: Vec::new(),
            freed: Vec::new(),
        }
    }

    /// May another host begin?
    pub fn has_room(&self) -> bool {
        self.hosts.len() < VISITS_MAX
    }

    /// Is nobody under way?
    pub fn is_idle(&self) -> bool {
        self.hosts.is_empty()
    }

    /// Another host, whose ports are in ascending order.
    pub fn begin(&mut self, now: Moment, id: u32, address: IpAddr, local: bool, ports: Arc<[u16]>) {
        let manner = Manner { local, window: self.terms.window, fixed: self.terms.fixed };
        self.hosts.push(Under { address, local, visit: Visit::new(id, ports, &manner, now), id });
        // Of few ports a thread of several may have none.
        self.leave_if_over(self.hosts.len() - 1);
    }

    /// What to ask now, if anything. Hosts take turns.
    pub fn next(&mut self, now: Moment) -> Option<Ask> {
        self.considered = now;
        if !self.may_ask(now) {
            return None;
        }
        self.held = !self.pace.take(now);
        if self.held {
            return None;
        }
        let count = self.hosts.len();
        for step in 1..=count {
            let turn = (self.turn + step) % count;
            let under = &mut self.hosts[turn];
            let Some((kind, port)) = under.visit.choose(now) else { continue };
            let (slot, serial) = self.flights.depart(under.id, kind, port, now);
            under.visit.departed(kind, slot, serial, &self.flights);
            self.turn = turn;
            self.probes += 1;
            return Some(Ask { slot, address: under.address, port, local: under.local });
        }
        self.pace.give_back();
        None
    }

    fn may_ask(&self, now: Moment) -> bool {
        now >= self.paused_until && self.waiting() < self.cap && !self.hosts.is_empty()
    }

    fn waiting(&self) -> u32 {
        u32::try_from(self.flights.len()).unwrap_or(u32::MAX)
    }

    /// Does a question wait there? And is it to this machine?
    pub fn waits(&self, slot: Slot) -> Option<bool> {
        let flight = self.flights.at(slot)?;
        self.hosts.iter().find(|under| under.id == flight.visit).map(|under| under.local)
    }

    /// The answer for a slot; true if the port is known to be open now by this connection. The slot is free then.
    pub fn hear(&mut self, now: Moment, slot: Slot, answer: Answer) -> bool {
        let Some(flight) = self.flights.land(slot) else { return false };
        if let Answer::Local(trouble) = answer {
            self.trouble(now, trouble);
        } else {
            self.relieved();
        }
        // Where few hosts are under way, as nearly always, looking through them costs nothing.
        let Some(place) = self.hosts.iter().position(|under| under.id == flight.visit) else { return false };
        let open = self.hosts[place].visit.hear(now, &flight, answer, &mut self.found);
        self.leave_if_over(place);
        open
    }

    /// An answer came, so this machine can ask; what it lacked may have come back.
    fn relieved(&mut self) {
        self.troubled_since = None;
        self.relief += 1;
        if self.relief >= ANSWERS_PER_RELIEF {
            self.relief = 0;
            self.cap = self.cap.saturating_add(1).min(self.terms.window.max(1));
        }
    }

    /// Not a verdict: pause, and be content with what could be had.
    fn trouble(&mut self, now: Moment, trouble: Trouble) {
        self.probes -= 1;
        self.troubles += 1;
        self.paused_until = now + PAUSE;
        let waiting = self.waiting();
        if trouble == Trouble::Descriptors {
            self.cap = self.cap.min(waiting.max(CAP_MIN));
        }
        let (since, _) = *self.troubled_since.get_or_insert((now, trouble));
        if now.since(since) >= TROUBLE_MAX && waiting == 0 {
            for under in &mut self.hosts {
                under.visit.stop(HostEnd::Local(trouble));
            }
        }
    }

    /// What was sent long before `now` and never answered is given up; the slots that are free by that.
    pub fn expire(&mut self, now: Moment) -> Vec<Slot> {
        let mut place = 0;
        while place < self.hosts.len() {
            self.hosts[place].visit.expire(now, &mut self.flights, &mut self.freed, &mut self.found);
            place += usize::from(!self.leave_if_over(place));
        }
        std::mem::take(&mut self.freed)
    }

    fn leave_if_over(&mut self, place: usize) -> bool {
        if self.hosts[place].visit.over().is_none() {
            return false;
        }
        let under = self.hosts.swap_remove(place);
        self.ended.push(under.visit.summary());
        self.freed.extend(self.flights.land_all_of(under.id));
        true
    }

    /// When there is something to do even if no answer comes; nothing, if nobody is under way.
    pub fn wake(&self) -> Option<Moment> {
        let free = self.waiting() < self.cap;
        let own = self
            .hosts
            .iter()
            .filter_map(|under| under.visit.wake(self.considered, &self.flights, free))
            .min();
        let pace = self.pace.next().filter(|next| self.held && free && *next > self.considered);
        let pause = Some(self.paused_until).filter(|until| *until > self.considered);
        [own, pace, pause].into_iter().flatten().min()
    }

    /// How long to hear on for what was sent last, once nothing more is to be asked.
    pub fn patience(&self) -> Duration {
        self.hosts.iter().map(|under| under.visit.timeout()).max().unwrap_or_default()
    }

    /// It is over: what has no verdict by now has none.
    pub fn stop(&mut self) {
        while let Some(under) = self.hosts.first_mut() {
            under.visit.stop(HostEnd::Stopped);
            self.leave_if_over(0);
        }
    }

    /// The verdicts since the last time.
    pub fn found(&mut self) -> std::vec::Drain<'_, Found> {
        self.found.drain(..)
    }

    /// The last of them.
    pub fn last_found(&self) -> Option<Found> {
        self.found.last().copied()
    }

    /// The hosts that are done since the last time.
    pub fn ended(&mut self) -> std::vec::Drain<'_, VisitEnd> {
        self.ended.drain(..)
    }

    /// How it goes.
    pub fn gauges(&self) -> Gauges {
        let mut gauges = Gauges {
            probes: self.probes,
            troubles: self.troubles,
            in_flight: self.waiting(),
            ..Gauges::default()
        };
        for under in &self.hosts {
            under.visit.add_to(&mut gauges);
        }
        gauges.window = gauges.window.min(self.cap);
        gauges
    }
}
