//! What was said: taken out of the store, for who runs it; and the rows of what makes it go ([`super::past`]).

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
use super::super::arguments::{Given, Value, maybe, word};
use super::super::operator::Operator;
use super::super::reply::{Answer, Next, Outcome, Reply, Stream};
use super::{Role, Serves, USUAL, Verb, past};
use crate::fault::Fault;
use crate::units::iso;

/// How long the store may take to read a page.
const READ_MAX: Duration = Duration::from_secs(30);

pub const VERBS: &[Verb] = &[
    Verb {
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
    },
    Verb {
        name: "history keep",
        arguments: &[maybe(
            "LIMIT",
            Value::Any,
            "an age such as 90d, a size such as 2GiB, or off, which keeps all",
        )],
        help: "how much history is kept; with a limit, what is beyond it goes",
        more: "Without a limit it tells what holds and what there is. What is beyond a limit is deleted for good, at once and from then on, until \
               the server ends: to keep the limit, write it into throng.toml as history.keep. A size counts the bytes of all words and names, and \
               80 more for each message. It says first what would go and asks for a typed word; a backup is written before. A limit that takes \
               nothing more away is set without that. The file keeps its size: what is free in it is used again.",
        example: "history keep 90d",
        role: Role::Admin,
        serves: Serves::Chat,
        run: past::keep,
        ..USUAL
    },
    Verb {
        name: "history forget",
        arguments: &[word("NAME", Value::Client, "under which it was said, in capitals or not")],
        help: "deletes all that was said under a name, in all rooms",
        more: "For good, with the topics that the name set. Messages of an account that had another name at the time are under that name. A backup is \
               written before: it and all earlier ones still have the words, and so has whoever read them. Then the file is written anew, so \
               that nothing of them is left in it; people wait for as long. Where it ends half-way, the same typed again goes on.",
        example: "history forget ana",
        role: Role::Admin,
        serves: Serves::Chat,
        run: past::forget,
        ..USUAL
    },
];

fn export(console: &Arc<Console>, given: &Given, _: &Operator) -> Outcome {
    let typed = given.of("ROOM");
    let shown = printable(typed).into_owned();
    let spelled = if typed.starts_with('#') { typed.to_owned() } else { format!("#{typed}") };
    let room = RoomName::new(&spelled, Names::Unicode)
        .map_err(|why| Fault::usage(format!("{shown} cannot be a room: {why}")))?;
    let store = console.store.as_ref().ok_or_else(|| Fault::failed("this service keeps no history"))?;
    let Some(last) = last_upto(store, &room, u64::MAX)? else {
        return Err(Fault::failed(format!("nothing is kept of {}", printable(&spelled)))
            .hint("rooms shows which there are"));
    };
    let next = first(store, &room, last)?;
    let (store, zone) = (Arc::clone(store), console.zone.clone());
    Ok(Answer::GoesOn(Box::new(Exporting {
        store,
        room,
        next,
        last,
        page: VecDeque::new(),
        coming: None,
        zone,
    })))
}

/// The sequence of the last message that is kept up to this one.
fn last_upto(store: &Arc<dyn Store>, room: &RoomName, upto: u64) -> Result<Option<u64>, Fault> {
    let found = ask(store, room, upto, 1).recv_timeout(READ_MAX);
    let found =
        found.map_err(|_| Fault::failed("the store does not answer").hint("try again in a moment"))?;
    Ok(found.map_err(|why| unread(&why))?.last().map(|entry| entry.stamp.seq))
}

/// That of the first one that is kept: where millions have gone, they are not walked through. A look halves what is left.
fn first(store: &Arc<dyn Store>, room: &RoomName, last: u64) -> Result<u64, Fault> {
    let (mut least, mut most) = (1, last);
    while least < most {
        match last_upto(store, room, least + (most - least) / 2)? {
            Some(kept) => most = kept,
            None => least += (most - least) / 2 + 1,
        }
    }
    Ok(most)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use throng_store::past::{Keep, Which};
    use throng_store::testing::{Scripted, said};

    use super::*;

    #[test]
    fn the_first_message_that_is_kept_is_found_wherever_it_is() {
        for gone in [0_u64, 1, 499, 500, 998, 999] {
            let opened = Scripted::new().opened();
            opened.store.append(vec![said("#a", "x"); 1_000], Box::new(|_| ()));
            // Each comes to 84.
            let keep = Keep::Size((1_000 - gone) * 84);
            opened.past.sweep(Which::Beyond(keep), Box::new(|swept| drop(swept.unwrap())));
            let room = RoomName::new("#a", Names::Unicode).unwrap();
            assert_eq!(first(&opened.store, &room, 1_000).unwrap(), gone + 1);
        }
    }
}
