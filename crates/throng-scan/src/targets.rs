//! Whom to ask: a set of addresses, kept as spans and never as a list, and how people write one.
//!
//! What is written goes into a [`List`], one of those who are wanted and one of those who are not; [`find`] looks the names up
//! by a function from outside and makes a [`Targets`] of both. What may be asked of whom is not decided here.

mod fault;
mod list;
mod one;
mod spans;

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;

pub use fault::{FindFault, ListFault, TargetFault, TargetWhy};
pub use list::{BYTES_MAX, List, NAMES_MAX, SPANS_MAX};
pub use one::SPAN_V6_MAX;
pub use spans::Span;
use spans::Spans;

use crate::event::Host;

/// How many addresses a set may have: all of IPv4.
pub const HOSTS_MAX: u64 = 1 << 32;

/// How many addresses of a name are looked at.
const ADDRESSES_MAX: usize = 256;

/// A set of addresses, each once. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets {
    set: Arc<Set>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Set {
    spans: Spans,
    /// By what name an address was asked for, where it was by one.
    names: BTreeMap<IpAddr, Box<str>>,
}

impl Targets {
    /// How many addresses, at most [`HOSTS_MAX`].
    pub fn len(&self) -> u64 {
        u64::try_from(self.set.spans.count()).unwrap_or(u64::MAX)
    }

    /// None at all?
    pub fn is_empty(&self) -> bool {
        self.set.spans.count() == 0
    }

    /// Is it in?
    pub fn contains(&self, address: IpAddr) -> bool {
        self.set.spans.contains(address.to_canonical())
    }

    /// In ascending order, those of IPv4 first; made one by one.
    pub fn iter(&self) -> Hosts {
        Hosts { set: Arc::clone(&self.set), span: 0, after: None }
    }

    /// As few spans as there are, in ascending order.
    pub fn spans(&self) -> impl Iterator<Item = Span> + '_ {
        self.set.spans.iter()
    }

    /// The same without these.
    pub fn without(&self, unwanted: impl IntoIterator<Item = Span>) -> Targets {
        let spans = self.set.spans.without(&Spans::from_iter(unwanted));
        let names = self.set.names.iter().filter(|(address, _)| spans.contains(**address));
        let names = names.map(|(address, name)| (*address, name.clone())).collect();
        Targets { set: Arc::new(Set { spans, names }) }
    }
}

impl From<IpAddr> for Targets {
    fn from(address: IpAddr) -> Targets {
        let spans = Spans::from_iter([Span::of(address)]);
        Targets { set: Arc::new(Set { spans, names: BTreeMap::new() }) }
    }
}

impl IntoIterator for &Targets {
    type Item = Host;
    type IntoIter = Hosts;

    fn into_iter(self) -> Hosts {
        self.iter()
    }
}

/// The addresses of a set, in ascending order.
#[derive(Clone, Debug)]
pub struct Hosts {
    set: Arc<Set>,
    /// In which span we are.
    span: usize,
    /// What was given of it last.
    after: Option<IpAddr>,
}

impl Iterator for Hosts {
    type Item = Host;

    fn next(&mut self) -> Option<Host> {
        let span = self.set.spans.nth(self.span)?;
        let address = match self.after {
            None => span.first(),
            Some(after) => spans::next(after)?,
        };
        self.after = Some(address);
        if address == span.last() {
            self.span += 1;
            self.after = None;
        }
        Some(Host { address, name: self.set.names.get(&address).cloned() })
    }
}

/// Which addresses of a name that has several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// The first that is not excluded.
    First,
    /// All.
    All,
}

/// What came of the names.
#[derive(Debug)]
pub struct Found {
    /// All who are wanted and not excluded.
    pub targets: Targets,
    /// Names that have more addresses than were taken, and those others.
    pub others: Vec<(Box<str>, Vec<IpAddr>)>,
    /// Names that have no address, and why.
    pub lost: Vec<(Box<str>, io::Error)>,
}

