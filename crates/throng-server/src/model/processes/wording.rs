//! How what a letter tells is put into bytes, and read again: addresses, ends, times, and what a handshake agreed on. What comes
//! from outside is never longer than its part of a letter.

use std::io::{self, ErrorKind};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::Duration;

use bytes::{Buf, BufMut};

use crate::address::Address;
use crate::end::End;
use crate::peer::Peer;
use crate::proxied::{Facts, Proxied, TlsToProxy};
use crate::secured::Secured;
use crate::timeouts::Timeouts;

/// How long one order or account may be; each text in it is cut where it would be longer.
pub(super) const ENTRY_BYTES_MAX: usize = 8 << 10;

/// How much of an end's message is told.
pub(super) const TEXT_BYTES_MAX: usize = 1 << 10;

pub(super) fn write_peer(peer: &Peer, into: &mut Vec<u8>) {
    write_address(&peer.address, into);
    write_address(&peer.local, into);
    into.put_u8(u8::from(peer.proxy.is_some()));
    if let Some(proxy) = &peer.proxy {
        write_proxied(proxy, into);
    }
}

pub(super) fn read_peer(from: &mut &[u8]) -> io::Result<Peer> {
    let mut peer = Peer::new(read_address(from)?, read_address(from)?);
    if from.try_get_u8()? == 1 {
        peer.proxy = Some(Box::new(read_proxied(from)?));
    }
    Ok(peer)
}

fn write_proxied(proxied: &Proxied, into: &mut Vec<u8>) {
    let Facts { server_name, protocol, tls } = &proxied.facts;
    write_address(&proxied.by, into);
    write_maybe(server_name, into);
    write_maybe(protocol, into);
    into.put_u8(u8::from(tls.is_some()));
    if let Some(tls) = tls {
        let TlsToProxy { version, cipher_suite, common_name, verified } = tls;
        [version, cipher_suite, common_name].into_iter().for_each(|text| write_maybe(text, into));
        into.put_u8(u8::from(*verified));
    }
}

fn read_proxied(from: &mut &[u8]) -> io::Result<Proxied> {
    let by = read_address(from)?;
    let (server_name, protocol) = (read_maybe(from)?, read_maybe(from)?);
    let tls = match from.try_get_u8()? {
        0 => None,
        _ => Some(TlsToProxy {
            version: read_maybe(from)?,
            cipher_suite: read_maybe(from)?,
            common_name: read_maybe(from)?,
            verified: from.try_get_u8()? == 1,
        }),
    };
    Ok(Proxied { by, facts: Facts { server_name, protocol, tls } })
}

fn write_address(address: &Address, into: &mut Vec<u8>) {
    match address {
        Address::Tcp(address) => {
            into.put_u8(0);
            write_bytes(address.to_string().as_bytes(), into);
        }
        // A path is never longer than some hundred bytes (unix(7), sun_path).
        Address::Unix(Some(path)) => {
            into.put_u8(1);
            write_bytes(path.as_os_str().as_bytes(), into);
        }
        Address::Unix(None) => into.put_u8(2),
        Address::Memory => into.put_u8(3),
    }
}

fn read_address(from: &mut &[u8]) -> io::Result<Address> {
    Ok(match from.try_get_u8()? {
        0 => Address::Tcp(read_text(from)?.parse().map_err(|_| nonsense())?),
        1 => Address::Unix(Some(std::ffi::OsString::from_vec(read_bytes(from)?).into())),
        2 => Address::Unix(None),
        3 => Address::Memory,
        _ => return Err(nonsense()),
    })
}

pub(super) fn write_end(end: &End, into: &mut Vec<u8>) {
    into.put_u8(u8::try_from(end.kind()).unwrap_or(u8::MAX));
    if let End::Failed(text) | End::TlsFailed(text) = end {
        write_text(text, into);
    }
}

pub(super) fn read_end(from: &mut &[u8]) -> io::Result<End> {
    let kind = usize::from(from.try_get_u8()?);
    let mut end = End::of_kind(kind).ok_or_else(nonsense)?;
    if let End::Failed(text) | End::TlsFailed(text) = &mut end {
        *text = read_text(from)?;
    }
    Ok(end)
}

