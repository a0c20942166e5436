//! The life of a server, from its first claim to its last line.
//!
//! The order matters: the folder first, since a running server is the most likely reason for everything else; then the ports;
//! then the store; and the doors open last, when everything behind them is ready. One that follows another server looks at
//! everything first and changes nothing, and takes the folder when the other let it go.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use jiff::tz::TimeZone;
use throng_server::{ConnIds, Running, Tls};
use throng_services::chat::house;
use throng_services::{Bans, Echo, Hello};
use throng_store::{DataFolder, Durability};

use super::chat::OpenChat;
use super::{Ground, Operated, Part, Start, publish};
use crate::accounts::clerk::Clerk;
use crate::config::chair::Chair;
use crate::console::terminal::Terminal;
use crate::console::{Console, Draining, Served};
use crate::control::server::{Door, Socket};
use crate::directory::Directory;
use crate::ending::{self, Goodbye};
use crate::fault::Fault;
use crate::listen::Listen;
use crate::log::{Event, Log, Sight};
use crate::restart::{self, Next, Way};
use crate::settings::choices::Service;
use crate::settings::live::Live;
use crate::signals::{Asked, Wish};
use crate::watching::watcher::Watcher;
use crate::watching::{All, ChatFacts, Facts, listener};
use crate::{data, notify};

/// What only one server can have, when it is held and nothing serves yet.
struct Held<'a> {
    /// Where everything is kept, if anything is.
    path: Option<PathBuf>,
    folder: Option<DataFolder>,
    parts: Vec<Part<'a>>,
    watched: listener::Claimed,
    log: Arc<Log>,
    /// The place of the operator's socket.
    door: Option<Door>,
}

/// All that serves.
struct Serving<'a> {
    start: &'a Start<'a>,
    servers: Vec<Running>,
    /// All addresses.
    listens: Vec<Listen>,
    chat: Option<OpenChat>,
    chair: Arc<Chair>,
    watcher: Watcher,
    console: Arc<Console>,
    log: Arc<Log>,
    path: Option<PathBuf>,
    folder: Option<DataFolder>,
    operated: Operated,
    terminal: Option<Terminal>,
}

