//! What one process serves: a service, or several of a file, each with what it goes by. They share what a process has once,
//! such as its data folder, its event log and its operator.

use std::path::PathBuf;

use super::mistake::Mistake;
use super::origin::{Origin, Spot};
use crate::listen::{Listen, Wanted};
use crate::settings::choices::Service;
use crate::settings::{self, ROWS, Setting, Settings, fits};
use crate::units::listed;

/// What one service goes by.
#[derive(Clone, Debug)]
pub struct Config {
    /// What it is called: what it is, unless the file has a label for it.
    pub label: String,
    /// The values.
    pub settings: Settings,
    /// Where each comes from, in the order of the table.
    pub(super) origins: Vec<Origin>,
    /// The file, if there is one.
    pub file: Option<PathBuf>,
    /// Where it stands there, if it stands in a part of its own.
    pub(super) spot: Option<Spot>,
}

impl Config {
    /// With nothing but defaults.
    pub fn of(service: Service) -> Config {
        let (label, settings) = (service.name().to_owned(), Settings::of(service));
        Config { label, settings, origins: vec![Origin::Default; ROWS.len()], file: None, spot: None }
    }

    /// Where the value of this row comes from.
    pub fn origin(&self, row: &Setting) -> &Origin {
        settings::index(row.path).map_or(&Origin::Default, |index| &self.origins[index])
    }

    /// Says where a value comes from.
    pub fn set_origin(&mut self, row: &Setting, origin: Origin) {
        if let Some(index) = settings::index(row.path) {
            self.origins[index] = origin;
        }
    }

    /// A misfit, where the first of its values stands.
    fn mistake(&self, misfit: fits::Misfit) -> Mistake {
        let origins = misfit.paths.iter().filter_map(|path| settings::find(path)).map(|row| self.origin(row));
        let at = origins.into_iter().find(|origin| **origin != Origin::Default).cloned();
        Mistake {
            at: at.or_else(|| self.spot.clone().map(Origin::File)),
            what: misfit.what,
            hints: misfit.hints,
        }
    }
}

/// Addresses of all services together: as many sockets as one process passes to the next, beside the line between them.
const ADDRESSES_MAX: usize = 63;

/// All services of a process. There is one at least.
#[derive(Clone, Debug)]
pub struct Plan(Vec<Config>);

impl Plan {
    /// One.
    pub fn of(config: Config) -> Plan {
        Plan(vec![config])
    }

    /// These, if there is one.
    pub(super) fn of_all(services: Vec<Config>) -> Option<Plan> {
        (!services.is_empty()).then_some(Plan(services))
    }

    /// All of them, in the order of the file.
    pub fn services(&self) -> &[Config] {
        &self.0
    }

    /// The same, to be changed.
    pub fn services_mut(&mut self) -> &mut [Config] {
        &mut self.0
    }

    /// What the process goes by: each service has the same of it.
    pub fn process(&self) -> &Settings {
        &self.0[0].settings
    }

    /// The chat, if there is one.
    pub fn chat(&self) -> Option<&Config> {
        self.0.iter().find(|config| config.settings.service == Service::Chat)
    }

    /// Where those services stand whose matter this row is. One service alone has all of them.
    pub fn places(&self, row: &Setting) -> impl Iterator<Item = usize> {
        let is_of = |at: &usize| row.is_of(self.0[*at].settings.service, *at);
        let own: Vec<_> = (0..self.0.len()).filter(is_of).collect();
        // Where there is no chat, the first one stands for it.
        if own.is_empty() { vec![0] } else { own }.into_iter()
    }

    /// Are there several?
    pub fn is_several(&self) -> bool {
        self.0.len() > 1
    }

    /// What they are called, for people: `chat and echo`.
    pub fn labels(&self) -> String {
        let labels: Vec<_> = self.0.iter().map(|config| config.label.as_str()).collect();
        listed(&labels)
    }

