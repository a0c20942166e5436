//! The event log: who came and went, what was refused, what the server did. Bounded in memory and on the disk.
//!
//! Whoever has something to tell hands an [`event`] over at the [`desk`] and goes on at once; one thread, the [`writer`],
//! numbers it, writes it as a line of [`json`] to the [`segments`] of the log, one of its [`files`] each, has it [`kept`] for
//! whoever looks and follows, and says it on the screen when it is for people to [`sight`] there. When that thread cannot keep
//! up, events are dropped and counted, and one event tells how many. What a [`query`] asks for is [`shown`] from memory, and
//! further back from the [`past`] in the files; a [`follower`] is told what comes.

pub mod desk;
pub mod event;
pub mod files;
pub mod follower;
pub mod json;
pub mod kept;
pub mod past;
pub mod query;
pub mod segments;
pub mod shown;
pub mod sight;
#[cfg(test)]
mod tests;
pub mod writer;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use jiff::tz::TimeZone;

pub use event::Event;
pub use files::Size;
pub use follower::{Followed, Follower, TooMany};
pub use query::Query;
pub use segments::Bounds;
pub use shown::Shown;
pub use sight::Sight;

use desk::{Clearing, Desk};
use files::Files;
use kept::Kept;
use writer::Writer;

use crate::screen::Screen;

/// How long whoever looks waits for what was told before to be written.
const LOOK_PATIENCE: Duration = Duration::from_secs(1);

/// How long whoever clears waits for it.
const CLEAR_PATIENCE: Duration = Duration::from_secs(30);

/// What was cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cleared {
    /// How many events, unless that took too long to count.
    pub events: Option<u64>,
    /// Bytes on the disk.
    pub bytes: u64,
}

/// Where events are told, and looked at. Shared by all who have something to tell.
pub struct Log {
    desk: Arc<Desk>,
    kept: Arc<Kept>,
    /// With how much of them is looked at. Nothing where the log is in memory alone.
    files: Option<(Arc<Files>, u64)>,
    zone: TimeZone,
}

impl Log {
    /// Opens the log in this folder, or in memory alone. When its files cannot be written, it says so once and goes on
    /// without them.
    pub fn open(folder: Option<&Path>, bounds: Bounds, sight: Sight, screen: Arc<Screen>) -> Arc<Log> {
        let files = folder.map(|folder| Arc::new(Files::new(folder)));
        let (desk, kept, zone) = (Arc::<Desk>::default(), Arc::<Kept>::default(), TimeZone::system());
        let writer = Writer::new(files.clone(), Arc::clone(&kept), sight, screen, zone.clone());
        std::thread::Builder::new()
            .name("throng-log".to_owned())
            .spawn({
                let desk = Arc::clone(&desk);
                move || writer.write_all(bounds, &desk)
            })
            .expect("a process that just began may have one more thread");
        Arc::new(Log { desk, kept, files: files.map(|files| (files, bounds.total())), zone })
    }

    /// Takes an event. Never waits for the writer.
    pub fn tell(&self, event: Event) {
        self.desk.tell(event);
    }

    /// Events that found no place, since the start.
    pub fn dropped(&self) -> u64 {
        self.desk.dropped()
    }

    /// Waits until everything told so far is written and said, at most for so long.
    pub fn settle(&self, patience: Duration) {
        let (told, settled) = sync_channel(1);
        self.desk.settle(told);
        let _ = settled.recv_timeout(patience);
    }

    /// The last events in memory, oldest first.
    #[cfg(test)]
    pub fn last(&self, count: usize) -> Vec<Arc<Event>> {
        self.kept.last(count)
    }

    /// The newest events that are asked for, those of earlier runs too.
    pub fn show(&self, query: &Query) -> Shown {
        self.settle(LOOK_PATIENCE);
        shown::find(&self.kept.look(), self.reachable(), query, &self.zone)
    }

    /// First what `show` would show, then all that happens and is asked for. Slow to take them is to miss some.
    pub fn follow(&self, query: &Query) -> Result<Follower, TooMany> {
        self.settle(LOOK_PATIENCE);
        let (kept, line) = self.kept.follow(query)?;
        let past = shown::find(&kept, self.reachable(), query, &self.zone);
        Ok(Follower::new(past.events, line))
    }

    /// How large it is now.
    pub fn size(&self) -> io::Result<Size> {
        self.settle(LOOK_PATIENCE);
        writer::size(self.reachable().map(|(files, _)| files), &self.kept)
    }

    /// Deletes all that was told before, on the disk and in memory. The log begins then with an event that says by whom.
    pub fn clear(&self, by: &str) -> io::Result<Cleared> {
        let (answer, answered) = sync_channel(1);
        self.desk.clear(Clearing { by: by.to_owned(), answer });
        let late = |_| {
            io::Error::new(
                io::ErrorKind::TimedOut,
                "its writer waits for the disk; it clears the log after that",
            )
        };
        answered.recv_timeout(CLEAR_PATIENCE).map_err(late)?
    }

    fn reachable(&self) -> Option<(&Files, u64)> {
        self.files.as_ref().map(|(files, bytes)| (files.as_ref(), *bytes))
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.desk.close();
    }
}
