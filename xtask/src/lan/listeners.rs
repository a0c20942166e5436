//! The open ports of the far end: a thread that listens at all of them and closes whoever comes.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::namespace::Namespace;
use crate::Outcome;

/// How many ports are open.
pub const COUNT: usize = 40;

/// Which ports are open follows from this.
const SEED: u64 = 7;

/// The edges: of all ports, of the privileged ones, and of those from which Linux calls.
const EDGES: [u16; 6] = [1, 1023, 32_768, 40_000, 60_999, 65_535];

/// How late the end may be noticed.
const WAIT_MAX: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// The open ports, always the same ones.
pub fn open_ports() -> BTreeSet<u16> {
    let mut draws = fastrand::Rng::with_seed(SEED);
    let mut ports = BTreeSet::from(EDGES);
    while ports.len() < COUNT {
        ports.insert(draws.u16(1..));
    }
    ports
}

/// Listening sockets; they are closed with this value.
pub struct Listeners {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Listeners {
    /// Listens in this namespace, at each of its addresses.
    pub fn open(namespace: &Namespace) -> Outcome<Listeners> {
        // Where there is IPv6, its unspecified address takes IPv4 too (ipv6(7)).
        let everywhere: IpAddr =
            if has_ipv6() { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
        let listen = move |port| {
            let listener = TcpListener::bind((everywhere, port));
            listener.and_then(|listener| listener.set_nonblocking(true).map(|()| listener)).map_err(|why| {
                format!("cannot listen on port {port} of a namespace that is ours alone: {why}")
            })
        };
        let sockets: Vec<TcpListener> =
            namespace.within(|| open_ports().into_iter().map(listen).collect())?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let accept = move || accept(&sockets, &stopped);
        let thread = std::thread::Builder::new().name("lan-listeners".to_owned()).spawn(accept)?;
        Ok(Listeners { stop, thread: Some(thread) })
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Does this kernel speak IPv6?
pub fn has_ipv6() -> bool {
    std::path::Path::new("/proc/net/if_inet6").exists()
}

/// Takes whoever comes and closes: a queue that nobody takes from would be full one day, and its port look closed.
fn accept(sockets: &[TcpListener], stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let mut ready: Vec<PollFd<'_>> =
            sockets.iter().map(|socket| PollFd::new(socket, PollFlags::IN)).collect();
        let _ = poll(&mut ready, Some(&WAIT_MAX));
        let came = ready.iter().map(|one| !one.revents().is_empty()).collect::<Vec<_>>();
        for (socket, _) in sockets.iter().zip(came).filter(|(_, came)| *came) {
            while socket.accept().is_ok() {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_open_ports_are_forty_the_edges_among_them() {
        let ports = open_ports();
        assert_eq!(ports.len(), COUNT);
        assert!(EDGES.iter().all(|edge| ports.contains(edge)) && !ports.contains(&0), "{ports:?}");
        assert_eq!(ports, open_ports());
    }
}
