//! `throng doctor`: looks at all that a server stands on, and says of each whether it will do, and what to do where it will not.
//! The same at a server's own prompt, for what that server stands on.
//!
//! A [`finding`] is one line of it. [`machine`] looks at the system and the process, [`disk`] at the data folder, [`doors`] at
//! addresses and certificates; [`command`] is what is typed.

pub mod command;
mod disk;
mod doors;
mod finding;
mod machine;

use std::path::PathBuf;

use throng_server::CertificateFiles;

use crate::listen::Wanted;
pub use finding::{Finding, Grade, data, shown, worst};

/// What is looked at.
#[derive(Clone, Debug, Default)]
pub struct Patient {
    /// The data folder, if there is one.
    pub data: Option<PathBuf>,
    /// Where it would listen; nothing for what it does unless told.
    pub listen: Vec<Wanted>,
    /// The certificates, if there are any.
    pub certificates: Vec<CertificateFiles>,
    /// Does the server run? Then its ports are its own.
    pub runs: bool,
}

/// Looks at everything.
pub fn examine(patient: &Patient) -> Vec<Finding> {
    let mut findings = machine::examine();
    findings.extend(disk::examine(patient));
    findings.extend(doors::examine(patient));
    findings
}
