//! Which ports to ask: a set of 1 to 65,535, and how people write one.
//!
//! What is written is `22,80,8000-8100,-1024,60000-,all,-,top:100,http,!9100`: pieces between commas, of which those after a `!`
//! are taken out of the others, wherever they stand. Where nothing but such pieces is written, they are taken out of all. Names
//! and `top:N` are those of [`services`](crate::services).

mod fault;
mod piece;

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

pub use fault::{PortsFault, PortsWhy};

/// How long a text may be. The longest that a set needs has each second port, in 191,400 bytes.
pub const TEXT_BYTES_MAX: usize = 256 * 1024;

/// How many pieces a text may have: as many as a set can have ranges.
pub const PIECES_MAX: usize = 32_768;

/// Bits of a word.
const BITS: usize = 64;
const WORDS: usize = (1 << 16) / BITS;

/// A set of TCP ports. 8 KiB, whatever is in it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PortSet {
    /// A bit for each number. That of 0, which is no port, is never set.
    words: Box<[u64; WORDS]>,
}

impl PortSet {
    /// None.
    pub fn empty() -> PortSet {
        PortSet { words: Box::new([0; WORDS]) }
    }

    /// All 65,535.
    pub fn all() -> PortSet {
        let mut all = PortSet { words: Box::new([u64::MAX; WORDS]) };
        all.words[0] &= !1;
        all
    }

    /// Puts these in; 0 is no port and is left out.
    pub fn insert_range(&mut self, ports: RangeInclusive<u16>) {
        each_word(ports, |word, bits| self.words[word] |= bits);
        self.words[0] &= !1;
    }

    /// Puts this one in; 0 is no port and is left out.
    pub fn insert(&mut self, port: u16) {
        self.insert_range(port..=port);
    }

    /// Takes these out.
    pub fn remove_all(&mut self, others: &PortSet) {
        self.words.iter_mut().zip(others.words.iter()).for_each(|(mine, other)| *mine &= !other);
    }

    /// Puts these in.
    pub fn insert_all(&mut self, others: &PortSet) {
        self.words.iter_mut().zip(others.words.iter()).for_each(|(mine, other)| *mine |= other);
    }

    /// Is it in?
    pub fn contains(&self, port: u16) -> bool {
        self.words[usize::from(port) / BITS] >> (usize::from(port) % BITS) & 1 == 1
    }

    /// How many, 0 to 65,535.
    pub fn len(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    /// None at all?
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// In ascending order.
    pub fn iter(&self) -> Ports<'_> {
        Ports { set: self, word: 0, bits: self.words[0] }
    }

    /// As few ranges as there are, in ascending order.
    pub fn ranges(&self) -> impl Iterator<Item = RangeInclusive<u16>> + '_ {
        let mut ports = self.iter().peekable();
        std::iter::from_fn(move || {
            let first = ports.next()?;
            let mut last = first;
            while let Some(next) = ports.next_if(|next| *next - 1 == last) {
                last = next;
            }
            Some(first..=last)
        })
    }
}

/// Calls with each word that has a part of the range, and that part.
fn each_word(ports: RangeInclusive<u16>, mut call: impl FnMut(usize, u64)) {
    let (first, last) = (usize::from(*ports.start()), usize::from(*ports.end()));
    if first > last {
        return;
    }
    for word in first / BITS..=last / BITS {
        let from = if word == first / BITS { first % BITS } else { 0 };
        let to = if word == last / BITS { last % BITS } else { BITS - 1 };
        call(word, (u64::MAX << from) & (u64::MAX >> (BITS - 1 - to)));
    }
}

/// The ports of a set, in ascending order.
#[derive(Clone, Debug)]
pub struct Ports<'a> {
    set: &'a PortSet,
    word: usize,
    /// What is left of this word.
    bits: u64,
}

impl Iterator for Ports<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        while self.bits == 0 {
            self.word += 1;
            self.bits = *self.set.words.get(self.word)?;
        }
        let bit = self.bits.trailing_zeros() as usize;
        self.bits &= self.bits - 1;
        u16::try_from(self.word * BITS + bit).ok()
    }
}

impl<'a> IntoIterator for &'a PortSet {
    type Item = u16;
    type IntoIter = Ports<'a>;

    fn into_iter(self) -> Ports<'a> {
        self.iter()
    }
}

impl FromIterator<u16> for PortSet {
    fn from_iter<T: IntoIterator<Item = u16>>(ports: T) -> PortSet {
        let mut set = PortSet::empty();
        ports.into_iter().for_each(|port| set.insert(port));
        set
    }
}

impl FromStr for PortSet {
    type Err = PortsFault;

    fn from_str(text: &str) -> Result<PortSet, PortsFault> {
        piece::read(text)
    }
}

