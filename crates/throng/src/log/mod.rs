//! The event log: who came and went, what was refused, what the server did. Bounded in memory and on the disk.
//!
//! Whoever has something to tell hands an event over and goes on at once; one thread writes it to the files
//! ([`segments`]), keeps it for `logs show`, and says it on the screen when it is for people to see there. When that
//! thread cannot keep up, events are dropped and counted, and one event tells how many.

pub mod event;
pub mod segments;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;

pub use event::{Event, Level};
use segments::{Bounds, Segments};

use crate::screen::Screen;

/// Events that may wait for the writer: a burst of everybody leaving at once fits. About 4 MiB at most.
const WAITING_MAX: usize = 16 * 1024;

/// Events kept for `logs show`.
const KEPT_MAX: usize = 10_000;

/// How long the writer lets events gather. A busy chat has thousands a second, and to wake a thread for each would cost
/// the server more than all else about the log.
const GATHER: Duration = Duration::from_millis(50);

/// What of the log people see on the screen while the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// An operator sits at the prompt: what the server does and what is wrong. A busy chat must not flood them.
    Prompt,
    /// Somebody else shows what clients do: all the rest.
    Watched,
    /// The lines are all there is to see: everything but what happens at each message.
    Lines,
}

impl Sight {
    fn shows(self, event: &Event) -> bool {
        let per_message = ["client.said", "client.whispered"].contains(&event.kind);
        match self {
            _ if event.level > Level::Info => true,
            Sight::Lines => !per_message,
            Sight::Watched => !event.kind.starts_with("client."),
            // The banner says what `server.ready` says, and the last line what `server.drained` says.
            Sight::Prompt => match event.kind {
                "server.ready" | "server.draining" | "server.drained" => false,
                "client.kicked" => true,
                kind => kind.starts_with("server.") || kind.starts_with("store."),
            },
        }
    }
}

/// What waits for the writer.
#[derive(Default)]
struct Waiting {
    events: Vec<Event>,
    /// Events that found no place.
    dropped: u64,
    /// Who wants to know when everything told so far is written; they do not wait for more to gather.
    settling: Vec<SyncSender<()>>,
    /// Nobody tells anything any more.
    closed: bool,
}

/// The place between those who tell and the one who writes. Held only to append and to take.
#[derive(Default)]
struct Desk {
    waiting: Mutex<Waiting>,
    /// Told when the first event comes after a pause, and when somebody settles.
    filled: Condvar,
}

/// Where events are told. Shared by all who have something to tell.
pub struct Log {
    /// Written by all, emptied by the writer. When full: events are dropped and counted.
    desk: Arc<Desk>,
    /// Written by the writer, read by `logs show`.
    kept: Arc<Mutex<VecDeque<Event>>>,
    /// Events that found no place, since the start.
    dropped: AtomicU64,
}

impl Log {
    /// Opens the log in this folder, or in memory alone. When its files cannot be written, it says so once and goes on
    /// without them.
    pub fn open(folder: Option<&Path>, bounds: Bounds, sight: Sight, screen: Arc<Screen>) -> Arc<Log> {
        let segments = folder.map(|folder| Segments::open(folder, bounds)).transpose();
        let (desk, kept) = (Arc::<Desk>::default(), Arc::<Mutex<VecDeque<Event>>>::default());
        let mut writer = Writer {
            segments: None,
            failing: false,
            kept: Arc::clone(&kept),
            sight,
            screen,
            zone: TimeZone::system(),
            lines: String::new(),
        };
        match segments {
            Ok(segments) => writer.segments = segments,
            Err(why) => writer.fail(&why),
        }
        std::thread::Builder::new()
            .name("throng-log".to_owned())
            .spawn({
                let desk = Arc::clone(&desk);
                move || writer.write_all(&desk)
            })
            .expect("a process that just began may have one more thread");
        Arc::new(Log { desk, kept, dropped: AtomicU64::new(0) })
    }

    /// Takes an event. Never waits for the writer.
    pub fn tell(&self, event: Event) {
        let mut waiting = self.desk.lock();
        if waiting.events.len() >= WAITING_MAX {
            waiting.dropped += 1;
            self.dropped.fetch_add(1, Relaxed);
            return;
        }
        waiting.events.push(event);
        if waiting.events.len() == 1 {
            self.desk.filled.notify_one();
        }
    }

    /// Events that found no place, since the start.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// Waits until everything told so far is written and said, at most for so long.
    pub fn settle(&self, patience: Duration) {
        let (told, settled) = sync_channel(1);
        self.desk.lock().settling.push(told);
        self.desk.filled.notify_one();
        let _ = settled.recv_timeout(patience);
    }

