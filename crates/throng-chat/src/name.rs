//! Names of people and rooms: always valid, compared by their folded form.
//!
//! A person's name is letters and digits of one script with a few marks; it is folded by PRECIS UsernameCaseMapped
//! (RFC 8265 §3.3), and its skeleton tells which other names look like it (`look`).

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};

use precis_core_fold::fold;
use unicode_script::{Script, UnicodeScript};
use unicode_security::MixedScript;

use crate::look::look_of;

/// The longest name, in letters.
pub const NAME_CHARS_MAX: usize = 20;

/// The longest name, in bytes. A frame of 512 bytes is `:NAME!~u@throng PRIVMSG ROOM :` + a text + CRLF, where an
/// action takes 9 bytes more: 512 − 2 − 400 − 9 leaves 101, less 23 for the fixed parts and 32 for the room: 46.
/// 40 leaves a little for commands that are longer than PRIVMSG.
pub const NAME_BYTES_MAX: usize = 40;

/// The longest name of a room, its `#` included, in bytes.
pub const ROOM_BYTES_MAX: usize = 32;

/// Marks that a name may have besides letters and digits; nicknames of IRC do (RFC 2812 §2.3.1).
const MARKS: &str = "_-[]{}|^`\\";

/// Letters that nobody sees: the fillers of Hangul. PRECIS keeps them out of the names of people.
const UNSEEN: [char; 4] = ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'];

/// Names that would pass for the server itself.
const RESERVED: [&str; 8] =
    ["throng", "server", "operator", "nickserv", "chanserv", "memoserv", "admin", "system"];

/// What they look like.
static RESERVED_LOOKS: LazyLock<[Box<str>; 8]> = LazyLock::new(|| RESERVED.map(look_of));

/// Which names are good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Names {
    /// Letters of any one script.
    #[default]
    Unicode,
    /// Letters from a to z.
    Ascii,
}

#[derive(Debug)]
struct Inner {
    shown: Box<str>,
    folded: Box<str>,
    skeleton: Box<str>,
}

/// A person's name. Equal names are those that fold to the same.
#[derive(Clone, Debug)]
pub struct Name(Arc<Inner>);

/// Why a name is not good, in words for the one who typed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadName {
    /// It has no letters.
    Empty,
    /// It has too many.
    TooLong,
    /// It begins with something that no name begins with.
    Begins(char),
    /// It has something that no name has.
    Contains(char),
    /// Its letters are of several scripts.
    Mixed(String),
    /// It would pass for the server.
    Reserved,
    /// It breaks a rule of PRECIS, such as the one on right-to-left text.
    Unfit,
}

impl Name {
    /// Takes a name, or says what is wrong with it.
    pub fn new(typed: &str, names: Names) -> Result<Name, BadName> {
        check(typed, names)?;
        let folded = fold(typed).ok_or(BadName::Unfit)?;
        if folded.chars().count() > NAME_CHARS_MAX || folded.len() > NAME_BYTES_MAX {
            return Err(BadName::TooLong);
        }
        let skeleton = look_of(&folded);
        if RESERVED_LOOKS.contains(&skeleton) {
            return Err(BadName::Reserved);
        }
        Ok(Name(Arc::new(Inner { shown: typed.into(), folded: folded.into(), skeleton })))
    }

    /// As its owner writes it.
    pub fn as_str(&self) -> &str {
        &self.0.shown
    }

    /// As it is compared.
    pub fn folded(&self) -> &str {
        &self.0.folded
    }

    /// What it looks like, in any case: names with one skeleton can be taken for each other.
    pub fn skeleton(&self) -> &str {
        &self.0.skeleton
    }

    /// Names near to this one, to propose when it is taken: `bo_`, `bo2`, `bo3` …
    pub fn alternatives(&self, names: Names) -> impl Iterator<Item = Name> + '_ {
        let endings = std::iter::once("_".to_owned()).chain((2..100).map(|number| number.to_string()));
        endings.filter_map(move |ending| {
            let letters_max = NAME_CHARS_MAX - ending.len();
            let stem: String = self.as_str().chars().take(letters_max).collect();
            let end = (0..=stem.len().min(NAME_BYTES_MAX - ending.len()))
                .rev()
                .find(|end| stem.is_char_boundary(*end))
                .unwrap_or(0);
            Name::new(&format!("{}{ending}", &stem[..end]), names).ok()
        })
    }
}

