//! All accounts, written down: into a new file for its owner only, or wherever the command line wants them. Page by page, so it
//! is no single look: an account that is changed meanwhile is in it as it was or as it is.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use super::office::Office;
use super::record;
use super::wish::Done;
use crate::banner::shown;
use crate::fault::Fault;

/// Writes all accounts into a new file, for its owner only.
pub(super) async fn export(office: &Office, to: PathBuf) -> Result<Done, Fault> {
    let failed = |why: &std::io::Error| match why.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Fault::failed(format!("{} is there already", shown(&to))).hint("give a file that is not there")
        }
        _ => Fault::failed(format!("cannot write {}: {why}", shown(&to))),
    };
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&to).map_err(|why| failed(&why))?;
    let written = match write(office, &mut file).await {
        Ok(accounts) => file.sync_all().map(|()| accounts).map_err(|why| failed(&why)),
        Err(why) => Err(why),
    };
    match written {
        Ok(accounts) => Ok(Done::Exported(to, accounts)),
        Err(why) => {
            // Half an export is none. Where it stays, it lacks accounts, and nothing else is wrong with it.
            let _ = std::fs::remove_file(&to);
            Err(why)
        }
    }
}

/// Writes all accounts, a page at a time; how many.
pub(super) async fn write(office: &Office, to: &mut dyn Write) -> Result<u64, Fault> {
    let failed = |why| Fault::incomplete(format!("not all accounts were written: {why}"));
    let (mut accounts, mut after) = (0, None);
    let mut lines = format!("{}\n", record::head());
    loop {
        to.write_all(lines.as_bytes()).map_err(failed)?;
        let page = office.page(after).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.name.clone());
        accounts += page.len() as u64;
        lines = page.iter().map(|account| record::line(account) + "\n").collect();
    }
    to.flush().map_err(failed)?;
    Ok(accounts)
}
