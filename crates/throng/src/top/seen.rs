//! What is known of the server: the parts of its answers that are shown. A field that another version does not tell is empty.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The answer to `status`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    pub service: String,
    /// All of them; empty within one.
    pub services: Vec<Status>,
    /// Which of several services this is: its place, and how many there are.
    #[serde(skip)]
    pub place: Option<(usize, usize)>,
    pub state: String,
    pub unready: Vec<String>,
    pub uptime_seconds: f64,
    pub process: Process,
    pub server: Server,
    pub rates: Rates,
    pub chat: Option<Chat>,
}

impl Status {
    /// Of several services the one at this place, counted round and round.
    pub fn choose(mut self, place: usize) -> Status {
        let count = self.services.len();
        if count < 2 {
            return self;
        }
        let at = place % count;
        Status { place: Some((at, count)), ..self.services.swap_remove(at) }
    }
}

/// The process.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Process {
    pub pid: u32,
    pub cpu_seconds: Option<f64>,
    pub resident_bytes: Option<u64>,
    pub open_fds: Option<u64>,
    pub max_fds: Option<u64>,
}

/// Connections.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Server {
    pub addresses: Vec<String>,
    pub model: String,
    pub open: u64,
    pub limit: u64,
    pub waiting: Option<u64>,
    pub accepted: u64,
    pub rejected: BTreeMap<String, u64>,
    pub queued_bytes: u64,
    pub queued_largest_bytes: u64,
}

/// How much lately.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Rates {
    pub second: PerSecond,
    pub last_minute: Vec<PerSecond>,
}

/// How much each second.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PerSecond {
    pub accepted: f64,
    pub bytes_in: f64,
    pub bytes_out: f64,
    pub said: f64,
    pub told: f64,
}

/// The chat.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Chat {
    pub people: u64,
    pub rooms: u64,
    pub held: u64,
    pub mailbox: u64,
    pub last_commit_us: u64,
    pub read_only: Option<String>,
    pub delivery_minute: Summary,
}

/// Times in a few numbers.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Summary {
    pub p50_seconds: Option<f64>,
    pub p99_seconds: Option<f64>,
    pub max_seconds: Option<f64>,
}

/// The answer to `clients`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Clients {
    pub total: usize,
    pub clients: Vec<Client>,
}

/// One client.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Client {
    pub id: u64,
    pub name: Option<String>,
    pub door: Option<String>,
    pub address: String,
    pub queued_bytes: u64,
    pub age_secs: u64,
    pub silent_secs: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
}
