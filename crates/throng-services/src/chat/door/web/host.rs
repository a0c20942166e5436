//! Which names this server answers to, and which pages may open a socket here.
//!
//! A page of a stranger can point its own name at our address, or open a WebSocket to us from its visitor's browser.
//! The first is kept out by `Host`, which must be a name that is ours; the second by `Origin`, which must be exactly
//! the page that we served ourselves. Pure comparisons; called for each request by [`super::http`].

use std::net::{IpAddr, SocketAddr};

use throng_server::Peer;

/// The ports that a URL with `http` and one with `https` need not name (RFC 9110 §4.2.1, §4.2.2).
const HTTP_PORT: u16 = 80;
const HTTPS_PORT: u16 = 443;

/// Where a browser came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entrance {
    /// Our end of its connection. `None` behind a Unix socket: whoever passes browsers on there has names and ports that
    /// we do not know.
    pub local: Option<SocketAddr>,
    /// Is it secured by TLS?
    pub secure: bool,
}

impl Entrance {
    /// Where this peer came in.
    pub fn of(peer: &Peer) -> Entrance {
        Entrance { local: peer.local.tcp(), secure: peer.tls().is_some() }
    }

    fn scheme(self) -> &'static str {
        if self.secure { "https://" } else { "http://" }
    }

    fn usual_port(self) -> u16 {
        if self.secure { HTTPS_PORT } else { HTTP_PORT }
    }

    /// A URL that reaches it from this machine.
    pub fn url(self) -> String {
        let port = self.local.map_or(self.usual_port(), |local| local.port());
        format!("{}localhost:{port}", self.scheme())
    }
}

/// A host and its port, as `Host` and the end of `Origin` name them (RFC 9110 §7.2, RFC 6454 §6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    host: Host,
    port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Address(IpAddr),
    /// In small letters.
    Name(String),
}

impl Authority {
    /// Takes one apart. Strict: what no browser would write is none.
    pub fn parse(written: &str, entrance: Entrance) -> Option<Authority> {
        let (host, port) = match written.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']')?;
                (Host::Address(IpAddr::V6(address.parse().ok()?)), port)
            }
            None => {
                let end = written.find(':').unwrap_or(written.len());
                (Host::named(&written[..end])?, &written[end..])
            }
        };
        Some(Authority { host, port: port_of(port, entrance)? })
    }

    /// Is this how a client names the end of the connection that it reached?
    pub fn is_ours(&self, entrance: Entrance, hosts: &[String]) -> bool {
        let local = entrance.local;
        let named = match &self.host {
            Host::Address(address) => local.is_some_and(|local| *address == local.ip().to_canonical()),
            Host::Name(name) => {
                name == "localhost" || hosts.iter().any(|host| host.eq_ignore_ascii_case(name))
            }
        };
        named && local.is_none_or(|local| self.port == local.port())
    }

    /// Is the origin exactly this one, by the scheme of this connection? Browsers write origins in one way only, in small
    /// letters.
    pub fn is_origin(&self, origin: &str, entrance: Entrance) -> bool {
        let Some(written) = origin.strip_prefix(entrance.scheme()) else { return false };
        !written.bytes().any(|byte| byte.is_ascii_uppercase())
            && Authority::parse(written, entrance).is_some_and(|other| other == *self)
    }
}

impl Host {
    fn named(written: &str) -> Option<Host> {
        if let Ok(address) = written.parse() {
            return Some(Host::Address(IpAddr::V4(address)));
        }
        let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
        let whole = !written.is_empty() && written.bytes().all(good);
        whole.then(|| Host::Name(written.to_ascii_lowercase()))
    }
}

/// The port behind a host: `:` and its number, or nothing.
fn port_of(written: &str, entrance: Entrance) -> Option<u16> {
    if written.is_empty() {
        return Some(entrance.usual_port());
    }
    let digits = written.strip_prefix(':')?;
    // `parse` alone would take a sign and zeros before the number.
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    digits.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn is_ours(written: &str, entrance: Entrance) -> bool {
        let hosts = ["Chat.example.org".to_owned()];
        Authority::parse(written, entrance).is_some_and(|host| host.is_ours(entrance, &hosts))
    }

    #[test]
    fn a_page_is_ours_by_the_scheme_it_came_by() {
        let check = |secure: bool, local: &str, host: &str, origin: &str, expected: bool| {
            let entrance = Entrance { local: local.parse().ok(), secure };
            let asked = is_ours(host, entrance)
                && Authority::parse(host, entrance).unwrap().is_origin(origin, entrance);
            assert_eq!(asked, expected, "{host} {origin}");
        };
        check(true, "127.0.0.1:50007", "localhost:50007", "https://localhost:50007", true);
        check(true, "127.0.0.1:50007", "localhost:50007", "http://localhost:50007", false);
        check(false, "127.0.0.1:50007", "localhost:50007", "https://localhost:50007", false);
        check(true, "127.0.0.1:443", "localhost", "https://localhost", true);
        check(true, "127.0.0.1:80", "localhost", "https://localhost", false);
        check(false, "unix", "chat.example.org", "http://chat.example.org", true);
        check(false, "unix", "evil.example.org", "http://evil.example.org", false);
        check(false, "unix", "127.0.0.1", "http://127.0.0.1", false);
    }

    #[test]
    fn only_our_own_names_are_answered() {
        let check = |written: &str, local: &str, expected: bool| {
            let entrance = Entrance { local: Some(local.parse().unwrap()), secure: false };
            assert_eq!(is_ours(written, entrance), expected, "{written} at {local}");
        };
        let here = "127.0.0.1:50007";
        check("localhost:50007", here, true);
        check("LOCALHOST:50007", here, true);
        check("127.0.0.1:50007", here, true);
        check("chat.example.org:50007", here, true);
        check("[::1]:50007", "[::1]:50007", true);
        check("[0:0:0:0:0:0:0:1]:50007", "[::1]:50007", true);
        check("192.0.2.7:50007", "192.0.2.7:50007", true);
        // A dual-stack socket names its IPv4 peers so.
        check("192.0.2.7:50007", "[::ffff:192.0.2.7]:50007", true);
        check("localhost", "127.0.0.1:80", true);
        check("localhost:80", "127.0.0.1:80", true);
        check("localhost", here, false);
        check("localhost:50008", here, false);
        check("localhost:050007", here, false);
        check("localhost:+50007", here, false);
        check("localhost:", here, false);
        check("localhost.:50007", here, false);
        check("localhost.evil.example:50007", here, false);
        check("evil.example:50007", here, false);
        check("evil-chat.example.org:50007", here, false);
        check("192.0.2.8:50007", "192.0.2.7:50007", false);
        check("127.1:50007", here, false);
        check("0x7f.0.0.1:50007", here, false);
        check("2130706433:50007", here, false);
        check("[::1:50007", "[::1]:50007", false);
        check("ana@localhost:50007", here, false);
        check("localhost:50007/x", here, false);
        check("löcalhost:50007", here, false);
        check("", here, false);
    }
}
