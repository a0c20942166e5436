//! Every metric, a row each: its name, what it is, one line about it, and where it is found. `docs/watching.md` is printed from
//! this table.

use std::collections::BTreeMap;

use throng_services::chat::figures::DoorRead;
use throng_services::latency::Times;

use super::snapshot::{ChatNow, STATES, Snapshot};

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows; `_total` is added to its name.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How many times took no longer than each of some bounds.
    Histogram,
    /// Facts as labels; `_info` is added to its name.
    Info,
}

/// One metric.
pub struct Metric {
    /// Without what its kind adds.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The label that tells its values apart, if it has several.
    pub label: Option<&'static str>,
    /// One line.
    pub help: &'static str,
    /// Is it of the whole process? Else each of its services has its own.
    pub of_process: bool,
    /// Where it is found.
    pub read: fn(&Snapshot) -> Value,
}

/// What is found.
pub enum Value {
    /// One number; nothing where the system or the service does not have it.
    One(Option<f64>),
    /// One for each value of the label.
    By(Vec<(String, f64)>),
    /// Times; nothing where the service has none.
    Times(Option<Times>),
}

const fn counter(name: &'static str, help: &'static str, read: fn(&Snapshot) -> Value) -> Metric {
    Metric { name, kind: Kind::Counter, label: None, help, of_process: false, read }
}

const fn gauge(name: &'static str, help: &'static str, read: fn(&Snapshot) -> Value) -> Metric {
    Metric { name, kind: Kind::Gauge, label: None, help, of_process: false, read }
}

const fn histogram(name: &'static str, help: &'static str, read: fn(&Snapshot) -> Value) -> Metric {
    Metric { name, kind: Kind::Histogram, label: None, help, of_process: false, read }
}

impl Metric {
    const fn by(self, label: &'static str) -> Metric {
        Metric { label: Some(label), ..self }
    }

    const fn of_process(self) -> Metric {
        Metric { of_process: true, ..self }
    }
}

fn one(value: impl Into<Option<u64>>) -> Value {
    Value::One(value.into().map(|value| value as f64))
}

fn by(values: &BTreeMap<&'static str, u64>) -> Value {
    Value::By(values.iter().map(|(name, value)| ((*name).to_owned(), *value as f64)).collect())
}

fn chat(all: &Snapshot, read: impl Fn(&ChatNow) -> u64) -> Value {
    one(all.chat.as_ref().map(read))
}

fn doors(all: &Snapshot, read: fn(&DoorRead) -> u64) -> Value {
    let doors = all.chat.iter().flat_map(|chat| &chat.figures.doors);
    Value::By(doors.map(|(name, door)| ((*name).to_owned(), read(door) as f64)).collect())
}

fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

