//! How values are written, and read: numbers, times, sizes, rates, lists. What is shown is what may be written. Pure.

use std::str::FromStr;
use std::time::Duration;

use throng_server::Rate;
use throng_store::past::Keep;

/// What stands for "by rule".
pub const AUTO: &str = "auto";

/// What stands for "not at all".
pub const OFF: &str = "off";

/// The shortest and the longest age up to which history is kept: less would take away what people are just reading.
const KEEP_AGE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(100 * 366 * 86_400));

/// The smallest and the largest size.
const KEEP_BYTES: (u64, u64) = (1 << 10, 1 << 50);

/// As many elements as a list may have.
pub const LIST_MAX: usize = 256;

const SECOND: u64 = 1_000;
const TIMES: [(&str, u64); 5] =
    [("d", 86_400 * SECOND), ("h", 3_600 * SECOND), ("m", 60 * SECOND), ("s", SECOND), ("ms", 1)];
const SIZES: [(&str, u64); 5] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// A whole number within these bounds.
pub fn number<T: TryFrom<u64>>(text: &str, least: u64, most: u64) -> Result<T, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let signed = digits || text.strip_prefix('-').is_some_and(|rest| rest.parse::<u64>().is_ok());
    if !signed {
        return Err("expected a whole number".to_owned());
    }
    let within = text.parse::<u64>().ok().filter(|number| (least..=most).contains(number));
    within
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| format!("out of range: from {least} to {most}"))
}

/// Such as `500ms`, `10s`, `1m 30s`, `30d`, within these bounds.
pub fn time(text: &str, least: Duration, most: Duration) -> Result<Duration, String> {
    let wrong = || "expected a time such as 10s, 5m, 1h or 30d".to_owned();
    let millis = sum(text, &TIMES).ok_or_else(wrong)?;
    let time = Duration::from_millis(millis);
    match (least..=most).contains(&time) {
        true => Ok(time),
        false => Err(format!("out of range: from {} to {}", shown_time(least), shown_time(most))),
    }
}

/// Such as `512B`, `64KiB`, `16MiB`, within these bounds.
pub fn size(text: &str, least: u64, most: u64) -> Result<u64, String> {
    let wrong = || "expected a size such as 64KiB, 16MiB or 1GiB".to_owned();
    let bytes = sum(text, &SIZES).ok_or_else(wrong)?;
    match (least..=most).contains(&bytes) {
        true => Ok(bytes),
        false => Err(format!("out of range: from {} to {}", shown_size(least), shown_size(most))),
    }
}

/// Such as `30/1m`, or `5/s`.
pub fn rate(text: &str) -> Result<Rate, String> {
    let wrong = || "expected a rate such as 30/1m or 5/s".to_owned();
    let (count, per) = text.split_once('/').ok_or_else(wrong)?;
    let per = if per.starts_with(|first: char| first.is_ascii_digit()) {
        per.to_owned()
    } else {
        format!("1{per}")
    };
    let per = time(&per, Duration::from_secs(1), Duration::from_secs(86_400))
        .map_err(|why| if why.starts_with("out") { why } else { wrong() })?;
    Ok(Rate { count: number(count, 1, 1_000_000)?, per })
}

/// Such as `90d`, or `2GiB`, or `off` for all of it: how much history is kept.
pub fn keep(text: &str) -> Result<Keep, String> {
    if text == OFF {
        return Ok(Keep::All);
    }
    let out_of_range = |why: String| why.starts_with("out of range").then_some(why);
    let size = match time(text, KEEP_AGE.0, KEEP_AGE.1) {
        Ok(age) => return Ok(Keep::Age(age)),
        Err(why) => out_of_range(why).map_or_else(|| size(text, KEEP_BYTES.0, KEEP_BYTES.1), Err),
    };
    size.map(Keep::Size).map_err(|why| {
        let wrong = || "expected an age such as 90d, or a size such as 500MiB or 2GiB".to_owned();
        format!("{}, or {OFF}", out_of_range(why).unwrap_or_else(wrong))
    })
}

/// `true` or `false`, in the words that people use for it.
pub fn yes(text: &str) -> Result<bool, String> {
    match text {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err("expected true or false".to_owned()),
    }
}

/// A value, or this word in its place.
pub fn unless<T>(
    word: &str,
    text: &str,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>, String> {
    if text == word {
        return Ok(None);
    }
    read(text).map(Some).map_err(|why| format!("{why}, or {word}"))
}

/// A list, or this word when it is empty.
pub fn list<T: FromStr>(word: &str, text: &str, wrong: impl Fn(T::Err) -> String) -> Result<Vec<T>, String> {
    if text == word {
        return Ok(Vec::new());
    }
    let elements = text.split(',').map(|element| element.trim().parse().map_err(&wrong));
    let elements = elements.collect::<Result<Vec<T>, String>>()?;
    match elements.len() {
        0..=LIST_MAX => Ok(elements),
        _ => Err(format!("at most {LIST_MAX} of them")),
    }
}

/// As it is written; a whole number of the largest unit that fits.
pub fn shown_time(time: Duration) -> String {
    shown(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), &TIMES, "0s")
}

/// As it is written.
pub fn shown_size(bytes: u64) -> String {
    shown(bytes, &SIZES, "0B")
}

