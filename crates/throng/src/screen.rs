//! What people read while the server runs: whole lines, never torn by another thread's.
//!
//! One thread prints, to standard error, or through the prompt's printer while the prompt is up, so that lines
//! appear above what is being typed. Nobody who says something ever waits for a terminal: lines wait in a short
//! queue, and when it is full they are counted instead. Text that came from a client has passed `printable`
//! before it comes here.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

/// How many pieces of text may wait to be printed. A reader who stopped the terminal (Ctrl-S) for longer than that
/// misses lines, and is told how many; they are all in the event log.
const WAITING_MAX: usize = 4096;

/// How long the prompt may take to go away before lines are printed without waiting for it.
const HANDOVER_MAX: Duration = Duration::from_secs(5);

/// A way to print that is not standard error.
pub trait Printer: Send {
    /// Prints whole lines. `false` when this way is closed; then nothing of it was printed.
    fn print(&mut self, lines: &str) -> bool;

    /// Returns when everything printed before has left for the terminal.
    fn settle(&mut self);
}

enum Job {
    Say(String),
    Through(Box<dyn Printer>),
    /// The printer goes: tell when all is printed, then print nothing until the other end is dropped.
    HandOver(SyncSender<()>, Receiver<()>),
    Settle(SyncSender<()>),
}

/// The one way to the reader.
pub struct Screen {
    /// Written by everybody, read by the printing thread. When full: `say` counts, the others wait.
    jobs: SyncSender<Job>,
    lost: Arc<AtomicU64>,
}

impl Screen {
    /// Starts the thread that prints.
    pub fn start() -> Arc<Screen> {
        let (jobs, waiting) = sync_channel(WAITING_MAX);
        let lost = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&lost);
        std::thread::Builder::new()
            .name("throng-screen".to_owned())
            .spawn(move || print(&waiting, &counted))
            .expect("a process that just began may have one more thread");
        Arc::new(Screen { jobs, lost })
    }

    /// Says one or more lines. Never waits.
    pub fn say(&self, lines: &str) {
        if let Err(TrySendError::Full(_)) = self.jobs.try_send(Job::Say(lines.to_owned())) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// From now on lines go through this printer, until it is taken away or closed.
    pub fn through(&self, printer: Box<dyn Printer>) {
        // The printing thread lives as long as the process.
        let _ = self.jobs.send(Job::Through(printer));
    }

    /// Takes the printer away: waits until it has printed what was said so far (at most `patience`), runs `close`,
    /// and only then lets the next line be printed, on standard error.
    pub fn take_back(&self, patience: Duration, close: impl FnOnce()) {
        let (told, settled) = sync_channel(1);
        let (closed, waits) = sync_channel(0);
        if self.jobs.send(Job::HandOver(told, waits)).is_ok() {
            // A printer that hangs (the reader searches the prompt's history) is closed all the same.
            let _ = settled.recv_timeout(patience);
        }
        close();
        drop::<SyncSender<()>>(closed);
    }

    /// Waits until everything said so far is printed, at most for so long.
    pub fn settle(&self, patience: Duration) {
        let (told, settled) = sync_channel(1);
        if self.jobs.try_send(Job::Settle(told)).is_ok() {
            let _ = settled.recv_timeout(patience);
        }
    }
}

fn print(jobs: &Receiver<Job>, lost: &AtomicU64) {
    let mut printer: Option<Box<dyn Printer>> = None;
    while let Ok(job) = jobs.recv() {
        match job {
            Job::Say(lines) => {
                let lost = lost.swap(0, Ordering::Relaxed);
                show(&mut printer, &lines);
                if lost > 0 {
                    show(
                        &mut printer,
                        &format!("({lost} lines were not shown here; the event log has them)"),
                    );
                }
            }
            Job::Through(given) => printer = Some(given),
            Job::HandOver(told, closed) => {
                printer.iter_mut().for_each(|printer| printer.settle());
                // Who takes the printer back may have lost patience by now.
                let _ = told.try_send(());
                let _ = closed.recv_timeout(HANDOVER_MAX);
                printer = None;
            }
            Job::Settle(told) => {
                let _ = told.try_send(());
            }
        }
    }
}

fn show(printer: &mut Option<Box<dyn Printer>>, lines: &str) {
    if printer.as_mut().is_some_and(|printer| printer.print(lines)) {
        return;
    }
    *printer = None;
    tell_stderr(lines);
}

/// Says lines on standard output, in one write.
pub fn tell_stdout(lines: &str) {
    // Nobody reads any more, and there is nobody to tell that.
    let _ = std::io::stdout().lock().write_all(format!("{lines}\n").as_bytes());
}

/// Prints lines on standard output, for somebody who must hear that nobody reads them any more.
pub fn put(lines: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{lines}\n").as_bytes())?;
    out.flush()
}

/// Says lines on standard error, in one write.
pub fn tell_stderr(lines: &str) {
    // Nobody reads any more, and there is nobody to tell that.
    let _ = std::io::stderr().lock().write_all(format!("{lines}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::Mutex;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// Prints what it may: each line waits for a permit.
    struct Slow(Receiver<()>, Arc<Mutex<Vec<String>>>);

    impl Printer for Slow {
        fn print(&mut self, lines: &str) -> bool {
            let may = self.0.recv().is_ok();
            self.1.lock().unwrap().push(lines.to_owned());
            may
        }

        fn settle(&mut self) {}
    }

    #[test]
    fn who_says_something_never_waits_and_what_does_not_fit_is_counted() {
        let screen = Screen::start();
        let (permit, permits) = sync_channel(2 * WAITING_MAX);
        let shown = Arc::new(Mutex::new(Vec::new()));
        screen.through(Box::new(Slow(permits, Arc::clone(&shown))));
        for line in 0..2 * WAITING_MAX {
            screen.say(&line.to_string());
        }
        for _ in 0..2 * WAITING_MAX {
            permit.send(()).unwrap();
        }
        // Settling needs a place in the queue, which may be full for another moment.
        while screen.lost.load(Ordering::Relaxed) > 0 {
            screen.settle(PATIENCE);
        }
        screen.settle(PATIENCE);
        let shown = shown.lock().unwrap();
        assert_eq!(shown[0], "0");
        // The loss may be told in parts, when the thread that prints woke in between.
        let (notices, lines): (Vec<_>, Vec<_>) =
            shown.iter().partition(|line| line.contains("were not shown"));
        let lost = |notice: &String| -> usize {
            notice.trim_start_matches('(').split(' ').next().unwrap().parse().unwrap()
        };
        let lost: usize = notices.into_iter().map(lost).sum();
        assert!(lost > 0);
        assert_eq!(lines.len() + lost, 2 * WAITING_MAX, "every line was shown or counted");
    }
}
