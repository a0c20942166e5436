//! How often somebody may be wrong: three times a minute for an account and for an address, then not for a while, and each
//! while is longer than the one before it. Pure: time is an argument.
//!
//! An attempt is counted when it begins, and what is under way counts as wrong until it is known to be right; so sixty-four
//! guesses at once are not sixty-four guesses. Whoever would be the fourth under way waits for one of them.
//!
//! **What is kept is bounded** ([`TRACKED_MAX`]). When it is full, those who are nearest to being forgotten go, which are
//! those who were wrong once or twice; who must wait and who is under way never goes. So making room costs thousands of
//! wrong attempts for one or two that are not counted, and frees nobody who is shut out. When all must wait, newcomers share
//! one count: that is strict with them, and no way around.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// So many failures …
pub const FAILURES: usize = 3;
/// … within so long shut out.
pub const WINDOW: Duration = Duration::from_secs(60);
/// How long the first time; each time after it is twice as long,
pub const PENALTY_FIRST: Duration = Duration::from_secs(60);
/// up to this.
pub const PENALTY_MAX: Duration = Duration::from_secs(15 * 60);
/// After so long in peace the next penalty is half as long.
pub const DECAY: Duration = Duration::from_secs(30 * 60);
/// How many accounts and how many addresses are remembered, each.
pub const TRACKED_MAX: usize = 16 * 1024;

/// How often a penalty doubles until it is [`PENALTY_MAX`].
const LEVEL_MAX: u32 = 4;
/// How many are forgotten at once when there is no room, so that the search for them is rare.
const ROOM_MADE: usize = 512;

/// From where somebody comes, as far as that counts: who has one address of IPv6 has the 2⁶⁴ beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Network {
    /// An address of IPv4.
    V4(Ipv4Addr),
    /// The first half of an address of IPv6.
    V6([u16; 4]),
    /// This machine, by no address at all or by one of loopback.
    Local,
}

impl Network {
    /// Of an address, if there is one.
    pub fn of(address: Option<IpAddr>) -> Network {
        match address.map(|address| address.to_canonical()) {
            None => Network::Local,
            Some(address) if address.is_loopback() => Network::Local,
            Some(IpAddr::V4(address)) => Network::V4(address),
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                Network::V6([a, b, c, d])
            }
        }
    }
}

/// May an attempt begin?
#[derive(Debug)]
pub enum Begun {
    /// It may, and counts from now on.
    Go(Ticket),
    /// As many are under way as may be; ask again when one has ended.
    Later,
    /// Not before this is over.
    Throttled(Duration),
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was right, or nobody looked: it does not count.
    Forgiven,
    /// It was wrong.
    Wrong,
}

/// An attempt under way. It must be given back.
#[derive(Debug)]
pub struct Ticket {
    account: Option<Slot<Box<str>>>,
    network: Slot<Network>,
}

/// Where an attempt is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Slot<K> {
    Own(K),
    Shared,
}

/// Who was wrong, and how often. Time is how long since some beginning, and never goes back.
#[derive(Debug)]
pub struct Throttle {
    accounts: Book<Box<str>>,
    networks: Book<Network>,
}

impl Default for Throttle {
    fn default() -> Throttle {
        Throttle::with_room(TRACKED_MAX)
    }
}

impl Throttle {
    /// One that remembers so many of each.
    pub fn with_room(room: usize) -> Throttle {
        Throttle { accounts: Book::with_room(room), networks: Book::with_room(room) }
    }

    /// Begins an attempt on this account, by its folded name and whether there is one or not. A token and a certificate
    /// cannot be guessed: they are no attempt on an account, so who has one is not shut out by who guesses at the password.
    pub fn begin(&mut self, account: Option<&str>, network: Network, now: Duration) -> Begun {
        let account = account.map(Box::<str>::from);
        let standings = [
            account.as_ref().map_or(Standing::Free, |account| self.accounts.standing(account, now)),
            self.networks.standing(&network, now),
        ];
        let shut = standings.iter().filter_map(|standing| match standing {
            Standing::Shut(again_in) => Some(*again_in),
            _ => None,
        });
        if let Some(again_in) = shut.max() {
            return Begun::Throttled(again_in);
        }
        if standings.contains(&Standing::Taken) {
            return Begun::Later;
        }
        let account = account.map(|account| self.accounts.begin(account, now));
        Begun::Go(Ticket { account, network: self.networks.begin(network, now) })
    }

