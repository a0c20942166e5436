//! A walk over the messages that go, a page at a time: the same for who counts them and for who takes them away. It looks, and
//! changes nothing.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Result};
use throng_chat::{MsgId, Name, Time};

use super::{Keep, MESSAGE_BYTES, Which, cutoff};
use crate::row::{Bits, sequence};

/// How many messages go in one turn of the writer: some milliseconds, for which talk waits.
pub(crate) const ROWS_A_TURN: usize = 500;

/// How many are looked at in one turn where only some go.
const LOOKED_A_TURN: usize = 5_000;

/// How many rooms are looked at in one turn.
const ROOMS_A_TURN: usize = 500;

/// How many spellings of names are remembered, so that a name is folded once and not for each message.
const SPELLINGS_MAX: usize = 4_096;

/// One that goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doomed {
    pub(crate) room: i64,
    pub(crate) seq: i64,
    pub(crate) at: Time,
    pub(crate) bytes: u64,
}

/// Where a walk has come to.
pub(crate) struct Walk {
    which: Which,
    /// What was said at or after this is kept.
    cutoff: Time,
    /// What has a greater id was said after the walk began.
    last: MsgId,
    /// Behind this place of this room; or behind this id, in the order of all rooms together.
    room: i64,
    seq: i64,
    msgid: MsgId,
    is_over: bool,
    spellings: HashMap<String, bool>,
}

/// Prepended where a message's size is asked for.
fn size() -> String {
    format!("{MESSAGE_BYTES} + octet_length(author) + ifnull(octet_length(body), 0)")
}

impl Walk {
    /// Over those that are there now. `last` is the last id that was given.
    pub(crate) fn begin(which: Which, now: Time, last: MsgId) -> Walk {
        let cutoff = match which {
            Which::Beyond(Keep::Age(age)) => cutoff(now, age),
            _ => Time(i64::MIN),
        };
        let is_over = which == Which::Beyond(Keep::All);
        let (msgid, spellings) = (MsgId(0), HashMap::new());
        Walk { which, cutoff, last, room: i64::MIN, seq: 0, msgid, is_over, spellings }
    }

    /// The next ones; none further at the end. A page may be empty. `beside` is what earlier pages came to, where they are still
    /// there.
    pub(crate) fn next(&mut self, db: &Connection, beside: u64) -> Result<Option<Vec<Doomed>>> {
        if self.is_over {
            return Ok(None);
        }
        let which = self.which.clone();
        match which {
            Which::Beyond(Keep::All) => Ok(None),
            Which::Beyond(Keep::Age(_)) => self.next_old(db),
            Which::Beyond(Keep::Size(size)) => self.next_surplus(db, size.saturating_add(beside)),
            Which::By(name) => self.next_of(db, &name),
        }
        .inspect(|page| self.is_over |= page.is_none())
    }

    /// The times of a room never go back, so what is old is where it begins: no further message is read.
    fn next_old(&mut self, db: &Connection) -> Result<Option<Vec<Doomed>>> {
        let mut page = Vec::new();
        let mut rooms = db.prepare_cached("SELECT id FROM rooms WHERE id >= ?1 ORDER BY id LIMIT 1")?;
        let mut asked = db.prepare_cached(&format!(
            "SELECT seq, at, {} FROM messages WHERE room = ?1 AND seq > ?2 ORDER BY seq",
            size()
        ))?;
        for _ in 0..ROOMS_A_TURN {
            let Some(room) = rooms.query_row([self.room], |row| row.get::<_, i64>(0)).optional()? else {
                self.is_over = true;
                break;
            };
            if room != self.room {
                (self.room, self.seq) = (room, 0);
            }
            let mut rows = asked.query([room, self.seq])?;
            while let Some(row) = rows.next()? {
                let (seq, at) = (row.get(0)?, Time(row.get(1)?));
                if at >= self.cutoff {
                    break;
                }
                page.push(Doomed { room, seq, at, bytes: sequence(row, 2)? });
                self.seq = seq;
                if page.len() == ROWS_A_TURN {
                    return Ok(Some(page));
                }
            }
            (self.room, self.seq) = (room + 1, 0);
        }
        Ok(Some(page))
    }

    /// The oldest of all rooms, until what is left is small enough. Ids grow, so their order is that in which all was said.
    fn next_surplus(&mut self, db: &Connection, most: u64) -> Result<Option<Vec<Doomed>>> {
        let total: i64 =
            db.prepare_cached("SELECT ifnull(sum(bytes), 0) FROM rooms")?.query_row([], |row| row.get(0))?;
        let mut surplus = (total as u64).saturating_sub(most);
        let mut asked = db.prepare_cached(&format!(
            "SELECT room, seq, msgid, at, {} FROM messages WHERE msgid > ?1 ORDER BY msgid LIMIT {ROWS_A_TURN}",
            size()
        ))?;
        let mut page = Vec::new();
        let mut rows = asked.query([self.msgid.0.to_be_bytes()])?;
        while surplus > 0 {
            let Some(row) = rows.next()? else { break };
            let Bits(msgid) = row.get(2)?;
            let doomed = Doomed {
                room: row.get(0)?,
                seq: row.get(1)?,
                at: Time(row.get(3)?),
                bytes: sequence(row, 4)?,
            };
            surplus = surplus.saturating_sub(doomed.bytes);
            self.msgid = msgid;
            page.push(doomed);
        }
        Ok((!page.is_empty()).then_some(page))
    }

    /// All messages are looked at, in the order in which they lie in the file.
    fn next_of(&mut self, db: &Connection, name: &Name) -> Result<Option<Vec<Doomed>>> {
        let mut asked = db.prepare_cached(&format!(
            "SELECT room, seq, msgid, at, author, {} FROM messages WHERE (room, seq) > (?1, ?2) ORDER BY room, seq \
             LIMIT {LOOKED_A_TURN}",
            size()
        ))?;
        let (mut page, mut is_end) = (Vec::new(), true);
        let mut rows = asked.query([self.room, self.seq])?;
        while let Some(row) = rows.next()? {
            is_end = false;
            (self.room, self.seq) = (row.get(0)?, row.get(1)?);
            let Bits(msgid) = row.get(2)?;
            if msgid > self.last || !self.is_of(name, row.get_ref(4)?.as_str()?) {
                continue;
            }
            page.push(Doomed {
                room: self.room,
                seq: self.seq,
                at: Time(row.get(3)?),
                bytes: sequence(row, 5)?,
            });
            if page.len() == ROWS_A_TURN {
                break;
            }
        }
        Ok((!is_end).then_some(page))
    }

    fn is_of(&mut self, name: &Name, author: &str) -> bool {
        if let Some(known) = self.spellings.get(author) {
            return *known;
        }
        let is = super::rows::is_of(name, author);
        if self.spellings.len() >= SPELLINGS_MAX {
            self.spellings.clear();
        }
        self.spellings.insert(author.to_owned(), is);
        is
    }
}
