//! The addresses at which programs ask how the server is: a small server of its own, which goes on while the other one is
//! paused or drains, and ends last.
//!
//! A server that follows another one may find its addresses taken, since that one answers until it has ended. It then serves
//! all the same, and tries again each second.

use std::sync::Arc;
use std::time::Duration;

use throng_server::{Address, Claim, Events, Running, Server, Workers};
use throng_services::watching::{Watching, limits, timeouts};

use super::All;
use super::exposition;
use crate::fault::Fault;
use crate::log::Event;
use crate::ports;

/// How often a taken address is tried again: for longer than a server may drain.
const TRIES_MAX: usize = 60;

/// How long who asks may still take when everything else has ended.
const LAST_ANSWERS_MAX: Duration = Duration::from_secs(1);

/// What was claimed, and what is to be claimed later.
pub type Claimed = (Vec<Claim>, Vec<Address>);

/// Claims these addresses; where another server still answers, later will do if `follows`.
///
/// # Errors
/// When one cannot be had.
pub fn claim(wanted: &[Address], follows: bool) -> Result<Claimed, Fault> {
    let (mut claims, mut later) = (Vec::new(), Vec::new());
    for address in wanted {
        match ports::bind(address) {
            Ok(claim) => claims.push(claim),
            Err(_) if follows => later.push(address.clone()),
            Err(fault) => return Err(fault),
        }
    }
    Ok((claims, later))
}

/// Answers.
pub struct Listener {
    facts: Arc<All>,
    servers: Vec<Running>,
    later: Vec<Address>,
    tries: usize,
}

impl Listener {
    /// Answers at these addresses from here on, and at the later ones when they are free.
    ///
    /// # Errors
    /// When a thread cannot be had, or somebody else listens there after all.
    pub fn start(facts: Arc<All>, claims: Vec<Claim>, later: Vec<Address>) -> Result<Listener, Fault> {
        let mut listener = Listener { facts, servers: Vec::new(), later, tries: 0 };
        if !claims.is_empty() {
            listener.serve(claims)?;
        }
        Ok(listener)
    }

    /// Tries again what was taken.
    pub fn look(&mut self) {
        if self.later.is_empty() {
            return;
        }
        self.tries += 1;
        let mut claims = Vec::new();
        self.later.retain(|address| match ports::bind(address) {
            Ok(claim) => {
                claims.push(claim);
                false
            }
            Err(_) => true,
        });
        let served = if claims.is_empty() { Ok(()) } else { self.serve(claims) };
        if let Err(why) = served {
            self.complain(&why.what);
        }
        if self.tries >= TRIES_MAX {
            for address in std::mem::take(&mut self.later) {
                self.complain(&format!("{address} is still taken"));
            }
        }
    }

    /// Answers nobody any more.
    pub fn end(&self) {
        self.servers.iter().for_each(|server| {
            server.drain(LAST_ANSWERS_MAX).wait();
        });
    }

    fn serve(&mut self, claims: Vec<Claim>) -> Result<(), Fault> {
        let health = throng_services::watching::Health::default();
        let (asked, scraped) = (Arc::clone(&self.facts), Arc::clone(&self.facts));
        health.told_by(move || asked.findings());
        let figures = move |format| exposition::text(scraped.snapshots(), format);
        // One thread is plenty for a few questions a second, and cannot keep others from serving.
        let server = Server::new(Watching { health, figures })
            .model(Events { workers: Workers::Count(1) })
            .limits(limits())
            .timeouts(timeouts());
        let server = claims.into_iter().fold(server, Server::listen_on);
        let running = server.start().map_err(|why| Fault::failed(why.to_string()))?;
        let event = running
            .addresses()
            .iter()
            .fold(Event::info("metrics.ready"), |event, at| event.with("address", at));
        self.facts.process().log.tell(event);
        self.servers.push(running);
        Ok(())
    }

    fn complain(&self, why: &str) {
        self.facts.process().log.tell(Event::error("metrics.not_bound").with("why", why));
    }
}
