//! What is seen while a load goes on, and how it is ended before its time.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use throng_client::figures::sheet::{number, tenths};
use throng_client::load::outcome::{Moment, Observer};

use crate::interrupt;
use crate::screen::Screen;
use crate::units::shown;

/// How long the last line may take to be printed.
const SETTLE_MAX: Duration = Duration::from_secs(1);

/// Who watches a load.
pub struct Live {
    /// Where lines are shown, if a person reads them.
    screen: Option<Arc<Screen>>,
    interrupted: Arc<AtomicBool>,
}

impl Live {
    /// Shows a line a second, if standard error is a terminal. Ctrl-C and SIGTERM end the load from now on; a second one ends
    /// the program.
    pub fn begin() -> Live {
        let interrupted = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&interrupted);
        interrupt::hear(move || told.store(true, Ordering::Relaxed), || ());
        Live { screen: std::io::stderr().is_terminal().then(Screen::start), interrupted }
    }

    /// Waits until everything is shown.
    pub fn end(self) {
        if let Some(screen) = self.screen {
            screen.settle(SETTLE_MAX);
        }
    }
}

impl Observer for Live {
    fn tell(&mut self, moment: &Moment) {
        if let Some(screen) = &self.screen {
            screen.say(&line(moment));
        }
    }

    fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}

fn line(moment: &Moment) -> String {
    let (here, asked) = (number(moment.here as f64), number(moment.asked as f64));
    let Some(since) = moment.since else {
        return format!("  coming  {here} of {asked} here, {} errors", moment.errors);
    };
    format!(
        "{:>6.0} s  {here} of {asked} here, {}/s, {} MB/s, p50 {}, p99 {}, max {}, {} errors",
        since.as_secs_f64(),
        number(moment.per_s),
        tenths(moment.bytes_per_s / 1e6),
        shown(moment.p50),
        shown(moment.p99),
        shown(moment.longest),
        moment.errors
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_the_last_second() {
        let moment = Moment {
            since: Some(Duration::from_millis(2990)),
            here: 998,
            asked: 1000,
            per_s: 123_456.0,
            bytes_per_s: 7.9e6,
            p50: Duration::from_micros(81),
            p99: Duration::from_micros(1234),
            longest: Duration::from_millis(20),
            errors: 2,
        };
        let expected = "     3 s  998 of 1,000 here, 123,456/s, 7.9 MB/s, p50 81.0 µs, p99 1.23 ms, max 20.0 ms, 2 errors";
        assert_eq!(line(&moment), expected);
        assert_eq!(line(&Moment { since: None, ..moment }), "  coming  998 of 1,000 here, 2 errors");
    }
}
