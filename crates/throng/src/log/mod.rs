//! The event log: who came and went, what was refused, what the server did. Bounded in memory and on the disk.
//!
//! Whoever has something to tell hands an event over and goes on at once; one thread writes it to the files
//! ([`segments`]), keeps it for `logs show`, and says it on the screen when it is for people to see there. When that
//! thread cannot keep up, events are dropped and counted, and one event tells how many.

pub mod event;
pub mod segments;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;

pub use event::{Event, Level};
use segments::{Bounds, Segments};

use crate::screen::Screen;

/// Events that may wait for the writer: a burst of everybody leaving at once fits. About 4 MiB at most.
const WAITING_MAX: usize = 16 * 1024;

/// Events kept for `logs show`.
const KEPT_MAX: usize = 10_000;

/// Events that are written to the file in one go.
const BATCH_MAX: usize = 256;

/// What of the log people see on the screen while the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// An operator sits at the prompt: what the server does and what is wrong. A busy chat must not flood them.
    Prompt,
    /// The lines are all there is to see: everything but what happens at each message.
    Lines,
}

impl Sight {
    fn shows(self, event: &Event) -> bool {
        let per_message = ["client.said", "client.whispered"].contains(&event.kind);
        match self {
            _ if event.level > Level::Info => true,
            Sight::Lines => !per_message,
            // The banner says what `server.ready` says, and the last line what `server.drained` says.
            Sight::Prompt => match event.kind {
                "server.ready" | "server.draining" | "server.drained" => false,
                "client.kicked" => true,
                kind => kind.starts_with("server.") || kind.starts_with("store."),
            },
        }
    }
}

enum Job {
    Tell(Event),
    Settle(SyncSender<()>),
}

/// Where events are told. Shared by all who have something to tell.
pub struct Log {
    /// Written by all, read by the writer. When full: events are dropped and counted.
    jobs: SyncSender<Job>,
    dropped: Arc<AtomicU64>,
    /// Written by the writer, read by `logs show`.
    kept: Arc<Mutex<VecDeque<Event>>>,
}

impl Log {
    /// Opens the log in this folder. When its files cannot be written, it says so once and goes on without them.
    pub fn open(folder: &Path, bounds: Bounds, sight: Sight, screen: Arc<Screen>) -> Arc<Log> {
        let segments = Segments::open(folder, bounds);
        let (jobs, waiting) = sync_channel(WAITING_MAX);
        let (dropped, kept) = (Arc::<AtomicU64>::default(), Arc::<Mutex<VecDeque<Event>>>::default());
        let mut writer = Writer {
            segments: None,
            failing: false,
            dropped: Arc::clone(&dropped),
            kept: Arc::clone(&kept),
            sight,
            screen,
            zone: TimeZone::system(),
            lines: String::new(),
        };
        match segments {
            Ok(segments) => writer.segments = Some(segments),
            Err(why) => writer.fail(&why),
        }
        std::thread::Builder::new()
            .name("throng-log".to_owned())
            .spawn(move || writer.write_all(&waiting))
            .expect("a process that just began may have one more thread");
        Arc::new(Log { jobs, dropped, kept })
    }

    /// Takes an event. Never waits.
    pub fn tell(&self, event: Event) {
        if self.jobs.try_send(Job::Tell(event)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything told so far is written and said, at most for so long.
    pub fn settle(&self, patience: Duration) {
        let (told, settled) = sync_channel(1);
        if self.jobs.try_send(Job::Settle(told)).is_ok() {
            let _ = settled.recv_timeout(patience);
        }
    }

    /// The last events, oldest first.
    pub fn last(&self, count: usize) -> Vec<Event> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().skip(kept.len().saturating_sub(count)).cloned().collect()
    }
}

/// The thread that writes.
struct Writer {
    segments: Option<Segments>,
    /// The last write failed, and that was said.
    failing: bool,
    dropped: Arc<AtomicU64>,
    kept: Arc<Mutex<VecDeque<Event>>>,
    sight: Sight,
    screen: Arc<Screen>,
    zone: TimeZone,
    lines: String,
}

impl Writer {
    fn write_all(mut self, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let mut settled = Vec::new();
            for job in std::iter::once(first).chain(jobs.try_iter()).take(BATCH_MAX) {
                match job {
                    Job::Tell(event) => self.keep(event),
                    Job::Settle(told) => settled.push(told),
                }
            }
            let dropped = self.dropped.swap(0, Ordering::Relaxed);
            if dropped > 0 {
                self.keep(Event::warn("log.dropped").count("n", dropped));
            }
            self.write();
            // Who waited may have lost patience.
            for told in settled {
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
        let log = Log::open(folder.path(), Bounds { bytes: 4096, files: 2 }, Sight::Prompt, Screen::start());
        let told = 4 * WAITING_MAX as u64;
        for n in 0..told {
            log.tell(Event::info("client.said").count("n", n));
        }
        // The one that settles needs a place as well, and makes the writer look at what was dropped.
        while log.dropped.load(Ordering::Relaxed) > 0 {
            log.settle(PATIENCE);
        }
        log.settle(PATIENCE);
        let last = log.last(usize::MAX);
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
        let log = Log::open(&file, segments::BOUNDS, Sight::Prompt, Screen::start());
        log.tell(Event::info("client.joined").with("name", "ana"));
        log.settle(PATIENCE);
        assert_eq!(log.last(10).len(), 1);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "in the way");
    }
}
