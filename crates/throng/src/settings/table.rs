//! All settings, in the order in which a configuration file has them: those without a section first.

use std::path::{Path, PathBuf};
use std::time::Duration;

use throng_server::Full;
use throng_services::chat::house::SERVER_NAME_MAX;
use throng_store::{Durability, HISTORY_MAX};

use super::choices::{Choice, Guests, Model, Pace};
use super::kinds::{
    AUTO, LIST_MAX, OFF, keep, list, number, rate, shown_keep, shown_list, shown_rate, shown_size,
    shown_time, size, time, unless, yes,
};
use super::row::{Kind, Scope, Setting};
use super::values::Socket;
use crate::listen::Listen;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
const YEAR: Duration = Duration::from_secs(366 * 86_400);

/// Lines of the message of the day, and bytes of one: it fits into an IRC frame beside two names.
const MOTD_LINES_MAX: usize = 100;
const MOTD_LINE_MAX: usize = 350;

/// Bytes of a path (limits.h, PATH_MAX).
const PATH_MAX: usize = 4096;

/// The table.
pub const ROWS: &[Setting] = &[
    Setting {
        path: "listen",
        kind: Kind::List("addresses"),
        default: "auto",
        doc: "Listen at these, each ADDRESS:PORT or unix:PATH; port 0 takes any free one. With tls: before it nothing but TLS is spoken there. systemd or systemd:NAME takes the sockets that systemd passes. auto: those, or 127.0.0.1:50007, or the next free port",
        live: false,
        scope: Scope::Service,
        old_variable: None,
        get: |of| shown_list(AUTO, &of.listen),
        set: |of, text| put(&mut of.listen, list(AUTO, text, |why: String| why)),
    },
    Setting {
        path: "data",
        kind: Kind::Path,
        default: "auto",
        doc: "The folder for everything that is kept. auto: $XDG_DATA_HOME/throng, which is ~/.local/share/throng",
        live: false,
        scope: Scope::Process,
        old_variable: None,
        get: |of| shown_path(AUTO, of.data.as_deref()),
        set: |of, text| put(&mut of.data, unless(AUTO, text, path)),
    },
    Setting {
        path: "name",
        kind: Kind::Text,
        default: "throng.localhost",
        doc: "What the server calls itself towards IRC clients",
        live: false,
        scope: Scope::Chat,
        old_variable: None,
        get: |of| of.name.clone(),
        set: |of, text| put(&mut of.name, host_name(text)),
    },
    Setting {
        path: "durability",
        kind: Kind::OneOf(&["strict", "relaxed", "memory"]),
        default: "strict",
        doc: "strict: a message is told when it is on the disk. relaxed: synced every second. memory: nothing is kept",
        live: false,
        scope: Scope::Chat,
        old_variable: None,
        get: |of| of.durability.word().to_owned(),
        set: |of, text| put(&mut of.durability, Durability::read(text)),
    },
    Setting {
        path: "pace",
        kind: Kind::OneOf(&["default", "off"]),
        default: "default",
        doc: "How fast one client may ask: default is a burst of 20, then 5 a second; beyond that it waits",
        live: true,
        scope: Scope::Chat,
        old_variable: None,
        get: |of| of.pace.word().to_owned(),
        set: |of, text| put(&mut of.pace, Pace::read(text)),
    },
    Setting {
        path: "model",
        kind: Kind::OneOf(&["sequential", "threads", "pool", "events", "processes"]),
        default: "events",
        doc: "By what means many are served at once; the chat knows only events",
        live: false,
        scope: Scope::Service,
        old_variable: None,
        get: |of| of.model.word().to_owned(),
        set: |of, text| put(&mut of.model, Model::read(text)),
    },
    Setting {
        path: "workers",
        kind: Kind::Number,
        default: "auto",
        doc: "Workers of events, pool and processes, at most so many threads of threads. auto: one for each core; 1024 threads",
        live: false,
        scope: Scope::Service,
        old_variable: None,
        get: |of| shown_or(AUTO, of.workers, |n| n.to_string()),
        set: |of, text| put(&mut of.workers, unless(AUTO, text, |text| number(text, 1, u16::MAX.into()))),
    },
    Setting {
        path: "verbose",
        kind: Kind::Switch,
        default: "false",
        doc: "Print who serves whom and what came, as it happens (echo, hello)",
        live: false,
        scope: Scope::Service,
        old_variable: None,
        get: |of| of.verbose.to_string(),
        set: |of, text| put(&mut of.verbose, yes(text)),
    },
    Setting {
        path: "tls.cert",
        kind: Kind::Path,
        default: "off",
        doc: "Speak TLS as well at every address, with this certificate (PEM, its chain behind it); read again when it changes",
        live: false,
        scope: Scope::Service,
        old_variable: Some("THRONG_TLS_CERT"),
        get: |of| shown_path(OFF, of.tls_cert.as_deref()),
        set: |of, text| put(&mut of.tls_cert, unless(OFF, text, path)),
    },
    Setting {
        path: "tls.key",
        kind: Kind::Path,
        default: "off",
        doc: "The certificate's private key (PEM)",
        live: false,
        scope: Scope::Service,
        old_variable: Some("THRONG_TLS_KEY"),
        get: |of| shown_path(OFF, of.tls_key.as_deref()),
        set: |of, text| put(&mut of.tls_key, unless(OFF, text, path)),
    },
    Setting {
        path: "proxy.allowed_from",
        kind: Kind::List("networks"),
        default: "off",
        doc: "Believe these sources about whom they pass on: each of their connections must begin with a header of the PROXY protocol. As NETWORK/BITS",
        live: false,
        scope: Scope::Service,
        old_variable: Some("THRONG_PROXY_ALLOWED_FROM"),
        get: |of| shown_list(OFF, &of.proxy_allowed_from),
        set: |of, text| {
            put(
                &mut of.proxy_allowed_from,
                list(OFF, text, |_| "expected a network such as 10.0.0.0/8".to_owned()),
            )
        },
    },
    Setting {
        path: "limits.clients",
        kind: Kind::Number,
        default: "auto",
        doc: "At most this many clients. auto: the descriptor limit less 128",
        live: true,
        scope: Scope::Service,
        old_variable: None,
        get: |of| shown_or(AUTO, of.limits_clients, |n| n.to_string()),
        set: |of, text| {
            put(&mut of.limits_clients, unless(AUTO, text, |text| number(text, 1, u32::MAX.into())))
        },
    },
    Setting {
        path: "limits.full",
        kind: Kind::OneOf(&["queue", "refuse"]),
        default: "queue",
        doc: "What becomes of clients beyond that: queue: they wait in the kernel. refuse: they are closed",
        live: true,
        scope: Scope::Service,
        old_variable: None,
        get: |of| of.limits_full.word().to_owned(),
        set: |of, text| put(&mut of.limits_full, Full::read(text)),
    },
    Setting {
        path: "limits.per_address",
        kind: Kind::Number,
        default: "auto",
        doc: "At most this many clients of one address (IPv6: of one /64). auto: 128, loopback exempt",
        live: true,
        scope: Scope::Service,
        old_variable: None,
        get: |of| shown_or(AUTO, of.limits_per_address, |n| n.to_string()),
        set: |of, text| {
            put(&mut of.limits_per_address, unless(AUTO, text, |text| number(text, 1, u32::MAX.into())))
        },
    },
    Setting {
        path: "limits.rate_per_address",
        kind: Kind::Rate,
        default: "off",
        doc: "How often clients of one address may come, such as 30/1m; loopback exempt, unless limits.per_address is a number",
        live: true,
        scope: Scope::Service,
        old_variable: None,
        get: |of| shown_or(OFF, of.limits_rate_per_address, shown_rate),
        set: |of, text| put(&mut of.limits_rate_per_address, unless(OFF, text, rate)),
    },
    Setting {
        path: "limits.outbox",
        kind: Kind::Size,
        default: "1MiB",
        doc: "What may wait for one client; beyond it the client is too slow and is closed",
        live: true,
        scope: Scope::Service,
        old_variable: None,
        get: |of| shown_size(of.limits_outbox),
        set: |of, text| put(&mut of.limits_outbox, size(text, 4 << 10, 1 << 30)),
    },
    Setting {
        path: "limits.backlog",
        kind: Kind::Number,
        default: "4096",
        doc: "Clients that may wait in the kernel to be accepted; it takes no more than net.core.somaxconn",
        live: false,
        scope: Scope::Service,
        old_variable: None,
        get: |of| of.limits_backlog.to_string(),
        set: |of, text| put(&mut of.limits_backlog, number(text, 1, u16::MAX.into())),
    },
    Setting {
        path: "timeouts.nameless",
        kind: Kind::Time,
        default: "1m",
        doc: "A connection to the chat without a name ends when it is this old",
        live: true,
        scope: Scope::Chat,
        old_variable: None,
        get: |of| shown_time(of.timeouts_nameless),
        set: |of, text| put(&mut of.timeouts_nameless, time(text, SECOND, DAY)),
    },
    Setting {
        path: "timeouts.probe",
        kind: Kind::Time,
        default: "2m",
        doc: "Silence after which a client of the chat is probed; one that does not answer ends half of it later",
        live: true,
        scope: Scope::Chat,
        old_variable: None,
        get: |of| shown_time(of.timeouts_probe),
        set: |of, text| put(&mut of.timeouts_probe, time(text, SECOND, DAY)),
    },
    Setting {
        path: "timeouts.idle",
        kind: Kind::Time,
        default: "off",
        doc: "A client that sends nothing for so long is closed; the chat probes silent ones by itself",
        live: true,
        scope: Scope::Service,
        old_variable: None,
        get: |of| shown_or(OFF, of.timeouts_idle, shown_time),
        set: |of, text| put(&mut of.timeouts_idle, unless(OFF, text, |text| time(text, SECOND, YEAR))),
    },
    Setting {
        path: "timeouts.write_stall",
        kind: Kind::Time,
        default: "1m",
        doc: "A client that takes nothing of what waits for it for so long is closed",
        live: true,
        scope: Scope::Service,
        old_variable: None,
        get: |of| shown_or(OFF, of.timeouts_write_stall, shown_time),
        set: |of, text| put(&mut of.timeouts_write_stall, unless(OFF, text, |text| time(text, SECOND, DAY))),
    },
    Setting {
        path: "timeouts.age",
        kind: Kind::Time,
        default: "off",
        doc: "A connection ends when it is this old, so that clients of a balancer spread over new servers",
        live: true,
        scope: Scope::Service,
        old_variable: None,
        get: |of| shown_or(OFF, of.timeouts_age, shown_time),
        set: |of, text| put(&mut of.timeouts_age, unless(OFF, text, |text| time(text, SECOND, YEAR))),
    },
    Setting {
        path: "timeouts.farewell",
        kind: Kind::Time,
        default: "10s",
        doc: "How long a client may take for the last words to it",
        live: true,
        scope: Scope::Service,
        old_variable: None,
        get: |of| shown_time(of.timeouts_farewell),
        set: |of, text| put(&mut of.timeouts_farewell, time(text, SECOND, HOUR)),
    },
    Setting {
        path: "drain.time",
        kind: Kind::Time,
        default: "10s",
        doc: "How long the end of the server may take; who is left then is cut",
        live: true,
        scope: Scope::Process,
        old_variable: None,
        get: |of| shown_time(of.drain_time),
        set: |of, text| put(&mut of.drain_time, time(text, Duration::ZERO, HOUR)),
    },
    Setting {
        path: "accounts.guests",
        kind: Kind::OneOf(&["yes", "unregistered-names", "no"]),
        default: "unregistered-names",
        doc: "What people may be called who have no account: yes: anything. unregistered-names: what belongs to nobody. no: nobody comes in without one",
        live: true,
        scope: Scope::Chat,
        old_variable: None,
        get: |of| of.accounts_guests.word().to_owned(),
        set: |of, text| put(&mut of.accounts_guests, Guests::read(text)),
    },
    Setting {
        path: "accounts.allow_plaintext",
        kind: Kind::Switch,
        default: "false",
        doc: "Take passwords in plain text from other machines too; anybody on the way can read them then",
        live: true,
        scope: Scope::Chat,
        old_variable: None,
        get: |of| of.accounts_allow_plaintext.to_string(),
        set: |of, text| put(&mut of.accounts_allow_plaintext, yes(text)),
    },
    Setting {
        path: "accounts.scram",
        kind: Kind::Switch,
        default: "false",
        doc: "Keep keys for SCRAM-SHA-256 of every password, not only where its owner asks for it; who steals the store guesses at those faster than at Argon2id",
        live: true,
        scope: Scope::Chat,
        old_variable: None,
        get: |of| of.accounts_scram.to_string(),
        set: |of, text| put(&mut of.accounts_scram, yes(text)),
    },
    Setting {
        path: "accounts.hashing_threads",
        kind: Kind::Number,
        default: "auto",
        doc: "How many threads hash passwords, 19 MiB each. auto: one for each core but one",
        live: false,
        scope: Scope::Chat,
        old_variable: None,
        get: |of| shown_or(AUTO, of.accounts_hashing_threads, |n| n.to_string()),
        set: |of, text| put(&mut of.accounts_hashing_threads, unless(AUTO, text, |text| number(text, 1, 64))),
    },
    Setting {
        path: "chat.motd",
        kind: Kind::Lines,
        default: "",
        doc: "The message of the day that IRC clients are shown, in lines",
        live: true,
        scope: Scope::Chat,
        old_variable: None,
        get: |of| of.chat_motd.join("\n"),
        set: |of, text| put(&mut of.chat_motd, motd(text)),
    },
    Setting {
        path: "chat.hosts",
        kind: Kind::List("names"),
        default: "off",
        doc: "Host names, besides localhost and the addresses, under which the chat answers browsers",
        live: true,
        scope: Scope::Chat,
        old_variable: None,
        get: |of| shown_list(OFF, &of.chat_hosts),
        set: |of, text| put(&mut of.chat_hosts, hosts(text)),
    },
    Setting {
        path: "chat.history_on_entry",
        kind: Kind::Number,
        default: "20",
        doc: "How many messages are shown to who enters a room",
        live: true,
        scope: Scope::Chat,
        old_variable: None,
        get: |of| of.chat_history_on_entry.to_string(),
        set: |of, text| put(&mut of.chat_history_on_entry, number(text, 0, HISTORY_MAX as u64)),
    },
    Setting {
        path: "history.keep",
        kind: Kind::Keep,
        default: "off",
        doc: "How much history is kept: an age such as 90d, or a size such as 2GiB, of the newest in all rooms together. What is beyond it is deleted for good, without a backup. off: all is kept. While the server runs it is set by: history keep 90d",
        live: true,
        scope: Scope::Chat,
        old_variable: None,
        get: |of| shown_keep(of.history_keep),
        set: |of, text| put(&mut of.history_keep, keep(text)),
    },
    Setting {
        path: "events.bytes",
        kind: Kind::Size,
        default: "4MiB",
        doc: "How large one file of the event log becomes",
        live: false,
        scope: Scope::Process,
        old_variable: None,
        get: |of| shown_size(of.events_bytes),
        set: |of, text| put(&mut of.events_bytes, size(text, 64 << 10, 1 << 30)),
    },
    Setting {
        path: "events.files",
        kind: Kind::Number,
        default: "4",
        doc: "How many files of the event log there are",
        live: false,
        scope: Scope::Process,
        old_variable: None,
        get: |of| of.events_files.to_string(),
        set: |of, text| put(&mut of.events_files, number(text, 1, 1000)),
    },
    Setting {
        path: "metrics.listen",
        kind: Kind::List("addresses"),
        default: "off",
        doc: "Serve figures for Prometheus, and health, at these addresses",
        live: false,
        scope: Scope::Process,
        old_variable: None,
        get: |of| shown_list(OFF, &of.metrics_listen),
        set: |of, text| put(&mut of.metrics_listen, plain(text)),
    },
    Setting {
        path: "console.socket",
        kind: Kind::Path,
        default: "auto",
        doc: "Where the operator's console reaches the server. auto: where throng console looks for it. off: nowhere",
        live: false,
        scope: Scope::Process,
        old_variable: None,
        get: |of| shown_socket(&of.console_socket),
        set: |of, text| put(&mut of.console_socket, socket(text)),
    },
];

