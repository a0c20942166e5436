//! How the console shows what it found. Everything that a client chose passes `printable` here.

use std::time::Duration;

use throng_services::chat::RoomLine;
use throng_services::chat::Status;
use throng_wire::printable::printable;

use super::Console;
use super::guests::Guest;
use super::status::state_name;
use crate::accounts::clerk::Clerk;
use crate::columns::table;

/// How many lines of a list are shown.
const LINES_MAX: usize = 200;

/// A few lines on how everything is.
pub fn status(console: &Console, chat: Option<&Status>) -> String {
    let stats = console.running.stats();
    let state = state_name(console.running.state());
    let addresses: Vec<_> = console.running.addresses().iter().map(ToString::to_string).collect();
    let ended: Vec<_> = stats.ended.iter().map(|(name, count)| format!("{name} {count}")).collect();
    let ended = if ended.is_empty() { "none".to_owned() } else { ended.join(", ") };
    let named = chat.map_or(String::new(), |chat| format!(", {} with a name", chat.people));
    let mut lines = vec![
        format!("{state:<10} at {}, up {}", addresses.join(" and "), lasted(console.begun.elapsed())),
        format!(
            "clients    {} connected{named}; {} came, {} refused, {} shed",
            stats.open, stats.accepted, stats.rejected, stats.shed
        ),
        format!("ended      {ended}"),
    ];
    if stats.blocked > 0 {
        lines.push(format!(
            "blocked    {} times a handler held its worker up; logs show says when",
            stats.blocked
        ));
    }
    match chat {
        Some(chat) => {
            let store = chat
                .read_only
                .as_ref()
                .map_or("ok".to_owned(), |why| format!("read-only: {}", printable(why)));
            lines.push(format!("rooms      {}", chat.rooms.len()));
            lines.push(format!("messages   {} stored since the start", chat.stored));
            if let Some(census) = console.clerk.as_ref().and_then(Clerk::census) {
                lines.push(format!("accounts   {}", census.accounts));
            }
            lines.push(format!("store      {store}"));
        }
        None => {
            let waiting =
                console.running.waiting().map_or("unknown here".to_owned(), |count| count.to_string());
            lines.push(format!(
                "model      {}{}",
                console.running.model(),
                processes(&console.running.processes())
            ));
            lines.push(format!("waiting    {waiting} in the kernel's queue"));
        }
    }
    lines.join("\n")
}

/// Which processes serve, where the model has some.
fn processes(pids: &[u32]) -> String {
    let pids: Vec<_> = pids.iter().map(ToString::to_string).collect();
    if pids.is_empty() { String::new() } else { format!(", {} serve", pids.join(" and ")) }
}

/// Those who were found, of so many that are connected, at most so many lines. In a chat those without a name stand apart.
pub fn clients(found: &[Guest], there: usize, most: usize, is_chat: bool) -> String {
    if found.is_empty() {
        return match there {
            0 => "Nobody is connected.".to_owned(),
            _ => format!("None of {} is like that.", counted(there, "client")),
        };
    }
    if !is_chat {
        return plain_clients(found, most);
    }
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
            ]
        })
        .collect();
    table(["ID", "NAME", "DOOR", "FROM", "ACCOUNT", "SINCE", "SILENT"], &rows, most)
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
pub fn client(guest: &Guest, rooms: &[String]) -> String {
    let time = |secs: u64| lasted(Duration::from_secs(secs));
    let shown = |text: &String| printable(text).into_owned();
    let rooms: Vec<_> = rooms.iter().map(shown).collect();
    let lines = [
        ("number", Some(guest.id.to_string())),
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
pub fn rooms(chat: &Status) -> String {
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