    /// An attempt has ended.
    pub fn end(&mut self, ticket: Ticket, ended: Ended, now: Duration) {
        if let Some(account) = ticket.account {
            self.accounts.end(account, ended, now);
        }
        self.networks.end(ticket.network, ended, now);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Free,
    Taken,
    Shut(Duration),
}

#[derive(Debug)]
struct Book<K> {
    rows: BTreeMap<K, Row>,
    /// Of those for whom there is no room.
    shared: Row,
    room: usize,
}

impl<K: Ord + Clone> Book<K> {
    fn with_room(room: usize) -> Book<K> {
        Book { rows: BTreeMap::new(), shared: Row::default(), room }
    }

    fn standing(&mut self, key: &K, now: Duration) -> Standing {
        if let Some(row) = self.rows.get(key) {
            return row.standing(now);
        }
        self.make_room(now);
        if self.rows.len() < self.room { Standing::Free } else { self.shared.standing(now) }
    }

    fn begin(&mut self, key: K, now: Duration) -> Slot<K> {
        let known = self.rows.contains_key(&key);
        if !known {
            // Never for one who is known: they themselves might be forgotten.
            self.make_room(now);
        }
        if known || self.rows.len() < self.room {
            self.rows.entry(key.clone()).or_default().flying += 1;
            Slot::Own(key)
        } else {
            self.shared.flying += 1;
            Slot::Shared
        }
    }

    fn end(&mut self, slot: Slot<K>, ended: Ended, now: Duration) {
        let row = match &slot {
            Slot::Own(key) => self.rows.entry(key.clone()).or_default(),
            Slot::Shared => &mut self.shared,
        };
        row.flying = row.flying.saturating_sub(1);
        if ended == Ended::Wrong {
            row.fail(now);
        }
        if let Slot::Own(key) = slot
            && self.rows.get(&key).is_some_and(|row| row.is_spent(now))
        {
            self.rows.remove(&key);
        }
    }

    /// Forgets those with whom nothing is wrong any more; where that is not enough, those with whom it is least.
    fn make_room(&mut self, now: Duration) {
        if self.rows.len() < self.room {
            return;
        }
        self.rows.retain(|_, row| !row.is_spent(now));
        if self.rows.len() < self.room {
            return;
        }
        let mut weak: Vec<_> = self
            .rows
            .iter()
            .filter(|(_, row)| row.flying == 0 && row.standing(now) == Standing::Free)
            .map(|(key, row)| ((row.level_at(now), row.recent(now), row.last()), key.clone()))
            .collect();
        weak.sort();
        for (_, key) in weak.into_iter().take(ROOM_MADE.min(self.room.div_ceil(2))) {
            self.rows.remove(&key);
        }
    }
}

/// What is known of one who was wrong.
#[derive(Clone, Debug, Default)]
struct Row {
    /// When, the last times; fewer than [`FAILURES`].
    failures: Vec<Duration>,
    /// How many attempts are under way.
    flying: usize,
    /// How often the next penalty is doubled, as of `until`.
    level: u32,
    /// Shut out until then.
    until: Duration,
}

impl Row {
    fn recent(&self, now: Duration) -> usize {
        self.failures.iter().filter(|at| now.saturating_sub(**at) < WINDOW).count()
    }

    fn last(&self) -> Duration {
        self.failures.last().copied().unwrap_or(self.until)
    }

    fn level_at(&self, now: Duration) -> u32 {
        let peace = now.saturating_sub(self.until).as_secs() / DECAY.as_secs();
        self.level.saturating_sub(u32::try_from(peace).unwrap_or(u32::MAX))
    }

    fn standing(&self, now: Duration) -> Standing {
        if now < self.until {
            Standing::Shut(self.until - now)
        } else if self.recent(now) + self.flying >= FAILURES {
            Standing::Taken
        } else {
            Standing::Free
        }
    }

    fn fail(&mut self, now: Duration) {
        self.failures.retain(|at| now.saturating_sub(*at) < WINDOW);
        self.failures.push(now);
        if self.failures.len() < FAILURES {
            return;
        }
        let level = self.level_at(now);
        self.failures.clear();
        self.until = now + PENALTY_FIRST.saturating_mul(1 << level).min(PENALTY_MAX);
        self.level = (level + 1).min(LEVEL_MAX);
    }

