//! Reads one target as people write it, and finds out what was meant by one that means nothing.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use super::{Span, TargetWhy};

/// How many addresses of IPv6 may follow each other in one target. A network of a link has 2^64, which nobody can ask.
pub const SPAN_V6_MAX: u128 = 1 << 16;

/// The longest name, and the longest part of it between dots (RFC 1035).
const NAME_MAX: usize = 253;
const LABEL_MAX: usize = 63;

/// One target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum One {
    /// Addresses.
    Span(Span),
    /// A host's name, in small letters and without a dot at its end.
    Name(Box<str>),
}

/// Reads it.
pub fn read(typed: &str) -> Result<One, TargetWhy> {
    if typed.is_empty() {
        return Err(TargetWhy::Nothing);
    }
    if typed == "-" || typed.starts_with('@') {
        return Err(TargetWhy::List);
    }
    if let Some((_, after)) = typed.split_once("://") {
        return Err(TargetWhy::Url { host: host_of(after) });
    }
    if let Some(inside) = typed.strip_prefix('[') {
        return bracketed(inside);
    }
    if let Ok(address) = typed.parse::<IpAddr>() {
        return Ok(One::Span(Span::of(address)));
    }
    if let Some((address, bits)) = typed.split_once('/') {
        return network(address, bits).map(One::Span);
    }
    if let Some((first, last)) = typed.split_once('-')
        && let Ok(first) = first.parse()
    {
        return range(first, last).map(One::Span);
    }
    name(typed).map(One::Name)
}

/// What stands between an opening bracket and the end.
fn bracketed(inside: &str) -> Result<One, TargetWhy> {
    let (address, after) = inside.split_once(']').ok_or(TargetWhy::NotIpv6)?;
    if address.contains('%') {
        return Err(TargetWhy::Zone);
    }
    let Ok(address @ IpAddr::V6(_)) = address.parse() else { return Err(TargetWhy::NotIpv6) };
    match after.strip_prefix(':') {
        _ if after.is_empty() => Ok(One::Span(Span::of(address))),
        Some(port) => Err(TargetWhy::Port { host: address.to_string(), port: port.to_owned() }),
        None => Err(TargetWhy::NotIpv6),
    }
}

/// The part of a URL that names the host.
fn host_of(after_scheme: &str) -> String {
    let authority = after_scheme.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if let Some(inside) = host.strip_prefix('[') {
        return inside.split(']').next().unwrap_or_default().to_owned();
    }
    host.split(':').next().unwrap_or_default().to_owned()
}

/// An address and how many of its bits are the network's; the others do not matter.
fn network(address: &str, bits: &str) -> Result<Span, TargetWhy> {
    let Ok(address) = address.parse::<IpAddr>() else {
        return Err(if is_like_ipv4(address) { TargetWhy::NotIpv4 } else { TargetWhy::NameNetwork });
    };
    let digits = !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits =
        bits.parse().ok().filter(|bits: &u8| digits && *bits <= most).ok_or(TargetWhy::Bits { most })?;
    let network = IpNet::new(address, bits).map_err(|_| TargetWhy::Bits { most })?;
    // A network of IPv4 that is written as one of IPv6 is one of IPv4, if both its ends are.
    span(network.network(), network.broadcast())
}

fn range(first: IpAddr, last: &str) -> Result<Span, TargetWhy> {
    let last = match (first, last.parse::<IpAddr>()) {
        (_, Ok(last)) => last,
        (IpAddr::V4(first), Err(_)) if !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()) => {
            let [a, b, c, _] = first.octets();
            let last = last.parse().map_err(|_| TargetWhy::RangeEnd)?;
            Ipv4Addr::new(a, b, c, last).into()
        }
        _ => return Err(TargetWhy::RangeEnd),
    };
    span(first, last)
}

fn span(first: IpAddr, last: IpAddr) -> Result<Span, TargetWhy> {
    let (first, last) = (first.to_canonical(), last.to_canonical());
    if first.is_ipv4() != last.is_ipv4() {
        return Err(TargetWhy::Families);
    }
    let span = Span::new(first, last).ok_or(TargetWhy::Backwards)?;
    if first.is_ipv6() && span.count() > SPAN_V6_MAX {
        return Err(TargetWhy::TooManyV6);
    }
    Ok(span)
}

