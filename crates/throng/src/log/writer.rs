//! The thread that writes. It gives each event its number, so numbers grow by one in the order of the files; what is in the
//! files goes to those who look and follow after it was written.

use std::io;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::Cleared;
use super::desk::{Clearing, Desk, Told};
use super::event::Event;
use super::files::{Files, Size};
use super::json;
use super::kept::{KEPT_MAX, Kept};
use super::past::{Past, TORN};
use super::segments::{Bounds, CLEARED, Segments};
use super::sight::Sight;
use crate::screen::Screen;

/// So much is written at once, and a line more: a burst of long events must not become one piece of text.
const PIECE_BYTES: usize = 1 << 20;

/// Its parts.
pub struct Writer {
    files: Option<Arc<Files>>,
    /// The files, open, or why they could not be opened. Nothing where the log is in memory alone.
    segments: Option<Result<Segments, String>>,
    /// The last write failed, and that was said.
    is_failing: bool,
    kept: Arc<Kept>,
    sight: Sight,
    screen: Arc<Screen>,
    zone: TimeZone,
    /// The number of the next event.
    next: u64,
    /// Not written yet, and the same as lines.
    fresh: Vec<Arc<Event>>,
    lines: String,
}

impl Writer {
    /// Of a log in these files, or in memory alone.
    pub fn new(
        files: Option<Arc<Files>>,
        kept: Arc<Kept>,
        sight: Sight,
        screen: Arc<Screen>,
        zone: TimeZone,
    ) -> Writer {
        let (segments, is_failing, next) = (None, false, 1);
        let (fresh, lines) = (Vec::new(), String::new());
        Writer { files, segments, is_failing, kept, sight, screen, zone, next, fresh, lines }
    }

    /// Goes on with what the files have, and writes what comes to the desk until nothing more can come.
    pub fn write_all(mut self, bounds: Bounds, desk: &Desk) {
        if let Some(files) = self.files.clone() {
            self.begin(&files, bounds);
        }
        while let Some(taken) = desk.take() {
            for told in taken.told {
                match told {
                    Told::Event(event) => self.keep(event),
                    Told::Clear(clearing) => self.clear(clearing),
                }
            }
            if taken.dropped > 0 {
                self.keep(Event::warn("log.dropped").count("n", taken.dropped));
            }
            self.write();
            // Who waited may have lost patience.
            for told in taken.settling {
                let _ = told.try_send(());
            }
        }
        self.kept.close();
    }

    /// Opens the files, and reads back what earlier runs left in them.
    fn begin(&mut self, files: &Arc<Files>, bounds: Bounds) {
        let segments = Segments::open(Arc::clone(files), bounds);
        if let Err(why) = &segments {
            self.fail(why);
        }
        self.segments = Some(segments.map_err(|why| why.to_string()));
        let Ok(opened) = files.open() else { return };
        let mut past = Past::new(opened, bounds.total());
        let mut events: Vec<_> = past.by_ref().take(KEPT_MAX).map(Arc::new).collect();
        self.next = events.iter().map(|event| event.seq + 1).max().unwrap_or(1);
        let has_older = events.len() == KEPT_MAX || past.is_cut();
        events.reverse();
        self.kept.fill(events, has_older);
        for torn in past.torn() {
            self.keep(Event::warn(TORN).with("file", torn.file).count("lines", torn.lines));
        }
        self.write();
    }

    /// Takes an event, which is written with those after it.
    fn keep(&mut self, event: Event) {
        let event = Event { seq: self.next, ..event };
        self.next += 1;
        json::write(&event, &mut self.lines);
        self.lines.push('\n');
        self.say(&event);
        self.fresh.push(Arc::new(event));
        if self.lines.len() >= PIECE_BYTES {
            self.write();
        }
    }

    fn say(&self, event: &Event) {
        if self.sight.shows(event) {
            self.screen.say(&event.text(&self.zone));
        }
    }

    fn write(&mut self) {
        if let Some(Ok(segments)) = &mut self.segments {
            match segments.write(&self.lines) {
                Ok(()) => self.is_failing = false,
                Err(why) => self.fail(&why),
            }
        }
        self.lines.clear();
        self.kept.publish(&mut self.fresh, &self.zone);
    }

    /// Said once, until a write succeeds again: a full disk fails each time.
    fn fail(&mut self, why: &io::Error) {
        if !self.is_failing {
            self.is_failing = true;
            let event = Event::warn("log.failed").with("why", why);
            self.screen.say(&event.text(&self.zone));
        }
    }

    fn clear(&mut self, Clearing { by, answer }: Clearing) {
        self.write();
        let cleared = self.try_clear(&by);
        // Who waited may have lost patience.
        let _ = answer.try_send(cleared);
    }

    /// Clears what is written, and tells of it in the first event after that.
    fn try_clear(&mut self, by: &str) -> io::Result<Cleared> {
        if let Some(Err(why)) = &self.segments {
            return Err(io::Error::other(format!(
                "the files of the log could not be opened at the start: {why}"
            )));
        }
        let Size { events, bytes, .. } = size(self.files.as_deref(), &self.kept)?;
        let event = Event { seq: self.next, ..Event::info(CLEARED) }.with("by", by);
        let event = match events {
            Some(events) => event.count("events", events),
            None => event,
        };
        let event = event.count("bytes", bytes);
        let old = match &mut self.segments {
            Some(Ok(segments)) => segments.clear(&format!("{}\n", event.json()))?,
            _ => Ok(()),
        };
        self.next += 1;
        self.kept.clear();
        self.say(&event);
        self.kept.publish(&mut vec![Arc::new(event)], &self.zone);
        old.map_err(|why| {
            io::Error::other(format!("nobody is shown the old log any more, but its files are there: {why}"))
        })?;
        Ok(Cleared { events, bytes })
    }
}

/// How large the log is: on the disk, or where it has no files, in memory.
pub fn size(files: Option<&Files>, kept: &Kept) -> io::Result<Size> {
    match files {
        Some(files) => files.size(),
        None => Ok(Size { events: Some(kept.count() as u64), bytes: 0, files: 0 }),
    }
}
