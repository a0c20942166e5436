//! The ports: claimed by a plain bind before anything else starts, so that a taken one is found out.
//!
//! SO_REUSEPORT would let two servers share a port unnoticed (socket(7)), so it is not used here.

use std::io::ErrorKind;
use std::net::SocketAddr;

use throng_server::{Address, BindError, Claim};

use crate::fault::Fault;
use crate::holder;
use crate::listen::Listen;

/// Where the server listens unless it is told.
pub const USUAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 50007);

/// How many ports beyond the usual one are tried.
const NEXT_PORTS_MAX: u16 = 100;

/// A claimed address.
pub struct Place {
    /// Ours.
    pub claim: Claim,
    /// Is nothing but TLS spoken there?
    pub only_tls: bool,
}

impl Place {
    /// As it would be asked for, with the real port.
    pub fn listen(&self) -> Listen {
        Listen { address: self.claim.address().clone(), only_tls: self.only_tls }
    }
}

/// The claimed ports, and a word when one is not the usual one.
pub struct Claimed {
    /// In the order in which they were asked for, with what is spoken there.
    pub claims: Vec<Place>,
    /// `port 50007 is taken by …, so this is the next free one`.
    pub note: Option<String>,
}

/// Claims what was asked for, or else the usual port or the next free one.
pub fn claim(asked: &[Listen]) -> Result<Claimed, Fault> {
    if asked.is_empty() {
        return claim_from(USUAL);
    }
    let claims = asked.iter().map(|listen| {
        let claim = Claim::bind(listen.address.clone()).map_err(|error| refused(&error))?;
        Ok(Place { claim, only_tls: listen.only_tls })
    });
    Ok(Claimed { claims: claims.collect::<Result<_, _>>()?, note: None })
}

/// The first free port from this one on.
fn claim_from(usual: SocketAddr) -> Result<Claimed, Fault> {
    let mut note = None;
    let last = usual.port().saturating_add(NEXT_PORTS_MAX);
    for port in usual.port()..=last {
        match Claim::bind(SocketAddr::new(usual.ip(), port)) {
            Ok(claim) => return Ok(Claimed { claims: vec![Place { claim, only_tls: false }], note }),
            Err(error) if error.source.kind() == ErrorKind::AddrInUse => {
                note.get_or_insert_with(|| {
                    let by = holder::of(usual).map_or(String::new(), |holder| format!(" by {holder}"));
                    format!("port {} is taken{by}, so this server listens on the next free one", usual.port())
                });
            }
            Err(error) => return Err(refused(&error)),
        }
    }
    Err(Fault::failed(format!("all ports from {} to {last} of {} are taken", usual.port(), usual.ip()))
        .hint("try: throng serve --listen 127.0.0.1:0"))
}

fn refused(error: &BindError) -> Fault {
    let (address, why) = (&error.address, &error.source);
    let fault = |why: &str| Fault::failed(format!("cannot listen on {address}: {why}"));
    match why.kind() {
        ErrorKind::AddrInUse => {
            let Address::Tcp(tcp) = address else {
                return fault("something listens there, or another file has that name");
            };
            let held = match holder::of(*tcp) {
                Some(holder) => fault("address in use").hint(format!("held by: {holder}")),
                None => fault("address in use"),
            };
            let next = SocketAddr::new(tcp.ip(), tcp.port().checked_add(1).unwrap_or(0));
            held.hint(format!("try: throng serve --listen {next}"))
        }
        ErrorKind::PermissionDenied if address.tcp().is_none() => fault("permission denied"),
        ErrorKind::PermissionDenied => fault("permission denied")
            .hint("ports below 1024 need a privilege (capabilities(7), CAP_NET_BIND_SERVICE)"),
        ErrorKind::AddrNotAvailable => fault("this machine has no such address")
            .hint("`ip address` shows which it has; 0.0.0.0 and [::] stand for all"),
        _ => fault(&why.to_string()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_taken_port_gives_way_to_the_next_free_one_and_that_is_said() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let usual = taken.local_addr().unwrap();
        let Claimed { claims, note } = claim_from(usual).unwrap();
        assert!(claims[0].claim.address().tcp().unwrap().port() > usual.port());
        assert!(note.unwrap().contains(&format!("port {} is taken", usual.port())));
        drop(taken);
        assert!(claim_from(usual).unwrap().note.is_none());
    }

    #[test]
    fn a_taken_port_that_was_asked_for_is_refused_with_its_holder() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let Err(fault) = claim(&[address.to_string().parse().unwrap()]) else { panic!("that port is taken") };
        assert_eq!(fault.exit_code, 1);
        assert!(fault.what.contains(&format!("cannot listen on {address}: address in use")), "{fault}");
        if cfg!(target_os = "linux") {
            assert!(fault.hints[0].contains(&format!("pid {}", std::process::id())), "{fault}");
        }
    }
}
