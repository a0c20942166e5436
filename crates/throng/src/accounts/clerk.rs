//! Carries wishes out beside a server's prompt. Each has a thread for its time, one at a time, and the prompt waits for it only
//! so long: what takes longer goes on, since half a change would be worse than a late one, and its answer is said when it comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::{Value, json};
use throng_store::accounts::Census;

use super::office::Office;
use super::shown::{self, By};
use super::wish::Wish;
use super::{machine, told};
use crate::fault::Fault;
use crate::log::Log;
use crate::screen::Screen;

/// How long it waits to hear how many there are.
const COUNT_PATIENCE: Duration = Duration::from_secs(2);

/// What is said of a wish that was carried out.
#[derive(Debug)]
pub struct Said {
    /// For people.
    pub text: String,
    /// For programs.
    pub data: Value,
}

/// Carries wishes out.
pub struct Clerk {
    office: Arc<Office>,
    log: Arc<Log>,
    screen: Arc<Screen>,
    zone: TimeZone,
    /// Is one being carried out? Set by the prompt's thread, cleared by the one that carries it out.
    busy: Arc<AtomicBool>,
}

impl Clerk {
    /// For this office.
    pub fn new(office: Office, log: Arc<Log>, screen: Arc<Screen>, zone: TimeZone) -> Clerk {
        Clerk { office: Arc::new(office), log, screen, zone, busy: Arc::default() }
    }

    /// Carries it out: what there is to say of it.
    pub fn carry_out(&self, wish: Wish, by: String, patience: Duration) -> Result<Said, Fault> {
        let (log, zone, by) = (Arc::clone(&self.log), self.zone.clone(), By::Operator(by));
        self.work(patience, move |office, runtime| {
            let done = runtime.block_on(office.carry_out(wish))?;
            told::event(&done, &by).into_iter().for_each(|event| log.tell(event));
            Ok(Said { text: shown::text(&done, &by, &zone), data: machine::data(&done) })
        })
    }

    /// The same of work that is not about accounts, but takes its time as well.
    pub fn carry_out_other(
        &self,
        patience: Duration,
        work: impl FnOnce(&tokio::runtime::Runtime) -> Result<Said, Fault> + Send + 'static,
    ) -> Result<Said, Fault> {
        self.work(patience, |_, runtime| work(runtime))
    }

    /// How many there are of everything, if that is known soon.
    pub fn census(&self) -> Option<Census> {
        let (answer, waits) = sync_channel(1);
        self.office.kept.census(Box::new(move |found| drop(answer.try_send(found))));
        waits.recv_timeout(COUNT_PATIENCE).ok()?.ok()
    }

    fn work(
        &self,
        patience: Duration,
        work: impl FnOnce(&Office, &tokio::runtime::Runtime) -> Result<Said, Fault> + Send + 'static,
    ) -> Result<Said, Fault> {
        if self.busy.swap(true, Ordering::AcqRel) {
            return Err(Fault::failed("what was asked before is not done yet")
                .hint("its answer is said at the server's prompt when it comes"));
        }
        let (office, screen, busy) =
            (Arc::clone(&self.office), Arc::clone(&self.screen), Arc::clone(&self.busy));
        // Nobody waits for a place: either the prompt takes the answer, or it has gone.
        let (answer, waits) = sync_channel(0);
        let begun = std::thread::Builder::new().name("throng-accounts".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            let said = match &runtime {
                Ok(runtime) => work(&office, runtime),
                Err(why) => Err(Fault::failed(format!("nothing was done: {why}"))),
            };
            busy.store(false, Ordering::Release);
            if let Err(late) = answer.send(said) {
                screen.say(&late.0.map_or_else(|fault| fault.sentence(), |said| said.text));
            }
        });
        if let Err(why) = begun {
            self.busy.store(false, Ordering::Release);
            return Err(Fault::failed(format!("nothing was done: {why}")));
        }
        match waits.recv_timeout(patience) {
            Ok(said) => said,
            Err(RecvTimeoutError::Timeout) => {
                let text = format!(
                    "This takes longer than {} s. It goes on, and its answer is said at the server's prompt when it comes.",
                    patience.as_secs()
                );
                Ok(Said { text, data: json!({ "goes_on": true }) })
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(Fault::failed("it ended by a fault of ours; logs show may tell more"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::mpsc::{Receiver, SyncSender};

    use throng_services::chat::house::wall_clock;
    use throng_services::identity::{Identity, Secret, Settings};

    use super::*;
    use crate::log::{Sight, segments};
    use crate::screen::Printer;

    /// No wish takes this long.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn clerk() -> (Clerk, Receiver<String>) {
        struct Shows(SyncSender<String>);
        impl Printer for Shows {
            fn print(&mut self, lines: &str) -> bool {
                self.0.send(lines.to_owned()).is_ok()
            }

            fn settle(&mut self) {}
        }
        let opened = throng_store::memory();
        let (kept, backups) = (Arc::clone(&opened.accounts), opened.backups);
        let (identity, _) =
            Identity::start(opened.accounts, Settings::default(), wall_clock, Secret::new([0; 32])).unwrap();
        let office =
            Office { operator: identity.operator(), kept, backups, folder: "/none".into(), hub: None };
        let screen = Screen::start();
        let (shows, shown) = sync_channel(16);
        screen.through(Box::new(Shows(shows)));
        let log = Log::open(None, segments::BOUNDS, Sight::Prompt, Arc::clone(&screen));
        (Clerk::new(office, log, screen, TimeZone::UTC), shown)
    }

    #[test]
    fn what_takes_too_long_goes_on_and_is_said_when_it_is_done() {
        let (clerk, shown) = clerk();
        let (goes_on, waits) = sync_channel::<()>(1);
        let late = clerk.work(Duration::from_millis(1), move |_, _| {
            waits.recv().unwrap();
            Ok(Said { text: "done at last".to_owned(), data: Value::Null })
        });
        assert!(late.unwrap().text.contains("It goes on"));
        let carry_out = |wish| clerk.carry_out(wish, "console".to_owned(), PATIENCE);
        let second = carry_out(Wish::Clear).unwrap_err();
        assert!(second.what.contains("not done yet"), "{second}");
        goes_on.send(()).unwrap();
        assert_eq!(shown.recv_timeout(PATIENCE).unwrap(), "done at last");
        assert!(carry_out(Wish::List(1)).unwrap().text.contains("There are no accounts."));
    }

    #[test]
    fn without_a_disk_nothing_is_cleared_since_nothing_could_undo_it() {
        let (clerk, _shown) = clerk();
        let fault = clerk.carry_out(Wish::Clear, "console".to_owned(), PATIENCE).unwrap_err();
        assert!(fault.sentence().starts_with("Nothing was cleared: the store is kept in memory"));
    }
}
