//! What was said goes: how much of it is kept, and whose words are forgotten. Both say first what would go, and neither begins
//! before everything is copied.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};
use throng_services::chat::OperatorCommand;
use throng_services::chat::house::wall_clock;
use throng_services::clock;
use throng_store::past::{Halted, Holding, Keep, Swept, Tally, Which};
use throng_store::{Fault as StoreFault, Past};
use throng_wire::printable::printable;

use super::super::Console;
use super::super::arguments::Given;
use super::super::operator::Operator;
use super::super::reply::{Answer, Outcome};
use super::counted;
use crate::accounts::Confirm;
use crate::accounts::asked::name as name_of;
use crate::accounts::clerk::{Clerk, Said};
use crate::banner::shown;
use crate::fault::Fault;
use crate::log::{Event, Log};
use crate::settings::kinds;
use crate::units::shown_bytes;

/// The setting that `history keep` sets.
pub const SETTING: &str = "history.keep";

/// How many rooms are named where more may be concerned.
const ROOMS_NAMED_MAX: usize = 5;

/// How long the store may take to add up what its rooms hold.
const HOLDING_MAX: Duration = Duration::from_secs(5);

/// What is there, or how much shall be kept from now on.
pub fn keep(console: &Arc<Console>, given: &Given, by: &Operator) -> Outcome {
    let now = console.chair.plan().chat().map_or(Keep::All, |chat| chat.settings.history_keep);
    let Some(typed) = given.get("LIMIT") else { return held(console, now) };
    let keep = kinds::keep(typed).map_err(|why| Fault::usage(format!("{}: {why}", printable(typed))))?;
    let written = kinds::shown_keep(keep);
    if keep.is_no_less_than(now) {
        let changed = console.chair.set(SETTING, &written, None, &by.name())?;
        let data = json!({ "keep": written, "messages": 0, "backup": null });
        return Ok(Answer::say(format!("Nothing goes. {}", changed.told(&console.chair.file())), data));
    }
    let going = count(console, Which::Beyond(keep), by)?;
    if !given.has("--yes") {
        let gone = match going.messages {
            0 => "Nothing goes now".to_owned(),
            _ => format!("This deletes for good {}", listed(&going, &console.zone)),
        };
        let what = format!(
            "{gone}. From then on {} is deleted without being asked about.\nA backup is written before; what is in backups \
             stays there.",
            beyond(keep)
        );
        return Ok(Answer::Confirm(Confirm { what, word: format!("keep {written}") }));
    }
    let (past, chair, log) = (past(console)?, Arc::clone(&console.chair), Arc::clone(&console.log));
    let name = by.name();
    let said = clerk(console)?.carry_out_other(by.patience(), move |_| {
        let swept = match going.messages {
            0 => Swept { is_overwritten: true, ..Swept::default() },
            _ => sweep(&*past, Which::Beyond(keep), "nothing was deleted")?,
        };
        let Swept { tally, backup, .. } = &swept;
        tell(&log, Event::info("history.trimmed").with("keep", &written), &swept, &name);
        let changed = chair.set(SETTING, &written, None, &name)?;
        let gone = match tally.messages {
            0 => "Nothing went.".to_owned(),
            messages => format!("{} went.{}", many(messages), backup_told(backup.as_deref())),
        };
        let text = format!("{gone}\n{}", changed.told(&chair.file()));
        let mut data = data_of(&swept);
        data["keep"] = json!(written);
        Ok(Said { text, data })
    })?;
    Ok(Answer::say(said.text, said.data))
}

