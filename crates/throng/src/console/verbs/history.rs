//! What was said: taken out of the store, for who runs it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::json;
use throng_services::chat::{Entry, Kind, Names, RoomName};
use throng_store::{Fault as StoreFault, HISTORY_MAX, History, Store};
use throng_wire::printable::printable;

use super::super::Console;
use super::super::arguments::{Given, Value, word};
use super::super::operator::Operator;
use super::super::reply::{Answer, Next, Outcome, Reply, Stream};
use super::{Role, Serves, USUAL, Verb};
use crate::fault::Fault;
use crate::units::iso;

/// How long the store may take to read a page.
const READ_MAX: Duration = Duration::from_secs(30);

pub const VERBS: &[Verb] = &[Verb {
    name: "history export",
    arguments: &[word("ROOM", Value::Room, "which; the # may be left out")],
    help: "everything that was said in a room, oldest first",
    more: "With --json each message is one object in a line. It reads page by page while people talk, up to what was said when it began. \
           Private messages are never kept. That it was asked for is in the log.",
    example: "history export #lobby --json",
    role: Role::Admin,
    serves: Serves::Chat,
    run: export,
    ..USUAL
}];

fn export(console: &Arc<Console>, given: &Given, _: &Operator) -> Outcome {
    let typed = given.of("ROOM");
    let shown = printable(typed).into_owned();
    let spelled = if typed.starts_with('#') { typed.to_owned() } else { format!("#{typed}") };
    let room = RoomName::new(&spelled, Names::Unicode)
        .map_err(|why| Fault::usage(format!("{shown} cannot be a room: {why}")))?;
    let store = console.store.as_ref().ok_or_else(|| Fault::failed("this service keeps no history"))?;
    let found = ask(store, &room, u64::MAX, 1).recv_timeout(READ_MAX);
    let found =
        found.map_err(|_| Fault::failed("the store does not answer").hint("try again in a moment"))?;
    let last = found.map_err(|why| unread(&why))?.last().map(|entry| entry.stamp.seq);
    let Some(last) = last else {
        return Err(Fault::failed(format!("nothing is kept of {}", printable(&spelled)))
            .hint("rooms shows which there are"));
    };
    let (store, zone) = (Arc::clone(store), console.zone.clone());
    Ok(Answer::GoesOn(Box::new(Exporting {
        store,
        room,
        next: 1,
        last,
        page: VecDeque::new(),
        coming: None,
        zone,
    })))
}

type Page = Receiver<Result<Vec<Entry>, StoreFault>>;

fn ask(store: &Arc<dyn Store>, room: &RoomName, upto: u64, limit: usize) -> Page {
    let (answer, answered) = sync_channel(1);
    // Whoever asked may have gone.
    let done = Box::new(move |found| drop(answer.try_send(found)));
    store.history(History { room: room.clone(), upto, limit }, done);
    answered
}

fn unread(why: &StoreFault) -> Fault {
    Fault::failed(format!("the history cannot be read: {why}"))
}

/// A room's history, page by page.
struct Exporting {
    store: Arc<dyn Store>,
    room: RoomName,
    /// The first sequence that was not asked for yet.
    next: u64,
    /// The last one that is wanted.
    last: u64,
    page: VecDeque<Entry>,
    coming: Option<Page>,
    zone: TimeZone,
}

impl Stream for Exporting {
    fn next(&mut self, patience: Duration) -> Next {
        loop {
            if let Some(entry) = self.page.pop_front() {
                return Next::Line(line(&entry, &self.zone));
            }
            let Some(coming) = &self.coming else {
                if self.next > self.last {
                    return Next::Over;
                }
                let upto = self.last.min(self.next + (HISTORY_MAX as u64 - 1));
                self.coming = Some(ask(&self.store, &self.room, upto, HISTORY_MAX));
                continue;
            };
            match coming.recv_timeout(patience) {
                Ok(Ok(entries)) => {
                    self.coming = None;
                    let first = self.next;
                    self.next += HISTORY_MAX as u64;
                    self.page.extend(entries.into_iter().filter(|entry| entry.stamp.seq >= first));
                }
                Ok(Err(why)) => return Next::Failed(unread(&why)),
                Err(RecvTimeoutError::Timeout) => return Next::Nothing,
                Err(RecvTimeoutError::Disconnected) => {
                    return Next::Failed(Fault::incomplete("the store has ended"));
                }
            }
        }
    }
}

fn line(entry: &Entry, zone: &TimeZone) -> Reply {
    let at = jiff::Timestamp::from_millisecond(entry.stamp.at.0).unwrap_or_default();
    let (author, words) =
        (entry.record.author.as_str(), entry.record.text.as_ref().map(|text| text.as_str()));
    let kind = match entry.record.kind {
        Kind::Message => "message",
        Kind::Action => "action",
        Kind::Notice => "notice",
        Kind::Topic => "topic",
    };
    let said = printable(words.unwrap_or(""));
    let name = printable(author);
    let text = match entry.record.kind {
        Kind::Message => format!("<{name}> {said}"),
        Kind::Action => format!("* {name} {said}"),
        Kind::Notice => format!("-{name}- {said}"),
        Kind::Topic => format!("{name} sets the topic: {said}"),
    };
    let text = format!("{} {text}", at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S"));
    let data = json!({
        "seq": entry.stamp.seq, "msgid": entry.stamp.msgid.to_string(), "time": iso(entry.stamp.at.0), "author": author,
        "kind": kind, "text": words,
    });
    Reply { text, data, ..Reply::default() }
}
