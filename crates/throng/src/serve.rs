//! `throng serve`: opens the data folder, claims the ports, starts the service, and ends it well.
//!
//! The order matters: the folder first, since a running server is the most likely reason for everything else;
//! then the ports; then the store; and the doors open last, when everything behind them is ready. One that follows
//! another server looks at everything first and changes nothing, and takes the folder when the other let it go.

mod accounts;
mod chat;
mod first_operator;
mod local;
mod plain;

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use throng_server::{Baton, Claim, Heir, Inherited, Limits, Running, Server, Tls};
use throng_services::chat::{Chat, house};
use throng_services::identity::Identity;
use throng_services::{Echo, Hello};
use throng_store::{DataFolder, RunningInfo};

use crate::cli::Serve;
use crate::config::chair::Chair;
use crate::config::{Config, Sources};
use crate::console::Console;
use crate::console::terminal::Terminal;
use crate::control::place::{self, Whose};
use crate::control::server::{self, Socket};
use crate::ending::{Ended, Goodbye};
use crate::fault::Fault;
use crate::listen::Listen;
use crate::log::segments::Bounds;
use crate::log::{Event, Log};
use crate::notify;
use crate::ports::{self, Claimed, Place};
use crate::prompt::{self, Prompt};
use crate::restart::{self, Next};
use crate::screen::Screen;
use crate::settings::choices::Service;
use crate::settings::live::{self, Live};
use crate::settings::values::Socket as Wanted;
use crate::settings::{Settings, fits};
use crate::signals::{Asked, Asker, Wish, Wishes};
use crate::watching::watcher::Watcher;
use crate::watching::{ChatFacts, Facts, listener};
use local::Local;

/// How long the last lines may take to appear.
const LAST_LINES_MAX: Duration = Duration::from_secs(1);

/// Serves until it is told to end. Gives the exit code.
pub fn serve(asked: &Serve) -> Result<u8, Fault> {
    // Before there is any other thread.
    let inherited = Inherited::take().map_err(|why| Fault::failed(why.to_string()))?;
    let baton = Cell::new(inherited.baton);
    let outcome = begin(asked, inherited.claims, &baton);
    if let (Err(fault), Some(baton)) = (&outcome, baton.take()) {
        baton.failed(&fault.what);
    }
    outcome
}

fn begin(asked: &Serve, passed: Vec<Claim>, baton: &Cell<Option<Baton>>) -> Result<u8, Fault> {
    let begun = started();
    let descriptors = throng_server::raise_descriptors();
    let sources = Sources::of_process(asked.service, asked.given.clone(), descriptors);
    let config = sources.load_here().map_err(|mistakes| match follows(baton) {
        true => Fault::usage(mistakes.in_short()),
        false => mistakes.into(),
    })?;
    let clients_max = config.settings.limits_clients.map_or(fits::possible(descriptors), u64::from);
    let (wishes, wished) = Wishes::new();
    // A worker's process ends when its first process says so.
    if throng_server::worker_number().is_none() && !wishes.listen(Terminal::find().is_some()) {
        return Err(Fault::failed("cannot listen for signals"));
    }
    let (screen, passed) = (Screen::start(), Cell::new(passed));
    let start = Start {
        asked: &config.settings,
        config: &config,
        sources,
        begun,
        clients_max,
        wishes,
        screen,
        passed,
        baton,
    };
    match asked.service {
        Service::Chat => start.chat(wished),
        Service::Echo => start.plain(|watch| Echo { watch }, wished),
        Service::Hello => start.plain(|watch| Hello { watch }, wished),
    }
}

/// Does this server follow another one?
fn follows(baton: &Cell<Option<Baton>>) -> bool {
    let taken = baton.take();
    let follows = taken.is_some();
    baton.set(taken);
    follows
}

/// What a start has from its first moment.
struct Start<'a> {
    asked: &'a Settings,
    config: &'a Config,
    /// From where the settings are read anew.
    sources: Sources,
    begun: Instant,
    clients_max: u64,
    wishes: Wishes,
    screen: Arc<Screen>,
    /// Sockets that this process was started with, until they are claimed.
    passed: Cell<Vec<Claim>>,
    /// The line to the server that this one follows, until this one serves.
    baton: &'a Cell<Option<Baton>>,
}

