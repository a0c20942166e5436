//! The operator's chair, as far as settings go: shown, set while the server runs, and read anew, all of it or nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use throng_wire::printable::printable;

use super::changed::{Changed, Reloaded, toml_line};
use super::mistake::{Mistake, Mistakes};
use super::origin::Origin;
use super::plan::{Config, Plan};
use super::relay;
use super::sources::Sources;
use crate::fault::Fault;
use crate::log::{Event, Log};
use crate::settings::live::{self, Live};
use crate::settings::row::Scope;
use crate::settings::{ROWS, Setting, Settings, find, nearest};

/// Where settings are shown and changed while a server runs.
pub struct Chair {
    sources: Sources,
    /// What runs of each service, in the order of the plan.
    live: Vec<Live>,
    log: Arc<Log>,
    /// What the server goes by now. Written by whoever sets or reads anew, one at a time.
    now: Mutex<Plan>,
}

/// One setting, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its row: the path, what may be written, the default, what it is for, and whether it is live.
    pub path: &'static str,
    /// Whose, where there are several services and each has its own.
    pub service: Option<String>,
    /// What it is.
    pub value: String,
    /// Where that comes from.
    pub origin: Origin,
}

impl Chair {
    /// For a server that goes by this; what runs of it is in the same order.
    pub fn new(sources: Sources, plan: Plan, live: Vec<Live>, log: Arc<Log>) -> Chair {
        Chair { sources, live, log, now: Mutex::new(plan) }
    }

    /// What the server goes by now.
    pub fn plan(&self) -> Plan {
        self.now().clone()
    }

    /// All settings whose paths begin so, of all services or of one.
    ///
    /// # Errors
    /// When there is no such service.
    pub fn show(&self, prefix: &str, service: Option<&str>) -> Result<Vec<Shown>, Fault> {
        let now = self.now();
        let wanted = service.map(|label| place(&now, label)).transpose()?;
        let mut shown = Vec::new();
        for row in ROWS.iter().filter(|row| row.path.starts_with(prefix)) {
            let each = now.places(row).filter(|at| {
                // What the process has once is each one's too.
                row.scope == Scope::Process || wanted.is_none_or(|wanted| wanted == *at)
            });
            shown.extend(each.map(|at| &now.services()[at]).map(|config| Shown {
                path: row.path,
                service: whose(&now, config, row),
                value: (row.get)(&config.settings),
                origin: config.origin(row).clone(),
            }));
        }
        Ok(shown)
    }

    /// Sets one until the server ends, of one service where each has its own.
    ///
    /// # Errors
    /// When there is none of this name, it needs a restart, or the value is not good, by itself or beside the others.
    pub fn set(&self, path: &str, text: &str, service: Option<&str>, by: &str) -> Result<Changed, Fault> {
        let row = find(path).ok_or_else(|| unknown(path))?;
        if !row.live {
            let fault = Fault::usage(format!("{path} cannot change while the server runs"));
            let line = format!("write {} into {}, then: restart", toml_line(row, text), self.file());
            return Err(fault.hint(printable(&line)));
        }
        let mut now = self.now();
        let at = of_one(&now, row, service)?;
        let mut then = now.clone();
        for (index, config) in then.services_mut().iter_mut().enumerate() {
            if row.scope == Scope::Process || index == at {
                let wrong = |why: String| Fault::usage(format!("{path} = {}: {why}", printable(text)));
                (row.set)(&mut config.settings, text).map_err(wrong)?;
                config.set_origin(row, Origin::Set(by.to_owned()));
            }
        }
        if let Some(misfit) = then.misfits(self.sources.descriptors, |_, _| false).into_iter().next() {
            return Err(misfit.hints.into_iter().fold(Fault::usage(misfit.what), Fault::hint));
        }
        self.agree(&then).map_err(|why| Fault::failed(format!("cannot set {path}: {why}")))?;
        self.apply(&then);
        let changed = Changed::of(
            row,
            whose(&now, &now.services()[at], row),
            &now.services()[at],
            &then.services()[at],
        );
        *now = then;
        self.keep(&now);
        self.tell(&changed, by);
        Ok(changed)
    }

    /// Reads the file anew, the certificates too; variables and flags are as they were at the start.
    ///
    /// # Errors
    /// When anything at all is wrong. Nothing has changed then.
    pub fn reload(&self, by: &str) -> Result<Reloaded, Mistakes> {
        let reloaded = self.try_reload(by);
        match &reloaded {
            Ok(reloaded) => self.log.tell(reloaded.event().with("by", by)),
            Err(mistakes) => mistakes.iter().for_each(|mistake| {
                self.log
                    .tell(Event::error("server.reload_failed").with("why", mistake.line()).with("by", by));
            }),
        }
        reloaded
    }

