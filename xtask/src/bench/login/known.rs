//! `bench login --known N`: does the time of a refusal show which accounts there are?
//!
//! Identity itself is asked, over a store on the disk, with as many threads as it has by itself. Each round tries a wrong
//! password on two names that are known and on one that is not, in an order that turns; each name and each address is used once,
//! so nobody is ever throttled. What is compared is the differences within a round: known to unknown, and known to known.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use serde_json::json;
use tempfile::TempDir;
use throng_chat::{Name, Names, Time};
use throng_services::identity::{Channel, Identity, Origin, Proof, Refusal, Secret, Settings};
use throng_store::{DataFolder, Durability};

use super::super::table::{median, sorted};
use super::accounts;
use crate::process::now;
use crate::{Outcome, interrupt};

/// Whom a round tries, in the order of the samples.
const KNOWN: usize = 0;
const OTHER: usize = 1;
const UNKNOWN: usize = 2;

/// Runs it.
pub fn run(rounds: usize, as_json: bool) -> Outcome {
    let folder = TempDir::new()?;
    let opened = throng_store::open(&DataFolder::open(folder.path())?, Durability::Strict)?;
    accounts::make(&*opened.accounts, rounds * 2)?;
    let clock = || Time(0);
    let started =
        Identity::start(Arc::clone(&opened.accounts), Settings::default(), clock, Secret::new([7; 32]));
    let (identity, _notices) = started?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut samples = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..rounds {
        if interrupt::came() {
            return Err("interrupted".into());
        }
        for turn in 0..3 {
            let who = (round + turn) % 3;
            let name = match who {
                KNOWN => accounts::name(round * 2),
                OTHER => accounts::name(round * 2 + 1),
                _ => format!("nobody{round}x"),
            };
            let ms = runtime.block_on(refused(&identity, &name, (round * 3 + turn) as u32))?;
            samples[who].push(ms);
        }
    }
    opened.store.close();
    tell(&samples, as_json);
    Ok(())
}

/// How long a wrong password took to be refused, in milliseconds.
async fn refused(identity: &Identity, name: &str, address: u32) -> Outcome<f64> {
    let name = Name::new(name, Names::Ascii).map_err(|why| why.to_string())?;
    let address = Some(IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + address)));
    let channel = Channel { tls: true, loopback: false };
    let mut session = identity.session(Origin { address, channel });
    let begun = now();
    let answer = session.login(Some(&name), Proof::Password(Secret::from("a wrong password")), None).await;
    let ms = begun.elapsed().as_secs_f64() * 1000.0;
    match answer {
        Err(Refusal::Wrong) => Ok(ms),
        other => Err(format!("{} was answered {other:?}", name.as_str()).into()),
    }
}

fn tell(samples: &[Vec<f64>; 3], as_json: bool) {
    let middle = |values: &Vec<f64>| median(&sorted(values.clone()));
    let apart = |other: usize| {
        let pairs = samples[KNOWN].iter().zip(&samples[other]);
        Spread::of(pairs.map(|(known, other)| known - other).collect())
    };
    let (same, different) = (apart(OTHER), apart(UNKNOWN));
    let [known, other, unknown] = [KNOWN, OTHER, UNKNOWN].map(|who| middle(&samples[who]));
    let alike = different.at_least() <= same.reach();
    if as_json {
        let told = json!({"bench": "login", "known_ms": known, "other_known_ms": other, "unknown_ms": unknown,
                          "known_less_known_ms": same.told(), "known_less_unknown_ms": different.told(),
                          "alike": alike});
        return println!("{told}");
    }
    println!("a wrong password, {} attempts on each, in ms until it was refused", samples[KNOWN].len());
    println!("  median               known {known:.3}, another known {other:.3}, unknown {unknown:.3}");
    println!("  known less known     {same}");
    println!("  known less unknown   {different}");
    let verdict =
        if alike { "no larger than that of two known names" } else { "LARGER than that of two known names" };
    println!("  the difference is {verdict}");
}

/// A median with the bounds between which the true one is in 95 of 100 cases, by the order of the samples alone.
struct Spread {
    least: f64,
    middle: f64,
    most: f64,
}

impl Spread {
    fn of(values: Vec<f64>) -> Spread {
        let values = sorted(values);
        let count = values.len() as f64;
        // The normal approximation of the sign test.
        let half = 1.96 * count.sqrt() / 2.0;
        let at = |place: f64| values[(place.max(0.0) as usize).min(values.len() - 1)];
        Spread { least: at(count / 2.0 - half), middle: median(&values), most: at(count / 2.0 + half) }
    }

    /// How far from nothing the true median is at least, in 95 of 100 cases.
    fn at_least(&self) -> f64 {
        self.least.max(-self.most).max(0.0)
    }

    /// How far from nothing the true median may be.
    fn reach(&self) -> f64 {
        self.least.abs().max(self.most.abs())
    }

    fn told(&self) -> [f64; 3] {
        [self.least, self.middle, self.most]
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "median {:.3}, in 95 of 100 cases {:.3} to {:.3}", self.middle, self.least, self.most)
    }
}
