//! What the first process and its workers write to each other. Orders go to a worker, accounts come back; a letter is one of
//! them or several, and never longer than [`LETTER_BYTES_MAX`]. Both ends are the same program, so there is no version in it.

use std::io;
use std::sync::Arc;

use bytes::{Buf, BufMut};

use super::wording::{
    ENTRY_BYTES_MAX, nonsense, read_bytes, read_end, read_peer, read_secured, read_timeouts, write_bytes,
    write_end, write_peer, write_secured, write_timeouts,
};
use crate::end::End;
use crate::limits::Rejected;
use crate::peer::{ConnId, Peer};
use crate::secured::Secured;
use crate::timeouts::Timeouts;

/// How long a letter may be: short enough that the kernel has room for it at once.
pub(super) const LETTER_BYTES_MAX: usize = 16 << 10;

/// What a worker is told to do.
#[derive(Debug, PartialEq)]
pub(super) enum Order {
    /// Serve the socket in this letter, which came in at this listening place.
    Serve { id: ConnId, place: u16, peer: Peer },
    /// Tell the one at the socket in this letter why he is not served, in these words or the handler's, and let go of him.
    Refuse { number: u64, place: u16, peer: Peer, why: Rejected, word: Option<Arc<[u8]>> },
    /// End a connection now.
    Cut { id: ConnId, end: End },
    /// Begin the drain.
    Drain,
    /// Wait so long from here on, and let so many bytes wait in one outbox.
    Allow { timeouts: Timeouts, queue: usize },
}

/// What a worker tells.
#[derive(Debug, PartialEq)]
pub(super) enum Account {
    /// Its handler is made.
    Ready,
    /// A connection was taken out of the line.
    Taken { id: ConnId },
    /// How far a connection is.
    Seen { id: ConnId, bytes_in: u64, bytes_out: u64, silent_ms: u64, queued: u64 },
    /// How a connection is secured.
    Secured { id: ConnId, secured: Secured },
    /// A connection is over.
    Ended { id: ConnId, end: End, bytes_in: u64, bytes_out: u64 },
    /// One that was not served has gone.
    LetGo { number: u64 },
}

/// Something that is written into a letter.
pub(super) trait Entry: Sized {
    fn write(&self, into: &mut Vec<u8>);
    fn read(from: &mut &[u8]) -> io::Result<Self>;
}

/// Has a letter room for one more?
pub(super) fn has_room(letter: &[u8]) -> bool {
    letter.len() + ENTRY_BYTES_MAX <= LETTER_BYTES_MAX
}

/// A letter of one entry.
pub(super) fn letter(entry: &impl Entry) -> Vec<u8> {
    let mut letter = Vec::new();
    entry.write(&mut letter);
    letter
}

/// All that is in a letter.
pub(super) fn read_all<E: Entry>(mut letter: &[u8]) -> io::Result<Vec<E>> {
    let mut entries = Vec::new();
    while letter.has_remaining() {
        entries.push(E::read(&mut letter)?);
    }
    Ok(entries)
}

impl Entry for Order {
    fn write(&self, into: &mut Vec<u8>) {
        match self {
            Order::Serve { id, place, peer } => {
                into.put_u8(0);
                into.put_u64(id.0);
                into.put_u16(*place);
                write_peer(peer, into);
            }
            Order::Refuse { number, place, peer, why, word } => {
                into.put_u8(1);
                into.put_u64(*number);
                into.put_u16(*place);
                write_peer(peer, into);
                into.put_u8(match why {
                    Rejected::AddressFull => 0,
                    Rejected::NoDescriptor => 1,
                    Rejected::NoProxyHeader => 2,
                    Rejected::TooOften => 3,
                    Rejected::Full => 4,
                    Rejected::Banned => 5,
                });
                into.put_u8(u8::from(word.is_some()));
                word.iter().for_each(|word| write_bytes(word, into));
            }
            Order::Cut { id, end } => {
                into.put_u8(2);
                into.put_u64(id.0);
                write_end(end, into);
            }
            Order::Drain => into.put_u8(3),
            Order::Allow { timeouts, queue } => {
                into.put_u8(4);
                write_timeouts(timeouts, into);
                into.put_u64(u64::try_from(*queue).unwrap_or(u64::MAX));
            }
        }
    }

