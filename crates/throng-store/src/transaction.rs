//! What is done inside one transaction, and the checkpoints between them. Only the writer calls these.

use std::time::Duration;

use rusqlite::ffi::SQLITE_IOERR_GETTEMPPATH;
use rusqlite::{Connection, Error, ErrorCode, Result, params};
use throng_chat::Record;

use crate::Fault;
use crate::fault::Step;
use crate::ledger::{Draft, Touched};
use crate::past::rows;
use crate::row::number_of;
use crate::schema::BUSY_WAIT;

/// BEGIN IMMEDIATE, the work, COMMIT; or ROLLBACK.
pub(crate) fn transact<T>(db: &Connection, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T, Fault> {
    let run = |sql: &str| db.prepare_cached(sql)?.execute([]);
    let worked = run("BEGIN IMMEDIATE").and_then(|_| work(db));
    let ended = match worked {
        Ok(value) => run("COMMIT").map(|_| value).map_err(|error| Fault::of(&error, Step::Commit)),
        Err(error) => Err(Fault::of(&error, Step::Before)),
    };
    // SQLite rolls some failures back by itself.
    if ended.is_err() && !db.is_autocommit() {
        run("ROLLBACK").map_err(|error| Fault::Io(crate::fault::told(&error)))?;
    }
    ended
}

/// The level of `PRAGMA synchronous` that flushes the log at each commit.
const FULL: i64 = 2;

/// The same, on the disk when it returns, whatever is promised of messages: where commits are not flushed, this one is, and
/// nobody reads it before.
pub(crate) fn transact_to_disk<T>(
    db: &Connection,
    work: impl FnOnce(&Connection) -> Result<T>,
) -> Result<T, Fault> {
    let failed = |error| Fault::of(&error, Step::Before);
    let level: i64 = db.pragma_query_value(None, "synchronous", |row| row.get(0)).map_err(failed)?;
    if level >= FULL {
        return transact(db, work);
    }
    db.pragma_update(None, "synchronous", FULL).map_err(failed)?;
    let ended = transact(db, work);
    // Where it stays at full, batches are only slower.
    let _ = db.pragma_update(None, "synchronous", level);
    ended
}

/// Writes the rows of a drafted batch.
pub(crate) fn write(db: &Connection, batch: &[Record], draft: &Draft) -> Result<()> {
    for touched in &draft.touched {
        write_room(db, touched)?;
    }
    let mut insert = db.prepare_cached(
        "INSERT INTO messages (room, seq, msgid, at, author, kind, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for ((record, stamp), place) in batch.iter().zip(&draft.stamps).zip(&draft.room_of) {
        insert.execute(params![
            draft.touched[*place].head.id,
            stamp.seq as i64,
            stamp.msgid.0.to_be_bytes(),
            stamp.at.0,
            record.author.as_str(),
            number_of(record.kind),
            record.text.as_ref().map(|text| text.as_str()),
        ])?;
    }
    Ok(())
}

/// Once for each room and batch, however many records it has there.
fn write_room(db: &Connection, touched: &Touched) -> Result<()> {
    let Touched { name, head, made, topic, messages, bytes } = touched;
    if *made {
        db.prepare_cached(
            "INSERT INTO rooms (id, folded, name, last_seq, last_at, messages, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            head.id,
            name.folded(),
            name.as_str(),
            head.last_seq as i64,
            head.last_at.0,
            *messages as i64,
            *bytes as i64
        ])?;
    } else {
        db.prepare_cached(
            "UPDATE rooms SET last_seq = ?2, last_at = ?3, messages = messages + ?4, bytes = bytes + ?5 WHERE id = ?1",
        )?
        .execute(params![
            head.id,
            head.last_seq as i64,
            head.last_at.0,
            *messages as i64,
            *bytes as i64
        ])?;
    }
    if let Some(topic) = topic {
        let topic = topic.as_ref();
        db.prepare_cached("UPDATE rooms SET topic = ?2, topic_by = ?3, topic_at = ?4 WHERE id = ?1")?
            .execute(params![
                head.id,
                topic.map(|t| t.text.as_str()),
                topic.map(|t| t.by.as_str()),
                topic.map(|t| t.at.0)
            ])?;
    }
    Ok(())
}

/// How many pages are in the log.
pub(crate) fn log_pages(db: &Connection) -> Result<i64> {
    db.prepare_cached("PRAGMA wal_checkpoint(NOOP)")?.query_row([], |row| row.get(1))
}

/// Moves what was committed from the log into the database.
/// A reader that is in the way is no fault: what it holds back is moved the next time.
pub(crate) fn checkpoint(db: &Connection, kind: &str) -> Result<(), Fault> {
    let asked = db.prepare_cached(&format!("PRAGMA wal_checkpoint({kind})"));
    let moved = asked.and_then(|mut asked| asked.query_row([], |_| Ok(())));
    match moved.map_err(|error| Fault::of(&error, Step::Before)) {
        Err(Fault::Busy) => Ok(()),
        other => other,
    }
}

/// Writes the whole file anew, without anything that was ever in it and is no more; says whether there was space for that, in
/// the file's folder and in that for temporary files. Talk waits for it, about as long as for a copy.
pub(crate) fn rebuild(db: &Connection) -> Result<bool, Fault> {
    // In memory it would be as large as the file.
    let rebuilt = db.execute_batch("PRAGMA temp_store = file; VACUUM");
    db.execute_batch("PRAGMA temp_store = memory").map_err(|error| Fault::of(&error, Step::Before))?;
    match rebuilt {
        Ok(()) => transact_to_disk(db, rows::note_clean).map(|()| true),
        Err(error) if is_for_now(&error) => Ok(false),
        Err(error) => Err(Fault::of(&error, Step::Before)),
    }
}

/// No space, no folder for temporary files, or somebody in the way: the file is as it was.
fn is_for_now(error: &Error) -> bool {
    let no_folder = error.sqlite_error().map(|inner| inner.extended_code) == Some(SQLITE_IOERR_GETTEMPPATH);
    no_folder
        || matches!(
            error.sqlite_error_code(),
            Some(
                ErrorCode::DiskFull
                    | ErrorCode::CannotOpen
                    | ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
            )
        )
}

/// How long whoever reads in the log is waited for when it is to be emptied: talk waits as long.
const EMPTY_WAIT: Duration = Duration::from_millis(50);

/// Empties the log, so that nothing of what was written over is left in it. Says whether nobody was in the way.
pub(crate) fn empty_log(db: &Connection) -> Result<bool, Fault> {
    let failed = |error| Fault::of(&error, Step::Before);
    db.busy_timeout(EMPTY_WAIT).map_err(failed)?;
    let asked = db.prepare_cached("PRAGMA wal_checkpoint(TRUNCATE)");
    let emptied = asked.and_then(|mut asked| asked.query_row([], |row| Ok(row.get::<_, i64>(0)? == 0)));
    db.busy_timeout(BUSY_WAIT).map_err(failed)?;
    match emptied.map_err(failed) {
        Err(Fault::Busy) => Ok(false),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_must_be_on_the_disk_is_flushed_and_batches_are_as_before() {
        let db = Connection::open_in_memory().unwrap();
        let level = |db: &Connection| db.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0));
        for before in [1, 2] {
            db.pragma_update(None, "synchronous", before).unwrap();
            assert_eq!(transact_to_disk(&db, level), Ok(FULL));
            assert_eq!(level(&db).unwrap(), before);
            assert_eq!(transact_to_disk(&db, |db| db.execute("nonsense", [])).map_err(|_| ()), Err(()));
            assert_eq!(level(&db).unwrap(), before, "also when it failed");
        }
    }
}
