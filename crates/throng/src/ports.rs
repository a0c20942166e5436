//! The ports: claimed by a plain bind before anything else starts, so that a taken one is found out.
//!
//! SO_REUSEPORT would let two servers share a port unnoticed (socket(7)), so it is not used here.

use std::io::ErrorKind;
use std::net::SocketAddr;

use throng_server::{Address, BindError, Claim};

use crate::fault::Fault;
use crate::holder;
use crate::listen::{Listen, Wanted};

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

/// Claims what each service asks for: among the sockets that were passed, or else by a bind. The only service that asks for
/// nothing has what the service manager passed, and the usual port that the server before this one had, or else that port or the
/// next free one.
pub fn claim(services: &[&[Wanted]], mut passed: Vec<Claim>) -> Result<Vec<Claimed>, Fault> {
    let all = services.concat();
    let mut claimed = match services {
        [[]] => vec![claim_usual(&mut passed)?],
        _ => {
            let claimed = services.iter().map(|wanted| claim_among(wanted, &all, &mut passed));
            claimed.collect::<Result<Vec<_>, _>>()?
        }
    };
    let unused: Vec<_> = passed.iter().map(|claim| claim.address().to_string()).collect();
    if let (Some(last), false) = (claimed.last_mut(), unused.is_empty()) {
        last.note = Some(format!("nobody listens at {} any more: nothing asks for it", unused.join(" and ")));
    }
    Ok(claimed)
}

/// For who asks for nothing: what the service manager passed, and the usual port that the server before this one had.
fn claim_usual(passed: &mut Vec<Claim>) -> Result<Claimed, Fault> {
    let ports = USUAL.port()..=USUAL.port() + NEXT_PORTS_MAX;
    let is_usual = |claim: &Claim| {
        claim.address().tcp().is_some_and(|at| at.ip() == USUAL.ip() && ports.contains(&at.port()))
    };
    let mut has_usual = false;
    let taken: Vec<_> = passed
        .extract_if(.., |claim| {
            claim.name().is_some() || is_usual(claim) && !std::mem::replace(&mut has_usual, true)
        })
        .map(|claim| Place { claim, only_tls: false })
        .collect();
    if taken.is_empty() { claim_from(USUAL) } else { Ok(Claimed { claims: taken, note: None }) }
}

/// Claims what one service asks for, of all that is.
fn claim_among(wanted: &[Wanted], all: &[Wanted], passed: &mut Vec<Claim>) -> Result<Claimed, Fault> {
    let mut claims = Vec::new();
    for each in wanted {
        let found: Vec<_> = match each {
            Wanted::At(listen) => {
                let found = passed.iter().position(|claim| is_at(listen, claim, all));
                let found = found.map(|index| passed.remove(index));
                vec![found.map_or_else(|| bind(&listen.address), Ok)?]
            }
            Wanted::Passed { name, .. } => take_passed(passed, name.as_deref())?,
        };
        let only_tls = each.only_tls();
        claims.extend(found.into_iter().map(|claim| Place { claim, only_tls }));
    }
    Ok(Claimed { claims, note: None })
}

/// Is this socket what was asked for? Port 0 means the one that this server, or the one before it, got for it.
fn is_at(listen: &Listen, claim: &Claim, wanted: &[Wanted]) -> bool {
    let exactly = |listen: &Listen| listen.address == *claim.address();
    let (Some(asked), Some(at)) = (listen.address.tcp(), claim.address().tcp()) else {
        return exactly(listen);
    };
    let is_anothers = || wanted.iter().any(|other| matches!(other, Wanted::At(other) if exactly(other)));
    let any = asked.port() == 0 && claim.name().is_none() && asked.ip() == at.ip() && !is_anothers();
    exactly(listen) || any
}

/// Claims this address.
pub fn bind(address: &Address) -> Result<Claim, Fault> {
    Claim::bind(address.clone()).map_err(|error| refused(&error))
}

