//! Text made safe for a terminal: what another person typed can neither move a cursor, nor colour, nor reorder.
//!
//! Stands at every terminal and log sink. Control characters, bidirectional controls and invisible characters are
//! shown as escapes such as `\x1b` and `\u{202e}`.

use std::borrow::Cow;
use std::fmt::Write;

/// The text with everything dangerous made visible; borrowed when there is nothing of the kind.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_dangerous) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            letter if !is_dangerous(letter) => shown.push(letter),
            letter if u32::from(letter) < 0x80 => {
                escape(&mut shown, format_args!("\\x{:02x}", u32::from(letter)));
            }
            letter => escape(&mut shown, format_args!("\\u{{{:x}}}", u32::from(letter))),
        }
    }
    Cow::Owned(shown)
}

/// The same for bytes that may not be UTF-8: those that are not are shown as `\xff`.
pub fn printable_bytes(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return printable(text);
    }
    let mut shown = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        shown.push_str(&printable(chunk.valid()));
        for byte in chunk.invalid() {
            escape(&mut shown, format_args!("\\x{byte:02x}"));
        }
    }
    Cow::Owned(shown)
}

/// Without the formatting codes of IRC (modern.ircdocs.horse/formatting), for terminals that know none of them.
pub fn strip_irc_formatting(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(is_formatting) {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let after = &rest[letter.len_utf8()..];
        rest = match letter {
            '\x03' => skip_colour(after, 2, u8::is_ascii_digit),
            '\x04' => skip_colour(after, 6, u8::is_ascii_hexdigit),
            letter if letter.is_ascii() && is_formatting(letter as u8) => after,
            letter => {
                kept.push(letter);
                after
            }
        };
    }
    Cow::Owned(kept)
}

fn escape(shown: &mut String, escaped: std::fmt::Arguments<'_>) {
    shown.write_fmt(escaped).expect("writing to a string cannot fail");
}

fn is_formatting(byte: u8) -> bool {
    matches!(byte, 0x02 | 0x03 | 0x04 | 0x0f | 0x11 | 0x16 | 0x1d | 0x1e | 0x1f)
}

/// A colour is up to `digits` digits, and after a comma as many again; the comma stays if no digit follows.
fn skip_colour(text: &str, digits: usize, is_digit: fn(&u8) -> bool) -> &str {
    let count = |text: &str| text.bytes().take(digits).take_while(is_digit).count();
    let foreground = count(text);
    let after = &text[foreground..];
    match after.strip_prefix(',') {
        Some(background) if foreground > 0 && count(background) > 0 => &background[count(background)..],
        _ => after,
    }
}

/// Whether this letter could do more to a terminal than be shown: controls (C0, DEL, C1), ends of lines and paragraphs,
/// bidirectional controls, and what is not seen. Whoever has an escape of its own for them, such as JSON's, asks this.
pub fn is_dangerous(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{180e}'
            // Not the joiners between: Persian, Indic scripts and emoji need them, and they move nothing.
            | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_a_cursor_or_turns_text_is_made_visible() {
        for (given, expected) in [
            ("plain, Олена, 日本, 👩‍🚀", "plain, Олена, 日本, 👩‍🚀"),
            ("\x1b[2J", "\\x1b[2J"),
            ("a\rb\nc\td", "a\\x0db\\x0ac\\x09d"),
            ("\0\u{7}\u{7f}", "\\x00\\x07\\x7f"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{202e}evil\u{2066}", "\\u{202e}evil\\u{2066}"),
            ("a\u{85}b\u{2028}c\u{2029}d\u{feff}", "a\\u{85}b\\u{2028}c\\u{2029}d\\u{feff}"),
        ] {
            assert_eq!(printable(given), expected);
        }
        assert_eq!(printable_bytes(b"a\xffb\x1b"), "a\\xffb\\x1b");
    }

    #[test]
    fn the_colours_of_irc_are_taken_out() {
        for (given, expected) in [
            ("plain", "plain"),
            ("\u{2}bold\u{2}", "bold"),
            ("\u{3}4red\u{3}", "red"),
            ("\u{3}04,12red", "red"),
            ("\u{3}123", "3"),
            ("\u{3}4, red", ", red"),
            ("\u{3},4", ",4"),
            ("\u{4}ff0000x\u{f}", "x"),
            ("\u{1d}i\u{1f}u\u{1e}s\u{11}m\u{16}r", "iusmr"),
        ] {
            assert_eq!(strip_irc_formatting(given), expected, "{given:?}");
        }
    }
}
