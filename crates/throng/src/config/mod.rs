//! Configuration: what a server goes by, from four places. A default gives way to the file, the file to a variable, a variable
//! to a flag; and each value knows where it comes from.
//!
//! [`place`] which file · [`mod@file`] what is in it · [`origin`] where a value comes from · [`sources`] which value wins ·
//! [`plan`] the services that come of it · [`mistake`] what is wrong, and how it is shown · [`command`] `throng config`, with [`init`], [`check`], [`deep`] and [`show`] ·
//! [`chair`] where a running server's settings are shown, set and read anew, and what was [`changed`] · [`relay`] what worker processes are told.

pub mod chair;
pub mod changed;
pub mod check;
pub mod command;
pub mod deep;
pub mod file;
pub mod init;
pub mod mistake;
pub mod origin;
pub mod place;
pub mod plan;
pub mod relay;
pub mod show;
pub mod sources;

use std::path::PathBuf;

pub use plan::{Config, Plan};
pub use sources::Sources;

use crate::data;
use crate::fault::Fault;
use crate::settings::flags::Given;

/// The data folder that a server would have which is started here, for commands that work beside it.
pub fn data_folder() -> Result<PathBuf, Fault> {
    // How many clients there may be is no matter here.
    let plan = Sources::of_process(None, Given::default(), u64::MAX).load()?;
    plan.process().data.clone().map_or_else(data::usual, Ok)
}
