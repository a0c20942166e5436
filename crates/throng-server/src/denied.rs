//! Who is not let in at all: networks, each for as long as it was said and with its own word. One live list, which whoever
//! operates the server changes and the listener looks at once for each client, when the client's own address is known and
//! before anything is said or spent on it.
//!
//! The list is sorted, and each network knows the nearest one around it. Of networks two either nest or have nothing in common,
//! so a look is one search for the last one that does not begin behind the address, and then a walk outwards. That is as exact
//! as asking each of them, and takes no longer where prefixes have many lengths.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net};

use crate::address::Address;
use crate::clock;

/// How many networks may be denied at a time. One takes some 100 bytes besides its word.
pub const DENIALS_MAX: usize = 1 << 16;

/// How long the word of a denial may be, in bytes; the rest is cut off.
pub const WORD_BYTES_MAX: usize = 1 << 10;

/// The first 96 bits of an IPv4 address that is written as one of IPv6 (RFC 4291 §2.5.5.2).
const MAPPED_BITS: u8 = 96;

/// A network, or one address, that is not let in. An IPv4 network that is written as one of IPv6 (`::ffff:192.0.2.0/120`) is
/// that IPv4 network; one of IPv6 never has an IPv4 address in it, `::/0` neither. Example: [`Denied`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    network: IpNet,
    lasts: Option<Duration>,
    word: Option<Arc<[u8]>>,
}

impl Denial {
    /// This network, until it is taken off the list.
    pub fn of(network: IpNet) -> Denial {
        Denial { network: plain(network), lasts: None, word: None }
    }

    /// For so long, from [`Denied::set`] on, to the millisecond. Whoever knocks later is let in, whether the denial is still on
    /// the list or not.
    pub fn lasting(self, lasts: Duration) -> Denial {
        Denial { lasts: Some(lasts), ..self }
    }

    /// What who knocks is told, in the place of [`crate::Handler::rejected`]'s word: at most [`WORD_BYTES_MAX`] bytes, the rest
    /// is cut off.
    pub fn word(self, word: &[u8]) -> Denial {
        Denial { word: Some(word[..word.len().min(WORD_BYTES_MAX)].into()), ..self }
    }

    pub(crate) fn own_word(self) -> Option<Arc<[u8]>> {
        self.word
    }

    /// Which network it is.
    pub fn network(&self) -> IpNet {
        self.network
    }
}

/// The live list of those who are not let in: a handle, whose clones are the same list. It is made before the server, so that
/// nobody comes in before it is filled, and may be changed at any time after ([`crate::Server::denied`]).
///
/// Whom it denies is closed, and counted and told as [`crate::Rejected::Banned`]. What counts is the client's address, behind a
/// proxy too ([`crate::Server::proxies`]); who comes by a Unix socket has none, and is never denied. Who is connected already
/// stays: [`crate::Running::conns`] with [`Denied::look`] tells whom that is, and [`crate::Running::kill`] ends it.
///
/// ```
/// # use std::io::Read;
/// use std::time::Duration;
/// use throng_server::{Conn, Denial, Denied, Server};
///
/// # fn main() -> throng_server::Result {
/// let denied = Denied::default();
/// let hello = |mut conn: Conn| async move { Ok(conn.write_all(b"Hello.\r\n").await?) };
/// let running = Server::new(hello).denied(&denied).listen("127.0.0.1:0").start()?;
/// let knock = || std::io::read_to_string(std::net::TcpStream::connect(&running.addresses()[0])?);
///
/// let hour = Duration::from_secs(3600);
/// denied.set([Denial::of("127.0.0.0/8".parse()?).lasting(hour).word(b"Not for an hour.\r\n")])?;
/// assert_eq!(knock()?, "Not for an hour.\r\n");
/// assert_eq!(running.stats().rejected_for.get("banned"), Some(&1));
///
/// denied.set([])?;
/// assert_eq!(knock()?, "Hello.\r\n");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Denied(Arc<RwLock<Table>>);

impl Denied {
    /// These, and nobody else, from here on. All at once: who knocks meanwhile is judged by the old list or by the new one. Whoever
    /// the old list let in is among [`crate::Running::conns`] when this returns, or is ended as [`crate::End::Kicked`] when it
    /// comes there. Of two denials of one network the later
    /// one counts.
    ///
    /// # Errors
    /// When there are more than [`DENIALS_MAX`]; the list is as it was then.
    pub fn set(&self, denials: impl IntoIterator<Item = Denial>) -> io::Result<()> {
        let denials: Vec<_> = denials.into_iter().take(DENIALS_MAX + 1).collect();
        if denials.len() > DENIALS_MAX {
            return Err(io::Error::other(format!("at most {DENIALS_MAX} networks can be denied")));
        }
        let table = Table::new(denials, clock::now());
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = table;
        Ok(())
    }