    fn try_reload(&self, by: &str) -> Result<Reloaded, Mistakes> {
        let mut now = self.now();
        let then = self.sources.load()?;
        let mut reloaded = Reloaded::default();
        let mut next = now.clone();
        let mut certificates = Vec::new();
        reloaded.needs_restart.extend(Changed::services(&now, &then));
        for (at, config) in next.services_mut().iter_mut().enumerate() {
            let was = &now.services()[at];
            // One that the file has no more goes on as it is, but for what the process has once.
            let own = then.services().iter().find(|read| is_same(read, was));
            for row in ROWS {
                let of_process = row.scope == Scope::Process;
                let is_told = now.places(row).any(|place| place == at);
                let Some(read) = own.or_else(|| then.services().first().filter(|_| of_process)) else {
                    continue;
                };
                let differs = (row.get)(&was.settings) != (row.get)(&read.settings);
                if differs && is_told {
                    let changed = Changed::of(row, whose(&now, was, row), was, read);
                    if row.live { &mut reloaded.changed } else { &mut reloaded.needs_restart }.push(changed);
                }
                // What needs a restart stays as it is, and is told each time until then.
                if row.live {
                    let as_read = (row.set)(&mut config.settings, &(row.get)(&read.settings));
                    debug_assert!(as_read.is_ok(), "{} was read before", row.path);
                    config.set_origin(row, read.origin(row).clone());
                }
            }
            if let Some(read) = own {
                try_certificate(was, read)?;
                certificates.extend(self.live[at].tls.as_ref().map(|tls| (tls, read)));
            }
        }
        // Values that wait for a restart fit those that are new now, but perhaps not those that are old.
        Mistakes::none_or(next.misfits(self.sources.descriptors, |_, _| false))?;
        self.agree(&next).map_err(|why| Mistake::whole(format!("cannot change it: {why}")))?;
        for (tls, read) in &certificates {
            tls.reload().map_err(|why| {
                // It could be read a moment ago. What was agreed to is taken back, as far as that is possible.
                let _ = self.agree(&now);
                unread(read, &why)
            })?;
        }
        reloaded.certificate = !certificates.is_empty();
        self.apply(&next);
        *now = next;
        self.keep(&now);
        reloaded.changed.iter().for_each(|changed| self.tell(changed, by));
        Ok(reloaded)
    }

    /// What others must agree to.
    fn agree(&self, plan: &Plan) -> Result<(), &'static str> {
        self.live.iter().zip(plan.services()).try_for_each(|(live, config)| live.agree(&config.settings))
    }

    /// What runs takes it.
    fn apply(&self, plan: &Plan) {
        let shares = plan.shares(self.sources.descriptors);
        let each = self.live.iter().zip(plan.services()).zip(shares);
        each.for_each(|((live, config), clients)| live.apply(&config.settings, clients));
    }

    fn now(&self) -> MutexGuard<'_, Plan> {
        // Whoever panicked with it had changed it or not; both are whole.
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Workers that are begun later go by this, whatever the file says then.
    fn keep(&self, now: &Plan) {
        for (live, config) in self.live.iter().zip(now.services()) {
            live.running.tell_workers(relay::written(config, &live.listens));
        }
    }

    fn tell(&self, changed: &Changed, by: &str) {
        let event = Event::info("setting.changed").with("path", changed.path);
        let event = event.with_some("service", changed.service.as_ref());
        let event = event.with("from", &changed.from).with("to", &changed.to);
        self.log.tell(event.with("by", by).with("origin", &changed.origin));
    }

    /// The file to write into, as people read it.
    pub fn file(&self) -> String {
        let file = self.now().services().first().and_then(|config| config.file.clone());
        let file = file.unwrap_or_else(|| super::place::HERE.into());
        printable(&file.display().to_string()).into_owned()
    }
}

fn is_same(one: &Config, other: &Config) -> bool {
    one.label == other.label && one.settings.service == other.settings.service
}

/// Whose a setting is, where that has to be said.
fn whose(plan: &Plan, config: &Config, row: &Setting) -> Option<String> {
    (plan.is_several() && row.scope == Scope::Service).then(|| config.label.clone())
}

/// Where the service of this label stands.
fn place(plan: &Plan, label: &str) -> Result<usize, Fault> {
    let found = plan.services().iter().position(|config| config.label == label);
    found.ok_or_else(|| {
        let fault = Fault::usage(format!("there is no service {}", printable(label)));
        fault.hint(format!("this server has {}", plan.labels()))
    })
}

/// The one service that is meant: the one that is named, or the only one whose matter it is.
fn of_one(plan: &Plan, row: &Setting, service: Option<&str>) -> Result<usize, Fault> {
    let mut own = plan.places(row);
    match (service, own.next(), own.next()) {
        (Some(label), ..) if row.scope == Scope::Chat => {
            let at = place(plan, label)?;
            let chat = plan.places(row).find(|own| *own == at);
            chat.ok_or_else(|| {
                Fault::usage(format!("{} is for a chat, and {} is none", row.path, printable(label)))
            })
        }
        (Some(label), ..) => place(plan, label),
        (None, Some(only), None) => Ok(only),
        (None, ..) => {
            let fault = Fault::usage(format!("{} is each service's own: {}", row.path, plan.labels()));
            Err(fault.hint(format!("set --service {} {} VALUE", plan.services()[0].label, row.path)))
        }
    }
}

/// Looks whether the certificate that is in use can be read, and one that is named by now.
fn try_certificate(now: &Config, then: &Config) -> Result<(), Mistakes> {
    let files = |settings: &Settings| (settings.tls_cert.clone(), settings.tls_key.clone());
    let mut each = vec![then];
    if files(&now.settings) != files(&then.settings) {
        each.push(now);
    }
    each.into_iter()
        .try_for_each(|config| live::tls(&config.settings).map(drop).map_err(|why| unread(then, &why)))
}

fn unread(config: &Config, why: &throng_server::TlsError) -> Mistakes {
    let origin = find("tls.cert").map(|row| config.origin(row).clone());
    Mistake { at: origin, what: why.to_string(), hints: Vec::new() }.into()
}

fn unknown(path: &str) -> Fault {
    let fault = Fault::usage(format!("there is no setting {}", printable(path)));
    match nearest(path) {
        Some(near) => fault.hint(format!("did you mean {near}?")),
        None => fault.hint("show tells all there are"),
    }
}

#[cfg(test)]
mod tests;
