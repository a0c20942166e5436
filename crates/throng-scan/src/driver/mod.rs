//! The core on real sockets: one thread, one poll, a socket for each slot.

mod socket;

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token, Waker};

use crate::banner::Connected;
use crate::core::{Answer, Ask, Core, Found, Gauges, Moment, Slot, Terms, VisitEnd};
use crate::event::{Host, Verdict};
use socket::Asker;

/// Questions between two looks at the answers: to another machine few, so that the time of an answer is not blurred.
const BURST_AWAY: u32 = 64;
const BURST_LOCAL: u32 = 1024;
/// Answers that one look takes.
const EVENTS_MAX: usize = 4096;
/// What is known is told at least so often,
const TELL_EVERY: Duration = Duration::from_millis(50);
/// and sooner if a port is open.
const TELL_OPEN_EVERY: Duration = Duration::from_millis(5);
/// Verdicts that are told together.
const SHARE_MAX: usize = 4096;
/// A stopped scan hears on for what was asked last, but not longer.
const HEAR_ON_MAX: Duration = Duration::from_secs(1);
/// The longest sleep: nothing depends on it.
const SLEEP_MAX: Duration = Duration::from_millis(500);

const WAKE: Token = Token(usize::MAX);

/// Who is asked: hosts one after another, by their numbers.
pub type Hosts = Box<dyn Iterator<Item = (u32, Arc<Host>)> + Send>;

/// What a driver does.
pub struct Order {
    /// Which of several.
    pub thread: usize,
    /// Whom it asks.
    pub hosts: Hosts,
    /// Which ports of each, ascending.
    pub ports: Arc<[u16]>,
    /// How.
    pub terms: Terms,
    /// From which address.
    pub source: Option<IpAddr>,
    /// Since when.
    pub clock: Instant,
    /// Until when.
    pub deadline: Option<Moment>,
    /// Whoever wants it to end sets this, and wakes it.
    pub stopped: Arc<AtomicBool>,
    /// To whom connections to open ports go, with what is to be said of the port; it comes back from there.
    pub listeners: Option<SyncSender<Connected>>,
}

/// What became known since the last time.
#[derive(Debug, Default)]
pub struct Share {
    /// Of which thread.
    pub thread: usize,
    /// Hosts that were begun with, and when.
    pub begun: Vec<(u32, Arc<Host>, Duration)>,
    /// Verdicts.
    pub found: Vec<Found>,
    /// Hosts that are done, and how many of their open ports are still being listened to.
    pub ended: Vec<(VisitEnd, u32)>,
    /// How it goes.
    pub gauges: Gauges,
}

/// See the module.
pub struct Driver {
    order: Order,
    poll: Poll,
    core: Core,
    askers: Vec<Asker>,
    fresh: Share,
    told: Moment,
    hosts_left: bool,
    /// Ports whose verdict comes with what they say, from elsewhere.
    listened_to: Vec<(u32, u16)>,
    /// How many of them each host under way has.
    promised: Vec<(u32, u32)>,
}

