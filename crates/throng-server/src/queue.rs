//! How many clients wait in the kernel to be accepted. Linux tells it in its tables of sockets: of one that listens, what is
//! elsewhere the bytes to be read is the length of its queue (proc(5), /proc/net/tcp).

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, SocketAddr};

/// "Listens", in the tables' numbering of states.
const LISTENS: &str = "0A";

/// How many wait at these addresses; `None` where the system does not say.
pub(crate) fn waiting(addresses: &[SocketAddr]) -> Option<usize> {
    let (four, six) = (listening("/proc/net/tcp")?, listening("/proc/net/tcp6").unwrap_or_default());
    let rows = four.into_iter().chain(six);
    Some(rows.filter(|(address, _)| addresses.contains(address)).map(|(_, waiting)| waiting).sum())
}

/// The rows of those that listen. They come first (the kernel's proc_net_tcp.rst), and no more is read: behind them is a row
/// for each connection.
fn listening(path: &str) -> Option<Vec<(SocketAddr, usize)>> {
    let rows = BufReader::new(File::open(path).ok()?).lines().skip(1).map_while(Result::ok);
    Some(rows.map_while(|row| queue_of(&row)).collect())
}

/// The address and the queue of a row, if it is of a socket that listens.
fn queue_of(row: &str) -> Option<(SocketAddr, usize)> {
    let mut columns = row.split_ascii_whitespace().skip(1);
    let (local, _remote, state, queues) =
        (columns.next()?, columns.next()?, columns.next()?, columns.next()?);
    if state != LISTENS {
        return None;
    }
    let (address, port) = local.split_once(':')?;
    let (_, waiting) = queues.split_once(':')?;
    let address = SocketAddr::new(address_of(address)?, u16::from_str_radix(port, 16).ok()?);
    Some((address, usize::from_str_radix(waiting, 16).ok()?))
}

/// An address is written as numbers of 32 bits, each as this machine holds it.
fn address_of(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let word = u32::from_str_radix(hex.get(at * 8..at * 8 + 8)?, 16).ok()?;
        Some(word.to_ne_bytes())
    };
    if hex.len() == 8 {
        return Some(IpAddr::from(word(0)?));
    }
    let mut bytes = [0; 16];
    for (at, place) in bytes.chunks_exact_mut(4).enumerate() {
        place.copy_from_slice(&word(at)?);
    }
    Some(IpAddr::from(bytes))
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;

    fn check(row: &str, expected: Option<(&str, usize)>) {
        let expected = expected.map(|(address, waiting)| (address.parse().expect("an address"), waiting));
        assert_eq!(queue_of(row), expected);
    }

    #[test]
    fn a_row_of_the_kernels_table_is_read() {
        let rest = "00:00000000 00000000     0        0 1 1 0000000000000000 100 0 0 10 0";
        check(
            &format!("   0: 0100007F:C357 00000000:0000 0A 00000000:00000003 {rest}"),
            Some(("127.0.0.1:50007", 3)),
        );
        check(&format!("  12: 0100007F:C357 0100007F:9C40 01 00000000:00000003 {rest}"), None);
        check(
            &format!("0: 00000000000000000000000001000000:0016 {:0>32}:0000 0A 00000000:00000010 {rest}", 0),
            Some(("[::1]:22", 16)),
        );
        for wrong in
            ["", "sl local", "0: 01:C357 x 0A 0:0", "0: 0100007F:C357 x 0A 0", "0: 0100007Fé:1 x 0A 0:0"]
        {
            check(wrong, None);
        }
    }
}