    /// How many clients each may have, when this process may have so many descriptors.
    pub fn shares(&self, descriptors: u64) -> Vec<u64> {
        let wanted: Vec<_> = self.0.iter().map(|config| config.settings.limits_clients).collect();
        fits::shares(&wanted, descriptors)
    }

    /// All that does not go together, in each and among them, but for values about which there is a mistake already.
    pub(super) fn misfits(&self, descriptors: u64, is_wrong: impl Fn(usize, &str) -> bool) -> Vec<Mistake> {
        let mut found = Vec::new();
        let told = |at: usize, misfits: Vec<fits::Misfit>| {
            let good =
                misfits.into_iter().filter(|misfit| !misfit.paths.iter().any(|path| is_wrong(at, path)));
            good.map(|misfit| self.0[at].mistake(misfit)).collect::<Vec<_>>()
        };
        for (at, config) in self.0.iter().enumerate() {
            found.extend(told(at, fits::misfits(&config.settings)));
            found.extend(told(at, self.beside(at)));
        }
        let addresses: usize = self.0.iter().map(|config| config.settings.listen.len()).sum();
        if addresses > ADDRESSES_MAX {
            let what = format!("{addresses} addresses are more than a restart can pass on: {ADDRESSES_MAX}");
            let hints = vec!["serve some of them by another process".to_owned()];
            found.extend(told(self.0.len() - 1, vec![fits::Misfit { paths: &["listen"], what, hints }]));
        }
        let wanted: Vec<_> = self.0.iter().map(|config| config.settings.limits_clients).collect();
        if let Some((at, misfit)) = fits::clients(&wanted, descriptors) {
            found.extend(told(at, vec![misfit]));
        }
        found
    }

    /// What does not go together with those that stand before it.
    fn beside(&self, at: usize) -> Vec<fits::Misfit> {
        let (config, before) = (&self.0[at], &self.0[..at]);
        let mut found = Vec::new();
        let mut misfit = |paths, what: String, hint: &str| {
            found.push(fits::Misfit { paths, what, hints: vec![hint.to_owned()] });
        };
        let is_chat = |config: &Config| config.settings.service == Service::Chat;
        let is_second = is_chat(config) && before.iter().any(is_chat);
        if let Some(other) = before.iter().find(|other| other.label == config.label && !is_second) {
            let what = format!("two services are called {}", other.label);
            misfit(&[], what, "give this one a label of its own: label = \"…\"");
        }
        if is_second {
            let hint = "its data folder is one: begin another server for it, with --data";
            misfit(&[], "a process has one chat, and this would be its second".to_owned(), hint);
        }
        if self.is_several() && config.settings.listen.is_empty() {
            let what = format!("{} does not say where it listens", config.label);
            misfit(
                &["listen"],
                what,
                "where there are several services each says it: listen = [\"127.0.0.1:50007\"]",
            );
        }
        let listens = |of: &Config| of.settings.listen.clone().into_iter().filter(has_place);
        for (own, other) in
            listens(config).flat_map(|own| before.iter().map(move |other| (own.clone(), other)))
        {
            if listens(other).any(|at| is_same(&own, &at)) {
                let what = format!("{own} is where {} listens already", other.label);
                misfit(&["listen"], what, "give it another one");
            }
        }
        found
    }
}

/// Is it one place, and not any free port?
fn has_place(wanted: &Wanted) -> bool {
    match wanted {
        Wanted::At(Listen { address, .. }) => address.tcp().is_none_or(|tcp| tcp.port() != 0),
        Wanted::Passed { .. } => true,
    }
}

fn is_same(one: &Wanted, other: &Wanted) -> bool {
    match (one, other) {
        (Wanted::At(one), Wanted::At(other)) => one.address == other.address,
        // Whoever takes all that were passed leaves nothing; whoever comes later may have the rest.
        (Wanted::Passed { name, .. }, Wanted::Passed { name: before, .. }) => {
            before.is_none() || name == before
        }
        _ => false,
    }
}