impl Start<'_> {
    /// Serves until it is told to end.
    pub(super) fn live(&self, wished: Receiver<Asked>) -> Result<u8, Fault> {
        let terminal = Terminal::find();
        let held = self.hold(terminal.is_some())?;
        let mut serving = self.serve(held, terminal)?;
        let (first, next) = serving.wait(&wished);
        serving.end((first, wished), next)
    }

    /// Takes what only one server can have, and what others would see last.
    fn hold(&self, has_terminal: bool) -> Result<Held<'_>, Fault> {
        let path = self.data()?;
        let held = if self.follows() { None } else { hold(path.as_deref())? };
        let (parts, watched) = (self.parts()?, self.claim_watched()?);
        self.look_before(path.as_deref())?;
        self.wait_for_the_other()?;
        let folder = held.map_or_else(|| hold(path.as_deref()), |held| Ok(Some(held)))?;
        let log = self.log(path.as_deref(), has_terminal);
        // Before anybody comes in: one that cannot be where it was asked for is no reason to send them away again.
        let door = self.claim_socket(path.as_deref(), &log)?;
        Ok(Held { path, folder, parts, watched, log, door })
    }

    /// Starts all services, and says so when they serve.
    fn serve(&self, held: Held<'_>, terminal: Option<Terminal>) -> Result<Serving<'_>, Fault> {
        let Held { path, folder, parts, watched, log, door } = held;
        let directory = Arc::<Directory>::default();
        let is_several = self.plan.is_several();
        let ground = Ground { log, directory, conn_ids: ConnIds::default(), is_several };
        let chat = self.open_chat(folder.as_ref(), &ground, terminal.is_some())?;
        let bans = chat.as_ref().map_or_else(
            || Bans::in_memory(house::wall_clock, TimeZone::system()),
            |open| open.chat.bans().clone(),
        );
        let listens: Vec<Vec<Listen>> = parts.iter().map(Part::listens).collect();
        let tls: Vec<_> = parts.iter().map(|part| part.tls.clone()).collect();
        let servers = self.start_all(parts, chat.as_ref(), &bans, &ground)?;
        let Ground { log, directory, .. } = ground;
        let chair = self.chair(&servers, (&listens, &tls), chat.as_ref(), &log);
        let watcher = Watcher::start(self.facts(&servers, &tls, (chat.as_ref(), &bans), &log), watched)?;
        let zone = TimeZone::system();
        let console = Arc::new(Console {
            services: self.served(&servers),
            hub: chat.as_ref().map(|open| open.chat.hub().clone()),
            clerk: chat.as_ref().map(|open| {
                Clerk::new(open.office(), Arc::clone(&log), Arc::clone(&self.screen), zone.clone())
            }),
            store: chat.as_ref().map(|open| Arc::clone(&open.store)),
            past: chat.as_ref().map(|open| Arc::clone(open.chat.past())),
            backups: chat.as_ref().map(|open| Arc::clone(&open.backups)),
            bans,
            chair: Arc::clone(&chair),
            draining: Draining::default(),
            wishes: self.wishes.clone(),
            facts: Arc::clone(watcher.facts()),
            data: path.clone(),
            directory,
            log: Arc::clone(&log),
            zone,
        });
        let socket = self.socket(&console, door)?;
        let all: Vec<Listen> = listens.concat();
        folder.iter().for_each(|folder| publish(folder, &all, socket.as_ref()));
        self.say_ready(&servers, &listens, chat.as_ref(), (&log, socket.as_ref()), terminal.is_some());
        let prompt = self.prompt(terminal.as_ref(), &console);
        let operated = Operated { prompt, socket };
        let start = self;
        Ok(Serving {
            start,
            servers,
            listens: all,
            chat,
            chair,
            watcher,
            console,
            log,
            path,
            folder,
            operated,
            terminal,
        })
    }

    /// Where what runs is changed from here on.
    fn chair(
        &self,
        servers: &[Running],
        (listens, tls): (&[Vec<Listen>], &[Option<Tls>]),
        chat: Option<&OpenChat>,
        log: &Arc<Log>,
    ) -> Arc<Chair> {
        let each = servers.iter().zip(listens).zip(tls).zip(self.plan.services());
        let lives = each.map(|(((running, listens), tls), config)| {
            let own = chat.filter(|_| config.settings.service == Service::Chat);
            let (chat, identity) = own.map(|open| (Arc::clone(&open.chat), open.identity.clone())).unzip();
            Live { running: running.clone(), listens: listens.clone(), chat, identity, tls: tls.clone() }
        });
        Arc::new(Chair::new(self.sources.clone(), self.plan.clone(), lives.collect(), Arc::clone(log)))
    }

    /// Where everything is kept. A chat always keeps something; without one nothing is unless a folder is named for it, so any
    /// number of such servers run beside each other.
    fn data(&self) -> Result<Option<PathBuf>, Fault> {
        match (&self.plan.process().data, self.plan.chat()) {
            (Some(path), _) => Ok(Some(path.clone())),
            (None, Some(_)) => data::usual().map(Some),
            (None, None) => Ok(None),
        }
    }

    /// What one that follows another can know of the store without touching it.
    fn look_before(&self, path: Option<&Path>) -> Result<(), Fault> {
        match path.filter(|_| self.follows() && self.plan.chat().is_some()) {
            Some(path) => throng_store::check(path).map_err(|why| data::refused(path, &why)),
            None => Ok(()),
        }
    }

    fn log(&self, path: Option<&Path>, has_terminal: bool) -> Arc<Log> {
        let verbose = self.plan.services().iter().any(|config| config.settings.verbose);
        let sight = match (has_terminal, verbose) {
            (true, _) => Sight::Prompt,
            (false, true) => Sight::Watched,
            (false, false) => Sight::Lines,
        };
        let events = path.map(|path| path.join("events"));
        Log::open(events.as_deref(), self.events(), sight, Arc::clone(&self.screen))
    }

    /// The chat, up to where a server is needed.
    fn open_chat(
        &self,
        folder: Option<&DataFolder>,
        ground: &Ground,
        has_terminal: bool,
    ) -> Result<Option<OpenChat>, Fault> {
        let Some((config, folder)) = self.plan.chat().zip(folder) else { return Ok(None) };
        let settings = &config.settings;
        let path = self.data()?.expect("a chat has a folder");
        let opened = match settings.durability {
            Durability::Memory => throng_store::memory(),
            durability => throng_store::open(folder, durability).map_err(|why| data::refused(&path, &why))?,
        };
        OpenChat::open(settings, opened, &path, ground, has_terminal).map(Some)
    }

    /// Starts all services, and gives them in their order. The chat is last: nobody is let in who would be sent away again because
    /// another one cannot be started.
    fn start_all(
        &self,
        parts: Vec<Part<'_>>,
        chat: Option<&OpenChat>,
        bans: &Bans,
        ground: &Ground,
    ) -> Result<Vec<Running>, Fault> {
        let is_chat = |part: &Part<'_>| part.config.settings.service == Service::Chat;
        let mut parts: Vec<_> = parts.into_iter().enumerate().collect();
        parts.sort_by_key(|(_, part)| is_chat(part));
        let started = parts
            .into_iter()
            .map(|(at, part)| self.start(part, chat, bans, ground).map(|running| (at, running)));
        let mut started = started.collect::<Result<Vec<_>, _>>()?;
        started.sort_by_key(|(at, _)| *at);
        Ok(started.into_iter().map(|(_, running)| running).collect())
    }

    /// Starts one service.
    fn start(
        &self,
        part: Part<'_>,
        chat: Option<&OpenChat>,
        bans: &Bans,
        ground: &Ground,
    ) -> Result<Running, Fault> {
        let kind = part.config.settings.service;
        let running = match (kind, chat) {
            (Service::Chat, Some(open)) => open.start(part, ground)?,
            (Service::Chat, None) => unreachable!("a chat that is planned is open"),
            (Service::Echo, _) => self.plain(part, |watch| Echo { watch }, bans, ground)?,
            (Service::Hello, _) => self.plain(part, |watch| Hello { watch }, bans, ground)?,
        };
        match kind {
            Service::Chat => bans.serve(&running),
            Service::Echo | Service::Hello => bans.serve_also(&running),
        }
        Ok(running)
    }

    fn facts(
        &self,
        servers: &[Running],
        tls: &[Option<Tls>],
        (chat, bans): (Option<&OpenChat>, &Bans),
        log: &Arc<Log>,
    ) -> Arc<All> {
        let each = servers.iter().zip(tls).zip(self.plan.services()).map(|((running, tls), config)| {
            let chat = chat.filter(|_| config.settings.service == Service::Chat);
            let chat = chat.map(|open| ChatFacts::of(&open.chat));
            let label = config.label.clone();
            let mut facts = Facts::new(label, self.begun, running.clone(), chat, Arc::clone(log));
            (facts.tls, facts.bans) = (tls.clone(), Some(bans.clone()));
            Arc::new(facts)
        });
        All::of(each.collect())
    }

    fn served(&self, servers: &[Running]) -> Vec<Served> {
        let each = servers.iter().zip(self.plan.services());
        each.map(|(running, config)| Served { label: config.label.clone(), running: running.clone() })
            .collect()
    }
}

