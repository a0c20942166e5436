//! The operator's chair, as far as settings go: shown, set while the server runs, and read anew, all of it or nothing.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use throng_wire::printable::printable;

use super::mistake::{Mistake, Mistakes};
use super::origin::Origin;
use super::{Config, Sources, misfit_at, relay};
use crate::fault::Fault;
use crate::log::{Event, Log};
use crate::settings::live::{self, Live};
use crate::settings::{ROWS, Setting, Settings, find, fits, nearest};

/// Where settings are shown and changed while a server runs.
pub struct Chair {
    sources: Sources,
    live: Live,
    log: Arc<Log>,
    /// What the server goes by now. Written by whoever sets or reads anew, one at a time.
    now: Mutex<Config>,
}

/// One setting, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its row: the path, what may be written, the default, what it is for, and whether it is live.
    pub path: &'static str,
    /// What it is.
    pub value: String,
    /// Where that comes from.
    pub origin: Origin,
}

/// A setting that was changed, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Which.
    pub path: &'static str,
    /// What it was.
    pub from: String,
    /// What it is.
    pub to: String,
    /// Where that comes from.
    pub origin: Origin,
    /// Somebody had set it while the server ran, and that is over.
    pub put_back: bool,
}

/// What became of reading everything anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// What holds from now on.
    pub changed: Vec<Changed>,
    /// What holds after a restart.
    pub needs_restart: Vec<Changed>,
    /// The certificate was read anew.
    pub certificate: bool,
}

impl Chair {
    /// For a server that goes by this.
    pub fn new(sources: Sources, config: Config, live: Live, log: Arc<Log>) -> Chair {
        Chair { sources, live, log, now: Mutex::new(config) }
    }

    /// What the server goes by now.
    pub fn settings(&self) -> Settings {
        self.now().settings.clone()
    }

    /// All settings whose paths begin so.
    pub fn show(&self, prefix: &str) -> Vec<Shown> {
        let now = self.now();
        let rows = ROWS.iter().filter(|row| row.path.starts_with(prefix));
        let shown = |row: &'static Setting| Shown {
            path: row.path,
            value: (row.get)(&now.settings),
            origin: now.origin(row).clone(),
        };
        rows.map(shown).collect()
    }

    /// Sets one until the server ends.
    ///
    /// # Errors
    /// When there is none of this name, it needs a restart, or the value is not good, by itself or beside the others.
    pub fn set(&self, path: &str, text: &str, by: &str) -> Result<Changed, Fault> {
        let row = find(path).ok_or_else(|| unknown(path))?;
        if !row.live {
            let fault = Fault::usage(format!("{path} cannot change while the server runs"));
            let line = format!("write {} into {}, then: restart", toml_line(row, text), self.file());
            return Err(fault.hint(printable(&line)));
        }
        let mut now = self.now();
        let mut then = now.clone();
        let wrong = |why: String| Fault::usage(format!("{path} = {}: {why}", printable(text)));
        (row.set)(&mut then.settings, text).map_err(wrong)?;
        then.set_origin(row, Origin::Set(by.to_owned()));
        if let Some(misfit) = fits::misfits(&then.settings, self.sources.descriptors).into_iter().next() {
            return Err(misfit.hints.into_iter().fold(Fault::usage(misfit.what), Fault::hint));
        }
        self.live.apply(&then.settings).map_err(|why| Fault::failed(format!("cannot set {path}: {why}")))?;
        let changed = changed(row, &now, &then);
        *now = then;
        self.keep(&now);
        self.tell(&changed, by);
        Ok(changed)
    }

    /// Reads the file anew, the certificate too; variables and flags are as they were at the start.
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
        let differing = ROWS.iter().filter(|row| (row.get)(&now.settings) != (row.get)(&then.settings));
        let (live, restart): (Vec<_>, Vec<_>) = differing.partition(|row| row.live);
        // What needs a restart stays as it is, and is told each time until then.
        let mut next = then.clone();
        for row in ROWS.iter().filter(|row| !row.live) {
            let as_it_is = (row.set)(&mut next.settings, &(row.get)(&now.settings));
            debug_assert!(as_it_is.is_ok(), "{} was read before", row.path);
            next.set_origin(row, now.origin(row).clone());
        }
        // Values that wait for a restart fit those that are new now, but perhaps not those that are old.
        let misfits = fits::misfits(&next.settings, self.sources.descriptors);
        Mistakes::none_or(misfits.into_iter().map(|misfit| misfit_at(&next, misfit)).collect())?;
        let certificate = self.read_certificate(&now, &then)?;
        self.live.apply(&next.settings).map_err(|why| Mistake::whole(format!("cannot change it: {why}")))?;
        let changes =
            |rows: Vec<&'static Setting>| rows.into_iter().map(|row| changed(row, &now, &then)).collect();
        let reloaded: Reloaded =
            Reloaded { changed: changes(live), needs_restart: changes(restart), certificate };
        *now = next;
        self.keep(&now);
        reloaded.changed.iter().for_each(|changed| self.tell(changed, by));
        Ok(reloaded)
    }

    /// Reads the files anew that are in use. Others that are named by now are only tried.
    fn read_certificate(&self, now: &Config, then: &Config) -> Result<bool, Mistakes> {
        let unread = |why: throng_server::TlsError| {
            let origin = find("tls.cert").map(|row| then.origin(row).clone());
            Mistake { at: origin, what: why.to_string(), hints: Vec::new() }
        };
        let files = |settings: &Settings| (settings.tls_cert.clone(), settings.tls_key.clone());
        if files(&now.settings) != files(&then.settings) {
            live::tls(&then.settings).map_err(unread)?;
        }
        match &self.live.tls {
            Some(tls) => tls.reload().map(|()| true).map_err(|why| unread(why).into()),
            None => Ok(false),
        }
    }

    fn now(&self) -> MutexGuard<'_, Config> {
        // Whoever panicked with it had changed it or not; both are whole.
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Workers that are begun later go by this, whatever the file says then.
    fn keep(&self, now: &Config) {
        throng_server::tell_workers(relay::written(&now.settings));
    }

    fn tell(&self, changed: &Changed, by: &str) {
        let event = Event::info("setting.changed").with("path", changed.path);
        let event = event.with("from", &changed.from).with("to", &changed.to);
        self.log.tell(event.with("by", by).with("origin", &changed.origin));
    }

    /// The file to write into, as people read it.
    pub fn file(&self) -> String {
        let file = self.now().file.clone();
        let file = file.unwrap_or_else(|| super::place::HERE.into());
        printable(&file.display().to_string()).into_owned()
    }
}