/// As it is written.
pub fn shown_keep(keep: Keep) -> String {
    match keep {
        Keep::All => OFF.to_owned(),
        Keep::Age(age) => shown_time(age),
        Keep::Size(bytes) => shown_size(bytes),
    }
}

/// As it is written.
pub fn shown_rate(rate: Rate) -> String {
    format!("{}/{}", rate.count, shown_time(rate.per))
}

/// As it is written, or the word for none.
pub fn shown_list<T: ToString>(word: &str, list: &[T]) -> String {
    match list {
        [] => word.to_owned(),
        list => list.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
    }
}

fn shown(amount: u64, units: &[(&str, u64)], none: &str) -> String {
    let unit = units.iter().find(|(_, each)| amount > 0 && amount.is_multiple_of(*each));
    unit.map_or(none.to_owned(), |(unit, each)| format!("{}{unit}", amount / each))
}

/// The sum of numbers with units: the larger unit first, none twice.
fn sum(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (mut rest, mut sum, mut last) = (text, 0_u64, u64::MAX);
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|letter: char| !letter.is_ascii_digit())?);
        let (unit, after) =
            after.split_at(after.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(after.len()));
        let (_, each) = units.iter().find(|(name, _)| *name == unit)?;
        if *each >= last {
            return None;
        }
        last = *each;
        sum = sum.checked_add(number.parse::<u64>().ok()?.checked_mul(*each)?)?;
        rest = after.trim_start_matches(' ');
    }
    (!text.is_empty()).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_shown_in_the_largest_unit_that_fits() {
        for (given, expected) in [
            ("10s", Some("10s")),
            ("90s", Some("90s")),
            ("1m 30s", Some("90s")),
            ("1h30m", Some("90m")),
            ("60m", Some("1h")),
            ("30d", Some("30d")),
            ("1500ms", Some("1500ms")),
            ("0s", Some("0s")),
            ("10", None),
            ("", None),
            ("s", None),
            ("-1s", None),
            ("1.5s", None),
            ("1s 1m", None),
            ("1s 1s", None),
            (" 1s", None),
            ("99999999999999999999s", None),
            ("9999999999999999d", None),
            ("366d", None),
            ("1µs", None),
        ] {
            let read = time(given, Duration::ZERO, Duration::from_secs(365 * 86_400));
            assert_eq!(read.ok().map(shown_time).as_deref(), expected, "{given:?}");
        }
    }

    #[test]
    fn sizes_rates_and_numbers_are_read_within_their_bounds() {
        for (given, expected) in [
            ("64KiB", Some("64KiB")),
            ("1024KiB", Some("1MiB")),
            ("1GiB", Some("1GiB")),
            ("1000B", Some("1000B")),
            ("1000", None),
            ("1MB", None),
            ("2GiB", None),
            ("0B", None),
        ] {
            assert_eq!(size(given, 1, 1 << 30).ok().map(shown_size).as_deref(), expected, "{given:?}");
        }
        for (given, expected) in [
            ("30/1m", Some("30/1m")),
            ("5/s", Some("5/1s")),
            ("5", None),
            ("0/s", None),
            ("5/", None),
            ("5/x", None),
            ("5/2d", None),
        ] {
            assert_eq!(rate(given).ok().map(shown_rate).as_deref(), expected, "{given:?}");
        }
        for (given, expected) in
            [("1", Some(1_u8)), ("9", Some(9)), ("0", None), ("10", None), ("+5", None), ("-1", None)]
        {
            assert_eq!(number::<u8>(given, 1, 9).ok(), expected, "{given:?}");
        }
        assert_eq!(number::<u8>("300", 1, 999), Err("out of range: from 1 to 999".to_owned()));
        assert_eq!(number::<u8>("-5", 1, 9), Err("out of range: from 1 to 9".to_owned()));
    }

    #[test]
    fn how_much_is_kept_is_an_age_or_a_size() {
        for (given, expected) in [
            ("off", Ok("off")),
            ("90d", Ok("90d")),
            ("36h", Ok("36h")),
            ("2GiB", Ok("2GiB")),
            ("500MiB", Ok("500MiB")),
            ("1s", Err("out of range: from 1m to 36600d, or off")),
            ("1B", Err("out of range: from 1KiB to 1024TiB, or off")),
            ("90", Err("expected an age such as 90d, or a size such as 500MiB or 2GiB, or off")),
            ("2GB", Err("expected an age such as 90d, or a size such as 500MiB or 2GiB, or off")),
            ("", Err("expected an age such as 90d, or a size such as 500MiB or 2GiB, or off")),
            ("all", Err("expected an age such as 90d, or a size such as 500MiB or 2GiB, or off")),
        ] {
            let read = keep(given).map(shown_keep);
            assert_eq!(read.as_deref().map_err(String::as_str), expected, "{given:?}");
        }
    }

    #[test]
    fn a_list_is_bounded_and_has_a_word_for_none() {
        let read = |text: &str| list::<u16>(OFF, text, |_| "expected a number".to_owned());
        assert_eq!(read("1, 2"), Ok(vec![1, 2]));
        assert_eq!(read("off"), Ok(vec![]));
        assert!(read("1,").is_err() && read("").is_err());
        assert!(read(&vec!["1"; LIST_MAX].join(",")).is_ok());
        assert!(read(&vec!["1"; LIST_MAX + 1].join(",")).is_err());
    }
}
