//! Addresses that follow each other, and sets of such.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses that follow each other, of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    first: IpAddr,
    last: IpAddr,
}

impl Span {
    /// One address.
    pub fn of(address: IpAddr) -> Span {
        let address = address.to_canonical();
        Span { first: address, last: address }
    }

    /// From the first to the last; nothing if they are of two families, or the last comes before the first.
    pub fn new(first: IpAddr, last: IpAddr) -> Option<Span> {
        let (first, last) = (first.to_canonical(), last.to_canonical());
        (first.is_ipv4() == last.is_ipv4() && first <= last).then_some(Span { first, last })
    }

    /// The lowest.
    pub fn first(&self) -> IpAddr {
        self.first
    }

    /// The highest.
    pub fn last(&self) -> IpAddr {
        self.last
    }

    /// How many; all of IPv6 is one too many to be told.
    pub fn count(&self) -> u128 {
        (number(self.last) - number(self.first)).saturating_add(1)
    }
}

/// The address after this one.
pub fn next(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(ip) => u32::from(ip).checked_add(1).map(|next| Ipv4Addr::from(next).into()),
        IpAddr::V6(ip) => u128::from(ip).checked_add(1).map(|next| Ipv6Addr::from(next).into()),
    }
}

/// The address before this one.
fn previous(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(ip) => u32::from(ip).checked_sub(1).map(|next| Ipv4Addr::from(next).into()),
        IpAddr::V6(ip) => u128::from(ip).checked_sub(1).map(|next| Ipv6Addr::from(next).into()),
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(ip) => u32::from(ip).into(),
        IpAddr::V6(ip) => ip.into(),
    }
}

/// A set: in ascending order, none touches another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spans(Vec<Span>);

impl FromIterator<Span> for Spans {
    fn from_iter<T: IntoIterator<Item = Span>>(spans: T) -> Spans {
        let mut all: Vec<Span> = spans.into_iter().collect();
        all.sort_unstable();
        all.dedup_by(|later, before| {
            // No address of IPv4 is next to one of IPv6, and all of them come before.
            let joins = later.first <= before.last || next(before.last) == Some(later.first);
            if joins {
                before.last = before.last.max(later.last);
            }
            joins
        });
        Spans(all)
    }
}

impl Spans {
    /// How many addresses.
    pub fn count(&self) -> u128 {
        self.0.iter().fold(0, |sum, span| span.count().saturating_add(sum))
    }

    /// Is it in?
    pub fn contains(&self, address: IpAddr) -> bool {
        let after = self.0.partition_point(|span| span.first <= address);
        after.checked_sub(1).is_some_and(|found| address <= self.0[found].last)
    }

    /// In ascending order.
    pub fn iter(&self) -> impl Iterator<Item = Span> + '_ {
        self.0.iter().copied()
    }

    /// One of them.
    pub fn nth(&self, index: usize) -> Option<Span> {
        self.0.get(index).copied()
    }

    /// Those that the others have not.
    pub fn without(&self, others: &Spans) -> Spans {
        let mut left = Vec::with_capacity(self.0.len());
        let mut cuts = others.0.iter().peekable();
        for span in &self.0 {
            let mut rest = Some(*span);
            // A cut that ends before this span ends before all that follow; one that goes beyond it is needed again.
            while let (Some(open), Some(cut)) = (rest, cuts.peek().copied()) {
                if cut.last < open.first {
                    cuts.next();
                    continue;
                }
                if cut.first > open.last {
                    break;
                }
                if cut.first > open.first {
                    left.extend(previous(cut.first).and_then(|last| Span::new(open.first, last)));
                }
                rest = next(cut.last)
                    .filter(|_| cut.last < open.last)
                    .and_then(|first| Span::new(first, open.last));
                if rest.is_some() {
                    cuts.next();
                }
            }
            left.extend(rest);
        }
        Spans(left)
    }
}
