//! The services where nobody has a name and nothing is kept: by any model, with the same prompt, log and end as the chat.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use jiff::tz::TimeZone;
use throng_server::model::Shareable;
use throng_server::{Events, Handler, Peer, Pool, Sequential, Server, Threads, Workers};
use throng_services::chat::house;
use throng_services::{Bans, Seen, Watch};
use throng_store::DataFolder;
use throng_wire::printable::printable_bytes;

use super::{OperatorsChair, Start, publish};
use crate::banner;
use crate::console::terminal::Terminal;
use crate::console::{Console, Draining};
use crate::control::server::Socket;
use crate::directory::Directory;
use crate::fault::Fault;
use crate::listen::Listen;
use crate::log::{Event, Log, Sight};
#[cfg(target_os = "linux")]
use crate::ports;
use crate::ports::Place;
use crate::restart::{self, Next, Way};
use crate::screen::Screen;
use crate::settings::choices::Model;
use crate::signals::Asked;
use crate::{data, ending, notify, reporting};

/// How much of what came `--verbose` shows.
const SHOWN_MAX: usize = 64;

impl Start<'_> {
    /// Who is told what the service sees: the screen, with `--verbose`.
    pub(super) fn watch(&self) -> Watch {
        if !self.asked.verbose {
            return Watch::none();
        }
        let screen = Arc::clone(&self.screen);
        Watch::by(move |peer, seen| tell(&screen, peer, seen))
    }

    /// Serves until it is told to end, by the model that was asked for.
    pub(super) fn plain<H: Handler>(
        &self,
        handler: impl Fn(Watch) -> H + Send + Sync + 'static,
        wished: Receiver<Asked>,
    ) -> Result<u8, Fault> {
        if self.asked.model == Model::Processes {
            return self.by_processes(handler, wished);
        }
        self.operate(self.by_model(Server::new(handler(self.watch()))), wished)
    }

    #[cfg(target_os = "linux")]
    fn by_processes<H: Handler>(
        &self,
        handler: impl Fn(Watch) -> H + Send + Sync + 'static,
        wished: Receiver<Asked>,
    ) -> Result<u8, Fault> {
        let watch = self.watch();
        let server = Server::local(move |_| handler(watch.clone()));
        let server = server.model(throng_server::Processes { workers: self.workers() });
        if throng_server::worker_number().is_some() {
            return self.work(server);
        }
        self.operate(server, wished)
    }

    #[cfg(not(target_os = "linux"))]
    fn by_processes<H>(&self, _: H, _: Receiver<Asked>) -> Result<u8, Fault> {
        Err(Fault::usage("there are no worker processes on this system")
            .hint("threads serve as many: --model threads"))
    }

    /// Serves in a worker's process, with nothing of what its first process has: no folder, no log, no prompt. The claims are
    /// that one's, and so is what there is to say of them.
    #[cfg(target_os = "linux")]
    fn work<K: 'static>(&self, server: Server<K>) -> Result<u8, Fault> {
        let tls = self.tls()?;
        let claimed = ports::claim(&self.asked.listen, self.passed.take())?;
        let server = self.listening(server.limits(self.limits()), claimed.claims, tls.as_ref());
        let Err(why) = server.start() else { unreachable!("a worker's start never returns") };
        Err(Fault::failed(why.to_string()))
    }

    /// Serves until it is told to end, with a prompt, a log and an end like the chat's.
    fn operate<K: 'static>(&self, server: Server<K>, wished: Receiver<Asked>) -> Result<u8, Fault> {
        let terminal = Terminal::find();
        // Nothing is kept unless a folder is named for it, so any number of these run beside each other.
        let held = if self.follows() { None } else { self.folder()? };
        let (tls, claims, watched) = (self.tls()?, self.claim()?, self.claim_watched()?);
        self.wait_for_the_other()?;
        let mut folder = held.map_or_else(|| self.folder(), |held| Ok(Some(held)))?;
        let events = self.asked.data.as_ref().map(|path| path.join("events"));
        let sight = match (terminal.is_some(), self.asked.verbose) {
            (true, _) => Sight::Prompt,
            (false, true) => Sight::Watched,
            (false, false) => Sight::Lines,
        };
        let log = Log::open(events.as_deref(), self.events(), sight, Arc::clone(&self.screen));
        let directory = Arc::<Directory>::default();
        let listens: Vec<Listen> = claims.iter().map(Place::listen).collect();
        let bans = Bans::in_memory(house::wall_clock, TimeZone::system());
        let server = server.denied(bans.denied());
        let server =
            server.limits(self.limits()).events(reporting::events(Arc::clone(&log), Arc::clone(&directory)));
        let server = self.listening(server, claims, tls.as_ref());
        let running = server.start().map_err(|why| Fault::failed(why.to_string()))?;
        bans.serve(&running);
        let model = running.model();
        let chair = self.chair(&running, tls.as_ref(), None, &log);
        let watcher = self.watch_server(&running, None, &log, watched)?;
        folder.iter().for_each(|folder| publish(folder, &listens));
        let zone = TimeZone::system();
        let console = Arc::new(Console {
            service: self.asked.service.name(),
            hub: None,
            clerk: None,
            running: running.clone(),
            store: None,
            past: None,
            backups: None,
            bans,
            chair: Arc::clone(&chair),
            draining: Draining::default(),
            wishes: self.wishes.clone(),
            facts: Arc::clone(watcher.facts()),
            data: self.asked.data.clone(),
            directory,
            log: Arc::clone(&log),
            zone,
        });
        let mut socket = self.socket(&console, self.asked.data.as_deref())?;
        let ready_ms = self.tell_ready(&listens, &log, |ready| ready.with("model", model));
        if terminal.is_some() {
            self.screen.say(&self.banner(&listens, model, ready_ms));
        }
        let prompt = self.prompt(terminal.as_ref(), &console);
        let way = Way::of(terminal.is_some());
        let (first, next) = self.wait(&wished, &running, &log, &chair, |mut heir| {
            if way == Way::Beside {
                // It serves beside us before we let go, so only the folder of the log changes hands now.
                folder = None;
                socket.take().into_iter().for_each(Socket::close);
                match heir.open() {
                    Ok(pid) => notify::handed_over(pid),
                    Err(why) => {
                        restart::failed(&log, &why);
                        folder = self.folder().ok().flatten();
                        folder.iter().for_each(|folder| publish(folder, &listens));
                        socket = self.socket(&console, self.asked.data.as_deref()).ok().flatten();
                        return None;
                    }
                }
            }
            // A server that is open lets go; the drain tells otherwise.
            let _ = running.let_go();
            Some(if way == Way::Beside { Next::Serving } else { Next::of(heir, way) })
        });
        watcher.facts().begin_end();
        log.tell(Event::info("server.draining").with("by", first.by.name()));
        let ended = ending::end(&running, (first, wished), chair.settings().drain_time);
        self.finish(OperatorsChair { prompt, socket }, terminal.as_ref(), &log, &ended);
        drop(folder);
        watcher.end();
        self.over(&ended, next, &log)
    }

    /// Where the event log is kept, if anywhere.
    fn folder(&self) -> Result<Option<DataFolder>, Fault> {
        let path = self.asked.data.as_ref();
        path.map(|path| DataFolder::open(path).map_err(|why| data::refused(path, &why))).transpose()
    }

    fn by_model<H: Handler>(&self, server: Server<Shareable<H>>) -> Server<Shareable<H>> {
        let threads = self.asked.workers.map(usize::from);
        match self.asked.model {
            Model::Sequential => server.model(Sequential),
            Model::Threads => server.model(threads.map_or_else(Threads::default, |max| Threads { max })),
            Model::Pool => server.model(Pool { workers: self.workers() }),
            // Processes have come another way.
            Model::Events | Model::Processes => server.model(Events { workers: self.workers() }),
        }
    }

    fn workers(&self) -> Workers {
        self.asked.workers.map_or(Workers::Auto, |count| Workers::Count(count.into()))
    }

    fn banner(&self, listens: &[Listen], model: &str, ready_ms: u128) -> String {
        let service = self.asked.service.name();
        let at_once = match (self.asked.model, self.asked.workers) {
            (Model::Sequential, _) => 1,
            (Model::Threads, max) => {
                max.map_or(Threads::default().max as u64, u64::from).min(self.clients_max)
            }
            (Model::Pool | Model::Events | Model::Processes, _) => self.clients_max,
        };
        let mut lines = vec![format!("throng {}", env!("CARGO_PKG_VERSION"))];
        lines.extend(listens.iter().map(|listen| format!("  {service:<8} {listen}   {model}")));
        lines.extend(listens.first().map(|listen| format!("\n  Try:     {}", banner::by_terminal(listen))));
        lines.push(format!("\nready in {ready_ms} ms, {at_once} served at once"));
        lines.join("\n")
    }
}

/// One line, with the thread that serves: `thread-3: received 7 bytes "hello\x0d\x0a"`.
fn tell(screen: &Screen, peer: &Peer, seen: Seen<'_>) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("a thread without a name");
    let name = name.strip_prefix("throng-").unwrap_or(name);
    let from = &peer.address;
    screen.say(&match seen {
        Seen::Accepted => format!("{name}: accepted {from}"),
        Seen::Received(bytes) => {
            let shown = printable_bytes(&bytes[..bytes.len().min(SHOWN_MAX)]);
            let more = if bytes.len() > SHOWN_MAX { " …" } else { "" };
            format!("{name}: {from} received {} bytes \"{shown}\"{more}", bytes.len())
        }
        Seen::Closed(end) => format!("{name}: closed {from}: {end}"),
    });
}
