//! Configuration: what a server goes by, from four places. A default gives way to the file, the file to a variable, a variable
//! to a flag; and each value knows where it comes from.
//!
//! [`place`] which file · [`mod@file`] what is in it · [`origin`] where a value comes from · [`layers`] which value wins ·
//! [`plan`] the services that come of it · [`mistake`] what is wrong, and how it is shown · [`command`] `throng config`, with [`init`], [`check`], [`deep`] and [`show`] ·
//! [`chair`] where a running server's settings are shown, set and read anew, and what was [`changed`] · [`relay`] what worker processes are told.

pub mod chair;
pub mod changed;
pub mod check;
pub mod command;
pub mod deep;
pub mod file;
pub mod init;
mod layers;
pub mod mistake;
pub mod origin;
pub mod place;
pub mod plan;
pub mod relay;
pub mod show;

use std::path::PathBuf;
use std::sync::Arc;

use mistake::{Mistake, Mistakes};
use origin::{Origin, Spot};
use place::Variables;
pub use plan::Plan;

use crate::data;
use crate::fault::Fault;
use crate::settings::choices::Service;
use crate::settings::flags::Given;
use crate::settings::{self, ROWS, Setting, Settings, fits};

/// From where everything is read, as often as it is.
#[derive(Clone)]
pub struct Sources {
    /// Which service was asked for; else those of the file, or the chat where that has none.
    pub service: Option<Service>,
    /// What was typed.
    pub given: Given,
    /// What the environment has.
    pub variables: Arc<Variables>,
    /// How many descriptors this process may have.
    pub descriptors: u64,
}

/// What one service goes by.
#[derive(Clone, Debug)]
pub struct Config {
    /// What it is called: what it is, unless the file has a label for it.
    pub label: String,
    /// The values.
    pub settings: Settings,
    /// Where each comes from, in the order of the table.
    origins: Vec<Origin>,
    /// The file, if there is one.
    pub file: Option<PathBuf>,
    /// Where it stands there, if it stands in a part of its own.
    spot: Option<Spot>,
}

impl Sources {
    /// Of this process.
    pub fn of_process(service: Option<Service>, given: Given, descriptors: u64) -> Sources {
        Sources { service, given, variables: Arc::new(|name| std::env::var_os(name)), descriptors }
    }

    /// For a server in this process: a worker goes by what its first process does.
    pub fn load_here(&self) -> Result<Plan, Mistakes> {
        let told = throng_server::told_as_worker().and_then(|told| relay::read(&told));
        told.map_or_else(|| self.load(), |config| Ok(Plan::of(config)))
    }
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

/// The data folder that a server would have which is started here, for commands that work beside it.
pub fn data_folder() -> Result<PathBuf, Fault> {
    // How many clients there may be is no matter here.
    let plan = Sources::of_process(None, Given::default(), u64::MAX).load()?;
    plan.process().data.clone().map_or_else(data::usual, Ok)
}
