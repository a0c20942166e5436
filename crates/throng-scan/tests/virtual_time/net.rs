//! A network and a host that are made up, and a clock that jumps from one thing that happens to the next.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use throng_scan::core::{Answer, Ask, Core, Found, Moment, Slot, Terms, VisitEnd};
use throng_scan::event::{Reason, Trouble};

/// A second, as the kernel waits until it sends a SYN again, then twice as long.
const RESEND: Duration = Duration::from_secs(1);
/// No scan takes so long, and no loop so many turns.
const TIME_MAX: Duration = Duration::from_secs(3600);
const TURNS_MAX: u64 = 50_000_000;

/// What the other side is like.
#[derive(Clone, Debug)]
pub struct Net {
    pub seed: u64,
    pub round_trip: Duration,
    /// Lost, each way.
    pub loss: f64,
    pub open: BTreeSet<u16>,
    /// Not open: silent, or refused.
    pub silent: fn(u16) -> bool,
    /// Resets a second.
    pub resets: Option<f64>,
    /// What the link carries, packets a second; what is too much waits.
    pub capacity: Option<f64>,
    /// Until the neighbour is found only three packets wait for it.
    pub cold_until: Duration,
    /// There is no such neighbour: the kernel says so after three seconds.
    pub nobody: bool,
    /// The host is gone from here,
    pub gone_from: Option<Duration>,
    /// until here.
    pub back_at: Option<Duration>,
    /// Descriptors that we have.
    pub descriptors: usize,
    /// One of so many attempts fails for want of something on this machine.
    pub trouble: Option<(u64, Trouble)>,
    /// A router answers for all ports that are not open, so fast.
    pub rejected: Option<Duration>,
    /// It is this machine: one question of so many meets itself.
    pub meets_itself: Option<u64>,
    pub local: bool,
}

impl Net {
    /// Everything is answered after so long.
    pub fn new(seed: u64, round_trip: Duration) -> Self {
        Self {
            seed,
            round_trip,
            loss: 0.0,
            open: forty(seed),
            silent: |_| false,
            resets: None,
            capacity: None,
            cold_until: Duration::ZERO,
            nobody: false,
            gone_from: None,
            back_at: None,
            descriptors: usize::MAX,
            trouble: None,
            rejected: None,
            meets_itself: None,
            local: false,
        }
    }
}

/// Forty ports, the edges among them.
fn forty(seed: u64) -> BTreeSet<u16> {
    let mut random = Random(seed ^ 7);
    let mut open = BTreeSet::from([1, 1023, 32768, 40000, 60999, 65535]);
    while open.len() < 40 {
        open.insert(u16::try_from(1 + random.below(65535)).unwrap());
    }
    open
}

/// xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled").
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.max(1);
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }

    fn chance(&mut self, part: f64) -> bool {
        ((self.next() >> 11) as f64) < part * (1_u64 << 53) as f64
    }
}

/// What a scan of it came to.
#[derive(Debug)]
pub struct Outcome {
    pub found: BTreeMap<u16, Found>,
    pub twice: Vec<u16>,
    pub end: VisitEnd,
    pub took: Duration,
    pub probes: u64,
    /// The most questions that waited at one time.
    pub most_waiting: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    /// The packet is at the host.
    There { slot: Slot, serial: u64, port: u16, attempt: u32 },
    /// The answer is here.
    Here { slot: Slot, serial: u64, answer: u8 },
    /// The kernel asks again.
    Again { slot: Slot, serial: u64, port: u16, attempt: u32 },
}

const ANSWERS: [Answer; 4] =
    [Answer::Accepted, Answer::Refused, Answer::Unreachable(Reason::HostUnreachable), Answer::Itself];

struct World {
    net: Net,
    random: Random,
    now: Duration,
    ahead: BinaryHeap<Reverse<(Duration, Happening)>>,
    /// By slot: which question it is, if one waits.
    serials: Vec<Option<u64>>,
    serial: u64,
    waiting: usize,
    link_free: Duration,
    tokens: (f64, Duration),
    queued_cold: u32,
}

/// Scans it.
pub fn scan(net: &Net, ports: &[u16], terms: Terms) -> Outcome {
    scan_until(net, ports, terms, TIME_MAX)
}

/// Scans it, but no longer than this.
pub fn scan_until(net: &Net, ports: &[u16], terms: Terms, until: Duration) -> Outcome {
    let mut world = World::new(net.clone());
    let mut core = Core::new(terms);
    let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    core.begin(Moment::default(), 0, address, net.local, Arc::from(ports));
    let (mut found, mut twice, mut ended) = (BTreeMap::new(), Vec::new(), Vec::new());
    let (mut turns, mut most_waiting, mut still) = (0, 0, 0);
    while !core.is_idle() && world.now < until {
        while let Some(ask) = core.next(world.moment()) {
            if let Some(answer) = world.ask(&ask) {
                core.hear(world.moment(), ask.slot, answer);
            }
        }
        most_waiting = most_waiting.max(core.gauges().in_flight);
        let before = world.now;
        let quiet = !world.advance(core.wake());
        while let Some((slot, answer)) = world.due() {
            core.hear(world.moment(), slot, answer);
        }
        for slot in core.expire(world.moment()) {
            world.waiting -= usize::from(world.serials[slot as usize].take().is_some());
        }
        for port in core.found() {
            if found.insert(port.port, port).is_some() {
                twice.push(port.port);
            }
        }
        ended.extend(core.ended());
        turns += 1;
        still = if world.now == before && quiet { still + 1 } else { 0 };
        assert!(still < 100, "at {:?} it turns without anything to do: {core:?}", world.now);
        assert!(turns < TURNS_MAX, "too many turns");
    }
    let took = world.now;
    core.stop();
    for port in core.found() {
        assert!(found.insert(port.port, port).is_none(), "{} told twice", port.port);
    }
    ended.extend(core.ended());
    assert_eq!(ended.len(), 1, "one host has one end: {ended:?}");
    Outcome { found, twice, end: ended[0], took, probes: core.gauges().probes, most_waiting }
}

