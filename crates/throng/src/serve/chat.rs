//! The chat: people with names, and a folder in which what they say is kept.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use throng_server::{Events, Server, Workers};
use throng_services::chat::{Chat, House, Notes, Settings, house};
use throng_services::identity::Identity;
use throng_store::{DataFolder, Durability, OpenFault, Opened};

use super::first_operator::FirstOperator;
use super::{OperatorsChair, Start, accounts, publish};
use crate::accounts::Office;
use crate::accounts::clerk::Clerk;
use crate::banner::{self, Banner};
use crate::console::terminal::Terminal;
use crate::console::{Console, Draining};
use crate::control::server::Socket;
use crate::directory::Directory;
use crate::ending::{self, Goodbye};
use crate::fault::Fault;
use crate::listen::Listen;
use crate::log::{Event, Log, Sight};
use crate::ports::Place;
use crate::restart::{self, Next, Way};
use crate::settings::choices::Guests;
use crate::settings::live;
use crate::signals::Asked;
use crate::watching::ChatFacts;
use crate::{data, reporting, sharing};

impl Start<'_> {
    /// Serves until it is told to end.
    pub(super) fn chat(&self, wished: Receiver<Asked>) -> Result<u8, Fault> {
        let terminal = Terminal::find();
        let path = self.asked.data.clone().map_or_else(data::usual, Ok)?;
        let refused = |why: OpenFault| data::refused(&path, &why);
        let held = if self.follows() { None } else { Some(DataFolder::open(&path).map_err(refused)?) };
        let (tls, claims, watched) = (self.tls()?, self.claim()?, self.claim_watched()?);
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
        let log = Log::open(Some(&path.join("events")), self.events(), sight, Arc::clone(&self.screen));
        let directory = Arc::<Directory>::default();

        let listens: Vec<Listen> = claims.iter().map(Place::listen).collect();
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let workers = self.asked.workers.map_or_else(cores, usize::from);
        let notes = reporting::notes(Arc::clone(&log), Arc::clone(&directory));
        let (identity, notices) = accounts::start(self.asked, &opened, &path)?;
        let first_operator = FirstOperator::find(&identity, &path, terminal.is_some())?;
        let backups = Arc::clone(&opened.backups);
        let office = office(&identity, &opened, &path);
        let known = Some((identity.clone(), notices));
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
        let chair = self.chair(&running, tls.as_ref(), Some((Arc::clone(&chat), identity)), &log);
        chat.past().on_trimmed(reporting::trimmed(Arc::clone(&log)));
        chat.past().keep(self.asked.history_keep);
        let watcher = self.watch_server(&running, Some(ChatFacts::of(&chat)), &log, watched)?;

        let office = Office { hub: Some(chat.hub().clone()), ..office };
        let zone = jiff::tz::TimeZone::system();
        let console = Arc::new(Console {
            service: self.asked.service.name(),
            hub: Some(chat.hub().clone()),
            clerk: Some(Clerk::new(office, Arc::clone(&log), Arc::clone(&self.screen), zone.clone())),
            running: running.clone(),
            store: Some(Arc::clone(&store)),
            backups: Some(backups),
            past: Some(Arc::clone(chat.past())),
            bans: chat.bans().clone(),
            chair: Arc::clone(&chair),
            draining: Draining::default(),
            wishes: self.wishes.clone(),
            facts: Arc::clone(watcher.facts()),
            data: Some(path.clone()),
            directory,
            log: Arc::clone(&log),
            zone,
        });
        let socket = self.socket(&console, Some(&path))?;
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
                    console: socket.as_ref().map(Socket::typed),
                    ready_ms,
                    clients_max: self.clients_max,
                    sharing: sharing::words(&listens, house),
                    first_operator: first_operator.words(),
                }
                .text(),
            );
        }
        let seats = OperatorsChair { prompt: self.prompt(terminal.as_ref(), &console), socket };
        let way = Way::of(terminal.is_some());
        let (first, mut next) = self.wait(&wished, &running, &log, &chair, |heir| {
            // A server that is open lets go; the drain tells otherwise.
            let _ = running.let_go();
            Some(Next::of(heir, way))
        });
        watcher.facts().begin_end();
        log.tell(Event::info("server.draining").with("by", first.by.name()));
        if terminal.is_some() && next.is_none() {
            self.screen
                .say("Closing: no new clients, everybody is told goodbye. Ctrl-C again does not wait.");
        }
        let words = if next.is_some() { restart::FAREWELL } else { ending::FAREWELL };
        let ended = ending::end_chat(&chat, &running, words, (first, wished), chair.settings().drain_time);
        match ended.told {
            Goodbye::Late => next = next.map(Next::in_place),
            _ => store.close(),
        }
        self.finish(seats, terminal.as_ref(), &log, &ended);
        // Whoever follows may keep a code of its own in the folder.
        drop(first_operator);
        drop(folder);
        watcher.end();
        self.over(&ended, next, &log)
    }

    fn sharing(&self, tls: bool) -> sharing::House {
        let (plaintext, guests) = (self.asked.accounts_allow_plaintext, self.asked.accounts_guests);
        sharing::House { tls, plaintext, guests: guests != Guests::No }
    }

    fn house(&self, notes: Notes) -> House {
        let asked = self.asked;
        let settings = Settings {
            name: asked.name.clone(),
            pace: live::pace(asked),
            guests: accounts::guests(asked.accounts_guests),
            nameless_max: asked.timeouts_nameless,
            probe_after: asked.timeouts_probe,
            history_on_entry: asked.chat_history_on_entry.into(),
            motd: asked.chat_motd.clone(),
            hosts: asked.chat_hosts.clone(),
            ..Settings::default()
        };
        House { settings, since: house::wall_clock(), now: house::wall_clock, notes }
    }
}

/// Who looks after accounts, before there is a chat to be told.
fn office(identity: &Identity, opened: &Opened, folder: &Path) -> Office {
    let (kept, backups) = (Arc::clone(&opened.accounts), Arc::clone(&opened.backups));
    Office { operator: identity.operator(), kept, backups, folder: folder.to_owned(), hub: None }
}
