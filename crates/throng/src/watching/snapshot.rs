//! Everything that is known of a running service at one moment. The console shows it, programs read it as JSON, and it is what
//! the metrics are written from; so names here stay.
//!
//! It is collected from counters: nobody is asked, and nobody is waited for.

use std::collections::BTreeMap;

use serde::Serialize;
use throng_server::{State, Tls};
use throng_services::chat::figures::Read;
use throng_services::latency::Times;

use super::process::Process;
use super::rates::{PerSecond, Totals};
use super::{ChatFacts, Facts};

/// All of it.
#[derive(Clone, Debug, Serialize)]
pub struct Snapshot {
    /// What the service is called: `chat`, `echo` or `hello`, or its label.
    pub service: String,
    /// Which version of throng.
    pub version: &'static str,
    /// One of [`STATES`].
    pub state: &'static str,
    /// Would a new client be served?
    pub ready: bool,
    /// Why not.
    pub unready: Vec<String>,
    /// How long it has run.
    pub uptime_seconds: f64,
    /// The process.
    pub process: Process,
    /// Connections.
    pub server: Server,
    /// How much lately.
    pub rates: RatesNow,
    /// The chat, if that is the service.
    pub chat: Option<ChatNow>,
    /// Bans that are in force, of the whole process.
    pub bans: u64,
    /// Events of the log that found no place, since the start.
    pub log_dropped: u64,
}

/// How it may be.
pub const STATES: [&str; 6] = ["open", "paused", "held", "restarting", "draining", "closed"];

/// Connections.
#[derive(Clone, Debug, Serialize)]
pub struct Server {
    /// Where it listens.
    pub addresses: Vec<String>,
    /// By what means it serves.
    pub model: &'static str,
    /// Connections that are open.
    pub open: u64,
    /// How many may be.
    pub limit: u64,
    /// Clients that wait in the kernel to be accepted, where it tells.
    pub waiting: Option<u64>,
    /// All that were served.
    pub accepted: u64,
    /// Refused, by why.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Ended, by how.
    pub ended: BTreeMap<&'static str, u64>,
    /// Bytes that came.
    pub bytes_in: u64,
    /// Bytes that went.
    pub bytes_out: u64,
    /// Connections for which something waits that the kernel does not take.
    pub queued_connections: u64,
    /// Bytes that wait so.
    pub queued_bytes: u64,
    /// Bytes that wait so for the one who is behind most.
    pub queued_largest_bytes: u64,
    /// How often a handler held its worker.
    pub blocked: u64,
    /// How often it was paused.
    pub pauses: u64,
    /// The last good second of its certificate, from 1970 on, if it has one.
    pub certificate_until: Option<u64>,
}

/// How much lately, each second.
#[derive(Clone, Debug, Serialize)]
pub struct RatesNow {
    /// Over the last second.
    pub second: PerSecond,
    /// Over the last minute.
    pub minute: PerSecond,
    /// Each second of it, oldest first.
    pub last_minute: Vec<PerSecond>,
    /// Each minute of the last hour, oldest first.
    pub last_hour: Vec<PerSecond>,
}

/// The chat.
#[derive(Clone, Debug, Serialize)]
pub struct ChatNow {
    /// What is counted.
    #[serde(flatten)]
    pub figures: Read,
    /// Asks that wait for the hub.
    pub mailbox: u64,
    /// Passwords that are hashed, or wait for it.
    pub hashing: u64,
    /// From what is said to where all outboxes have it, over the last minute.
    pub delivery_minute: Summary,
    /// The same since the start.
    pub delivery: Summary,
    /// How long commits took, since the start.
    pub commit: Summary,
    /// All times, for those who count them in their own way.
    #[serde(skip)]
    pub delivery_times: Times,
    /// Likewise.
    #[serde(skip)]
    pub commit_times: Times,
}