/// Makes a set of what is wanted and what is not. Every name is looked up once, by `look_up`; [`system`] asks the system.
///
/// A name that is wanted and not found is told in [`Found::lost`]; one that is excluded and not found is a fault, since it would
/// be asked then.
pub fn find(
    wanted: &List,
    unwanted: &List,
    addresses: Addresses,
    mut look_up: impl FnMut(&str) -> io::Result<Vec<IpAddr>>,
) -> Result<Found, FindFault> {
    let mut look_up = |name: &str| {
        let mut found: Vec<IpAddr> = Vec::new();
        for address in look_up(name)?.into_iter().take(ADDRESSES_MAX).map(|address| address.to_canonical()) {
            if !found.contains(&address) {
                found.push(address);
            }
        }
        let none = || io::Error::new(io::ErrorKind::NotFound, "it has no address");
        if found.is_empty() { Err(none()) } else { Ok(found) }
    };
    let mut excluded: Vec<Span> = unwanted.spans().to_vec();
    for name in unwanted.names() {
        let found =
            look_up(name).map_err(|why| FindFault::ExcludedNotFound { name: name.to_owned(), why })?;
        excluded.extend(found.into_iter().map(Span::of));
    }
    let excluded = Spans::from_iter(excluded);
    let mut spans: Vec<Span> = wanted.spans().to_vec();
    let (mut names, mut others, mut lost) = (BTreeMap::new(), Vec::new(), Vec::new());
    for name in wanted.names() {
        let mut found = match look_up(name) {
            Ok(found) => found,
            Err(why) => {
                lost.push((name.into(), why));
                continue;
            }
        };
        found.retain(|address| !excluded.contains(*address));
        let taken = match addresses {
            Addresses::First => found.len().min(1),
            Addresses::All => found.len(),
        };
        let more = found.split_off(taken);
        if !more.is_empty() {
            others.push((name.into(), more));
        }
        for address in found {
            spans.push(Span::of(address));
            names.entry(address).or_insert_with(|| name.into());
        }
    }
    let spans = Spans::from_iter(spans).without(&excluded);
    if spans.count() > u128::from(HOSTS_MAX) {
        return Err(FindFault::TooMany { asked: spans.count() });
    }
    Ok(Found { targets: Targets { set: Arc::new(Set { spans, names }) }, others, lost })
}

