//! Whom a load may be sent to: this machine and private networks as one likes, everybody else with somebody's word for it,
//! and what is no host at all never.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

use crate::fault::Fault;

/// Clients that a public target is asked to bear without `--yes-large`.
pub const PUBLIC_CLIENTS_MAX: u32 = 100;

/// As in the table of `main`.
const REFUSED: u8 = 4;

/// What an address is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// This machine, or a network that is nobody else's.
    Ours,
    /// Somebody's.
    Public,
    /// Nobody's: multicast, broadcast, "this network", reserved.
    None,
}

/// What was said for it.
#[derive(Clone, Copy, Debug)]
pub struct Word<'a> {
    /// Who allowed it.
    pub authorized: Option<&'a str>,
    /// More clients than usual.
    pub yes_large: bool,
}

/// May so many clients be sent there?
pub fn check(target: IpAddr, clients: u32, word: Word) -> Result<(), Fault> {
    let refused = |what: String| Fault { exit_code: REFUSED, ..Fault::failed(what) };
    match reach(target) {
        Reach::Ours => Ok(()),
        Reach::None => Err(refused(format!(
            "{target} is no host: multicast, broadcast and reserved addresses are refused"
        ))),
        Reach::Public if is_own(target) => Ok(()),
        Reach::Public if word.authorized.is_none_or(|text| text.trim().is_empty()) => Err(refused(format!(
            "{target} is neither this machine nor in a private network, and a load may harm who serves there"
        ))
        .hint("if they agreed to it, say who: --authorized \"who allowed it, and when\"")),
        Reach::Public if clients > PUBLIC_CLIENTS_MAX && !word.yes_large => Err(refused(format!(
            "{clients} clients are many for {target}, which is neither this machine nor in a private network"
        ))
        .hint(format!("at most {PUBLIC_CLIENTS_MAX}, or --yes-large if they agreed to more"))),
        Reach::Public => Ok(()),
    }
}

fn reach(target: IpAddr) -> Reach {
    match target {
        IpAddr::V4(ip) => reach_v4(ip),
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => reach_v4(ip),
            None => reach_v6(ip),
        },
    }
}

fn reach_v4(ip: Ipv4Addr) -> Reach {
    if ip.octets()[0] == 0 || ip.octets()[0] >= 224 {
        Reach::None
    } else if ip.is_loopback() || ip.is_private() || ip.is_link_local() {
        Reach::Ours
    } else {
        Reach::Public
    }
}

fn reach_v6(ip: Ipv6Addr) -> Reach {
    if ip.is_unspecified() || ip.is_multicast() {
        Reach::None
    } else if ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local() {
        Reach::Ours
    } else {
        Reach::Public
    }
}

/// An address that can be bound is this machine's.
fn is_own(target: IpAddr) -> bool {
    UdpSocket::bind((target, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_and_private_networks_need_no_word() {
        let none = Word { authorized: None, yes_large: false };
        let allowed = Word { authorized: Some("the owner, today"), yes_large: false };
        let large = Word { yes_large: true, ..allowed };
        let blank = Word { authorized: Some(" "), yes_large: true };
        // The public ones are documentation's (RFC 5737, RFC 3849): nobody has them.
        for (target, clients, free, with_word, with_more) in [
            ("127.0.0.1", 100_000, true, true, true),
            ("127.9.9.9", 1, true, true, true),
            ("10.1.2.3", 1000, true, true, true),
            ("172.31.0.1", 1, true, true, true),
            ("192.168.1.1", 1, true, true, true),
            ("169.254.1.1", 1, true, true, true),
            ("::1", 1, true, true, true),
            ("fd00::1", 1, true, true, true),
            ("fe80::1", 1, true, true, true),
            ("::ffff:127.0.0.1", 1, true, true, true),
            ("192.0.2.1", 100, false, true, true),
            ("192.0.2.1", 101, false, false, true),
            ("172.32.0.1", 1, false, true, true),
            ("2001:db8::1", 1, false, true, true),
            ("::ffff:192.0.2.1", 1, false, true, true),
            ("0.0.0.0", 1, false, false, false),
            ("224.0.0.1", 1, false, false, false),
            ("240.0.0.1", 1, false, false, false),
            ("255.255.255.255", 1, false, false, false),
            ("::", 1, false, false, false),
            ("ff02::1", 1, false, false, false),
        ] {
            let ip: IpAddr = target.parse().unwrap();
            for (word, expected) in [(none, free), (blank, free), (allowed, with_word), (large, with_more)] {
                let found = check(ip, clients, word);
                assert_eq!(found.is_ok(), expected, "{target} {clients} {word:?}: {found:?}");
                assert!(found.is_ok_and(|()| true) || !expected);
                if let Err(fault) = check(ip, clients, word) {
                    assert_eq!(fault.exit_code, 4);
                }
            }
        }
    }
}