/// Times in a few numbers. Percentiles are at most 3.2 % too long; without any time there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// How many.
    pub count: u64,
    /// Half took no longer.
    pub p50_seconds: Option<f64>,
    /// 99 of a hundred took no longer.
    pub p99_seconds: Option<f64>,
    /// The longest.
    pub max_seconds: Option<f64>,
}

impl Summary {
    /// Of these times.
    pub fn of(times: &Times) -> Summary {
        let secs = |time: std::time::Duration| time.as_secs_f64();
        Summary {
            count: times.count(),
            p50_seconds: times.percentile(0.5).map(secs),
            p99_seconds: times.percentile(0.99).map(secs),
            max_seconds: times.max().map(secs),
        }
    }
}

impl Facts {
    /// How everything is now.
    pub fn snapshot(&self) -> Snapshot {
        let findings = self.findings();
        let unready: Vec<_> = findings.dead.into_iter().chain(findings.unready).collect();
        Snapshot {
            service: self.service.clone(),
            version: env!("CARGO_PKG_VERSION"),
            state: state_name(self.running.state()),
            ready: unready.is_empty(),
            unready,
            uptime_seconds: self.uptime().as_secs_f64(),
            process: Process::look(self.begun_at),
            server: self.server(),
            rates: self.rates_now(),
            chat: self.chat.as_ref().map(|chat| self.chat_now(chat)),
            bans: self.bans.as_ref().map_or(0, |bans| bans.count() as u64),
            log_dropped: self.log.dropped(),
        }
    }

    /// What only grows.
    pub fn totals(&self) -> Totals {
        let stats = self.running.stats();
        let doors = self.chat.as_ref().map(|chat| chat.figures.read().doors).unwrap_or_default();
        Totals {
            accepted: stats.accepted,
            bytes_in: stats.bytes_in,
            bytes_out: stats.bytes_out,
            said: doors.values().map(|door| door.said + door.whispered).sum(),
            told: doors.values().map(|door| door.told).sum(),
        }
    }

    fn server(&self) -> Server {
        let (stats, queued) = (self.running.stats(), self.running.queued());
        Server {
            addresses: self.running.addresses().iter().map(ToString::to_string).collect(),
            model: self.running.model(),
            open: stats.open,
            limit: self.running.limits().total as u64,
            waiting: self.running.waiting().map(|waiting| waiting as u64),
            accepted: stats.accepted,
            rejected: stats.rejected_for,
            ended: stats.ended,
            bytes_in: stats.bytes_in,
            bytes_out: stats.bytes_out,
            queued_connections: queued.conns as u64,
            queued_bytes: queued.bytes as u64,
            queued_largest_bytes: queued.largest as u64,
            blocked: stats.blocked,
            pauses: stats.pauses,
            certificate_until: self.tls.as_ref().and_then(Tls::good_until),
        }
    }

    fn rates_now(&self) -> RatesNow {
        let rates = self.rates();
        RatesNow {
            second: rates.second(),
            minute: rates.minute(),
            last_minute: rates.last_minute(),
            last_hour: rates.last_hour(),
        }
    }

    fn chat_now(&self, chat: &ChatFacts) -> ChatNow {
        let (delivery_times, commit_times) = (chat.figures.delivery(), chat.figures.commit());
        ChatNow {
            figures: chat.figures.read(),
            mailbox: chat.hub.waiting() as u64,
            hashing: chat.chat.upgrade().map_or(0, |chat| chat.hashing() as u64),
            delivery_minute: Summary::of(&self.delivery().of(&delivery_times)),
            delivery: Summary::of(&delivery_times),
            commit: Summary::of(&commit_times),
            delivery_times,
            commit_times,
        }
    }
}

/// As it is told everywhere.
pub fn state_name(state: State) -> &'static str {
    STATES[match state {
        State::Open => 0,
        State::Paused => 1,
        State::Held => 2,
        State::LetGo => 3,
        State::Draining => 4,
        State::Closed => 5,
    }]
}