impl Driver {
    /// Makes the poll, and what wakes it from other threads.
    pub fn new(order: Order) -> std::io::Result<(Self, Arc<Waker>)> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        let core = Core::new(order.terms);
        let driver = Self {
            order,
            poll,
            core,
            askers: Vec::new(),
            fresh: Share::default(),
            told: Moment::default(),
            hosts_left: true,
            listened_to: Vec::new(),
            promised: Vec::new(),
        };
        Ok((driver, waker))
    }

    /// From first to last. `tell` gets what became known, and says whether anybody still wants to know.
    pub fn run(mut self, mut tell: impl FnMut(Share) -> bool) {
        let mut events = Events::with_capacity(EVENTS_MAX);
        while self.goes_on() {
            // Where everything was answered at once there is nothing to wait for.
            let wait = self.ask() && !self.core.is_idle();
            self.hear(&mut events, wait);
            if !self.tell_if_due(&mut tell) {
                return;
            }
        }
        self.hear_on(&mut events);
        self.core.stop();
        self.note();
        tell(self.take_share());
    }

    fn take_share(&mut self) -> Share {
        let mut share = std::mem::take(&mut self.fresh);
        (share.thread, share.gauges) = (self.order.thread, self.core.gauges());
        share
    }

    fn now(&self) -> Moment {
        Moment::after(self.order.clock.elapsed())
    }

    fn goes_on(&mut self) -> bool {
        let late = self.order.deadline.is_some_and(|deadline| self.now() >= deadline);
        if late || self.order.stopped.load(Ordering::Relaxed) {
            return false;
        }
        while self.hosts_left && self.core.has_room() {
            self.begin_next();
        }
        self.hosts_left || !self.core.is_idle()
    }

    fn begin_next(&mut self) {
        let Some((id, host)) = self.order.hosts.next() else {
            self.hosts_left = false;
            return;
        };
        self.core.begin(self.now(), id, host.address, is_own(host.address), Arc::clone(&self.order.ports));
        self.fresh.begun.push((id, host, self.order.clock.elapsed()));
    }

    /// Asks what there is to ask, but not so long that answers wait. True if there was no more.
    fn ask(&mut self) -> bool {
        for asked in 1.. {
            let Some(ask) = self.core.next(self.now()) else { return true };
            self.ask_one(&ask);
            if asked >= if ask.local { BURST_LOCAL } else { BURST_AWAY } {
                break;
            }
        }
        false
    }

    fn ask_one(&mut self, ask: &Ask) {
        let slot = ask.slot as usize;
        if slot >= self.askers.len() {
            self.askers.resize_with(slot + 1, Asker::default);
        }
        let asker = &mut self.askers[slot];
        let mut answer = asker.ask(SocketAddr::new(ask.address, ask.port), self.order.source, ask.local);
        if answer.is_none() && asker.register(self.poll.registry(), slot).is_err() {
            answer = Some(Answer::Local(crate::event::Trouble::Buffers));
        }
        if let Some(answer) = answer {
            self.answered(ask.slot, answer);
        }
    }

    fn answered(&mut self, slot: Slot, answer: Answer) {
        let now = self.now();
        let open = self.core.hear(now, slot, answer);
        let asker = &mut self.askers[slot as usize];
        if open && let Some(listeners) = &self.order.listeners {
            let connected = self.core.last_found().zip(asker.take());
            if let Some((found, socket)) = connected
                && listeners.send((found, socket)).is_ok()
            {
                self.listened_to.push((found.visit, found.port));
                return;
            }
        }
        asker.give_up(Some(answer));
    }

    /// Takes the answers that are there, and waits for some if there was nothing left to ask.
    fn hear(&mut self, events: &mut Events, wait: bool) {
        let sleep = if wait { self.sleep() } else { Duration::ZERO };
        // An interrupted wait is a short one; there is no other way in which it may fail.
        if self.poll.poll(events, Some(sleep)).is_err() {
            return;
        }
        // All that was answered until now is among the events, so what is too late now is too late.
        let now = self.now();
        let mut count = 0;
        for event in events.iter().filter(|event| event.token() != WAKE) {
            count += 1;
            self.look(event.token().0);
        }
        if count < EVENTS_MAX {
            for slot in self.core.expire(now) {
                self.askers[slot as usize].give_up(None);
            }
        }
        self.note();
    }

    fn look(&mut self, slot: usize) {
        let Ok(number) = Slot::try_from(slot) else { return };
        let Some(local) = self.core.waits(number) else { return };
        if let Some(answer) = self.askers.get_mut(slot).and_then(|asker| asker.look(local)) {
            self.answered(number, answer);
        }
    }

    fn sleep(&self) -> Duration {
        let now = self.now();
        let mut until = self.core.wake().map_or(SLEEP_MAX, |wake| wake.since(now)).min(SLEEP_MAX);
        if !self.fresh.found.is_empty() || !self.fresh.ended.is_empty() {
            until = until.min((self.told + TELL_EVERY).since(now));
        }
        match self.order.deadline {
            Some(deadline) => until.min(deadline.since(now)),
            None => until,
        }
    }

    /// Takes what the core found out.
    fn note(&mut self) {
        for found in self.core.found() {
            let listened = self.listened_to.iter().position(|known| *known == (found.visit, found.port));
            let Some(place) = listened else {
                self.fresh.found.push(found);
                continue;
            };
            self.listened_to.swap_remove(place);
            match self.promised.iter_mut().find(|(visit, _)| *visit == found.visit) {
                Some((_, count)) => *count += 1,
                None => self.promised.push((found.visit, 1)),
            }
        }
        for end in self.core.ended() {
            let place = self.promised.iter().position(|(visit, _)| *visit == end.visit);
            let promised = place.map_or(0, |place| self.promised.swap_remove(place).1);
            self.fresh.ended.push((end, promised));
        }
    }

    fn tell_if_due(&mut self, tell: &mut impl FnMut(Share) -> bool) -> bool {
        let now = self.now();
        let open = self.fresh.found.iter().any(|found| found.verdict == Verdict::Open);
        let every = if open { TELL_OPEN_EVERY } else { TELL_EVERY };
        if now.since(self.told) < every && self.fresh.found.len() < SHARE_MAX {
            return true;
        }
        self.told = now;
        tell(self.take_share())
    }

    /// Nothing more is asked, but what was asked last may still be answered.
    fn hear_on(&mut self, events: &mut Events) {
        let until = self.now() + self.core.patience().min(HEAR_ON_MAX);
        while self.core.gauges().in_flight > 0 && self.now() < until {
            if self.poll.poll(events, Some(until.since(self.now()))).is_err() {
                break;
            }
            for event in events.iter().filter(|event| event.token() != WAKE) {
                self.look(event.token().0);
            }
        }
    }
}

/// An address that can be bound is this machine's.
pub fn is_own(address: IpAddr) -> bool {
    address.is_loopback() || UdpSocket::bind((address, 0)).is_ok()
}