fn changed(row: &'static Setting, from: &Config, to: &Config) -> Changed {
    let put_back = matches!(from.origin(row), Origin::Set(_)) && !matches!(to.origin(row), Origin::Set(_));
    let (origin, from, to) = (to.origin(row).clone(), (row.get)(&from.settings), (row.get)(&to.settings));
    Changed { path: row.path, from, to, origin, put_back }
}

fn unknown(path: &str) -> Fault {
    let fault = Fault::usage(format!("there is no setting {}", printable(path)));
    match nearest(path) {
        Some(near) => fault.hint(format!("did you mean {near}?")),
        None => fault.hint("show tells all there are"),
    }
}

/// As one writes it into a file, in one line.
fn toml_line(row: &Setting, text: &str) -> String {
    format!("{} = {}", row.path, row.toml(text))
}

impl Changed {
    /// For who set it: what was, what is, and how it stays so.
    pub fn told(&self, file: &str) -> String {
        let (path, from, to) = (self.path, printable(&self.from), printable(&self.to));
        let line = find(path).map_or_else(String::new, |row| toml_line(row, &self.to));
        format!("{path}: {from} -> {to}, until the server ends; to keep it: {line} in {file}")
    }
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, from, to) = (self.path, printable(&self.from), printable(&self.to));
        write!(f, "{path}: {from} -> {to} ({})", self.origin)?;
        match self.put_back {
            true => f.write_str("; it had been set while the server ran, and is put back"),
            false => Ok(()),
        }
    }
}

impl Reloaded {
    fn event(&self) -> Event {
        let paths = |changes: &[Changed]| {
            let paths: Vec<_> = changes.iter().map(|changed| changed.path).collect();
            (!paths.is_empty()).then(|| paths.join(" "))
        };
        let what = match (self.certificate, self.changed.is_empty()) {
            (true, true) => "certificate",
            (true, false) => "settings and certificate",
            (false, false) => "settings",
            (false, true) => "nothing",
        };
        let event = Event::info("server.reloaded").with("what", what);
        let event = event.with_some("changed", paths(&self.changed));
        event.with_some("needs_restart", paths(&self.needs_restart))
    }
}