impl World {
    fn new(net: Net) -> Self {
        Self {
            random: Random(net.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            net,
            now: Duration::ZERO,
            ahead: BinaryHeap::new(),
            serials: Vec::new(),
            serial: 0,
            waiting: 0,
            link_free: Duration::ZERO,
            tokens: (0.0, Duration::ZERO),
            queued_cold: 0,
        }
    }

    fn moment(&self) -> Moment {
        Moment::after(self.now)
    }

    /// To the next thing that happens, here or there. False if nothing does by itself there.
    fn advance(&mut self, wake: Option<Moment>) -> bool {
        let there = self.ahead.peek().map(|Reverse((at, _))| *at);
        let here = wake.map(|wake| wake.since(Moment::default()));
        let Some(next) = there.into_iter().chain(here).min() else {
            panic!("it waits for nothing, for ever")
        };
        let first = there.is_some_and(|there| there <= next.max(self.now));
        self.now = self.now.max(next);
        first
    }

    fn ask(&mut self, ask: &Ask) -> Option<Answer> {
        let slot = ask.slot as usize;
        if slot >= self.serials.len() {
            self.serials.resize(slot + 1, None);
        }
        assert!(self.serials[slot].is_none(), "the slot {slot} is taken");
        if self.waiting >= self.net.descriptors {
            return Some(Answer::Local(Trouble::Descriptors));
        }
        if let Some((every, trouble)) = self.net.trouble
            && self.random.below(every) == 0
        {
            return Some(Answer::Local(trouble));
        }
        if let Some(every) = self.net.meets_itself
            && self.random.below(every) == 0
        {
            // Half of them with itself, and half with another question of ours, which looks open.
            return Some(if self.random.below(2) == 0 { Answer::Itself } else { Answer::Accepted });
        }
        self.serial += 1;
        self.serials[slot] = Some(self.serial);
        self.waiting += 1;
        self.depart(ask.slot, self.serial, ask.port, 0);
        None
    }

    fn depart(&mut self, slot: Slot, serial: u64, port: u16, attempt: u32) {
        let again = RESEND * (1 << attempt.min(5)) / if attempt == 0 { 1 } else { 2 };
        self.ahead
            .push(Reverse((self.now + again, Happening::Again { slot, serial, port, attempt: attempt + 1 })));
        if self.net.nobody {
            let told = Happening::Here { slot, serial, answer: 2 };
            if attempt == 0 {
                self.ahead.push(Reverse((self.now + RESEND * 3, told)));
            }
            return;
        }
        let mut leaves = self.now;
        if self.now < self.net.cold_until {
            self.queued_cold += 1;
            if self.queued_cold > 3 {
                return;
            }
            leaves = self.net.cold_until;
        }
        if let Some(capacity) = self.net.capacity {
            self.link_free = self.link_free.max(leaves) + Duration::from_secs_f64(1.0 / capacity);
            leaves = self.link_free;
        }
        if !self.random.chance(self.net.loss) {
            let there = Happening::There { slot, serial, port, attempt };
            self.ahead.push(Reverse((leaves + self.net.round_trip / 2, there)));
        }
    }

    /// The next answer that is here by now.
    fn due(&mut self) -> Option<(Slot, Answer)> {
        while let Some(Reverse((at, happening))) = self.ahead.peek().copied() {
            if at > self.now {
                return None;
            }
            self.ahead.pop();
            match happening {
                Happening::There { slot, serial, port, .. } => self.arrived(at, slot, serial, port),
                Happening::Again { slot, serial, port, attempt }
                    if self.waits(slot, serial) && attempt < 6 =>
                {
                    self.depart(slot, serial, port, attempt);
                }
                Happening::Here { slot, serial, answer } if self.waits(slot, serial) => {
                    self.serials[slot as usize] = None;
                    self.waiting -= 1;
                    return Some((slot, ANSWERS[usize::from(answer)]));
                }
                Happening::Again { .. } | Happening::Here { .. } => {}
            }
        }
        None
    }

    fn waits(&self, slot: Slot, serial: u64) -> bool {
        self.serials[slot as usize] == Some(serial)
    }

    fn arrived(&mut self, at: Duration, slot: Slot, serial: u64, port: u16) {
        let gone = self.net.gone_from.is_some_and(|from| at >= from)
            && self.net.back_at.is_none_or(|back| at < back);
        if gone || self.random.chance(self.net.loss) {
            return;
        }
        let (answer, delay) = if self.net.open.contains(&port) {
            (0, self.net.round_trip / 2)
        } else if let Some(delay) = self.net.rejected {
            (2, delay)
        } else if (self.net.silent)(port) || !self.may_reset(at) {
            return;
        } else {
            (1, self.net.round_trip / 2)
        };
        self.ahead.push(Reverse((at + delay, Happening::Here { slot, serial, answer })));
    }

    fn may_reset(&mut self, at: Duration) -> bool {
        let Some(rate) = self.net.resets else { return true };
        let (tokens, since) = self.tokens;
        let tokens = (tokens + rate * at.saturating_sub(since).as_secs_f64()).min(rate / 10.0);
        self.tokens = ((tokens - 1.0).max(tokens.min(0.0)), at);
        if tokens < 1.0 {
            self.tokens.0 = tokens;
        }
        tokens >= 1.0
    }
}
