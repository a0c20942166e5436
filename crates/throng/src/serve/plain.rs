//! The services where nobody has a name and nothing is kept: by any model, with the same prompt, log and end as the chat.

use std::sync::Arc;

use throng_server::model::Shareable;
use throng_server::{Events, Handler, Peer, Pool, Running, Sequential, Server, Threads, Workers};
use throng_services::{Bans, Echo, Hello, Seen, Watch};
use throng_wire::printable::printable_bytes;

use super::{Ground, Part, Start};
use crate::config::relay;
use crate::fault::Fault;
use crate::screen::Screen;
use crate::settings::Settings;
use crate::settings::choices::{Model, Service};

/// How much of what came `--verbose` shows.
const SHOWN_MAX: usize = 64;

impl Start<'_> {
    /// Who is told what a service sees: the screen, with `--verbose`.
    fn watch(&self, settings: &Settings) -> Watch {
        if !settings.verbose {
            return Watch::none();
        }
        let screen = Arc::clone(&self.screen);
        Watch::by(move |peer, seen| tell(&screen, peer, seen))
    }

    /// Starts a service, by the model that was asked for.
    pub(super) fn plain<H: Handler>(
        &self,
        part: Part<'_>,
        handler: impl Fn(Watch) -> H + Send + Sync + 'static,
        bans: &Bans,
        ground: &Ground,
    ) -> Result<Running, Fault> {
        let settings = &part.config.settings;
        let watch = self.watch(settings);
        if settings.model == Model::Processes {
            let words = relay::written(part.config, &part.listens());
            let server = by_processes(settings, move |_| handler(watch.clone()))?;
            return part.start(server.tell_workers(words).denied(bans.denied()), ground);
        }
        let server = by_model(settings, Server::new(handler(watch)));
        part.start(server.denied(bans.denied()), ground)
    }

    /// Serves in a worker's process, with nothing of what its first process has: no folder, no log, no prompt.
    pub(super) fn work(&self) -> Result<u8, Fault> {
        let part = self.parts()?.pop().ok_or_else(|| Fault::failed("a worker has a service"))?;
        let settings = &part.config.settings;
        let watch = self.watch(settings);
        let started = match settings.service {
            Service::Echo => {
                let server = by_processes(settings, move |_| Echo { watch: watch.clone() })?;
                part.listening(server).start()
            }
            Service::Hello => {
                let server = by_processes(settings, move |_| Hello { watch: watch.clone() })?;
                part.listening(server).start()
            }
            Service::Chat => return Err(Fault::failed("the chat has no worker processes")),
        };
        let Err(why) = started else { unreachable!("a worker's start never returns") };
        Err(Fault::failed(why.to_string()))
    }
}

#[cfg(target_os = "linux")]
fn by_processes<H: Handler>(
    settings: &Settings,
    factory: impl Fn(&throng_server::Worker) -> H + Send + Sync + 'static,
) -> Result<Server<throng_server::model::PerWorker<H>>, Fault> {
    Ok(Server::local(factory).model(throng_server::Processes { workers: workers(settings) }))
}

#[cfg(not(target_os = "linux"))]
fn by_processes<H: Handler>(
    _: &Settings,
    _: impl Fn(&throng_server::Worker) -> H + Send + Sync + 'static,
) -> Result<Server<throng_server::model::PerWorker<H>>, Fault> {
    Err(Fault::usage("there are no worker processes on this system")
        .hint("threads serve as many: --model threads"))
}

fn by_model<H: Handler>(settings: &Settings, server: Server<Shareable<H>>) -> Server<Shareable<H>> {
    let threads = settings.workers.map(usize::from);
    match settings.model {
        Model::Sequential => server.model(Sequential),
        Model::Threads => server.model(threads.map_or_else(Threads::default, |max| Threads { max })),
        Model::Pool => server.model(Pool { workers: workers(settings) }),
        // Processes have come another way.
        Model::Events | Model::Processes => server.model(Events { workers: workers(settings) }),
    }
}

fn workers(settings: &Settings) -> Workers {
    settings.workers.map_or(Workers::Auto, |count| Workers::Count(count.into()))
}

/// How many it serves at the same time, when it may have so many clients.
pub(super) fn at_once(settings: &Settings, clients: u64) -> u64 {
    match (settings.model, settings.workers) {
        (Model::Sequential, _) => 1,
        (Model::Threads, max) => max.map_or(Threads::default().max as u64, u64::from).min(clients),
        (Model::Pool | Model::Events | Model::Processes, _) => clients,
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
