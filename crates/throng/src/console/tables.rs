//! How the console shows what it found. Everything that a client chose passes `printable` here.

use std::collections::BTreeMap;
use std::time::Duration;

use throng_services::chat::{RoomLine, Status as Chat};
use throng_wire::printable::printable;

use super::guests::Guest;
use super::status::Status;
use crate::columns::table;
use crate::config::deep;
use crate::units::{iso, shown as shown_time, shown_bytes};
use crate::watching::Facts;
use crate::watching::process::Process;
use crate::watching::snapshot::{ChatNow, Snapshot};

/// How many lines of a list are shown.
const LINES_MAX: usize = 200;

/// A line of the status: what it is of, and what it says.
type Line = (&'static str, String);

/// A few lines on how everything is.
pub fn status(status: &Status) -> String {
    let is_several = status.services.len() > 1;
    let mut text = String::new();
    for (snapshot, processes) in &status.services {
        if is_several {
            text.push_str(&format!("[{}]\n", snapshot.service));
        }
        text.push_str(&shown(service(snapshot, processes, status)));
    }
    let first = status.services.first();
    text.push_str(&shown(first.map(|(snapshot, _)| host(&snapshot.process, status.folder_bytes))));
    text.truncate(text.trim_end().len());
    text
}

fn shown(lines: impl IntoIterator<Item = Line>) -> String {
    let line = |(what, text): Line| {
        if what.is_empty() { format!("{text}\n") } else { format!("{what:<11}{text}\n") }
    };
    lines.into_iter().map(line).collect()
}

/// The process, and what it has on the disk.
fn host(process: &Process, folder_bytes: Option<u64>) -> Line {
    let memory = process.resident_bytes.map_or("?".to_owned(), shown_bytes);
    let files = process.open_fds.zip(process.max_fds);
    let files = files.map_or(String::new(), |(open, most)| format!(", {open} of {most} descriptors"));
    let folder =
        folder_bytes.map_or(String::new(), |bytes| format!(", {} in the data folder", shown_bytes(bytes)));
    ("host", format!("process {}, {memory} of memory{files}{folder}", process.pid))
}

/// One service.
fn service(snapshot: &Snapshot, processes: &[u32], status: &Status) -> Vec<Line> {
    let Snapshot { server, rates, chat, .. } = snapshot;
    let state = if snapshot.state == "open" { "accepting" } else { snapshot.state };
    let up = lasted(Duration::from_secs_f64(snapshot.uptime_seconds));
    let counts = |counts: &BTreeMap<&'static str, u64>| {
        let some: Vec<_> =
            counts.iter().filter(|(_, n)| **n > 0).map(|(name, n)| format!("{name} {n}")).collect();
        if some.is_empty() { "none".to_owned() } else { some.join(", ") }
    };
    let refused: u64 = server.rejected.values().sum();
    let mut lines = vec![
        ("", format!("{state:<11}at {}, up {up}", server.addresses.join(" and "))),
        ("clients", format!("{} of {}{}", server.open, server.limit, doors(chat.as_ref()))),
        (
            "",
            format!(
                "{:<11}{} came, {refused} refused; ended: {}",
                "",
                server.accepted,
                counts(&server.ended)
            ),
        ),
    ];
    if refused > 0 {
        lines.push(("refused", counts(&server.rejected)));
    }
    let waits = match server.queued_connections {
        0 => "nobody reads too slowly".to_owned(),
        n => format!("{} wait for {}", shown_bytes(server.queued_bytes), counted(n as usize, "slow reader")),
    };
    match chat {
        Some(chat) => {
            let (p50, p99) = (chat.delivery_minute.p50_seconds, chat.delivery_minute.p99_seconds);
            let times = p50.zip(p99).map_or(String::new(), |(p50, p99)| {
                let shown = |secs| shown_time(Duration::from_secs_f64(secs));
                format!("; delivery p50 {}, p99 {}", shown(p50), shown(p99))
            });
            let (said, told) = (rates.minute.said, rates.minute.told);
            lines.push(("messages", format!("{said:.1}/s said, {told:.1}/s told{times}; {waits}")));
            let store = match &chat.figures.read_only {
                Some(why) => format!("read-only: {}", printable(why)),
                None if chat.figures.stored == 0 => "ok".to_owned(),
                None => format!(
                    "ok, last commit {}",
                    shown_time(Duration::from_micros(chat.figures.last_commit_us))
                ),
            };
            let kept = status.history.map_or(String::new(), |held| {
                format!(", {} kept ({})", held.messages, shown_bytes(held.bytes))
            });
            lines.push(("store", format!("{store}; {} stored since the start{kept}", chat.figures.stored)));
            let accounts = status
                .accounts
                .map_or(String::new(), |count| format!(", {}", counted(count as usize, "account")));
            let people = match chat.figures.people {
                1 => "1 person".to_owned(),
                count => format!("{count} people"),
            };
            lines.push((
                "here",
                format!("{people} with a name, {}{accounts}", counted(chat.figures.rooms as usize, "room")),
            ));
        }
        None => {
            lines.push(("model", format!("{}{}", server.model, serve(processes))));
            let waiting = server.waiting.map_or("unknown here".to_owned(), |count| count.to_string());
            lines.push(("waiting", format!("{waiting} in the kernel's queue; {waits}")));
        }
    }
    if let Some(until) = server.certificate_until {
        lines.push(("tls", certificate(until)));
    }
    if server.blocked > 0 {
        lines.push((
            "blocked",
            format!("{} times a handler held its worker up; logs show says when", server.blocked),
        ));
    }
    if !snapshot.unready.is_empty() {
        let why: Vec<_> = snapshot.unready.iter().map(|why| printable(why).into_owned()).collect();
        lines.push(("not ready", why.join("; ")));
    }
    lines
}

