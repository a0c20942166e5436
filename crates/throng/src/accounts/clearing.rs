//! What takes all accounts away, and what puts them back. Before either, everything is copied: so each has a way back.

use std::path::{Path, PathBuf};

use throng_store::{BackupFault, Fault as StoreFault};
use throng_wire::printable::printable;

use super::office::{Office, answered};
use super::wish::Done;
use crate::banner::shown;
use crate::fault::Fault;

/// All accounts go; history stays.
pub(super) async fn clear(office: &Office) -> Result<Done, Fault> {
    let census = office.census().await?;
    let cleared = office.operator.clear_with_backup(&*office.backups).await;
    let backup = cleared.map_err(|why| of_backup("nothing was cleared", &why))?;
    Ok(Done::Cleared(census, backup))
}

/// The accounts of a backup come in the place of those that are there.
pub(super) async fn restore(office: &Office, from: &Path) -> Result<Done, Fault> {
    let from = office.backup_path(from);
    if !from.is_file() {
        let fault = Fault::failed(format!("there is no backup {}", shown(&from)));
        return Err(fault.hint(format!("which there are: ls {}", shown(&office.backup_path(Path::new(""))))));
    }
    let backup = backup(office).await?;
    let accounts = put_back(office, &from).await?;
    Ok(Done::Restored { from, accounts, backup })
}

/// A copy of everything as it is.
pub(super) async fn backup(office: &Office) -> Result<PathBuf, Fault> {
    let made = answered(|done| office.backups.backup(done)).await.unwrap_or_else(closed);
    made.map_err(|why| of_backup("nothing was changed, since there is no backup", &why))
}

/// Puts the accounts of this backup in the place of those that are there.
pub(super) async fn put_back(office: &Office, from: &Path) -> Result<usize, Fault> {
    let put = office.operator.restore(&*office.backups, from.to_owned()).await;
    put.map_err(|why| of_backup("nothing was restored", &why))
}

fn closed<T>() -> Result<T, BackupFault> {
    Err(BackupFault::Store(StoreFault::Closed))
}

fn of_backup(what: &str, why: &BackupFault) -> Fault {
    let fault = Fault::failed(format!("{what}: {}", printable(&why.to_string())));
    why.hint().into_iter().fold(fault, |fault, hint| fault.hint(printable(&hint).into_owned()))
}
