//! Finds the address that a name and a port mean.

use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use throng_wire::printable::printable;

use crate::fault::Fault;

/// Of a name with several addresses, the first where somebody listens. `check` may refuse any of them, before anything is
/// sent there.
pub fn find(
    typed: &str,
    patience: Duration,
    check: impl Fn(IpAddr) -> Result<(), Fault>,
) -> Result<SocketAddr, Fault> {
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
    let Some(first) = found.first().copied() else {
        return Err(Fault { exit_code: 3, ..Fault::failed(format!("{name} has no address")) });
    };
    found.iter().try_for_each(|address| check(address.ip()))?;
    // One address needs no question: what it answers is part of the load.
    if found.len() == 1 || patience.is_zero() {
        return Ok(first);
    }
    Ok(found
        .into_iter()
        .find(|address| TcpStream::connect_timeout(address, patience).is_ok())
        .unwrap_or(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_found_or_refused_before_anything_is_sent() {
        let free = |_| Ok(());
        let find = |typed| find(typed, Duration::ZERO, free);
        assert_eq!(find("127.0.0.1:7").unwrap(), "127.0.0.1:7".parse().unwrap());
        assert_eq!(find("[::1]:7").unwrap(), "[::1]:7".parse().unwrap());
        for wrong in ["127.0.0.1", "127.0.0.1:", "127.0.0.1:0", ":7", "127.0.0.1:65536", "", "\x1b[2J"] {
            let fault = find(wrong).unwrap_err();
            assert!(fault.exit_code == 2 && !fault.what.contains('\x1b'), "{wrong:?}: {fault}");
        }
        let refused = super::find("127.0.0.1:7", Duration::ZERO, |_| Err(Fault::failed("no")));
        assert_eq!(refused.unwrap_err().what, "no");
    }
}