    fn read(from: &mut &[u8]) -> io::Result<Order> {
        Ok(match from.try_get_u8()? {
            0 => Order::Serve {
                id: ConnId(from.try_get_u64()?),
                place: from.try_get_u16()?,
                peer: read_peer(from)?,
            },
            1 => Order::Refuse {
                number: from.try_get_u64()?,
                place: from.try_get_u16()?,
                peer: read_peer(from)?,
                why: match from.try_get_u8()? {
                    0 => Rejected::AddressFull,
                    1 => Rejected::NoDescriptor,
                    2 => Rejected::NoProxyHeader,
                    3 => Rejected::TooOften,
                    4 => Rejected::Full,
                    5 => Rejected::Banned,
                    _ => return Err(nonsense()),
                },
                word: match from.try_get_u8()? {
                    0 => None,
                    _ => Some(read_bytes(from)?.into()),
                },
            },
            2 => Order::Cut { id: ConnId(from.try_get_u64()?), end: read_end(from)? },
            3 => Order::Drain,
            4 => Order::Allow {
                timeouts: read_timeouts(from)?,
                queue: usize::try_from(from.try_get_u64()?).unwrap_or(usize::MAX),
            },
            _ => return Err(nonsense()),
        })
    }
}

impl Entry for Account {
    fn write(&self, into: &mut Vec<u8>) {
        match self {
            Account::Ready => into.put_u8(0),
            Account::Taken { id } => {
                into.put_u8(5);
                into.put_u64(id.0);
            }
            Account::Seen { id, bytes_in, bytes_out, silent_ms, queued } => {
                into.put_u8(1);
                [id.0, *bytes_in, *bytes_out, *silent_ms, *queued]
                    .iter()
                    .for_each(|number| into.put_u64(*number));
            }
            Account::Secured { id, secured } => {
                into.put_u8(2);
                into.put_u64(id.0);
                write_secured(secured, into);
            }
            Account::Ended { id, end, bytes_in, bytes_out } => {
                into.put_u8(3);
                [id.0, *bytes_in, *bytes_out].iter().for_each(|number| into.put_u64(*number));
                write_end(end, into);
            }
            Account::LetGo { number } => {
                into.put_u8(4);
                into.put_u64(*number);
            }
        }
    }

