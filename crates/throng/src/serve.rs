//! `throng serve`: opens the data folder, claims the ports, starts the service, and ends it well.
//!
//! The order matters: the folder first, since a running server is the most likely reason for everything else;
//! then the ports; then the store; and the doors open last, when everything behind them is ready. One that follows
//! another server looks at everything first and changes nothing, and takes the folder when the other let it go.

mod accounts;
mod chat;
mod first_operator;
mod plain;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use throng_server::{
    Baton, CertificateFiles, Claim, ClientCertificates, Heir, Inherited, Limits, Running, Server, Tls,
    TlsSettings,
};
use throng_services::chat::house;
use throng_services::{Echo, Hello};
use throng_store::{DataFolder, RunningInfo};

use crate::cli::{Serve, Service};
use crate::console::Console;
use crate::console::terminal::Terminal;
use crate::ending::{Ended, Goodbye};
use crate::fault::Fault;
use crate::listen::{Listen, Wanted};
use crate::log::{Event, Log};
use crate::notify;
use crate::ports::{self, Claimed, Place};
use crate::prompt::{self, Prompt};
use crate::restart::{self, Next};
use crate::screen::Screen;
use crate::signals::{Asked, Asker, Wish, Wishes};
use crate::watching::watcher::Watcher;
use crate::watching::{ChatFacts, Facts, listener};

/// Descriptors that are kept for the store, the log, and whatever else is not a client.
const DESCRIPTORS_KEPT: u64 = 128;

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
    let clients_max = clients_max(asked, descriptors)?;
    let (wishes, wished) = Wishes::new();
    // A worker's process ends when its first process says so.
    if throng_server::worker_number().is_none() && !wishes.listen(Terminal::find().is_some()) {
        return Err(Fault::failed("cannot listen for signals"));
    }
    let (screen, passed) = (Screen::start(), Cell::new(passed));
    let start = Start { asked, begun, clients_max, wishes, screen, passed, baton };
    match asked.service {
        Service::Chat => start.chat(wished),
        Service::Echo => start.plain(|watch| Echo { watch }, wished),
        Service::Hello => start.plain(|watch| Hello { watch }, wished),
    }
}

/// What a start has from its first moment.
struct Start<'a> {
    asked: &'a Serve,
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
        let baton = self.baton.take();
        let follows = baton.is_some();
        self.baton.set(baton);
        follows
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
        tls: Option<&Tls>,
        mut take_over: impl FnMut(Heir) -> Option<Next>,
    ) -> (Wish, Option<Next>) {
        let mut restarter = Asker::Console;
        loop {
            match wished.recv().expect("the thread that hears signals lives as long as the process") {
                Asked::End(wish) => {
                    notify::stopping();
                    return (wish, None);
                }
                Asked::Reload(by) => reload(tls, log, by),
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
        let (Some(certificate), Some(key)) = (&self.asked.tls_cert, &self.asked.tls_key) else {
            if self.asked.listen.iter().any(Wanted::only_tls) {
                return Err(Fault::usage("TLS needs a certificate")
                    .hint("give one: --tls-cert FILE --tls-key FILE")
                    .hint("make one to try with: throng tls self-signed"));
            }
            return Ok(None);
        };
        let files = CertificateFiles { certificate: certificate.clone(), key: key.clone() };
        // The chat knows people by the fingerprints that they named, so any certificate will do; nobody needs one.
        let clients = match self.asked.service {
            Service::Chat => ClientCertificates::Presented,
            Service::Echo | Service::Hello => ClientCertificates::None,
        };
        let settings = TlsSettings { certificates: vec![files], clients, ..TlsSettings::default() };
        let tls = Tls::new(settings).map_err(|why| {
            Fault::failed(why.to_string()).hint("make one to try with: throng tls self-signed")
        })?;
        Ok(Some(tls))
    }

    /// The server at all its addresses.
    fn listening<K: 'static>(&self, server: Server<K>, claims: Vec<Place>, tls: Option<&Tls>) -> Server<K> {
        let server = claims.into_iter().fold(server, |server, place| match tls {
            Some(tls) if place.only_tls => server.listen_tls_on(place.claim, tls),
            _ => server.listen_on(place.claim),
        });
        let server = server.proxies(self.asked.proxy_allowed_from.iter().copied());
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
        listener::claim(&self.asked.metrics_listen, self.follows())
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

    fn prompt(&self, terminal: Option<&Terminal>, console: Console) -> Option<Prompt> {
        terminal?.clone().restore_on_panic();
        match prompt::start(Arc::new(console), &self.screen, &self.wishes) {
            Ok(prompt) => Some(prompt),
            Err(why) => {
                self.screen.say(&format!("(no prompt in this terminal: {why})"));
                None
            }
        }
    }

    /// The last line, when everything else was said, on a terminal as it was before.
    fn finish(&self, prompt: Option<Prompt>, terminal: Option<&Terminal>, log: &Log, ended: &Ended) {
        let event = match ended.told {
            Goodbye::None => Event::info("server.drained"),
            Goodbye::Told(people) => Event::info("server.drained").count("told", people),
            Goodbye::Late => Event::info("server.drained").count("told", 0_u64),
        };
        let event = event.count("closed", ended.report.finished).count("cut", ended.report.cut);
        log.tell(event.count("ms", ended.lasted.as_millis()));
        log.settle(LAST_LINES_MAX);
        if let Some(prompt) = prompt {
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
        let usual = Limits::default();
        Limits {
            total: usize::try_from(self.clients_max).unwrap_or(usize::MAX),
            per_address: self.asked.limits_per_address.map_or(usual.per_address, |limit| limit as usize),
            // Loopback is exempt, unless a limit was asked for in so many words.
            per_address_loopback: self.asked.limits_per_address.is_some(),
            ..usual
        }
    }
}

/// Tells whoever finds the folder held by whom it is.
fn publish(folder: &DataFolder, listens: &[Listen]) {
    folder.publish(&RunningInfo {
        pid: std::process::id(),
        addresses: listens.iter().map(ToString::to_string).collect(),
        started: house::wall_clock().0,
    });
}

/// Reads the certificate again.
fn reload(tls: Option<&Tls>, log: &Log, by: Asker) {
    notify::reloading();
    let event = match tls.map(Tls::reload) {
        Some(Ok(())) => Event::info("server.reloaded").with("what", "certificate"),
        Some(Err(why)) => Event::error("server.reload_failed").with("why", why),
        None => Event::info("server.reloaded").with("what", "nothing"),
    };
    log.tell(event.with("by", by.name()));
    notify::ready("serving, files read again");
}

fn clients_max(asked: &Serve, descriptors: u64) -> Result<u64, Fault> {
    let possible = descriptors.saturating_sub(DESCRIPTORS_KEPT).max(1);
    match asked.limits_clients.map(u64::from) {
        Some(limit) if limit > possible => Err(Fault::usage(format!(
            "--limits-clients {limit} is more than this process may have: {possible}"
        ))
        .hint(format!("the descriptor limit is {descriptors}, and {DESCRIPTORS_KEPT} are kept aside"))
        .hint("raise it before the start: ulimit -n, or LimitNOFILE= in the unit (systemd.exec(5))")),
        Some(limit) => Ok(limit),
        None => Ok(possible),
    }
}

#[expect(clippy::disallowed_methods, reason = "how long the start takes is the roof's to know")]
fn started() -> Instant {
    Instant::now()
}