    fn is_spent(&self, now: Duration) -> bool {
        self.flying == 0 && self.until <= now && self.recent(now) == 0 && self.level_at(now) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Network = Network::Local;

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    /// From a network of its own each time.
    fn network(number: u16) -> Network {
        Network::V6([0x2001, 0xdb8, 0, number])
    }

    fn go(throttle: &mut Throttle, account: &str, network: Network, now: Duration) -> Ticket {
        match throttle.begin(Some(account), network, now) {
            Begun::Go(ticket) => ticket,
            other => panic!("{account} at {now:?}: {other:?}"),
        }
    }

    fn wrong(throttle: &mut Throttle, account: &str, network: Network, now: Duration) {
        let ticket = go(throttle, account, network, now);
        throttle.end(ticket, Ended::Wrong, now);
    }

    fn shut(throttle: &mut Throttle, account: &str, network: Network, now: Duration) -> Option<Duration> {
        match throttle.begin(Some(account), network, now) {
            Begun::Throttled(again_in) => Some(again_in),
            Begun::Go(ticket) => {
                throttle.end(ticket, Ended::Forgiven, now);
                None
            }
            Begun::Later => panic!("nothing is under way"),
        }
    }

    #[test]
    fn an_account_has_three_failures_a_minute_from_wherever() {
        let throttle = &mut Throttle::default();
        for (number, at) in [(1, 0), (2, 58), (3, 59)] {
            wrong(throttle, "ana", network(number), secs(at));
        }
        assert_eq!(shut(throttle, "ana", network(4), secs(59)), Some(secs(60)));
        assert_eq!(shut(throttle, "bo", network(4), secs(59)), None);
        assert_eq!(shut(throttle, "ana", network(4), secs(118)), Some(secs(1)));
        assert_eq!(shut(throttle, "ana", network(4), secs(119)), None);
    }

    #[test]
    fn the_window_slides() {
        let throttle = &mut Throttle::default();
        for (number, at) in [(1, 0), (2, 50), (3, 60), (4, 109)] {
            assert_eq!(shut(throttle, "ana", network(9), secs(at)), None, "at {at}");
            wrong(throttle, "ana", network(number), secs(at));
        }
        assert_eq!(shut(throttle, "ana", network(9), secs(109)), Some(secs(60)), "50, 60 and 109");
    }

    #[test]
    fn an_address_has_three_on_all_accounts_together() {
        let throttle = &mut Throttle::default();
        for name in ["ana", "bo", "cy"] {
            wrong(throttle, name, HERE, secs(0));
        }
        assert_eq!(shut(throttle, "di", HERE, secs(0)), Some(secs(60)));
        assert_eq!(shut(throttle, "di", network(1), secs(0)), None);
        assert!(matches!(throttle.begin(None, HERE, secs(0)), Begun::Throttled(_)), "a token too");
    }

    #[test]
    fn a_network_is_an_address_or_half_of_one() {
        let of = |address: &str| Network::of(Some(address.parse().unwrap()));
        assert_eq!(of("2001:db8:0:1::1"), of("2001:db8:0:1:ffff:ffff:ffff:ffff"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(Network::of(None), Network::Local);
        assert_eq!((of("127.0.0.1"), of("::1"), of("::ffff:127.1.2.3")), (HERE, HERE, HERE));
    }

    #[test]
    fn each_penalty_is_longer_up_to_a_bound_and_peace_makes_it_shorter() {
        let throttle = &mut Throttle::default();
        let mut now = secs(0);
        let mut penalty = |throttle: &mut Throttle, peace: Duration| {
            now += peace;
            for _ in 0..FAILURES {
                wrong(throttle, "ana", HERE, now);
            }
            let again_in = shut(throttle, "ana", HERE, now).expect("it is shut");
            now += again_in;
            again_in.as_secs()
        };
        let grows: Vec<u64> = (0..7).map(|_| penalty(throttle, secs(0))).collect();
        assert_eq!(grows, [60, 120, 240, 480, 900, 900, 900]);
        assert_eq!(penalty(throttle, DECAY), 480);
        assert_eq!(penalty(throttle, DECAY * 2), 240);
        assert_eq!(penalty(throttle, DECAY * 9), 60);
    }

    #[test]
    fn no_more_than_three_are_under_way() {
        let throttle = &mut Throttle::default();
        let mut tickets: Vec<_> =
            (0..3).map(|number| go(throttle, "ana", network(number), secs(0))).collect();
        assert!(matches!(throttle.begin(Some("ana"), network(9), secs(0)), Begun::Later));
        throttle.end(tickets.pop().unwrap(), Ended::Forgiven, secs(0));
        tickets.push(go(throttle, "ana", network(9), secs(0)));
        tickets.drain(..).for_each(|ticket| throttle.end(ticket, Ended::Wrong, secs(1)));
        assert_eq!(shut(throttle, "ana", network(9), secs(1)), Some(secs(60)));
    }

    #[test]
    fn who_is_right_pays_nothing_and_frees_nobody_else() {
        let throttle = &mut Throttle::default();
        for _ in 0..100 {
            let ticket = go(throttle, "ana", HERE, secs(0));
            throttle.end(ticket, Ended::Forgiven, secs(0));
        }
        assert!(throttle.accounts.rows.is_empty() && throttle.networks.rows.is_empty());
        wrong(throttle, "bo", HERE, secs(0));
        wrong(throttle, "bo", HERE, secs(0));
        let mine = go(throttle, "ana", HERE, secs(0));
        throttle.end(mine, Ended::Forgiven, secs(0));
        wrong(throttle, "bo", HERE, secs(0));
        assert!(shut(throttle, "bo", HERE, secs(0)).is_some(), "an account of one's own buys no guesses");
    }

    #[test]
    fn ten_minutes_of_guessing_from_everywhere_reach_the_hash_thirty_times_at_most() {
        let throttle = &mut Throttle::default();
        let mut reached = 0;
        for guess in 0..10_000_u64 {
            let now = Duration::from_millis(guess * 60);
            let network = network(u16::try_from(guess % 256).unwrap());
            if let Begun::Go(ticket) = throttle.begin(Some("ana"), network, now) {
                reached += 1;
                throttle.end(ticket, Ended::Wrong, now);
            }
        }
        assert!((3..=30).contains(&reached), "{reached}");
    }

    #[test]
    fn when_it_is_full_nobody_who_is_shut_out_is_freed() {
        let throttle = &mut Throttle::with_room(8);
        for number in 1..=3 {
            wrong(throttle, "ana", network(number), secs(0));
        }
        let mut flying: Vec<_> = (4..6).map(|number| go(throttle, "bo", network(number), secs(0))).collect();
        for number in 0..1_000 {
            wrong(throttle, &format!("made-up-{number}"), network(100 + number), secs(1));
            assert!(throttle.accounts.rows.len() <= 8 && throttle.networks.rows.len() <= 8, "{number}");
        }
        assert_eq!(shut(throttle, "ana", network(8), secs(1)), Some(secs(59)));
        flying.push(go(throttle, "bo", network(6), secs(1)));
        let fourth = throttle.begin(Some("bo"), network(9), secs(1));
        assert!(matches!(fourth, Begun::Later), "who is under way is not lost: {fourth:?}");
        flying.into_iter().for_each(|ticket| throttle.end(ticket, Ended::Wrong, secs(1)));
        assert_eq!(shut(throttle, "bo", network(9), secs(1)), Some(secs(60)));
    }

    #[test]
    fn when_all_are_shut_out_newcomers_share_one_count() {
        let throttle = &mut Throttle::with_room(4);
        for number in 0..4 {
            for _ in 0..FAILURES {
                wrong(throttle, &format!("shut-{number}"), network(number), secs(0));
            }
        }
        for number in 10..13 {
            wrong(throttle, &format!("new-{number}"), network(number), secs(1));
        }
        assert_eq!(shut(throttle, "newest", network(20), secs(1)), Some(secs(60)));
        assert_eq!(shut(throttle, "newest", network(20), secs(60)), None, "room again");
    }

    #[test]
    fn who_comes_back_to_a_full_table_is_not_forgotten_by_that() {
        let throttle = &mut Throttle::with_room(1);
        for _ in 0..FAILURES {
            wrong(throttle, "ana", HERE, secs(0));
        }
        assert_eq!(shut(throttle, "ana", HERE, secs(0)), Some(secs(60)));
    }

    #[test]
    fn what_is_past_is_forgotten() {
        let throttle = &mut Throttle::with_room(2);
        wrong(throttle, "ana", network(1), secs(0));
        wrong(throttle, "bo", network(2), secs(0));
        wrong(throttle, "cy", network(3), secs(61));
        let kept: Vec<_> = throttle.accounts.rows.keys().map(|name| &**name).collect();
        assert_eq!(kept, ["cy"]);
    }
}