/// A room's name, its `#` included. Equal names are those that fold to the same.
#[derive(Clone, Debug)]
pub struct RoomName(Arc<Inner>);

impl RoomName {
    /// Takes a room's name, or says what is wrong with it.
    pub fn new(typed: &str, names: Names) -> Result<RoomName, BadName> {
        let rest = typed.strip_prefix('#').ok_or(BadName::Begins(typed.chars().next().unwrap_or(' ')))?;
        if rest.is_empty() {
            return Err(BadName::Empty);
        }
        let good = |letter: char| letter.is_alphanumeric() || "_-.+!$%&'*/<=>?^~|[]{}`#".contains(letter);
        if let Some(letter) = rest.chars().find(|letter| !good(*letter) || UNSEEN.contains(letter)) {
            return Err(BadName::Contains(letter));
        }
        one_script(rest, names)?;
        let folded = rest.to_lowercase();
        if typed.len() > ROOM_BYTES_MAX || folded.len() + 1 > ROOM_BYTES_MAX {
            return Err(BadName::TooLong);
        }
        let skeleton = look_of(&folded);
        let folded = format!("#{folded}");
        Ok(RoomName(Arc::new(Inner { shown: typed.into(), folded: folded.into(), skeleton })))
    }

    /// The room where people who come by themselves are put.
    pub fn lobby() -> RoomName {
        RoomName::new("#lobby", Names::Unicode).expect("plain letters are a good name")
    }

    /// As its maker wrote it.
    pub fn as_str(&self) -> &str {
        &self.0.shown
    }

    /// As it is compared.
    pub fn folded(&self) -> &str {
        &self.0.folded
    }
}

/// How many letters must be changed, added, dropped or swapped with their neighbour to make one word of the other:
/// for proposals such as "did you mean". Long words are compared by their first 32 letters.
pub fn distance(one: &str, other: &str) -> usize {
    const LETTERS_MAX: usize = 32;
    let one: Vec<char> = one.chars().take(LETTERS_MAX).collect();
    let other: Vec<char> = other.chars().take(LETTERS_MAX).collect();
    let mut rows = vec![vec![0; other.len() + 1]; one.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=other.len()).collect();
    for i in 1..=one.len() {
        for j in 1..=other.len() {
            let change = rows[i - 1][j - 1] + usize::from(one[i - 1] != other[j - 1]);
            let mut best = change.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[one.len()][other.len()]
}

/// Can a name have this letter, whatever the others are?
pub(crate) fn may_stand_in_a_name(letter: char) -> bool {
    letter.is_alphanumeric() || MARKS.contains(letter)
}

fn check(typed: &str, names: Names) -> Result<(), BadName> {
    let first = typed.chars().next().ok_or(BadName::Empty)?;
    if let Some(letter) = typed.chars().find(|letter| !may_stand_in_a_name(*letter)) {
        return Err(BadName::Contains(letter));
    }
    // IRC clients take a leading digit or hyphen for something else (RFC 2812 §2.3.1).
    if first.is_numeric() || first == '-' {
        return Err(BadName::Begins(first));
    }
    if typed.chars().count() > NAME_CHARS_MAX || typed.len() > NAME_BYTES_MAX {
        return Err(BadName::TooLong);
    }
    one_script(typed, names)
}

/// One script as of UTS 39 §5.1, where the scripts of one language count as one (Han with Kana).
fn one_script(text: &str, names: Names) -> Result<(), BadName> {
    if names == Names::Ascii
        && let Some(letter) = text.chars().find(|letter| !letter.is_ascii())
    {
        return Err(BadName::Contains(letter));
    }
    if text.is_single_script() {
        return Ok(());
    }
    let mut scripts: Vec<&str> = Vec::new();
    for letter in text.chars() {
        let script = letter.script();
        if !matches!(script, Script::Common | Script::Inherited) && !scripts.contains(&script.full_name()) {
            scripts.push(script.full_name());
        }
    }
    Err(BadName::Mixed(scripts.join(" and ")))
}

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadName::Empty => write!(f, "it is empty"),
            BadName::TooLong => write!(f, "it is too long, at most {NAME_CHARS_MAX} letters"),
            BadName::Begins(letter) if letter.is_numeric() => write!(f, "it begins with a digit"),
            BadName::Begins(letter) => write!(f, "it begins with {letter:?}"),
            BadName::Contains(' ') => write!(f, "it has a space in it"),
            BadName::Contains(letter) => {
                write!(f, "it has {letter:?} in it; letters, digits, _ and - are good")
            }
            BadName::Mixed(scripts) => write!(f, "it mixes letters of {scripts}"),
            BadName::Reserved => write!(f, "that name is kept for the server"),
            BadName::Unfit => write!(f, "its letters cannot stand together"),
        }
    }
}