/// All of them.
pub const METRICS: &[Metric] = &[
    Metric {
        name: "throng_build",
        kind: Kind::Info,
        label: Some("version"),
        help: "Which throng this is; always 1",
        of_process: true,
        read: |all| Value::By(vec![(all.version.to_owned(), 1.0)]),
    },
    gauge("throng_uptime_seconds", "How long the server has run", |all| Value::One(Some(all.uptime_seconds)))
        .of_process(),
    gauge("throng_state", "1 for the state that the server is in, else 0", |all| {
        Value::By(
            STATES
                .iter()
                .map(|state| ((*state).to_owned(), f64::from(u8::from(*state == all.state))))
                .collect(),
        )
    })
    .by("state"),
    gauge("throng_ready", "1 while a new client would be served, as /readyz says", |all| {
        one(u64::from(all.ready))
    }),
    counter("throng_pauses", "How often the server was paused", |all| one(all.server.pauses)),
    gauge("throng_connections", "Connections that are open, closing ones included", |all| {
        one(all.server.open)
    }),
    gauge("throng_connections_max", "Connections that may be open", |all| one(all.server.limit)),
    gauge("throng_connections_waiting", "Clients that wait in the kernel to be accepted", |all| {
        one(all.server.waiting)
    }),
    counter("throng_connections_accepted", "Connections that were served", |all| one(all.server.accepted)),
    counter("throng_connections_rejected", "Connections that were refused, by why", |all| {
        by(&all.server.rejected)
    })
    .by("cause"),
    counter("throng_connections_ended", "Connections that ended, by how", |all| by(&all.server.ended))
        .by("cause"),
    counter("throng_received_bytes", "Bytes that clients sent", |all| one(all.server.bytes_in)),
    counter("throng_sent_bytes", "Bytes that the kernel took for clients", |all| one(all.server.bytes_out)),
    gauge("throng_queued_connections", "Clients that are behind: the kernel takes no more for them", |all| {
        one(all.server.queued_connections)
    }),
    gauge("throng_queued_bytes", "Bytes that wait for clients that are behind", |all| {
        one(all.server.queued_bytes)
    }),
    gauge("throng_queued_largest_bytes", "Bytes that wait for the client that is behind most", |all| {
        one(all.server.queued_largest_bytes)
    }),
    counter("throng_workers_blocked", "How often a handler held its worker up", |all| {
        one(all.server.blocked)
    }),
    gauge(
        "throng_certificate_expiry_timestamp_seconds",
        "The last good second of the certificate, from 1970 on",
        |all| one(all.server.certificate_until),
    ),
    gauge("throng_bans", "Bans that are in force", |all| one(all.bans)).of_process(),
    counter("throng_log_dropped_events", "Events that the log had no place for", |all| one(all.log_dropped))
        .of_process(),
    gauge(
        "throng_chat_clients",
        "Clients in the chat, by door; new are those whose door is not known yet",
        |all| {
            let Value::By(mut clients) = doors(all, |door| door.open) else { return Value::One(None) };
            clients.extend(all.chat.iter().map(|chat| ("new".to_owned(), chat.figures.undecided as f64)));
            Value::By(clients)
        },
    )
    .by("door"),
    counter("throng_chat_clients_came", "Clients that came by each door", |all| doors(all, |door| door.came))
        .by("door"),
    counter("throng_chat_said", "Things said to a room, by the door of who said it", |all| {
        doors(all, |door| door.said)
    })
    .by("door"),
    counter("throng_chat_whispered", "Things said to one person, by the door of who said it", |all| {
        doors(all, |door| door.whispered)
    })
    .by("door"),
    counter("throng_chat_told", "Events that were put into clients' queues, by their door", |all| {
        doors(all, |door| door.told)
    })
    .by("door"),
    counter("throng_chat_refused", "What people asked and were refused, by why", |all| {
        all.chat.as_ref().map_or(Value::By(Vec::new()), |chat| by(&chat.figures.refused))
    })
    .by("cause"),
    counter(
        "throng_chat_paced",
        "How often a client that asked faster than its pace was read later",
        |all| chat(all, |chat| chat.figures.paced),
    ),
    counter("throng_chat_history_reads", "Questions to the store about what was said before", |all| {
        chat(all, |chat| chat.figures.histories)
    }),
    gauge("throng_chat_people", "People with a name", |all| chat(all, |chat| chat.figures.people)),
    gauge("throng_chat_rooms", "Rooms with somebody in them", |all| chat(all, |chat| chat.figures.rooms)),
    gauge("throng_chat_mailbox", "Asks that wait for the hub", |all| chat(all, |chat| chat.mailbox)),
    gauge("throng_chat_held", "Answers that wait for the store", |all| chat(all, |chat| chat.figures.held)),
    gauge("throng_chat_held_bytes", "Bytes of answers that wait for the store", |all| {
        chat(all, |chat| chat.figures.held_bytes)
    }),
    histogram(
        "throng_chat_delivery_seconds",
        "From where something said is handed to the hub to where all clients of a worker have it in their queues",
        |all| Value::Times(all.chat.as_ref().map(|chat| chat.delivery_times.clone())),
    ),
    counter("throng_accounts_sign_ins", "What became of those who wanted to sign in or register", |all| {
        all.chat.as_ref().map_or(Value::By(Vec::new()), |chat| by(&chat.figures.sign_ins))
    })
    .by("outcome"),
    gauge("throng_accounts_hashing", "Passwords that are hashed, or wait for it", |all| {
        chat(all, |chat| chat.hashing)
    }),
    counter("throng_store_records", "Records that were stored", |all| chat(all, |chat| chat.figures.stored)),
    histogram("throng_store_commit_seconds", "How long commits took that stored records", |all| {
        Value::Times(all.chat.as_ref().map(|chat| chat.commit_times.clone()))
    }),
    gauge("throng_store_last_commit_seconds", "How long the last one took", |all| {
        Value::One(all.chat.as_ref().map(|chat| seconds(chat.figures.last_commit_us)))
    }),
    counter("throng_store_failed_commits", "Commits that failed: what was in them was refused", |all| {
        chat(all, |chat| chat.figures.failed_commits)
    }),
    gauge("throng_store_read_only", "1 while nothing can be stored", |all| {
        chat(all, |chat| chat.figures.read_only.is_some().into())
    }),
    gauge("process_start_time_seconds", "When the process began, in seconds since 1970", |all| {
        Value::One(Some(all.process.start_time_seconds))
    })
    .of_process(),
    counter("process_cpu_seconds", "Processor time of the process", |all| {
        Value::One(all.process.cpu_seconds)
    })
    .of_process(),
    gauge("process_resident_memory_bytes", "Memory that the process holds", |all| {
        one(all.process.resident_bytes)
    })
    .of_process(),
    gauge("process_virtual_memory_bytes", "Memory that the process has addresses for", |all| {
        one(all.process.virtual_bytes)
    })
    .of_process(),
    gauge("process_threads", "Threads of the process", |all| one(all.process.threads)).of_process(),
    gauge("process_open_fds", "Descriptors that are open", |all| one(all.process.open_fds)).of_process(),
    gauge("process_max_fds", "Descriptors that may be open", |all| one(all.process.max_fds)).of_process(),
];