    /// The last events, oldest first.
    pub fn last(&self, count: usize) -> Vec<Event> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().skip(kept.len().saturating_sub(count)).cloned().collect()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.desk.lock().closed = true;
        self.desk.filled.notify_one();
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Whoever panicked with it had appended an event or not; both are whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that waits, once there is something and it had time to gather. Nothing when nobody tells any more.
    fn take(&self) -> Option<Waiting> {
        let is_idle = |waiting: &mut Waiting| {
            waiting.events.is_empty() && waiting.settling.is_empty() && !waiting.closed
        };
        let waiting = self.filled.wait_while(self.lock(), is_idle).unwrap_or_else(PoisonError::into_inner);
        let may_gather = |waiting: &mut Waiting| {
            waiting.settling.is_empty() && !waiting.closed && waiting.events.len() < WAITING_MAX / 2
        };
        let gathered = self.filled.wait_timeout_while(waiting, GATHER, may_gather);
        let mut waiting = gathered.unwrap_or_else(PoisonError::into_inner).0;
        let closed = waiting.closed;
        let taken = std::mem::replace(&mut *waiting, Waiting { closed, ..Waiting::default() });
        (!taken.closed || !taken.events.is_empty() || !taken.settling.is_empty()).then_some(taken)
    }
}

/// The thread that writes.
struct Writer {
    segments: Option<Segments>,
    /// The last write failed, and that was said.
    failing: bool,
    kept: Arc<Mutex<VecDeque<Event>>>,
    sight: Sight,
    screen: Arc<Screen>,
    zone: TimeZone,
    lines: String,
}

impl Writer {
    fn write_all(mut self, desk: &Desk) {
        while let Some(taken) = desk.take() {
            taken.events.into_iter().for_each(|event| self.keep(event));
            if taken.dropped > 0 {
                self.keep(Event::warn("log.dropped").count("n", taken.dropped));
            }
            self.write();
            // Who waited may have lost patience.
            for told in taken.settling {
                let _ = told.try_send(());
            }
        }
    }

    fn keep(&mut self, event: Event) {
        self.lines.push_str(&event.json());
        self.lines.push('\n');
        if self.sight.shows(&event) {
            self.screen.say(&event.text(&self.zone));
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back(event);
    }

    fn write(&mut self) {
        if let Some(segments) = &mut self.segments {
            match segments.write(&self.lines) {
                Ok(()) => self.failing = false,
                Err(why) => self.fail(&why),
            }
        }
        self.lines.clear();
    }

    /// Said once, until a write succeeds again: a full disk fails each time.
    fn fail(&mut self, why: &std::io::Error) {
        if !self.failing {
            self.failing = true;
            let event = Event::warn("log.failed").with("why", why);
            self.screen.say(&event.text(&self.zone));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn each_sight_shows_what_it_is_for() {
        for (kind, prompt, lines) in [
            ("client.said", false, false),
            ("client.whispered", false, false),
            ("client.joined", false, true),
            ("client.kicked", true, true),
            ("server.paused", true, true),
            ("server.ready", false, true),
            ("server.drained", false, true),
            ("store.readonly", true, true),
        ] {
            let event = Event::info(kind);
            assert_eq!((Sight::Prompt.shows(&event), Sight::Lines.shows(&event)), (prompt, lines), "{kind}");
        }
        assert!(Sight::Prompt.shows(&Event::warn("client.refused")), "a warning is for the operator");
    }

    #[test]
    fn a_storm_of_events_is_kept_in_bounds_and_what_was_dropped_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let log =
            Log::open(Some(folder.path()), Bounds { bytes: 4096, files: 2 }, Sight::Prompt, Screen::start());
        let told = 4 * WAITING_MAX as u64;
        for n in 0..told {
            log.tell(Event::info("client.said").count("n", n));
        }
        log.settle(PATIENCE);
        let last = log.last(usize::MAX);
        let count = |event: &Event| {
            event.json().split("\"n\":").nth(1).unwrap().trim_end_matches('}').parse::<u64>().unwrap()
        };
        let dropped: u64 = last.iter().filter(|event| event.kind == "log.dropped").map(count).sum();
        let newest = last.iter().rfind(|event| event.kind == "client.said").map(count);
        assert!(dropped > 0 || newest == Some(told - 1), "all was written, or it was told how much was not");
        assert_eq!(last.len(), KEPT_MAX);
        let bytes: u64 = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|file| file.unwrap().metadata().unwrap().len())
            .sum();
        assert!(bytes <= 2 * 4096, "{bytes}");
        assert_eq!(log.last(3).len(), 3);
    }

    #[test]
    fn a_log_without_a_file_still_keeps_what_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("events");
        std::fs::write(&file, "in the way").unwrap();
        let log = Log::open(Some(&file), segments::BOUNDS, Sight::Prompt, Screen::start());
        log.tell(Event::info("client.joined").with("name", "ana"));
        log.settle(PATIENCE);
        assert_eq!(log.last(10).len(), 1);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "in the way");
    }
}
