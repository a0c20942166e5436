//! How often the clients of one address may come: a bucket of tokens for each, and a bound on how many buckets there are.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

/// Buckets that are kept at once. A crowd of more addresses within one `per` makes the server forget the fullest, which
/// allows these addresses a little more than they should have; the map takes some 10 MiB then, not more.
const BUCKETS_MAX: usize = 1 << 16;

/// Full buckets that are forgotten for each client that comes, so that the map shrinks when a crowd is gone.
const FORGOTTEN_EACH: usize = 2;

/// So many within so long, as a token bucket: one that holds `count` tokens and is filled again within `per`. Who was long
/// away may come `count` times at once; on the average nobody comes more often than `count` times in each `per`. 65,536
/// addresses are remembered at a time; beyond that those with the fullest buckets are forgotten.
///
/// ```
/// # use std::io::Read;
/// use std::time::Duration;
/// use throng_server::{Conn, Limits, Rate, Server};
///
/// # fn main() -> throng_server::Result {
/// let rate = Rate { count: 2, per: Duration::from_secs(3600) };
/// let limits = Limits { rate_per_address: Some(rate), per_address_loopback: true, ..Limits::default() };
/// let hello = |mut conn: Conn| async move { Ok(conn.write_all(b"hello").await?) };
/// let running = Server::new(hello).limits(limits).listen("127.0.0.1:0").start()?;
/// let come = || std::io::read_to_string(std::net::TcpStream::connect(&running.addresses()[0])?);
/// assert_eq!([come()?, come()?, come()?], ["hello", "hello", ""]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many; 0 is nobody at all. More than the nanoseconds in `per` is no limit.
    pub count: u32,
    /// Within how long; to the nanosecond.
    pub per: Duration,
}

/// The buckets of all addresses that came lately. A bucket is no more than the time at which it will be full again; one
/// that is full is as good as none.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    full_at: BTreeMap<IpAddr, Duration>,
    /// The same, the next to be full first.
    order: BTreeSet<(Duration, IpAddr)>,
}

impl Buckets {
    /// Takes a token out of an address's bucket. `false` when there is none.
    pub(crate) fn take(&mut self, address: IpAddr, rate: Rate, now: Duration) -> bool {
        for _ in 0..FORGOTTEN_EACH {
            match self.order.first() {
                Some((full_at, _)) if *full_at <= now => self.forget_first(),
                _ => break,
            }
        }
        let Some(token) = rate.per.checked_div(rate.count) else { return false };
        let full_at = self.full_at.get(&address).copied().unwrap_or(now).max(now) + token;
        if full_at > now + rate.per {
            return false;
        }
        if let Some(before) = self.full_at.insert(address, full_at) {
            self.order.remove(&(before, address));
        }
        self.order.insert((full_at, address));
        if self.full_at.len() > BUCKETS_MAX {
            self.forget_first();
        }
        true
    }

    /// Forgets all, as when the rate is another one.
    pub(crate) fn clear(&mut self) {
        *self = Buckets::default();
    }

    fn forget_first(&mut self) {
        if let Some((_, address)) = self.order.pop_first() {
            self.full_at.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { count: 3, per: Duration::from_secs(6) };

    fn at(secs: u64) -> Duration {
        Duration::from_secs(100 + secs)
    }

    fn address(number: u32) -> IpAddr {
        IpAddr::from(number.to_be_bytes())
    }

    #[test]
    fn an_address_comes_so_often_at_once_and_then_at_the_rate() {
        let mut buckets = Buckets::default();
        let mut check = |secs: u64, taken: bool| {
            assert_eq!(buckets.take(address(1), RATE, at(secs)), taken, "at {secs}");
        };
        for (secs, taken) in [(0, true), (0, true), (0, true), (0, false), (1, false), (2, true), (2, false)]
        {
            check(secs, taken);
        }
        for (secs, taken) in [(60, true), (60, true), (60, true), (60, false), (62, true), (63, false)] {
            check(secs, taken);
        }
        assert!(buckets.take(address(2), RATE, at(63)), "another address has a bucket of its own");
    }

    #[test]
    fn a_rate_of_none_takes_nobody() {
        let mut buckets = Buckets::default();
        assert!(!buckets.take(address(1), Rate { count: 0, ..RATE }, at(0)));
        assert!(buckets.full_at.is_empty());
    }

    #[test]
    fn full_buckets_are_forgotten() {
        let mut buckets = Buckets::default();
        for number in 0..100 {
            assert!(buckets.take(address(number), RATE, at(0)));
        }
        for number in 0..100 {
            assert!(buckets.take(address(number), RATE, at(2)));
        }
        for _ in 0..100 {
            buckets.take(address(1000), RATE, at(60));
        }
        assert_eq!((buckets.full_at.len(), buckets.order.len()), (1, 1));
    }

    #[test]
    fn when_there_are_too_many_the_fullest_is_forgotten_first() {
        let mut buckets = Buckets::default();
        let emptied = address(u32::MAX);
        (0..3).for_each(|_| assert!(buckets.take(emptied, RATE, at(0))));
        for number in 0..=BUCKETS_MAX as u32 {
            assert!(buckets.take(address(number), RATE, at(0)));
        }
        assert_eq!((buckets.full_at.len(), buckets.order.len()), (BUCKETS_MAX, BUCKETS_MAX));
        assert!(!buckets.take(emptied, RATE, at(0)), "the emptiest is remembered");
    }
}
