//! A file of an earlier version becomes one of ours: first a copy of it is made, then it is changed in one transaction. So a
//! crash at any moment leaves the earlier file or a whole new one. Called at opening, before anything is served.

use std::path::Path;

use rusqlite::Connection;
use throng_chat::Time;

use crate::accounts::looks;
use crate::fault::Fault;
use crate::schema::{
    ACCOUNT_TABLES, ACCOUNTS_SINCE, BAN_TABLE, BANS_SINCE, HOLDINGS_SINCE, LOOKS_SINCE, VERSION,
    count_messages, version,
};
use crate::transaction::transact_to_disk;
use crate::{OpenFault, backup};

/// Told at each step, for tests that end the process there.
pub(crate) type Watch = Box<dyn FnMut(&'static str) + Send>;

/// Brings the file up to our version, if it is not. Its copy has the old version in its name.
pub(crate) fn bring_up(db: &Connection, path: &Path, now: Time, watch: &mut Watch) -> Result<(), OpenFault> {
    backup::tidy(path);
    let theirs = version(db).map_err(|error| OpenFault::of_sqlite(path, &error))?;
    if theirs == VERSION {
        return Ok(());
    }
    let copy = backup::copy(db, path, &format!("throng-v{theirs}"), now, || watch("drafted"))?;
    watch("copied");
    let changed = transact_to_disk(db, |db| {
        if theirs < ACCOUNTS_SINCE {
            db.execute_batch(ACCOUNT_TABLES)?;
        }
        if theirs < LOOKS_SINCE {
            looks::renew(db)?;
        }
        if theirs < BANS_SINCE {
            db.execute_batch(BAN_TABLE)?;
        }
        if theirs < HOLDINGS_SINCE {
            db.execute_batch(&count_messages())?;
        }
        db.execute_batch(&format!("PRAGMA user_version = {VERSION};"))?;
        watch("changing");
        Ok(())
    });
    changed.map_err(|fault| {
        // The file is as it was, so the copy is of no use; behind a disk that failed it may be all that is left.
        if !matches!(fault, Fault::Io(_) | Fault::Unsure(_)) {
            backup::remove(&copy);
        }
        refused(path, fault)
    })?;
    watch("changed");
    Ok(())
}

fn refused(path: &Path, fault: Fault) -> OpenFault {
    let path = path.to_owned();
    match fault {
        Fault::Full => OpenFault::Full { path },
        Fault::Corrupt(why) => OpenFault::Corrupt { path, why },
        other => {
            OpenFault::Io { path, why: format!("it cannot be brought up to version {VERSION}: {other}") }
        }
    }
}
