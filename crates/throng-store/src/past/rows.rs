//! The past in the tables: how much there is, how much would go, and taking it away. What changes anything is called by the
//! writer alone, inside a transaction.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Result, params};
use throng_chat::{MsgId, Name, Names, Time};

use super::tally::{Counting, Tally};
use super::walk::{Doomed, Walk};
use super::{Holding, Which};
use crate::row::sequence;

/// Under which key of `meta` the last id lies that was ever given, once messages have gone: the next one is greater, also when
/// the one that had it is gone.
pub(crate) const LAST_MSGID: &str = "last_msgid";

/// Under which key of `meta` it lies that words were forgotten and the file was not written anew since.
const UNCLEAN: &str = "unclean";

/// Notes that the file is to be written anew, in the transaction in which the first words go: so a crash does not forget it.
pub(crate) fn note_unclean(db: &Connection) -> Result<()> {
    db.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, x'')")?.execute([UNCLEAN])?;
    Ok(())
}

/// It was written anew.
pub(crate) fn note_clean(db: &Connection) -> Result<()> {
    db.prepare_cached("DELETE FROM meta WHERE key = ?1")?.execute([UNCLEAN])?;
    Ok(())
}

/// Is it to be written anew?
pub(crate) fn is_unclean(db: &Connection) -> Result<bool> {
    db.prepare_cached("SELECT 1 FROM meta WHERE key = ?1")?.exists([UNCLEAN])
}

/// Sums over rooms, and the first message of each.
pub(crate) fn holding(db: &Connection) -> Result<Holding> {
    let mut asked = db.prepare_cached(
        "SELECT ifnull(sum(messages), 0), ifnull(sum(bytes), 0), count(*),
         min((SELECT at FROM messages WHERE room = id ORDER BY seq LIMIT 1)) FROM rooms WHERE messages > 0",
    )?;
    asked.query_row([], |row| {
        let oldest = row.get::<_, Option<i64>>(3)?.map(Time);
        Ok(Holding {
            messages: sequence(row, 0)?,
            bytes: sequence(row, 1)?,
            rooms: sequence(row, 2)?,
            oldest,
        })
    })
}

/// How much would go.
pub(crate) fn count(db: &Connection, which: Which, now: Time) -> Result<Tally> {
    let mut counting = Counting::new();
    if let Which::By(name) = &which {
        counting.topics = topics_of(db, name)?.len() as u64;
    }
    let mut walk = Walk::begin(which, now, MsgId(u128::MAX));
    while let Some(page) = walk.next(db, counting.bytes)? {
        page.iter().for_each(|doomed| counting.add(doomed.room, doomed.at, doomed.bytes));
    }
    told(db, counting)
}

/// With the names of the rooms.
pub(crate) fn told(db: &Connection, counting: Counting<i64>) -> Result<Tally> {
    let mut asked = db.prepare_cached("SELECT name FROM rooms WHERE id = ?1")?;
    counting.told(|room| asked.query_row([room], |row| row.get(0)).optional())
}

/// These go. What their rooms come to is less then; where their sequences are does not change.
pub(crate) fn remove(db: &Connection, page: &[Doomed], last: MsgId) -> Result<()> {
    if page.is_empty() {
        return Ok(());
    }
    let mut delete = db.prepare_cached("DELETE FROM messages WHERE room = ?1 AND seq = ?2")?;
    let mut rooms: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for doomed in page {
        delete.execute([doomed.room, doomed.seq])?;
        let (messages, bytes) = rooms.entry(doomed.room).or_default();
        (*messages, *bytes) = (*messages + 1, *bytes + doomed.bytes as i64);
    }
    let less = "UPDATE rooms SET messages = messages - ?2, bytes = bytes - ?3 WHERE id = ?1";
    let mut less = db.prepare_cached(less)?;
    for (room, (messages, bytes)) in rooms {
        less.execute([room, messages, bytes])?;
    }
    let keep = "INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)";
    db.prepare_cached(keep)?.execute(params![LAST_MSGID, last.0.to_be_bytes()])?;
    Ok(())
}

/// The topics that this name set go; how many.
pub(crate) fn remove_topics(db: &Connection, name: &Name) -> Result<u64> {
    let rooms = topics_of(db, name)?;
    let mut clear =
        db.prepare_cached("UPDATE rooms SET topic = NULL, topic_by = NULL, topic_at = NULL WHERE id = ?1")?;
    for room in &rooms {
        clear.execute([room])?;
    }
    Ok(rooms.len() as u64)
}

fn topics_of(db: &Connection, name: &Name) -> Result<Vec<i64>> {
    let mut asked = db.prepare_cached("SELECT id, topic_by FROM rooms WHERE topic_by IS NOT NULL")?;
    let mut rows = asked.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        if is_of(name, row.get_ref(1)?.as_str()?) {
            found.push(row.get(0)?);
        }
    }
    Ok(found)
}

/// Is this the name, however its letters are written? What is no longer a name is nobody's.
pub(crate) fn is_of(name: &Name, kept: &str) -> bool {
    kept == name.as_str() || Name::new(kept, Names::Unicode).is_ok_and(|kept| kept.folded() == name.folded())
}
