//! The addresses and the certificate.

use throng_server::{Address, CertificateFiles};

use super::{Finding, Patient};
use crate::banner::shown;
use crate::config::deep;
use crate::listen::Wanted;
use crate::ports;

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
    findings.extend(patient.certificates.iter().map(certificate));
    findings
}

fn door(address: &Address, runs: bool) -> Finding {
    if runs {
        return Finding::ok("address", format!("{address} is this server's"));
    }
    match deep::is_free(address) {
        Ok(()) => Finding::ok("address", format!("{address} is free")),
        Err(why) => {
            let fix = "end what listens there, or take another: --listen ADDR";
            Finding::fail("address", format!("{address}: {why}"), fix)
        }
    }
}

fn certificate(files: &CertificateFiles) -> Finding {
    let name = shown(&files.certificate);
    let renew = "renew it; it is read again when its file changes";
    let left = match deep::left(files) {
        Ok(left) => left,
        Err(why) => {
            return Finding::fail("certificate", why.to_string(), "one to try with: throng tls self-signed");
        }
    };
    match deep::expiry(left) {
        None => Finding::ok("certificate", format!("{name} is good for {} more days", left / deep::DAY)),
        Some(over) if left < 0 => Finding::fail("certificate", format!("{name} {over}"), renew),
        Some(soon) => Finding::warn("certificate", format!("{name} {soon}"), renew),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::doctor::Grade;

    #[test]
    fn a_unix_socket_is_looked_at_and_none_is_left_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chat.sock");
        let address = Address::Unix(Some(path.clone()));
        assert_eq!(door(&address, false).grade, Grade::Ok);
        assert!(!path.exists());
        let _taken = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let finding = door(&address, false);
        assert!(
            finding.grade == Grade::Fail && finding.found.contains("something listens there"),
            "{finding:?}"
        );
        assert_eq!(door(&address, true).grade, Grade::Ok, "it is the server's own");
    }
}
