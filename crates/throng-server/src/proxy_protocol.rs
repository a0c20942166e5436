//! The PROXY protocol, versions 1 and 2: a proxy that passes a client on says first where that one came from
//! (<https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt>).
//!
//! Only listed sources are believed, and from these the header must come, since whoever may send one could be anybody else. It
//! is read to its last byte and no further: what follows is the client's. It has 5 s, and 4 KiB at most (107 bytes of version
//! 1, as the document has it); else the connection is closed, as [`crate::Rejected::NoProxyHeader`].
//!
//! ```
//! # use std::io::Write;
//! use throng_server::{Conn, Server};
//!
//! async fn tell(mut conn: Conn) -> throng_server::Result {
//!     let words = format!("you are {}", conn.peer().address); // the client; the proxy is `peer().proxy`
//!     conn.write_all(words.as_bytes()).await?;
//!     Ok(())
//! }
//!
//! # fn main() -> throng_server::Result {
//! let proxies = ["127.0.0.1/32".parse()?]; // HAProxy beside us, with `send-proxy`
//! let running = Server::new(tell).proxies(proxies).listen("127.0.0.1:0").start()?;
//! let mut proxy = std::net::TcpStream::connect(&running.addresses()[0])?;
//! proxy.write_all(b"PROXY TCP4 192.0.2.7 192.0.2.1 50123 80\r\n")?;
//! assert_eq!(std::io::read_to_string(proxy)?, "you are 192.0.2.7:50123");
//! # Ok(())
//! # }
//! ```

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;
use ppp::{v1, v2};

use crate::address::Address;
use crate::peer::Peer;
use crate::proxied::{Facts, Proxied};
use crate::wire::Wire;

/// How long a header may take: it is sent with the first packet.
pub(crate) const HEADER_TIME_MAX: Duration = Duration::from_secs(5);

/// A header of version 2 may have 64 KiB; what proxies send has some hundreds of bytes.
const HEADER_BYTES_MAX: usize = 4 << 10;

/// The longest header of version 1, with its CR LF.
const LINE_BYTES_MAX: usize = 107;

/// What version 2 begins with.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The signature, then version and command, family and protocol, and the length of what follows.
const FIXED_BYTES: usize = 16;

/// What a header says. Example: [`parse`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passed {
    /// The proxy speaks for itself (`LOCAL`, such as a health check), does not know (`UNKNOWN`), or passes on who has no
    /// address of TCP. The connection is served as the proxy's own.
    Itself,
    /// It passes a client on.
    Client {
        /// Where that one is.
        source: SocketAddr,
        /// Where it wanted to go.
        destination: SocketAddr,
        /// What else is told of him.
        facts: Facts,
    },
}

/// Reads a whole header, of either version; what stands behind it is not looked at. For tests of a proxy's setting and the
/// like: the server does it by itself.
///
/// # Errors
/// [`ErrorKind::InvalidData`] when it is none, or not whole.
///
/// ```
/// use throng_server::proxy_protocol::{Passed, parse};
///
/// let header = b"PROXY TCP6 2001:db8::7 2001:db8::1 50123 80\r\n";
/// let Passed::Client { source, destination, .. } = parse(header)? else { panic!("it passes a client on") };
/// assert_eq!((source.port(), destination.port()), (50123, 80));
///
/// assert_eq!(parse(b"PROXY UNKNOWN\r\n")?, Passed::Itself);
/// assert!(parse(b"GET / HTTP/1.1\r\n").is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn parse(header: &[u8]) -> io::Result<Passed> {
    let wrong = |why: &dyn std::fmt::Display| io::Error::new(ErrorKind::InvalidData, why.to_string());
    if header.starts_with(&SIGNATURE) {
        let header = v2::Header::try_from(header).map_err(|why| wrong(&why))?;
        let facts = Facts::read(header.tlvs())?;
        return Ok(match (header.command, header.addresses) {
            (v2::Command::Proxy, v2::Addresses::IPv4(pair)) => Passed::Client {
                source: (pair.source_address, pair.source_port).into(),
                destination: (pair.destination_address, pair.destination_port).into(),
                facts,
            },
            (v2::Command::Proxy, v2::Addresses::IPv6(pair)) => Passed::Client {
                source: (pair.source_address, pair.source_port).into(),
                destination: (pair.destination_address, pair.destination_port).into(),
                facts,
            },
            _ => Passed::Itself,
        });
    }
    let header = v1::Header::try_from(header).map_err(|why| wrong(&why))?;
    Ok(match header.addresses {
        v1::Addresses::Tcp4(pair) => Passed::Client {
            source: (pair.source_address, pair.source_port).into(),
            destination: (pair.destination_address, pair.destination_port).into(),
            facts: Facts::default(),
        },
        v1::Addresses::Tcp6(pair) => Passed::Client {
            source: (pair.source_address, pair.source_port).into(),
            destination: (pair.destination_address, pair.destination_port).into(),
            facts: Facts::default(),
        },
        v1::Addresses::Unknown => Passed::Itself,
    })
}

/// Who is believed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies {
    networks: Vec<IpNet>,
}

impl Proxies {
    /// These networks. Who comes by a Unix socket is in none.
    pub(crate) fn new(networks: impl IntoIterator<Item = IpNet>) -> Proxies {
        Proxies { networks: networks.into_iter().collect() }
    }