/// A host's name of letters, digits, hyphens and dots; underscores too, which some local names have.
fn name(typed: &str) -> Result<Box<str>, TargetWhy> {
    if let Some(why) = meant(typed) {
        return Err(why);
    }
    let name = typed.strip_suffix('.').unwrap_or(typed);
    let good_letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let good = |label: &str| {
        (1..=LABEL_MAX).contains(&label.len())
            && label.bytes().all(good_letters)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() > NAME_MAX || !name.split('.').all(good) {
        return Err(TargetWhy::NotName);
    }
    Ok(name.to_ascii_lowercase().into())
}

/// What was probably meant by something that is neither an address nor a name.
fn meant(typed: &str) -> Option<TargetWhy> {
    if typed.contains('%') {
        return Some(TargetWhy::Zone);
    }
    if let Some((_, host)) = typed.rsplit_once('@') {
        return Some(TargetWhy::User { host: host.to_owned() });
    }
    if let Some((host, port)) = typed.rsplit_once(':') {
        let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
        return Some(match host.contains(':') || host.is_empty() || !is_port {
            true => TargetWhy::NotIpv6,
            false => TargetWhy::Port { host: host.to_owned(), port: port.to_owned() },
        });
    }
    if typed.contains('*') {
        return Some(TargetWhy::Wildcard);
    }
    if is_like_ipv4(typed) {
        return Some(TargetWhy::NotIpv4);
    }
    (!typed.is_ascii()).then_some(TargetWhy::NotAscii)
}

/// Nothing but digits, dots and hyphens, or a last part that is a number: some systems take that for an address of their own
/// reading, such as 10.1 for 10.0.0.1.
fn is_like_ipv4(typed: &str) -> bool {
    let last = typed.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    typed.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-')
        || (!last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()))
        || hex.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_kept_as_names() {
        for (typed, expected) in [
            ("localhost", "localhost"),
            ("Example.ORG.", "example.org"),
            ("my-host.example", "my-host.example"),
            ("10-0-0-1.example", "10-0-0-1.example"),
            ("3com", "3com"),
            ("_dmarc.example", "_dmarc.example"),
            ("xn--e1afmkfd.example", "xn--e1afmkfd.example"),
        ] {
            assert_eq!(read(typed), Ok(One::Name(expected.into())), "{typed:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_what_was_meant() {
        let long = format!("{}.example", "a".repeat(LABEL_MAX + 1));
        let longer = "a.".repeat(NAME_MAX);
        for (typed, words) in [
            ("", "nothing"),
            ("-", "list"),
            ("@hosts", "list"),
            ("https://example.org:8443/x", "write example.org"),
            ("https://[::1]/", "write ::1"),
            ("ftp://me@example.org", "write example.org"),
            ("me@example.org", "write example.org"),
            ("example.org:80", "write example.org, and its port with -p 80"),
            ("10.0.0.1:80", "write 10.0.0.1, and its port with -p 80"),
            ("[::1]:80", "write ::1, and its port with -p 80"),
            ("example.org/24", "a network begins with an address"),
            ("example.org/index.html", "a network begins with an address"),
            ("10.0.0.0/33", "/0 to /32"),
            ("10.0.0.0/", "/0 to /32"),
            ("10.0.0.0/+8", "/0 to /32"),
            ("10.0.0.0/255.0.0.0", "/0 to /32"),
            ("::/129", "/0 to /128"),
            ("2001:db8::/64", "65,536"),
            ("2001:db8::/111", "65,536"),
            ("2001:db8::-2001:db8::1:0", "65,536"),
            ("10.0.0.256", "four numbers"),
            ("10.0.0", "four numbers"),
            ("10.1", "four numbers"),
            ("2130706433", "four numbers"),
            ("0x7f000001", "four numbers"),
            ("127.0x1", "four numbers"),
            ("010.0.0.1", "four numbers"),
            ("10.0-5.0.1", "four numbers"),
            ("10.0.0.999/24", "four numbers"),
            ("10.0.0.*", "10.0.0.0/24"),
            ("10.0.0.5-1", "ends before it begins"),
            ("10.0.0.5-10.0.0.1", "ends before it begins"),
            ("10.0.0.1-256", "10.0.0.1-50"),
            ("10.0.0.1-", "10.0.0.1-50"),
            ("10.0.0.1-a", "10.0.0.1-50"),
            ("10.0.0.1-::1", "IPv4 to IPv6"),
            ("::1-5", "10.0.0.1-50"),
            (":::1", "IPv6 address"),
            ("[::1", "IPv6 address"),
            ("[10.0.0.1]", "IPv6 address"),
            ("::12345", "IPv6 address"),
            ("fe80::1%eth0", "zone"),
            ("[fe80::1%eth0]", "zone"),
            ("пример.рф", "xn--"),
            ("a b", "letters, digits"),
            ("-p", "letters, digits"),
            ("a..b", "letters, digits"),
            (".", "four numbers"),
            ("a\x1b[2J", "letters, digits"),
            (&long, "letters, digits"),
            (&longer, "letters, digits"),
        ] {
            let why = read(typed).expect_err(typed).to_string();
            assert!(why.contains(words), "{typed:?}: {why}");
        }
    }

    proptest! {
        #[test]
        fn no_text_at_all_makes_it_fall(text in "[-0-9a-f:.,/@%*\\[\\]]{0,40}|.{0,40}") {
            match read(&text) {
                Ok(One::Span(span)) => prop_assert!(span.first() <= span.last()),
                Ok(One::Name(name)) => prop_assert!(name.is_ascii() && name.len() <= NAME_MAX),
                Err(why) => prop_assert!(!why.to_string().is_empty()),
            }
        }

        #[test]
        fn any_two_addresses_make_a_span_or_a_reason(first: u128, last: u128, v4: (u32, u32)) {
            let ip = |bits: u128| std::net::Ipv6Addr::from(bits);
            let _ = read(&format!("{}-{}", ip(first), ip(last)));
            let (low, high) = (v4.0.min(v4.1), v4.0.max(v4.1));
            let typed = format!("{}-{}", Ipv4Addr::from(low), Ipv4Addr::from(high));
            let Ok(One::Span(span)) = read(&typed) else { panic!("{typed}") };
            prop_assert_eq!(span.count(), u128::from(high - low) + 1);
        }
    }
}
