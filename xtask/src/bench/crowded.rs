//! `bench hold` and `bench join`: what a crowd costs that is there, and how long it takes to come into one room.

use clap::Args;
use serde_json::json;
use throng_client::crowd::Crowd;

use super::table::Better;
use super::{Common, Measured, PATIENCE};
use crate::Outcome;
use crate::servers::Server;

/// `bench hold`, `bench join`.
#[derive(Debug, Args)]
pub struct Crowded {
    /// How many clients
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    clients: u32,
    /// Rounds over all servers
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    #[command(flatten)]
    common: Common,
}

/// Memory of a server per registered client: what its resident set grew by. One client comes and goes before, so what a
/// server makes once, at its start or for its first client, is not counted.
pub fn hold(asked: &Crowded) -> Outcome {
    let clients = asked.clients as usize;
    let throng = asked.common.prepare(clients)?;
    let title = format!("memory: bytes (RSS) per registered client, with {clients} of them");
    asked.common.compare("hold", &title, asked.rounds, Better::Less, |kind| {
        let server = Server::start(kind, &throng)?;
        drop(Crowd::come(server.address, 1, PATIENCE)?);
        let before = server.process.rss_kib();
        let crowd = Crowd::come(server.address, clients, PATIENCE)?;
        let grown = server.process.rss_kib().saturating_sub(before);
        let value = grown as f64 * 1024.0 / crowd.count() as f64;
        let told = json!({"clients": clients, "bytes_per_client": value as u64, "rss_kib_before": before});
        Ok(Measured { value, told })
    })
}

/// The time from the first JOIN that is sent until every client has heard the end of its own list of names and the JOIN
/// of everybody who came after it, its own included. All are registered before.
pub fn join(asked: &Crowded) -> Outcome {
    let clients = asked.clients as usize;
    let throng = asked.common.prepare(clients)?;
    let title = format!(
        "joining: ms until all of {clients} are in one room, have its names, and saw all others come"
    );
    asked.common.compare("join", &title, asked.rounds, Better::Less, |kind| {
        let server = Server::start(kind, &throng)?;
        let mut crowd = Crowd::come(server.address, clients, PATIENCE)?;
        let before = server.process.cpu();
        let value = crowd.join(|_| 0, &[u64::from(asked.clients)])?.as_secs_f64() * 1000.0;
        let cpu = server.process.cpu().saturating_sub(before).as_millis() as u64;
        Ok(Measured { value, told: json!({"clients": clients, "ms": value as u64, "server_cpu_ms": cpu}) })
    })
}
