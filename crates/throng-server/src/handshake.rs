//! What is spoken at an address, and the first moments of a connection there, before its handler has it: is it TLS, and if
//! so, the handshake.

use std::io::{self, ErrorKind};
use std::time::Duration;

use rustix::net::RecvFlags;
use rustls::ServerConnection;
use socket2::Socket;

use crate::clock::{self, millis};
use crate::end::{End, cut_error};
use crate::secured::Secured;
use crate::stream::Stream;
use crate::ticket::{CUT, Ticket};
use crate::tls::Tls;
use crate::wire::Wire;

/// Where TLS and plain bytes are both spoken, a client that says nothing for so long speaks plain: whoever speaks TLS
/// speaks first (RFC 8446 §2), and a server that does must not keep the others waiting for ever.
pub(crate) const SILENCE_MAX: Duration = Duration::from_secs(1);

/// How long a handshake may take.
pub(crate) const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// A TLS connection begins with a record of this type, the handshake's (RFC 8446 §5.1). No text does.
pub(crate) const TLS_BEGINS: u8 = 0x16;

/// What is spoken at an address.
#[derive(Clone, Default)]
pub(crate) enum Speaks {
    #[default]
    Plain,
    Tls(Tls),
    /// Either; the first byte tells.
    Either(Tls),
}

impl Speaks {
    /// TLS as well, if it is not spoken yet.
    pub(crate) fn also(self, tls: &Tls) -> Speaks {
        match self {
            Speaks::Plain => Speaks::Either(tls.clone()),
            already => already,
        }
    }

    /// Whose files are to be looked at again now and then.
    pub(crate) fn tls(&self) -> Option<&Tls> {
        match self {
            Speaks::Plain => None,
            Speaks::Tls(tls) | Speaks::Either(tls) => Some(tls),
        }
    }

    /// Is a plain word understood here for certain?
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self, Speaks::Plain)
    }

    /// The same for blocking code: its TLS, if that is spoken.
    pub(crate) fn begin(self, socket: &Socket, ticket: &Ticket) -> io::Result<Option<Box<ServerConnection>>> {
        let tls = match self {
            Speaks::Plain => return Ok(None),
            Speaks::Tls(tls) => tls,
            Speaks::Either(tls) => {
                socket.set_read_timeout(Some(SILENCE_MAX))?;
                let mut first = [0];
                // Who says nothing speaks plain, and an end is found again by the first read.
                let peeked = rustix::net::recv(socket, &mut first, RecvFlags::PEEK);
                socket.set_read_timeout(None)?;
                match peeked.is_ok_and(|(peeked, _)| peeked > 0) && first == [TLS_BEGINS] {
                    true => tls,
                    false => return Ok(None),
                }
            }
        };
        let mut begun = Box::new(tls.begin()?);
        let deadline_ms = clock::now_ms().saturating_add(millis(HANDSHAKE_MAX));
        socket.set_read_timeout(Some(HANDSHAKE_MAX))?;
        while begun.is_handshaking() {
            let step = begun.complete_io(&mut &*socket);
            let end = match step {
                _ if ticket.has(CUT) => return Err(ticket.cut_error()),
                _ if clock::now_ms() >= deadline_ms => End::TimedOut,
                Ok(_) => continue,
                Err(why) if matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    End::TimedOut
                }
                Err(why) => End::TlsFailed(why.to_string()),
            };
            return Err(cut_error(end));
        }
        socket.set_read_timeout(None)?;
        ticket.peer.secure(Secured::of(&begun));
        Ok(Some(begun))
    }

    /// What the connection's handler reads and writes, when the handshake is over if there is one; or its end.
    pub(crate) async fn stream(self, wire: Wire, ticket: &Ticket) -> Result<Stream, End> {
        match self {
            Speaks::Plain => Ok(Stream::Plain(wire)),
            Speaks::Tls(tls) => shake(tls, wire, ticket).await,
            Speaks::Either(tls) => find_out(tls, wire, ticket).await,
        }
    }
}

async fn find_out(tls: Tls, wire: Wire, ticket: &Ticket) -> Result<Stream, End> {
    let first = tokio::time::timeout(SILENCE_MAX, wire.first()).await;
    match first == Ok(Some(TLS_BEGINS)) {
        true => shake(tls, wire, ticket).await,
        false => Ok(Stream::Plain(wire)),
    }
}

async fn shake(tls: Tls, wire: Wire, ticket: &Ticket) -> Result<Stream, End> {
    let shaken = tokio::select! {
        () = ticket.until_cut() => return Err(ticket.end().unwrap_or(End::Kicked)),
        shaken = tokio::time::timeout(HANDSHAKE_MAX, tls.accept(wire)) => shaken,
    };
    let (stream, secured) = match shaken {
        Ok(Ok(secured)) => secured,
        Ok(Err(why)) => return Err(End::TlsFailed(why.to_string())),
        Err(_) => return Err(End::TimedOut),
    };
    ticket.peer.secure(secured);
    Ok(Stream::from(stream))
}