/// Those that the service manager passed, under this name or any.
fn take_passed(passed: &mut Vec<Claim>, name: Option<&str>) -> Result<Vec<Claim>, Fault> {
    let is_wanted =
        |claim: &mut Claim| claim.name().is_some_and(|own| name.is_none_or(|wanted| wanted == own));
    let taken: Vec<_> = passed.extract_if(.., is_wanted).collect();
    if taken.is_empty() {
        let what = name.map_or("no socket".to_owned(), |name| format!("no socket named {name}"));
        return Err(Fault::failed(format!("{what} was passed by systemd")).hint(
            "a socket unit names the service, and the name is its FileDescriptorName= (systemd.socket(5))",
        ));
    }
    Ok(taken)
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
        let Err(fault) = claim(&[&[address.to_string().parse().unwrap()]], Vec::new()) else {
            panic!("that port is taken")
        };
        assert_eq!(fault.exit_code, 1);
        assert!(fault.what.contains(&format!("cannot listen on {address}: address in use")), "{fault}");
        if cfg!(target_os = "linux") {
            assert!(fault.hints[0].contains(&format!("pid {}", std::process::id())), "{fault}");
        }
    }

    #[test]
    fn what_was_passed_is_taken_before_anything_is_bound() {
        let wanted = |given: &str| given.parse::<Wanted>().unwrap();
        let ours = |given: &str| bind(&Address::resolve(given).unwrap()).unwrap();
        let listens = |claimed: &[Claimed]| claimed[0].claims.iter().map(Place::listen).collect::<Vec<_>>();
        let (one, two) = (ours("127.0.0.1:0"), ours("127.0.0.1:0"));
        let (first, second) = (one.address().to_string(), two.address().to_string());
        // Port 0 is not the port that another one asks for by its number.
        let asked = [wanted("127.0.0.1:0"), wanted(&format!("tls:{first}"))];
        let claimed = claim(&[&asked], vec![one, two]).unwrap();
        let expected = [second.parse().unwrap(), format!("tls:{first}").parse().unwrap()];
        assert_eq!(listens(&claimed), expected);
        assert_eq!(claimed[0].note, None);
        // Those of an older self are not a service manager's.
        let Err(fault) = claim(&[&[wanted("systemd")]], vec![ours("127.0.0.1:0")]) else { panic!("none is") };
        assert_eq!(fault.what, "no socket was passed by systemd");
        // What is asked for no more is said.
        let left = ours("127.0.0.1:0");
        let at = left.address().to_string();
        let mut claimed = claim(&[&[wanted("127.0.0.2:0")]], vec![left]).unwrap();
        assert!(claimed.remove(0).note.unwrap().contains(&at));
    }

    #[test]
    fn what_was_passed_goes_to_the_services_in_their_order() {
        let any: [Wanted; 1] = ["127.0.0.1:0".parse().unwrap()];
        let ours = || bind(&Address::resolve("127.0.0.1:0").unwrap()).unwrap();
        // Which service asks for the first or the second by its number; any port is never one that another asks for so.
        for (asks, in_order) in
            [(None, true), (Some((0, 1)), false), (Some((1, 0)), false), (Some((0, 0)), true)]
        {
            let passed = vec![ours(), ours()];
            let [first, second] = [0, 1].map(|at: usize| passed[at].address().to_string());
            let exact = asks.map(|(_, of)| [passed[of].address().to_string().parse::<Wanted>().unwrap()]);
            let mut services: [&[Wanted]; 2] = [&any, &any];
            if let (Some((by, _)), Some(exact)) = (asks, &exact) {
                services[by] = exact;
            }
            let claimed = claim(&services, passed).unwrap();
            let at: Vec<_> = claimed.iter().map(|claimed| claimed.claims[0].listen().to_string()).collect();
            assert_eq!(at, if in_order { [first, second] } else { [second, first] }, "{asks:?}");
        }
        // Nothing asked for is the usual port only where there is one service.
        assert!(claim(&[&[], &any], Vec::new()).unwrap()[0].claims.is_empty());
    }
}