    /// Must this peer say whom it passes on?
    pub(crate) fn include(&self, address: &Address) -> bool {
        let Some(ip) = address.ip() else { return false };
        let ip = ip.to_canonical();
        self.networks.iter().any(|network| network.contains(&ip))
    }
}

/// Hears whom a proxy passes on, and takes exactly its header from the socket.
pub(crate) async fn hear(wire: &Wire, peer: Peer) -> io::Result<Peer> {
    let heard = tokio::time::timeout(HEADER_TIME_MAX, take(wire)).await;
    let header = heard.map_err(|_| io::Error::from(ErrorKind::TimedOut))??;
    Ok(match parse(&header)? {
        Passed::Itself => peer,
        Passed::Client { source, destination, facts } => {
            let mut client = Peer::new(source, destination);
            client.proxy = Some(Box::new(Proxied::new(peer.address, facts)));
            client
        }
    })
}

/// The header's bytes. Both versions have at least so many as the signature, and it tells them apart.
async fn take(wire: &Wire) -> io::Result<Vec<u8>> {
    let mut header = vec![0; SIGNATURE.len()];
    fill(wire, &mut header).await?;
    if header == SIGNATURE {
        header.resize(FIXED_BYTES, 0);
        fill(wire, &mut header[SIGNATURE.len()..]).await?;
        let length = usize::from(u16::from_be_bytes([header[14], header[15]]));
        if FIXED_BYTES + length > HEADER_BYTES_MAX {
            return Err(too_long(HEADER_BYTES_MAX));
        }
        header.resize(FIXED_BYTES + length, 0);
        fill(wire, &mut header[FIXED_BYTES..]).await?;
        return Ok(header);
    }
    if !header.starts_with(b"PROXY ") {
        return Err(io::Error::new(ErrorKind::InvalidData, "it does not begin as a PROXY header"));
    }
    // A line has no length in front, so it is read byte by byte, once in the life of a connection.
    while !header.ends_with(b"\n") {
        if header.len() == LINE_BYTES_MAX {
            return Err(too_long(LINE_BYTES_MAX));
        }
        header.push(0);
        let last = header.len() - 1;
        fill(wire, &mut header[last..]).await?;
    }
    Ok(header)
}

async fn fill(wire: &Wire, mut into: &mut [u8]) -> io::Result<()> {
    while !into.is_empty() {
        wire.readable().await?;
        match wire.try_read(into) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => into = &mut into[read..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn too_long(max: usize) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("a header of more than {max} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &[u8], expected: Option<(&str, &str)>) {
        let client = |(source, destination): (&str, &str)| Passed::Client {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            facts: Facts::default(),
        };
        assert_eq!(parse(header).unwrap(), expected.map_or(Passed::Itself, client), "{header:?}");
    }

    /// A header of version 2: its second half, with the length in front.
    fn second(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE, &[0x20 | command, family][..], &length, rest].concat()
    }

    #[test]
    fn a_header_tells_where_a_client_came_from_and_wanted_to_go() {
        check(b"PROXY TCP4 192.0.2.1 192.0.2.9 1025 443\r\n", Some(("192.0.2.1:1025", "192.0.2.9:443")));
        check(b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n", Some(("[2001:db8::1]:1", "[::1]:2")));
        check(b"PROXY UNKNOWN\r\n", None);
        check(b"PROXY UNKNOWN ffff:: ffff:: 65535 65535\r\n", None);
        let four = [192, 0, 2, 1, 192, 0, 2, 9, 4, 1, 1, 187];
        check(&second(1, 0x11, &four), Some(("192.0.2.1:1025", "192.0.2.9:443")));
        // What follows the addresses is for others (§2.2).
        let more = [&four[..], &[4, 0, 1, 0]].concat();
        check(&second(1, 0x11, &more), Some(("192.0.2.1:1025", "192.0.2.9:443")));
        check(&second(0, 0x11, &four), None);
        check(&second(0, 0x00, &[]), None);
        check(&second(1, 0x31, &[0; 216]), None);
    }

    #[test]
    fn what_is_no_header_is_refused() {
        for wrong in [
            &b"PROXY TCP4 192.0.2.1 192.0.2.9 1025 443\n"[..],
            b"PROXY TCP4 192.0.2.1 192.0.2.9 1025\r\n",
            b"PROXY TCP4 192.0.2.1 192.0.2.9 1025 66000\r\n",
            b"PROXY TCP4 ::1 ::1 1 2\r\n",
            b"GET / HTTP/1.1\r\n",
            b"",
            &second(1, 0x11, &[1, 2, 3]),
            &second(2, 0x11, &[0; 12]),
            &second(1, 0x11, &[&[0; 12][..], &[2, 0, 9]].concat()),
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn only_listed_sources_are_believed() {
        let proxies = Proxies::new(["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()]);
        let includes = |given: &str| proxies.include(&Address::resolve(given).unwrap());
        assert!(includes("10.1.2.3:4") && includes("[::ffff:10.1.2.3]:4") && includes("[2001:db8::1]:4"));
        assert!(!includes("11.0.0.1:4") && !includes("[2001:db9::1]:4") && !includes("unix:/x"));
    }
}
