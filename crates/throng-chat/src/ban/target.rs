//! Whom a ban is for, as people write it: `troll77`, `troll*`, `account:bo`, `203.0.113.7`, `2001:db8::/32`.
//!
//! No name has a dot, a colon or a slash, so what has one is meant for an address. `name:` and `address:` may be written to be
//! explicit; `account:` has to be.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

use super::{BadMask, Mask};
use crate::name::BadName;
use crate::{Name, Names};

/// The first 96 bits of an IPv4 address that is written as one of IPv6 (RFC 4291 §2.5.5.2).
const MAPPED_BITS: u8 = 96;

/// How much of what was typed an error says back.
const SAID_BACK_CHARS: usize = 60;

/// Whom a ban is for. It reads as it is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// Whoever is called so, or so that it looks like it.
    Name(Name),
    /// Whoever is called so that it fits.
    Mask(Mask),
    /// Whoever is of this account, however they are called.
    Account(Name),
    /// Whoever comes from there, without the bits behind the prefix.
    Network(IpNet),
}

/// Why nobody can be meant by that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadTarget {
    /// Nothing was typed, or nothing behind the word that says what it is.
    Empty,
    /// It is no name, and could be nothing else.
    Name(String, BadName),
    /// It is no account's name.
    Account(String, BadName),
    /// An account is banned by its whole name.
    AccountMask(String),
    /// It is no mask.
    Mask(String, BadMask),
    /// Its prefix is too long, or no number.
    Prefix(String, u8),
    /// It is no address.
    Address(String),
    /// It is an address with wildcards in it.
    AddressMask(String),
}

impl Target {
    /// A network, or one address.
    pub fn network(network: IpNet) -> Target {
        let mapped = match network {
            IpNet::V6(v6) if v6.prefix_len() >= MAPPED_BITS => v6.network().to_ipv4_mapped(),
            _ => None,
        };
        let mapped = mapped.and_then(|v4| Ipv4Net::new(v4, network.prefix_len() - MAPPED_BITS).ok());
        Target::Network(mapped.map_or(network, IpNet::V4).trunc())
    }

    /// Does it hit this name?
    pub fn hits_name(&self, name: &Name) -> bool {
        match self {
            Target::Name(other) => other.skeleton() == name.skeleton(),
            Target::Mask(mask) => mask.fits(name),
            Target::Account(_) | Target::Network(_) => false,
        }
    }

    /// Does it hit every name, or every address of a family? That is asked back before it is done.
    pub fn is_everybody(&self) -> bool {
        match self {
            Target::Name(_) | Target::Account(_) => false,
            Target::Mask(mask) => mask.is_everybody(),
            Target::Network(network) => network.prefix_len() == 0,
        }
    }

    /// By what it is kept: one for all that are the same target, however they are written.
    pub fn key(&self) -> String {
        match self {
            Target::Name(name) => name.folded().to_owned(),
            Target::Account(account) => format!("account:{}", account.folded()),
            Target::Mask(_) | Target::Network(_) => self.to_string(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Name(name) => name.fmt(f),
            Target::Mask(mask) => mask.fmt(f),
            Target::Account(account) => write!(f, "account:{account}"),
            Target::Network(network) if network.prefix_len() == network.max_prefix_len() => {
                network.addr().fmt(f)
            }
            Target::Network(network) => network.fmt(f),
        }
    }
}

impl FromStr for Target {
    type Err = BadTarget;

    fn from_str(typed: &str) -> Result<Target, BadTarget> {
        let typed = typed.trim();
        match typed.split_once(':') {
            _ if typed.is_empty() => Err(BadTarget::Empty),
            Some(("name" | "address" | "account", "")) => Err(BadTarget::Empty),
            Some(("name", name)) => name_or_mask(name),
            Some(("address", address)) => address_or_network(address),
            Some(("account", account)) => self::account(account),
            _ if typed.contains(['.', ':', '/']) => address_or_network(typed),
            _ => name_or_mask(typed),
        }
    }
}

fn name_or_mask(typed: &str) -> Result<Target, BadTarget> {
    if has_wildcards(typed) {
        return Mask::new(typed).map(Target::Mask).map_err(|why| BadTarget::Mask(said_back(typed), why));
    }
    let name = Name::new(typed, Names::Unicode);
    name.map(Target::Name).map_err(|why| BadTarget::Name(said_back(typed), why))
}

fn account(typed: &str) -> Result<Target, BadTarget> {
    if has_wildcards(typed) {
        return Err(BadTarget::AccountMask(said_back(typed)));
    }
    let name = Name::new(typed, Names::Unicode);
    name.map(Target::Account).map_err(|why| BadTarget::Account(said_back(typed), why))
}

fn address_or_network(typed: &str) -> Result<Target, BadTarget> {
    if has_wildcards(typed) {
        return Err(BadTarget::AddressMask(said_back(typed)));
    }
    let (ip, prefix) = typed.split_once('/').map_or((typed, None), |(ip, prefix)| (ip, Some(prefix)));
    let ip: IpAddr = ip.parse().map_err(|_| BadTarget::Address(said_back(typed)))?;
    let bits_max = if ip.is_ipv4() { 32 } else { 128 };
    let bits = match prefix {
        None => Some(bits_max),
        Some(prefix) => prefix.parse().ok().filter(|_| prefix.bytes().all(|digit| digit.is_ascii_digit())),
    };
    let network = bits.and_then(|bits| IpNet::new(ip, bits).ok());
    network.map(Target::network).ok_or_else(|| BadTarget::Prefix(said_back(typed), bits_max))
}

fn has_wildcards(typed: &str) -> bool {
    typed.contains(['*', '?'])
}

fn said_back(typed: &str) -> String {
    typed.chars().take(SAID_BACK_CHARS).collect()
}

impl fmt::Display for BadTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadTarget::Empty => f.write_str("nobody is named: give a name, a mask such as troll*, an address, a network such as 203.0.113.0/24, or account:NAME"),
            BadTarget::Name(typed, why) => write!(f, "{typed} is no name: {why}"),
            BadTarget::Account(typed, why) => write!(f, "{typed} is no account: {why}"),
            BadTarget::AccountMask(typed) => {
                write!(f, "{typed} is no account: an account is banned by its whole name, without * and ?")
            }
            BadTarget::Mask(typed, why) => write!(f, "{typed} is no mask of names: {why}"),
            BadTarget::Prefix(typed, bits) => {
                let family = if *bits == 32 { "IPv4" } else { "IPv6" };
                write!(f, "{typed} is no network: the prefix of an {family} network is a number from 0 to {bits}")
            }
            BadTarget::Address(typed) => write!(
                f,
                "{typed} is no address: one is written 203.0.113.7 or 2001:db8::7, a network 203.0.113.0/24; no name has a dot, a colon or a slash"
            ),
            BadTarget::AddressMask(typed) => write!(
                f,
                "{typed} mixes both: only names have * and ?, and a network is written with its prefix, such as 203.0.113.0/24"
            ),
        }
    }
}

