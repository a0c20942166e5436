//! `throng serve`: opens the data folder, claims the ports, starts the service, and ends it well.
//!
//! The order matters: the folder first, since a running server is the most likely reason for everything else;
//! then the ports; then the store; and the doors open last, when everything behind them is ready.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use throng_server::{Limits, Model, Report, Running, Server, Timeouts, Workers};
use throng_services::chat::{Chat, Farewell, House, Settings, house};
use throng_store::{DataFolder, Durability, OpenFault, Opened, RunningInfo};

use crate::banner::{self, Banner};
use crate::cli::{Pace, Serve, Service};
use crate::fault::Fault;
use crate::ports::{self, Claimed};
use crate::screen::Screen;

/// How long a drain takes at most.
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// Serves until it is told to end.
pub fn serve(asked: &Serve) -> Result<(), Fault> {
    let begun = started();
    let descriptors = throng_server::raise_descriptors();
    let clients_max = clients_max(asked, descriptors)?;
    match asked.service {
        Service::Echo => serve_echo(asked, clients_max),
        Service::Chat => serve_chat(asked, clients_max, begun),
    }
}

fn serve_echo(asked: &Serve, clients_max: u64) -> Result<(), Fault> {
    let screen = Screen::default();
    let Claimed { claims, note } = ports::claim(&asked.listen)?;
    note.iter().for_each(|note| screen.say(note));
    let mut server = Server::new(throng_services::echo::echo).limits(limits(asked, clients_max));
    for claim in claims {
        server = server.listen_on(claim);
    }
    let running = server.start().map_err(|why| Fault::failed(why.to_string()))?;
    for address in running.addresses() {
        screen.say(&format!("echo at {address}; Ctrl-C ends it"));
    }
    crate::signals::wait(&screen);
    let report = drain(&running, DRAIN_MAX);
    screen.say(&format!("drained: {} finished, {} cut", report.finished, report.cut));
    Ok(())
}

fn serve_chat(asked: &Serve, clients_max: u64, begun: Instant) -> Result<(), Fault> {
    let screen = Arc::new(Screen::default());
    let path = match &asked.data {
        Some(path) => path.clone(),
        None => data_folder()?,
    };
    let folder = DataFolder::open(&path).map_err(|why| refused(&path, &why))?;
    let Claimed { claims, note } = ports::claim(&asked.listen)?;
    note.iter().for_each(|note| screen.say(note));
    let opened = match asked.durability {
        Durability::Memory => throng_store::memory(),
        durability => throng_store::open(&folder, durability).map_err(|why| refused(&path, &why))?,
    };
    let store = Arc::clone(&opened.store);
    let kept = kept(&opened, asked.durability);

    let addresses: Vec<SocketAddr> = claims.iter().map(throng_server::Claim::address).collect();
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let house = house_of(asked, addresses.clone());
    let chat = Chat::open(house, opened, asked.durability, workers)
        .map_err(|why| Fault::failed(format!("cannot start the chat: {why}")))?;
    let factory = Arc::clone(&chat);
    let mut server = Server::local(move |worker| factory.worker(worker))
        .model(Model::Events { workers: Workers::Count(workers) })
        .timeouts(Timeouts::default())
        .limits(limits(asked, clients_max));
    for claim in claims {
        server = server.listen_on(claim);
    }
    let running = server.start().map_err(|why| Fault::failed(why.to_string()))?;
    folder.publish(&RunningInfo { pid: std::process::id(), addresses: addresses.clone(), started: house::wall_clock().0 });

    let banner =
        Banner { addresses: &addresses, data: &path, kept, ready_ms: begun.elapsed().as_millis(), clients_max };
    screen.say(&banner.text());
    crate::signals::wait(&screen);
    end_chat(&chat, &running, &screen);
    store.close();
    Ok(())
}

