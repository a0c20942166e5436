//! Bans as rows of their table. A ban whose target nobody could name under the rules of a later version stays in the file, and is
//! told to nobody.

use rusqlite::{Connection, Result, Row, params};
use throng_chat::ban::Target;
use throng_chat::{Ban, Time};

use super::{BANS_MAX, Change, Made};
use crate::row::words;

/// Makes a change. Only the writer calls it, inside a transaction.
pub(crate) fn make(db: &Connection, change: &Change) -> Result<Made> {
    let made = match change {
        Change::Put(ban) => return put(db, ban),
        Change::Remove(target) => remove(db, target)?,
        Change::RemoveOver(now) => {
            db.prepare_cached("DELETE FROM bans WHERE until <= ?1")?.execute([now.0])? > 0
        }
    };
    Ok(if made { Made::Known } else { Made::Unknown })
}

fn put(db: &Connection, ban: &Ban) -> Result<Made> {
    let Ban { target, since, until, reason, by } = ban;
    let is_there = remove(db, target)?;
    if !is_there {
        let count: i64 = db.prepare_cached("SELECT count(*) FROM bans")?.query_row([], |row| row.get(0))?;
        if count >= BANS_MAX as i64 {
            return Ok(Made::Full);
        }
    }
    db.prepare_cached(
        "INSERT INTO bans (key, target, since, until, reason, by) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        target.key(),
        target.to_string(),
        since.0,
        until.map(|until| until.0),
        reason.as_ref().map(|reason| reason.as_str()),
        by.as_str(),
    ])?;
    Ok(if is_there { Made::Known } else { Made::Unknown })
}

fn remove(db: &Connection, target: &Target) -> Result<bool> {
    Ok(db.prepare_cached("DELETE FROM bans WHERE key = ?1")?.execute([target.key()])? > 0)
}

/// All of them.
pub(crate) fn all(db: &Connection) -> Result<Vec<Ban>> {
    let mut asked = db.prepare_cached("SELECT target, since, until, reason, by FROM bans ORDER BY key")?;
    let bans = asked.query_map([], ban)?.filter_map(Result::transpose);
    bans.collect()
}

fn ban(row: &Row<'_>) -> Result<Option<Ban>> {
    let Ok(target) = row.get_ref(0)?.as_str()?.parse() else { return Ok(None) };
    Ok(Some(Ban {
        target,
        since: Time(row.get(1)?),
        until: row.get::<_, Option<i64>>(2)?.map(Time),
        reason: row.get_ref(3)?.as_str_or_null()?.map(words),
        by: words(row.get_ref(4)?.as_str()?),
    }))
}
