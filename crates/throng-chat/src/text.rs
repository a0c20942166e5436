//! Words that can be passed on: valid UTF-8 without control characters, and never too long for an IRC frame.

use std::fmt;
use std::sync::Arc;

/// The longest text, in bytes. A frame of 512 bytes (RFC 1459 §2.3) holds it beside the longest name and room:
/// see [`crate::name::NAME_BYTES_MAX`].
pub const TEXT_BYTES_MAX: usize = 400;

/// Into how many texts one long line may be split.
pub const SPLIT_MAX: usize = 5;

/// The formatting of IRC (modern.ircdocs.horse/formatting): the only control characters that may be in a text.
const FORMATTING: [char; 9] = ['\x02', '\x03', '\x04', '\x0f', '\x11', '\x16', '\x1d', '\x1e', '\x1f'];

/// Good words; never empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Arc<str>);

/// Why words are not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadText {
    /// There are none.
    Empty,
    /// There are too many.
    TooLong {
        /// This many bytes.
        bytes: usize,
    },
    /// There are too many even for several messages.
    TooManyParts,
    /// One of them is a control character.
    Control(char),
}

impl Text {
    /// Takes words as they are, or says what is wrong with them.
    pub fn new(words: &str) -> Result<Text, BadText> {
        check(words)?;
        match words.len() {
            bytes if bytes > TEXT_BYTES_MAX => Err(BadText::TooLong { bytes }),
            _ => Ok(Text(words.into())),
        }
    }

    /// Takes a long line as several texts, cut between words where that is possible.
    pub fn split(words: &str) -> Result<Vec<Text>, BadText> {
        check(words)?;
        let mut texts = Vec::new();
        let mut rest = words;
        while !rest.is_empty() {
            if texts.len() == SPLIT_MAX {
                return Err(BadText::TooManyParts);
            }
            let (first, after) = rest.split_at(cut(rest));
            let kept = first.trim_end_matches(' ');
            // A cut in front of a run of spaces can leave nothing but spaces; they are no message.
            if !kept.is_empty() {
                texts.push(Text(kept.into()));
            }
            rest = if after.is_empty() { after } else { after.trim_start_matches(' ') };
        }
        if texts.is_empty() { Err(BadText::Empty) } else { Ok(texts) }
    }

    /// As much of the words as fits, without control characters; `None` if nothing is left.
    pub fn fitted(words: &str, bytes_max: usize) -> Option<Text> {
        let kept: String = words.chars().filter(|letter| !is_control(*letter)).collect();
        let end = floor_boundary(&kept, bytes_max.min(TEXT_BYTES_MAX));
        (end > 0).then(|| Text(kept[..end].into()))
    }

    /// The words.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for BadText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadText::Empty => write!(f, "there are no words"),
            BadText::TooLong { bytes } => write!(f, "it is {bytes} bytes long, and {TEXT_BYTES_MAX} fit"),
            BadText::TooManyParts => {
                write!(f, "it does not fit into {SPLIT_MAX} messages of {TEXT_BYTES_MAX} bytes")
            }
            BadText::Control(letter) => {
                write!(f, "it has the control character U+{:04X}", u32::from(*letter))
            }
        }
    }
}

fn check(words: &str) -> Result<(), BadText> {
    match words.chars().find(|letter| is_control(*letter)) {
        Some(letter) => Err(BadText::Control(letter)),
        None if words.is_empty() => Err(BadText::Empty),
        None => Ok(()),
    }
}

/// U+2028 and U+2029 end a line for some readers, so they count as well.
fn is_control(letter: char) -> bool {
    matches!(letter, '\u{2028}' | '\u{2029}') || (letter.is_control() && !FORMATTING.contains(&letter))
}

/// Where to cut: behind the last word that fits, or inside one that alone is too long.
fn cut(words: &str) -> usize {
    if words.len() <= TEXT_BYTES_MAX {
        return words.len();
    }
    let fits = floor_boundary(words, TEXT_BYTES_MAX);
    // A space right behind what fits is a good place as well, so it is looked at too.
    match words.as_bytes()[..=fits].iter().rposition(|byte| *byte == b' ') {
        Some(space) if space > 0 => space,
        _ => fits,
    }
}

fn floor_boundary(text: &str, limit: usize) -> usize {
    (0..=limit.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn words_are_taken_or_refused_with_the_reason() {
        let long = "x".repeat(401);
        for (given, expected) in [
            ("hello", Ok(())),
            ("\u{2}bold\u{2} \u{3}04red", Ok(())),
            ("Олена каже", Ok(())),
            ("", Err(BadText::Empty)),
            ("a\tb", Err(BadText::Control('\t'))),
            ("a\u{1b}[2J", Err(BadText::Control('\u{1b}'))),
            ("a\u{9b}2J", Err(BadText::Control('\u{9b}'))),
            ("\u{1}VERSION\u{1}", Err(BadText::Control('\u{1}'))),
            ("a\u{2028}b", Err(BadText::Control('\u{2028}'))),
            (&long, Err(BadText::TooLong { bytes: 401 })),
        ] {
            assert_eq!(Text::new(given).map(|_| ()), expected, "{given:?}");
        }
    }

    #[test]
    fn a_long_line_is_cut_between_words_and_nothing_is_lost() {
        let words: Vec<String> = (0..300).map(|number| format!("w{number}")).collect();
        let line = words.join(" ");
        let texts = Text::split(&line).unwrap();
        assert!(texts.len() > 1 && texts.iter().all(|text| text.as_str().len() <= TEXT_BYTES_MAX));
        let joined: Vec<&str> = texts.iter().map(Text::as_str).collect();
        assert_eq!(joined.join(" "), line);
    }

    #[test]
    fn a_word_that_is_too_long_is_cut_between_letters() {
        let line = "я".repeat(500);
        let texts = Text::split(&line).unwrap();
        assert_eq!(texts.iter().map(Text::as_str).collect::<String>(), line);
    }

    #[test]
    fn what_does_not_fit_into_five_is_refused_whole() {
        assert_eq!(Text::split(&"x".repeat(SPLIT_MAX * TEXT_BYTES_MAX)).unwrap().len(), SPLIT_MAX);
        assert_eq!(Text::split(&"x".repeat(SPLIT_MAX * TEXT_BYTES_MAX + 1)), Err(BadText::TooManyParts));
        assert_eq!(Text::split("   "), Err(BadText::Empty));
    }

    #[test]
    fn fitting_cuts_at_a_letter_and_drops_controls() {
        assert_eq!(Text::fitted("яяя", 5).unwrap().as_str(), "яя");
        assert_eq!(Text::fitted("a\u{7}b", 10).unwrap().as_str(), "ab");
        assert_eq!(Text::fitted("\u{7}", 10), None);
    }
}