fn put<T>(field: &mut T, read: Result<T, String>) -> Result<(), String> {
    *field = read?;
    Ok(())
}

fn shown_or<T>(word: &str, value: Option<T>, shown: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| word.to_owned(), shown)
}

/// Addresses at which nobody speaks TLS.
fn plain(text: &str) -> Result<Vec<Listen>, String> {
    let found: Vec<Listen> = list(OFF, text, |why: String| why)?;
    match found.iter().find(|listen| listen.only_tls) {
        Some(_) => {
            Err("expected ADDRESS:PORT such as 127.0.0.1:9464, or unix:PATH: no TLS is spoken there"
                .to_owned())
        }
        None => Ok(found),
    }
}

fn shown_path(word: &str, path: Option<&Path>) -> String {
    shown_or(word, path, |path| path.display().to_string())
}

fn path(text: &str) -> Result<PathBuf, String> {
    match text.len() {
        0 => Err("expected a path".to_owned()),
        1..=PATH_MAX if !text.contains('\0') => Ok(PathBuf::from(text)),
        _ => Err("this cannot be a path".to_owned()),
    }
}

fn shown_socket(socket: &Socket) -> String {
    match socket {
        Socket::Auto => AUTO.to_owned(),
        Socket::Off => OFF.to_owned(),
        Socket::At(path) => path.display().to_string(),
    }
}

