//! How a time is shown to people.

use jiff::tz::TimeZone;
use throng_chat::Time;

/// `19:02`, or with its date when that is not today's: `2026-11-20 19:02`.
pub fn shown(at: Time, now: Time, zone: &TimeZone) -> String {
    let zoned =
        |time: Time| jiff::Timestamp::from_millisecond(time.0).unwrap_or_default().to_zoned(zone.clone());
    let (at, now) = (zoned(at), zoned(now));
    let pattern = if at.date() == now.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    at.strftime(pattern).to_string()
}