/// All words of somebody go.
pub fn forget(console: &Arc<Console>, given: &Given, by: &Operator) -> Outcome {
    let name = name_of(given.of("NAME")).map_err(Fault::usage)?;
    let shown_name = printable(name.as_str()).into_owned();
    let going = count(console, Which::By(name.clone()), by)?;
    if going.is_nothing() {
        let text = format!("Nothing is kept that was said under the name {shown_name}.");
        return Ok(Answer::say(text, data_of(&Swept { is_overwritten: true, ..Swept::default() })));
    }
    if !given.has("--yes") {
        let what = format!(
            "This deletes for good {}{}: all that was said under the name {shown_name}, and under no other name.\nA backup is \
             written before, and the words are still in it, as in all earlier ones. They are in the folder backups.\nPeople \
             wait while everything is copied, and while the file is written anew.",
            listed(&going, &console.zone),
            topics(going.topics),
        );
        return Ok(Answer::Confirm(Confirm { what, word: shown_name }));
    }
    let (past, log, by_name) = (past(console)?, Arc::clone(&console.log), by.name());
    let (hub, zone) = (console.hub.clone(), console.zone.clone());
    let said = clerk(console)?.carry_out_other(by.patience(), move |runtime| {
        let swept = sweep(&*past, Which::By(name.clone()), "nothing was forgotten")?;
        if let Some(hub) = hub {
            // Those who are here would be shown the topic otherwise until the next restart.
            runtime.block_on(hub.operate_then(OperatorCommand::Forget(name.clone()), |_| ()));
        }
        tell(&log, Event::info("history.forgotten").with("name", &name), &swept, &by_name);
        let Swept { tally, backup, is_overwritten } = &swept;
        let mut text = format!(
            "Forgotten of the name {shown_name}: {}{}.{}",
            listed(tally, &zone),
            topics(tally.topics),
            backup_told(backup.as_deref())
        );
        if !is_overwritten {
            text.push_str(
                "\nThe file is written anew when nobody reads in it and there is space for it; it is tried again until then.",
            );
        }
        if backup.is_some() {
            text.push_str("\nThe words are still in the backups: delete those as well when nobody needs them any more.");
        }
        Ok(Said { text, data: data_of(&swept) })
    })?;
    Ok(Answer::say(said.text, said.data))
}

/// What is kept, and of what.
fn held(console: &Arc<Console>, keep: Keep) -> Outcome {
    let holding = waited(HOLDING_MAX, |done| past_of(console).map(|past| past.holding(done)))?;
    let Holding { messages, bytes, rooms, oldest } = holding;
    let rule = match keep {
        Keep::All => "All is kept".to_owned(),
        _ => format!("Kept: {}; {} is deleted", kinds::shown_keep(keep), beyond(keep)),
    };
    let since = oldest
        .map_or(String::new(), |at| format!(" since {}", clock::shown(at, wall_clock(), &console.zone)));
    let there =
        format!("{} in {}{since}, {}", many(messages), counted_many(rooms, "room"), shown_bytes(bytes));
    let data = json!({
        "keep": kinds::shown_keep(keep), "messages": messages, "rooms": rooms, "bytes": bytes,
        "oldest": oldest.map(iso),
    });
    Ok(Answer::say(format!("{rule} ({SETTING}).\nThere are {there}."), data))
}

fn past_of(console: &Console) -> Result<&Arc<dyn Past>, Fault> {
    console.past.as_ref().ok_or_else(|| Fault::failed("this service keeps no history"))
}

fn past(console: &Console) -> Result<Arc<dyn Past>, Fault> {
    past_of(console).map(Arc::clone)
}

fn clerk(console: &Console) -> Result<&Clerk, Fault> {
    console.clerk.as_ref().ok_or_else(|| Fault::failed("this service keeps no history"))
}

fn count(console: &Console, which: Which, by: &Operator) -> Result<Tally, Fault> {
    waited(by.patience(), |done| past_of(console).map(|past| past.count(which, done)))
}

type Done<T> = Box<dyn FnOnce(Result<T, StoreFault>) + Send>;

/// Asks the store, and waits for it, at most so long.
fn waited<T: Send + 'static>(
    patience: Duration,
    ask: impl FnOnce(Done<T>) -> Result<(), Fault>,
) -> Result<T, Fault> {
    let (answer, answered) = sync_channel(1);
    // Whoever asked may have gone.
    ask(Box::new(move |found| drop(answer.try_send(found))))?;
    match answered.recv_timeout(patience) {
        Ok(found) => found.map_err(|why| Fault::failed(format!("the history cannot be read: {why}"))),
        Err(RecvTimeoutError::Timeout) => Err(Fault::failed(format!(
            "the store did not count its messages within {} s",
            patience.as_secs()
        ))
        .hint("throng console, in another terminal, waits longer")),
        Err(RecvTimeoutError::Disconnected) => Err(Fault::failed("the store has ended")),
    }
}

