//! How the console shows what it found. Everything that a client chose passes `printable` here.

use std::time::Duration;

use throng_server::State;
use throng_services::chat::Status;
use throng_wire::printable::printable;

use super::Console;
use crate::accounts::clerk::Clerk;
use crate::columns::table;

/// How many lines of a list are shown.
const LINES_MAX: usize = 200;

/// A few lines on how everything is.
pub fn status(console: &Console, chat: Option<&Status>) -> String {
    let stats = console.running.stats();
    let state = match console.running.state() {
        State::Open => "accepting",
        State::Paused => "paused",
        State::Held => "held",
        State::LetGo => "restarting",
        State::Draining => "draining",
        State::Closed => "closed",
    };
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

/// Everybody who is connected to a service where nobody has a name.
pub fn plain_clients(console: &Console) -> String {
    let conns = console.running.conns();
    if conns.is_empty() {
        return "Nobody is connected.".to_owned();
    }
    let model = console.running.model();
    let workers = console.running.workers();
    let process = |worker: usize| workers.get(worker).and_then(|worker| worker.process);
    let rows: Vec<_> = conns
        .iter()
        .map(|conn| {
            [
                conn.id.to_string(),
                conn.peer.address.to_string(),
                server_of(model, conn.worker, process(conn.worker)),
                lasted(conn.age),
                lasted(conn.silent),
                conn.bytes_in.to_string(),
                conn.bytes_out.to_string(),
            ]
        })
        .collect();
    table(["ID", "FROM", "SERVED BY", "SINCE", "SILENT", "BYTES IN", "OUT"], &rows, LINES_MAX)
}

/// The thread that serves a connection, as `ps -T` and a debugger name it, and its process if that is another one.
fn server_of(model: &str, worker: usize, process: Option<u32>) -> String {
    match (model, process) {
        ("threads", _) => format!("thread-{worker}"),
        ("pool", _) => "the pool".to_owned(),
        (_, Some(process)) => format!("throng-worker-{worker}, process {process}"),
        (_, None) => format!("throng-worker-{worker}"),
    }
}

/// Everybody who is connected; those without a name stand apart.
pub fn clients(console: &Console) -> String {
    let conns = console.running.conns();
    let mut named = Vec::new();
    let mut nameless = Vec::new();
    for conn in &conns {
        let client = console.directory.client(conn.id);
        let door = client.as_ref().map_or("-", |client| client.door);
        let name = client.and_then(|client| client.name);
        let cells = [
            conn.id.to_string(),
            name.as_deref().map_or("-".into(), printable).into_owned(),
            door.to_owned(),
            conn.peer.address.to_string(),
            lasted(conn.age),
            lasted(conn.silent),
        ];
        if name.is_some() { named.push(cells) } else { nameless.push(cells) }
    }
    if conns.is_empty() {
        return "Nobody is connected.".to_owned();
    }
    let mut text = table(["ID", "NAME", "DOOR", "FROM", "SINCE", "SILENT"], &named, LINES_MAX);
    if !nameless.is_empty() {
        text.push_str(&format!("\n{} without a name yet:\n", counted(nameless.len(), "connection")));
        text.push_str(&table(["ID", "NAME", "DOOR", "FROM", "SINCE", "SILENT"], &nameless, LINES_MAX));
    }
    text
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