impl Start<'_> {
    /// Does this server follow another one?
    fn follows(&self) -> bool {
        follows(self.baton)
    }

    /// Says to the server before this one, if there is one, that this one could serve, and waits until that one has let go.
    fn wait_for_the_other(&self) -> Result<(), Fault> {
        let Some(mut baton) = self.baton.take() else { return Ok(()) };
        let warm = baton.warm();
        self.baton.set(Some(baton));
        warm.map_err(|why| Fault::failed(format!("the server before this one did not let go: {why}")))
    }

    /// Tells whoever waits for it that this server serves.
    fn tell_open(&self, listens: &[Listen]) {
        match self.baton.take() {
            // That one tells the service manager, which listens to it alone until then.
            Some(baton) => drop(baton.open()),
            None => {
                let at: Vec<_> = listens.iter().map(ToString::to_string).collect();
                notify::ready(&format!("serving at {}", at.join(" and ")));
            }
        }
    }

    /// Does what is asked until the server is to end: who wants that, and who takes over then, if anybody does. A new process
    /// that is warm is given to `take_over`, which may find that it cannot serve after all.
    fn wait(
        &self,
        wished: &Receiver<Asked>,
        running: &Running,
        log: &Log,
        chair: &Chair,
        mut take_over: impl FnMut(Heir) -> Option<Next>,
    ) -> (Wish, Option<Next>) {
        let mut restarter = Asker::Console;
        loop {
            match wished.recv().expect("the thread that hears signals lives as long as the process") {
                Asked::End(wish) => {
                    notify::stopping();
                    return (wish, None);
                }
                Asked::Reload(by) => reload(chair, by),
                Asked::Restart(by) => {
                    restarter = by;
                    restart::begin(running, &self.wishes, log, by);
                }
                Asked::Heir(Ok(heir)) => {
                    if let Some(next) = take_over(heir) {
                        return (Wish { by: restarter, now: false }, Some(next));
                    }
                }
                Asked::Heir(Err(why)) => restart::failed(log, &why),
            }
        }
    }

    /// The certificate that was named, if one was.
    fn tls(&self) -> Result<Option<Tls>, Fault> {
        live::tls(self.asked).map_err(|why| {
            Fault::failed(why.to_string()).hint("make one to try with: throng tls self-signed")
        })
    }

    /// Where what runs is changed from here on.
    fn chair(
        &self,
        running: &Running,
        tls: Option<&Tls>,
        chat: Option<(Arc<Chat>, Identity)>,
        log: &Arc<Log>,
    ) -> Arc<Chair> {
        let (chat, identity) = chat.unzip();
        let descriptors = self.sources.descriptors;
        let live = Live { running: running.clone(), chat, identity, tls: tls.cloned(), descriptors };
        Arc::new(Chair::new(self.sources.clone(), self.config.clone(), live, Arc::clone(log)))
    }

    /// The server at all its addresses.
    fn listening<K: 'static>(&self, server: Server<K>, claims: Vec<Place>, tls: Option<&Tls>) -> Server<K> {
        let server = claims.into_iter().fold(server, |server, place| match tls {
            Some(tls) if place.only_tls => server.listen_tls_on(place.claim, tls),
            _ => server.listen_on(place.claim),
        });
        let server = server
            .timeouts(live::timeouts(self.asked))
            .proxies(self.asked.proxy_allowed_from.iter().copied());
        match tls {
            Some(tls) => server.tls(tls),
            None => server,
        }
    }

    fn claim(&self) -> Result<Vec<Place>, Fault> {
        let Claimed { claims, note } = ports::claim(&self.asked.listen, self.passed.take())?;
        note.iter().for_each(|note| self.screen.say(note));
        Ok(claims)
    }

    /// The addresses at which programs may ask how the server is.
    fn claim_watched(&self) -> Result<listener::Claimed, Fault> {
        let wanted: Vec<_> = self.asked.metrics_listen.iter().map(|listen| listen.address.clone()).collect();
        listener::claim(&wanted, self.follows())
    }

    /// Watches the server, and answers those who ask.
    fn watch_server(
        &self,
        running: &Running,
        chat: Option<ChatFacts>,
        log: &Arc<Log>,
        claimed: listener::Claimed,
    ) -> Result<Watcher, Fault> {
        let service = self.asked.service.name();
        let facts = Facts::new(service, self.begun, running.clone(), chat, Arc::clone(log));
        Watcher::start(facts, claimed)
    }

    /// Says that the server is ready, with what only this service tells.
    fn tell_ready(&self, listens: &[Listen], log: &Log, own: impl FnOnce(Event) -> Event) -> u128 {
        let ready_ms = self.begun.elapsed().as_millis();
        let ready = listens.iter().fold(Event::info("server.ready"), |event, at| event.with("address", at));
        log.tell(own(ready).count("ms", ready_ms));
        // Whoever waits for this line need not wait for others to gather behind it.
        log.settle(LAST_LINES_MAX);
        self.tell_open(listens);
        ready_ms
    }

    fn prompt(&self, terminal: Option<&Terminal>, console: &Arc<Console>) -> Option<Prompt> {
        terminal?.clone().restore_on_panic();
        match prompt::start(Arc::new(Local(Arc::clone(console))), &self.screen, &self.wishes) {
            Ok(prompt) => Some(prompt),
            Err(why) => {
                self.screen.say(&format!("(no prompt in this terminal: {why})"));
                None
            }
        }
    }

    /// The operator's socket. A server that was not told where it should be serves without it as well.
    fn socket(&self, console: &Arc<Console>, data: Option<&Path>) -> Result<Option<Socket>, Fault> {
        let open = |path: &Path| server::open(console, path);
        let opened = match &self.asked.console_socket {
            Wanted::Off => None,
            Wanted::At(path) => place::prepare(path).and_then(|()| open(path)).map(Some)?,
            Wanted::Auto => {
                let whose = Whose { data, service: self.asked.service.name() };
                let path = place::of(&whose);
                match place::prepare(&path).and_then(|()| open(&path)) {
                    Ok(socket) => Some(socket),
                    Err(fault) => {
                        console.log.tell(Event::warn("console.unreachable").with("why", &fault.what));
                        None
                    }
                }
            }
        };
        if let Some(socket) = &opened {
            console.log.tell(Event::info("console.open").with("socket", socket.path().display()));
        }
        Ok(opened)
    }

    /// The last line, when everything else was said, on a terminal as it was before.
    fn finish(&self, operated: Operated, terminal: Option<&Terminal>, log: &Log, ended: &Ended) {
        let event = match ended.told {
            Goodbye::None => Event::info("server.drained"),
            Goodbye::Told(people) => Event::info("server.drained").count("told", people),
            Goodbye::Late => Event::info("server.drained").count("told", 0_u64),
        };
        let event = event.count("closed", ended.report.finished).count("cut", ended.report.cut);
        log.tell(event.count("ms", ended.lasted.as_millis()));
        log.settle(LAST_LINES_MAX);
        if let Some(socket) = operated.socket {
            socket.close();
        }
        if let Some(prompt) = operated.prompt {
            prompt.close();
        }
        if let Some(terminal) = terminal {
            terminal.restore();
        }
        self.screen.say(&ended.text());
        self.screen.settle(LAST_LINES_MAX);
    }

    /// After the drain: the exit code, when the next one serves or there is none. Whoever cut the drain short wanted the end.
    fn over(&self, ended: &Ended, next: Option<Next>, log: &Log) -> Result<u8, Fault> {
        match next {
            Some(next) if ended.cut_by.is_none() => next.take_over(log, &self.screen).map(|()| 0),
            _ => Ok(ended.exit_code()),
        }
    }

    fn limits(&self) -> Limits {
        live::limits(self.asked, self.sources.descriptors)
    }

    /// How large the event log may become.
    fn events(&self) -> Bounds {
        Bounds { bytes: self.asked.events_bytes, files: self.asked.events_files.into() }
    }
}

/// From where a server is operated.
struct Operated {
    prompt: Option<Prompt>,
    socket: Option<Socket>,
}

/// Tells whoever finds the folder held by whom it is, and where that one is operated.
fn publish(folder: &DataFolder, listens: &[Listen], socket: Option<&Socket>) {
    // Whoever reads it may be in another folder.
    let control = socket.and_then(|socket| std::path::absolute(socket.path()).ok());
    folder.publish(&RunningInfo {
        pid: std::process::id(),
        addresses: listens.iter().map(ToString::to_string).collect(),
        started: house::wall_clock().0,
        control: control.and_then(|path| path.to_str().map(str::to_owned)),
    });
}

/// Reads everything again: what became of it is in the log.
fn reload(chair: &Chair, by: Asker) {
    notify::reloading();
    notify::ready(match chair.reload(by.name()) {
        Ok(_) => "serving, files read again",
        Err(_) => "serving as before: the files have mistakes",
    });
}

#[expect(clippy::disallowed_methods, reason = "how long the start takes is the roof's to know")]
fn started() -> Instant {
    Instant::now()
}
