//! The places that are left: in all, at the same time, of each address, and of those who are told why they have none. All
//! are counts behind one lock, held for a moment when a client comes and when it leaves, so that a limit can be changed
//! while the server runs and is exact all the same.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::address::Address;
use crate::clock;
use crate::limits::{Full, Limits, Rejected};
use crate::rate::Buckets;

/// Clients that are told at the same time why they are not served. Each keeps its descriptor and a task for a moment; who
/// comes when so many are being told is closed without a word.
pub(crate) const TOLD_MAX: usize = 64;

/// The places of one server.
#[derive(Debug)]
pub(crate) struct Seats {
    counts: Mutex<Counts>,
    /// Told when a place may be free.
    freed: Notify,
    /// How many are served at the same time, where the model limits that.
    turns_max: Option<usize>,
}

#[derive(Debug)]
struct Counts {
    limits: Limits,
    total: usize,
    turns: usize,
    told: usize,
    per_address: BTreeMap<IpAddr, usize>,
    buckets: Buckets,
}

/// What there is for the next client.
pub(crate) enum Offer {
    /// A place.
    Place(Place),
    /// None, and it is to hear that.
    Refusal,
}

/// What is taken before a client is taken from the kernel.
pub(crate) struct Place {
    pub total: Seat,
    pub turn: Turn,
}

/// A client's turn to be served, held while its handler runs: where a model serves few at a time, the others wait in the
/// kernel's queue.
pub(crate) type Turn = Option<Seat>;

/// One of a counted number of places, given back when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Arc<Seats>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Total,
    Turn,
    Told,
}

/// One place of an address, given back when dropped.
#[derive(Debug)]
pub(crate) struct AddressSeat {
    /// None where addresses are not counted.
    seats: Option<Arc<Seats>>,
    network: IpAddr,
}

impl Seats {
    pub(crate) fn new(limits: Limits, turns_max: Option<usize>) -> Seats {
        let counts = Counts {
            limits,
            total: 0,
            turns: 0,
            told: 0,
            per_address: BTreeMap::new(),
            buckets: Buckets::default(),
        };
        Seats { counts: Mutex::new(counts), freed: Notify::new(), turns_max }
    }

    pub(crate) fn limits(&self) -> Limits {
        self.counts().limits.clone()
    }

    /// Allows so much from here on. Nobody is cut.
    pub(crate) fn set_limits(&self, limits: Limits) {
        let mut counts = self.counts();
        if counts.limits.rate_per_address != limits.rate_per_address {
            counts.buckets.clear();
        }
        counts.limits = limits;
        drop(counts);
        self.freed.notify_waiters();
    }