    /// Is this address denied now, and by what? Of several networks the smallest one is told. Example: [`Denial::network`] of
    /// what it gives, for each of [`crate::Running::conns`].
    ///
    /// ```
    /// use throng_server::{Denial, Denied};
    ///
    /// # fn main() -> throng_server::Result {
    /// let denied = Denied::default();
    /// denied.set([Denial::of("2001:db8::/32".parse()?)])?;
    /// let look = |ip: &str| denied.look(ip.parse().unwrap());
    /// assert_eq!(look("2001:db8::7").map(|denial| denial.network().to_string()).as_deref(), Some("2001:db8::/32"));
    /// assert_eq!(look("192.0.2.7"), None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn look(&self, ip: IpAddr) -> Option<Denial> {
        self.table().find(ip, clock::now()).cloned()
    }

    /// How many networks are on the list, those included whose time is over.
    pub fn len(&self) -> usize {
        let table = self.table();
        table.v4.len() + table.v6.len()
    }

    /// Is nobody on the list?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same of one end of a connection, which need have no address at all.
    pub(crate) fn denial(&self, address: &Address) -> Option<Denial> {
        address.ip().and_then(|ip| self.look(ip))
    }

    /// A table is put in the place of another one whole, so a panic leaves none half done.
    fn table(&self) -> RwLockReadGuard<'_, Table> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Denied").field("networks", &self.len()).finish()
    }
}

/// All of them, those of IPv4 apart from those of IPv6, each by its first address and then the larger one first.
#[derive(Default)]
struct Table {
    v4: Vec<Row>,
    v6: Vec<Row>,
}

struct Row {
    denial: Denial,
    /// By the server's clock.
    ends: Option<Duration>,
    /// The place of the nearest network around this one.
    around: Option<usize>,
}

impl Table {
    fn new(denials: Vec<Denial>, now: Duration) -> Table {
        let (v4, v6) = denials.into_iter().partition(|denial| matches!(denial.network, IpNet::V4(_)));
        Table { v4: rows(v4, now), v6: rows(v6, now) }
    }

    fn find(&self, ip: IpAddr, now: Duration) -> Option<&Denial> {
        let ip = ip.to_canonical();
        let rows = if ip.is_ipv4() { &self.v4 } else { &self.v6 };
        let mut next = rows.partition_point(|row| row.denial.network.network() <= ip).checked_sub(1);
        while let Some(row) = next.map(|at| &rows[at]) {
            if row.denial.network.contains(&ip) && row.ends.is_none_or(|ends| now < ends) {
                return Some(&row.denial);
            }
            next = row.around;
        }
        None
    }
}

fn rows(mut denials: Vec<Denial>, now: Duration) -> Vec<Row> {
    // Stable, so that of one network said twice the later one comes last.
    denials.sort_by_key(|denial| (denial.network.network(), denial.network.prefix_len()));
    let mut rows: Vec<Row> = Vec::with_capacity(denials.len());
    for denial in denials {
        let ends = denial.lasts.map(|lasts| now.saturating_add(lasts));
        if let Some(same) = rows.last_mut().filter(|row| row.denial.network == denial.network) {
            (same.denial, same.ends) = (denial, ends);
            continue;
        }
        // The one before is around this one, or something around that one is, or nothing.
        let mut around = rows.len().checked_sub(1);
        while let Some(at) = around.filter(|at| !rows[*at].denial.network.contains(&denial.network)) {
            around = rows[at].around;
        }
        rows.push(Row { denial, ends, around });
    }
    rows
}