/// Asks the system for a name's addresses, as it likes to see them used. Waits as long as the system does.
pub fn system(name: &str) -> io::Result<Vec<IpAddr>> {
    Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(typed: &[&str]) -> List {
        let mut list = List::default();
        typed.iter().for_each(|typed| list.add(typed).unwrap_or_else(|why| panic!("{why}")));
        list
    }

    /// Names as a test needs them.
    fn look_up(name: &str) -> io::Result<Vec<IpAddr>> {
        let addresses: &[&str] = match name {
            "one.example" => &["192.0.2.1"],
            "two.example" => &["2001:db8::2", "192.0.2.2", "192.0.2.2"],
            "mapped.example" => &["::ffff:192.0.2.1"],
            "empty.example" => &[],
            _ => return Err(io::Error::other("nobody knows it")),
        };
        Ok(addresses.iter().map(|address| address.parse().unwrap()).collect())
    }

    fn found(wanted: &[&str], unwanted: &[&str], addresses: Addresses) -> Vec<String> {
        let found = find(&list(wanted), &list(unwanted), addresses, look_up).unwrap();
        let hosts: Vec<_> = found.targets.iter().collect();
        assert_eq!(hosts.len() as u64, found.targets.len());
        assert!(hosts.iter().all(|host| found.targets.contains(host.address)));
        let name = |host: &Host| host.name.as_ref().map_or(String::new(), |name| format!(" {name}"));
        hosts.iter().map(|host| format!("{}{}", host.address, name(host))).collect()
    }

    #[test]
    fn who_is_written_is_who_is_asked() {
        for (wanted, unwanted, expected) in [
            (&["10.0.0.1"][..], &[][..], &["10.0.0.1"][..]),
            (&["10.0.0.2", "10.0.0.1", "10.0.0.2"], &[], &["10.0.0.1", "10.0.0.2"]),
            (&["10.0.0.5/30"], &[], &["10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7"]),
            (&["10.0.0.9/32", "10.0.0.9/31"], &[], &["10.0.0.8", "10.0.0.9"]),
            (&["10.0.0.254-255"], &[], &["10.0.0.254", "10.0.0.255"]),
            (&["10.0.0.255-10.0.1.1"], &[], &["10.0.0.255", "10.0.1.0", "10.0.1.1"]),
            (&["255.255.255.254-255.255.255.255"], &[], &["255.255.255.254", "255.255.255.255"]),
            (&["::1", "[::2]"], &[], &["::1", "::2"]),
            (&["2001:db8::/127"], &[], &["2001:db8::", "2001:db8::1"]),
            (&["fe80::1-fe80::2"], &[], &["fe80::1", "fe80::2"]),
            (&["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"], &[], &["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]),
            (&["::1", "127.0.0.1"], &[], &["127.0.0.1", "::1"]),
            (&["::ffff:10.0.0.1", "10.0.0.1"], &[], &["10.0.0.1"]),
            (&["::ffff:10.0.0.0/127"], &[], &["10.0.0.0", "10.0.0.1"]),
            (&["10.0.0.1,10.0.0.3"], &[], &["10.0.0.1", "10.0.0.3"]),
            (&["10.0.0.0/29"], &["10.0.0.1-6"], &["10.0.0.0", "10.0.0.7"]),
            (&["10.0.0.0/30"], &["10.0.0.0/8"], &[]),
            (&["10.0.0.1"], &["10.0.0.2", "::/112"], &["10.0.0.1"]),
            (&["one.example"], &[], &["192.0.2.1 one.example"]),
            (&["two.example"], &[], &["2001:db8::2 two.example"]),
            (&["two.example"], &["2001:db8::2"], &["192.0.2.2 two.example"]),
            (&["two.example"], &["two.example"], &[]),
            (&["mapped.example", "one.example"], &[], &["192.0.2.1 mapped.example"]),
            (&["ONE.example."], &[], &["192.0.2.1 one.example"]),
            (&["192.0.2.0/31"], &["one.example"], &["192.0.2.0"]),
        ] {
            assert_eq!(
                found(wanted, unwanted, Addresses::First),
                expected,
                "{wanted:?} without {unwanted:?}"
            );
        }
        assert_eq!(
            found(&["two.example"], &[], Addresses::All),
            ["192.0.2.2 two.example", "2001:db8::2 two.example"]
        );
    }

    #[test]
    fn names_with_other_addresses_and_names_with_none_are_told() {
        let wanted = list(&["two.example", "empty.example", "nobody.example", "one.example"]);
        let found = find(&wanted, &List::default(), Addresses::First, look_up).unwrap();
        assert_eq!(found.targets.len(), 2);
        assert_eq!(found.others, [("two.example".into(), vec!["192.0.2.2".parse().unwrap()])]);
        let lost: Vec<_> = found.lost.iter().map(|(name, why)| format!("{name}: {why}")).collect();
        assert_eq!(lost, ["empty.example: it has no address", "nobody.example: nobody knows it"]);
        // Whoever is excluded must be known.
        let fault = find(&wanted, &list(&["nobody.example"]), Addresses::First, look_up).unwrap_err();
        assert!(fault.to_string().contains("nobody.example"), "{fault}");
    }

    #[test]
    fn a_great_many_are_kept_in_little_and_told_at_once() {
        let all = find(&list(&["0.0.0.0/0"]), &List::default(), Addresses::First, look_up).unwrap().targets;
        assert_eq!((all.len(), all.spans().count()), (HOSTS_MAX, 1));
        assert_eq!(all.iter().nth(1000).unwrap().address.to_string(), "0.0.3.232");
        let fault =
            find(&list(&["0.0.0.0/0", "::1"]), &List::default(), Addresses::First, look_up).unwrap_err();
        assert!(matches!(fault, FindFault::TooMany { .. }), "{fault}");
        let without = all.without([Span::of("10.0.0.0".parse().unwrap())]);
        assert_eq!((without.len(), without.spans().count()), (HOSTS_MAX - 1, 2));
        let halves = list(&["10.0.0.128/25", "10.0.0.0/25", "10.0.0.7", "255.255.255.255", "::"]);
        let spans: Vec<_> =
            find(&halves, &List::default(), Addresses::First, look_up).unwrap().targets.spans().collect();
        let shown: Vec<_> = spans.iter().map(|span| format!("{}-{}", span.first(), span.last())).collect();
        assert_eq!(shown, ["10.0.0.0-10.0.0.255", "255.255.255.255-255.255.255.255", "::-::"]);
    }

    proptest! {
        #[test]
        fn a_set_is_as_a_set_of_the_library(
            wanted in prop::collection::vec((0_u32..300, 0_u32..40), 0..12),
            unwanted in prop::collection::vec((0_u32..300, 0_u32..40), 0..12),
        ) {
            let text = |(first, more): &(u32, u32)| {
                let ip = |offset: u32| std::net::Ipv4Addr::from(0x0a00_0000 + offset);
                format!("{}-{}", ip(*first), ip(first + more))
            };
            let texts = |spans: &[(u32, u32)]| spans.iter().map(text).collect::<Vec<_>>();
            let listed = |texts: &[String]| list(&texts.iter().map(String::as_str).collect::<Vec<_>>());
            let numbers = |spans: &[(u32, u32)]| {
                spans.iter().flat_map(|(first, more)| *first..=first + more).collect::<std::collections::BTreeSet<_>>()
            };
            let found = find(&listed(&texts(&wanted)), &listed(&texts(&unwanted)), Addresses::First, look_up).unwrap();
            let expected = numbers(&wanted).difference(&numbers(&unwanted)).copied().collect::<Vec<_>>();
            let seen = found.targets.iter().map(|host| match host.address {
                IpAddr::V4(ip) => u32::from(ip) - 0x0a00_0000,
                IpAddr::V6(ip) => panic!("{ip}"),
            });
            prop_assert_eq!(seen.collect::<Vec<_>>(), expected);
        }
    }
}