    /// Waits until there is something for the next client. Cancel-safe.
    pub(crate) async fn offer(self: &Arc<Self>) -> Offer {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            // First in the list, then the look: who gives a place back in between wakes this.
            freed.as_mut().enable();
            if let Some(offer) = self.offer_now() {
                return offer;
            }
            freed.await;
        }
    }

    /// What there is now; `None` when the next client has to wait.
    pub(crate) fn offer_now(self: &Arc<Self>) -> Option<Offer> {
        let mut counts = self.counts();
        if self.turns_max.is_some_and(|max| counts.turns >= max) {
            return None;
        }
        if counts.total >= counts.limits.total {
            return (counts.limits.full == Full::Refuse).then_some(Offer::Refusal);
        }
        counts.total += 1;
        counts.turns += usize::from(self.turns_max.is_some());
        drop(counts);
        let turn = self.turns_max.map(|_| self.seat(Kind::Turn));
        Some(Offer::Place(Place { total: self.seat(Kind::Total), turn }))
    }

    /// Takes a place of one address, or says why it has none.
    pub(crate) fn take(self: &Arc<Self>, address: &Address) -> Result<AddressSeat, Rejected> {
        // Who comes by a Unix socket or a pipe is on this machine.
        let network = network_of(address.ip().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        let mut counts = self.counts();
        let counts = &mut *counts;
        if address.is_local() && !counts.limits.per_address_loopback {
            return Ok(AddressSeat { seats: None, network });
        }
        if let Some(rate) = counts.limits.rate_per_address
            && !counts.buckets.take(network, rate, clock::now())
        {
            return Err(Rejected::TooOften);
        }
        let taken = counts.per_address.get(&network).copied().unwrap_or(0);
        if taken >= counts.limits.per_address {
            return Err(Rejected::AddressFull);
        }
        counts.per_address.insert(network, taken + 1);
        Ok(AddressSeat { seats: Some(Arc::clone(self)), network })
    }

    /// Takes a place among those who are told why they are not served.
    pub(crate) fn tell(self: &Arc<Self>) -> Option<Seat> {
        let mut counts = self.counts();
        if counts.told >= TOLD_MAX {
            return None;
        }
        counts.told += 1;
        Some(self.seat(Kind::Told))
    }

    fn seat(self: &Arc<Self>, kind: Kind) -> Seat {
        Seat { seats: Arc::clone(self), kind }
    }

    fn leave_address(&self, network: IpAddr) {
        let mut counts = self.counts();
        if let Some(count) = counts.per_address.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                counts.per_address.remove(&network);
            }
        }
    }

    /// Nothing here could be left half done by a panic.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.seats.counts();
        match self.kind {
            Kind::Total => counts.total -= 1,
            Kind::Turn => counts.turns -= 1,
            Kind::Told => counts.told -= 1,
        }
        drop(counts);
        // A listener that cannot use it gives it back, and so wakes the next.
        self.seats.freed.notify_one();
    }
}

impl Drop for AddressSeat {
    fn drop(&mut self) {
        if let Some(seats) = &self.seats {
            seats.leave_address(self.network);
        }
    }
}