impl fmt::Display for Reloaded {
    /// For who asked for it, in lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<_> = self.changed.iter().map(|changed| format!("changed   {changed}")).collect();
        lines.extend(self.needs_restart.iter().map(|changed| format!("restart   {changed}")));
        if self.certificate {
            lines.push("read      the certificate".to_owned());
        }
        if lines.is_empty() {
            lines.push("Nothing has changed.".to_owned());
        }
        if !self.needs_restart.is_empty() {
            lines.push("What stands behind restart holds after a restart.".to_owned());
        }
        f.write_str(&lines.join("\n"))
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
            service: Service::Echo,
            given: Given::default(),
            variables: Arc::new(move |name: &str| variables.get(name).map(Into::into)),
            descriptors: 1_128,
        };
        let config = sources.load().unwrap();
        let limits = live::limits(&config.settings, sources.descriptors);
        let server = Server::new(echo).limits(limits).timeouts(live::timeouts(&config.settings));
        let running = server.listen("127.0.0.1:0").start().unwrap();
        let log = Log::open(None, segments::BOUNDS, Sight::Prompt, Screen::start());
        let live = Live { running, chat: None, identity: None, tls: None, descriptors: sources.descriptors };
        Chair::new(sources, config, live, log)
    }

    fn events(chair: &Chair) -> Vec<String> {
        chair.log.settle(PATIENCE);
        chair.log.last(100).iter().map(|event| event.text(&jiff::tz::TimeZone::UTC)[9..].to_owned()).collect()
    }

    fn is_served(chair: &Chair) -> bool {
        let mut client = TcpStream::connect(&chair.live.running.addresses()[0]).unwrap();
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
        let mut first = TcpStream::connect(&chair.live.running.addresses()[0]).unwrap();
        first.write_all(b"x").unwrap();
        first.read_exact(&mut [0]).unwrap();
        assert!(is_served(&chair));
        let changed = chair.set("limits.clients", "1", "ana").unwrap();
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
        let shown = chair.show("limits.c");
        let expected =
            Shown { path: "limits.clients", value: "1".to_owned(), origin: Origin::Set("ana".to_owned()) };
        assert_eq!(shown, [expected]);
        assert_eq!(chair.show("").len(), ROWS.len());
    }

    #[test]
    fn what_cannot_be_set_is_told_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("throng.toml");
        std::fs::write(&file, "").unwrap();
        let chair = chair(&file, &[]);
        let before = chair.settings();
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
            let fault = chair.set(path, text, "ana").unwrap_err();
            assert_eq!((fault.what.as_str(), fault.exit_code), (expected, 2), "{path}");
            assert!(fault.hints.first().map_or("", String::as_str).starts_with(hint), "{:?}", fault.hints);
        }
        assert_eq!(chair.settings(), before);
        assert!(events(&chair).is_empty());
    }

    #[test]
    fn what_was_set_is_put_back_by_a_reload_and_variables_stay() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("throng.toml");
        std::fs::write(&file, "timeouts.idle = \"5m\"\n").unwrap();
        let chair = chair(&file, &[("THRONG_TIMEOUTS__AGE", "1h")]);
        chair.set("timeouts.idle", "1m", "ana").unwrap();
        chair.set("timeouts.age", "2h", "ana").unwrap();
        assert_eq!(chair.live.running.timeouts().idle, Some(Duration::from_secs(60)));
        let reloaded = chair.reload("ana").unwrap();
        let idle = Some(Duration::from_secs(300));
        assert_eq!((chair.live.running.timeouts().idle, reloaded.certificate), (idle, false));
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
        chair.set("timeouts.idle", "1m", "ana").unwrap();
        let (settings, limits) = (chair.settings(), chair.live.running.limits());
        for bad in
            ["limits.clients = 7\npace = 1\n", "limits.clients = 5000\n", "limits.clients = 7\n[", "\u{0}"]
        {
            std::fs::write(&file, bad).unwrap();
            assert!(chair.reload("ana").is_err(), "{bad:?}");
            assert_eq!(
                (chair.settings(), chair.live.running.limits()),
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
            (chair.settings().name.as_str(), chair.live.running.limits().total),
            ("throng.localhost", 7)
        );
    }
}
