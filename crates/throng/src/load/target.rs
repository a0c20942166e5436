//! Finds the address that a name and a port mean.

use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use throng_wire::printable::printable;

use crate::fault::Fault;

/// All addresses of a name, one at least. Nothing is sent to them.
pub fn find(typed: &str) -> Result<Vec<SocketAddr>, Fault> {
    let name = printable(typed);
    if !typed
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0))
    {
        return Err(Fault::usage(format!("{name} is no target"))
            .hint("such as 127.0.0.1:50007, [::1]:50007 or localhost:50007"));
    }
    let found = typed
        .to_socket_addrs()
        .map_err(|why| Fault { exit_code: 3, ..Fault::failed(format!("cannot find {name}: {why}")) })?;
    let mut found: Vec<_> = found.collect();
    found.dedup();
    if found.is_empty() {
        return Err(Fault { exit_code: 3, ..Fault::failed(format!("{name} has no address")) });
    }
    Ok(found)
}

/// Of several addresses, the first where somebody listens.
pub fn choose(found: &[SocketAddr], patience: Duration) -> SocketAddr {
    // One address needs no question: what it answers is part of the load.
    if found.len() == 1 || patience.is_zero() {
        return found[0];
    }
    let listens = |address: &&SocketAddr| TcpStream::connect_timeout(address, patience).is_ok();
    found.iter().find(listens).copied().unwrap_or(found[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_found_and_nothing_is_sent() {
        assert_eq!(find("127.0.0.1:7").unwrap(), ["127.0.0.1:7".parse().unwrap()]);
        assert_eq!(find("[::1]:7").unwrap(), ["[::1]:7".parse().unwrap()]);
        for wrong in ["127.0.0.1", "127.0.0.1:", "127.0.0.1:0", ":7", "127.0.0.1:65536", "", "\x1b[2J"] {
            let fault = find(wrong).unwrap_err();
            assert!(fault.exit_code == 2 && !fault.what.contains('\x1b'), "{wrong:?}: {fault}");
        }
    }

    #[test]
    fn of_several_addresses_one_is_chosen_that_listens() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let here = listener.local_addr().unwrap();
        // A client's own port is taken, and nobody listens there.
        let client = TcpStream::connect(here).unwrap();
        let nobody = client.local_addr().unwrap();
        assert_eq!(choose(&[nobody, here], Duration::from_secs(20)), here);
        assert_eq!(choose(&[nobody], Duration::from_secs(20)), nobody);
    }
}