pub(super) fn write_timeouts(timeouts: &Timeouts, into: &mut Vec<u8>) {
    let Timeouts { handshake, idle, write_stall, age, farewell, drain } = timeouts;
    for maybe in [handshake, idle, write_stall, age] {
        into.put_u8(u8::from(maybe.is_some()));
        maybe.iter().for_each(|time| write_time(*time, into));
    }
    write_time(*farewell, into);
    write_time(*drain, into);
}

pub(super) fn read_timeouts(from: &mut &[u8]) -> io::Result<Timeouts> {
    let mut maybe = || match from.try_get_u8()? {
        0 => Ok(None),
        _ => read_time(from).map(Some),
    };
    let (handshake, idle, write_stall, age) = (maybe()?, maybe()?, maybe()?, maybe()?);
    Ok(Timeouts { handshake, idle, write_stall, age, farewell: read_time(from)?, drain: read_time(from)? })
}

fn write_time(time: Duration, into: &mut Vec<u8>) {
    into.put_u64(time.as_secs());
    into.put_u32(time.subsec_nanos());
}

fn read_time(from: &mut &[u8]) -> io::Result<Duration> {
    let (secs, nanos) = (from.try_get_u64()?, from.try_get_u32()?);
    Duration::from_secs(secs).checked_add(Duration::from_nanos(nanos.into())).ok_or_else(nonsense)
}

pub(super) fn write_secured(secured: &Secured, into: &mut Vec<u8>) {
    write_text(&secured.version, into);
    write_text(&secured.cipher_suite, into);
    write_maybe(&secured.server_name, into);
    write_maybe(&secured.protocol, into);
    // A chain that is too long for a letter is told as far as it goes; the client's own certificate is the first.
    let mut left = ENTRY_BYTES_MAX / 2;
    for certificate in &secured.certificates {
        if certificate.len() > left {
            break;
        }
        left -= certificate.len();
        into.put_u8(1);
        write_bytes(certificate, into);
    }
    into.put_u8(0);
}

pub(super) fn read_secured(from: &mut &[u8]) -> io::Result<Secured> {
    let (version, cipher_suite) = (read_text(from)?, read_text(from)?);
    let server_name = read_maybe(from)?;
    let protocol = read_maybe(from)?;
    let mut certificates = Vec::new();
    while from.try_get_u8()? == 1 {
        certificates.push(read_bytes(from)?);
    }
    Ok(Secured { version, cipher_suite, server_name, protocol, certificates })
}

fn write_maybe(text: &Option<String>, into: &mut Vec<u8>) {
    into.put_u8(u8::from(text.is_some()));
    if let Some(text) = text {
        write_text(text, into);
    }
}

fn read_maybe(from: &mut &[u8]) -> io::Result<Option<String>> {
    match from.try_get_u8()? {
        0 => Ok(None),
        _ => read_text(from).map(Some),
    }
}

fn write_text(text: &str, into: &mut Vec<u8>) {
    write_bytes(&text.as_bytes()[..text.floor_char_boundary(TEXT_BYTES_MAX)], into);
}

fn read_text(from: &mut &[u8]) -> io::Result<String> {
    String::from_utf8(read_bytes(from)?).map_err(|_| nonsense())
}

pub(super) fn write_bytes(bytes: &[u8], into: &mut Vec<u8>) {
    let length = u16::try_from(bytes.len()).expect("nothing in a letter is as long as 64 KiB");
    into.put_u16(length);
    into.put_slice(bytes);
}

pub(super) fn read_bytes(from: &mut &[u8]) -> io::Result<Vec<u8>> {
    let length = usize::from(from.try_get_u16()?);
    let bytes = from.get(..length).ok_or_else(nonsense)?.to_vec();
    from.advance(length);
    Ok(bytes)
}

pub(super) fn nonsense() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "a letter that makes no sense")
}
