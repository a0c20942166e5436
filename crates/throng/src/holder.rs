//! Which process listens on a port, where the system tells (Linux: proc_pid_fd(5), proc_net(5)).

use std::net::{IpAddr, SocketAddr};

/// How many processes and descriptors are looked at, at most: finding the name is a courtesy, not a duty.
const LOOKS_MAX: usize = 100_000;

/// `throng (pid 812)`, if it can be found out.
pub fn of(address: SocketAddr) -> Option<String> {
    let wanted = format!("socket:[{}]", inode_of(address)?);
    let mut looks = 0;
    for process in std::fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(descriptors) = std::fs::read_dir(process.path().join("fd")) else { continue };
        for descriptor in descriptors.flatten() {
            looks += 1;
            if looks > LOOKS_MAX {
                return None;
            }
            if std::fs::read_link(descriptor.path()).is_ok_and(|link| link.as_os_str() == wanted.as_str()) {
                let name = std::fs::read_to_string(process.path().join("comm")).ok()?;
                return Some(format!("{} (pid {pid})", throng_wire::printable::printable(name.trim())));
            }
        }
    }
    None
}

/// The inode of the listening socket that is in the way of this address.
fn inode_of(address: SocketAddr) -> Option<u64> {
    ["/proc/net/tcp", "/proc/net/tcp6"].into_iter().find_map(|table| {
        let table = std::fs::read_to_string(table).ok()?;
        table.lines().skip(1).find_map(|row| {
            let fields: Vec<&str> = row.split_whitespace().collect();
            let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
            let (ip, port) = local.split_once(':')?;
            let listens = *state == "0A";
            let same_port = u16::from_str_radix(port, 16).ok()? == address.port();
            (listens && same_port && overlaps(ip, address.ip())).then(|| inode.parse().ok())?
        })
    })
}

/// Does a listener on the table's address (hexadecimal, in the machine's byte order) stand in the way of `ip`?
fn overlaps(listed: &str, ip: IpAddr) -> bool {
    if listed.bytes().all(|digit| digit == b'0') || ip.is_unspecified() {
        return true;
    }
    match ip {
        IpAddr::V4(ip) => {
            u32::from_str_radix(listed, 16).is_ok_and(|listed| listed.to_ne_bytes() == ip.octets())
        }
        IpAddr::V6(ip) => {
            let words = listed.as_bytes().chunks(8).map(|word| std::str::from_utf8(word).unwrap_or(""));
            let bytes =
                words.filter_map(|word| u32::from_str_radix(word, 16).ok()).flat_map(u32::to_ne_bytes);
            bytes.eq(ip.octets())
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn the_holder_of_a_port_is_this_very_process() {
        for given in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = std::net::TcpListener::bind(given) else { continue };
            let held = of(listener.local_addr().unwrap()).unwrap();
            assert!(held.ends_with(&format!("(pid {})", std::process::id())), "{held}");
        }
    }

    #[test]
    fn nobody_holds_a_free_port() {
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert_eq!(of(address), None);
    }
}
