//! A network of our own for scanners: a near end and a far one, each a network namespace, joined by a cable that is slow and
//! loses frames; or one namespace alone, for loopback. `cargo xtask lan` runs a command in it.
//!
//! Nothing of it reaches any other network. It needs root and `/dev/net/tun`, and leaves nothing behind.

mod delayed;
mod firewall;
mod listeners;
mod namespace;
mod relay;
mod visit;

use std::net::Ipv4Addr;
use std::process::{Child, Command};

pub use firewall::Closed;
pub use listeners::{COUNT, open_ports};
pub use relay::{Cable, Carried};
pub use visit::{Visit, run};

use crate::Outcome;
use crate::process::Process;
use listeners::{Listeners, has_ipv6};
use namespace::Namespace;
use relay::Relay;

/// The near end of a cable.
const NEAR: [&str; 2] = ["10.99.0.1/24", "fd99::1/64"];

/// The far end of a cable.
const FAR: [&str; 2] = ["10.99.0.2/24", "fd99::2/64"];

/// Where the open ports are.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// In the namespace of whoever scans.
    Here,
    /// At the other end of a cable.
    There(Cable, Closed),
}

impl Place {
    /// The address that is scanned.
    pub fn host(self) -> Ipv4Addr {
        match self {
            Place::Here => Ipv4Addr::LOCALHOST,
            Place::There(..) => Ipv4Addr::new(10, 99, 0, 2),
        }
    }
}

/// A network that is up. Everything of it ends with this value, in this order: nothing uses what is gone.
pub struct Lan {
    relay: Option<Relay>,
    _listeners: Listeners,
    near: Namespace,
    far: Option<Namespace>,
}

impl Lan {
    /// Sets it up.
    pub fn up(place: Place) -> Outcome<Lan> {
        possible()?;
        namespace::sweep();
        match place {
            Place::Here => {
                let near = Namespace::make("loop")?;
                Ok(Lan { relay: None, _listeners: Listeners::open(&near)?, near, far: None })
            }
            Place::There(cable, closed) => {
                let (near, far) = (Namespace::make("near")?, Namespace::make("far")?);
                let addresses = if has_ipv6() { 2 } else { 1 };
                let relay = Relay::join((&near, &NEAR[..addresses]), (&far, &FAR[..addresses]), cable)?;
                closed.rule(&far)?;
                Ok(Lan { relay: Some(relay), _listeners: Listeners::open(&far)?, near, far: Some(far) })
            }
        }
    }

    /// Starts a command at the near end.
    pub fn start(&self, command: &mut Command) -> Outcome<Process> {
        self.near.within(|| Process::start(command).map_err(|why| why.to_string()))
    }

    /// Starts a command at the near end that ends by itself, also after Ctrl-C, which the terminal tells it too.
    pub fn spawn(&self, command: &mut Command) -> Outcome<Child> {
        let program = command.get_program().to_string_lossy().into_owned();
        self.near.within(|| command.spawn().map_err(|why| format!("cannot start {program}: {why}")))
    }

    /// The ends no longer know each other's hardware addresses, as if they never had met.
    pub fn forget_neighbours(&self) -> Outcome {
        [Some(&self.near), self.far.as_ref()]
            .into_iter()
            .flatten()
            .try_for_each(|end| end.ip(&["neigh", "flush", "all"]))
    }

    /// The names of its namespaces.
    pub fn names(&self) -> Vec<&str> {
        [Some(&self.near), self.far.as_ref()].into_iter().flatten().map(Namespace::name).collect()
    }

    /// Takes it down, and tells what the cable carried, if there was one.
    pub fn down(mut self) -> Option<Carried> {
        self.relay.take().map(Relay::pull)
    }
}

/// Why a network of our own is not possible here.
pub fn possible() -> Outcome {
    let is_root =
        std::fs::metadata("/proc/self").is_ok_and(|of| std::os::unix::fs::MetadataExt::uid(&of) == 0);
    if !is_root {
        return Err(
            "a network of our own needs root: run it by sudo, or in a container with CAP_NET_ADMIN".into()
        );
    }
    if !std::path::Path::new("/dev/net/tun").exists() {
        return Err("a network of our own needs /dev/net/tun, which is not here: modprobe tun, or --device /dev/net/tun"
            .into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::{SocketAddr, TcpStream};
    use std::time::Duration;

    use super::*;
    use crate::process::now;

    const CABLE: Cable = Cable { rtt: Duration::from_millis(20), loss: 0.0, seed: 7 };

    /// Long enough for an answer over any of these cables, on any machine.
    const PATIENCE: Duration = Duration::from_secs(20);

    /// How a call from the near end goes, and how long it took.
    fn call(lan: &Lan, to: SocketAddr, patience: Duration) -> (Result<(), ErrorKind>, Duration) {
        let begun = now();
        let called = lan.near.within(|| Ok(TcpStream::connect_timeout(&to, patience)));
        (called.unwrap().map(drop).map_err(|why| why.kind()), begun.elapsed())
    }

    // One test for all places: each needs root, which a machine has or has not.
    #[test]
    fn open_ports_answer_and_closed_ones_do_as_they_were_told() {
        if let Err(why) = possible() {
            eprintln!("SKIPPED: {why}");
            return;
        }
        let closed_port = (1..).find(|port| !open_ports().contains(port)).unwrap();
        let short = Duration::from_millis(200);
        for (place, patience, refused) in [
            (Place::Here, PATIENCE, ErrorKind::ConnectionRefused),
            (Place::There(CABLE, Closed::Resets), PATIENCE, ErrorKind::ConnectionRefused),
            (Place::There(CABLE, Closed::Drops), short, ErrorKind::TimedOut),
            (Place::There(Cable { loss: 1.0, ..CABLE }, Closed::Resets), short, ErrorKind::TimedOut),
        ] {
            let lan = Lan::up(place).unwrap();
            let names: Vec<String> = lan.names().into_iter().map(str::to_owned).collect();
            let (host, is_cut) = (place.host(), matches!(place, Place::There(cable, _) if cable.loss > 0.5));
            for port in open_ports().into_iter().filter(|_| !is_cut) {
                let (called, took) = call(&lan, (host, port).into(), PATIENCE);
                assert_eq!(called, Ok(()), "{place:?}: {port}");
                assert!(matches!(place, Place::Here) || took >= CABLE.rtt, "{place:?}: {took:?}");
            }
            assert_eq!(call(&lan, (host, closed_port).into(), patience).0, Err(refused), "{place:?}");
            lan.forget_neighbours().unwrap();
            let carried = lan.down();
            assert_eq!(carried.is_some_and(|carried| carried.there.lost > 0), is_cut, "{carried:?}");
            for name in names {
                assert!(!std::path::Path::new("/run/netns").join(&name).exists(), "{name} is left");
            }
        }
    }
}
