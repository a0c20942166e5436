//! The chat: people with names, and a folder in which what they say is kept.

use std::path::Path;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};

use throng_server::{Events, Server, Workers};
use throng_services::chat::{Chat, House, Notes, PaceSettings, Settings, house};
use throng_services::identity::Identity;
use throng_store::{DataFolder, Durability, OpenFault, Opened};

use super::first_operator::FirstOperator;
use super::{Start, accounts, publish};
use crate::accounts::Office;
use crate::accounts::clerk::Clerk;
use crate::banner::{self, Banner};
use crate::cli::{self, Model, Pace};
use crate::console::Console;
use crate::console::terminal::Terminal;
use crate::directory::Directory;
use crate::ending::{self, Goodbye};
use crate::fault::Fault;
use crate::listen::Listen;
use crate::log::{Event, Log, Sight, segments};
use crate::ports::Place;
use crate::restart::{self, Next, Way};
use crate::signals::Asked;
use crate::{data, reporting, sharing};

impl Start<'_> {
    /// Serves until it is told to end.
    pub(super) fn chat(&self, wished: Receiver<Asked>) -> Result<u8, Fault> {
        if self.asked.model != Model::Events || self.asked.verbose {
            return Err(Fault::usage("the chat runs on event loops, and prints no more than its log").hint(
                "--model and --verbose are for the other services: throng serve echo --model threads",
            ));
        }
        let terminal = Terminal::find();
        let path = self.asked.data.clone().map_or_else(data::usual, Ok)?;
        let refused = |why: OpenFault| data::refused(&path, &why);
        let held = if self.follows() { None } else { Some(DataFolder::open(&path).map_err(refused)?) };
        let (tls, claims) = (self.tls()?, self.claim()?);
        let folder = match held {
            Some(folder) => folder,
            None => {
                throng_store::check(&path).map_err(refused)?;
                self.wait_for_the_other()?;
                DataFolder::open(&path).map_err(refused)?
            }
        };
        let opened = match self.asked.durability {
            Durability::Memory => throng_store::memory(),
            durability => throng_store::open(&folder, durability).map_err(refused)?,
        };
        let (store, kept) = (Arc::clone(&opened.store), data::kept(&opened, self.asked.durability));
        let sight = if terminal.is_some() { Sight::Prompt } else { Sight::Lines };
        let log = Log::open(Some(&path.join("events")), segments::BOUNDS, sight, Arc::clone(&self.screen));
        let directory = Arc::<Directory>::default();

        let listens: Vec<Listen> = claims.iter().map(Place::listen).collect();
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let workers = self.asked.workers.map_or_else(cores, usize::from);
        let notes = reporting::notes(Arc::clone(&log), Arc::clone(&directory));
        let (identity, notices) = accounts::start(self.asked, &opened, &path)?;
        let first_operator = FirstOperator::find(&identity, &path, terminal.is_some())?;
        let office = office(&identity, &opened, &path);
        let known = Some((identity, notices));
        let chat = Chat::open(self.house(notes), opened, self.asked.durability, workers, known)
            .map_err(|why| Fault::failed(format!("cannot start the chat: {why}")))?;
        let factory = Arc::clone(&chat);
        let server = Server::local(move |worker| factory.worker(worker))
            .model(Events { workers: Workers::Count(workers) })
            .limits(self.limits())
            .denied(chat.bans().denied())
            .events(reporting::events(Arc::clone(&log), Arc::clone(&directory)));
        let running = self
            .listening(server, claims, tls.as_ref())
            .start()
            .map_err(|why| Fault::failed(why.to_string()))?;
        chat.bans().serve(&running);
        publish(&folder, &listens);

        let ready_ms =
            self.tell_ready(&listens, &log, |ready| ready.with("data", path.display()).with("kept", &kept));
        let house = self.sharing(tls.is_some());
        sharing::events(&listens, house).chain(first_operator.event()).for_each(|event| log.tell(event));
        if terminal.is_some() {
            let kept = format!("{}  ({kept})", banner::shown(&path));
            self.screen.say(
                &Banner {
                    listens: &listens,
                    tls: tls.is_some(),
                    kept,
                    ready_ms,
                    clients_max: self.clients_max,
                    sharing: sharing::words(&listens, house),
                    first_operator: first_operator.words(),
                }
                .text(),
            );
        }
        let office = Office { hub: Some(chat.hub().clone()), ..office };
        let zone = jiff::tz::TimeZone::system();
        let console = Console {
            hub: Some(chat.hub().clone()),
            clerk: Some(Clerk::new(office, Arc::clone(&log), Arc::clone(&self.screen), zone.clone())),
            pending: Mutex::default(),
            running: running.clone(),
            directory,
            log: Arc::clone(&log),
            begun: self.begun,
            zone,
        };
        let prompt = self.prompt(terminal.as_ref(), console);
        let way = Way::of(terminal.is_some());
        let (first, mut next) = self.wait(&wished, &running, &log, tls.as_ref(), |heir| {
            // A server that is open lets go; the drain tells otherwise.
            let _ = running.let_go();
            Some(Next::of(heir, way))
        });
        log.tell(Event::info("server.draining").with("by", first.by.name()));
        if terminal.is_some() && next.is_none() {
            self.screen
                .say("Closing: no new clients, everybody is told goodbye. Ctrl-C again does not wait.");
        }
        let words = if next.is_some() { restart::FAREWELL } else { ending::FAREWELL };
        let ended = ending::end_chat(&chat, &running, words, first, wished);
        match ended.told {
            Goodbye::Late => next = next.map(Next::in_place),
            _ => store.close(),
        }
        self.finish(prompt, terminal.as_ref(), &log, &ended);
        // Whoever follows may keep a code of its own in the folder.
        drop(first_operator);
        drop(folder);
        self.over(&ended, next, &log)
    }

    fn sharing(&self, tls: bool) -> sharing::House {
        let (plaintext, guests) = (self.asked.accounts_allow_plaintext, self.asked.accounts_guests);
        sharing::House { tls, plaintext, guests: guests != cli::Guests::No }
    }

    fn house(&self, notes: Notes) -> House {
        let pace = match self.asked.pace {
            Pace::Off => PaceSettings::off(),
            Pace::Default => PaceSettings::default(),
        };
        let (name, guests) = (self.asked.name.clone(), accounts::guests(self.asked.accounts_guests));
        let settings = Settings { name, pace, guests, ..Settings::default() };
        House { settings, since: house::wall_clock(), now: house::wall_clock, notes }
    }
}

/// Who looks after accounts, before there is a chat to be told.
fn office(identity: &Identity, opened: &Opened, folder: &Path) -> Office {
    let (kept, backups) = (Arc::clone(&opened.accounts), Arc::clone(&opened.backups));
    Office { operator: identity.operator(), kept, backups, folder: folder.to_owned(), hub: None }
}
