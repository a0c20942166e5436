//! The operator's chair, as far as settings go: shown, set while the server runs, and read anew, all of it or nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use throng_wire::printable::printable;

use super::changed::{Changed, Reloaded, toml_line};
use super::mistake::{Mistake, Mistakes};
use super::origin::Origin;
use super::{Config, Plan, Sources, relay};
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
        self.apply(&then).map_err(|why| Fault::failed(format!("cannot set {path}: {why}")))?;
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
        for (tls, read) in &certificates {
            tls.reload().map_err(|why| unread(read, &why))?;
        }
        reloaded.certificate = !certificates.is_empty();
        self.apply(&next).map_err(|why| Mistake::whole(format!("cannot change it: {why}")))?;
        *now = next;
        self.keep(&now);
        reloaded.changed.iter().for_each(|changed| self.tell(changed, by));
        Ok(reloaded)
    }

    /// What runs takes it.
    fn apply(&self, plan: &Plan) -> std::io::Result<()> {
        let shares = plan.shares(self.sources.descriptors);
        let each = self.live.iter().zip(plan.services()).zip(shares);
        each.into_iter().try_for_each(|((live, config), clients)| live.apply(&config.settings, clients))
    }

    fn now(&self) -> MutexGuard<'_, Plan> {
        // Whoever panicked with it had changed it or not; both are whole.
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Workers that are begun later go by this, whatever the file says then.
    fn keep(&self, now: &Plan) {
        for (live, config) in self.live.iter().zip(now.services()) {
            live.running.tell_workers(relay::written(config));
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
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeMap;
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::path::Path;
    use std::time::Duration;

    use throng_server::{Conn, Server};

    use super::*;
    use crate::log::{Sight, segments};
    use crate::screen::Screen;
    use crate::settings::choices::Service;
    use crate::settings::flags::{CONFIG_VARIABLE, Given};

    const PATIENCE: Duration = Duration::from_secs(20);

    async fn echo(mut conn: Conn) -> throng_server::Result {
        let mut buffer = conn.buffer();
        while conn.read_into(&mut buffer).await? > 0 {
            conn.write_all(&buffer).await?;
            buffer.clear();
        }
        Ok(())
    }

    /// A server in this process that goes by this file and these variables.
    fn chair(file: &Path, variables: &[(&str, &str)]) -> Chair {
        let mut variables: BTreeMap<String, String> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        variables.insert(CONFIG_VARIABLE.to_owned(), file.to_str().unwrap().to_owned());
        let sources = Sources {
            service: Some(Service::Echo),
            given: Given::default(),
            variables: Arc::new(move |name: &str| variables.get(name).map(Into::into)),
            descriptors: 1_128,
        };
        let plan = sources.load().unwrap();
        let shares = plan.shares(sources.descriptors).into_iter();
        let live = plan.services().iter().zip(shares).map(|(config, clients)| {
            let limits = live::limits(&config.settings, clients);
            let server = Server::new(echo).limits(limits).timeouts(live::timeouts(&config.settings));
            let running = server.listen("127.0.0.1:0").start().unwrap();
            Live { running, chat: None, identity: None, tls: None }
        });
        let log = Log::open(None, segments::BOUNDS, Sight::Prompt, Screen::start());
        let live = live.collect();
        Chair::new(sources, plan, live, log)
    }

    fn settings_of(chair: &Chair) -> Settings {
        chair.plan().services()[0].settings.clone()
    }

    fn events(chair: &Chair) -> Vec<String> {
        chair.log.settle(PATIENCE);
        chair.log.last(100).iter().map(|event| event.text(&jiff::tz::TimeZone::UTC)[9..].to_owned()).collect()
    }

    fn is_served(chair: &Chair) -> bool {
        let mut client = TcpStream::connect(&chair.live[0].running.addresses()[0]).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.write_all(b"hello").unwrap();
        client.read_exact(&mut [0; 5]).is_ok()
    }

    #[test]
    fn a_limit_that_is_set_holds_for_the_next_client_and_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("throng.toml");
        std::fs::write(&file, "limits.full = \"refuse\"\n").unwrap();
        let chair = chair(&file, &[]);
        let mut first = TcpStream::connect(&chair.live[0].running.addresses()[0]).unwrap();
        first.write_all(b"x").unwrap();
        first.read_exact(&mut [0]).unwrap();
        assert!(is_served(&chair));
        let changed = chair.set("limits.clients", "1", None, "ana").unwrap();
        let told = changed.told("throng.toml");
        assert_eq!(
            told,
            "limits.clients: auto -> 1, until the server ends; to keep it: limits.clients = 1 in throng.toml"
        );
        assert_eq!(
            events(&chair),
            ["setting.changed path=limits.clients from=auto to=1 by=ana origin=\"set by ana\""]
        );
        assert!(!is_served(&chair));
        first.write_all(b"y").unwrap();
        first.read_exact(&mut [0]).unwrap();
        let shown = chair.show("limits.c", None).unwrap();
        let expected = Shown {
            path: "limits.clients",
            service: None,
            value: "1".to_owned(),
            origin: Origin::Set("ana".to_owned()),
        };
        assert_eq!(shown, [expected]);
        assert_eq!(chair.show("", None).unwrap().len(), ROWS.len());
    }

    #[test]
    fn what_cannot_be_set_is_told_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("throng.toml");
        std::fs::write(&file, "").unwrap();
        let chair = chair(&file, &[]);
        let before = settings_of(&chair);
        for (path, text, expected, hint) in [
            ("limits.clint", "1", "there is no setting limits.clint", "did you mean limits.clients?"),
            ("limits.clients", "many", "limits.clients = many: expected a whole number, or auto", ""),
            (
                "limits.clients",
                "1001",
                "limits.clients = 1001 is more than this process may have: 1000",
                "the descriptor",
            ),
            ("model", "pool", "model cannot change while the server runs", "write model = \"pool\" into "),
            ("pace", "\u{1b}", "pace = \\x1b: expected one of default, off", ""),
        ] {
            let fault = chair.set(path, text, None, "ana").unwrap_err();
            assert_eq!((fault.what.as_str(), fault.exit_code), (expected, 2), "{path}");
            assert!(fault.hints.first().map_or("", String::as_str).starts_with(hint), "{:?}", fault.hints);
        }
        assert_eq!(settings_of(&chair), before);
        assert!(events(&chair).is_empty());
    }

    #[test]
    fn what_was_set_is_put_back_by_a_reload_and_variables_stay() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("throng.toml");
        std::fs::write(&file, "timeouts.idle = \"5m\"\n").unwrap();
        let chair = chair(&file, &[("THRONG_TIMEOUTS__AGE", "1h")]);
        chair.set("timeouts.idle", "1m", None, "ana").unwrap();
        chair.set("timeouts.age", "2h", None, "ana").unwrap();
        assert_eq!(chair.live[0].running.timeouts().idle, Some(Duration::from_secs(60)));
        let reloaded = chair.reload("ana").unwrap();
        let idle = Some(Duration::from_secs(300));
        assert_eq!((chair.live[0].running.timeouts().idle, reloaded.certificate), (idle, false));
        let file = file.display();
        let expected = format!(
            "changed   timeouts.idle: 1m -> 5m ({file}:1); it had been set while the server ran, and is put back\n\
             changed   timeouts.age: 2h -> 1h ($THRONG_TIMEOUTS__AGE); it had been set while the server ran, and is put back"
        );
        assert_eq!(reloaded.to_string(), expected);
        assert_eq!(chair.reload("ana").unwrap().to_string(), "Nothing has changed.");
    }

    #[test]
    fn a_reload_with_a_mistake_changes_nothing_and_what_needs_a_restart_is_told_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("throng.toml");
        std::fs::write(&file, "").unwrap();
        let chair = chair(&file, &[]);
        chair.set("timeouts.idle", "1m", None, "ana").unwrap();
        let (settings, limits) = (settings_of(&chair), chair.live[0].running.limits());
        for bad in
            ["limits.clients = 7\npace = 1\n", "limits.clients = 5000\n", "limits.clients = 7\n[", "\u{0}"]
        {
            std::fs::write(&file, bad).unwrap();
            assert!(chair.reload("ana").is_err(), "{bad:?}");
            assert_eq!(
                (settings_of(&chair), chair.live[0].running.limits()),
                (settings.clone(), limits.clone()),
                "{bad:?}"
            );
        }
        std::fs::write(&file, "limits.clients = 7\nname = \"a\"\nlimits.backlog = 7\n").unwrap();
        for changed in [&["limits.clients", "timeouts.idle"][..], &[]] {
            let reloaded = chair.reload("ana").unwrap();
            let paths = |all: &[Changed]| all.iter().map(|changed| changed.path).collect::<Vec<_>>();
            assert_eq!(paths(&reloaded.changed), changed);
            assert_eq!(paths(&reloaded.needs_restart), ["name", "limits.backlog"]);
        }
        assert_eq!(
            (settings_of(&chair).name.as_str(), chair.live[0].running.limits().total),
            ("throng.localhost", 7)
        );
    }

    #[test]
    fn of_several_services_each_has_its_own_and_what_is_read_anew_is_all_or_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("throng.toml");
        let two = |more: &str, of_lab: &str| {
            let listen = "listen = [\"127.0.0.1:0\"]\n";
            let text = format!(
                "{more}[[service]]\nkind = \"echo\"\n{listen}[[service]]\nkind = \"echo\"\nlabel = \"lab\"\n{listen}{of_lab}"
            );
            std::fs::write(&file, text).unwrap();
        };
        two("timeouts.idle = \"5m\"\n", "timeouts.idle = \"1m\"\n");
        let chair = chair(&file, &[]);
        let idle = |chair: &Chair| {
            let secs = |live: &Live| live.running.timeouts().idle.map(|idle| idle.as_secs());
            (secs(&chair.live[0]), secs(&chair.live[1]))
        };
        assert_eq!(idle(&chair), (Some(300), Some(60)), "its own goes before that of all");
        let totals = |chair: &Chair| [0, 1].map(|at: usize| chair.live[at].running.limits().total);
        assert_eq!(totals(&chair), [500, 500]);
        let fault = chair.set("limits.clients", "5", None, "ana").unwrap_err();
        assert_eq!(fault.what, "limits.clients is each service's own: echo and lab");
        let fault = chair.set("limits.clients", "5", Some("gopher"), "ana").unwrap_err();
        assert_eq!(fault.what, "there is no service gopher");
        let told = chair.set("limits.clients", "400", Some("lab"), "ana").unwrap().to_string();
        assert_eq!(told, "lab: limits.clients: auto -> 400 (set by ana)");
        assert_eq!(totals(&chair), [600, 400], "the other has what is left");
        let shown = chair.show("limits.clients", None).unwrap();
        let of = |shown: &Shown| (shown.service.clone().unwrap_or_default(), shown.value.clone());
        let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        assert_eq!(shown.iter().map(of).collect::<Vec<_>>(), [pair("echo", "auto"), pair("lab", "400")]);
        assert_eq!(chair.show("limits.clients", Some("lab")).unwrap().len(), 1);
        assert_eq!(chair.show("drain.time", None).unwrap().len(), 1, "the process has it once");
        two("timeouts.idle = \"4m\"\n", "timeouts.idle = \"never\"\n");
        assert!(chair.reload("ana").is_err());
        assert_eq!((idle(&chair), totals(&chair)), ((Some(300), Some(60)), [600, 400]));
        two("timeouts.idle = \"4m\"\ndrain.time = \"2s\"\n", "timeouts.idle = \"1m\"\n");
        let told = chair.reload("ana").unwrap().to_string();
        assert!(told.starts_with("changed   echo: timeouts.idle: 5m -> 4m ("), "{told}");
        assert_eq!(told.matches("drain.time").count(), 1, "{told}");
        assert_eq!((idle(&chair), totals(&chair)), ((Some(240), Some(60)), [500, 500]));
        std::fs::write(&file, "[[service]]\nkind = \"hello\"\nlisten = [\"127.0.0.1:0\"]\n").unwrap();
        let mut without = chair.sources.clone();
        without.service = None;
        let chair = Chair { sources: without, ..chair };
        let told = chair.reload("ana").unwrap().to_string();
        assert!(told.contains("\nrestart   service: echo and lab -> hello ("), "{told}");
        assert_eq!(idle(&chair), (Some(240), Some(60)), "they go on as they are");
    }
}
