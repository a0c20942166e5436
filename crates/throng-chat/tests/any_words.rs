//! Any words at all: nothing panics, and what is taken keeps its promises.

use proptest::prelude::*;
use throng_chat::name::{NAME_BYTES_MAX, NAME_CHARS_MAX, ROOM_BYTES_MAX};
use throng_chat::text::{SPLIT_MAX, TEXT_BYTES_MAX};
use throng_chat::{Name, Names, RoomName, Text};

/// Any letters, and those that names and rooms are made of, so that many are good.
const WORDS: &str = r"(\PC{0,25}|[a-zA-Z0-9_\-]{1,25}|\p{Cyrillic}{1,25}|\p{Greek}{1,25}|\p{Han}{1,25})";

/// What would be more than one word, or another message, in a frame of IRC.
fn is_one_word(shown: &str) -> bool {
    !shown.is_empty() && !shown.starts_with(':') && !shown.contains([' ', ',', '\r', '\n', '\0', '\u{7}'])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_name_that_is_good_is_one_word_and_folds_once(typed in WORDS) {
        let Ok(name) = Name::new(&typed, Names::Unicode) else { return Ok(()) };
        prop_assert_eq!(name.as_str(), &typed);
        prop_assert!(is_one_word(name.as_str()) && is_one_word(name.folded()));
        prop_assert!(typed.len() <= NAME_BYTES_MAX && typed.chars().count() <= NAME_CHARS_MAX);
        prop_assert!(!typed.starts_with('#') && !typed.contains(['!', '@', '*', '?']));
        // A few letters, such as İ and those of Cherokee, fold to what nobody can type as a name.
        if let Ok(again) = Name::new(name.folded(), Names::Unicode) {
            prop_assert_eq!(again.folded(), name.folded());
            prop_assert_eq!(again.skeleton(), name.skeleton());
        }
        prop_assert_eq!(Name::new(&typed, Names::Ascii).is_ok(), typed.is_ascii());
    }

    #[test]
    fn a_room_that_is_good_is_one_word_and_folds_once(typed in WORDS) {
        let typed = format!("#{typed}");
        let Ok(room) = RoomName::new(&typed, Names::Unicode) else { return Ok(()) };
        prop_assert!(is_one_word(room.as_str()) && is_one_word(room.folded()));
        prop_assert!(typed.len() <= ROOM_BYTES_MAX && room.folded().len() <= ROOM_BYTES_MAX);
        if let Ok(again) = RoomName::new(room.folded(), Names::Unicode) {
            prop_assert_eq!(again, room);
        }
    }

    #[test]
    fn a_split_line_loses_nothing_but_spaces(line in r"(\PC{0,40}[ ]{0,3}|[a-z]{1,500}){0,30}") {
        let Ok(texts) = Text::split(&line) else { return Ok(()) };
        prop_assert!((1..=SPLIT_MAX).contains(&texts.len()));
        prop_assert!(texts.iter().all(|text| (1..=TEXT_BYTES_MAX).contains(&text.as_str().len())));
        prop_assert!(texts.iter().all(|text| Text::new(text.as_str()).as_ref() == Ok(text)));
        let letters = |words: &str| words.replace(' ', "");
        let joined: String = texts.iter().map(Text::as_str).collect();
        prop_assert_eq!(letters(&joined), letters(&line));
    }

    #[test]
    fn what_is_fitted_is_good_and_fits(words in any::<String>(), bytes_max in 0_usize..500) {
        let Some(text) = Text::fitted(&words, bytes_max) else { return Ok(()) };
        prop_assert!(text.as_str().len() <= bytes_max.min(TEXT_BYTES_MAX));
        prop_assert_eq!(Text::new(text.as_str()), Ok(text));
    }
}
