//! What a proxy tells of the client that it passes on, for the one who serves it: where the proxy is, and the facts that
//! version 2 of its protocol can carry (§2.2 of [`crate::proxy_protocol`]'s text).

use std::io::{self, ErrorKind};

use ppp::v2::{Type, TypeLengthValues};

use crate::address::Address;

/// A client that a proxy has passed on, as [`crate::Peer::proxy`] tells of him.
///
/// ```
/// use throng_server::{Conn, Server};
///
/// async fn greet(mut conn: Conn) -> throng_server::Result {
///     let secure = match &conn.peer().proxy {
///         // TLS may end here, or at the proxy.
///         Some(proxy) => proxy.facts.tls.is_some(),
///         None => conn.peer().tls().is_some(),
///     };
///     conn.write_all(if secure { b"in private\n" } else { b"in public\n" }).await?;
///     Ok(())
/// }
///
/// # use std::io::{Read, Write};
/// # fn main() -> throng_server::Result {
/// let running = Server::new(greet).listen("127.0.0.1:0").proxies(["127.0.0.1/32".parse()?]).start()?;
/// let mut proxy = std::net::TcpStream::connect(&running.addresses()[0])?;
/// proxy.write_all(b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n")?;
/// let mut heard = String::new();
/// proxy.read_to_string(&mut heard)?;
/// assert_eq!(heard, "in public\n");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Proxied {
    /// Where the proxy is.
    pub by: Address,
    /// What the proxy tells beside addresses. It is as true as the proxy is honest.
    pub facts: Facts,
}

impl Proxied {
    pub(crate) fn new(by: Address, facts: Facts) -> Proxied {
        Proxied { by, facts }
    }
}

/// What a proxy can tell of a connection beside its addresses. All of it is empty in version 1. A header has at most 4 KiB;
/// worker processes ([`crate::Processes`]) are told the first KiB of each text.
///
/// ```
/// use throng_server::proxy_protocol::{Passed, parse};
///
/// // Version 2, from 192.0.2.7:4711 to 192.0.2.1:443, and `PP2_TYPE_AUTHORITY` with six bytes.
/// let header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x15\xc0\0\x02\x07\xc0\0\x02\x01\x12\x67\x01\xbb\x02\0\x06a.test";
/// let Passed::Client { facts, .. } = parse(header)? else { panic!("it passes a client on") };
/// assert_eq!(facts.server_name.as_deref(), Some("a.test"));
/// assert_eq!(facts.tls, None);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// Which server the client asked for (`PP2_TYPE_AUTHORITY`; with TLS, its SNI).
    pub server_name: Option<String>,
    /// The protocol that was agreed on (`PP2_TYPE_ALPN`).
    pub protocol: Option<String>,
    /// How the connection is secured between client and proxy; `None` where it is not, or the proxy does not tell.
    pub tls: Option<TlsToProxy>,
}

/// The TLS that ends at a proxy (`PP2_TYPE_SSL`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsToProxy {
    /// As the proxy calls it, such as `TLSv1.3`.
    pub version: Option<String>,
    /// As the proxy calls it, such as `ECDHE-RSA-AES128-GCM-SHA256`.
    pub cipher_suite: Option<String>,
    /// The common name in the client's certificate.
    pub common_name: Option<String>,
    /// Did the client show a certificate that the proxy has verified?
    pub verified: bool,
}

/// Bits of the first byte of `PP2_TYPE_SSL`: it is TLS, and the client has shown a certificate, here or earlier in the session.
const IS_TLS: u8 = 0x01;
const HAS_CERTIFICATE: u8 = 0x02 | 0x04;

impl Facts {
    /// Reads the fields that follow the addresses.
    pub(crate) fn read(fields: TypeLengthValues<'_>) -> io::Result<Facts> {
        let mut facts = Facts::default();
        for_each(fields, |kind, value| {
            match kind {
                kind if kind == Type::Authority as u8 => facts.server_name = Some(text(value)?),
                kind if kind == Type::ALPN as u8 => facts.protocol = Some(text(value)?),
                kind if kind == Type::SSL as u8 => facts.tls = TlsToProxy::read(value)?,
                // What is not for us, and what is not known yet.
                _ => {}
            }
            Ok(())
        })?;
        Ok(facts)
    }
}

