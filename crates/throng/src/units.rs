//! Times, sizes and rates as people type and read them. Pure.

use std::time::Duration;

/// The longest time that may be asked for.
const DURATION_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// The largest size that may be asked for.
const BYTES_MAX: usize = 16 << 20;

/// The highest rate that may be asked for; no event loop sends more.
const RATE_MAX: f64 = 1e8;

/// Such as `500ms`, `1.5s` or `2m`. A number alone is none: seconds and milliseconds are too easily mistaken.
pub fn duration(typed: &str) -> Result<Duration, String> {
    let (number, unit) = split(typed)?;
    let seconds = match unit {
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "" => return Err("a time has a unit, such as 500ms, 10s or 2m".to_owned()),
        _ => return Err("the units of time are us, ms, s, m and h".to_owned()),
    };
    match Duration::try_from_secs_f64(number * seconds) {
        Ok(duration) if duration <= DURATION_MAX => Ok(duration),
        _ => Err("a time is at most 168h".to_owned()),
    }
}

/// Such as `64`, `4k` or `1M`, in powers of 1024.
pub fn bytes(typed: &str) -> Result<usize, String> {
    let (number, unit) = split(typed)?;
    let factor = match unit {
        "" | "B" => 1.0,
        "k" | "K" | "KiB" => 1024.0,
        "M" | "MiB" => 1024.0 * 1024.0,
        _ => return Err("the units of size are k and M, of 1024 and 1024² bytes".to_owned()),
    };
    let bytes = number * factor;
    if bytes < 1.0 || bytes.fract() != 0.0 || bytes > BYTES_MAX as f64 {
        return Err("a size is a whole number of bytes, from 1 to 16M".to_owned());
    }
    Ok(bytes as usize)
}

/// Such as `5000` or `20k`, a second.
pub fn rate(typed: &str) -> Result<f64, String> {
    let (number, unit) = split(typed)?;
    let factor = match unit {
        "" | "/s" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        _ => return Err("a rate is a number, which k or M may follow".to_owned()),
    };
    let rate = number * factor;
    if rate > 0.0 && rate <= RATE_MAX {
        Ok(rate)
    } else {
        Err("a rate is above 0 and at most 100M".to_owned())
    }
}

/// A number that is not below zero, and what follows it.
pub fn split(typed: &str) -> Result<(f64, &str), String> {
    let end = typed.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(typed.len());
    let (number, unit) = typed.split_at(end);
    let number: f64 = number.parse().map_err(|_| "this does not begin with a number".to_owned())?;
    Ok((number, unit))
}

/// A time with three digits.
pub fn shown(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let three = |value: f64, unit: &str| {
        let digits = if value >= 100.0 {
            0
        } else if value >= 10.0 {
            1
        } else {
            2
        };
        format!("{value:.digits$} {unit}")
    };
    // Where three digits would round to a thousand, the next unit is due.
    if time.is_zero() {
        "0".to_owned()
    } else if seconds < 0.000_999_5 {
        three(seconds * 1e6, "µs")
    } else if seconds < 0.9995 {
        three(seconds * 1e3, "ms")
    } else {
        three(seconds, "s")
    }
}

/// A moment, given in milliseconds since 1970-01-01 UTC, for programs: ISO 8601, in UTC.
pub fn iso(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default().to_string()
}

/// A size with three digits, in powers of 1024.
pub fn shown_bytes(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in units {
        if value < 1000.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    match unit {
        "B" => format!("{bytes} B"),
        _ if value >= 100.0 => format!("{value:.0} {unit}"),
        _ if value >= 10.0 => format!("{value:.1} {unit}"),
        _ => format!("{value:.2} {unit}"),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_unit() {
        for (typed, micros) in [
            ("100us", Some(100)),
            ("5ms", Some(5000)),
            ("1.5s", Some(1_500_000)),
            ("2m", Some(120_000_000)),
            ("168h", Some(604_800_000_000)),
            ("0s", Some(0)),
            ("10", None),
            ("169h", None),
            ("s", None),
            ("", None),
            ("-1s", None),
            ("1.2.3s", None),
            ("1 s", None),
            ("1e300s", None),
            ("99999999999999999999999999h", None),
        ] {
            assert_eq!(duration(typed).ok().map(|time| time.as_micros()), micros, "{typed:?}");
        }
    }

    #[test]
    fn sizes_and_rates_are_read_within_their_bounds() {
        for (typed, expected) in [
            ("1", Some(1)),
            ("64", Some(64)),
            ("4k", Some(4096)),
            ("1.5k", Some(1536)),
            ("16M", Some(16 << 20)),
            ("0", None),
            ("0.3", None),
            ("17M", None),
            ("4G", None),
            ("k", None),
        ] {
            assert_eq!(bytes(typed).ok(), expected, "{typed:?}");
        }
        for (typed, expected) in [
            ("5000", Some(5000.0)),
            ("20k", Some(20_000.0)),
            ("0.5", Some(0.5)),
            ("0", None),
            ("x", None),
            ("1G", None),
        ] {
            assert_eq!(rate(typed).ok(), expected, "{typed:?}");
        }
    }

    #[test]
    fn times_are_shown_with_three_digits() {
        for (nanos, expected) in [
            (0, "0"),
            (412, "0.41 µs"),
            (41_200, "41.2 µs"),
            (999_400, "999 µs"),
            (999_600, "1.00 ms"),
            (12_345_678, "12.3 ms"),
            (999_600_000, "1.00 s"),
            (123_400_000_000, "123 s"),
        ] {
            assert_eq!(shown(Duration::from_nanos(nanos)), expected);
        }
    }

    #[test]
    fn a_moment_is_written_for_programs() {
        for (at_ms, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_795_132_800_123, "2026-11-20T00:00:00.123Z"),
            (i64::MAX, "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(iso(at_ms), expected);
        }
    }

    #[test]
    fn a_size_has_three_digits() {
        for (bytes, expected) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "0.98 KiB"),
            (2048, "2.00 KiB"),
            (62_464, "61.0 KiB"),
            (64 << 20, "64.0 MiB"),
            (u64::MAX, "16777216 TiB"),
        ] {
            assert_eq!(shown_bytes(bytes), expected);
        }
    }
}
