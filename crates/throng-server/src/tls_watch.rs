//! Certificates are renewed while the server runs: their files are looked at now and then, and read again when they changed.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::event::Event;
use crate::shared::Shared;
use crate::tls::Tls;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Looks for as long as the acceptor's runtime lives.
pub(crate) async fn run(secured: Vec<Tls>, shared: Arc<Shared>) {
    // One that is spoken at several addresses has its files looked at once.
    let mut watched = Vec::<Tls>::new();
    for tls in secured {
        if !watched.iter().any(|other| other.is_same(&tls)) {
            watched.push(tls);
        }
    }
    if watched.is_empty() {
        return;
    }
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for tls in &watched {
            if let Some(read) = tls.reload_if_changed() {
                let (certificate, failed) = (tls.name(), read.err().map(|why| why.to_string()));
                shared.tell(&Event::CertificateRead { certificate, failed });
            }
        }
    }
}
