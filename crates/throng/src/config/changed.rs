//! What became of a setting that was changed, and of reading all of them anew: told to who asked, and to the event log.

use std::fmt;

use throng_wire::printable::printable;

use super::origin::Origin;
use super::plan::{Config, Plan};
use crate::log::Event;
use crate::settings::{Setting, find};

/// A setting that was changed, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Which.
    pub path: &'static str,
    /// Whose, where there are several services and each has its own.
    pub service: Option<String>,
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
    /// Certificates were read anew.
    pub certificate: bool,
}

/// As one writes it into a file, in one line.
pub(super) fn toml_line(row: &Setting, text: &str) -> String {
    format!("{} = {}", row.path, row.toml(text))
}

impl Changed {
    /// From what it is in one to what it is in the other.
    pub(super) fn of(row: &'static Setting, service: Option<String>, from: &Config, to: &Config) -> Changed {
        let put_back =
            matches!(from.origin(row), Origin::Set(_)) && !matches!(to.origin(row), Origin::Set(_));
        let (origin, from, to) = (to.origin(row).clone(), (row.get)(&from.settings), (row.get)(&to.settings));
        Changed { path: row.path, service, from, to, origin, put_back }
    }

    /// That there are others, if there are.
    pub(super) fn services(from: &Plan, to: &Plan) -> Option<Changed> {
        let names = |plan: &Plan| {
            plan.services().iter().map(|of| (of.label.clone(), of.settings.service)).collect::<Vec<_>>()
        };
        let at = to.services().iter().find_map(|config| config.spot.clone());
        (names(from) != names(to)).then(|| Changed {
            path: "service",
            service: None,
            from: from.labels(),
            to: to.labels(),
            origin: at.map_or(Origin::Default, Origin::File),
            put_back: false,
        })
    }

    /// For who set it: what was, what is, and how it stays so.
    pub fn told(&self, file: &str) -> String {
        let (path, from, to) = (self.path, printable(&self.from), printable(&self.to));
        let line = find(path).map_or_else(String::new, |row| toml_line(row, &self.to));
        let of = self.service.as_ref().map_or_else(String::new, |service| format!("{service}: "));
        let below = self.service.as_ref().map_or_else(String::new, |service| format!(" for {service}"));
        format!("{of}{path}: {from} -> {to}, until the server ends; to keep it: {line}{below} in {file}")
    }
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, from, to) = (self.path, printable(&self.from), printable(&self.to));
        self.service.iter().try_for_each(|service| write!(f, "{service}: "))?;
        write!(f, "{path}: {from} -> {to} ({})", self.origin)?;
        match self.put_back {
            true => f.write_str("; it had been set while the server ran, and is put back"),
            false => Ok(()),
        }
    }
}

impl Reloaded {
    /// For the event log.
    pub(super) fn event(&self) -> Event {
        let paths = |changes: &[Changed]| {
            let mut paths: Vec<_> = changes.iter().map(|changed| changed.path).collect();
            paths.dedup();
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
