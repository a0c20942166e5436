//! The opening handshake of a WebSocket (RFC 6455 §4.2) with the IRCv3 subprotocols.
//!
//! Checks one request and says what it agrees to, or why not. Called by [`super::http`], which has checked `Host`.

use hyper::HeaderMap;
use hyper::StatusCode;
use hyper::header::{
    CONNECTION, ORIGIN, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};

use super::host::{Authority, Entrance};
use super::socket::Speech;

/// The only version there is (RFC 6455 §4.1).
pub const VERSION: &str = "13";

/// What both sides agreed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// How messages are framed.
    pub speech: Speech,
    /// The answer to the client's key.
    pub accept: String,
}

/// Why there is no socket.
pub type Refused = (StatusCode, &'static str);

/// Checks a request for `/socket`, whose `Host` was this one.
pub fn agree(headers: &HeaderMap, host: &Authority, entrance: Entrance) -> Result<Agreed, Refused> {
    if !has_token(headers, UPGRADE, "websocket") || !has_token(headers, CONNECTION, "upgrade") {
        return Err((StatusCode::UPGRADE_REQUIRED, "Here is a WebSocket; open it from the page."));
    }
    if only(headers, SEC_WEBSOCKET_VERSION) != Some(VERSION) {
        return Err((StatusCode::UPGRADE_REQUIRED, "Version 13 of the WebSocket protocol is spoken here."));
    }
    let key = only(headers, SEC_WEBSOCKET_KEY).filter(|key| is_key(key));
    let key = key.ok_or((StatusCode::BAD_REQUEST, "Sec-WebSocket-Key must be 16 bytes in base64."))?;
    if !only(headers, ORIGIN).is_some_and(|origin| host.is_origin(origin, entrance)) {
        return Err((StatusCode::FORBIDDEN, "Only the page that this server itself serves may connect."));
    }
    let speech = speech(headers).ok_or((
        StatusCode::BAD_REQUEST,
        "Ask for a subprotocol: text.ircv3.net or binary.ircv3.net (Sec-WebSocket-Protocol).",
    ))?;
    Ok(Agreed { speech, accept: tungstenite::handshake::derive_accept_key(key.as_bytes()) })
}

/// The first of the client's that is known here: the order is the client's (IRCv3 websocket).
fn speech(headers: &HeaderMap) -> Option<Speech> {
    tokens(headers, SEC_WEBSOCKET_PROTOCOL).find_map(Speech::named)
}

/// The value of a header that stands there exactly once.
pub fn only(headers: &HeaderMap, name: hyper::header::HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn has_token(headers: &HeaderMap, name: hyper::header::HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|word| word.eq_ignore_ascii_case(token))
}

/// The words of a list that may be spread over several headers (RFC 9110 §5.6.1).
fn tokens(headers: &HeaderMap, name: hyper::header::HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// 16 bytes in base64 (RFC 4648 §4) are 22 digits and two signs of padding; their value means nothing.
fn is_key(key: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    key.len() == 24 && key.ends_with("==") && key.as_bytes()[..22].iter().all(|byte| digit(*byte))
}
