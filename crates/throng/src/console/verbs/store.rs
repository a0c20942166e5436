//! The store: copied while it is used, and looked through.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};

use serde_json::json;
use throng_store::{BackupFault, Backups};
use throng_wire::printable::printable;

use super::super::Console;
use super::super::arguments::Given;
use super::super::operator::Operator;
use super::super::reply::{Answer, Outcome};
use super::{Role, Serves, USUAL, Verb, counted};
use crate::banner::shown;
use crate::fault::Fault;
use crate::log::Event;

const OF_CHAT: Verb = Verb { serves: Serves::Chat, role: Role::Admin, ..USUAL };

pub const VERBS: &[Verb] = &[
    Verb {
        name: "store backup",
        help: "copies the whole store into the folder backups, while it is used",
        more: "The copy is a store of its own: rooms, messages, accounts, bans. To go back to it, end the server and put it in the place of \
               throng.db, without throng.db-wal and throng.db-shm.",
        example: "store backup",
        run: backup,
        ..OF_CHAT
    },
    Verb {
        name: "store check",
        help: "reads the whole store and looks whether it is sound",
        more: "It takes as long as it takes to read the file; people talk on meanwhile.",
        example: "store check",
        role: Role::View,
        changes: false,
        run: check,
        ..OF_CHAT
    },
];

fn backups(console: &Console) -> Result<&Arc<dyn Backups>, Fault> {
    console.backups.as_ref().ok_or_else(|| Fault::failed("this service has no store"))
}

fn backup(console: &Arc<Console>, _: &Given, by: &Operator) -> Outcome {
    let (answer, answered) = sync_channel(1);
    let (log, name) = (Arc::clone(&console.log), by.name());
    backups(console)?.backup(Box::new(move |made| {
        // Also when nobody waits any more.
        log.tell(match &made {
            Ok(path) => Event::info("store.backed_up").with("file", shown(path)).with("by", name),
            Err(why) => Event::error("store.not_backed_up").with("why", why).with("by", name),
        });
        let _ = answer.try_send(made);
    }));
    match answered.recv_timeout(by.patience()) {
        Ok(Ok(path)) => {
            let bytes = std::fs::metadata(&path).map_or(0, |found| found.len());
            let text = format!("Backup: {} ({})", shown(&path), crate::units::shown_bytes(bytes));
            Ok(Answer::say(text, json!({ "file": path.display().to_string(), "bytes": bytes })))
        }
        Ok(Err(why)) => Err(refused(&why, "there is no backup")),
        Err(why) => late(why),
    }
}

fn check(console: &Arc<Console>, _: &Given, by: &Operator) -> Outcome {
    let (answer, answered) = sync_channel(1);
    let log = Arc::clone(&console.log);
    backups(console)?.check(Box::new(move |found| {
        log.tell(match &found {
            Ok(flaws) if flaws.is_empty() => Event::info("store.sound"),
            Ok(flaws) => {
                flaws.iter().fold(Event::error("store.not_sound"), |event, flaw| event.with("flaw", flaw))
            }
            Err(why) => Event::error("store.not_checked").with("why", why),
        });
        let _ = answer.try_send(found);
    }));
    match answered.recv_timeout(by.patience()) {
        Ok(Ok(flaws)) if flaws.is_empty() => Ok(Answer::say("The store is sound.", json!({ "flaws": [] }))),
        Ok(Ok(flaws)) => {
            let fault = Fault::failed(format!("the store is not sound: {}", counted(flaws.len(), "flaw")));
            let fault = flaws.iter().take(5).fold(fault, |fault, flaw| fault.hint(printable(flaw)));
            Err(fault.hint("end the server and put a backup in its place: folder backups of the data folder"))
        }
        Ok(Err(why)) => Err(refused(&why, "the store was not checked")),
        Err(why) => late(why),
    }
}

fn refused(why: &BackupFault, what: &str) -> Fault {
    let fault = Fault::failed(format!("{what}: {}", printable(&why.to_string())));
    match why.hint() {
        Some(hint) => fault.hint(hint),
        None => fault,
    }
}

/// It goes on; half of it would be of no use.
fn late(why: RecvTimeoutError) -> Outcome {
    match why {
        RecvTimeoutError::Timeout => Ok(Answer::say(
            "This takes longer. It goes on; the log tells how it ended: logs show --kind store",
            json!({ "goes_on": true }),
        )),
        RecvTimeoutError::Disconnected => Err(Fault::failed("the store has ended")),
    }
}