/// The drain: the hub says farewell, the seats flush and close, and the last line says how many were told.
fn end_chat(chat: &Chat, running: &Running, screen: &Screen) {
    let begun = started();
    screen.say("draining: no new clients, everybody is told goodbye");
    let pausing = running.pause();
    if let Err(why) = pausing {
        screen.say(&format!("new clients may still come for a moment: {why}"));
    }
    let words = throng_services::chat::text("the server is closing, see you").expect("plain words");
    let farewell = chat.say_farewell(words, DRAIN_MAX);
    let report = drain(running, DRAIN_MAX.saturating_sub(begun.elapsed()));
    let told = match farewell {
        Farewell::Told(people) => format!("{people} told goodbye"),
        Farewell::Late => "nobody told goodbye, since the store did not answer".to_owned(),
    };
    screen.say(&format!("drained: {told}, {} connections closed, {} cut", report.finished, report.cut));
}

fn drain(running: &Running, patience: Duration) -> Report {
    running.drain(patience).wait()
}

fn house_of(asked: &Serve, addresses: Vec<SocketAddr>) -> House {
    let pace = match asked.pace {
        Pace::Off => throng_services::chat::PaceSettings::off(),
        Pace::Default => throng_services::chat::PaceSettings::default(),
    };
    let settings = Settings { name: asked.name.clone(), pace, ..Settings::default() };
    House { settings, since: house::wall_clock(), now: house::wall_clock, addresses, notes: throng_services::chat::Notes::default() }
}

fn limits(asked: &Serve, clients_max: u64) -> Limits {
    let usual = Limits::default();
    Limits {
        total: usize::try_from(clients_max).unwrap_or(usize::MAX),
        per_address: asked.limits_per_address.map_or(usual.per_address, |limit| limit as usize),
        // Loopback is exempt, unless a limit was asked for in so many words.
        per_address_loopback: asked.limits_per_address.is_some(),
        ..usual
    }
}

/// Descriptors that are kept for the store, the log, and whatever else is not a client.
const DESCRIPTORS_KEPT: u64 = 128;

fn clients_max(asked: &Serve, descriptors: u64) -> Result<u64, Fault> {
    let possible = descriptors.saturating_sub(DESCRIPTORS_KEPT).max(1);
    match asked.limits_clients.map(u64::from) {
        Some(limit) if limit > possible => {
            Err(Fault::usage(format!("--limits-clients {limit} is more than this process may have: {possible}"))
                .hint(format!("the descriptor limit is {descriptors}, and {DESCRIPTORS_KEPT} are kept aside"))
                .hint("raise it before the start: ulimit -n, or LimitNOFILE= in the unit (systemd.exec(5))"))
        }
        Some(limit) => Ok(limit),
        None => Ok(possible),
    }
}

fn kept(opened: &Opened, durability: Durability) -> String {
    match (durability, opened.created) {
        (Durability::Memory, _) => "nothing is kept: --durability memory".to_owned(),
        (_, true) => "created".to_owned(),
        (_, false) => format!("{} rooms, {} messages", opened.rooms.len(), opened.messages),
    }
}

/// `$XDG_DATA_HOME/throng`, which is `~/.local/share/throng` where that is not set (XDG Base Directory 0.8);
/// under systemd its state folder (systemd.exec(5), STATE_DIRECTORY).
fn data_folder() -> Result<PathBuf, Fault> {
    let path = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    path("STATE_DIRECTORY")
        .or_else(|| path("XDG_DATA_HOME").map(|data| data.join("throng")))
        .or_else(|| path("HOME").map(|home| home.join(".local/share/throng")))
        .ok_or_else(|| Fault::usage("no folder for the data: HOME is not set").hint("try: throng serve --data DIR"))
}

fn refused(path: &Path, why: &OpenFault) -> Fault {
    let shown = banner::shown(path);
    if let OpenFault::Held { running } = why {
        let mut fault = Fault::failed(format!("a throng server runs on the data in {shown} already"));
        if let Some(running) = running {
            let addresses: Vec<_> = running.addresses.iter().map(ToString::to_string).collect();
            fault = fault.hint(format!("it is pid {}, at {}", running.pid, addresses.join(" and ")));
            fault.hints.extend(running.addresses.first().map(|address| banner::how_to_join(*address)).unwrap_or_default());
        }
        return fault.hint("another one beside it: throng serve --data DIR");
    }
    let fault = Fault { what: why.to_string(), hints: Vec::new(), exit_code: why.exit_code() };
    why.hint().into_iter().fold(fault, Fault::hint)
}

#[expect(clippy::disallowed_methods, reason = "how long the start and the drain take is the roof's to know")]
fn started() -> Instant {
    Instant::now()
}
