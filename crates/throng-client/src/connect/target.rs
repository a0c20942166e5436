//! Whom to call: a host and a port, or a Unix socket. What is typed is judged here, with words that say what is expected.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

/// What a Unix socket's path begins with.
const UNIX: &str = "unix:";

/// The longest host name (RFC 1035, 2.3.4).
const HOST_BYTES_MAX: usize = 253;

/// Somebody who can be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// By TCP.
    Tcp {
        /// A name, or an address.
        host: String,
        /// The port.
        port: u16,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

/// What one word may say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A host, and perhaps its port.
    Host(String, Option<u16>),
    /// A Unix socket.
    Unix(PathBuf),
}

impl Place {
    /// Judges a word: `HOST`, `HOST:PORT`, `[IPV6]:PORT`, or `unix:PATH`.
    pub fn parse(word: &str) -> Result<Place, String> {
        if let Some(path) = word.strip_prefix(UNIX) {
            return match path {
                "" => Err("unix: wants a path behind it, as unix:/run/throng.sock".to_owned()),
                path => Ok(Place::Unix(PathBuf::from(path))),
            };
        }
        if word.contains("://") {
            return Err("that is a URL: give its host alone, and the port, such as example.org 80".to_owned());
        }
        if let Some((host, behind)) = word.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            let port = match behind.strip_prefix(':') {
                Some(port) => Some(port_of(port)?),
                None if behind.is_empty() => None,
                None => return Err("behind [ADDRESS] only :PORT may stand".to_owned()),
            };
            return Ok(Place::Host(host_of(host)?, port));
        }
        match word.split_once(':') {
            // More than one colon is an IPv6 address.
            Some((host, port)) if !port.contains(':') => {
                Ok(Place::Host(host_of(host)?, Some(port_of(port)?)))
            }
            _ => Ok(Place::Host(host_of(word)?, None)),
        }
    }
}

/// A port, as it is typed.
pub fn port_of(word: &str) -> Result<u16, String> {
    let digits = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    match word.parse() {
        Ok(port @ 1..) if digits => Ok(port),
        _ => Err("a port is a number from 1 to 65535, such as 50007".to_owned()),
    }
}

fn host_of(word: &str) -> Result<String, String> {
    let address = word.split('%').next().unwrap_or_default();
    if address.contains(':') && address.parse::<IpAddr>().is_err() {
        return Err("that is no IPv6 address; with a port it is written [::1]:50007".to_owned());
    }
    if word.is_empty() {
        return Err("a host is a name or an address, such as 127.0.0.1".to_owned());
    }
    if word.len() > HOST_BYTES_MAX {
        return Err(format!("a host name has at most {HOST_BYTES_MAX} bytes"));
    }
    if word.chars().any(|letter| letter.is_whitespace() || letter.is_control() || "/@".contains(letter)) {
        return Err("a host name has neither spaces nor any of / and @, such as example.org".to_owned());
    }
    Ok(word.to_owned())
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Target::Tcp { host, port } => write!(f, "{host}:{port}"),
            Target::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_a_host_with_or_without_a_port_or_a_path() {
        let host = |host: &str, port| Some(Place::Host(host.to_owned(), port));
        let long = "a".repeat(254);
        for (given, expected) in [
            ("127.0.0.1", host("127.0.0.1", None)),
            ("localhost:80", host("localhost", Some(80))),
            ("::1", host("::1", None)),
            ("[::1]", host("::1", None)),
            ("[fe80::1%eth0]:7000", host("fe80::1%eth0", Some(7000))),
            ("unix:/run/a b.sock", Some(Place::Unix(PathBuf::from("/run/a b.sock")))),
            ("", None),
            (":80", None),
            ("a:", None),
            ("a:0", None),
            ("a:65536", None),
            ("a:+1", None),
            ("a b", None),
            ("a\x1b[2J", None),
            ("http://a/", None),
            ("a/b", None),
            ("me@a", None),
            ("1:2:3", None),
            ("[::1]80", None),
            ("unix:", None),
            (long.as_str(), None),
        ] {
            assert_eq!(Place::parse(given).ok(), expected, "{given:?}");
        }
    }

    #[test]
    fn a_target_is_shown_as_it_may_be_typed() {
        for word in ["example.org:80", "[::1]:50007", "unix:/run/throng.sock"] {
            let target = match Place::parse(word) {
                Ok(Place::Host(host, Some(port))) => Target::Tcp { host, port },
                Ok(Place::Unix(path)) => Target::Unix(path),
                other => panic!("{other:?}"),
            };
            assert_eq!(target.to_string(), word);
        }
    }
}
