//! A mask of names: `*` stands for any letters or none, `?` for one. It is folded as names are, so that whoever writes a name in
//! another case is hit all the same.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use crate::Name;
use crate::name::may_stand_in_a_name;

/// The longest mask, in letters: a name has 20, and there may be a star beside each.
pub const MASK_CHARS_MAX: usize = 40;

/// A good mask, shown and compared as it is folded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mask(Box<str>);

/// Why a mask is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadMask {
    /// It has no letters.
    Empty,
    /// It has too many.
    TooLong,
    /// It has something that no name has.
    Contains(char),
}

impl Mask {
    /// Takes a mask, or says what is wrong with it.
    pub fn new(typed: &str) -> Result<Mask, BadMask> {
        if typed.chars().count() > MASK_CHARS_MAX {
            return Err(BadMask::TooLong);
        }
        let mut folded = String::with_capacity(typed.len());
        for letter in fold(typed).chars() {
            match letter {
                '*' if folded.ends_with('*') => {}
                '*' | '?' => folded.push(letter),
                letter if may_stand_in_a_name(letter) => folded.push(letter),
                letter => return Err(BadMask::Contains(letter)),
            }
        }
        match folded.chars().count() {
            0 => Err(BadMask::Empty),
            letters if letters > MASK_CHARS_MAX => Err(BadMask::TooLong),
            _ => Ok(Mask(folded.into())),
        }
    }

    /// As it is shown and compared.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Does it fit this name?
    pub fn fits(&self, name: &Name) -> bool {
        fits(&self.0, name.folded())
    }

    /// Does it fit every name, but for very short ones?
    pub fn is_everybody(&self) -> bool {
        self.0.contains('*') && self.0.chars().all(|letter| matches!(letter, '*' | '?'))
    }
}

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for BadMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadMask::Empty => write!(f, "it is empty"),
            BadMask::TooLong => write!(f, "it is too long, at most {MASK_CHARS_MAX} letters"),
            BadMask::Contains(letter) => {
                write!(f, "it has {letter:?} in it; letters, digits, _ and - are good, and * and ?")
            }
        }
    }
}

/// What PRECIS makes of a whole name, of a part of one: its widths, its case and its composition. The sigma at a word's end is
/// one, since a mask does not know where the name ends.
fn fold(typed: &str) -> String {
    let folded = typed.nfkc().collect::<String>().to_lowercase();
    folded.chars().map(one_sigma).nfc().collect()
}

fn one_sigma(letter: char) -> char {
    if letter == 'ς' { 'σ' } else { letter }
}

/// Goes back to the last star only, so that it takes no more steps than both lengths multiplied.
fn fits(mask: &str, name: &str) -> bool {
    let (mut mask, mut name) = (mask.chars(), name.chars().map(one_sigma));
    // Behind the last star, and the name from where that star would have to take one letter more.
    let mut back = None;
    loop {
        let (rest_of_mask, rest_of_name) = (mask.clone(), name.clone());
        match (mask.next(), name.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                back = Some((mask.clone(), rest_of_name.clone()));
                name = rest_of_name;
                continue;
            }
            (Some(wanted), Some(letter)) if wanted == '?' || wanted == letter => continue,
            (_, _) => {}
        }
        drop(rest_of_mask);
        let Some((behind, mut from)) = back.take() else { return false };
        if from.next().is_none() {
            return false;
        }
        back = Some((behind.clone(), from.clone()));
        (mask, name) = (behind, from);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::Names;

    #[test]
    fn a_mask_fits_names_as_people_expect() {
        for (mask, typed, expected) in [
            ("troll*", "Troll77", true),
            ("TROLL*", "troll", true),
            ("troll*", "atroll", false),
            ("*troll", "MyTroll", true),
            ("*ro*l", "troll", true),
            ("t?oll", "troll", true),
            ("t?oll", "toll", false),
            ("?", "bo", false),
            ("*", "anybody", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "acb", false),
            ("ＴＲＯ*", "trollo", true),
            ("ОЛ*", "олена", true),
            ("ОДОΣ", "ana", false),
            ("ΟΔΟΣ*", "οδοσα", true),
            ("*ΟΣ", "οδος", true),
            ("e\u{301}*", "Éva", true),
            ("[a]*", "[A]way", true),
        ] {
            let name = Name::new(typed, Names::Unicode).unwrap();
            assert_eq!(Mask::new(mask).unwrap().fits(&name), expected, "{mask} {typed}");
        }
    }

    #[test]
    fn masks_are_taken_or_refused_with_the_reason() {
        let long = "x".repeat(41);
        for (given, expected) in [
            ("Troll**x", Ok("troll*x")),
            ("", Err(BadMask::Empty)),
            ("a b*", Err(BadMask::Contains(' '))),
            ("10.0.*", Err(BadMask::Contains('.'))),
            ("a!*", Err(BadMask::Contains('!'))),
            ("\u{1b}*", Err(BadMask::Contains('\u{1b}'))),
            (&long, Err(BadMask::TooLong)),
        ] {
            let made = Mask::new(given);
            assert_eq!(made.as_ref().map(Mask::as_str).map_err(|why| *why), expected, "{given:?}");
        }
    }

    #[test]
    fn everybody_is_a_mask_without_a_letter() {
        let is_everybody = |typed: &str| Mask::new(typed).unwrap().is_everybody();
        assert!(is_everybody("*") && is_everybody("?*") && is_everybody("*?*"));
        assert!(!is_everybody("a*") && !is_everybody("??"));
    }

    /// The definition, which may take for ever.
    fn naive(mask: &[char], name: &[char]) -> bool {
        match (mask, name) {
            ([], []) => true,
            (['*', rest @ ..], _) => (0..=name.len()).any(|from| naive(rest, &name[from..])),
            (['?', rest @ ..], [_, others @ ..]) => naive(rest, others),
            ([wanted, rest @ ..], [letter, others @ ..]) => wanted == letter && naive(rest, others),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn a_mask_fits_as_its_definition_says(mask in "[ab*?]{1,8}", typed in "[ab]{1,8}") {
            let (mask, name) = (Mask::new(&mask).unwrap(), Name::new(&typed, Names::Unicode).unwrap());
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(mask.fits(&name), naive(&letters(mask.as_str()), &letters(name.folded())));
        }

        #[test]
        fn a_whole_name_as_a_mask_fits_that_name(typed in r"\PC{1,20}") {
            let Ok(name) = Name::new(&typed, Names::Unicode) else { return Ok(()) };
            let upper = typed.to_uppercase();
            prop_assert!(Mask::new(&typed).unwrap().fits(&name), "{:?}", typed);
            if let (Ok(mask), Ok(other)) = (Mask::new(&upper), Name::new(&upper, Names::Unicode)) {
                prop_assert!(mask.fits(&other), "{:?}", upper);
            }
        }

        #[test]
        fn nothing_makes_it_panic(typed in r"\PC{0,60}") {
            if let Ok(mask) = Mask::new(&typed) {
                prop_assert_eq!(Mask::new(mask.as_str()), Ok(mask));
            }
        }
    }
}