impl TlsToProxy {
    /// Reads one byte of bits, four that are zero when the certificate is good, and fields.
    fn read(value: &[u8]) -> io::Result<Option<TlsToProxy>> {
        let (fixed, fields) =
            value.split_first_chunk::<5>().ok_or_else(|| wrong("it tells too little of TLS"))?;
        let [bits, verify @ ..] = *fixed;
        if bits & IS_TLS == 0 {
            return Ok(None);
        }
        let verified = bits & HAS_CERTIFICATE != 0 && verify == [0; 4];
        let mut tls = TlsToProxy { verified, ..TlsToProxy::default() };
        for_each(TypeLengthValues::from(fields), |kind, value| {
            match kind {
                kind if kind == Type::SSLVersion as u8 => tls.version = Some(text(value)?),
                kind if kind == Type::SSLCipher as u8 => tls.cipher_suite = Some(text(value)?),
                kind if kind == Type::SSLCommonName as u8 => tls.common_name = Some(text(value)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Some(tls))
    }
}

fn for_each(
    fields: TypeLengthValues<'_>,
    mut read: impl FnMut(u8, &[u8]) -> io::Result<()>,
) -> io::Result<()> {
    for field in fields {
        let field = field.map_err(|why| wrong(&why.to_string()))?;
        read(field.kind, &field.value)?;
    }
    Ok(())
}

/// Names are UTF-8 or less than that (§2.2).
fn text(value: &[u8]) -> io::Result<String> {
    String::from_utf8(value.to_vec()).map_err(|_| wrong("a name that is not UTF-8"))
}

fn wrong(why: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(kind: u8, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len()).unwrap().to_be_bytes();
        [&[kind][..], &length, value].concat()
    }

    fn read(fields: &[u8]) -> io::Result<Facts> {
        Facts::read(TypeLengthValues::from(fields))
    }

    fn tls(bits: u8, verify: u32, fields: &[u8]) -> Vec<u8> {
        field(0x20, &[&[bits][..], &verify.to_be_bytes(), fields].concat())
    }

    #[test]
    fn names_and_protocols_are_read_and_the_rest_is_passed_over() {
        let fields = [field(4, b"\0\0"), field(2, b"chat.example.org"), field(0xee, b"?"), field(1, b"irc")];
        let facts = read(&fields.concat()).unwrap();
        assert_eq!(facts.server_name.as_deref(), Some("chat.example.org"));
        assert_eq!(facts.protocol.as_deref(), Some("irc"));
        assert_eq!(facts.tls, None);
        assert_eq!(read(b"").unwrap(), Facts::default());
    }

    #[test]
    fn tls_is_told_with_who_the_client_is() {
        let names = [field(0x21, b"TLSv1.3"), field(0x23, b"AES"), field(0x22, "Ærøskøbing".as_bytes())];
        let facts = read(&tls(1 | 2, 0, &names.concat())).unwrap();
        let expected = TlsToProxy {
            version: Some("TLSv1.3".to_owned()),
            cipher_suite: Some("AES".to_owned()),
            common_name: Some("Ærøskøbing".to_owned()),
            verified: true,
        };
        assert_eq!(facts.tls, Some(expected));
    }

    #[test]
    fn only_a_certificate_that_was_shown_and_found_good_is_verified() {
        let verified = |bits, verify| read(&tls(bits, verify, b"")).unwrap().tls.map(|tls| tls.verified);
        assert_eq!(verified(1 | 2, 0), Some(true));
        assert_eq!(verified(1 | 4, 0), Some(true));
        assert_eq!(verified(1, 0), Some(false));
        assert_eq!(verified(1 | 2, 1), Some(false));
        assert_eq!(verified(2, 0), None);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let halves = tls(1, 0, &field(0x21, b"TLSv1.3"));
        for wrong in
            [&[2][..], &[2, 0, 9, b'x'], &field(2, b"\xff"), &field(0x20, b"\x01\0\0\0"), &halves[..9]]
        {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
        assert!(read(&tls(1, 0, &[0x21, 0])).is_err());
    }
}