impl std::error::Error for BadTarget {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_target_is_read_as_it_is_written() {
        for (typed, shown, key) in [
            ("troll77", "troll77", "troll77"),
            ("Troll", "Troll", "troll"),
            ("name:Troll", "Troll", "troll"),
            ("Troll*", "troll*", "troll*"),
            ("name:t?", "t?", "t?"),
            ("account:Bo", "account:Bo", "account:bo"),
            ("203.0.113.7", "203.0.113.7", "203.0.113.7"),
            ("203.0.113.7/32", "203.0.113.7", "203.0.113.7"),
            ("203.0.113.7/24", "203.0.113.0/24", "203.0.113.0/24"),
            ("address:203.0.113.0/24", "203.0.113.0/24", "203.0.113.0/24"),
            ("2001:DB8::/32", "2001:db8::/32", "2001:db8::/32"),
            ("::ffff:203.0.113.7", "203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.0/120", "203.0.113.0/24", "203.0.113.0/24"),
            ("address:::1", "::1", "::1"),
            (" bo ", "bo", "bo"),
        ] {
            let target: Target = typed.parse().unwrap();
            assert_eq!((target.to_string().as_str(), target.key().as_str()), (shown, key), "{typed}");
            assert_eq!(shown.parse(), Ok(target), "{shown}");
        }
    }

    #[test]
    fn what_nobody_can_be_meant_by_is_said_why() {
        let long = "x".repeat(500);
        for (typed, expected) in [
            ("", "nobody is named"),
            ("account:", "nobody is named"),
            (
                "203.0.113.0/33",
                "203.0.113.0/33 is no network: the prefix of an IPv4 network is a number from 0 to 32",
            ),
            ("2001:db8::/129", "the prefix of an IPv6 network is a number from 0 to 128"),
            ("10.0.0.0/+8", "from 0 to 32"),
            ("10.0.0.0/", "from 0 to 32"),
            ("10.0.0.0/1e1", "from 0 to 32"),
            ("203.0.113", "203.0.113 is no address"),
            ("example.org", "is no address"),
            ("203.0.113.*", "mixes both"),
            ("address:bo", "bo is no address"),
            ("name:10.0.0.1", "10.0.0.1 is no name"),
            ("2fast", "2fast is no name: it begins with a digit"),
            ("tro ll*", "no mask of names"),
            ("account:b*", "by its whole name"),
            ("account:a b", "no account"),
            (&long, "it is too long"),
        ] {
            let told = typed.parse::<Target>().unwrap_err().to_string();
            assert!(told.contains(expected) && told.len() < 300, "{typed}: {told}");
        }
    }

    #[test]
    fn everybody_is_a_family_of_addresses_or_all_names() {
        let check = |typed: &str, expected: bool| {
            assert_eq!(typed.parse::<Target>().unwrap().is_everybody(), expected, "{typed}");
        };
        for typed in ["*", "?*", "0.0.0.0/0", "::/0", "::ffff:0:0/96", "10.0.0.0/0"] {
            check(typed, true);
        }
        for typed in ["a*", "ana", "account:ana", "10.0.0.0/8", "::/1", "??"] {
            check(typed, false);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_typed_is_a_target_that_reads_back_or_an_error(typed in r"(name:|account:|address:)?[\PC]{0,30}") {
            if let Ok(target) = typed.parse::<Target>() {
                prop_assert_eq!(target.to_string().parse::<Target>(), Ok(target));
            }
        }

        #[test]
        fn networks_read_back(ip in any::<IpAddr>(), bits in 0..=128u8) {
            if let Ok(network) = IpNet::new(ip, bits) {
                let target = Target::network(network);
                prop_assert_eq!(target.to_string().parse::<Target>(), Ok(target));
            }
        }
    }
}