/// Until when it is good, and whether somebody has to see to that.
fn certificate(until: u64) -> String {
    let at = iso(i64::try_from(until).unwrap_or(i64::MAX / 1000).saturating_mul(1000));
    match deep::expiry(deep::left_until(until)) {
        Some(why) => format!("the certificate {why}: it is good until {at}"),
        None => format!("the certificate is good until {at}"),
    }
}

/// ` (irc 1, line 2)`, for the chat.
fn doors(chat: Option<&ChatNow>) -> String {
    let Some(chat) = chat else { return String::new() };
    let doors = chat.figures.doors.iter().filter(|(_, door)| door.open > 0);
    let mut parts: Vec<_> = doors.map(|(name, door)| format!("{name} {}", door.open)).collect();
    if chat.figures.undecided > 0 {
        parts.push(format!("{} at the door", chat.figures.undecided));
    }
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

/// Which processes serve, where the model has some.
fn serve(pids: &[u32]) -> String {
    let pids: Vec<_> = pids.iter().map(ToString::to_string).collect();
    if pids.is_empty() { String::new() } else { format!(", {} serve", pids.join(" and ")) }
}

/// Those who were found, of so many that are connected, at most so many lines of each service.
pub fn clients(found: &[Guest], there: usize, most: usize, services: &[&Facts]) -> String {
    if found.is_empty() {
        return match there {
            0 => "Nobody is connected.".to_owned(),
            _ => format!("None of {} is like that.", counted(there, "client")),
        };
    }
    let mut texts = Vec::new();
    for facts in services {
        let here: Vec<_> = found.iter().filter(|guest| guest.service == facts.service).cloned().collect();
        let text = match (here.is_empty(), &facts.chat) {
            (true, _) => continue,
            (false, Some(_)) => people(&here, most),
            (false, None) => plain_clients(&here, most),
        };
        texts.push(if services.len() > 1 { format!("[{}]\n{text}", facts.service) } else { text });
    }
    texts.join("\n")
}

/// Those in the chat; those without a name stand apart.
fn people(found: &[Guest], most: usize) -> String {
    let (named, nameless): (Vec<_>, Vec<_>) = found.iter().partition(|guest| guest.name.is_some());
    let mut text = String::new();
    if !named.is_empty() {
        text = chat_clients(&named, most);
    }
    if !nameless.is_empty() {
        let parted = if text.is_empty() { "" } else { "\n" };
        text.push_str(&format!("{parted}{} without a name yet:\n", counted(nameless.len(), "connection")));
        text.push_str(&chat_clients(&nameless, most));
    }
    text
}

fn chat_clients(guests: &[&Guest], most: usize) -> String {
    let or_none = |text: &Option<String>| text.as_deref().map_or("-".into(), printable).into_owned();
    let rows: Vec<_> = guests
        .iter()
        .map(|guest| {
            [
                guest.id.to_string(),
                or_none(&guest.name),
                guest.door.unwrap_or("-").to_owned(),
                guest.address.clone(),
                or_none(&guest.account),
                lasted(Duration::from_secs(guest.age_secs)),
                lasted(Duration::from_secs(guest.silent_secs)),
                shown_bytes(guest.queued_bytes),
            ]
        })
        .collect();
    table(["ID", "NAME", "DOOR", "FROM", "ACCOUNT", "SINCE", "SILENT", "QUEUE"], &rows, most)
}

fn plain_clients(guests: &[Guest], most: usize) -> String {
    let rows: Vec<_> = guests
        .iter()
        .map(|guest| {
            [
                guest.id.to_string(),
                guest.address.clone(),
                guest.served_by.clone(),
                lasted(Duration::from_secs(guest.age_secs)),
                lasted(Duration::from_secs(guest.silent_secs)),
                guest.bytes_in.to_string(),
                guest.bytes_out.to_string(),
            ]
        })
        .collect();
    table(["ID", "FROM", "SERVED BY", "SINCE", "SILENT", "BYTES IN", "OUT"], &rows, most)
}

/// All there is to know of one client.
pub fn client(guest: &Guest, rooms: &[String], is_several: bool) -> String {
    let time = |secs: u64| lasted(Duration::from_secs(secs));
    let shown = |text: &String| printable(text).into_owned();
    let rooms: Vec<_> = rooms.iter().map(shown).collect();
    let lines = [
        ("number", Some(guest.id.to_string())),
        ("service", is_several.then(|| guest.service.clone())),
        ("name", guest.name.as_ref().map(shown)),
        ("account", guest.account.as_ref().map(shown)),
        ("door", guest.door.map(str::to_owned)),
        ("from", Some(guest.address.clone())),
        ("at", Some(guest.local.clone())),
        ("through", guest.proxy.clone()),
        ("tls", guest.tls.as_ref().map(shown)),
        ("served by", Some(guest.served_by.clone())),
        ("since", Some(time(guest.age_secs))),
        ("silent", Some(time(guest.silent_secs))),
        ("bytes", Some(format!("{} in, {} out", guest.bytes_in, guest.bytes_out))),
        ("queue", Some(format!("{} wait until it reads", shown_bytes(guest.queued_bytes)))),
        ("rooms", (!rooms.is_empty()).then(|| rooms.join(" "))),
    ];
    let lines =
        lines.into_iter().filter_map(|(what, value)| value.map(|value| format!("{what:<10} {value}")));
    lines.collect::<Vec<_>>().join("\n")
}

/// One room.
pub fn room(line: &RoomLine, members: &[&str]) -> String {
    let topic = line.topic.as_ref().map_or("none".into(), |topic| printable(topic.as_str()).into_owned());
    let shown: Vec<_> = members.iter().map(|name| printable(name).into_owned()).collect();
    let more = line.members.saturating_sub(members.len());
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let room = printable(line.room.as_str());
    format!("{room}\ntopic      {topic}\npeople     {}: {}{more}", line.members, shown.join(" "))
}

/// The rooms, the fullest first.
pub fn rooms(chat: &Chat) -> String {
    if chat.rooms.is_empty() {
        return "No room has anybody in it.".to_owned();
    }
    let rows: Vec<_> = chat
        .rooms
        .iter()
        .map(|line| {
            let topic =
                line.topic.as_ref().map_or(String::new(), |topic| printable(topic.as_str()).into_owned());
            [line.members.to_string(), printable(line.room.as_str()).into_owned(), topic]
        })
        .collect();
    table(["PEOPLE", "ROOM", "TOPIC"], &rows, LINES_MAX)
}

/// `1 client`, `2 clients`.
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// `42s`, `7m`, `3h12m`, `5d1h`.
pub fn lasted(time: Duration) -> String {
    let secs = time.as_secs();
    match (secs / 86_400, secs / 3600 % 24, secs / 60 % 60) {
        (0, 0, 0) => format!("{secs}s"),
        (0, 0, minutes) => format!("{minutes}m"),
        (0, hours, minutes) => format!("{hours}h{minutes}m"),
        (days, hours, _) => format!("{days}d{hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_its_two_largest_units() {
        for (secs, expected) in
            [(0, "0s"), (59, "59s"), (60, "1m"), (3600, "1h0m"), (11_520, "3h12m"), (435_600, "5d1h")]
        {
            assert_eq!(lasted(Duration::from_secs(secs)), expected);
        }
    }
}
