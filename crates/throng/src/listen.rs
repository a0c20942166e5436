//! Where the server is asked to listen: `127.0.0.1:50007`, `unix:/run/throng.sock`, `systemd:NAME` for sockets that were
//! passed, and with `tls:` before it when nothing but TLS is to be spoken there.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use throng_server::Address;

/// What an address begins with where nothing but TLS is spoken.
const TLS: &str = "tls:";

/// What stands for sockets that the service manager passes.
const PASSED: &str = "systemd";

/// One `--listen`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// At an address.
    At(Listen),
    /// Wherever the service manager listens for us.
    Passed {
        /// Only the sockets of this name (systemd.socket(5), FileDescriptorName).
        name: Option<String>,
        /// Is nothing but TLS spoken there?
        only_tls: bool,
    },
}

impl Wanted {
    /// Is nothing but TLS spoken there?
    pub fn only_tls(&self) -> bool {
        match self {
            Wanted::At(listen) => listen.only_tls,
            Wanted::Passed { only_tls, .. } => *only_tls,
        }
    }
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(given: &str) -> Result<Wanted, String> {
        let (written, only_tls) = split(given);
        match written.strip_prefix(PASSED).map(|rest| rest.strip_prefix(':').ok_or(rest)) {
            Some(Err("")) => Ok(Wanted::Passed { name: None, only_tls }),
            Some(Ok("")) => Err("systemd: wants the name of a socket, as systemd:NAME".to_owned()),
            Some(Ok(name)) => Ok(Wanted::Passed { name: Some(name.to_owned()), only_tls }),
            _ => given.parse().map(Wanted::At),
        }
    }
}

/// An address at which the server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// Where.
    pub address: Address,
    /// Is nothing but TLS spoken there?
    pub only_tls: bool,
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(given: &str) -> Result<Listen, String> {
        let (written, only_tls) = split(given);
        // Names are not looked up: which address a server listens on is not for a name server to say.
        let address = match written.starts_with("unix:") {
            true => Address::resolve(written).map_err(|why| why.to_string())?,
            false => written.parse::<SocketAddr>().map(Address::Tcp).map_err(|_| {
                "expected ADDRESS:PORT such as 0.0.0.0:50007, unix:PATH, systemd:NAME, or tls: and one of these"
                    .to_owned()
            })?,
        };
        Ok(Listen { address, only_tls })
    }
}

/// An address at which nobody speaks TLS, and that no service manager passes.
pub fn plain(given: &str) -> Result<Address, String> {
    match given.parse::<Listen>() {
        Ok(Listen { address, only_tls: false }) => Ok(address),
        _ => Err("expected ADDRESS:PORT such as 127.0.0.1:9464, or unix:PATH".to_owned()),
    }
}

fn split(given: &str) -> (&str, bool) {
    match given.strip_prefix(TLS) {
        Some(rest) => (rest, true),
        None => (given, false),
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.only_tls { TLS } else { "" }, self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &str, expected: Option<(&str, bool)>) {
        let listen = given.parse::<Listen>().ok();
        listen.iter().for_each(|listen| assert_eq!(listen.to_string(), given));
        let found = listen.map(|listen| (listen.address.to_string(), listen.only_tls));
        assert_eq!(found, expected.map(|(address, only_tls)| (address.to_owned(), only_tls)), "{given}");
    }

    #[test]
    fn an_address_is_of_a_port_or_a_path_with_or_without_tls() {
        check("127.0.0.1:0", Some(("127.0.0.1:0", false)));
        check("tls:[::]:6697", Some(("[::]:6697", true)));
        check("unix:/run/throng.sock", Some(("unix:/run/throng.sock", false)));
        check("tls:unix:a", Some(("unix:a", true)));
        for wrong in ["", "tls:", "unix:", "localhost:1", "6697", "127.0.0.1"] {
            check(wrong, None);
        }
    }

    #[test]
    fn passed_sockets_are_wanted_all_or_by_name() {
        let passed =
            |name: Option<&str>, only_tls| Some(Wanted::Passed { name: name.map(str::to_owned), only_tls });
        for (given, expected) in [
            ("systemd", passed(None, false)),
            ("systemd:web", passed(Some("web"), false)),
            ("tls:systemd:web", passed(Some("web"), true)),
            ("systemd:", None),
            ("systemdx", None),
            ("127.0.0.1:0", "127.0.0.1:0".parse().ok().map(Wanted::At)),
        ] {
            assert_eq!(given.parse().ok(), expected, "{given}");
        }
    }
}
