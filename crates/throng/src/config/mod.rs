//! Configuration: what a server goes by, from four places. A default gives way to the file, the file to a variable, a variable
//! to a flag; and each value knows where it comes from.
//!
//! [`place`] which file · [`mod@file`] what is in it · [`origin`] where a value comes from · [`mistake`] what is wrong, and how it is
//! shown · [`command`] `throng config`, with [`init`], [`check`], [`deep`] and [`show`] ·
//! [`chair`] where a running server's settings are shown, set and read anew · [`relay`] what worker processes are told.

pub mod chair;
pub mod check;
pub mod command;
pub mod deep;
pub mod file;
pub mod init;
pub mod mistake;
pub mod origin;
pub mod place;
pub mod relay;
pub mod show;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use mistake::{Mistake, Mistakes};
use origin::Origin;
use place::Variables;

use crate::data;
use crate::fault::Fault;
use crate::settings::choices::Service;
use crate::settings::flags::Given;
use crate::settings::{self, Kind, ROWS, Setting, Settings, fits};

/// From where everything is read, as often as it is.
#[derive(Clone)]
pub struct Sources {
    /// Which service.
    pub service: Service,
    /// What was typed.
    pub given: Given,
    /// What the environment has.
    pub variables: Arc<Variables>,
    /// How many descriptors this process may have.
    pub descriptors: u64,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Config {
    /// The values.
    pub settings: Settings,
    /// Where each comes from, in the order of the table.
    origins: Vec<Origin>,
    /// The file, if there is one.
    pub file: Option<PathBuf>,
}

impl Sources {
    /// Of this process.
    pub fn of_process(service: Service, given: Given, descriptors: u64) -> Sources {
        Sources { service, given, variables: Arc::new(|name| std::env::var_os(name)), descriptors }
    }

    /// For a server in this process: a worker goes by what its first process does.
    pub fn load_here(&self) -> Result<Config, Mistakes> {
        let told = throng_server::told_as_worker().and_then(|told| relay::read(self.service, &told));
        match told {
            Some(settings) => Ok(Config { settings, origins: vec![Origin::Default; ROWS.len()], file: None }),
            None => {
                let config = self.load()?;
                throng_server::tell_workers(relay::written(&config.settings));
                Ok(config)
            }
        }
    }

    /// Reads everything, or says all that is wrong with it.
    pub fn load(&self) -> Result<Config, Mistakes> {
        let file = place::find(self.given.config.as_ref(), &*self.variables)?;
        let mut layers = Layers {
            config: Config {
                settings: Settings::of(self.service),
                origins: vec![Origin::Default; ROWS.len()],
                file,
            },
            wrong: BTreeSet::new(),
            mistakes: Vec::new(),
        };
        if let Some(path) = &layers.config.file {
            let source = file::read(path)?;
            let apart = file::take_apart(&source);
            (layers.wrong, layers.mistakes) = (apart.wrong, apart.mistakes);
            for found in apart.found {
                layers.set(found.index, &found.text, Origin::File(found.spot));
            }
        }
        for (index, row) in ROWS.iter().enumerate() {
            layers.variable(index, row, &*self.variables);
        }
        for (index, values) in &self.given.values {
            layers.given(*index, values, Origin::Flag(ROWS[*index].flag()));
        }
        layers.finish(self.descriptors)
    }
}

impl Config {
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
}

struct Layers {
    config: Config,
    /// Rows about which there is a mistake already.
    wrong: BTreeSet<&'static str>,
    mistakes: Vec<Mistake>,
}

impl Layers {
    fn set(&mut self, index: usize, text: &str, origin: Origin) {
        let row = &ROWS[index];
        match (row.set)(&mut self.config.settings, text) {
            Ok(()) => self.config.origins[index] = origin,
            Err(why) => {
                self.wrong.insert(row.path);
                self.mistakes.push(Mistake::of(origin, format!("{:?}: {why}", text)));
            }
        }
    }

    /// Values as they were typed; those of a list follow each other.
    fn given(&mut self, index: usize, values: &[OsString], origin: Origin) {
        let row = &ROWS[index];
        let values: Option<Vec<&str>> = values.iter().map(|value| value.to_str()).collect();
        let Some(values) = values else {
            self.wrong.insert(row.path);
            return self.mistakes.push(Mistake::of(origin, "this is not UTF-8"));
        };
        match (row.kind, &values[..]) {
            (Kind::List(_), several) => self.set(index, &several.join(","), origin),
            (_, [.., value]) => self.set(index, value, origin),
            (_, []) => {}
        }
    }

    /// By its name, or by the one that it had before.
    fn variable(&mut self, index: usize, row: &Setting, variables: &Variables) {
        let name = row.variable();
        let old = row.old_variable.and_then(|old| Some((old.to_owned(), variables(old)?)));
        match (variables(&name), old) {
            (Some(value), Some((old, other))) if value != other => {
                self.wrong.insert(row.path);
                let what = format!("it says something else than ${old}, which is its old name");
                self.mistakes.push(Mistake::of(Origin::Variable(name), what).hint(format!("unset {old}")));
            }
            (Some(value), _) => self.given(index, &[value], Origin::Variable(name)),
            (None, Some((old, value))) => self.given(index, &[value], Origin::Variable(old)),
            (None, None) => {}
        }
    }

    /// What does not go together is told only of values that are good by themselves.
    fn finish(mut self, descriptors: u64) -> Result<Config, Mistakes> {
        let is_wrong = |path: &&str| self.wrong.contains(*path);
        let misfits = fits::misfits(&self.config.settings, descriptors);
        let told = misfits.into_iter().filter(|misfit| !misfit.paths.iter().any(is_wrong));
        let told: Vec<_> = told.map(|misfit| misfit_at(&self.config, misfit)).collect();
        self.mistakes.extend(told);
        Mistakes::none_or(self.mistakes)?;
        Ok(self.config)
    }
}

/// The data folder that a server would have which is started here, for commands that work beside it.
pub fn data_folder() -> Result<PathBuf, Fault> {
    // How many clients there may be is no matter here.
    let config = Sources::of_process(Service::Chat, Given::default(), u64::MAX).load()?;
    config.settings.data.map_or_else(data::usual, Ok)
}

/// A misfit, where the first of its values stands.
pub fn misfit_at(config: &Config, misfit: fits::Misfit) -> Mistake {
    let origins = misfit.paths.iter().filter_map(|path| settings::find(path)).map(|row| config.origin(row));
    let at = origins.into_iter().find(|origin| **origin != Origin::Default).cloned();
    Mistake { at, what: misfit.what, hints: misfit.hints }
}
