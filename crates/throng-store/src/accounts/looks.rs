//! The looks of all accounts, computed anew: by a migration, since an earlier version told them in another way, and when accounts
//! are put back from a backup. Called inside a transaction.

use rusqlite::{Connection, Result, params};

use super::rows;

/// What stands in the place of a look that an older account has: no name has it, so nobody ever looks like it.
const NONE: &str = "=";

/// Each account gets the look of its name, the older ones first. One whose look is taken by then stays as it is in all else,
/// under a look that nobody has; so no account is lost because names look alike to us that did not to an earlier version.
pub(crate) fn renew(db: &Connection) -> Result<()> {
    let mut asked = db.prepare("SELECT id, name FROM accounts ORDER BY id")?;
    let all = asked.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    let all: Vec<(i64, String)> = all?.collect::<Result<_>>()?;
    // First none has one, or one that is given now could be one that is still to be changed.
    db.execute("UPDATE accounts SET skeleton = ?1 || folded", [NONE])?;
    let mut give = db.prepare("UPDATE OR IGNORE accounts SET skeleton = ?2 WHERE id = ?1")?;
    for (id, name) in all {
        if let Some(name) = rows::name(&name) {
            give.execute(params![id, name.skeleton()])?;
        }
    }
    Ok(())
}
