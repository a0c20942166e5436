//! The code by which somebody becomes the first operator: made at each start of a chat that has none, and good once.
//!
//! Who has a terminal reads it in the banner. Where there is none it is in a file of the data folder that only its owner can
//! read, and the log says which: so the code itself is never in a log. The file goes when the server ends, and one that a
//! crash left goes at the next start; by then its code is good for nothing.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use throng_services::identity::{Identity, Secret};

use super::accounts::unable;
use crate::banner::shown;
use crate::fault::Fault;
use crate::log::Event;

/// Where the code is when there is no terminal.
const FILE: &str = "first-operator-code";

/// Where the code is.
#[derive(Debug)]
pub(super) enum FirstOperator {
    /// There is an operator, so there is no code.
    Known,
    /// For the banner.
    Shown(Secret<String>),
    /// In this file, while this lives.
    Kept(PathBuf),
}

impl FirstOperator {
    /// Makes the code, where one is needed, and keeps it for who runs the server.
    pub(super) fn find(identity: &Identity, folder: &Path, terminal: bool) -> Result<FirstOperator, Fault> {
        let path = folder.join(FILE);
        // Usually there is none; one that cannot be removed is told of below, or its code is good for nothing.
        let _ = std::fs::remove_file(&path);
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(unable)?;
        let code = match runtime.block_on(identity.first_operator_code()).map_err(unable)? {
            None => return Ok(FirstOperator::Known),
            Some(code) if terminal => return Ok(FirstOperator::Shown(code)),
            Some(code) => code,
        };
        keep(&path, &code).map_err(|why| {
            Fault::failed(format!("cannot keep the first operator's code in {}: {why}", shown(&path)))
        })?;
        Ok(FirstOperator::Kept(path))
    }

    /// What the banner says of it.
    pub(super) fn words(&self) -> Option<String> {
        let FirstOperator::Shown(code) = self else { return None };
        Some(format!(
            "First operator: sign in, then type  /operator {}  (good once, until this server ends)",
            code.expose()
        ))
    }

    /// What the log hears of it: where it is, never what it is.
    pub(super) fn event(&self) -> Option<Event> {
        let FirstOperator::Kept(path) = self else { return None };
        let event = Event::info("account.first_operator").with("file", shown(path));
        Some(event.with("hint", "sign in, then type /operator and what is in the file"))
    }
}

impl Drop for FirstOperator {
    fn drop(&mut self) {
        if let FirstOperator::Kept(path) = self {
            // What cannot be removed is removed at the next start.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn keep(path: &Path, code: &Secret<String>) -> std::io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(code.expose().as_bytes())?;
    file.write_all(b"\n")
}
