//! What a TCP port is usually for, and which ports are worth asking first.
//!
//! The table is our own, written by hand. A name is the one of the IANA Service Name and Transport Protocol Port Number
//! Registry (RFC 6335) where that names the service which is in fact met there; otherwise the product's own. The order is by
//! class of service, from the default ports in the vendors' own documentation: first what hosts offer to strangers, then what
//! they offer to their own network, then what is rare. It is a judgement, no count of what is open in the world: the well-known
//! counts have licences that this project cannot take on.
//!
//! A name is a guess from the number alone. Nothing was heard from whoever is there.

use std::sync::LazyLock;

/// The table, as people keep it.
const TEXT: &str = include_str!("services/ports.txt");

/// The longest name in it.
const NAME_MAX: usize = 16;

/// In the order in which they are worth asking.
static ORDERED: LazyLock<Vec<(u16, &'static str)>> = LazyLock::new(|| {
    let lines = TEXT.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.flat_map(|line| line.split(',')).filter_map(|pair| pair.trim().split_once(' '));
    pairs.filter_map(|(port, name)| Some((port.parse().ok()?, name))).collect()
});

/// By port, ascending.
static BY_PORT: LazyLock<Vec<(u16, &'static str)>> = LazyLock::new(|| {
    let mut all = ORDERED.clone();
    all.sort_unstable();
    all
});

/// What is usually at this port.
pub fn name(port: u16) -> Option<&'static str> {
    let found = BY_PORT.binary_search_by_key(&port, |(port, _)| *port).ok()?;
    Some(BY_PORT[found].1)
}

/// The ports where this is usually found; none if nobody of that name is known. Letters may be large or small.
pub fn ports(name: &str) -> impl Iterator<Item = u16> {
    ORDERED.iter().filter(move |(_, known)| known.eq_ignore_ascii_case(name)).map(|(port, _)| *port)
}

/// All that are known, those first that are worth asking first.
pub fn top() -> impl Iterator<Item = u16> {
    ORDERED.iter().map(|(port, _)| *port)
}

/// How many are known.
pub fn known() -> usize {
    ORDERED.len()
}

/// The known name that was most likely meant: the nearest that differs in no more than two letters.
pub fn alike(name: &str) -> Option<&'static str> {
    // Longer than any name is no slip of the finger, and the comparison costs length by length.
    if name.len() > NAME_MAX + SLIPS_MAX {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let near = ORDERED.iter().map(|(_, known)| (slips(&name, known), *known));
    let (slips, known) = near.min_by_key(|(slips, _)| *slips)?;
    (slips <= SLIPS_MAX && slips < name.len()).then_some(known)
}

/// How many letters may be wrong in a name that is still recognised.
const SLIPS_MAX: usize = 2;

/// How many letters must be put in, taken out or changed (Levenshtein's distance).
fn slips(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (before, known) in other.bytes().enumerate() {
            let changed = diagonal + usize::from(letter != known);
            diagonal = row[before + 1];
            row[before + 1] = changed.min(diagonal + 1).min(row[before] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_port_stands_once_and_every_name_is_one() {
        let mut seen = BTreeSet::new();
        for (port, name) in ORDERED.iter() {
            assert!(*port > 0 && seen.insert(port), "{port} stands twice");
            let letters =
                name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
            let has_letter = name.bytes().any(|byte| byte.is_ascii_lowercase());
            assert!(letters && has_letter && (1..=NAME_MAX).contains(&name.len()), "{name:?}");
            assert!(*name != "all" && !name.starts_with("top"), "{name} is a word of the ports' own");
            // A name of digits and one hyphen at an end would be read as a range.
            assert!(!name.starts_with('-') && !name.ends_with('-'), "{name}");
        }
        // Every pair of the text was read.
        let pairs = TEXT.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        assert_eq!(seen.len(), pairs.map(|line| line.split(',').count()).sum::<usize>());
        assert!((200..=500).contains(&known()), "{}", known());
    }

    #[test]
    fn names_and_ports_find_each_other() {
        for (port, expected) in [
            (22, Some("ssh")),
            (80, Some("http")),
            (443, Some("https")),
            (5432, Some("postgresql")),
            (1, Some("tcpmux")),
            (65_535, None),
        ] {
            assert_eq!(name(port), expected, "{port}");
        }
        assert_eq!(ports("SSH").collect::<Vec<_>>(), [22]);
        assert!(ports("http-alt").count() > 1, "a name may stand at several ports");
        assert_eq!(ports("nobody").count(), 0);
        assert!(top().take(20).any(|port| port == 22) && top().take(20).any(|port| port == 443));
    }

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        for (typed, expected) in [
            ("htpp", Some("http")),
            ("SHS", Some("ssh")),
            ("postgres", Some("postgresql")),
            ("zzzzzz", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(alike(typed), expected, "{typed:?}");
        }
        assert_eq!(alike(&"h".repeat(1 << 20)), None);
    }
}
