//! The bar: how far a scan is, in one line that fits its terminal. Pure.

use std::time::Duration;

use throng_client::figures::sheet::number;
use throng_scan::event::Progress;

/// The longest bar between its brackets, and the shortest that says anything.
const LENGTH_MAX: usize = 40;
const LENGTH_MIN: usize = 8;

/// From so many columns on there is a bar, whatever else has no room then.
const BAR_FROM: usize = 36;

/// A bar's brackets, and the space behind them.
const AROUND: usize = 3;

/// Beyond this nobody waits, and nobody knows.
const LEFT_MAX: Duration = Duration::from_secs(100 * 3600);

/// The line, at most so many columns; `colour` is the terminal's own green for what is done.
pub fn line(progress: &Progress, columns: usize, colour: bool) -> String {
    let percent = percent(progress);
    let done = format!("{} of {} ports", number(progress.done as f64), number(progress.of as f64));
    let open = format!("{} open", number(progress.open as f64));
    let rate = format!("{}/s", number(progress.rate));
    let left = progress.left.filter(|left| *left < LEFT_MAX).map(|left| format!("{} left", clock(left)));
    let percents = format!("{percent:>2} %");
    // What matters less goes first, where there is no room.
    let kept = if columns < BAR_FROM { 0 } else { LENGTH_MIN + AROUND };
    let mut parts = vec![percents];
    for part in [Some(open), left, Some(done), Some(rate)].into_iter().flatten() {
        let more = parts.iter().map(|part| part.chars().count() + 2).sum::<usize>() + part.chars().count();
        if more + kept > columns {
            break;
        }
        parts.push(part);
    }
    let text = parts.join("  ");
    let room = columns.saturating_sub(text.chars().count() + AROUND).min(LENGTH_MAX);
    if room < LENGTH_MIN {
        return text.chars().take(columns).collect();
    }
    let filled = room * percent / 100;
    let (green, plain) = if colour { ("\x1b[32m", "\x1b[39m") } else { ("", "") };
    format!("[{green}{}{plain}{}] {text}", "#".repeat(filled), ".".repeat(room - filled))
}

/// How much is done, of a hundred; never all of it, since a bar is only there before the end.
fn percent(progress: &Progress) -> usize {
    let done = u128::from(progress.done) * 100 / u128::from(progress.of.max(1));
    usize::try_from(done).unwrap_or(99).min(99)
}

/// Such as `0:07`, `12:34` or `1:02:03`.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn half() -> Progress {
        Progress {
            done: 32_767,
            of: 65_535,
            open: 12,
            rate: 81_220.4,
            left: Some(Duration::from_millis(6400)),
            ..Progress::default()
        }
    }

    #[test]
    fn what_matters_less_goes_where_there_is_no_room() {
        for (columns, expected) in [
            (
                120,
                "[###################.....................] 49 %  12 open  0:07 left  32,767 of 65,535 ports  81,220/s",
            ),
            (79, "[########..........] 49 %  12 open  0:07 left  32,767 of 65,535 ports  81,220/s"),
            (60, "[####.....] 49 %  12 open  0:07 left  32,767 of 65,535 ports"),
            (40, "[######.......] 49 %  12 open  0:07 left"),
            (36, "[####.....] 49 %  12 open  0:07 left"),
            (35, "[###.....] 49 %  12 open  0:07 left"),
            (34, "49 %  12 open  0:07 left"),
            (30, "49 %  12 open  0:07 left"),
            (20, "49 %  12 open"),
            (10, "49 %"),
            (4, "49 %"),
            (2, "49"),
            (0, ""),
        ] {
            let shown = line(&half(), columns, false);
            assert!(shown.chars().count() <= columns, "{columns}: {shown}");
            assert_eq!(shown, expected, "{columns}");
        }
        assert!(line(&half(), 120, true).starts_with("[\x1b[32m###################\x1b[39m....."));
        assert!(!line(&half(), 120, false).contains('\x1b'));
    }

    #[test]
    fn it_is_never_at_its_end_and_never_falls() {
        for (done, of, expected) in [
            (0, 65_535, " 0 %"),
            (65_534, 65_535, "99 %"),
            (65_535, 65_535, "99 %"),
            (0, 0, " 0 %"),
            (u64::MAX, u64::MAX, "99 %"),
            (5, 1, "99 %"),
        ] {
            let shown =
                line(&Progress { done, of, left: Some(Duration::MAX), ..Progress::default() }, 20, false);
            assert!(shown.contains(expected), "{done} of {of}: {shown}");
        }
        assert_eq!(clock(Duration::from_secs(3723)), "1:02:03");
        let strange = Progress { rate: f64::NAN, left: Some(Duration::MAX), ..half() };
        assert!(!line(&strange, 200, false).contains("left"));
    }
}
