//! `throng serve`: opens the data folder, claims the ports, starts the services, and ends them well.
//!
//! [`life`] is the whole of it, from the first claim to the last line. What only the [`chat`] has is opened there, and each
//! other service is started by [`plain`]; [`local`] is the prompt in the server's own terminal; [`ready`] is what is said when all of them serve.

mod accounts;
mod chat;
mod first_operator;
mod life;
mod local;
mod plain;
mod ready;

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use throng_server::{Baton, Claim, ConnIds, Heir, Inherited, Running, Server, Tls};
use throng_services::chat::house;
use throng_store::{DataFolder, RunningInfo};

use crate::cli::Serve;
use crate::config::chair::Chair;
use crate::config::{Config, Plan, Sources};
use crate::console::Console;
use crate::console::terminal::Terminal;
use crate::control::place::{self, Whose};
use crate::control::server::{self, Door, Socket};
use crate::directory::Directory;
use crate::ending::{Ended, Goodbye};
use crate::fault::Fault;
use crate::listen::Listen;
use crate::log::segments::Bounds;
use crate::log::{Event, Log};
use crate::notify;
use crate::ports::{self, Claimed, Place};
use crate::prompt::{self, Prompt};
use crate::reporting;
use crate::restart::{self, Next};
use crate::screen::Screen;
use crate::settings::live;
use crate::settings::values::Socket as Wanted;
use crate::signals::{Asked, Asker, Wish, Wishes};
use crate::watching::listener;
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
    let plan = sources.load_here().map_err(|mistakes| match follows(baton) {
        true => Fault::usage(mistakes.in_short()),
        false => mistakes.into(),
    })?;
    let (wishes, wished) = Wishes::new();
    let is_worker = throng_server::worker_number().is_some();
    // A worker's process ends when its first process says so.
    if !is_worker && !wishes.listen(Terminal::find().is_some()) {
        return Err(Fault::failed("cannot listen for signals"));
    }
    let (screen, passed) = (Screen::start(), Cell::new(passed));
    let start = Start { plan: &plan, sources, begun, wishes, screen, passed, baton };
    if is_worker { start.work() } else { start.live(wished) }
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
    /// What is served.
    plan: &'a Plan,
    /// From where the settings are read anew.
    sources: Sources,
    begun: Instant,
    wishes: Wishes,
    screen: Arc<Screen>,
    /// Sockets that this process was started with, until they are claimed.
    passed: Cell<Vec<Claim>>,
    /// The line to the server that this one follows, until this one serves.
    baton: &'a Cell<Option<Baton>>,
}

/// What one service needs to be started.
struct Part<'a> {
    config: &'a Config,
    /// How many clients it may have.
    clients: u64,
    places: Vec<Place>,
    tls: Option<Tls>,
}

/// What all services of the process have in common.
struct Ground {
    log: Arc<Log>,
    directory: Arc<Directory>,
    conn_ids: ConnIds,
    /// Are there several? Then events say of which service they are.
    is_several: bool,
}

impl Part<'_> {
    /// Where it listens, with the real ports.
    fn listens(&self) -> Vec<Listen> {
        self.places.iter().map(Place::listen).collect()
    }

    /// Starts it, by whatever model it has by now.
    fn start<K: 'static>(self, server: Server<K>, ground: &Ground) -> Result<Running, Fault> {
        let service = ground.is_several.then(|| self.config.label.clone());
        let (log, directory) = (Arc::clone(&ground.log), Arc::clone(&ground.directory));
        let server = server.conn_ids(&ground.conn_ids).events(reporting::events(log, directory, service));
        self.listening(server).start().map_err(|why| Fault::failed(why.to_string()))
    }

    /// The server at all its addresses, with its limits.
    fn listening<K: 'static>(self, server: Server<K>) -> Server<K> {
        let Part { config, clients, places, tls } = self;
        let settings = &config.settings;
        let server = places.into_iter().fold(server, |server, place| match &tls {
            Some(tls) if place.only_tls => server.listen_tls_on(place.claim, tls),
            _ => server.listen_on(place.claim),
        });
        let server = server
            .limits(live::limits(settings, clients))
            .timeouts(live::timeouts(settings))
            .proxies(settings.proxy_allowed_from.iter().copied());
        match &tls {
            Some(tls) => server.tls(tls),
            None => server,
        }
    }
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
        servers: &[Running],
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
                    restart::begin(servers, &self.wishes, log, by);
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

    /// What each service needs, in the order of the plan: certificates are read first, since a claim is seen by others.
    fn parts(&self) -> Result<Vec<Part<'_>>, Fault> {
        let services = self.plan.services();
        let tls = services.iter().map(|config| live::tls(&config.settings)).collect::<Result<Vec<_>, _>>();
        let tls = tls.map_err(|why| {
            Fault::failed(why.to_string()).hint("make one to try with: throng tls self-signed")
        })?;
        let wanted: Vec<_> = services.iter().map(|config| &config.settings.listen[..]).collect();
        let claimed = ports::claim(&wanted, self.passed.take())?;
        let shares = self.plan.shares(self.sources.descriptors);
        let each = services.iter().zip(shares).zip(tls).zip(claimed);
        Ok(each
            .map(|(((config, clients), tls), Claimed { claims, note })| {
                // A worker's claims are its first process's, and so is what there is to say of them.
                note.iter()
                    .filter(|_| throng_server::worker_number().is_none())
                    .for_each(|note| self.screen.say(note));
                Part { config, clients, places: claims, tls }
            })
            .collect())
    }

    /// The addresses at which programs may ask how the server is.
    fn claim_watched(&self) -> Result<listener::Claimed, Fault> {
        let wanted: Vec<_> =
            self.plan.process().metrics_listen.iter().map(|listen| listen.address.clone()).collect();
        listener::claim(&wanted, self.follows())
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

    /// The place of the operator's socket. A server that was not told where it should be serves without it as well.
    fn claim_socket(&self, data: Option<&Path>, log: &Log) -> Result<Option<Door>, Fault> {
        let claim = |path: &Path| place::prepare(path).and_then(|()| server::claim(path)).map(Some);
        match &self.plan.process().console_socket {
            Wanted::Off => Ok(None),
            Wanted::At(path) => claim(path),
            Wanted::Auto => {
                let path = place::of(&Whose { data, service: &self.plan.services()[0].label });
                claim(&path).or_else(|fault| {
                    log.tell(Event::warn("console.unreachable").with("why", &fault.what));
                    Ok(None)
                })
            }
        }
    }

    /// The operator's socket, where there is a place for it.
    fn socket(&self, console: &Arc<Console>, door: Option<Door>) -> Result<Option<Socket>, Fault> {
        let opened = door.map(|door| server::open(console, door)).transpose()?;
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

    /// How large the event log may become.
    fn events(&self) -> Bounds {
        let process = self.plan.process();
        Bounds { bytes: process.events_bytes, files: process.events_files.into() }
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