/// Waits until all of it is gone; on a thread of its own.
fn sweep(past: &dyn Past, which: Which, nothing: &str) -> Result<Swept, Fault> {
    let (answer, answered) = sync_channel(1);
    past.sweep(which, Box::new(move |swept| drop(answer.try_send(swept))));
    let swept = answered.recv().map_err(|_| Fault::failed("the store has ended"))?;
    swept.map_err(|Halted { gone, why }| {
        let said = printable(&why.to_string()).into_owned();
        let fault = match gone {
            0 => Fault::failed(format!("{nothing}: {said}")),
            _ => Fault::incomplete(format!("{} went, and then it ended: {said}", many(gone)))
                .hint("the same typed again goes on from there"),
        };
        why.hint().into_iter().fold(fault, |fault, hint| fault.hint(printable(&hint).into_owned()))
    })
}

fn tell(log: &Log, event: Event, swept: &Swept, by: &str) {
    let Swept { tally, backup, .. } = swept;
    let event = event.count("messages", tally.messages).count("rooms", tally.rooms.len() as u64);
    let event = event.with_some("backup", backup.as_deref().map(shown));
    log.tell(event.count("topics", tally.topics).with("by", by));
}

/// `12 messages, said from 2026-01-02 10:00 to 19:02: 10 in #lobby, 2 in #tea`
fn listed(tally: &Tally, zone: &TimeZone) -> String {
    let time = |at| clock::shown(at, wall_clock(), zone);
    let when = tally
        .between
        .map_or(String::new(), |(from, to)| format!(", said from {} to {}", time(from), time(to)));
    let named = tally.rooms.iter().take(ROOMS_NAMED_MAX);
    let mut rooms: Vec<_> = named.map(|(room, count)| format!("{count} in {}", printable(room))).collect();
    let others = &tally.rooms[rooms.len()..];
    if !others.is_empty() {
        let count: u64 = others.iter().map(|(_, count)| count).sum();
        rooms.push(format!("{count} in {}", counted(others.len(), "other room")));
    }
    let rooms = if rooms.is_empty() { String::new() } else { format!(": {}", rooms.join(", ")) };
    format!("{}{when}{rooms}", many(tally.messages))
}

/// ` and 1 topic`, or nothing.
fn topics(count: u64) -> String {
    if count == 0 { String::new() } else { format!(", and {}", counted_many(count, "topic")) }
}

fn beyond(keep: Keep) -> String {
    match keep {
        Keep::All => "nothing".to_owned(),
        Keep::Age(_) => format!("what is older than {}", kinds::shown_keep(keep)),
        Keep::Size(_) => format!("the oldest of what comes to more than {}", kinds::shown_keep(keep)),
    }
}

fn backup_told(backup: Option<&Path>) -> String {
    backup.map_or(String::new(), |path| format!("\nBackup: {}", shown(path)))
}

fn many(messages: u64) -> String {
    counted_many(messages, "message")
}

fn counted_many(count: u64, noun: &str) -> String {
    counted(usize::try_from(count).unwrap_or(usize::MAX), noun)
}

fn iso(at: throng_store::Time) -> String {
    jiff::Timestamp::from_millisecond(at.0).unwrap_or_default().to_string()
}

fn data_of(swept: &Swept) -> Json {
    let Swept { tally, backup, is_overwritten } = swept;
    let rooms: serde_json::Map<String, Json> =
        tally.rooms.iter().map(|(room, count)| (room.clone(), json!(count))).collect();
    json!({
        "messages": tally.messages, "rooms": rooms, "topics": tally.topics,
        "backup": backup.as_ref().map(|path| path.display().to_string()), "overwritten": is_overwritten,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_go_is_told_in_a_line_and_moves_no_cursor() {
        let time = throng_store::Time;
        let mut tally = Tally { messages: 1, between: Some((time(0), time(60_000))), ..Tally::default() };
        tally.rooms = vec![("#\u{1b}[2J".to_owned(), 1)];
        let zone = TimeZone::UTC;
        let expected = "1 message, said from 1970-01-01 00:00 to 1970-01-01 00:01: 1 in #\\x1b[2J";
        assert_eq!(listed(&tally, &zone), expected);
        tally = Tally { messages: 21, ..Tally::default() };
        tally.rooms = (0..6).map(|n| (format!("#{n}"), 6 - n)).collect();
        let expected = "21 messages: 6 in #0, 5 in #1, 4 in #2, 3 in #3, 2 in #4, 1 in 1 other room";
        assert_eq!(listed(&tally, &zone), expected);
        tally.rooms.push(("#7".to_owned(), 0));
        assert!(listed(&tally, &zone).ends_with("1 in 2 other rooms"));
    }
}
