//! The values of all settings, each of the type that its reader wants.

use std::path::PathBuf;
use std::time::Duration;

use throng_server::{Full, IpNet, Rate, Timeouts};
use throng_services::identity;
use throng_store::Durability;
use throng_store::past::Keep;

use super::choices::{Guests, Model, Pace, Service};
use crate::listen::{Listen, Wanted};
use crate::log::segments::BOUNDS;

/// What a server goes by. One field for each row, where it is documented, and the service.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Which service; no row, since it is what one types.
    pub service: Service,
    pub listen: Vec<Wanted>,
    pub data: Option<PathBuf>,
    pub name: String,
    pub durability: Durability,
    pub pace: Pace,
    pub model: Model,
    pub workers: Option<u16>,
    pub verbose: bool,
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    pub proxy_allowed_from: Vec<IpNet>,
    pub limits_clients: Option<u32>,
    pub limits_full: Full,
    pub limits_per_address: Option<u32>,
    pub limits_rate_per_address: Option<Rate>,
    pub limits_outbox: u64,
    pub limits_backlog: u16,
    pub timeouts_nameless: Duration,
    pub timeouts_probe: Duration,
    pub timeouts_idle: Option<Duration>,
    pub timeouts_write_stall: Option<Duration>,
    pub timeouts_age: Option<Duration>,
    pub timeouts_farewell: Duration,
    pub drain_time: Duration,
    pub accounts_guests: Guests,
    pub accounts_allow_plaintext: bool,
    pub accounts_scram: bool,
    pub accounts_hashing_threads: Option<u16>,
    pub chat_motd: Vec<String>,
    pub chat_hosts: Vec<String>,
    pub chat_history_on_entry: u16,
    pub history_keep: Keep,
    pub events_bytes: u64,
    pub events_files: u16,
    pub metrics_listen: Vec<Listen>,
    pub console_socket: Socket,
}

/// Where the console's socket is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Socket {
    /// Where `throng console` looks for it.
    Auto,
    /// Nowhere.
    Off,
    /// There.
    At(PathBuf),
}

/// How long a drain takes at most unless set: well below the 90 s after which systemd kills.
const DRAIN_TIME: Duration = Duration::from_secs(10);

impl Settings {
    /// Of this service, when nobody says anything.
    pub fn of(service: Service) -> Settings {
        let (chat, timeouts) = (throng_services::chat::Settings::default(), Timeouts::default());
        let (limits, accounts) = (throng_server::Limits::default(), identity::Settings::default());
        Settings {
            service,
            listen: Vec::new(),
            data: None,
            name: chat.name,
            durability: Durability::Strict,
            pace: Pace::Default,
            model: Model::Events,
            workers: None,
            verbose: false,
            tls_cert: None,
            tls_key: None,
            proxy_allowed_from: Vec::new(),
            limits_clients: None,
            limits_full: limits.full,
            limits_per_address: None,
            limits_rate_per_address: limits.rate_per_address,
            limits_outbox: limits.queue as u64,
            limits_backlog: u16::try_from(limits.backlog).unwrap_or(u16::MAX),
            timeouts_nameless: chat.nameless_max,
            timeouts_probe: chat.probe_after,
            timeouts_idle: timeouts.idle,
            timeouts_write_stall: timeouts.write_stall,
            timeouts_age: timeouts.age,
            timeouts_farewell: timeouts.farewell,
            drain_time: DRAIN_TIME,
            accounts_guests: Guests::UnregisteredNames,
            accounts_allow_plaintext: accounts.allow_plaintext,
            accounts_scram: accounts.scram,
            accounts_hashing_threads: None,
            chat_motd: chat.motd.now().to_vec(),
            chat_hosts: chat.hosts.now().to_vec(),
            chat_history_on_entry: u16::try_from(*chat.history_on_entry.now()).unwrap_or(u16::MAX),
            history_keep: Keep::All,
            events_bytes: BOUNDS.bytes,
            events_files: u16::try_from(BOUNDS.files).unwrap_or(u16::MAX),
            metrics_listen: Vec::new(),
            console_socket: Socket::Auto,
        }
    }
}
