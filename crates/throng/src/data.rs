//! The data folder: where it is unless told, and what is said when it cannot be had.

use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use throng_client::figures::sheet::number;
use throng_store::{Durability, OpenFault, Opened};

use crate::banner;
use crate::fault::Fault;

/// `$XDG_DATA_HOME/throng`, which is `~/.local/share/throng` where that is not set (XDG Base Directory 0.8);
/// under systemd its state folder (systemd.exec(5), STATE_DIRECTORY).
pub fn usual() -> Result<PathBuf, Fault> {
    let path = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    path("STATE_DIRECTORY")
        .or_else(|| path("XDG_DATA_HOME").map(|data| data.join("throng")))
        .or_else(|| path("HOME").map(|home| home.join(".local/share/throng")))
        .ok_or_else(|| {
            Fault::usage("no folder for the data: HOME is not set").hint("try: throng serve --data DIR")
        })
}

/// Why a folder cannot be had, and what to do about it.
pub fn refused(path: &Path, why: &OpenFault) -> Fault {
    let OpenFault::Held { running } = why else {
        let fault = Fault { what: why.to_string(), hints: Vec::new(), exit_code: why.exit_code() };
        return why.hint().into_iter().fold(fault, Fault::hint);
    };
    let shown = banner::shown(path);
    let mut fault = Fault::failed(format!("a throng server runs on the data in {shown} already"));
    if let Some(running) = running {
        fault = fault.hint(format!("it is pid {}, at {}", running.pid, running.addresses.join(" and ")));
        let first = running.addresses.first().and_then(|listen| listen.parse().ok());
        let join = first.map(|listen| banner::how_to_join(&listen));
        fault.hints.extend(join.unwrap_or_default());
    }
    fault.hint("another one beside it: throng serve --data DIR")
}

/// The same for what can be done at the other server's prompt: there it is typed so.
pub fn in_use(path: &Path, why: &OpenFault, typed: &str) -> Fault {
    let OpenFault::Held { running } = why else { return refused(path, why) };
    let mut fault = Fault::failed(format!("a throng server runs on the data in {}", banner::shown(path)));
    if let Some(running) = running {
        fault = fault.hint(format!("it is pid {}, at {}", running.pid, running.addresses.join(" and ")));
    }
    fault
        .hint(format!("type it at that server's own prompt: {typed}"))
        .hint(format!("or from here: throng console --data {} -c '{typed}'", banner::shown(path)))
        .hint("or end that server first")
}

/// How long the store may take to say how many accounts it has: they are counted once, at the start.
const COUNT_PATIENCE: Duration = Duration::from_secs(5);

/// What is in the folder, in a few words.
pub fn kept(opened: &Opened, durability: Durability) -> String {
    match (durability, opened.created) {
        (Durability::Memory, _) => "nothing is kept: --durability memory".to_owned(),
        (_, true) => "created".to_owned(),
        (_, false) => {
            let (rooms, messages) = (opened.rooms.len() as u64, opened.messages);
            let kept = [
                Some((rooms, "room")),
                Some((messages, "message")),
                accounts(opened).map(|n| (n, "account")),
            ];
            kept.into_iter()
                .flatten()
                .map(|(count, noun)| counted(count, noun))
                .collect::<Vec<_>>()
                .join(", ")
        }
    }
}

/// How many accounts there are, if the store says so in time.
fn accounts(opened: &Opened) -> Option<u64> {
    let (answer, waits) = sync_channel(1);
    opened.accounts.census(Box::new(move |found| drop(answer.try_send(found))));
    waits.recv_timeout(COUNT_PATIENCE).ok()?.ok().map(|census| census.accounts)
}

fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", number(count as f64), if count == 1 { "" } else { "s" })
}