impl Serving<'_> {
    /// Does what is asked, until it is to end: who wants that, and who takes over then, if anybody does.
    fn wait(&mut self, wished: &Receiver<Asked>) -> (Wish, Option<Next>) {
        let Serving { start, servers, listens, console, log, path, folder, operated, .. } = self;
        let way = Way::of(self.terminal.is_some());
        // What has a store serves when the other has let go of it.
        let beside = way == Way::Beside && self.chat.is_none();
        start.wait(wished, servers, log, &self.chair, |mut heir| {
            if beside {
                // It serves beside us before we let go, so only the folder of the log changes hands now.
                *folder = None;
                operated.socket.take().into_iter().for_each(Socket::close);
                match heir.open() {
                    Ok(pid) => notify::handed_over(pid),
                    Err(why) => {
                        restart::failed(log, &why);
                        *folder = hold(path.as_deref()).ok().flatten();
                        let door = start.claim_socket(path.as_deref(), log).ok().flatten();
                        operated.socket = start.socket(console, door).ok().flatten();
                        folder.iter().for_each(|folder| publish(folder, listens, operated.socket.as_ref()));
                        return None;
                    }
                }
            }
            // A server that is open lets go; the drain tells otherwise.
            servers.iter().for_each(|server| drop(server.let_go()));
            Some(if beside { Next::Serving } else { Next::of(heir, way) })
        })
    }

    /// Ends all of it, so that who follows finds nothing held. The exit code.
    fn end(self, (first, wished): (Wish, Receiver<Asked>), mut next: Option<Next>) -> Result<u8, Fault> {
        let Serving { start, servers, chat, chair, watcher, log, folder, operated, terminal, .. } = self;
        watcher.facts().begin_end();
        log.tell(Event::info("server.draining").with("by", first.by.name()));
        if terminal.is_some() && next.is_none() && chat.is_some() {
            start
                .screen
                .say("Closing: no new clients, everybody is told goodbye. Ctrl-C again does not wait.");
        }
        let words = if next.is_some() { restart::FAREWELL } else { ending::FAREWELL };
        let hears = chat.as_ref().map(|open| (&open.chat, words));
        let drain_time = chair.plan().process().drain_time;
        let ended = ending::end(&servers, hears, (first, wished), drain_time);
        match (&chat, ended.told) {
            (Some(_), Goodbye::Late) => next = next.map(Next::in_place),
            (Some(open), _) => open.store.close(),
            (None, _) => {}
        }
        start.finish(operated, terminal.as_ref(), &log, &ended);
        // Whoever follows may keep a code of its own in the folder.
        drop(chat.map(|open| open.first_operator));
        drop(folder);
        watcher.end();
        start.over(&ended, next, &log)
    }
}

/// Takes the folder, if there is one.
fn hold(path: Option<&Path>) -> Result<Option<DataFolder>, Fault> {
    path.map(|path| DataFolder::open(path).map_err(|why| data::refused(path, &why))).transpose()
}