/// Whose limit an address counts against: IPv4 by itself, IPv6 by its /64.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::rate::Rate;

    fn seats(per_address: usize, per_address_loopback: bool) -> Arc<Seats> {
        let limits = Limits { per_address, per_address_loopback, total: 10, ..Limits::default() };
        Arc::new(Seats::new(limits, None))
    }

    fn ip(text: &str) -> Address {
        Address::Tcp((text.parse::<IpAddr>().unwrap(), 1).into())
    }

    #[test]
    fn an_address_has_so_many_seats_and_gets_them_back() {
        let seats = seats(2, false);
        let first = seats.take(&ip("192.0.2.1")).unwrap();
        let _second = seats.take(&ip("192.0.2.1")).unwrap();
        assert_eq!(seats.take(&ip("192.0.2.1")).err(), Some(Rejected::AddressFull));
        assert!(seats.take(&ip("192.0.2.2")).is_ok());
        drop(first);
        assert!(seats.take(&ip("192.0.2.1")).is_ok());
    }

    #[test]
    fn addresses_count_by_what_one_customer_gets() {
        let check = |one: &str, other: &str, same: bool| {
            let seats = seats(1, false);
            let _kept = seats.take(&ip(one)).unwrap();
            assert_eq!(seats.take(&ip(other)).is_err(), same, "{one} {other}");
        };
        check("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true);
        check("2001:db8:1:2::1", "2001:db8:1:3::1", false);
        check("192.0.2.1", "::ffff:192.0.2.1", true);
        check("192.0.2.1", "192.0.2.2", false);
    }

    #[test]
    fn loopback_is_exempt_unless_asked_for() {
        let kept: Vec<_> = (0..5).map(|_| seats(1, false).take(&ip("127.0.0.1"))).collect();
        assert!(kept.iter().all(Result::is_ok));
        let strict = seats(1, true);
        let _kept = strict.take(&ip("::1")).unwrap();
        assert!(strict.take(&ip("::1")).is_err());
    }

    #[test]
    fn nothing_is_remembered_of_an_address_that_has_left() {
        let seats = seats(3, true);
        drop((seats.take(&ip("192.0.2.1")), seats.take(&ip("::1"))));
        let none = self::seats(0, true);
        assert!(none.take(&ip("192.0.2.1")).is_err());
        assert!(seats.counts().per_address.is_empty() && none.counts().per_address.is_empty());
    }

    fn total(total: usize, full: Full, turns: Option<usize>) -> Arc<Seats> {
        Arc::new(Seats::new(Limits { total, full, ..Limits::default() }, turns))
    }

    fn place(seats: &Arc<Seats>) -> Option<Place> {
        match seats.offer_now() {
            Some(Offer::Place(place)) => Some(place),
            _ => None,
        }
    }

    #[test]
    fn a_lowered_total_takes_nobody_until_enough_have_left() {
        let seats = total(3, Full::Queue, None);
        let mut places: Vec<_> = (0..3).map(|_| place(&seats).unwrap()).collect();
        seats.set_limits(Limits { total: 2, ..seats.limits() });
        for _ in 0..2 {
            assert!(place(&seats).is_none());
            places.pop();
        }
        let _second = place(&seats).unwrap();
        assert!(place(&seats).is_none());
        seats.set_limits(Limits { total: 3, ..seats.limits() });
        assert!(place(&seats).is_some());
    }

    #[test]
    fn who_finds_no_place_waits_or_is_refused_and_who_finds_no_turn_waits() {
        let check = |full: Full, turns: Option<usize>, refused: bool| {
            let seats = total(1, full, turns);
            let _kept = place(&seats).unwrap();
            assert_eq!(matches!(seats.offer_now(), Some(Offer::Refusal)), refused, "{full:?} {turns:?}");
        };
        check(Full::Queue, None, false);
        check(Full::Refuse, None, true);
        check(Full::Refuse, Some(2), true);
        check(Full::Refuse, Some(1), false);
    }

    #[tokio::test]
    async fn a_place_that_is_given_back_or_added_wakes_one_who_waits() {
        let seats = total(1, Full::Queue, Some(1));
        let kept = place(&seats).unwrap();
        let waits = seats.offer();
        tokio::pin!(waits);
        assert!(waits.as_mut().now_or_never().is_none());
        drop(kept.total);
        assert!(waits.as_mut().now_or_never().is_none(), "there is a place and no turn");
        drop(kept.turn);
        let Offer::Place(_kept) = waits.await else { panic!("it waited for a place") };
        let more = total(0, Full::Queue, None);
        let waits = more.offer();
        tokio::pin!(waits);
        assert!(waits.as_mut().now_or_never().is_none());
        more.set_limits(Limits { total: 1, ..more.limits() });
        assert!(matches!(waits.await, Offer::Place(_)));
    }

    #[test]
    fn not_more_are_told_at_once_than_may_be() {
        let seats = total(1, Full::Refuse, None);
        let mut told: Vec<_> = (0..TOLD_MAX).map(|_| seats.tell().unwrap()).collect();
        assert!(seats.tell().is_none());
        told.pop();
        assert!(seats.tell().is_some());
    }

    #[test]
    fn an_address_that_comes_too_often_is_told_so_and_others_are_not() {
        let rate = Rate { count: 2, per: std::time::Duration::from_secs(3600) };
        let limits = Limits { rate_per_address: Some(rate), per_address: 9, ..Limits::default() };
        let seats = Arc::new(Seats::new(limits, None));
        let often = |address: &str| seats.take(&ip(address)).err();
        assert_eq!([often("2001:db8::1"), often("2001:db8::2")], [None, None]);
        assert_eq!(often("2001:db8::3"), Some(Rejected::TooOften));
        assert_eq!([often("2001:db8:0:1::1"), often("127.0.0.1")], [None, None]);
        seats.set_limits(Limits { rate_per_address: None, ..seats.limits() });
        assert_eq!(often("2001:db8::3"), None);
    }
}