/// Without the bits behind the prefix, and of IPv4 where it is that.
fn plain(network: IpNet) -> IpNet {
    let mapped = match network {
        IpNet::V6(v6) if v6.prefix_len() >= MAPPED_BITS => v6.network().to_ipv4_mapped(),
        _ => None,
    };
    let mapped = mapped.and_then(|v4| Ipv4Net::new(v4, network.prefix_len() - MAPPED_BITS).ok());
    mapped.map_or(network, IpNet::V4).trunc()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn network(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    fn look(denied: &Denied, ip: &str) -> Option<String> {
        denied.look(ip.parse().unwrap()).map(|denial| denial.network().to_string())
    }

    #[test]
    fn the_smallest_network_around_an_address_is_found() {
        let denied = Denied::default();
        let all =
            ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.9/32", "2001:db8::/32", "192.0.2.0/25"];
        denied.set(all.map(|text| Denial::of(network(text)))).unwrap();
        for (ip, expected) in [
            ("10.1.2.9", Some("10.1.2.9/32")),
            ("10.1.2.10", Some("10.1.2.0/24")),
            ("10.1.3.1", Some("10.1.0.0/16")),
            ("10.200.0.1", Some("10.0.0.0/8")),
            ("11.0.0.0", None),
            ("9.255.255.255", None),
            ("::ffff:10.1.2.9", Some("10.1.2.9/32")),
            ("192.0.2.127", Some("192.0.2.0/25")),
            ("192.0.2.128", None),
            ("2001:db8:ffff::1", Some("2001:db8::/32")),
            ("2001:db9::", None),
        ] {
            assert_eq!(look(&denied, ip).as_deref(), expected, "{ip}");
        }
    }

    #[test]
    fn an_ipv4_network_is_one_however_it_is_written() {
        for (given, expected) in [
            ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
            ("::ffff:192.0.2.7/128", "192.0.2.7/32"),
            ("192.0.2.7/24", "192.0.2.0/24"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(Denial::of(network(given)).network().to_string(), expected, "{given}");
        }
        let denied = Denied::default();
        denied.set([Denial::of(network("::/0"))]).unwrap();
        assert_eq!(look(&denied, "::ffff:192.0.2.7"), None);
        assert!(look(&denied, "::1").is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_denial_ends_to_the_millisecond_and_what_is_around_it_counts_then() {
        let denied = Denied::default();
        let hour = Duration::from_secs(3600);
        denied
            .set([
                Denial::of(network("192.0.2.7/32")).lasting(hour),
                Denial::of(network("192.0.2.0/24")).lasting(2 * hour),
                Denial::of(network("198.51.100.0/24")).lasting(Duration::MAX),
            ])
            .unwrap();
        assert_eq!(look(&denied, "192.0.2.7").as_deref(), Some("192.0.2.7/32"));
        tokio::time::advance(hour - Duration::from_millis(1)).await;
        assert_eq!(look(&denied, "192.0.2.7").as_deref(), Some("192.0.2.7/32"));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(look(&denied, "192.0.2.7").as_deref(), Some("192.0.2.0/24"));
        tokio::time::advance(hour).await;
        assert_eq!(look(&denied, "192.0.2.7"), None);
        assert_eq!(denied.len(), 3, "it is only never found");
        assert!(look(&denied, "198.51.100.1").is_some());
    }

    #[test]
    fn one_more_than_fit_changes_nothing() {
        let denied = Denied::default();
        let many =
            |count: u32| (0..count).map(|number| Denial::of(IpAddr::from(number.to_be_bytes()).into()));
        denied.set(many(DENIALS_MAX as u32)).unwrap();
        assert!(denied.set(many(DENIALS_MAX as u32 + 1)).unwrap_err().to_string().contains("65536"));
        assert_eq!(denied.len(), DENIALS_MAX);
    }

    #[test]
    fn the_word_is_cut_where_it_is_too_long() {
        let denial = Denial::of(network("192.0.2.0/24")).word(&[b'x'; 5000]);
        assert_eq!(denial.word.map(|word| word.len()), Some(WORD_BYTES_MAX));
    }

    /// Few first bytes, so that networks nest; some are of IPv6, or of IPv4 written so.
    fn an_address() -> impl Strategy<Value = IpAddr> {
        let v4 =
            (0..3u8, 0..4u8, any::<u8>(), any::<u8>()).prop_map(|(a, b, c, d)| IpAddr::from([a, b, c, d]));
        let v6 = (0..2u16, 0..3u16, any::<u16>(), any::<u16>())
            .prop_map(|(a, b, c, d)| IpAddr::from([0x2001, a, b, c, 0, 0, 0, d]));
        prop_oneof![4 => v4, 3 => v6]
    }

    fn a_network() -> impl Strategy<Value = IpNet> {
        (an_address(), any::<u8>(), any::<bool>()).prop_map(|(ip, bits, written)| match ip {
            IpAddr::V4(v4) if written => IpNet::new(v4.to_ipv6_mapped().into(), 96 + bits % 33).unwrap(),
            IpAddr::V4(_) => IpNet::new(ip, bits % 33).unwrap(),
            IpAddr::V6(_) => IpNet::new(ip, bits % 129).unwrap(),
        })
    }

    proptest! {
           #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
           #[test]
           fn ten_thousand_networks_are_looked_up_as_by_asking_each(
               networks in prop::collection::vec((a_network(), prop::option::of(Just(Duration::ZERO))), 0..10_000),
               looked in prop::collection::vec(an_address(), 100),
               again in prop::collection::vec(any::<bool>(), 10_000),
           ) {
               let denied = Denied::default();
               let denial = |(network, lasts): &(IpNet, Option<Duration>)| {
                   let denial = Denial::of(*network);
                   match lasts {
                       Some(lasts) => denial.lasting(*lasts),
                       None => denial,
                   }
               };
               let some: Vec<_> = networks.iter().zip(&again).filter(|(_, keep)| **keep).map(|(each, _)| *each).collect();
               // The list, and then another one in its place.
               for list in [&networks, &some] {
                   denied.set(list.iter().map(denial)).unwrap();
                   let mut naive = std::collections::BTreeMap::new();
                   for (network, lasts) in list {
    naive.insert(plain(*network), lasts.is_none());
    }
                   for ip in looked.iter().copied().chain(list.iter().take(100).map(|(network, _)| network.addr())) {
                       let ip = ip.to_canonical();
                       let around = naive.iter().filter(|(network, holds)| **holds && network.contains(&ip));
                       let expected = around.map(|(network, _)| *network).max_by_key(IpNet::prefix_len);
                       prop_assert_eq!(denied.look(ip).map(|denial| denial.network()), expected, "{}", ip);
                   }
               }
           }
       }
}
