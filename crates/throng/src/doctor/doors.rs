//! The addresses and the certificate.

use std::net::SocketAddr;

use throng_server::{Address, CertificateFiles, Claim};
use throng_services::chat::house::wall_clock;

use super::{Finding, Patient};
use crate::banner::shown;
use crate::holder;
use crate::listen::Wanted;
use crate::ports;

/// A certificate is renewed before it has so few days.
const DAYS_ENOUGH: i64 = 14;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

pub fn examine(patient: &Patient) -> Vec<Finding> {
    let usual = [Address::Tcp(ports::USUAL)];
    let asked = patient.listen.iter().filter_map(|wanted| match wanted {
        Wanted::At(listen) => Some(&listen.address),
        Wanted::Passed { .. } => None,
    });
    let mut asked: Vec<_> = asked.collect();
    if patient.listen.is_empty() {
        asked.extend(&usual);
    }
    let mut findings: Vec<_> = asked.into_iter().map(|address| door(address, patient.runs)).collect();
    findings.extend(patient.certificate.as_ref().map(certificate));
    findings
}

fn door(address: &Address, runs: bool) -> Finding {
    if runs {
        return Finding::ok("address", format!("{address} is this server's"));
    }
    match Claim::bind(address.clone()) {
        Ok(_) => Finding::ok("address", format!("{address} is free")),
        Err(why) => {
            let by = address.tcp().and_then(|tcp: SocketAddr| holder::of(tcp));
            let by = by.map_or(String::new(), |holder| format!(", held by {holder}"));
            let fix = "end what listens there, or take another: --listen ADDR";
            Finding::fail("address", format!("{address}: {}{by}", why.source), fix)
        }
    }
}

fn certificate(files: &CertificateFiles) -> Finding {
    let name = shown(&files.certificate);
    let renew = "renew it; it is read again when its file changes";
    let until = match files.good_until() {
        Ok(until) => until,
        Err(why) => {
            return Finding::fail("certificate", why.to_string(), "one to try with: throng tls self-signed");
        }
    };
    let days = (i64::try_from(until).unwrap_or(i64::MAX / 1000) * 1000 - wall_clock().0).div_euclid(DAY_MS);
    match days {
        ..0 => Finding::fail("certificate", format!("{name} is over since {} days", -days), renew),
        0..DAYS_ENOUGH => Finding::warn("certificate", format!("{name} is good for {days} more days"), renew),
        _ => Finding::ok("certificate", format!("{name} is good for {days} more days")),
    }
}