fn socket(text: &str) -> Result<Socket, String> {
    match text {
        AUTO => Ok(Socket::Auto),
        OFF => Ok(Socket::Off),
        text => path(text).map(Socket::At),
    }
}

/// A host name as of RFC 1123: letters, digits, dots and hyphens, at most 63 bytes.
fn host_name(name: &str) -> Result<String, String> {
    let label = |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    if !letters || !name.split('.').all(label) {
        return Err("a host name is made of letters, digits, dots and hyphens".to_owned());
    }
    if name.len() > SERVER_NAME_MAX {
        return Err(format!("at most {SERVER_NAME_MAX} bytes"));
    }
    Ok(name.to_owned())
}

fn hosts(text: &str) -> Result<Vec<String>, String> {
    if text == OFF {
        return Ok(Vec::new());
    }
    let names = text.split(',').map(|name| host_name(name.trim())).collect::<Result<Vec<_>, _>>()?;
    match names.len() {
        0..=LIST_MAX => Ok(names),
        _ => Err(format!("at most {LIST_MAX} of them")),
    }
}

fn motd(text: &str) -> Result<Vec<String>, String> {
    let lines: Vec<_> = text.trim_end_matches('\n').lines().map(str::to_owned).collect();
    if lines.len() > MOTD_LINES_MAX {
        return Err(format!("at most {MOTD_LINES_MAX} lines"));
    }
    match lines.iter().find(|line| line.len() > MOTD_LINE_MAX || line.chars().any(char::is_control)) {
        Some(_) => Err(format!("a line has at most {MOTD_LINE_MAX} bytes and no control characters")),
        None => Ok(lines),
    }
}

#[cfg(test)]
mod tests;
