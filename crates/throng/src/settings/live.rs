//! What a running server takes of its settings without a restart: limits and times of its sockets, and of the chat the pace,
//! what passwords may do and how much history is kept. The same functions give the start its values, so a change and a restart come to the same.

use std::sync::Arc;

use throng_server::{
    CertificateFiles, ClientCertificates, Limits, Running, Timeouts, Tls, TlsError, TlsSettings,
};
use throng_services::chat::{self, Chat, NoAnswer, PaceSettings};
use throng_services::identity::Identity;

use super::choices::{Guests, Pace, Service};
use super::values::Settings;
use crate::listen::Listen;

/// What runs.
pub struct Live {
    /// The server.
    pub running: Running,
    /// Where it listens, with the real ports.
    pub listens: Vec<Listen>,
    /// The chat, if that is the service.
    pub chat: Option<Arc<Chat>>,
    /// Who is who there.
    pub identity: Option<Identity>,
    /// The certificate.
    pub tls: Option<Tls>,
}

impl Live {
    /// Takes what somebody else must agree to: before [`Live::apply`], which nothing keeps from being done.
    ///
    /// # Errors
    /// When the chat does not answer; nothing has changed then.
    pub fn agree(&self, settings: &Settings) -> Result<(), &'static str> {
        let Some(chat) = &self.chat else { return Ok(()) };
        chat.set_guests(guests(settings)).map_err(|why| match why {
            NoAnswer::Busy => "the chat does not answer: it waits for its store",
            NoAnswer::Over => "the chat has ended",
        })
    }

    /// Takes everything else that may change while the server runs. It may have so many clients.
    pub fn apply(&self, settings: &Settings, clients: u64) {
        // Another backlog is the only thing that the kernel could refuse, and it waits for a restart.
        let backlog = self.running.limits().backlog;
        let _ = self.running.set_limits(Limits { backlog, ..limits(settings, clients) });
        self.running.set_timeouts(timeouts(settings));
        if let Some(chat) = &self.chat {
            chat.live().set_pace(pace(settings));
            chat.live().set_patience(settings.timeouts_nameless, settings.timeouts_probe);
            chat.live().set_history_on_entry(settings.chat_history_on_entry.into());
            chat.live().set_motd(settings.chat_motd.clone());
            chat.live().set_hosts(settings.chat_hosts.clone());
            chat.past().keep(settings.history_keep);
        }
        if let Some(identity) = &self.identity {
            identity.set_allow_plaintext(settings.accounts_allow_plaintext);
            identity.set_scram(settings.accounts_scram);
        }
    }
}

/// How many of what, for a service that may have so many clients.
pub fn limits(settings: &Settings, clients: u64) -> Limits {
    let usual = Limits::default();
    Limits {
        total: usize::try_from(clients).unwrap_or(usize::MAX),
        full: settings.limits_full,
        per_address: settings.limits_per_address.map_or(usual.per_address, |limit| limit as usize),
        // Loopback is exempt, unless a limit was asked for in so many words.
        per_address_loopback: settings.limits_per_address.is_some(),
        rate_per_address: settings.limits_rate_per_address,
        queue: usize::try_from(settings.limits_outbox).unwrap_or(usize::MAX),
        backlog: settings.limits_backlog.into(),
    }
}

/// How long what may take.
pub fn timeouts(settings: &Settings) -> Timeouts {
    Timeouts {
        idle: settings.timeouts_idle,
        write_stall: settings.timeouts_write_stall,
        age: settings.timeouts_age,
        farewell: settings.timeouts_farewell,
        drain: settings.drain_time,
        ..Timeouts::default()
    }
}

/// Who may come in without an account.
pub fn guests(settings: &Settings) -> chat::Guests {
    match settings.accounts_guests {
        Guests::Yes => chat::Guests::Yes,
        Guests::UnregisteredNames => chat::Guests::UnregisteredNames,
        Guests::No => chat::Guests::No,
    }
}

/// How fast one client may ask.
pub fn pace(settings: &Settings) -> PaceSettings {
    match settings.pace {
        Pace::Off => PaceSettings::off(),
        Pace::Default => PaceSettings::default(),
    }
}

/// The certificate that is named, if one is: its files are read now.
pub fn tls(settings: &Settings) -> Result<Option<Tls>, TlsError> {
    let (Some(certificate), Some(key)) = (&settings.tls_cert, &settings.tls_key) else { return Ok(None) };
    let files = CertificateFiles { certificate: certificate.clone(), key: key.clone() };
    // The chat knows people by the fingerprints that they named, so any certificate will do; nobody needs one.
    let clients = match settings.service {
        Service::Chat => ClientCertificates::Presented,
        Service::Echo | Service::Hello => ClientCertificates::None,
    };
    Tls::new(TlsSettings { certificates: vec![files], clients, ..TlsSettings::default() }).map(Some)
}