macro_rules! compared_by_its_folded_form {
    ($name:ty) => {
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                Arc::ptr_eq(&self.0, &other.0) || self.0.folded == other.0.folded
            }
        }
        impl Eq for $name {}
        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }
        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.0.folded.cmp(&other.0.folded)
            }
        }
        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.0.folded.hash(state);
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0.shown)
            }
        }
    };
}

compared_by_its_folded_form!(Name);
compared_by_its_folded_form!(RoomName);

/// The one call into PRECIS.
mod precis_core_fold {
    use precis_profiles::UsernameCaseMapped;
    use precis_profiles::precis_core::profile::PrecisFastInvocation;

    pub(super) fn fold(name: &str) -> Option<String> {
        UsernameCaseMapped::enforce(name).ok().map(std::borrow::Cow::into_owned)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_taken_or_refused_with_the_reason() {
        let long = "a".repeat(21);
        for (given, expected) in [
            ("ana", Ok(())),
            ("Олена", Ok(())),
            ("Ελένη", Ok(())),
            ("李雷", Ok(())),
            ("さくら花", Ok(())),
            ("ana_2", Ok(())),
            ("[away]", Ok(())),
            ("", Err(BadName::Empty)),
            ("2fast", Err(BadName::Begins('2'))),
            ("-ana", Err(BadName::Begins('-'))),
            ("a b", Err(BadName::Contains(' '))),
            ("a!b", Err(BadName::Contains('!'))),
            ("a\u{200d}b", Err(BadName::Contains('\u{200d}'))),
            ("😀", Err(BadName::Contains('😀'))),
            ("\u{3164}", Err(BadName::Unfit)),
            ("NickServ", Err(BadName::Reserved)),
            ("server", Err(BadName::Reserved)),
            (&long, Err(BadName::TooLong)),
        ] {
            assert_eq!(Name::new(given, Names::Unicode).map(|_| ()), expected, "{given:?}");
        }
        assert!(matches!(Name::new("аna", Names::Unicode), Err(BadName::Mixed(_))), "а Cyrillic letter");
        assert_eq!(Name::new("Олена", Names::Ascii).map(|_| ()), Err(BadName::Contains('О')));
    }

    #[test]
    fn names_are_compared_folded_and_known_by_their_look() {
        let name = |typed| Name::new(typed, Names::Unicode).unwrap();
        assert_eq!(name("Ana"), name("ana"));
        assert_eq!(name("ОЛЕНА"), name("олена"));
        assert_ne!(name("сор"), name("cop"));
        assert_eq!(name("сор").skeleton(), name("cop").skeleton(), "Cyrillic looks like Latin here");
    }

    #[test]
    fn alternatives_are_good_names_that_differ() {
        for shown in ["bo", "Олена", "abcdefghijklmnopqrst", "李李李李李李李李李李李李李"] {
            let name = Name::new(shown, Names::Unicode).unwrap();
            let two: Vec<Name> = name.alternatives(Names::Unicode).take(2).collect();
            assert!(two.len() == 2 && !two.contains(&name), "{two:?}");
        }
    }

    #[test]
    fn rooms_begin_with_a_mark_and_fold() {
        let room = |typed: &str| RoomName::new(typed, Names::Unicode);
        assert_eq!(room("#Tea").unwrap(), room("#tea").unwrap());
        for bad in ["lobby", "#", "#a b", "#a,b", "#a:b", "#a\u{7}", "#\u{202e}x", "#\u{3164}", "#한\u{115f}"]
        {
            assert!(room(bad).is_err(), "{bad:?}");
        }
        assert!(room(&format!("#{}", "x".repeat(31))).is_ok());
        assert_eq!(room(&format!("#{}", "x".repeat(32))), Err(BadName::TooLong));
    }

    #[test]
    fn the_nearest_word_is_found() {
        for (one, other, expected) in
            [("jion", "join", 1), ("", "abc", 3), ("help", "help", 0), ("hlep", "help", 1)]
        {
            assert_eq!(distance(one, other), expected, "{one} {other}");
        }
    }
}
