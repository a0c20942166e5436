//! The threads that read history and accounts, each with its own connection. They never wait for the writer, nor it for them:
//! in WAL a reader sees what was committed when it began.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::{Connection, OptionalExtension, Result, params};
use throng_chat::Entry;

use crate::fault::Step;
use crate::store::{HISTORY_MAX, History};
use crate::{Fault, OpenFault, row, schema};

/// How many questions wait at most. Each is small; beyond it the askers hear [`Fault::Busy`].
pub(crate) const READS_MAX: usize = 1024;

/// How many threads read. Two, so that one slow page of a cold disk does not hold up everybody.
const READERS: usize = 2;

/// Reads by the connection and answers; or answers why it cannot be asked.
pub(crate) type Question = Box<dyn FnOnce(Result<&Connection, Fault>) + Send>;

/// The readers' end that the store keeps. Dropping it lets them answer what waits, and end.
pub(crate) struct Readers {
    /// Written by whoever asks, read by all readers. When full, the question comes back.
    pub(crate) questions: SyncSender<Question>,
    pub(crate) threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// Opens their connections, so that a fault is told now, and starts them.
    pub(crate) fn start(path: &Path) -> Result<Readers, OpenFault> {
        let (questions, waiting) = sync_channel(READS_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        let mut threads = Vec::new();
        for _ in 0..READERS {
            let db = schema::reading(path).map_err(|error| OpenFault::of_sqlite(path, &error))?;
            let waiting = Arc::clone(&waiting);
            let named = std::thread::Builder::new().name("throng-store-reader".to_owned());
            let started = named.spawn(move || answer_all(&db, &waiting));
            threads.push(started.map_err(|error| OpenFault::of_system(path, &error))?);
        }
        Ok(Readers { questions, threads })
    }

    /// Hands a question over; gives it back, and why, when it cannot.
    pub(crate) fn ask(&self, question: Question) -> Option<(Question, Fault)> {
        match self.questions.try_send(question) {
            Ok(()) => None,
            Err(TrySendError::Full(question)) => Some((question, Fault::Busy)),
            Err(TrySendError::Disconnected(question)) => Some((question, Fault::Closed)),
        }
    }
}

fn answer_all(db: &Connection, waiting: &Mutex<Receiver<Question>>) {
    loop {
        // One reader waits for the next question, the other for its turn to wait; nobody reads under the lock.
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(question) = next else { return };
        question(Ok(db));
    }
}

/// A question that is answered with what is read.
pub(crate) fn question<T: 'static>(
    read: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    done: Box<dyn FnOnce(Result<T, Fault>) + Send>,
) -> Question {
    Box::new(move |db| {
        done(db.and_then(|db| read(db).map_err(|error| Fault::of(&error, Step::Before))));
    })
}

/// What a store answers to a question about history.
pub(crate) fn history(db: &Connection, query: &History) -> Result<Vec<Entry>> {
    let mut rooms = db.prepare_cached("SELECT id, name FROM rooms WHERE folded = ?1")?;
    let found = rooms.query_row([query.room.folded()], |row| {
        Ok((row.get::<_, i64>(0)?, row::room(row.get_ref(1)?.as_str()?)))
    });
    let Some((id, name)) = found.optional()? else {
        return Ok(Vec::new());
    };
    let name = name.unwrap_or_else(|| query.room.clone());
    let columns = row::ENTRY_COLUMNS;
    let mut last = db.prepare_cached(&format!(
        "SELECT {columns} FROM messages WHERE room = ?1 AND seq <= ?2 ORDER BY seq DESC LIMIT ?3"
    ))?;
    let upto = i64::try_from(query.upto).unwrap_or(i64::MAX);
    let limit = query.limit.min(HISTORY_MAX) as i64;
    let newest_first = last.query_map(params![id, upto, limit], |row| row::entry(row, &name))?;
    let mut entries = newest_first.collect::<Result<Vec<Entry>>>()?;
    entries.reverse();
    Ok(entries)
}