    fn read(from: &mut &[u8]) -> io::Result<Account> {
        Ok(match from.try_get_u8()? {
            0 => Account::Ready,
            1 => Account::Seen {
                id: ConnId(from.try_get_u64()?),
                bytes_in: from.try_get_u64()?,
                bytes_out: from.try_get_u64()?,
                silent_ms: from.try_get_u64()?,
                queued: from.try_get_u64()?,
            },
            2 => Account::Secured { id: ConnId(from.try_get_u64()?), secured: read_secured(from)? },
            3 => Account::Ended {
                id: ConnId(from.try_get_u64()?),
                bytes_in: from.try_get_u64()?,
                bytes_out: from.try_get_u64()?,
                end: read_end(from)?,
            },
            4 => Account::LetGo { number: from.try_get_u64()? },
            5 => Account::Taken { id: ConnId(from.try_get_u64()?) },
            _ => return Err(nonsense()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::wording::TEXT_BYTES_MAX;
    use super::*;
    use crate::address::Address;
    use crate::denied::WORD_BYTES_MAX;
    use crate::proxied::{Facts, Proxied, TlsToProxy};

    fn check<E: Entry + PartialEq + std::fmt::Debug>(entries: &[E]) {
        let mut letter = Vec::new();
        entries.iter().for_each(|entry| entry.write(&mut letter));
        assert_eq!(read_all::<E>(&letter).unwrap(), entries);
        for length in 1..letter.len() {
            // A torn letter is found out, or its whole entries are read; it never panics.
            let _ = read_all::<E>(&letter[..length]);
        }
    }

    fn peer(address: &str, local: &str, proxy: Option<&str>) -> Peer {
        let resolve = |given: &str| Address::resolve(given).unwrap();
        let mut peer = Peer::new(resolve(address), resolve(local));
        let tls = TlsToProxy { version: Some("TLSv1.3".to_owned()), verified: true, ..TlsToProxy::default() };
        let facts = Facts { server_name: Some("example.org".to_owned()), tls: Some(tls), ..Facts::default() };
        peer.proxy = proxy.map(|proxy| Box::new(Proxied::new(resolve(proxy), facts)));
        peer
    }

    #[test]
    fn orders_arrive_as_they_were_given() {
        let unix = Peer::new(Address::Unix(None), Address::resolve("unix:/run/x").unwrap());
        check(&[
            Order::Serve {
                id: ConnId(7),
                place: 3,
                peer: peer("192.0.2.1:5", "[::1]:80", Some("10.0.0.1:1")),
            },
            Order::Refuse { number: 9, place: 0, peer: unix.clone(), why: Rejected::AddressFull, word: None },
            Order::Refuse {
                number: 9,
                place: 0,
                peer: unix,
                why: Rejected::Banned,
                word: Some(vec![b'x'; WORD_BYTES_MAX].into()),
            },
            Order::Cut { id: ConnId(u64::MAX), end: End::Kicked },
            Order::Drain,
            Order::Allow { timeouts: Timeouts::default(), queue: usize::MAX },
            Order::Allow {
                timeouts: Timeouts {
                    handshake: Some(Duration::from_nanos(1)),
                    idle: Some(Duration::MAX),
                    write_stall: None,
                    age: Some(Duration::from_millis(1_500)),
                    farewell: Duration::ZERO,
                    drain: Duration::MAX,
                },
                queue: 0,
            },
        ]);
    }

    #[test]
    fn accounts_arrive_as_they_were_given() {
        let secured = Secured {
            version: "TLSv1_3".to_owned(),
            cipher_suite: "TLS13_AES_256_GCM_SHA384".to_owned(),
            server_name: Some("example.org".to_owned()),
            protocol: None,
            certificates: vec![vec![1; 1000], vec![2; 3000]],
        };
        check(&[
            Account::Ready,
            Account::Taken { id: ConnId(1) },
            Account::Seen { id: ConnId(1), bytes_in: 2, bytes_out: 3, silent_ms: 4, queued: 5 },
            Account::Secured { id: ConnId(1), secured },
            Account::LetGo { number: 8 },
        ]);
        for kind in 0..crate::end::KINDS {
            let end = End::of_kind(kind).unwrap();
            check(&[Account::Ended { id: ConnId(1), end, bytes_in: 5, bytes_out: 6 }]);
        }
    }

    #[test]
    fn what_is_too_long_is_cut_and_a_letter_never_overflows() {
        let long = "é".repeat(1 << 16);
        let ended =
            Account::Ended { id: ConnId(1), end: End::Failed(long.clone()), bytes_in: 0, bytes_out: 0 };
        let read = read_all::<Account>(&letter(&ended)).unwrap();
        let Account::Ended { end: End::Failed(text), .. } = &read[0] else { panic!("{read:?}") };
        assert_eq!(text.len(), TEXT_BYTES_MAX);
        let secured = Secured {
            version: long.clone(),
            cipher_suite: long.clone(),
            server_name: Some(long.clone()),
            protocol: Some(long),
            certificates: vec![vec![0; 3000]; 9],
        };
        let letter = letter(&Account::Secured { id: ConnId(1), secured });
        assert!(letter.len() <= ENTRY_BYTES_MAX, "{}", letter.len());
        assert_eq!(read_all::<Account>(&letter).unwrap().len(), 1);
    }

    #[test]
    fn nonsense_is_refused() {
        // More nanoseconds than the longest time has room for.
        let endless = [&[4, 1][..], &[0xff; 12], &[0; 35]].concat();
        assert!(read_all::<Order>(&endless).is_err());
        for wrong in [&[9][..], &[1], &[2, 0], &[3, 0, 0, 0, 0, 0, 0, 0, 1, 200]] {
            assert!(read_all::<Account>(wrong).is_err(), "{wrong:?}");
            assert!(read_all::<Order>(&[wrong, &[77]].concat()).is_err(), "{wrong:?}");
        }
    }
}