impl Metric {
    /// Its name with what its kind adds.
    pub fn full_name(&self) -> String {
        let suffix = match self.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram => "",
        };
        format!("{}{suffix}", self.name)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fmt::Write;

    use super::*;

    /// Where the table stands in the page.
    const BEGIN: &str = "<!-- metrics: printed from crates/throng/src/watching/metrics.rs -->\n";
    const END: &str = "<!-- end of metrics -->\n";

    fn table() -> String {
        let mut table = String::from("| metric | kind | labels | what it says |\n|---|---|---|---|\n");
        for metric in METRICS {
            let kind = match metric.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram => "histogram",
                Kind::Info => "info",
            };
            let own = (!metric.of_process).then_some("service");
            let labels: Vec<_> =
                own.into_iter().chain(metric.label).map(|label| format!("`{label}`")).collect();
            let label = labels.join(", ");
            writeln!(table, "| `{}` | {kind} | {label} | {} |", metric.full_name(), metric.help).unwrap();
        }
        table
    }

    #[test]
    fn the_page_of_all_metrics_is_printed_from_the_table() {
        let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/watching.md");
        let text = std::fs::read_to_string(&page).unwrap();
        let (before, behind) = text.split_once(BEGIN).expect("the page has a place for the table");
        let (kept, behind) = behind.split_once(END).expect("the table ends in the page");
        if std::env::var_os("THRONG_WRITE").is_some() {
            return std::fs::write(&page, [before, BEGIN, &table(), END, behind].concat()).unwrap();
        }
        assert_eq!(kept, table(), "THRONG_WRITE=1 writes it anew");
    }

    #[test]
    fn names_are_as_prometheus_wants_them() {
        let mut names: Vec<_> = METRICS.iter().map(Metric::full_name).collect();
        for (metric, name) in METRICS.iter().zip(&names) {
            assert!(name.starts_with("throng_") || name.starts_with("process_"), "{name}");
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            assert!(!metric.name.ends_with("_total") && !metric.help.ends_with('.'), "{name}");
            assert!(metric.kind != Kind::Histogram || name.ends_with("_seconds"), "{name}");
        }
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count, "two have one name");
    }
}
