//! What a name looks like, as one key: two names that can be taken for each other, in whichever case their owners show them,
//! have the same. Called where a name is made; the key is kept nowhere but beside its name.
//!
//! UTS 39 (§4) compares words as they stand: `I` with `l`, `Н` with `H`. Names are compared folded, and their owners choose
//! the case; so here each letter is looked at in both. What looks like a letter or digit of ASCII when it is small counts as
//! that, else what does when it is large; all others by the small form. Two letters of Greek look like one of ASCII when they
//! are small and like another when they are large, ν (v and N) and υ (u and Y): they count as small. To have both would make
//! v and n of ASCII look alike.

use unicode_normalization::UnicodeNormalization;
use unicode_security::confusable_detection::skeleton;

/// Small letters of other alphabets that UTS 39 has for small forms of capitals of ASCII, or for what looks so. A letter
/// of which one is the small form has the capital's look, so these have it too.
const SMALL_CAPITALS: [(char, &str); 10] = [
    ('ʙ', "b"),
    ('ß', "b"),
    ('ɛ', "e"),
    ('ꞓ', "e"),
    ('ɢ', "g"),
    ('ʜ', "h"),
    ('ĸ', "k"),
    ('ʍ', "rn"),
    ('ɴ', "n"),
    ('ᴛ', "t"),
];

/// The key of a folded name.
pub(crate) fn look_of(folded: &str) -> Box<str> {
    let mut key = String::with_capacity(folded.len());
    for letter in folded.nfd() {
        let small = small(letter);
        let as_small = classed(small);
        let as_large = || large(small).map(classed).filter(|large| large.is_ascii());
        if as_small.is_ascii() {
            key.push_str(&as_small);
        } else if let Some(large) = as_large() {
            key.push_str(&large);
        } else {
            key.push_str(&as_small);
        }
    }
    key.into()
}

/// The small form that a letter shares with all that have its capital: σ of ς.
fn small(letter: char) -> char {
    large(letter).and_then(|large| one(large.to_lowercase())).unwrap_or(letter)
}

/// The capital, where that is one letter.
fn large(letter: char) -> Option<char> {
    one(letter.to_uppercase())
}

fn one(mut letters: impl Iterator<Item = char>) -> Option<char> {
    letters.next().filter(|_| letters.next().is_none())
}

/// What one letter looks like, of those that look alike in one of their cases the same.
fn classed(letter: char) -> String {
    let mut buffer = [0; 4];
    let mut class = String::new();
    for seen in skeleton(letter.encode_utf8(&mut buffer)).flat_map(char::to_lowercase) {
        match seen {
            // UTS 39 has I, 1 and | look like l, and i like none of them.
            'i' => class.push('l'),
            // It has the small m look like rn, and the large one like itself.
            'm' => class.push_str("rn"),
            other => match SMALL_CAPITALS.iter().find(|(small, _)| *small == other) {
                Some((_, capital)) => class.push_str(capital),
                None => class.push(other),
            },
        }
    }
    class
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Name, Names};

    #[test]
    fn names_that_look_alike_in_some_case_have_one_look() {
        for (one, other) in [
            ("Ioggg", "loggg"),
            ("paypaI", "paypal"),
            ("lI1", "iLL"),
            ("O0o", "oO0"),
            ("wO0d", "wood"),
            ("НАТ", "HAT"),
            ("нат", "hat"),
            ("МАМ", "MAM"),
            ("мам", "mam"),
            ("Вово", "B0B0"),
            ("ΑΒΕ", "ABE"),
            ("αβε", "abe"),
            ("ΝΗΚοΣ", "vhkoσ"),
            ("Ήρα", "H\u{301}pa"),
            ("ΟΔΟΣ", "οδος"),
            ("сор", "cop"),
            ("corn", "com"),
            ("і", "l"),
        ] {
            let of_one = look_of(&one.to_lowercase());
            assert_eq!(of_one, look_of(&other.to_lowercase()), "{one} and {other}");
        }
    }

    #[test]
    fn names_that_differ_to_the_eye_have_looks_of_their_own() {
        for (one, other) in [
            ("van", "nan"),
            ("you", "uou"),
            ("νικ", "nik"),
            ("Олена", "Олина"),
            ("e\u{301}", "e"),
            ("花", "化"),
        ] {
            assert_ne!(look_of(one), look_of(other), "{one} and {other}");
        }
    }

    /// What may look alike in plain ASCII, and nothing else.
    fn plainly(typed: &str) -> String {
        let folded = typed.to_ascii_lowercase().replace('m', "rn");
        folded.replace(['i', '1', '|'], "l").replace('0', "o")
    }

    fn recased(letter: char, large: bool) -> String {
        if large { letter.to_uppercase().collect() } else { letter.to_lowercase().collect() }
    }

    proptest! {
        #[test]
        fn the_case_never_matters(typed in r"\PC{1,20}", folds in prop::collection::vec(any::<bool>(), 20)) {
            let Ok(name) = Name::new(&typed, Names::Unicode) else { return Ok(()) };
            let typed = name.as_str();
            let mixed: String = typed.chars().zip(&folds).map(|(letter, large)| recased(letter, *large)).collect();
            for cased in [typed.to_lowercase(), typed.to_uppercase(), mixed] {
                if let Ok(other) = Name::new(&cased, Names::Unicode) && other == name {
                    prop_assert_eq!(name.skeleton(), other.skeleton(), "{} and {}", typed, cased);
                }
            }
        }

        #[test]
        fn letters_are_cased_as_their_owner_likes(word in "[a-zа-яα-ω]{1,20}") {
            prop_assert_eq!(look_of(&word), look_of(&word.to_uppercase().to_lowercase()));
        }

        #[test]
        fn plain_names_look_alike_only_where_all_can_see_it(
            one in "[A-Za-z0-9_|-]{1,8}",
            other in "[A-Za-z0-9_|-]{1,8}",
            few in "[iIlL1oO0mrnv]{1,4}",
            fewer in "[iIlL1oO0mrnv]{1,4}",
        ) {
            for (one, other) in [(&one, &other), (&few, &fewer)] {
                let folded = [one, other].map(|typed| look_of(&typed.to_ascii_lowercase()));
                prop_assert_eq!(folded[0] == folded[1], plainly(one) == plainly(other), "{} {}", one, other);
            }
        }
    }
}