/// As it may be written: `22,80,8000-8100`, or nothing for none.
impl fmt::Display for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.ranges().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            match range.into_inner() {
                (first, last) if first == last => write!(f, "{comma}{first}")?,
                (first, last) => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PortSet({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_is_written_is_what_is_asked() {
        let top = |count: usize| crate::services::top().take(count).collect::<PortSet>().to_string();
        for (typed, expected) in [
            ("22", "22"),
            ("80,22,22", "22,80"),
            (" 22 , 80 ", "22,80"),
            ("8000-8002,8003", "8000-8003"),
            ("-3", "1-3"),
            ("65534-", "65534-65535"),
            ("all", "1-65535"),
            ("-", "1-65535"),
            ("ALL", "1-65535"),
            ("65535", "65535"),
            ("7-7", "7"),
            ("http,HTTPS", "80,443"),
            ("ftp-data", "20"),
            ("x11", "6000-6002"),
            ("1-10,!5", "1-4,6-10"),
            ("!5,1-10", "1-4,6-10"),
            ("1-10,!-4,!8-", "5-7"),
            ("20-25,!ssh", "20-21,23-25"),
            ("!2-", "1"),
            ("! 2-", "1"),
            ("top:3", &top(3)),
            ("TOP:3", &top(3)),
            ("top:3,!top:2", "22"),
        ] {
            let set: PortSet = typed.parse().unwrap_or_else(|why| panic!("{typed:?}: {why}"));
            assert_eq!(set.to_string(), expected, "{typed:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_right() {
        let known = crate::services::known();
        let beyond = format!("top:{}", known + 1);
        for (typed, piece, words) in [
            ("", "", "no port is named"),
            ("  ", "", "no port is named"),
            ("22,,80", "", "between two commas"),
            ("22,", "", "between two commas"),
            ("80,0", "0", "port 0 cannot be asked"),
            ("0-10", "0-10", "port 0 cannot be asked"),
            ("65536", "65536", "65,535"),
            ("1-99999999999999999999999", "1-99999999999999999999999", "65,535"),
            ("90-80", "90-80", "80-90"),
            ("htpp", "htpp", "did you mean http?"),
            ("nobody-knows-it", "nobody-knows-it", "no service of this name"),
            ("top:0", "top:0", "top:1"),
            (&beyond, &beyond, &known.to_string()),
            ("top:x", "top:x", "top:100"),
            ("top", "top", "top:100"),
            ("top100", "top100", "top:100"),
            ("80:90", "80:90", "80-90"),
            ("80..90", "80..90", "80-90"),
            ("22;80", "22;80", "commas"),
            ("22 80", "22 80", "commas"),
            ("T:80", "T:80", "only TCP"),
            ("U:53", "U:53", "only TCP"),
            ("80/tcp", "80/tcp", "only TCP"),
            ("!", "!", "after the !"),
            ("!!80", "!!80", "no service"),
            ("--5", "--5", "8000-8100"),
            ("1-2-3", "1-2-3", "8000-8100"),
            ("+80", "+80", "8000-8100"),
            ("٨٠", "٨٠", "no service"),
            ("80,!80", "", "nothing is left"),
            ("!-", "", "nothing is left"),
        ] {
            let fault = typed.parse::<PortSet>().expect_err(typed);
            assert_eq!(fault.piece, piece, "{typed:?}");
            assert!(fault.to_string().contains(words), "{typed:?}: {fault}");
        }
    }

    #[test]
    fn what_is_too_long_is_refused_before_it_is_read() {
        let all = "1-65535,".repeat(PIECES_MAX) + "1";
        assert_eq!(all.parse::<PortSet>().unwrap_err().why, PortsWhy::TooLong);
        let many = "-,".repeat(PIECES_MAX) + "-";
        assert_eq!(many.parse::<PortSet>().unwrap_err().why, PortsWhy::TooMany);
        let full = "-,".repeat(PIECES_MAX - 1) + "-";
        assert_eq!(full.parse::<PortSet>().unwrap(), PortSet::all());
        let long = PortsFault { piece: "x".repeat(1000), why: PortsWhy::Unknown { alike: None } };
        assert!(long.to_string().len() < 300, "a long piece is cut where it is shown");
        // The longest that a set shows can be read again.
        let each_second: PortSet = (1..=u16::MAX).step_by(2).collect();
        let shown = each_second.to_string();
        assert!(shown.len() <= TEXT_BYTES_MAX);
        assert_eq!(shown.parse(), Ok(each_second));
    }

    #[test]
    fn all_and_none_are_at_the_ends() {
        assert_eq!((PortSet::all().len(), PortSet::empty().len()), (65_535, 0));
        assert!(PortSet::empty().is_empty() && !PortSet::all().is_empty());
        assert!(!PortSet::all().contains(0));
        let with_zero: PortSet = [0, 1].into_iter().collect();
        assert_eq!(with_zero.to_string(), "1");
        assert!(PortSet::all().iter().eq(1..=u16::MAX));
    }

    proptest! {
        #[test]
        fn a_set_is_as_a_set_of_the_library(ports in prop::collection::vec((any::<u16>(), 0_u16..200), 0..40),
                                            others in prop::collection::vec(any::<u16>(), 0..40)) {
            let mut set = PortSet::empty();
            let mut expected = BTreeSet::new();
            for (first, more) in ports {
                let range = first..=first.saturating_add(more);
                expected.extend(range.clone().filter(|port| *port > 0));
                set.insert_range(range);
            }
            let without: PortSet = others.iter().copied().collect();
            set.remove_all(&without);
            expected.retain(|port| !others.contains(port));
            prop_assert!(set.iter().eq(expected.iter().copied()));
            prop_assert_eq!(set.len() as usize, expected.len());
            let near = expected.iter().flat_map(|port| [*port, port - 1, port.saturating_add(1)]).chain([0, 1, u16::MAX]);
            for port in near.collect::<Vec<_>>() {
                prop_assert_eq!(set.contains(port), expected.contains(&port));
            }
            match set.is_empty() {
                true => prop_assert_eq!(set.to_string(), ""),
                false => prop_assert_eq!(set.to_string().parse(), Ok(set)),
            }
        }

        #[test]
        fn no_text_at_all_makes_it_fall(text in "[-0-9a-z:,! .;/*]{0,40}|.{0,40}") {
            if let Err(fault) = text.parse::<PortSet>() {
                prop_assert!(!fault.to_string().is_empty());
            }
        }
    }
}
